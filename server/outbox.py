"""Effects that leave the database: rows written in the transaction that causes them, carried out by the worker's relay.

Nothing here knows what a row means: `wiring.py` names the function for each kind.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server import clock
from server.database import IdField, Model, SqlIndex, execute


class OutboxState(StrEnum):
    QUEUED = "queued"
    IN_FLIGHT = "in_flight"
    WAITING = "waiting"
    DONE = "done"
    UNKNOWN = "unknown"
    FAILED = "failed"
    EXPIRED = "expired"


OPEN_STATES = (OutboxState.QUEUED, OutboxState.IN_FLIGHT, OutboxState.WAITING)


class OutboxRow(Model):
    """One effect to be carried out. Rows of one `lane` (a person) go one at a time, in the order of their ids.

    `lease_until` is set while a relay carries it out: past it the relay is taken for dead. `attempts` counts the tries
    that began.
    """

    kind = fields.CharField(max_length=32)
    payload: Any = fields.JSONField(default=dict)
    lane = IdField(null=True)
    urgent = fields.BooleanField(default=False)
    state = fields.CharEnumField(OutboxState, max_length=16, default=OutboxState.QUEUED)
    due_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    lease_until = fields.DatetimeField(null=True)
    attempts = fields.SmallIntField(default=0)
    dedupe_key = fields.CharField(max_length=128, null=True)
    error = fields.CharField(max_length=200, default="")
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "outbox"
        constraints = [
            UniqueConstraint(fields=("dedupe_key",), name="outbox_dedupe_key"),
            CheckConstraint(check="(state = 'in_flight') = (lease_until IS NOT NULL)", name="outbox_lease_in_flight"),
            CheckConstraint(
                check="(state IN ('done','unknown','failed','expired')) = (finished_at IS NOT NULL)",
                name="outbox_finished_when_final",
            ),
        ]
        indexes = [
            SqlIndex(name="outbox_due", columns="urgent DESC, due_at, id", where="state IN ('queued', 'waiting')"),
            SqlIndex(name="outbox_lease", columns="lease_until", where="state = 'in_flight'"),
            SqlIndex(name="outbox_lane", columns="lane, id", where="state IN ('queued', 'waiting', 'in_flight')"),
            SqlIndex(name="outbox_one_per_lane", columns="lane", where="state = 'in_flight'", unique=True),
            SqlIndex(name="outbox_finished", columns="finished_at", where="finished_at IS NOT NULL"),
        ]


Record = Callable[[], Awaitable[None]]
"""Writes what an effect brought about; runs in the transaction that finishes the row."""


class Effect(NamedTuple):
    """How rows of one kind are carried out.

    `run` gets the row's payload, does the outside call outside any transaction, and may return a Record. `repeatable`
    says that doing it twice does no harm: then a row whose worker died is queued again; otherwise it ends as unknown.
    `ended` gets the payload and the state of a row that ended without a Record and not as done (expired, given up, its
    relay dead), in the transaction that ends it.
    """

    run: Callable[[dict[str, Any]], Awaitable[Record | None]]
    repeatable: bool
    ended: Callable[[dict[str, Any], OutboxState], Awaitable[None]] | None = None


EFFECTS: dict[str, Effect] = {}
"""Kind → effect; filled by wiring.py."""


class RetryLater(Exception):
    """Carrying out a row did not work now and surely had no effect: try again after `pause`, or a growing one."""

    def __init__(self, reason: str, pause: timedelta | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


class CannotSucceed(Exception):
    """Carrying out a row can never work. `record` is written all the same."""

    def __init__(self, reason: str, record: Record | None = None) -> None:
        super().__init__(reason)
        self.record = record


class OutcomeUnknown(Exception):
    """The request left and no answer came back: it may have worked, so it is never repeated."""

    def __init__(self, reason: str, record: Record | None = None) -> None:
        super().__init__(reason)
        self.record = record


async def enqueue(
    kind: str,
    payload: dict[str, Any],
    *,
    lane: str | None = None,
    urgent: bool = False,
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
    dedupe_key: str | None = None,
) -> None:
    """Write one row in the caller's transaction. With a `dedupe_key` that was used before, nothing happens."""
    row = OutboxRow(
        kind=kind,
        payload=payload,
        lane=lane,
        urgent=urgent,
        due_at=due_at or clock.now(),
        expires_at=expires_at,
        dedupe_key=dedupe_key,
    )
    if dedupe_key is None:
        await row.save(force_create=True)
        return
    await OutboxRow.bulk_create([row], ignore_conflicts=True)


async def retry_failed(row_id: str) -> bool:
    """Queue a failed row again; False when it is not failed (an unknown one is never repeated)."""
    changed = await execute(
        "UPDATE outbox SET state = 'queued', due_at = $2, finished_at = NULL, error = '' "
        "WHERE id = $1 AND state = 'failed'",
        row_id,
        clock.now(),
    )
    return changed == 1
