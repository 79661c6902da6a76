"""What people are told of activities, shifts and sign-ups."""

from datetime import timedelta
from typing import Any

from server.notifications.events import Event, review_result


def _reminder(note: str, place: str = "place", *, of: str = "shift", topic: str = "activities") -> dict[str, Any]:
    """What WeChat tells of a shift, or `of` an activity; `place` is its word for where people go."""
    fields = {"thing1": f"{{{of}[title]}}", "time2": f"{{{of}[time]}}", "thing3": f"{{{of}[{place}]}}", "thing4": note}
    return {"template": "activity_reminder", "topic": topic, "fields": fields}


def _of_shift(name: str, title: str, text: str, **more: Any) -> Event:
    """Something about a shift for those who signed up; it opens the shift's activity."""
    return Event(name=name, title=title, text=text, page="pages/activity/detail?id={shift[activity_id]}", **more)


ACTIVITY_TO_REVIEW = Event(
    name="activity_to_review",
    title="有活动待审核",
    text="{activity[organizer]}提交了活动“{activity[title]}”，请审核发布。",
    page="pages/staff/activity?id={activity[id]}",
)

ACTIVITY_RETURNED = Event(
    name="activity_returned",
    title="活动需要修改",
    text="活动“{activity[title]}”被退回：{activity[reason]}。修改后可以重新提交。",
    page="pages/staff/activity?id={activity[id]}",
    **review_result("activities", "{activity[title]}", "已退回", "{activity[reason]}"),
)

ACTIVITY_PUBLISHED = Event(
    name="activity_published",
    title="活动已发布",
    text="活动“{activity[title]}”已发布，居民可以报名了。",
    page="pages/staff/activity?id={activity[id]}",
    **review_result("activities", "{activity[title]}", "已发布", "居民可以报名了"),
)

ACTIVITY_CANCELLED = Event(
    name="activity_cancelled",
    title="活动已取消",
    text="很抱歉，您报名的“{activity[title]}”（{activity[time]}）已取消：{activity[reason]}。",
    page="pages/activity/detail?id={activity[id]}",
    **_reminder("已取消：{activity[reason]}", of="activity"),
    urgent=True,
)

ACTIVITY_EDITED = Event(
    name="activity_edited",
    title="已发布的活动有修改",
    text="{activity[organizer]}修改了已发布的活动“{activity[title]}”，请查看。",
    page="pages/staff/activity?id={activity[id]}",
)

ACTIVITY_PLACE_CHANGED = Event(
    name="activity_place_changed",
    title="活动地点有变动",
    text="您报名的“{activity[title]}”地点有变动，请以新的地点为准：{activity[where]}。",
    page="pages/activity/detail?id={activity[id]}",
    **_reminder("地点有变动，请查看", of="activity"),
    urgent=True,
)

SHIFT_CONFIRMED = _of_shift(
    "shift_confirmed",
    "报名成功",
    "您已报名“{shift[title]}”，{shift[time]}开始，地点：{shift[place]}。不能参加请提前取消。",
    **_reminder("报名成功，请准时参加"),
    minor=True,
)

SHIFT_WAITING = _of_shift(
    "shift_waiting",
    "已进入候补",
    "“{shift[title]}”（{shift[time]}）名额已满，您已进入候补，有人取消时按顺序递补并通知您。",
)

SHIFT_MOVED_UP = _of_shift(
    "shift_moved_up",
    "候补成功",
    "您候补的“{shift[title]}”有名额了，已为您报名，{shift[time]}开始，地点：{shift[place]}。",
    **_reminder("候补成功，已为您报名"),
    urgent=True,
)

SHIFT_OFFERED = _of_shift(
    "shift_offered",
    "有名额了，请确认",
    "您候补的“{shift[title]}”（{shift[time]}）有名额了，请在{until}前确认，过时将让给下一位。",
    template="place_free",
    topic="activities",
    fields={
        "thing1": "{shift[title]}",
        "time2": "{until}",
        "thing3": "{shift[place]}",
        "thing4": "请在截止前确认，过时让给下一位",
    },
    urgent=True,
    expires_after=timedelta(hours=2),
)

SHIFT_OFFER_EXPIRED = _of_shift(
    "shift_offer_expired",
    "候补名额已过期",
    "“{shift[title]}”（{shift[time]}）的名额未在规定时间内确认，已让给下一位。",
)

