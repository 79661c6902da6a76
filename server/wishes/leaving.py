"""When somebody is blocked or withdraws, their open wishes are handed to staff, and what they took on goes back; when
two persons turn out to be one, it moves."""

from server.accounts.cancelling import MatterKind, OpenMatter
from server.foundation import clock
from server.foundation.database import execute, fetch
from server.foundation.errors import WrongState
from server.notifications.telling import notify
from server.organizations.access import role_holders
from server.wishes import messages
from server.wishes.claiming import close_share, helpers_of, put_back_on_wall
from server.wishes.models import ClaimState
from server.wishes.rules import WishAction
from server.wishes.steps import Step, begin_step, finish_step

ERASED_TITLE = "（发布人已注销）"


async def settle_wishes_of_leaver(person_id: str) -> None:
    """In the transaction in which the person is blocked or withdraws. Nothing is lost: staff stand in for the wishes,
    claimed ones stay with their claimers, and what the person held is on the wall again. Drafts are withdrawn: nobody
    else was meant to read them. What was reported done waits for its wisher as before."""
    rows = await fetch(
        "SELECT id FROM wish WHERE (author_id = $1 OR beneficiary_id = $1) AND handed_to_staff_at IS NULL "
        "AND state NOT IN ('refused', 'fulfilled', 'expired', 'withdrawn') "
        "UNION SELECT wish_id FROM wish_claim WHERE claimer_id = $1 AND state = 'open' "
        "UNION SELECT c.wish_id FROM wish_share s JOIN wish_claim c ON c.id = s.claim_id "
        "WHERE s.person_id = $1 AND s.ended_at IS NULL AND c.state = 'open' "
        # In the order of ids, as everybody locks several wishes.
        "ORDER BY 1",
        person_id,
    )
    for row in rows:
        await _settle(row["id"], person_id)
    # Nor is their story shown any longer.
    await execute("UPDATE wish_claim SET claimer_agreed_at = NULL WHERE claimer_id = $1", person_id)
    await execute(
        "UPDATE wish_claim c SET wisher_agreed_at = NULL FROM wish w WHERE w.id = c.wish_id "
        "AND (w.author_id = $1 OR w.beneficiary_id = $1)",
        person_id,
    )


async def move_wishes(from_id: str, into_id: str) -> None:
    """Person `from_id` turned out to be `into_id`: their wishes and claims move."""
    await execute("UPDATE wish SET author_id = $2 WHERE author_id = $1", from_id, into_id)
    await execute("UPDATE wish SET beneficiary_id = $2 WHERE beneficiary_id = $1", from_id, into_id)
    await execute("UPDATE wish_claim SET claimer_id = $2 WHERE claimer_id = $1", from_id, into_id)
    await execute("UPDATE wish_note SET author_id = $2 WHERE author_id = $1", from_id, into_id)
    # Both may share in one claim; then the share of `from_id` stays where it is, as their points do.
    await execute(
        "UPDATE wish_share s SET person_id = $2 WHERE person_id = $1 AND NOT EXISTS "
        "(SELECT 1 FROM wish_share o WHERE o.claim_id = s.claim_id AND o.person_id = $2)",
        from_id,
        into_id,
    )


async def _settle(wish_id: str, person_id: str) -> None:
    if draft := await _begin(wish_id, WishAction.WITHDRAW):
        await finish_step(draft)
        return
    step = await _begin(wish_id, WishAction.HAND_TO_STAFF)
    if step is None:
        return
    wish, claim = step.wish, step.holder
    if person_id in (wish.author_id, wish.beneficiary_id):
        wish.handed_to_staff_at = clock.now()
        await finish_step(step)
        await notify(await role_holders(wish.community_id), messages.HANDED_TO_STAFF, wish=wish_id)
    elif claim and claim.state is ClaimState.OPEN:
        if claim.claimer_id == person_id:
            await put_back_on_wall(await begin_step(wish_id, WishAction.RELEASE, None), "left", None)
        elif person_id in await helpers_of(claim):
            await _end_share(wish_id, person_id)


async def _end_share(wish_id: str, person_id: str) -> None:
    step = await begin_step(wish_id, WishAction.END_SHARE, None)
    await close_share(step.claim, person_id)
    await finish_step(step)
    await notify(step.claim.claimer_id, messages.SHARE_ENDED, wish=wish_id, person=person_id)


async def _begin(wish_id: str, action: WishAction) -> Step | None:
    """The step by the system, the wish under lock; None where its state does not allow it (any more)."""
    try:
        return await begin_step(wish_id, action, None)
    except WrongState:
        return None


async def open_wishes_of(person_id: str) -> list[OpenMatter]:
    """Wishes of the person's that are not done, and those that they have claimed."""
    rows = await fetch(
        "SELECT title, beneficiary_id = $1 OR author_id = $1 AS own FROM wish WHERE ((author_id = $1 "
        "OR beneficiary_id = $1) AND handed_to_staff_at IS NULL "
        "AND state NOT IN ('refused', 'fulfilled', 'expired', 'withdrawn')) "
        "OR id IN (SELECT wish_id FROM wish_claim WHERE claimer_id = $1 AND state IN ('open', 'reported')) ORDER BY id",
        person_id,
    )
    return [OpenMatter(MatterKind.WISH if row["own"] else MatterKind.CLAIM, row["title"]) for row in rows]


async def erase_wishes_of(person_id: str) -> None:
    """What nobody but the person read goes altogether; of the others, whatever the person wrote and where to find
    them. That there was a wish, and who fulfilled it, stays."""
    unread = (
        "SELECT id FROM wish w WHERE (author_id = $1 OR beneficiary_id = $1) AND submitted_at IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM wish_claim c WHERE c.wish_id = w.id)"
    )
    await execute(f"DELETE FROM wish WHERE id IN ({unread})", person_id)
    await execute(
        "UPDATE wish SET address = NULL, phone = NULL, picture_ids = '{}', "
        "title = CASE WHEN state IN ('refused', 'fulfilled', 'expired', 'withdrawn') THEN $2 ELSE title END, "
        "text = CASE WHEN state IN ('refused', 'fulfilled', 'expired', 'withdrawn') THEN '' ELSE text END, "
        "place = '' WHERE author_id = $1 OR beneficiary_id = $1",
        person_id,
        ERASED_TITLE,
    )
    await execute(
        "UPDATE wish_claim c SET words = '', thanks_picture_ids = '{}', dispute_reason = '' FROM wish w "
        "WHERE w.id = c.wish_id AND (w.author_id = $1 OR w.beneficiary_id = $1)",
        person_id,
    )
    await execute("UPDATE wish_claim SET note = '', picture_ids = '{}' WHERE claimer_id = $1", person_id)
    await execute("UPDATE wish_note SET text = '', picture_ids = '{}' WHERE author_id = $1", person_id)
