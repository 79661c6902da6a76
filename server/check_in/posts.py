"""Posts 设岗定责: a community opens them, members apply, staff approve; places are never oversold. (Policy section 6.)"""

from datetime import date

from server import clock
from server.audit import record_audit
from server.check_in.models import CheckIn, CheckInState, HoldingState, Post, PostCategory, PostHolding, PostState
from server.database import IntegrityError, transaction, violates
from server.errors import EditedMeanwhile, InvalidFields, NotFound, Refusal, WrongState
from server.ids import new_id
from server.members.service import member_person, membership_of
from server.notifications.service import notify
from server.organizations.access import require_role, require_role_or_hide, role_holders
from server.organizations.models import Level, Organization
from server.places.models import Purpose
from server.places.service import change_capacity, close_allotment, leave_place, open_allotment, take_place


class NotCheckedIn(Refusal):
    """Posts are for members whose check-in to this community is confirmed."""

    code, title, status = "not_checked_in", "请先在该社区报到", 409


class PostHeld(Refusal):
    """The member holds this post already, or has applied for it."""

    code, title, status = "post_held", "您已申请或担任该岗位", 409


class PostClosed(Refusal):
    code, title, status = "post_closed", "该岗位已停止申请", 409


async def open_post(
    actor_id: str,
    community_id: str,
    *,
    title: str,
    category: PostCategory,
    duties: str,
    places: int,
    term_starts_on: date,
    term_ends_on: date | None,
) -> str:
    """A community opens a post with a number of places and a term; its id."""
    await require_role(actor_id, community_id)
    if not await Organization.exists(id=community_id, level=Level.COMMUNITY, closed_at=None):
        raise InvalidFields.of("community_id", "请选择一个社区")
    if term_ends_on and term_ends_on < term_starts_on:
        raise InvalidFields.of("term_ends_on", "任期结束不能早于开始")
    async with transaction():
        post_id = new_id()
        allotment = await open_allotment(Purpose.POST, post_id, places, may_wait=False)
        await Post.create(
            id=post_id,
            community_id=community_id,
            title=title,
            category=category,
            duties=duties,
            allotment_id=allotment.id,
            term_starts_on=term_starts_on,
            term_ends_on=term_ends_on,
        )
        await record_audit(
            "open_post", actor_id=actor_id, subject=("post", post_id), organization_id=community_id, places=places
        )
    return post_id


async def change_post(
    actor_id: str, post_id: str, version: int, *, title: str, duties: str, places: int, term_ends_on: date | None
) -> None:
    """Staff edit a post. Fewer places than holders throw nobody out. Raises EditedMeanwhile, WrongState."""
    async with transaction():
        post = await _lock_post(actor_id, post_id)
        if post.version != version:
            raise EditedMeanwhile()
        if post.state is not PostState.OPEN:
            raise WrongState()
        post.title, post.duties, post.term_ends_on = title, duties, term_ends_on
        post.version += 1
        await post.save()
        await change_capacity(post.allotment_id, places)
        await record_audit(
            "change_post",
            actor_id=actor_id,
            subject=("post", post_id),
            organization_id=post.community_id,
            places=places,
        )


async def close_post(actor_id: str, post_id: str) -> None:
    """No more applications; open ones are refused, and those who hold it keep it to the end of its term."""
    async with transaction():
        post = await _lock_post(actor_id, post_id)
        if post.state is PostState.CLOSED:
            return
        post.state = PostState.CLOSED
        post.version += 1
        await post.save()
        await close_allotment(post.allotment_id)
        for holding in await PostHolding.filter(post_id=post_id, state=HoldingState.APPLIED).select_for_update():
            await _settle(holding, HoldingState.REFUSED, actor_id, "岗位已停止申请")
            await notify([await _holder(holding)], "post_refused", holding=holding.id, at=clock.now())
        await record_audit(
            "close_post",
            actor_id=actor_id,
            subject=("post", post_id),
            organization_id=post.community_id,
        )


async def apply_for_post(person_id: str, post_id: str) -> str:
    """A member asks for a post of the community where their check-in is confirmed; the application's id.

    Raises NotFound, PostClosed, NotCheckedIn, PostHeld.
    """
    try:
        async with transaction():
            post = await Post.get_or_none(id=post_id)
            if post is None:
                raise NotFound()
            if post.state is not PostState.OPEN:
                raise PostClosed()
            membership_id = await membership_of(person_id)
            community_id: str = post.community_id
            if membership_id is None or not await CheckIn.exists(
                membership_id=membership_id, community_id=community_id, state=CheckInState.CONFIRMED
            ):
                raise NotCheckedIn()
            holding = await PostHolding.create(post_id=post_id, membership_id=membership_id, applied_at=clock.now())
            await notify(await role_holders(community_id), "post_to_review", holding=holding.id)
    except IntegrityError as error:
        if violates(error, "post_holding_one_active"):
            raise PostHeld() from None
        raise
    return holding.id


