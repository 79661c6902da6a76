"""One step of a wish: lock it, ask the table, change wish and claim together. Every verb goes through here."""

from datetime import timedelta

from server import clock
from server.database import execute, fetch_value
from server.errors import NotFound
from server.ids import new_id
from server.organizations.access import WORKERS, holds_role
from server.wishes.errors import TooManyOpenClaims
from server.wishes.models import HOLDING, ClaimState, Wish, WishClaim, WishState
from server.wishes.rules import (
    HOLDER_BECOMES,
    MAX_OPEN_CLAIMS,
    SHORTEST_CLAIM_DAYS,
    Action,
    Actor,
    claim_due_at,
    day_ends,
    may_see,
    next_state,
)


class Step:
    """A wish under lock, the claim that holds it, and where the action leads."""

    def __init__(self, wish: Wish, holder: WishClaim | None, action: Action, following: WishState) -> None:
        self.wish, self.holder, self.action, self.following = wish, holder, action, following

    @property
    def claim(self) -> WishClaim:
        """The holder, where the table makes sure that there is one."""
        assert self.holder, f"a wish that is {self.wish.state} has a holder"
        return self.holder


async def begin_step(wish_id: str, action: Action, person_id: str | None) -> Step:
    """Lock the wish in the caller's transaction and ask the table; `person_id` None is the system.

    Raises NotFound when there is no such wish for this person, NotAllowed and WrongState as the table says.
    """
    # The wish's row is what people race for (200 taps on one wish; a claim against a withdrawal): whoever locks it
    # first decides, and the next one reads what became of it.
    wish = await Wish.filter(id=wish_id).select_for_update().get_or_none()
    if wish is None:
        raise NotFound()
    holder = await WishClaim.filter(wish_id=wish_id, state__in=HOLDING).first()
    actors = {Actor.SYSTEM} if person_id is None else await actors_of(person_id, wish, holder)
    if not may_see(wish.state, actors):
        raise NotFound()
    return Step(wish, holder, action, next_state(wish.state, action, actors))


async def finish_step(step: Step, *, reason: str = "") -> None:
    """Write the wish and its holder as the table says; `reason` is kept with a claim that ends."""
    step.wish.state = step.following
    await step.wish.save()
    if step.holder and (becomes := HOLDER_BECOMES.get(step.action)):
        step.holder.state = becomes
        if becomes not in HOLDING:
            step.holder.ended_at, step.holder.end_reason = clock.now(), reason
        await step.holder.save()


async def actors_of(person_id: str, wish: Wish, holder: WishClaim | None) -> set[Actor]:
    """In which qualities the person acts on this wish."""
    actors = set()
    if person_id in wisher_ids(wish):
        actors.add(Actor.WISHER)
    if holder and holder.claimer_id == person_id:
        actors.add(Actor.CLAIMER)
    if not actors:
        actors.add(Actor.RESIDENT)
    if (
        person_id != wish.beneficiary_id
        and Actor.CLAIMER not in actors
        and await holds_role(person_id, wish.community_id, WORKERS)
    ):
        actors.add(Actor.STAFF)
    return actors


def wisher_ids(wish: Wish) -> set[str]:
    """Whom to tell about the wish: who wishes, and who stands in for them."""
    return {wish.author_id, wish.beneficiary_id}


async def require_free_hands(person_id: str) -> None:
    """Raises TooManyOpenClaims when the person holds as many wishes as one may."""
    # One person's taps on several wishes at once would each count the others' claims as not yet there: the person's row
    # makes them go one after another. It is always locked after a wish's.
    await execute("SELECT 1 FROM person WHERE id = $1 FOR NO KEY UPDATE", person_id)
    held = await fetch_value("SELECT count(*) FROM wish_claim WHERE claimer_id = $1 AND state = 'open'", person_id)
    if held >= MAX_OPEN_CLAIMS:
        raise TooManyOpenClaims(f"最多同时认领 {MAX_OPEN_CLAIMS} 个心愿", limit=MAX_OPEN_CLAIMS)


async def open_claim(wish: Wish, claimer_id: str) -> WishClaim:
    """The wish is this person's from now on."""
    assert wish.wished_by
    return await WishClaim.create(
        id=new_id(),
        wish=wish,
        claimer_id=claimer_id,
        state=ClaimState.OPEN,
        due_at=claim_due_at(clock.now(), wish.wished_by),
    )


def extend_claim(claim: WishClaim) -> None:
    """Give a claimer whose wish was held up elsewhere (in review, in the content check) the shortest time at least."""
    due_at = day_ends(clock.shanghai(clock.now() + timedelta(days=SHORTEST_CLAIM_DAYS)).date())
    if due_at > claim.due_at:
        claim.due_at, claim.reminded_at = due_at, None
