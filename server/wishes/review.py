"""What staff do with wishes: publish, return, refuse; take back and assign; take things in; confirm for a wisher;
decide disputes.

Every step leaves an audit entry.
"""

from datetime import timedelta
from typing import Any

from server.accounts.models import Person
from server.accounts.power import require_may_name
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import transaction
from server.foundation.dates import today
from server.foundation.errors import EditedMeanwhile, InvalidFields, WrongState
from server.foundation.words import Worded
from server.moderation.models import Verdict
from server.moderation.verdicts import verdict_of
from server.notifications.events import Event
from server.notifications.telling import notify
from server.organizations.access import GRID_WORKERS
from server.organizations.models import Level, Organization
from server.wishes import messages
from server.wishes.claimers import hold_hands, read_claimer, require_free_hand
from server.wishes.claiming import put_back_on_wall, require_may_act_for, tell_of_claim, tell_of_end
from server.wishes.errors import OwnWish, TooEarly, WishNotChecked
from server.wishes.fulfilling import credit_claim, take_back_credit
from server.wishes.models import ConfirmedAs, HandedOverBy, WishShare, WishState
from server.wishes.queries import WishView, get_visible_wish
from server.wishes.rules import ANSWER_DAYS, WishAction
from server.wishes.steps import (
    Step,
    begin_step,
    extend_claim,
    finish_step,
    new_claim,
    whom_to_tell,
    wisher_ids,
)
from server.wishes.terms import terms_of


class DisputeDecision(Worded):
    """How staff settle a dispute: it was fulfilled; it was not, and the wish goes back to the wall; or the same claimer
    makes it good."""

    UPHOLD = "uphold", "认定完成"
    REJECT = "reject", "认定未完成"
    REDO = "redo", "要求重做"


_NOT_CHECKED = {
    Verdict.PENDING: "内容安全检查还在进行，请稍后再试",
    Verdict.HELD: "内容需先由工作人员在内容审核中处理",
    Verdict.REFUSED: "内容未通过安全检查",
}
"""Why a wish cannot be published yet, and what its reviewer can do: whole sentences, unlike a verdict's own word."""


async def publish_wish(actor_id: str, wish_id: str, version: int, grid_id: str | None = None) -> WishView:
    """Put the wish on the wall, as it was read (`version`); one that is claimed already stays with its claimer.

    `grid_id`: in which grid it is, where staff know; its grid workers look after it while nobody claims it. Raises
    WishNotChecked while the content check has not passed it, EditedMeanwhile, InvalidFields, WrongState, NotFound,
    NotAllowed.
    """
    async with transaction():
        step = await begin_step(wish_id, WishAction.PUBLISH, actor_id)
        wish, now = step.wish, clock.now()
        if wish.version != version:
            raise EditedMeanwhile()
        verdict = await verdict_of("wish", wish_id)
        if verdict is not Verdict.PASSED:
            raise WishNotChecked(_NOT_CHECKED[verdict], verdict=str(verdict))
        if step.following is WishState.PUBLISHED and (wish.wished_by is None or wish.wished_by < today()):
            raise WrongState("希望实现的日期已过，请退回修改")
        if grid_id:
            if not await Organization.exists(id=grid_id, parent_id=wish.community_id, level=Level.GRID, closed_at=None):
                raise InvalidFields.of("grid_id", "请选择本社区的网格")
            wish.grid_id = grid_id
        wish.published_at, wish.first_published_at, wish.reason = now, wish.first_published_at or now, ""
        if step.holder:
            extend_claim(step.holder)
            await step.holder.save()
        await finish_step(step)
        await notify(await whom_to_tell(wish), messages.PUBLISHED, wish=wish_id, at=now)
        return await _conclude("publish_wish", actor_id, step)


async def return_wish(actor_id: str, wish_id: str, reason: str) -> WishView:
    """Back to the wisher with a reason, from review or from the wall. Raises NotFound, NotAllowed, WrongState."""
    return await _take_down(actor_id, wish_id, WishAction.RETURN, reason, messages.RETURNED)


async def refuse_wish(actor_id: str, wish_id: str, reason: str) -> WishView:
    """The wish will not be published, for a reason. Raises NotFound, NotAllowed, WrongState."""
    return await _take_down(actor_id, wish_id, WishAction.REFUSE, reason, messages.REFUSED)


async def take_back_wish(actor_id: str, wish_id: str, reason: str) -> WishView:
    """Take a claimed wish from its claimer and put it back on the wall. Raises NotFound, NotAllowed, WrongState."""
    async with transaction():
        step = await begin_step(wish_id, WishAction.TAKE_BACK, actor_id)
        await put_back_on_wall(step, "taken_back", messages.TAKEN_BACK, reason=reason)
        return await _conclude("take_back_wish", actor_id, step, claimer=step.claim.claimer_id)


