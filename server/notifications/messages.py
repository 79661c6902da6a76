"""What people are told of their messages."""

from datetime import timedelta

from server.notifications.events import Event

INBOX_DIGEST = Event(
    name="inbox_digest",
    title="您有未读消息",
    text="您有{count}条未读消息，请打开小程序查看。",
    page="pages/me/inbox",
    template="inbox_digest",
    topic="digest",
    fields={"number1": "{count}", "time2": "{at}", "thing3": "请打开小程序查看"},
    bulk=True,
    hidden=True,
    expires_after=timedelta(hours=12),
)
