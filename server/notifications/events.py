"""What an event is: what a message says, which page it opens, and what goes to WeChat.

Each package declares its own as constants of a `messages.py` and tells people of them by `notify(persons,
messages.CLAIMED, wish=…)`. Adding one is one constant there and one test. Words are filled in when a message is read or
sent:

- `{wish[title]}`: the fact `wish` is an id; its words come from `SUBJECTS["wish"]` (rendering.py). A fact whose name is
  not the name of its kind says so in `kinds` (`kinds={"claimer": "person"}`).
- `{at}`: the fact is a time (`at=clock.now()` in `notify`), shown by people's clocks; in fields in WeChat's form.
- `{reason}`: the fact is a short code or a number; `words` gives the Chinese for codes: `words_of` their enumeration,
  or what its sentence needs instead.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from string import Formatter
from types import ModuleType
from typing import Any

import msgspec

from server.background.outbox import Priority
from server.foundation.words import Worded


class Topic(Worded):
    """Kinds of event that people turn on and off."""

    CHECK_IN = "check_in", "报到与岗位"
    WISHES = "wishes", "微心愿"
    ACTIVITIES = "activities", "活动报名与候补"
    BOOKINGS = "bookings", "邻里中心预约"
    GRID_CASES = "grid_cases", "网格事项"
    REMINDERS = "reminders", "开始前的提醒"
    SERVICE_RECORD = "service_record", "服务时长与反馈"
    ANNOUNCEMENTS = "announcements", "社区公告"
    DIGEST = "digest", "未读消息汇总"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of message. Stored messages hold its `name`, which never changes.

    `template` names one of server.wechat.templates and `fields` fills exactly its keys; without a template the message
    stays in the inbox. Where there is one, `topic` says with what people turn it off.

    `said` tells how the numbers among its facts are said (minutes as `1 小时 30 分钟`).

    Importance: an `urgent` one overtakes others, does not wait for the end of quiet hours, and gets a person's last
    accept; a `minor` one (it confirms what the person has just done) leaves the last accept of its template to others.
    `bulk` is for what is told to many at once: it goes after everything else, and never at night unless it is urgent.

    One whose `expires_after` has passed since it was written is no longer sent to WeChat. A `hidden` one is not
    shown in the inbox. `gone` is the title and the text that the inbox shows once what `page` opens is no longer there;
    without it that reads as deleted where it is named.
    """

    name: str
    title: str
    text: str
    page: str = ""
    template: str = ""
    topic: str = ""
    fields: dict[str, str] = {}
    kinds: dict[str, str] = {}
    words: dict[str, dict[str, str]] = {}
    said: dict[str, Callable[[int], str]] = {}
    urgent: bool = False
    minor: bool = False
    bulk: bool = False
    hidden: bool = False
    expires_after: timedelta = timedelta(days=2)
    gone: tuple[str, str] | None = None

    @property
    def priority(self) -> Priority:
        """When it goes, among all that are due. Told to many, even the urgent goes after what is urgent for one."""
        if self.urgent:
            return Priority.NORMAL if self.bulk else Priority.URGENT
        return Priority.BULK if self.bulk else Priority.NORMAL

    @property
    def importance(self) -> int:
        """Whose the last accept is: 2 urgent, 1, 0 minor."""
        return 2 if self.urgent else 0 if self.minor else 1

    def fact_names(self) -> set[str]:
        """The facts that `notify` must be given for this event."""
        return names_in(self.title, self.text, self.page, *self.fields.values())

    def subject_names(self) -> set[str]:
        """Those of them that stand for things: `{wish[title]}`."""
        texts = (self.title, self.text, self.page, *self.fields.values())
        return {name.partition("[")[0] for text in texts for name in _placeholders(text) if "[" in name}


def names_in(*texts: str) -> set[str]:
    """The names that format texts refer to: `{wish[title]}` → wish."""
    return {name.partition("[")[0] for text in texts for name in _placeholders(text)}