async def approve_post(actor_id: str, holding_id: str) -> None:
    """Staff give the member the post. Raises PlacesFull when all its places are taken, WrongState."""
    async with transaction():
        holding = await _lock_holding(actor_id, holding_id)
        if holding.state is HoldingState.HELD:
            return
        if holding.state is not HoldingState.APPLIED:
            raise WrongState()
        post = await Post.get(id=holding.post_id)
        # The holder is the membership: nothing outside members/ tells that a person is a member.
        place = await take_place(post.allotment_id, holding.membership_id, wait=False)
        holding.place_id = place.id
        await _settle(holding, HoldingState.HELD, actor_id, "")
        await _audit("approve_post", actor_id, holding, post)
        await notify([await _holder(holding)], "post_approved", holding=holding.id, at=clock.now())


async def refuse_post(actor_id: str, holding_id: str, reason: str) -> None:
    """Staff turn the application down."""
    async with transaction():
        holding = await _lock_holding(actor_id, holding_id)
        if holding.state is not HoldingState.APPLIED:
            raise WrongState()
        await _settle(holding, HoldingState.REFUSED, actor_id, reason)
        await _audit("refuse_post", actor_id, holding, await Post.get(id=holding.post_id))
        await notify([await _holder(holding)], "post_refused", holding=holding.id, at=clock.now())


async def leave_post(person_id: str, holding_id: str, reason: str) -> None:
    """The member takes the application back, or gives the post up; taking and leaving both stay on record."""
    async with transaction():
        membership_id = await membership_of(person_id)
        holding = await PostHolding.filter(id=holding_id).select_for_update().get_or_none()
        if holding is None or holding.membership_id != membership_id:
            raise NotFound()
        if holding.state is HoldingState.APPLIED:
            await _settle(holding, HoldingState.WITHDRAWN, None, reason)
        elif holding.state is HoldingState.HELD:
            await _give_up(holding, HoldingState.LEFT, None, reason)
        else:
            raise WrongState()
        post = await Post.get(id=holding.post_id)
        await notify(await role_holders(post.community_id), "post_left", holding=holding.id)


async def end_holding(actor_id: str, holding_id: str, reason: str) -> None:
    """Staff end a member's holding of a post."""
    async with transaction():
        holding = await _lock_holding(actor_id, holding_id)
        if holding.state is not HoldingState.HELD:
            raise WrongState()
        await _give_up(holding, HoldingState.ENDED, actor_id, reason)
        await _audit("end_holding", actor_id, holding, await Post.get(id=holding.post_id))
        await notify([await _holder(holding)], "post_ended", holding=holding.id)


async def _lock_post(actor_id: str, post_id: str) -> Post:
    post = await Post.filter(id=post_id).select_for_update().get_or_none()
    if post is None:
        raise NotFound()
    await require_role(actor_id, post.community_id)
    return post


async def _lock_holding(actor_id: str, holding_id: str) -> PostHolding:
    holding = await PostHolding.filter(id=holding_id).select_for_update().get_or_none()
    if holding is None:
        raise NotFound()
    post = await Post.get(id=holding.post_id)
    await require_role_or_hide(actor_id, post.community_id)
    return holding


async def _settle(holding: PostHolding, state: HoldingState, actor_id: str | None, reason: str) -> None:
    holding.state, holding.reason = state, reason
    holding.decided_at, holding.decided_by_id = clock.now(), actor_id
    await holding.save()


async def _give_up(holding: PostHolding, state: HoldingState, actor_id: str | None, reason: str) -> None:
    assert holding.place_id
    await leave_place(holding.place_id, str(state))
    holding.ended_at = clock.now()
    holding.state, holding.reason = state, reason
    if actor_id:
        holding.decided_by_id = actor_id
    await holding.save()


async def _holder(holding: PostHolding) -> str:
    return await member_person(holding.membership_id)


async def _audit(action: str, actor_id: str, holding: PostHolding, post: Post) -> None:
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("post_holding", holding.id),
        person_id=await _holder(holding),
        organization_id=post.community_id,
        post=post.id,
    )