async def assign_wish(
    actor_id: str,
    wish_id: str,
    claimer_id: str,
    reason: str,
    *,
    unit_id: str | None = None,
    team_id: str | None = None,
) -> WishView:
    """Give a published or claimed wish to somebody who agreed to fulfil it, for themselves, their unit or their team;
    who held it before is told. Staff vouch for the person: whether they are a volunteer or a member is not asked, since
    staff could tell from the answer who is a member.

    Raises TooManyOpenClaims of that person, OwnWish, InvalidFields (no such person), NotFound, NotAllowed, WrongState.
    """
    async with transaction():
        step = await begin_step(wish_id, WishAction.ASSIGN, actor_id)
        if claimer_id in wisher_ids(step.wish):
            raise OwnWish("不能指派给许愿人本人")
        await require_may_name("claimer_id", actor_id, claimer_id, GRID_WORKERS)
        if not await Person.exists(id=claimer_id, closed_at=None):
            raise WrongState("该账号已停用")
        before_id = step.holder.claimer_id if step.holder else None
        if claimer_id == before_id:
            raise WrongState("心愿已由此人认领")
        await require_may_act_for(claimer_id, step.wish, unit_id, team_id)
        await hold_hands(claimer_id, unit_id)
        claimer = await read_claimer(claimer_id, step.wish.community_id, unit_id, is_assigned=True)
        require_free_hand(claimer, unit_id)
        await finish_step(step, reason=reason)
        await tell_of_end(step, messages.TAKEN_BACK)
        claim = new_claim(step.wish, claimer_id, claimer.terms, unit_id=unit_id, team_id=team_id)
        await claim.save(force_create=True)
        await notify(claimer_id, messages.ASSIGNED, wish=wish_id, due=claim.due_at)
        await tell_of_claim(step.wish, claim)
        return await _conclude("assign_wish", actor_id, step, claimer=claimer_id, before=before_id)


async def take_in_wish(actor_id: str, wish_id: str, note: str) -> WishView:
    """What the claimer brought was left with the staff, who pass it on: done, also without a picture.

    Raises NotFound, NotAllowed, WrongState.
    """
    async with transaction():
        step = await begin_step(wish_id, WishAction.TAKE_IN, actor_id)
        claim, now = step.claim, clock.now()
        claim.handed_over_by, claim.staff_note = HandedOverBy.STAFF, note
        claim.reported_at, claim.staff_told_at = now, None
        await finish_step(step)
        told = {claim.claimer_id, *await whom_to_tell(step.wish)}
        await notify(told, messages.TAKEN_IN, wish=wish_id, at=now)
        return await _conclude("take_in_wish", actor_id, step, claimer=claim.claimer_id)


async def confirm_wish_for_wisher(actor_id: str, wish_id: str, note: str) -> WishView:
    """Confirm after a call, where the wisher has not answered for seven days; it is noted whose word it is. Where staff
    stand in for a wisher who is gone, there is nobody to wait for.

    Raises TooEarly, NotFound, NotAllowed (also to staff who are the claimer), WrongState.
    """
    async with transaction():
        step = await begin_step(wish_id, WishAction.CONFIRM_FOR_WISHER, actor_id)
        claim, now = step.claim, clock.now()
        assert claim.reported_at
        from_time = claim.reported_at + timedelta(days=ANSWER_DAYS)
        if now < from_time and step.wish.handed_to_staff_at is None:
            raise TooEarly(f"许愿人 {ANSWER_DAYS} 天未回应后才能代为确认", from_time=from_time.isoformat())
        claim.staff_note = note
        await credit_claim(step, actor_id, ConfirmedAs.STAFF)
        await finish_step(step)
        told = {claim.claimer_id, *await whom_to_tell(step.wish)}
        await notify(told, messages.CONFIRMED_BY_STAFF, wish=wish_id, at=now)
        return await _conclude("confirm_wish_for_wisher", actor_id, step, claimer=claim.claimer_id)


async def decide_wish_dispute(actor_id: str, wish_id: str, decision: DisputeDecision, note: str) -> WishView:
    """Settle a dispute; points that were given for what was not fulfilled are taken back.

    Raises NotFound, NotAllowed (also to staff who are the claimer), WrongState.
    """
    action = {
        DisputeDecision.UPHOLD: WishAction.UPHOLD_REPORT,
        DisputeDecision.REJECT: WishAction.REJECT_REPORT,
        DisputeDecision.REDO: WishAction.LET_REDO,
    }[decision]
    async with transaction():
        step = await begin_step(wish_id, action, actor_id)
        claim, now = step.claim, clock.now()
        claimer_id = claim.claimer_id
        claim.staff_note = note
        if decision is DisputeDecision.UPHOLD:
            if claim.confirmed_at is None:
                await credit_claim(step, actor_id, ConfirmedAs.STAFF)
        elif claim.confirmed_at is not None:
            await take_back_credit(step)
        await finish_step(step, reason=note)
        if decision is DisputeDecision.REDO:
            # A claim of its own, so that its points are its own; the limit on open claims is not asked: it was theirs.
            terms = await terms_of(step.wish.community_id)
            again = new_claim(step.wish, claimer_id, terms, unit_id=claim.unit_id, team_id=claim.team_id)
            await again.save(force_create=True)
            for share in await WishShare.filter(claim_id=claim.id, ended_at=None):
                await WishShare.create(claim_id=again.id, person_id=share.person_id, quantity=share.quantity)
            again.pledged = claim.pledged
            await again.save(update_fields=["pledged"])
        everyone = {claimer_id, *await whom_to_tell(step.wish)}
        await notify(everyone, messages.DISPUTE_DECIDED, wish=wish_id, decision=str(decision), at=now)
        return await _conclude("decide_wish_dispute", actor_id, step, claimer=claimer_id, decision=str(decision))


async def _take_down(actor_id: str, wish_id: str, action: WishAction, reason: str, event: Event) -> WishView:
    async with transaction():
        step = await begin_step(wish_id, action, actor_id)
        step.wish.reason = reason
        await finish_step(step, reason=reason)
        await notify(await whom_to_tell(step.wish), event, wish=wish_id, at=clock.now())
        await tell_of_end(step)
        return await _conclude(f"{action}_wish", actor_id, step)


async def _conclude(action: str, actor_id: str, step: Step, **details: Any) -> WishView:
    """Leave the audit entry, and show staff the wish as it is now."""
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("wish", step.wish.id),
        person_id=step.wish.beneficiary_id,
        organization_id=step.wish.community_id,
        state=str(step.following),
        **details,
    )
    return await get_visible_wish(actor_id, step.wish.id)
