"""Posts 设岗定责: a community opens them, members apply, staff approve; places are never oversold. (Policy section 6.)

Locks, in this order: the membership, the post, the holding, the allotment.
"""

from datetime import date, timedelta
from typing import Annotated, Any

import msgspec

from server.background.sweeps import due_sweep
from server.check_in.models import CheckIn, CheckInState
from server.check_in.posts import messages, queries
from server.check_in.posts.models import HoldingState, Post, PostCategory, PostHolding, PostState
from server.check_in.posts.queries import HoldingCard, MyHolding, PostCard
from server.check_in.posts.rules import HOLDING_TABLE
from server.check_in.rules import CheckInAction, CheckInActor
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.bounds import RequiredText
from server.foundation.database import fetch, transaction
from server.foundation.dates import today
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotFound, Refusal, WrongState
from server.foundation.ids import Id, new_id
from server.members.memberships import member_person, membership_of
from server.members.models import Membership
from server.notifications.telling import notify
from server.organizations.access import require_another, require_role, require_role_or_hide, role_holders
from server.organizations.queries import require_community
from server.places.models import Purpose
from server.places.taking import change_capacity, close_allotment, leave_place, open_allotment, take_place
from server.service_record.recording import record_service


class NotCheckedIn(Refusal):
    """Posts are for members whose check-in to this community is confirmed."""

    code, title, status = "not_checked_in", "请先在该社区报到", 409


class PostHeld(Refusal):
    """The member holds this post already, or has applied for it."""

    code, title, status = "post_held", "您已申请或担任该岗位", 409


class PostClosed(Refusal):
    code, title, status = "post_closed", "该岗位已停止申请", 409


