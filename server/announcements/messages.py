"""What people are told by announcements."""

from datetime import timedelta

from server.notifications.events import Event

_WITHDRAWN = ("公告已撤回", "发布单位已撤回这条公告。")

ANNOUNCEMENT = Event(
    name="announcement",
    title="{announcement[title]}",
    text="{announcement[organization]}发布公告：{announcement[summary]}",
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

URGENT_ANNOUNCEMENT = Event(
    name="announcement_urgent",
    title="紧急通知：{announcement[title]}",
    text="{announcement[organization]}发布紧急通知：{announcement[summary]}",
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
    urgent=True,
    expires_after=timedelta(hours=12),
    gone=_WITHDRAWN,
)

TO_SEND = Event(
    name="announcement_to_send",
    title="有公告待发送",
    text="“{announcement[title]}”已写好，请核对后发送。",
    page="pages/staff/announcement?id={announcement[id]}",
    gone=_WITHDRAWN,
)
