"""Effects that leave the database: rows written in the transaction that causes them, carried out by the worker's relay.

Nothing here knows what a row means: each `feature.py` names the functions for its kinds.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, ClassVar, NamedTuple

import msgspec
from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server.foundation import clock
from server.foundation.database import IdField, Model, SqlIndex, execute, fetch
from server.foundation.ids import new_id


class OutboxState(StrEnum):
    QUEUED = "queued"
    IN_FLIGHT = "in_flight"
    WAITING = "waiting"
    DONE = "done"
    UNKNOWN = "unknown"
    FAILED = "failed"
    EXPIRED = "expired"


class Priority(IntEnum):
    """Who goes first. A higher one overtakes lower ones, in its own lane too, and a relay keeps some of its capacity
    free for it: what is told to many at once (`BULK`) never makes anybody else wait."""

    BULK = 0
    NORMAL = 1
    URGENT = 2


OPEN_STATES = (OutboxState.QUEUED, OutboxState.IN_FLIGHT, OutboxState.WAITING)


class OutboxRow(Model):
    """One effect to be carried out. Rows of one `lane` (a person) go one at a time; those of one priority in the order
    of their ids.

    `lease_until` is set while a relay carries it out: past it the relay is taken for dead. `left_at` is when its call
    began, where it must not happen twice. `attempts` counts the tries that began.
    """

    kind = fields.CharField(max_length=32)
    payload: Any = fields.JSONField(default=dict)
    lane = IdField(null=True)
    priority = fields.SmallIntField(default=Priority.NORMAL)
    state = fields.CharEnumField(OutboxState, max_length=16, default=OutboxState.QUEUED)
    due_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    lease_until = fields.DatetimeField(null=True)
    left_at = fields.DatetimeField(null=True)
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
            SqlIndex(name="outbox_due", columns="priority, due_at, id", where="state IN ('queued', 'waiting')"),
            SqlIndex(name="outbox_lease", columns="lease_until", where="state = 'in_flight'"),
            SqlIndex(name="outbox_lane", columns="lane, id", where="state IN ('queued', 'waiting', 'in_flight')"),
            SqlIndex(name="outbox_one_per_lane", columns="lane", where="state = 'in_flight'", unique=True),
            SqlIndex(name="outbox_finished", columns="finished_at", where="finished_at IS NOT NULL"),
            SqlIndex(name="outbox_troubled", columns="state, id", where="state IN ('failed', 'unknown')"),
        ]


async def end_open(kind: str, error: str) -> int:
    """End, as failed, everything of this kind that is not done; how many that were."""
    return await execute(
        "UPDATE outbox SET state = 'failed', error = $2, lease_until = NULL, finished_at = $3 "
        "WHERE kind = $1 AND state IN ('queued', 'waiting', 'in_flight')",
        kind,
        error,
        clock.now(),
    )


Record = Callable[[], Awaitable[None]]
"""Writes what an effect brought about; runs in the transaction that finishes the row."""


class Effect(NamedTuple):
    """How rows of one kind are carried out.

    `run` gets the row's payload, does the outside call outside any transaction, and may return a Record. `repeatable`
    says that doing it twice does no harm. An effect that is not calls `about_to_leave` right before its call, and after
    that touches the database in its Record alone: a row whose relay died after that ends as unknown, while all others
    are queued again. `ended` gets the payload and the state of a row that ended without a Record and not as done
    (expired, given up, its relay dead), in the transaction that ends it.
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


class NotBefore(Exception):
    """Now is not the time (someone's quiet hours, a record that is still to be written): the row stays queued until
    `due_at`, and this was no try."""

    def __init__(self, due_at: datetime) -> None:
        super().__init__(due_at)
        self.due_at = due_at


_RECORDED_WITHIN = timedelta(minutes=10)


def wait_for_record(told_at: datetime) -> None:
    """To be called where WeChat tells of something that we do not know (yet): what brought it about may be recorded
    late, after an outage of the database. Raises NotBefore in the first ten minutes, for later each time."""
    age = clock.now() - told_at
    if age < _RECORDED_WITHIN:
        raise NotBefore(clock.now() + max(age / 2, timedelta(seconds=1)))


class Ended(Exception):
    """A row is over, and not as done. `record` is written all the same."""

    state: ClassVar[OutboxState]

    def __init__(self, reason: str, record: Record | None = None) -> None:
        super().__init__(reason)
        self.record = record


class CannotSucceed(Ended):
    """Carrying out a row can never work."""

    state = OutboxState.FAILED