class PostContent(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What staff write of a post."""

    title: Annotated[RequiredText, msgspec.Meta(max_length=40)]
    duties: Annotated[RequiredText, msgspec.Meta(max_length=1000)]
    places: Annotated[int, msgspec.Meta(ge=1, le=500)]
    term_ends_on: date | None = None


class NewPost(PostContent, kw_only=True, frozen=True):
    """`category_name` is needed for a category of the community's own (`other`), and only there."""

    community_id: Id
    category: PostCategory
    category_name: Annotated[str, msgspec.Meta(max_length=20)] = ""
    term_starts_on: date


async def open_post(actor_id: str, content: NewPost) -> PostCard:
    """A community opens a post with a number of places and a term. Raises InvalidFields, NotAllowed."""
    await require_role(actor_id, content.community_id)
    if (content.category is PostCategory.OTHER) != bool(content.category_name.strip()):
        raise InvalidFields.of("category_name", "自设类别请填写名称，其他类别无需填写")
    _check_term(content.term_starts_on, content.term_ends_on)
    async with transaction():
        await require_community(content.community_id)
        post_id = new_id()
        allotment = await open_allotment(Purpose.POST, post_id, content.places, may_wait=False)
        post = await Post.create(
            id=post_id,
            community_id=content.community_id,
            title=content.title,
            category=content.category,
            category_name=content.category_name.strip(),
            duties=content.duties,
            allotment_id=allotment.id,
            term_starts_on=content.term_starts_on,
            term_ends_on=content.term_ends_on,
        )
        await _audit_post("open_post", actor_id, post, places=content.places)
        return await queries.get_post(post_id)


async def change_post(actor_id: str, post_id: str, version: int, content: PostContent) -> PostCard:
    """Staff edit a post. Fewer places than holders throw nobody out. Raises EditedMeanwhile, WrongState."""
    async with transaction():
        post = await _lock_post(actor_id, post_id)
        if post.version != version:
            raise EditedMeanwhile()
        if post.state is not PostState.OPEN:
            raise WrongState()
        _check_term(post.term_starts_on, content.term_ends_on)
        post.title, post.duties, post.term_ends_on = content.title, content.duties, content.term_ends_on
        post.version += 1
        await post.save()
        await change_capacity(post.allotment_id, content.places)
        await _audit_post("change_post", actor_id, post, places=content.places)
        return await queries.get_post(post_id)


async def close_post(actor_id: str, post_id: str) -> PostCard:
    """No more applications; open ones are refused, and those who hold it keep it to the end of its term."""
    async with transaction():
        post = await _lock_post(actor_id, post_id)
        if post.state is PostState.OPEN:
            await _shut(post, PostState.CLOSED, actor_id, "岗位已停止申请")
            await _audit_post("close_post", actor_id, post)
        return await queries.get_post(post_id)


async def _end_term(row: Any) -> None:
    post = await Post.get(id=row["id"])
    await _shut(post, PostState.ENDED, None, "岗位任期已满")
    await _audit_post("end_post", None, post)
    await notify(await role_holders(post.community_id), messages.TERM_OVER, post=post.id)


END_TERMS = due_sweep(
    "post_terms_end",
    timedelta(minutes=1),
    rows="post",
    where="state <> 'ended'",
    due="term_ends_on",
    before=today,
    do=_end_term,
    batch=20,
)
"""Posts whose term is over end, with all that is held or asked for."""


async def apply_for_post(person_id: str, post_id: str) -> MyHolding:
    """A member asks for a post of the community where their check-in is confirmed.

    Raises NotFound, PostClosed, NotCheckedIn, PostHeld.
    """
    async with transaction(post_holding_one_active=PostHeld):
        membership_id = await membership_of(person_id)
        if membership_id:
            await _lock_membership(membership_id)
        # Shared, so that closing the post waits and finds this application.
        found = await fetch("SELECT 1 FROM post WHERE id = $1 FOR SHARE", post_id)
        if not found:
            raise NotFound()
        post = await Post.get(id=post_id)
        if post.state is not PostState.OPEN:
            raise PostClosed()
        if membership_id is None or not await _is_checked_in(membership_id, post.community_id):
            raise NotCheckedIn()
        holding = await PostHolding.create(post_id=post_id, membership_id=membership_id, applied_at=clock.now())
        await _audit("apply_for_post", person_id, holding, post)
        await notify([person_id], messages.APPLIED, holding=holding.id)
        await notify(await role_holders(post.community_id), messages.TO_REVIEW, holding=holding.id)
        return (await queries.list_my_holdings(membership_id, holding.id))[0]


async def approve_post(actor_id: str, holding_id: str) -> HoldingCard:
    """Staff give the member the post.

    Raises PlacesFull when all its places are taken, NotCheckedIn, WrongState.
    """
    async with transaction():
        holding, post, state = await _lock_holding(actor_id, holding_id, CheckInAction.CONFIRM)
        if state is not holding.state:
            await _give(actor_id, holding, post, state)
        return await queries.get_holding_card(holding_id)


async def _give(actor_id: str, holding: PostHolding, post: Post, state: HoldingState) -> None:
    if not await _is_checked_in(holding.membership_id, post.community_id):
        raise NotCheckedIn("申请人已不在本社区报到")
    # The holder is the membership: nothing outside members/ tells that a person is a member.
    holding.place_id = (await take_place(post.allotment_id, holding.membership_id, wait=False)).id
    await _settle(holding, state, actor_id, "")
    await _audit("approve_post", actor_id, holding, post)
    holder = await _holder(holding)
    await record_service(
        holder,
        rule="post_taken",
        source=("holding", holding.id),
        occurred_at=clock.now(),
        organization_id=post.community_id,
    )
    await notify([holder], messages.APPROVED, holding=holding.id, at=clock.now())


async def refuse_post(actor_id: str, holding_id: str, reason: str) -> HoldingCard:
    """Staff turn the application down. Raises NotFound, WrongState."""
    async with transaction():
        holding, post, state = await _lock_holding(actor_id, holding_id, CheckInAction.REFUSE)
        await _turn_down(holding, post, state, actor_id, reason)
        return await queries.get_holding_card(holding_id)


async def leave_post(person_id: str, holding_id: str, reason: str) -> MyHolding:
    """The member takes the application back, or gives the post up; taking and leaving both stay on record.

    Raises NotFound, WrongState.
    """
    async with transaction():
        membership_id = await membership_of(person_id)
        if membership_id is None or not await PostHolding.exists(id=holding_id, membership_id=membership_id):
            raise NotFound()
        await _lock_membership(membership_id)
        holding = await PostHolding.filter(id=holding_id).select_for_update(no_key=True).get()
        state = HOLDING_TABLE.next_state(holding.state, CheckInAction.WITHDRAW, [CheckInActor.MEMBER])
        await _settle(holding, state, None, reason)
        post = await Post.get(id=holding.post_id)
        await _audit("leave_post", person_id, holding, post)
        await notify(await role_holders(post.community_id), messages.LEFT, holding=holding.id)
        return (await queries.list_my_holdings(membership_id, holding_id))[0]


async def end_holding(actor_id: str, holding_id: str, reason: str) -> HoldingCard:
    """Staff end a member's holding of a post. Raises NotFound, WrongState."""
    async with transaction():
        holding, post, state = await _lock_holding(actor_id, holding_id, CheckInAction.END)
        await _turn_down(holding, post, state, actor_id, reason)
        return await queries.get_holding_card(holding_id)


async def end_holdings_of(membership_id: str, community_id: str, reason: str) -> None:
    """The member's check-in to the community is over, so are the posts there. The membership is locked."""
    rows = await fetch(
        "SELECT h.id FROM post_holding h JOIN post p ON p.id = h.post_id WHERE h.membership_id = $1 "
        # Several allotments in the order of their ids.
        "AND p.community_id = $2 AND h.state IN ('applied', 'held') ORDER BY p.allotment_id FOR UPDATE OF h",
        membership_id,
        community_id,
    )
    for row in rows:
        holding = await PostHolding.get(id=row["id"])
        post = await Post.get(id=holding.post_id)
        await _lapse(holding, post, None, reason)


async def _shut(post: Post, state: PostState, actor_id: str | None, reason: str) -> None:
    """Close or end a locked post: what is asked for is refused, and with the term what is held ends."""
    over = state is PostState.ENDED
    concerned = [HoldingState.APPLIED, HoldingState.HELD] if over else [HoldingState.APPLIED]
    # The holdings before the allotment, as where staff approve one.
    held = PostHolding.filter(post_id=post.id, state__in=concerned).order_by("id")
    for holding in await held.select_for_update(no_key=True):
        await _lapse(holding, post, actor_id, reason)
    await close_allotment(post.allotment_id)
    post.state = state
    post.version += 1
    await post.save(update_fields=["state", "version"])


async def _lapse(holding: PostHolding, post: Post, actor_id: str | None, reason: str) -> None:
    state = HOLDING_TABLE.next_state(holding.state, CheckInAction.LAPSE, [CheckInActor.SYSTEM])
    await _turn_down(holding, post, state, actor_id, reason)


async def _turn_down(holding: PostHolding, post: Post, state: HoldingState, actor_id: str | None, reason: str) -> None:
    """Refuse what is asked for, or end what is held; the member is told."""
    was_held = holding.state is HoldingState.HELD
    await _settle(holding, state, actor_id, reason)
    await _audit("end_holding" if was_held else "refuse_post", actor_id, holding, post)
    if was_held:
        await notify([await _holder(holding)], messages.ENDED, holding=holding.id)
    else:
        await notify([await _holder(holding)], messages.REFUSED, holding=holding.id, at=clock.now())


async def _lock_post(actor_id: str, post_id: str) -> Post:
    post = await Post.filter(id=post_id).select_for_update(no_key=True).get_or_none()
    if post is None:
        raise NotFound()
    await require_role(actor_id, post.community_id)
    return post


async def _lock_holding(
    actor_id: str, holding_id: str, action: CheckInAction
) -> tuple[PostHolding, Post, HoldingState]:
    """The holding under lock, its post, and where the action of the staff leads."""
    seen = await PostHolding.get_or_none(id=holding_id)
    if seen is None:
        raise NotFound()
    post = await Post.get(id=seen.post_id)
    await require_role_or_hide(actor_id, post.community_id)
    # The race: approving while the member's check-in there ends. Both take the membership first.
    await _lock_membership(seen.membership_id)
    require_another(actor_id, await member_person(seen.membership_id))
    holding = await PostHolding.filter(id=holding_id).select_for_update(no_key=True).get()
    return holding, post, HOLDING_TABLE.next_state(holding.state, action, [CheckInActor.STAFF])


async def _lock_membership(membership_id: str) -> None:
    await Membership.filter(id=membership_id).select_for_update(no_key=True).get()


async def _is_checked_in(membership_id: str, community_id: str) -> bool:
    return await CheckIn.exists(membership_id=membership_id, community_id=community_id, state=CheckInState.CONFIRMED)


async def _settle(holding: PostHolding, state: HoldingState, actor_id: str | None, reason: str) -> None:
    """Bring a locked holding into its next state; a place that was held is free again."""
    now = clock.now()
    if holding.state is HoldingState.HELD:
        assert holding.place_id
        await leave_place(holding.place_id, str(state))
        holding.ended_at = now
        holding.decided_by_id = actor_id or holding.decided_by_id
    else:
        holding.decided_at, holding.decided_by_id = now, actor_id
    holding.state, holding.reason = state, reason
    await holding.save()


async def _holder(holding: PostHolding) -> str:
    return await member_person(holding.membership_id)


async def _audit_post(action: str, actor_id: str | None, post: Post, **details: Any) -> None:
    await record_audit(
        action, actor_id=actor_id, subject=("post", post.id), organization_id=post.community_id, **details
    )


async def _audit(action: str, actor_id: str | None, holding: PostHolding, post: Post) -> None:
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("post_holding", holding.id),
        person_id=await _holder(holding),
        organization_id=post.community_id,
        post=post.id,
    )


def _check_term(starts_on: date, ends_on: date | None) -> None:
    if ends_on and ends_on < starts_on:
        raise InvalidFields.of("term_ends_on", "任期结束不能早于开始")