@cache
def _placeholders(text: str) -> tuple[str, ...]:
    return tuple(name for _, name, _, _ in Formatter().parse(text) if name)


EVENTS: dict[str, Event] = {}
"""Name → event: inbox rows hold names. Filled by wiring.py with every feature's messages."""


def events_in(*modules: ModuleType) -> dict[str, Event]:
    """The events that are constants of these modules, by name. Raises ValueError where two have one name."""
    events: dict[str, Event] = {}
    for module in modules:
        for event in vars(module).values():
            if not isinstance(event, Event):
                continue
            if event.name in events:
                raise ValueError(f"two events are named {event.name}")
            events[event.name] = event
    return events


def review_result(topic: str, subject: str, result: str, note: str) -> dict[str, Any]:
    """That part of an event which goes to WeChat by the template of this name."""
    return {
        "template": "review_result",
        "topic": topic,
        "fields": {"thing1": subject, "phrase2": result, "time3": "{at}", "thing4": note},
    }


def service_report(topic: str, subject: str, note: str) -> dict[str, Any]:
    """The same for this template."""
    return {
        "template": "service_report",
        "topic": topic,
        "fields": {"thing1": subject, "time2": "{at}", "thing3": note},
    }


class AskMoment(Worded):
    """The tap at which the client asks for accepts."""

    CHECK_IN_APPLIED = "check_in_applied", "提交报到"
    POST_APPLIED = "post_applied", "申请岗位"
    UNIT_CHECK_IN_APPLIED = "unit_check_in_applied", "单位报到"
    CONTACTS_OPENED = "contacts_opened", "查看联系的流动党员"
    WISH_SUBMITTED = "wish_submitted", "提交心愿"
    WISH_CLAIMED = "wish_claimed", "认领心愿"
    WISH_REPORTED = "wish_reported", "报告完成"
    ACTIVITY_SUBMITTED = "activity_submitted", "提交活动审核"
    SHIFT_SIGNED_UP = "shift_signed_up", "报名活动"
    SHIFT_SIGNED_OUT = "shift_signed_out", "签退"
    SLOT_BOOKED = "slot_booked", "预约服务"
    ROOM_BOOKED = "room_booked", "预约活动室"
    TICKET_TAKEN = "ticket_taken", "窗口取号"
    CASE_REPORTED = "case_reported", "反映网格事项"
    REPORT_OPENED = "report_opened", "查看半年反馈"
    INBOX_OPENED = "inbox_opened", "打开一条站内信"


MOMENTS: dict[AskMoment, tuple[str, ...]] = {
    AskMoment.CHECK_IN_APPLIED: ("review_result", "service_report"),
    AskMoment.POST_APPLIED: ("review_result",),
    AskMoment.UNIT_CHECK_IN_APPLIED: ("review_result",),
    AskMoment.CONTACTS_OPENED: ("service_report",),
    AskMoment.WISH_SUBMITTED: ("review_result", "wish_progress"),
    AskMoment.WISH_CLAIMED: ("wish_progress",),
    AskMoment.WISH_REPORTED: ("wish_progress",),
    AskMoment.ACTIVITY_SUBMITTED: ("review_result",),
    AskMoment.SHIFT_SIGNED_UP: ("activity_reminder", "place_free"),
    AskMoment.SHIFT_SIGNED_OUT: ("service_report",),
    AskMoment.SLOT_BOOKED: ("booking_notice", "place_free"),
    AskMoment.ROOM_BOOKED: ("booking_notice",),
    AskMoment.TICKET_TAKEN: ("booking_notice",),
    AskMoment.CASE_REPORTED: ("service_report",),
    AskMoment.REPORT_OPENED: ("service_report",),
    AskMoment.INBOX_OPENED: ("inbox_digest", "wish_progress", "activity_reminder", "booking_notice", "announcement"),
}
"""At which tap → the templates worth asking for then, most useful first."""