class OutcomeUnknown(Ended):
    """The request left and no answer came back: it may have worked, so it is never repeated."""

    state = OutboxState.UNKNOWN


class Attempt(msgspec.Struct):
    """One try of a row, by one relay. `left`: its request may have left, so what comes of it is not ours to repeat."""

    row_id: str
    lease_until: datetime
    start_until: datetime
    left: bool = False


current_attempt: ContextVar[Attempt | None] = ContextVar("current_attempt", default=None)


async def about_to_leave() -> None:
    """To be awaited right before an outside call that must not happen twice: notes that it begins.

    Raises RetryLater where the lease is lost, or so much of it has passed (a process that stood still) that another
    relay may settle the row while the call is under way.
    """
    attempt = current_attempt.get()
    if attempt is None:
        return
    now = clock.real_now()
    if now > attempt.start_until or not await execute(
        "UPDATE outbox SET left_at = $3 WHERE id = $1 AND state = 'in_flight' AND lease_until = $2",
        attempt.row_id,
        attempt.lease_until,
        now,
    ):
        raise RetryLater("the lease is lost, or nearly over")
    attempt.left = True


class Entry(NamedTuple):
    """One effect among several that `enqueue_all` writes."""

    payload: dict[str, Any]
    lane: str | None = None
    priority: Priority = Priority.NORMAL
    dedupe_key: str | None = None


async def enqueue(
    kind: str,
    payload: dict[str, Any],
    *,
    lane: str | None = None,
    priority: Priority = Priority.NORMAL,
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
    dedupe_key: str | None = None,
) -> None:
    """Write one row in the caller's transaction. With a `dedupe_key` that was used before, nothing happens."""
    await enqueue_all(kind, [Entry(payload, lane, priority, dedupe_key)], due_at=due_at, expires_at=expires_at)


async def enqueue_all(
    kind: str,
    entries: Sequence[Entry],
    *,
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
    along: tuple[str, Sequence[Any]] | None = None,
) -> None:
    """The same for many, in one statement; the rows of a lane keep the order of `entries`. `along`: a write of the
    caller's (SQL and its values) that is carried out in the same statement, which there has to be some entry for."""
    if not entries:
        return
    now = clock.now()
    sql, first = along or ("", ())
    n = len(first)
    await execute(
        f"{f'WITH along AS ({sql}) ' if sql else ''}INSERT INTO outbox "
        "(id, created_at, kind, payload, lane, priority, state, due_at, expires_at, attempts, dedupe_key, error) "
        f"SELECT id, ${n + 2}::timestamptz, ${n + 3}::text, payload, lane, priority, 'queued', ${n + 4}::timestamptz, "
        f"${n + 5}::timestamptz, 0, dedupe_key, '' "
        f"FROM unnest(${n + 1}::uuid[], ${n + 6}::jsonb[], ${n + 7}::uuid[], ${n + 8}::int[], ${n + 9}::text[]) "
        "AS entry (id, payload, lane, priority, dedupe_key) "
        "ON CONFLICT (dedupe_key) DO NOTHING",
        *first,
        [new_id() for _ in entries],
        now,
        kind,
        due_at or now,
        expires_at,
        [msgspec.json.encode(entry.payload).decode() for entry in entries],
        [entry.lane for entry in entries],
        [int(entry.priority) for entry in entries],
        [entry.dedupe_key for entry in entries],
    )


async def hasten_lane(lane: str) -> None:
    """Have what waits for its time in a lane looked at again now, in the caller's transaction."""
    await execute(
        "UPDATE outbox SET due_at = $2 WHERE lane = $1 AND state = 'queued' AND due_at > $2", lane, clock.now()
    )


async def move_lane(kind: str, lane: str, into: str) -> None:
    """What is still to be done in one lane goes on in another; what is in flight at this moment is nearly done."""
    await execute(
        "UPDATE outbox SET lane = $2 WHERE lane = $1 AND kind = $3 AND state IN ('queued', 'waiting')", lane, into, kind
    )


async def retry_failed(row_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Queue failed rows again, with all their tries before them; the payloads of those that were. Not those whose time
    has passed, nor any that are unknown: these are never repeated."""
    rows = await fetch(
        "UPDATE outbox SET state = 'queued', due_at = $2, attempts = 0, finished_at = NULL, left_at = NULL, error = '' "
        "WHERE id = ANY($1) AND state = 'failed' AND (expires_at IS NULL OR expires_at > $2) RETURNING payload",
        list(row_ids),
        clock.now(),
    )
    return [msgspec.json.decode(row["payload"]) for row in rows]
