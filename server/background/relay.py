"""The relay: claims outbox rows, commits a lease, carries them out outside any transaction, and records the result.

Any number of relays run at once: FOR UPDATE SKIP LOCKED gives each its own rows, and one index keeps a lane to one row
in flight. A relay that dies leaves leases; another one settles them.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import structlog

from server.background.outbox import (
    EFFECTS,
    Attempt,
    Effect,
    Ended,
    NotBefore,
    OutboxState,
    Priority,
    Record,
    RetryLater,
    current_attempt,
)
from server.background.sweeps import due_sweep
from server.foundation import clock
from server.foundation.database import IntegrityError, execute, fetch, fetch_one, is_unreachable, transaction

log = structlog.get_logger()

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 8
SHARES = {Priority.URGENT: 1.0, Priority.NORMAL: 0.875, Priority.BULK: 0.5}
"""How much of a relay's capacity rows of each priority may fill together with those below them: a platform that hangs
must not have every place taken by announcements when something urgent comes."""

_FIRST_PAUSE = 2.0
_LONGEST_PAUSE = 600.0
_WORTH_PARKING = timedelta(seconds=20)
_RECORD_TRIES = 5
_GATHER_SECONDS = 0.01
_TELL_SECONDS, _STUCK_SECONDS = 30.0, 60.0

# PostgreSQL's idea of how many rows wait is a minute old. A plan for few, met by a hundred thousand announcements,
# would read and sort them all for each claim.
_BY_INDEX = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off"

# One pass over the priorities, highest first; each is a range of the index outbox_due. Of a lane only one row can be
# claimed: not while another is in flight, nor before a due one of higher priority, nor before an earlier one of the
# same priority that is due or waits for its next try. (Materialized: as a plain subquery a plan may run it again for
# each row that it updates, and claim far more than its limit.)
_CLAIM = """
WITH picked AS MATERIALIZED (
    SELECT due.id FROM unnest($3::int[], $4::int[]) AS share(priority, room)
    CROSS JOIN LATERAL (
        SELECT o.id FROM outbox o
        WHERE o.state IN ('queued', 'waiting') AND o.priority = share.priority AND o.due_at <= $1
        AND (o.lane IS NULL OR NOT EXISTS (
            SELECT 1 FROM outbox e WHERE e.lane = o.lane AND e.state IN ('queued', 'waiting', 'in_flight')
            AND e.id <> o.id AND (
                e.state = 'in_flight' OR e.priority > o.priority AND e.due_at <= $1
                OR e.priority = o.priority AND e.id < o.id AND (e.state = 'waiting' OR e.due_at <= $1))))
        ORDER BY o.due_at, o.id LIMIT share.room FOR UPDATE SKIP LOCKED
    ) AS due LIMIT $5)
