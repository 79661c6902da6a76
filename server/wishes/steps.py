"""One step of a wish: lock it, ask the table, change wish and claim together. Every verb goes through here."""

from typing import Any

from server.foundation import clock
from server.foundation.database import fetch_one
from server.foundation.errors import NotFound
from server.foundation.rows import lock_row, write_together
from server.organizations.access import LIAISONS, WORKERS, holds_role_at, kinds_held, role_holders
from server.wishes.models import HOLDING, Wish, WishClaim, WishState
from server.wishes.rules import (
    HOLDER_BECOMES,
    WISH_TABLE,
    WishAction,
    WishActor,
    claim_due_at,
    may_see,
    next_escalation,
    shortest_due_at,
)
from server.wishes.terms import Terms


class Step:
    """A wish under lock, the claim that holds it, and where the action leads."""

    def __init__(
        self, wish: Wish, holder: WishClaim | None, action: WishAction, following: WishState, actors: set[WishActor]
    ) -> None:
        self.wish, self.holder, self.action, self.following, self.actors = wish, holder, action, following, actors

    @property
    def claim(self) -> WishClaim:
        """The holder, where the table makes sure that there is one."""
        assert self.holder, f"a wish that is {self.wish.state} has a holder"
        return self.holder


async def begin_step(wish_id: str, action: WishAction, person_id: str | None) -> Step:
    """Lock the wish in the caller's transaction and ask the table; `person_id` None is the system.

    Raises NotFound when there is no such wish for this person, NotAllowed and WrongState as the table says.
    """
    # The wish's row is what people race for (200 taps on one wish; a claim against a withdrawal): who locks it first
    # decides, and the next one reads what became of it.
    wish, holder, actors = await find_wish(wish_id, person_id, lock=True)
    if not may_see(wish.state, actors):
        raise NotFound()
    return Step(wish, holder, action, WISH_TABLE.next_state(wish.state, action, actors), actors)


async def finish_step(step: Step, *, reason: str = "", claim: WishClaim | None = None) -> None:
    """Write the wish and its holder as the table says, and a new `claim`; `reason` is kept with one that ends."""
    wish = step.wish
    wish.state = step.following
    if wish.state is WishState.CLAIMED and wish.first_claimed_at is None:
        wish.first_claimed_at = clock.now()
    is_on_wall = wish.state is WishState.PUBLISHED
    wish.escalate_at = next_escalation(wish.wished_by, wish.escalation) if is_on_wall and wish.wished_by else None
    wish.changed_at = clock.now()
    rows: list[Wish | WishClaim] = [claim, wish] if claim else [wish]
    if step.holder and (becomes := HOLDER_BECOMES.get(step.action)):
        step.holder.state = becomes
        if becomes not in HOLDING:
            step.holder.ended_at, step.holder.end_reason = clock.now(), reason
        rows.append(step.holder)
    await write_together(*rows)


async def find_wish(
    wish_id: str, person_id: str | None, *, lock: bool = False
) -> tuple[Wish, WishClaim | None, set[WishActor]]:
    """The wish, the claim that holds it, and in which qualities the person acts on it (None is the system); whether
    they may see it is for the caller to ask. Raises NotFound."""
    wish = await (lock_row(Wish, wish_id) if lock else Wish.get_or_none(id=wish_id))
    if wish is None:
        raise NotFound()
    stakes = await fetch_one(f"SELECT {STAKES} FROM wish w {HOLDER} WHERE w.id = $1", wish_id, person_id)
    assert stakes
    holder = await WishClaim.get(id=stakes["claim_id"]) if stakes["claim_id"] else None
    return wish, holder, actors_of(person_id, stakes)


HOLDER = "LEFT JOIN wish_claim h ON h.wish_id = w.id AND h.state IN ('open', 'reported', 'fulfilled')"
"""SQL: the claim that holds wish `w`, where there is one."""

