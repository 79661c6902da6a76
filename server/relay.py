"""The relay: claims outbox rows, commits a lease, carries them out outside any transaction, and records the result.

Any number of relays run at once: FOR UPDATE SKIP LOCKED gives each its own rows, and one index keeps a lane to one row
in flight. A relay that dies leaves leases; another one settles them.
"""

import asyncio
import random
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import structlog
from prometheus_client import Counter

from server import clock
from server.database import IntegrityError, execute, fetch, fetch_one, transaction
from server.outbox import EFFECTS, CannotSucceed, OutboxState, OutcomeUnknown, Record, RetryLater

log = structlog.get_logger()

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 8
_FIRST_PAUSE = 2.0
_LONGEST_PAUSE = 600.0

_finished = Counter("linli_outbox_finished_total", "Outbox rows that reached a state", ["kind", "state"])


class ClaimedRow(msgspec.Struct):
    """A row that this relay holds until `lease_until`."""

    id: str
    kind: str
    payload: dict[str, Any]
    attempts: int
    lease_until: datetime


async def claim_rows(limit: int) -> list[ClaimedRow]:
    """Take up to `limit` due rows, urgent ones first; a lane's earlier rows always before its later ones."""
    now = clock.now()
    try:
        rows = await fetch(
            "UPDATE outbox SET state = 'in_flight', lease_until = $2, attempts = attempts + 1 WHERE id IN ("
            " SELECT o.id FROM outbox o WHERE o.state IN ('queued', 'waiting') AND o.due_at <= $1"
            "  AND (o.lane IS NULL OR NOT EXISTS (SELECT 1 FROM outbox e WHERE e.lane = o.lane"
            "   AND e.state IN ('queued', 'waiting', 'in_flight') AND e.id <> o.id"
            "   AND (e.state = 'in_flight' OR e.id < o.id AND (e.state = 'waiting' OR e.due_at <= $1))))"
            " ORDER BY o.urgent DESC, o.due_at, o.id LIMIT $3 FOR UPDATE SKIP LOCKED)"
            " RETURNING id, kind, payload, attempts, lease_until, expires_at",
            now,
            clock.real_now() + LEASE,
            limit,
        )
    except IntegrityError:
        # Another relay put the same lane in flight between our snapshot and our write; the next round sees it.
        return []
    claimed = []
    for row in rows:
        if row["expires_at"] and row["expires_at"] <= now:
            await _finish(row["id"], row["kind"], row["lease_until"], OutboxState.EXPIRED, "", None)
            continue
        claimed.append(ClaimedRow(row["id"], row["kind"], _payload(row), row["attempts"], row["lease_until"]))
    return claimed


async def carry_out(row: ClaimedRow) -> None:
    """Do what the row says and record how it ended. Never raises for what the effect does."""
    effect = EFFECTS.get(row.kind)
    if effect is None:
        await _finish(row.id, row.kind, row.lease_until, OutboxState.FAILED, "unknown kind", None)
        return
    state, reason, record = OutboxState.DONE, "", None
    try:
        record = await effect.run(row.payload)
    except RetryLater as retry:
        if row.attempts < MAX_ATTEMPTS:
            await _put_back(row, str(retry), retry.pause)
            return
        state, reason = OutboxState.FAILED, f"gave up: {retry}"
    except CannotSucceed as failure:
        state, reason, record = OutboxState.FAILED, str(failure), failure.record
    except OutcomeUnknown as unknown:
        state, reason, record = OutboxState.UNKNOWN, str(unknown), unknown.record
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        # The database went away under the effect; the lease settles what becomes of the row.
        log.warning("outbox_interrupted", kind=row.kind, error=type(error).__name__)
        return
    except Exception as error:
        log.error("outbox_effect_failed", kind=row.kind, row=row.id, exc_info=error)
        state, reason = OutboxState.FAILED, type(error).__name__
    await _finish(row.id, row.kind, row.lease_until, state, reason, record)


