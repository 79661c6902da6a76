"""What people are told of bookings: of slots, visits, rooms and series."""

from typing import Any

from server.notifications.events import Event


def _notice(subject: str, topic: str, result: str, note: str) -> dict[str, Any]:
    """That part of an event which goes to WeChat; `subject` is the fact that knows what, when and where."""
    return {
        "template": "booking_notice",
        "topic": topic,
        "fields": {
            "thing1": f"{{{subject}[service]}}",
            "time2": f"{{{subject}[time]}}",
            "thing3": f"{{{subject}[venue]}}",
            "phrase4": result,
            "thing5": note,
        },
    }


SLOT_BOOKED = Event(
    name="slot_booked",
    title="预约成功",
    text="您已预约“{slot[service]}”{booking[whose]}：{slot[time]}，{slot[where]}。不能如约请提前取消。",
    page="pages/booking/detail?id={booking[id]}",
    **_notice("slot", "bookings", "预约成功", "如不方便，请提前取消"),
    minor=True,
)

SLOT_REQUESTED = Event(
    name="slot_requested",
    title="预约已提交",
    text="您申请预约“{slot[service]}”{booking[whose]}：{slot[time]}，{slot[venue]}。名额已为您保留，工作人员审核后会通知您。",
    page="pages/booking/detail?id={booking[id]}",
)

SLOT_WAITING = Event(
    name="slot_waiting",
    title="已进入候补",
    text="“{slot[service]}”（{booking[whose_first]}{slot[time]}，{slot[venue]}）名额已满，您已进入候补，有空位时会通知您。",
    page="pages/booking/detail?id={booking[id]}",
)

SLOT_MOVED = Event(
    name="slot_moved",
    title="预约已改期",
    text="您的预约“{slot[service]}”{booking[whose]}已由{was}改到{slot[time]}，{slot[venue]}。",
    page="pages/booking/detail?id={booking[id]}",
    **_notice("slot", "bookings", "已改期", "请以新的时间为准"),
    minor=True,
)

SLOT_CANCELLED = Event(
    name="slot_cancelled",
    title="预约已取消",
    text="您已取消预约“{slot[service]}”{booking[whose]}：{slot[time]}，{slot[venue]}。",
    page="pages/booking/detail?id={booking[id]}",
)

SLOT_MOVED_UP = Event(
    name="slot_moved_up",
    title="候补成功",
    text="您候补的“{slot[service]}”{booking[whose]}有了空位，已为您保留：{slot[time]}，{slot[venue]}。",
    page="pages/booking/detail?id={booking[id]}",
    **_notice("slot", "bookings", "候补成功", "如不方便，请提前取消"),
)

SLOT_OFFERED = Event(
    name="slot_offered",
    title="候补有空位，请确认",
    text="您候补的“{slot[service]}”（{booking[whose_first]}{slot[time]}，{slot[venue]}）有空位，请在{until}前确认，逾期将让给下一位。",
    page="pages/booking/detail?id={booking[id]}",
    template="place_free",
    topic="bookings",
    fields={
        "thing1": "{slot[service]}",
        "time2": "{until}",
        "thing3": "{slot[venue]}",
        "thing4": "请及时确认，逾期将让给下一位",
    },
    urgent=True,
)

SLOT_LAPSED = Event(
    name="slot_lapsed",
    title="候补已结束",
    text="您候补的“{slot[service]}”（{booking[whose_first]}{slot[time]}，{slot[venue]}）{reason}，候补已结束。",
    page="pages/booking/detail?id={booking[id]}",
    words={"reason": {"offer_expired": "保留的名额未在规定时间内确认", "not_reached": "直到开始也没有空位"}},
)

SLOT_APPROVED = Event(
    name="slot_approved",
    title="预约申请已通过",
    text="您预约的“{slot[service]}”{booking[whose]}已通过审核：{slot[time]}，{slot[where]}。",
    page="pages/booking/detail?id={booking[id]}",
    **_notice("slot", "bookings", "已通过", "如不方便，请提前取消"),
)

SLOT_REFUSED = Event(
    name="slot_refused",
    title="预约申请未通过",
    text="您预约的“{slot[service]}”（{booking[whose_first]}{slot[time]}，{slot[venue]}）未通过：{booking[reason]}。",
    page="pages/booking/detail?id={booking[id]}",
    **_notice("slot", "bookings", "未通过", "{booking[reason]}"),
)

