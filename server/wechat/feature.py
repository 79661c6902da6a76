"""What the connection to WeChat gives: events that it pushes, kept and handed over."""

from datetime import timedelta

from server.background.outbox import Effect
from server.background.retention import Rule
from server.foundation.feature import Feature
from server.wechat import push_storage

FEATURE = Feature(
    models=("server.wechat.models",),
    effects={push_storage.WECHAT_PUSH: Effect(push_storage.hand_over_push, repeatable=True)},
    # Only as long as WeChat could repeat them.
    retention=(Rule("old_pushes", "stored_push", "created_at", timedelta(days=30)),),
    takes={"push_handlers": push_storage.PUSH_HANDLERS},
)
