"""Looking after what nobody claims: near the wished-by date its grid workers are asked, then the community, then the
subdistrict."""

from server.foundation import clock
from server.foundation.database import fetch, fetch_value
from server.notifications.service import notify
from server.organizations.access import WORKERS, role_holders
from server.organizations.models import RoleKind
from server.organizations.tree import within
from server.wishes import messages
from server.wishes.models import Escalation, Wish
from server.wishes.rules import WishAction, days_left, escalate_at
from server.wishes.steps import begin_step, finish_step


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