async def settle_expired_leases(limit: int = 100) -> int:
    """Rows whose relay died: queued again where repeating is harmless, otherwise unknown (never sent twice)."""
    rows = await fetch(
        "SELECT id, kind, lease_until FROM outbox WHERE state = 'in_flight' AND lease_until < $1 LIMIT $2",
        clock.real_now(),
        limit,
    )
    for row in rows:
        effect = EFFECTS.get(row["kind"])
        if effect and effect.repeatable:
            await execute(
                "UPDATE outbox SET state = 'waiting', lease_until = NULL, due_at = $3 "
                "WHERE id = $1 AND state = 'in_flight' AND lease_until = $2",
                row["id"],
                row["lease_until"],
                clock.now(),
            )
        else:
            await _finish(row["id"], row["kind"], row["lease_until"], OutboxState.UNKNOWN, "relay died", None)
    return len(rows)


async def run_relay(stop: asyncio.Event, *, at_once: int = 16, idle_seconds: float = 0.2) -> None:
    """Carry out rows until `stop`, `at_once` at a time; those in flight are finished before it returns."""
    running: set[asyncio.Task[None]] = set()
    while not stop.is_set():
        free = at_once - len(running)
        claimed: list[ClaimedRow] = []
        if free:
            try:
                claimed = await claim_rows(free)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("relay_waits_for_database", error=type(error).__name__)
        for row in claimed:
            task = asyncio.create_task(carry_out(row))
            running.add(task)
            task.add_done_callback(running.discard)
        if claimed and len(running) < at_once:
            continue
        await _wait(stop, running, idle_seconds)
    if running:
        await asyncio.wait(running)


async def drain_outbox() -> int:
    """Carry out everything that is due now, one after another: for tests, and for a server without a worker."""
    done = 0
    while rows := await claim_rows(50):
        for row in rows:
            await carry_out(row)
            done += 1
    return done


def _payload(row: asyncpg.Record) -> dict[str, Any]:
    payload: Any = row["payload"]
    return msgspec.json.decode(payload, type=dict[str, Any]) if isinstance(payload, str) else payload


async def _wait(stop: asyncio.Event, running: set[asyncio.Task[None]], seconds: float) -> None:
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({stopping, *running}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()


async def _put_back(row: ClaimedRow, reason: str, pause: timedelta | None) -> None:
    if pause is None:
        # Full jitter: after an outage not everything comes back in the same second.
        longest = min(_FIRST_PAUSE * 2 ** (row.attempts - 1), _LONGEST_PAUSE)
        pause = timedelta(seconds=longest * (0.5 + random.random() / 2))  # noqa: S311 (jitter, no secret)
    await execute(
        "UPDATE outbox SET state = 'waiting', lease_until = NULL, due_at = $3, error = $4 "
        "WHERE id = $1 AND state = 'in_flight' AND lease_until = $2",
        row.id,
        row.lease_until,
        clock.now() + pause,
        reason[:200],
    )
    _finished.labels(row.kind, OutboxState.WAITING).inc()


async def _finish(
    row_id: str, kind: str, lease_until: datetime, state: OutboxState, reason: str, record: Record | None
) -> None:
    async with transaction():
        # The lease is the fence: a row that another relay has settled meanwhile is not touched.
        row = await fetch_one(
            "UPDATE outbox SET state = $3, lease_until = NULL, finished_at = $4, error = $5 "
            "WHERE id = $1 AND state = 'in_flight' AND lease_until = $2 RETURNING payload",
            row_id,
            lease_until,
            str(state),
            clock.now(),
            reason[:200],
        )
        effect = EFFECTS.get(kind)
        if row and record:
            await record()
        elif row and effect and effect.ended and state is not OutboxState.DONE:
            await effect.ended(_payload(row), state)
    _finished.labels(kind, state).inc()