UPDATE outbox SET state = 'in_flight', lease_until = $2, attempts = attempts + 1 FROM picked WHERE outbox.id = picked.id
RETURNING outbox.id, kind, lane, priority, payload, attempts, lease_until, expires_at
"""


class RelayStuck(Exception):
    """Nothing could be claimed for so long that connections made anew are worth a try."""


class ClaimedRow(msgspec.Struct):
    """A row that this relay holds until `lease_until`."""

    id: str
    kind: str
    lane: str | None
    priority: int
    payload: dict[str, Any]
    attempts: int
    lease_until: datetime
    expires_at: datetime | None


async def claim_rows(limit: int, rooms: dict[Priority, int] | None = None) -> list[ClaimedRow]:
    """Take up to `limit` due rows, and of each priority no more than its room, highest first."""
    rooms = rooms or dict.fromkeys(Priority, limit)
    ordered = sorted((int(priority), room) for priority, room in rooms.items() if room > 0)[::-1]
    try:
        async with transaction():
            await execute(_BY_INDEX)
            rows = await fetch(
                _CLAIM,
                clock.now(),
                clock.real_now() + LEASE,
                [priority for priority, _ in ordered],
                [room for _, room in ordered],
                limit,
            )
    except (IntegrityError, asyncpg.DeadlockDetectedError):
        # Another relay put the same lane in flight between our snapshot and our write; the next round sees it.
        return []
    return [_row(row) for row in sorted(rows, key=lambda row: (-row["priority"], row["id"]))]


async def carry_out(row: ClaimedRow) -> None:
    """Do what the row says and record how it ended. Never raises, whatever the effect and its Record do."""
    effect = EFFECTS.get(row.kind)
    if effect is None:
        await _settle(row, None, OutboxState.FAILED, "unknown kind")
    elif row.expires_at and row.expires_at <= clock.now():
        await _settle(row, effect, OutboxState.EXPIRED, "")
    else:
        await _try(row, effect)


async def _settle_lease(found: Any) -> None:
    """A row whose relay died: unknown where a call that must not happen twice had begun; any other is queued again."""
    row = _row(found)
    effect = EFFECTS.get(row.kind)
    if found["left_at"] and not (effect and effect.repeatable):
        await _settle(row, effect, OutboxState.UNKNOWN, "relay died")
    elif row.attempts >= MAX_ATTEMPTS:
        # Perhaps it is the row that kills its relays.
        await _settle(row, effect, OutboxState.FAILED, "gave up: relay died")
    else:
        await _put_back(row, "relay died", clock.now())


EXPIRED_LEASES = due_sweep(
    "expired_leases",
    timedelta(seconds=5),
    rows="outbox",
    where="state = 'in_flight'",
    due="lease_until",
    before=clock.real_now,
    columns="kind, lane, priority, payload, attempts, lease_until, expires_at, left_at",
    do=_settle_lease,
    # Each is settled by a statement that asks for this very lease.
    lock="",
    batch=100,
)


async def run_relay(stop: asyncio.Event, *, at_once: int = 16, idle_seconds: float = 0.2) -> None:
    """Carry out rows until `stop`, `at_once` at a time; those in flight are finished before it returns.

    Raises RelayStuck where no row could be claimed for a minute.
    """
    running: set[asyncio.Task[None]] = set()
    outage = _Outage()
    while not stop.is_set() and not outage.is_long:
        rooms = {priority: int(at_once * share) - len(running) for priority, share in SHARES.items()}
        claimed: list[ClaimedRow] = []
        if rooms[Priority.URGENT] > 0:
            try:
                claimed = await claim_rows(rooms[Priority.URGENT], rooms)
                outage = _Outage()
            except Exception as error:
                outage.note(error)
        for row in claimed:
            task = asyncio.create_task(carry_out(row))
            running.add(task)
            task.add_done_callback(running.discard)
        if claimed:
            # Some more finish meanwhile, so that the next claim is worth its query.
            await asyncio.sleep(_GATHER_SECONDS)
        await _wait(stop, running, idle_seconds)
    if running:
        await asyncio.wait(running)
    if outage.is_long:
        raise RelayStuck


class _Outage:
    """That no row can be claimed: said at once, and then every half minute."""

    def __init__(self) -> None:
        self.began_at: float | None = None
        self.told = 0

    def note(self, error: Exception) -> None:
        now = time.monotonic()
        self.began_at = self.began_at or now
        if (now - self.began_at) // _TELL_SECONDS >= self.told:
            self.told += 1
            if is_unreachable(error):
                log.warning("relay_waits_for_database", error=type(error).__name__)
            else:
                log.error("relay_cannot_claim", exc_info=error)

    @property
    def is_long(self) -> bool:
        return self.began_at is not None and time.monotonic() - self.began_at > _STUCK_SECONDS


async def drain_outbox() -> int:
    """Carry out everything that is due now, one after another: for tests, and for a server without a worker."""
    done = 0
    while rows := await claim_rows(50):
        for row in rows:
            await carry_out(row)
            done += 1
    return done


async def _try(row: ClaimedRow, effect: Effect) -> None:
    attempt = Attempt(row.id, row.lease_until, start_until=row.lease_until - LEASE / 4)
    token = current_attempt.set(attempt)
    try:
        record = await effect.run(row.payload)
    except NotBefore as wait:
        await _put_back(row, "", wait.due_at, was_a_try=False)
    except RetryLater as retry:
        await _retry(row, effect, str(retry), retry.pause)
    except Ended as ended:
        await _settle(row, effect, ended.state, str(ended), ended.record)
    except Exception as error:
        await _settle_broken(row, effect, attempt, error)
    else:
        await _settle(row, effect, OutboxState.DONE, "", record)
    finally:
        current_attempt.reset(token)


async def _settle_broken(row: ClaimedRow, effect: Effect, attempt: Attempt, error: Exception) -> None:
    """The effect itself broke: what it could not foresee, or the database went away under it."""
    reason = type(error).__name__
    if attempt.left and not effect.repeatable:
        log.error("outbox_outcome_unknown", kind=row.kind, row=row.id, exc_info=error)
        await _settle(row, effect, OutboxState.UNKNOWN, reason)
    elif is_unreachable(error) or isinstance(error, asyncpg.TransactionRollbackError):
        log.warning("outbox_interrupted", kind=row.kind, error=reason)
        await _retry(row, effect, reason, None)
    else:
        log.error("outbox_effect_failed", kind=row.kind, row=row.id, exc_info=error)
        await _settle(row, effect, OutboxState.FAILED, reason)


async def _retry(row: ClaimedRow, effect: Effect, reason: str, pause: timedelta | None) -> None:
    if row.attempts >= MAX_ATTEMPTS:
        await _settle(row, effect, OutboxState.FAILED, f"gave up: {reason}")
        return
    if pause is None:
        # With jitter: after an outage not everything comes back in the same second.
        longest = min(_FIRST_PAUSE * 2 ** (row.attempts - 1), _LONGEST_PAUSE)
        pause = timedelta(seconds=longest * (0.5 + random.random() / 2))  # noqa: S311 (jitter, no secret)
    await _put_back(row, reason, clock.now() + pause)


async def _settle(
    row: ClaimedRow, effect: Effect | None, state: OutboxState, reason: str, record: Record | None = None
) -> None:
    """Finish the row together with its Record, whatever happens: a row whose finishing was given up would wait for its
    lease and be done again, for ever."""
    failure = await _persist(row, lambda: _finish(row, effect, state, reason, record))
    if failure is None:
        return
    broken = f"record failed: {type(failure).__name__}"
    if effect and effect.repeatable and row.attempts < MAX_ATTEMPTS:
        await _retry(row, effect, broken, None)
        return
    # It has happened, or may have: never again. Its Record is broken, so the feature notes no more than that it ended.
    ended = OutboxState.FAILED if effect is None or effect.repeatable else OutboxState.UNKNOWN
    if await _persist(row, lambda: _finish(row, effect, ended, broken, None)):
        await _persist(row, lambda: _finish(row, None, ended, broken, None))


async def _persist(row: ClaimedRow, write: Callable[[], Awaitable[None]]) -> Exception | None:
    """Run a transaction, again after a deadlock, and again while the database is away as long as the lease lives: what
    has happened outside should not be forgotten for a restart of the database. What still failed is logged and given.

    Nothing is given where the database stays away: then the lease settles what becomes of the row.
    """
    tries = 0
    while True:
        try:
            await write()
            return None
        except Exception as error:
            tries += 1
            if is_unreachable(error):
                if clock.real_now() > row.lease_until:
                    log.error("outbox_unrecorded", kind=row.kind, row=row.id, error=type(error).__name__)
                    return None
                await asyncio.sleep(0.5)
            elif isinstance(error, asyncpg.TransactionRollbackError) and tries < _RECORD_TRIES:
                await asyncio.sleep(0.02 * 2**tries * random.random())  # noqa: S311 (jitter, no secret)
            else:
                log.error("outbox_record_failed", kind=row.kind, row=row.id, exc_info=error)
                return error


async def _finish(
    row: ClaimedRow, effect: Effect | None, state: OutboxState, reason: str, record: Record | None
) -> None:
    async with transaction():
        # The lease is the fence: a row that another relay has settled meanwhile is not touched.
        held = await fetch_one(
            "UPDATE outbox SET state = $3, lease_until = NULL, finished_at = $4, error = $5 "
            "WHERE id = $1 AND state = 'in_flight' AND lease_until = $2 RETURNING id",
            row.id,
            row.lease_until,
            str(state),
            clock.now(),
            reason[:200],
        )
        if not held:
            return
        if record:
            await record()
        elif effect and effect.ended and state is not OutboxState.DONE:
            await effect.ended(row.payload, state)


async def _put_back(row: ClaimedRow, reason: str, due_at: datetime, *, was_a_try: bool = True) -> None:
    await _persist(row, lambda: _write_back(row, reason, due_at, was_a_try))


async def _write_back(row: ClaimedRow, reason: str, due_at: datetime, was_a_try: bool) -> None:
    async with transaction():
        held = await fetch_one(
            "UPDATE outbox SET state = $3, lease_until = NULL, left_at = NULL, due_at = $4, error = $5, attempts = $6 "
            "WHERE id = $1 AND state = 'in_flight' AND lease_until = $2 RETURNING id",
            row.id,
            row.lease_until,
            str(OutboxState.WAITING if was_a_try else OutboxState.QUEUED),
            due_at,
            reason[:200],
            row.attempts if was_a_try else row.attempts - 1,
        )
        if held and was_a_try and row.lane and due_at - clock.now() > _WORTH_PARKING:
            # Those behind it must wait as long: parked, they are not looked at by every claim meanwhile. (Not behind
            # one that waits for someone's quiet hours to end: what is urgent does not.)
            await execute(
                "UPDATE outbox SET due_at = $4 WHERE lane = $1 AND priority = $2 AND id > $3 "
                "AND state IN ('queued', 'waiting') AND due_at < $4",
                row.lane,
                row.priority,
                row.id,
                due_at,
            )


async def _wait(stop: asyncio.Event, running: set[asyncio.Task[None]], seconds: float) -> None:
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({stopping, *running}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()


def _row(found: asyncpg.Record) -> ClaimedRow:
    fields = {name: found[name] for name in ClaimedRow.__struct_fields__}
    fields["payload"] = msgspec.json.decode(found["payload"])
    return ClaimedRow(**fields)