SLOT_CLOSED = Event(
    name="slot_closed",
    title="预约被取消",
    text="很抱歉，您预约的“{slot[service]}”（{booking[whose_first]}{slot[time]}，{slot[venue]}）不能提供：{booking[reason]}。您可以改约其他时间。",
    page="pages/booking/detail?id={booking[id]}",
    **_notice("slot", "bookings", "已取消", "{booking[reason]}"),
    urgent=True,
)

SLOT_NO_SHOW = Event(
    name="slot_no_show",
    title="预约未到场",
    text="您预约的“{slot[service]}”（{booking[whose_first]}{slot[time]}，{slot[venue]}）记为爽约。多次爽约会暂停预约，如有误请联系工作人员。",
    page="pages/booking/detail?id={booking[id]}",
)

SLOT_TO_APPROVE = Event(
    name="slot_to_approve",
    title="有新的预约申请",
    text="“{slot[service]}”（{slot[time]}，{slot[venue]}）收到预约申请，请及时审核。",
    page="pages/staff/booking?id={booking[id]}",
)

VISIT_ASSIGNED = Event(
    name="visit_assigned",
    title="您有上门服务任务",
    text="请于{slot[time]}上门提供“{slot[service]}”。服务当天可查看联系人和地址。",
    page="pages/visit/mine",
)

ROOM_BOOKED = Event(
    name="room_booked",
    title="活动室预约成功",
    text="您已预约“{room_booking[service]}”{room_booking[whose]}：{room_booking[time]}，{room_booking[where]}。",
    page="pages/booking/room?id={room_booking[id]}",
    **_notice("room_booking", "bookings", "预约成功", "不能使用请提前取消"),
    minor=True,
)

ROOM_REQUESTED = Event(
    name="room_requested",
    title="活动室申请已提交",
    text="您申请使用“{room_booking[service]}”{room_booking[whose]}：{room_booking[time]}，{room_booking[venue]}。工作人员审核后会通知您。",
    page="pages/booking/room?id={room_booking[id]}",
)

ROOM_CANCELLED = Event(
    name="room_cancelled",
    title="活动室预约已取消",
    text="您已取消“{room_booking[service]}”{room_booking[whose]}：{room_booking[time]}，{room_booking[venue]}。",
    page="pages/booking/room?id={room_booking[id]}",
)

ROOM_REFUSED = Event(
    name="room_refused",
    title="活动室申请未通过",
    text="您申请的“{room_booking[service]}”（{room_booking[whose_first]}{room_booking[time]}，{room_booking[venue]}）未通过：{room_booking[reason]}。",
    page="pages/booking/room?id={room_booking[id]}",
    **_notice("room_booking", "bookings", "未通过", "{room_booking[reason]}"),
)

ROOM_CLOSED = Event(
    name="room_closed",
    title="活动室预约被取消",
    text="很抱歉，您预约的“{room_booking[service]}”（{room_booking[whose_first]}{room_booking[time]}，{room_booking[venue]}）不能提供：{room_booking[reason]}。",
    page="pages/booking/room?id={room_booking[id]}",
    **_notice("room_booking", "bookings", "已取消", "{room_booking[reason]}"),
    urgent=True,
)

ROOM_TO_APPROVE = Event(
    name="room_to_approve",
    title="有新的活动室申请",
    text="“{room_booking[service]}”（{room_booking[time]}，{room_booking[venue]}）收到使用申请，请及时审核。",
    page="pages/staff/room-booking?id={room_booking[id]}",
)

SLOT_REMINDER = Event(
    name="slot_reminder",
    title="预约即将开始",
    text="您预约的“{slot[service]}”{booking[whose]}将于{slot[time]}开始，{slot[where]}。{slot[documents]}",
    page="pages/booking/detail?id={booking[id]}",
    **_notice("slot", "reminders", "即将开始", "如不方便，请提前取消"),
)

SLOT_MOVED_BY_STAFF = Event(
    name="slot_moved_by_staff",
    title="预约时间有调整",
    text="因“{booking[reason]}”，您的预约“{slot[service]}”{booking[whose]}已由{was}改到{slot[time]}，{slot[venue]}。如不方便，可以改期或取消。",
    page="pages/booking/detail?id={booking[id]}",
    **_notice("slot", "bookings", "已改期", "{booking[reason]}"),
    urgent=True,
)

