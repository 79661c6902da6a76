"""What messages give, and what they tell of."""

from datetime import timedelta

from server.background.outbox import Effect
from server.background.retention import Rule
from server.foundation.feature import Feature
from server.notifications import delivery, digest, events, messages, personal_copy, rendering, telling
from server.wechat import push

FEATURE = Feature(
    models=("server.notifications.models",),
    sweeps=(digest.SEND_DIGESTS,),
    retention=(Rule("old_inbox_messages", "inbox_message", "created_at", timedelta(days=180)),),
    effects={telling.SUBSCRIBE_MESSAGE: Effect(delivery.send_message, repeatable=False, ended=delivery.end_message)},
    push_handlers={
        push.SubscribeAnswer: delivery.count_answer,
        push.SubscribeChange: delivery.count_answer,
        push.SubscribeSent: delivery.note_delivery,
    },
    messages=events.events_in(messages),
    mergers=(telling.move_messages,),
    erasers=(telling.forget_messages_of,),
    personal_copy=personal_copy.SHEETS,
    takes={"messages": events.EVENTS, "subjects": rendering.SUBJECTS},
)
