"""What people are told by announcements."""

from datetime import timedelta
from functools import partial

from server.notifications.events import Event

_WITHDRAWN = ("公告已撤回", "发布单位已撤回这条公告。")

_to_everybody = partial(
    Event,
    page="pages/announcement/detail?id={announcement[id]}",
    template="announcement",
    topic="announcements",
    fields={
        "thing1": "{announcement[title]}",
        "thing2": "{announcement[organization]}",
        "time3": "{at}",
        "thing4": "{announcement[summary]}",
    },
    bulk=True,
    gone=_WITHDRAWN,
)

ANNOUNCEMENT = _to_everybody(
    name="announcement",
    title="{announcement[title]}",
    text="{announcement[organization]}发布公告：{announcement[summary]}",
)

URGENT_ANNOUNCEMENT = _to_everybody(
    name="announcement_urgent",
    title="紧急通知：{announcement[title]}",
    text="{announcement[organization]}发布紧急通知：{announcement[summary]}",
    urgent=True,
    expires_after=timedelta(hours=12),
)

TO_SEND = Event(
    name="announcement_to_send",
    title="有公告待发送",
    text="“{announcement[title]}”已写好，请核对后发送。",
    page="pages/staff/announcement?id={announcement[id]}",
    gone=_WITHDRAWN,
)