STAKES = (
    "w.author_id, w.beneficiary_id, w.handed_to_staff_at, h.id AS claim_id, h.claimer_id, h.unit_id, h.team_id, "
    "EXISTS (SELECT 1 FROM role_grant g WHERE g.person_id = $2 AND g.organization_id = h.unit_id "
    "AND g.kind = 'liaison' AND g.ended_at IS NULL) AS acts_for_unit, "
    "(EXISTS (SELECT 1 FROM team_member m WHERE m.team_id = h.team_id AND m.person_id = $2 AND m.left_at IS NULL) "
    "OR EXISTS (SELECT 1 FROM wish_share s WHERE s.claim_id = h.id AND s.person_id = $2 AND s.ended_at IS NULL)) "
    f"AS is_in_team, {kinds_held('$2', 'w.community_id')} AS roles"
)
"""SQL: all by which the person $2 can be something to wish `w`, joined with its HOLDER."""


def actors_of(person_id: str | None, stakes: Any) -> set[WishActor]:
    """In which qualities the person, or the system (None), acts on the wish of a row of STAKES."""
    if person_id is None:
        return {WishActor.SYSTEM}
    actors = set()
    # Who wrote it for somebody else speaks for them no more once it was handed to the staff.
    is_author = person_id == stakes["author_id"] and stakes["handed_to_staff_at"] is None
    if person_id == stakes["beneficiary_id"] or is_author:
        actors.add(WishActor.WISHER)
    elif stakes["unit_id"]:
        # One who claimed for a unit and has left it since no longer holds anything; its other liaisons do.
        if stakes["acts_for_unit"]:
            actors.add(WishActor.CLAIMER)
    elif stakes["claimer_id"] == person_id:
        actors.add(WishActor.CLAIMER)
    elif stakes["team_id"] and stakes["is_in_team"]:
        actors.add(WishActor.HELPER)
    if not actors & {WishActor.WISHER, WishActor.CLAIMER}:
        actors.add(WishActor.RESIDENT)
    if (
        person_id not in (stakes["beneficiary_id"], stakes["claimer_id"])
        and not actors & {WishActor.CLAIMER, WishActor.HELPER}
        and not set(WORKERS).isdisjoint(stakes["roles"])
    ):
        actors.add(WishActor.STAFF)
        if stakes["handed_to_staff_at"]:
            actors.add(WishActor.STAND_IN)
    return actors


async def acts_for_unit(person_id: str, unit_id: str) -> bool:
    """Whether the person is a liaison of this very unit."""
    return await holds_role_at(person_id, unit_id, LIAISONS)


def wisher_ids(wish: Wish) -> set[str]:
    """Who wishes, and who wrote it for them: nobody of them claims it."""
    return {wish.author_id, wish.beneficiary_id}


async def whom_to_tell(wish: Wish) -> set[str]:
    """Who is told what becomes of the wish: who wishes, who stands in for them, and the staff it was handed to."""
    if wish.handed_to_staff_at is None:
        return wisher_ids(wish)
    return {wish.beneficiary_id, *await role_holders(wish.community_id)}


def new_claim(
    wish: Wish, claimer_id: str, terms: Terms, *, unit_id: str | None = None, team_id: str | None = None
) -> WishClaim:
    """The wish is this person's from now on, for themselves, for a unit or with a team; for the caller to write."""
    assert wish.wished_by
    return WishClaim(
        wish_id=wish.id,
        claimer_id=claimer_id,
        unit_id=unit_id,
        team_id=team_id,
        quantity=wish.quantity,
        due_at=claim_due_at(clock.now(), wish.wished_by, terms.claim_days),
    )


def extend_claim(claim: WishClaim) -> None:
    """Give a claimer whose wish was held up elsewhere (in review, in the content check) the shortest time at least."""
    due_at = shortest_due_at(clock.now())
    if due_at > claim.due_at:
        claim.due_at, claim.reminded_at = due_at, None
