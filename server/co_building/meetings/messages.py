"""What members and staff are told of joint meetings."""

from functools import partial

from server.notifications.events import Event

_of_meeting = partial(Event, page="pages/meeting/detail?id={joint_meeting[id]}")
_of_resolution = partial(Event, page="pages/meeting/detail?id={meeting_resolution[meeting]}")

INVITED = _of_meeting(
    name="meeting_invited",
    title="联席会议通知",
    text="{joint_meeting[title]}定于{at}召开，请确认能否参加；议题请在{until}前提出。",
)
CANCELLED = _of_meeting(
    name="meeting_cancelled", title="联席会议取消", text="{joint_meeting[title]}取消召开：{joint_meeting[reason]}。"
)
TOPIC_PROPOSED = _of_meeting(
    name="meeting_topic_proposed",
    title="联席会议有新议题",
    text="{joint_meeting[title]}收到新议题，请决定是否列入议程。",
)
TOPIC_DECIDED = _of_meeting(
    name="meeting_topic_decided",
    title="联席会议议题已答复",
    text="您向{joint_meeting[title]}提出的议题{outcome}。",
    words={"outcome": {"accepted": "已列入议程", "declined": "未列入议程，理由请查看会议"}},
)
CLOSED = _of_meeting(
    name="meeting_closed", title="联席会议纪要已通过", text="{joint_meeting[title]}的纪要已通过，请查阅。"
)
RESOLVED = _of_resolution(
    name="meeting_resolved",
    title="联席会议决议由您办理",
    text="联席会议决议“{meeting_resolution[title]}”由您办理，请在{meeting_resolution[due]}前办结并报告结果。",
)
EXTENDED = _of_resolution(
    name="meeting_resolution_extended",
    title="联席会议决议改期",
    text="联席会议决议“{meeting_resolution[title]}”改为{meeting_resolution[due]}前办结。",
)
REPORTED = _of_resolution(
    name="meeting_resolution_reported",
    title="联席会议决议待公开",
    text="联席会议决议“{meeting_resolution[title]}”已报告结果，请核实后公开。",
)
SENT_BACK = _of_resolution(
    name="meeting_resolution_sent_back",
    title="联席会议决议须继续办理",
    text="联席会议决议“{meeting_resolution[title]}”的结果未通过核实，请继续办理。",
)
