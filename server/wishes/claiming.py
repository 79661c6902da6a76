"""Taking a wish on, alone, for a unit or with a team; sharing in it; giving it up."""

from server.accounts.power import has_business
from server.foundation import clock
from server.foundation.database import transaction
from server.foundation.errors import InvalidFields, NotAllowed, NotFound, WrongState
from server.members.memberships import is_member
from server.notifications.events import Event
from server.notifications.telling import notify
from server.organizations.models import Level, Organization
from server.teams.teams import leads_team, team_people
from server.wishes import messages
from server.wishes.claimers import Claimer, hold_hands, read_claimer, require_free_hand
from server.wishes.errors import (
    NameNeeded,
    OwnWish,
    PhoneNeeded,
    ShareTooLarge,
    TooManyHelpers,
    VolunteerNeeded,
    VouchNeeded,
    WishTaken,
)
from server.wishes.models import ClaimState, FirstClaim, Wish, WishClaim, WishKind, WishShare
from server.wishes.queries import MyClaimView, WishView, get_my_wish_claim, get_visible_wish
from server.wishes.rules import MAX_HELPERS, PUBLIC, WishAction, WishActor
from server.wishes.steps import (
    Step,
    acts_for_unit,
    begin_step,
    finish_step,
    new_claim,
    whom_to_tell,
    wisher_ids,
)


async def claim_wish(
    person_id: str, wish_id: str, *, unit_id: str | None = None, team_id: str | None = None
) -> WishView:
    """Take a published wish on: for oneself, for the unit whose liaison one is, or with the team that one leads. The
    same tap twice changes nothing.

    Raises WishTaken when somebody was faster, OwnWish, TooManyOpenClaims, PhoneNeeded, NameNeeded, VouchNeeded,
    VolunteerNeeded, InvalidFields, NotFound, WrongState.
    """
    async with transaction():
        try:
            step = await begin_step(wish_id, WishAction.CLAIM, person_id)
        except NotAllowed:
            raise OwnWish() from None
        except WrongState as refusal:
            if refusal.facts["state"] in PUBLIC:
                raise WishTaken() from None
            raise
        if step.holder:
            return await get_visible_wish(person_id, wish_id)
        await require_may_act_for(person_id, step.wish, unit_id, team_id)
        await hold_hands(person_id, unit_id)
        claimer = await read_claimer(person_id, step.wish.community_id, unit_id)
        if not unit_id and not claimer.is_volunteer and not await is_member(person_id):
            raise VolunteerNeeded("阅读并同意志愿者协议后即可认领")
        await _require_known(person_id, step.wish, claimer)
        require_free_hand(claimer, unit_id)
        claim = new_claim(step.wish, person_id, claimer.terms, unit_id=unit_id, team_id=team_id)
        await finish_step(step, claim=claim)
        await tell_of_claim(step.wish, claim)
        return await get_visible_wish(person_id, wish_id, is_claimed=True)


async def _require_known(person_id: str, wish: Wish, claimer: Claimer) -> None:
    """Whoever is given somebody's address can be found; a first time, as the community wants it. Raises PhoneNeeded,
    NameNeeded, VouchNeeded."""
    if not claimer.has_phone:
        raise PhoneNeeded()
    if not claimer.has_name:
        raise NameNeeded()
    if claimer.terms.first_claim is FirstClaim.VOUCHED and not await WishClaim.exists(
        claimer_id=person_id, state=ClaimState.FULFILLED
    ):
        organization = await Organization.get(id=wish.community_id)
        if not await has_business(person_id, organization.path):
            raise VouchNeeded()


async def tell_of_claim(wish: Wish, claim: WishClaim) -> None:
    """The wisher is told who took it on, and a team's people that there is something to do."""
    told, now = await whom_to_tell(wish), clock.now()
    if claim.unit_id:
        await notify(told, messages.CLAIMED_BY_UNIT, wish=wish.id, unit=claim.unit_id, due=claim.due_at, at=now)
    elif claim.team_id:
        await notify(told, messages.CLAIMED_BY_TEAM, wish=wish.id, team=claim.team_id, due=claim.due_at, at=now)
        others = await team_people(claim.team_id) - {claim.claimer_id}
        await notify(others, messages.TO_SHARE, wish=wish.id, team=claim.team_id, due=claim.due_at)
    else:
        await notify(told, messages.CLAIMED, wish=wish.id, claimer=claim.claimer_id, due=claim.due_at, at=now)


async def release_claim(person_id: str, wish_id: str, reason: str) -> MyClaimView:
    """The claimer gives the wish up; it goes back to the wall. What they see is the claim that was theirs: the wish may
    be in review again. Raises NotFound, NotAllowed, WrongState."""
    async with transaction():
        step = await begin_step(wish_id, WishAction.RELEASE, person_id)
        await put_back_on_wall(step, "released", None, reason=reason)
        return await get_my_wish_claim(person_id, step.claim.id)


