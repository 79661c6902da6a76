"""Where time runs out: unclaimed wishes, claims that nothing comes of, wishers who do not answer."""

from datetime import datetime, timedelta
from typing import Any

from server.background.sweeps import Batch, Sweep
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value, transaction
from server.foundation.dates import end_of, today
from server.notifications.service import notify
from server.organizations.access import role_holders
from server.wishes import messages
from server.wishes.claiming import tell_helpers_of_end
from server.wishes.escalation import escalate_wish
from server.wishes.rules import ANSWER_DAYS, REMIND_BEFORE, Action
from server.wishes.steps import begin_step, finish_step, whom_to_tell

_BATCH = 50


async def expire_wishes() -> int:
    """Close wishes whose day has passed and which nobody claimed; the wisher is told and may renew."""
    batch = Batch("wishes_expire")
    async with transaction():
        rows = await fetch(
            "SELECT id FROM wish WHERE state IN ('submitted', 'returned', 'published') AND wished_by < $1 "
            f"AND id <> ALL($2) ORDER BY wished_by, id LIMIT {_BATCH} FOR UPDATE SKIP LOCKED",
            today(),
            batch.passed_over,
        )
        for row in rows:
            async with batch.row(row["id"]):
                step = await begin_step(row["id"], Action.EXPIRE, None)
                was = str(step.wish.state)
                await finish_step(step)
                told = await whom_to_tell(step.wish)
                await notify(told, messages.EXPIRED, wish=row["id"], was=was, at=clock.now())
    return batch.finish()


async def return_idle_claims() -> int:
    """Claims that were due and of which nothing was reported end; the wish goes back to the wall, both are told."""
    batch = Batch("wish_claims_return_idle")
    async with transaction():
        now = clock.now()
        condition = "c.state = 'open' AND c.due_at <= $1 AND w.state = 'claimed'"
        for row in await _claims_to_do(batch, condition, "c.due_at", now):
            async with batch.row(row["id"]):
                step = await begin_step(row["wish_id"], Action.RETURN_IDLE, None)
                await finish_step(step)
                claimer_id = step.claim.claimer_id
                await notify(claimer_id, messages.CLAIM_OVERDUE, wish=row["wish_id"])
                await tell_helpers_of_end(step)
                told = await whom_to_tell(step.wish)
                await notify(told, messages.BACK_ON_WALL, wish=row["wish_id"], why="idle", at=now)
    return batch.finish()


async def remind_claimers() -> int:
    """Tell claimers once, a day before it is due."""
    batch = Batch("wish_claims_remind")
    async with transaction():
        now = clock.now()
        condition = "c.state = 'open' AND c.reminded_at IS NULL AND c.due_at <= $1 AND w.state = 'claimed'"
        for row in await _claims_to_do(batch, condition, "c.due_at", now + REMIND_BEFORE):
            async with batch.row(row["id"]):
                if row["due_at"] > now:
                    await notify(row["claimer_id"], messages.CLAIM_DUE, wish=row["wish_id"], due=row["due_at"])
                await execute("UPDATE wish_claim SET reminded_at = $2 WHERE id = $1", row["id"], now)
    return batch.finish()


async def tell_staff_of_unanswered() -> int:
    """Where a wisher has not answered a report for seven days, staff are asked to call, once."""
    batch = Batch("wishes_unanswered")
    async with transaction():
        now = clock.now()
        condition = "c.state = 'reported' AND c.staff_told_at IS NULL AND c.reported_at <= $1 AND w.state = 'reported'"
        for row in await _claims_to_do(batch, condition, "c.reported_at", now - timedelta(days=ANSWER_DAYS)):
            async with batch.row(row["id"]):
                await notify(await role_holders(row["community_id"]), messages.UNANSWERED, wish=row["wish_id"])
                await execute("UPDATE wish_claim SET staff_told_at = $2 WHERE id = $1", row["id"], now)
    return batch.finish()