SHIFT_NOT_REACHED = _of_shift(
    "shift_not_reached",
    "候补未成功",
    "“{shift[title]}”（{shift[time]}）已开始，很遗憾没有轮到您的候补。",
)

SHIFT_TOMORROW = _of_shift(
    "shift_tomorrow",
    "活动提醒",
    "您报名的“{shift[title]}”将于{shift[time]}开始，集合：{shift[meet_at]}。不能参加请尽早取消。",
    **_reminder("不能参加请尽早取消", "meet_at", topic="reminders"),
    expires_after=timedelta(hours=20),
)

SHIFT_SOON = _of_shift(
    "shift_soon",
    "活动即将开始",
    "您报名的“{shift[title]}”{shift[time]}开始，集合：{shift[meet_at]}，请准时到场。",
    **_reminder("即将开始，请准时到场", "meet_at", topic="reminders"),
    expires_after=timedelta(hours=2),
)

SHIFT_MOVED = _of_shift(
    "shift_moved",
    "活动时间有变动",
    "您报名的“{shift[title]}”由{was}改到{shift[time]}开始。不能参加可以取消，不计爽约。",
    **_reminder("时间有变动，不能参加请取消", "meet_at"),
    urgent=True,
)

SHIFT_MOVED_OVERLAPPING = _of_shift(
    "shift_moved_overlapping",
    "活动时间有变动，与其他报名冲突",
    "您报名的“{shift[title]}”由{was}改到{shift[time]}开始，与您的另一项报名时间重叠，请取消其中一项，不计爽约。",
    **_reminder("时间变动，与其他报名冲突", "meet_at"),
    urgent=True,
)

SHIFT_CANCELLED = _of_shift(
    "shift_cancelled",
    "活动场次已取消",
    "很抱歉，您报名的“{shift[title]}”（{shift[time]}）这一场已取消：{shift[reason]}。",
    **_reminder("该场次已取消"),
    urgent=True,
)

SHIFT_CALLED_OFF = _of_shift(
    "shift_called_off",
    "活动场次未能成行",
    "很抱歉，您报名的“{shift[title]}”（{shift[time]}）未能成行：{shift[reason]}。",
    **_reminder("人数不足，未能成行"),
    urgent=True,
)

OWN_SHIFT_CALLED_OFF = Event(
    name="own_shift_called_off",
    title="一个场次未能成行",
    text="“{shift[title]}”（{shift[time]}）报名截止时有 {people} 人，未达到最低人数，已取消并通知报名者。",
    page="pages/staff/activity?id={shift[activity_id]}",
)

SIGN_UP_REMOVED = _of_shift(
    "sign_up_removed",
    "主办方取消了您的报名",
    "您在“{sign_up[title]}”（{sign_up[whose_first]}{sign_up[time]}）的报名已被主办方取消：{sign_up[reason]}。",
)

SIGN_UP_CANCELLED = _of_shift(
    "sign_up_cancelled",
    "报名已取消",
    "您已取消“{shift[title]}”（{sign_up[whose_first]}{shift[time]}）的报名。",
)

SIGN_UP_CANCELLED_LATE = _of_shift(
    "sign_up_cancelled_late",
    "报名已取消，计为一次爽约",
    "您已取消“{shift[title]}”（{sign_up[whose_first]}{shift[time]}）的报名。由于已过取消截止时间，计为一次爽约。",
)

SHIFT_MISSED = Event(
    name="shift_missed",
    title="您缺席了一次活动",
    text="您报名的“{shift[title]}”（{sign_up[whose_first]}{shift[time]}）被记为缺席，计为一次爽约。"
    "如有异议，30 天内可以申诉。",
    page="pages/me/no-shows",
)

CLOCK_OUT_ASSUMED = _of_shift(
    "sign_out_assumed",
    "您忘记签退了",
    "您参加的“{shift[title]}”（{sign_up[whose_first]}{shift[time]}）没有签退记录，暂按活动结束时间计，以负责人确认为准。",
)

SHIFT_TO_CONFIRM = Event(
    name="shift_to_confirm",
    title="请确认出勤",
    text="“{shift[title]}”（{shift[time]}）已结束，请在 7 天内确认每个人的出勤，服务时长才会计入。",
    page="pages/staff/shift?id={shift[id]}",
)