async def put_back_on_wall(step: Step, why: str, claimer_told: Event | None, *, reason: str = "") -> None:
    """Finish a step by which a claim ends and its wish waits again; the wisher is told `why`."""
    await finish_step(step, reason=reason)
    await tell_of_end(step, claimer_told)
    await notify(await whom_to_tell(step.wish), messages.BACK_ON_WALL, wish=step.wish.id, why=why, at=clock.now())


async def tell_of_end(step: Step, claimer_told: Event | None = messages.CLAIM_ENDED) -> None:
    """Where the step ended a claim: its claimer is told in these words, and those who share in it need not go on."""
    if step.holder:
        if claimer_told:
            await notify(step.holder.claimer_id, claimer_told, wish=step.wish.id)
        await notify(await helpers_of(step.holder), messages.CLAIM_ENDED, wish=step.wish.id)


async def take_share(person_id: str, wish_id: str, quantity: int) -> WishView:
    """Somebody of the team promises `quantity` of the things, or with 0 lends a hand; again, to change the number.

    Raises ShareTooLarge, TooManyHelpers, InvalidFields, NotFound, NotAllowed, WrongState.
    """
    async with transaction():
        # All of a team's promises are made under the wish's lock, so their sum is never more than is wished for.
        step = await begin_step(wish_id, WishAction.TAKE_SHARE, person_id)
        claim = step.claim
        if quantity and step.wish.kind is not WishKind.THING:
            raise InvalidFields.of("quantity", "只有物品类心愿可以填写数量")
        shares = await WishShare.filter(claim_id=claim.id, ended_at=None)
        own = next((share for share in shares if share.person_id == person_id), None)
        left = claim.quantity - claim.pledged + (own.quantity if own else 0)
        if quantity > left:
            raise ShareTooLarge(f"还需要 {left} 件", left=left)
        if own is None and len(shares) >= MAX_HELPERS:
            raise TooManyHelpers(limit=MAX_HELPERS)
        claim.pledged = claim.quantity - left + quantity
        await claim.save(update_fields=["pledged"])
        await finish_step(step)
        if own:
            own.quantity = quantity
            await own.save(update_fields=["quantity"])
        else:
            await WishShare.create(claim_id=claim.id, person_id=person_id, quantity=quantity)
            await notify(claim.claimer_id, messages.SHARE_TAKEN, wish=wish_id, person=person_id)
        return await get_visible_wish(person_id, wish_id)


async def end_share(person_id: str, wish_id: str, helper_id: str) -> MyClaimView:
    """A helper takes their own promise back, or the leader ends another's; those who share in the end get the points.
    What both see is the claim: a helper who has left the team may see the wish no more.

    Raises NotFound, NotAllowed, WrongState.
    """
    async with transaction():
        step = await begin_step(wish_id, WishAction.END_SHARE, person_id)
        if person_id != helper_id and WishActor.CLAIMER not in step.actors:
            raise NotAllowed()
        await close_share(step.claim, helper_id)
        await finish_step(step)
        other = step.claim.claimer_id if person_id == helper_id else helper_id
        await notify(other, messages.SHARE_ENDED, wish=wish_id, person=helper_id)
        return await get_my_wish_claim(person_id, step.claim.id)


async def close_share(claim: WishClaim, helper_id: str) -> None:
    """Under the wish's lock: the helper's part is the leader's again. Raises NotFound."""
    share = await WishShare.filter(claim_id=claim.id, person_id=helper_id, ended_at=None).first()
    if share is None:
        raise NotFound()
    share.ended_at = clock.now()
    await share.save(update_fields=["ended_at"])
    claim.pledged -= share.quantity
    await claim.save(update_fields=["pledged"])


async def helpers_of(claim: WishClaim) -> set[str]:
    """Who shares in a claim now, besides its leader."""
    if not claim.team_id:
        return set()
    shares = await WishShare.filter(claim_id=claim.id, ended_at=None)
    return {share.person_id for share in shares} - {claim.claimer_id}


async def require_may_act_for(person_id: str, wish: Wish, unit_id: str | None, team_id: str | None) -> None:
    """Raises InvalidFields where the person cannot act for that unit or team, OwnWish where the wisher is in it."""
    if unit_id and team_id:
        raise InvalidFields.of("team_id", "单位和团队只能选一个")
    if unit_id:
        is_unit = await Organization.exists(id=unit_id, level=Level.UNIT, closed_at=None)
        if not is_unit or not await acts_for_unit(person_id, unit_id):
            raise InvalidFields.of("unit_id", "只有单位的联络员可以代表单位认领")
    if team_id:
        if not await leads_team(person_id, team_id):
            raise InvalidFields.of("team_id", "只有队长可以代表团队认领")
        if await team_people(team_id) & wisher_ids(wish):
            raise OwnWish("许愿人是该团队成员，团队不能认领")
