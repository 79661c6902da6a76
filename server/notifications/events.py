"""What an event is: what a message says, which page it opens, and what goes to WeChat.

Each package declares its own as constants of a `messages.py` and tells people of them by `notify(persons,
messages.CLAIMED, wish=…)`. Adding one is one constant there and one test. Words are filled in when a message is read or
sent:

- `{wish[title]}`: the fact `wish` is an id; its words come from `SUBJECTS["wish"]` (rendering.py). A fact whose name is
  not the name of its kind says so in `kinds` (`kinds={"claimer": "person"}`).
- `{at}`: the fact is a time (`at=clock.now()` in `notify`), shown by people's clocks; in fields in WeChat's form.
- `{reason}`: the fact is a short code or a number; `words` gives the Chinese for codes.
"""

from datetime import timedelta
from functools import cache
from string import Formatter
from types import ModuleType
from typing import Any

import msgspec

from server.background.outbox import Priority

TOPICS: dict[str, str] = {
    "check_in": "报到与岗位",
    "wishes": "微心愿",
    "activities": "活动报名与候补",
    "bookings": "邻里中心预约",
    "reminders": "开始前的提醒",
    "service_record": "服务时长与反馈",
    "announcements": "社区公告",
    "digest": "未读消息汇总",
}
"""Kinds of event that people turn on and off → what they are called on screen."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of message. Stored messages hold its `name`, which never changes.

    `template` names one of server.wechat.templates and `fields` fills exactly its keys; without a template the message
    stays in the inbox. Where there is one, `topic` says with what people turn it off.

    Importance: an `urgent` one overtakes others, does not wait for the end of quiet hours, and gets a person's last
    accept; a `minor` one (it confirms what the person has just done) leaves the last accept of its template to others.
    `bulk` is for what is told to many at once: it goes after everything else, and never at night unless it is urgent.

    One whose `expires_after` has passed since it was written is not sent to WeChat any more. A `hidden` one is not
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


ROLE_WORDS = {
    "manager": "管理员",
    "staff": "工作人员",
    "observer": "观察员",
    "grid_worker": "网格员",
    "liaison": "联络员",
}

HALF_WORDS = {"1": "上半年", "2": "下半年"}

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


MOMENTS: dict[str, tuple[str, ...]] = {
    "check_in_applied": ("review_result", "service_report"),
    "post_applied": ("review_result",),
    "unit_check_in_applied": ("review_result",),
    "contacts_opened": ("service_report",),
    "wish_submitted": ("review_result", "wish_progress"),
    "wish_claimed": ("wish_progress",),
    "wish_reported": ("wish_progress",),
    "activity_submitted": ("review_result",),
    "shift_signed_up": ("activity_reminder", "place_free"),
    "shift_signed_out": ("service_report",),
    "slot_booked": ("booking_notice", "place_free"),
    "room_booked": ("booking_notice",),
    "ticket_taken": ("booking_notice",),
    "report_opened": ("service_report",),
    "inbox_opened": ("inbox_digest", "wish_progress", "activity_reminder", "booking_notice", "announcement"),
}
"""The tap at which the client asks for accepts → the templates worth asking for then, most useful first."""
