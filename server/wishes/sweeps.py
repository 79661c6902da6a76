"""Where time runs out: unclaimed wishes, claims that nothing comes of, wishers who do not answer."""

from datetime import timedelta
from functools import partial
from typing import Any

from server.background.sweeps import due_sweep
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value
from server.foundation.dates import today
from server.notifications.telling import notify
from server.organizations.access import WORKERS, role_holders
from server.organizations.models import RoleKind
from server.organizations.tree import within
from server.wishes import messages
from server.wishes.claiming import put_back_on_wall
from server.wishes.models import Escalation, Wish
from server.wishes.rules import ANSWER_DAYS, REMIND_BEFORE, WishAction, days_left, escalate_at
from server.wishes.steps import begin_step, finish_step, whom_to_tell

_MINUTE = timedelta(minutes=1)


async def _expire(row: Any) -> None:
    step = await begin_step(row["id"], WishAction.EXPIRE, None)
    was = str(step.wish.state)
    await finish_step(step)
    await notify(await whom_to_tell(step.wish), messages.EXPIRED, wish=row["id"], was=was, at=clock.now())


async def _return_idle(row: Any) -> None:
    step = await begin_step(row["wish_id"], WishAction.RETURN_IDLE, None)
    await put_back_on_wall(step, "idle", messages.CLAIM_OVERDUE)


async def _remind(row: Any) -> None:
    now = clock.now()
    if row["due"] > now:
        await notify(row["claimer_id"], messages.CLAIM_DUE, wish=row["wish_id"], due=row["due"])
    await execute("UPDATE wish_claim SET reminded_at = $2 WHERE id = $1", row["id"], now)


async def _tell_staff(row: Any) -> None:
    await notify(await role_holders(row["community_id"]), messages.UNANSWERED, wish=row["wish_id"])
    await execute("UPDATE wish_claim SET staff_told_at = $2 WHERE id = $1", row["id"], clock.now())


async def _escalate(row: Any) -> None:
    await escalate_wish(row["id"])


async def escalate_wish(wish_id: str) -> None:
    """Ask everybody whose turn has come and who was not asked before; where a turn has nobody, at once the next one's.

    In the caller's transaction, the wish being published and due.
    """
    step = await begin_step(wish_id, WishAction.ESCALATE, None)
    wish, now = step.wish, clock.now()
    assert wish.wished_by
    was_asked = True
    for turn in Escalation:
        if turn <= wish.escalation:
            continue
        if was_asked and escalate_at(wish.wished_by, turn) > now:
            break
        people = await _whose_turn(wish, turn)
        await notify(people, messages.UNCLAIMED, wish=wish_id, left=days_left(wish.wished_by))
        wish.escalation, was_asked = turn, bool(people)
    await finish_step(step)


async def _whose_turn(wish: Wish, turn: Escalation) -> list[str]:
    if turn is Escalation.GRID:
        # The grid's, where staff said which one it is; otherwise all of the community.
        return await _holders_within(wish.grid_id or wish.community_id, within("o.path", "$1"), (RoleKind.GRID_WORKER,))
    if turn is Escalation.COMMUNITY:
        return await _holders_within(wish.community_id, "o.id = $1", WORKERS)
    parent_id = await fetch_value("SELECT parent_id FROM organization WHERE id = $1", wish.community_id)
    return await role_holders(parent_id) if parent_id else []


async def _holders_within(organization_id: str, condition: str, kinds: tuple[RoleKind, ...]) -> list[str]:
    rows = await fetch(
        "SELECT DISTINCT g.person_id FROM organization o JOIN role_grant g ON g.organization_id = o.id "
        f"WHERE {condition} AND g.kind = ANY($2) AND g.ended_at IS NULL ORDER BY g.person_id",
        organization_id,
        [str(kind) for kind in kinds],
    )
    return [row["person_id"] for row in rows]


# The wish is locked, and the claim too: a claim that ended while we looked is no longer due.
_claims = partial(
    due_sweep,
    rows="wish_claim c JOIN wish w ON w.id = c.wish_id",
    row_id="c.id",
    columns="c.wish_id, c.claimer_id, w.community_id",
    lock="UPDATE OF w, c",
)

EXPIRE_WISHES = due_sweep(
    "wishes_expire",
    _MINUTE,
    rows="wish",
    where="state IN ('submitted', 'returned', 'published')",
    due="wished_by",
    before=today,
    do=_expire,
)
"""Wishes whose day has passed and which nobody claimed are closed; the wisher is told and may renew."""

RETURN_IDLE_CLAIMS = _claims(
    "wish_claims_return_idle",
    _MINUTE,
    where="c.state = 'open' AND w.state = 'claimed'",
    due="c.due_at",
    do=_return_idle,
)
"""Claims that were due and of which nothing was reported end; the wish goes back to the wall, both are told."""

REMIND_CLAIMERS = _claims(
    "wish_claims_remind",
    _MINUTE,
    where="c.state = 'open' AND c.reminded_at IS NULL AND w.state = 'claimed'",
    due="c.due_at",
    before=lambda: clock.now() + REMIND_BEFORE,
    do=_remind,
)
"""Claimers are told once, a day before it is due."""

TELL_STAFF_OF_UNANSWERED = _claims(
    "wishes_unanswered",
    timedelta(minutes=5),
    where="c.state = 'reported' AND c.staff_told_at IS NULL AND w.state = 'reported'",
    due="c.reported_at",
    before=lambda: clock.now() - timedelta(days=ANSWER_DAYS),
    do=_tell_staff,
)
"""Where a wisher has not answered a report for seven days, staff are asked to call, once."""

ESCALATE_UNCLAIMED_WISHES = due_sweep("wishes_escalate", _MINUTE, rows="wish", due="escalate_at", do=_escalate)
"""Near the wished-by date, those are asked to find somebody who look after the unclaimed: each once, from below."""
