"""What the outbox, the scheduled work and forgetting need of the features; and the tables of foundation too."""

from datetime import timedelta

from server.background import audit_retention, outbox, relay, retention, sweeps
from server.background.retention import Rule
from server.foundation import database
from server.foundation.feature import Feature

FEATURE = Feature(
    models=(
        "server.foundation.audit",
        "server.background.sweeps",
        "server.background.outbox",
        "server.foundation.idempotency",
        "server.foundation.keys",
    ),
    sweeps=(
        relay.EXPIRED_LEASES,
        audit_retention.SWEEP,
    ),
    retention=(
        # A repeated request is answered from it for a day.
        Rule("old_idempotency_keys", "idempotency_key", "created_at", timedelta(hours=24), every=timedelta(minutes=10)),
        Rule("done_outbox_rows", "outbox", "finished_at", timedelta(days=14), "state = 'done'"),
        # What went wrong is looked at later, and can be tried again by staff, as long as its message is there.
        Rule("old_outbox_rows", "outbox", "finished_at", timedelta(days=180)),
    ),
    takes={
        "models": database.MODEL_MODULES,
        "effects": outbox.EFFECTS,
        "sweeps": sweeps.SWEEPS,
        "retention": retention.RULES,
    },
    when_wired=(retention.schedule_rules,),
)