async def _claims_to_do(batch: Batch, condition: str, order: str, due: datetime) -> list[Any]:
    """Claims whose time has come, their wishes locked; what another worker or a person is busy with is left to them.

    The claim is locked too: a claim that ended while we waited no longer meets the condition and drops out.
    """
    return await fetch(
        "SELECT c.id, c.wish_id, c.claimer_id, c.due_at, w.community_id FROM wish_claim c "
        f"JOIN wish w ON w.id = c.wish_id WHERE {condition} AND c.id <> ALL($2) "
        f"ORDER BY {order}, c.id LIMIT {_BATCH} FOR UPDATE OF w, c SKIP LOCKED",
        due,
        batch.passed_over,
    )


async def escalate_unclaimed_wishes() -> int:
    """Near the wished-by date, those are asked to find somebody who look after the unclaimed: each once, from below."""
    batch = Batch("wishes_escalate")
    async with transaction():
        rows = await fetch(
            "SELECT id FROM wish WHERE escalate_at <= $1 AND id <> ALL($2) "
            f"ORDER BY escalate_at, id LIMIT {_BATCH} FOR UPDATE SKIP LOCKED",
            clock.now(),
            batch.passed_over,
        )
        for row in rows:
            async with batch.row(row["id"]):
                await escalate_wish(row["id"])
    return batch.finish()


async def _expiry_lag() -> float:
    wished_by = await fetch_value(
        "SELECT min(wished_by) FROM wish WHERE state IN ('submitted', 'returned', 'published') AND wished_by < $1",
        today(),
    )
    return (clock.now() - end_of(wished_by)).total_seconds() if wished_by else 0.0


async def _idle_lag() -> float:
    due_at = await fetch_value(
        "SELECT min(c.due_at) FROM wish_claim c JOIN wish w ON w.id = c.wish_id "
        "WHERE c.state = 'open' AND c.due_at <= $1 AND w.state = 'claimed'",
        clock.now(),
    )
    return (clock.now() - due_at).total_seconds() if due_at else 0.0


async def _remind_lag() -> float:
    due_at = await fetch_value(
        "SELECT min(c.due_at) FROM wish_claim c JOIN wish w ON w.id = c.wish_id "
        "WHERE c.state = 'open' AND c.reminded_at IS NULL AND c.due_at <= $1 AND w.state = 'claimed'",
        clock.now() + REMIND_BEFORE,
    )
    return (clock.now() + REMIND_BEFORE - due_at).total_seconds() if due_at else 0.0


async def _unanswered_lag() -> float:
    since = clock.now() - timedelta(days=ANSWER_DAYS)
    reported_at = await fetch_value(
        "SELECT min(c.reported_at) FROM wish_claim c JOIN wish w ON w.id = c.wish_id "
        "WHERE c.state = 'reported' AND c.staff_told_at IS NULL AND c.reported_at <= $1 AND w.state = 'reported'",
        since,
    )
    return (since - reported_at).total_seconds() if reported_at else 0.0


async def _escalation_lag() -> float:
    due_at = await fetch_value("SELECT min(escalate_at) FROM wish WHERE escalate_at IS NOT NULL")
    return max((clock.now() - due_at).total_seconds(), 0.0) if due_at else 0.0


SWEEPS: list[Sweep] = [
    Sweep("wishes_expire", timedelta(minutes=1), expire_wishes, _expiry_lag),
    Sweep("wish_claims_return_idle", timedelta(minutes=1), return_idle_claims, _idle_lag),
    Sweep("wishes_escalate", timedelta(minutes=1), escalate_unclaimed_wishes, _escalation_lag),
    Sweep("wish_claims_remind", timedelta(minutes=1), remind_claimers, _remind_lag),
    Sweep("wishes_unanswered", timedelta(minutes=5), tell_staff_of_unanswered, _unanswered_lag),
]