SLOT_MOVED_AT_REQUEST = Event(
    name="slot_moved_at_request",
    title="预约已为您改期",
    text="应您的要求，工作人员已将您的预约“{slot[service]}”{booking[whose]}由{was}改到{slot[time]}，{slot[venue]}。如果您没有要求改期，请联系工作人员。",
    page="pages/booking/detail?id={booking[id]}",
    **_notice("slot", "bookings", "已改期", "请以新的时间为准"),
)

SLOT_OVERDUE = Event(
    name="slot_overdue",
    title="预约申请超时未答复",
    text="“{slot[service]}”（{slot[time]}，{slot[venue]}）的预约申请已超过承诺的答复时间，请尽快审核。",
    page="pages/staff/booking?id={booking[id]}",
)

VISIT_CANCELLED = Event(
    name="visit_cancelled",
    title="上门服务任务已取消",
    text="原定{slot[time]}的上门服务“{slot[service]}”不再由您前往。",
    page="pages/visit/mine",
)

ROOM_REMINDER = Event(
    name="room_reminder",
    title="活动室预约即将开始",
    text="您预约的“{room_booking[service]}”{room_booking[whose]}将于{room_booking[time]}开始，{room_booking[where]}。",
    page="pages/booking/room?id={room_booking[id]}",
    **_notice("room_booking", "reminders", "即将开始", "请按时到场，不能使用请提前取消"),
)

ROOM_MOVED = Event(
    name="room_moved",
    title="活动室预约已改期",
    text="您预约的“{room_booking[service]}”{room_booking[whose]}已由{was}改到{room_booking[time]}，{room_booking[venue]}。",
    page="pages/booking/room?id={room_booking[id]}",
)

ROOM_MOVED_BY_STAFF = Event(
    name="room_moved_by_staff",
    title="活动室预约时间有调整",
    text="因“{room_booking[reason]}”，您预约的“{room_booking[service]}”{room_booking[whose]}已由{was}改到{room_booking[time]}，{room_booking[venue]}。",
    page="pages/booking/room?id={room_booking[id]}",
    **_notice("room_booking", "bookings", "已改期", "{room_booking[reason]}"),
    urgent=True,
)

ROOM_MOVED_AT_REQUEST = Event(
    name="room_moved_at_request",
    title="活动室预约已为您改期",
    text="应您的要求，工作人员已将您预约的“{room_booking[service]}”{room_booking[whose]}由{was}改到{room_booking[time]}，{room_booking[venue]}。如果您没有要求改期，请联系工作人员。",
    page="pages/booking/room?id={room_booking[id]}",
    **_notice("room_booking", "bookings", "已改期", "请以新的时间为准"),
)

ROOM_NO_SHOW = Event(
    name="room_no_show",
    title="活动室预约未到场",
    text="您预约的“{room_booking[service]}”（{room_booking[whose_first]}{room_booking[time]}，{room_booking[venue]}）记为爽约。多次爽约会暂停预约，如有误请联系工作人员。",
    page="pages/booking/room?id={room_booking[id]}",
)

ROOM_OVERDUE = Event(
    name="room_overdue",
    title="活动室申请超时未答复",
    text="“{room_booking[service]}”（{room_booking[time]}，{room_booking[venue]}）的使用申请已超过承诺的答复时间，请尽快审核。",
    page="pages/staff/room-booking?id={room_booking[id]}",
)

SERIES_BOOKED = Event(
    name="series_booked",
    title="连续预约成功",
    text="您已预约“{series[service]}”{series[whose]}共{series[times]}次，自{series[time]}起，{series[where]}。每次可单独改期或取消。",
    page="pages/booking/series?id={series[id]}",
    **_notice("series", "bookings", "预约成功", "共{series[times]}次，可单独改期或取消"),
    kinds={"series": "booking_series"},
    minor=True,
)

SERIES_REQUESTED = Event(
    name="series_requested",
    title="连续预约已提交",
    text="您申请预约“{series[service]}”{series[whose]}共{series[times]}次，自{series[time]}起，{series[venue]}。工作人员审核后会通知您。",
    page="pages/booking/series?id={series[id]}",
    kinds={"series": "booking_series"},
)
