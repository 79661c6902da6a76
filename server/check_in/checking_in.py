"""Member check-in 党员报到: apply, return, confirm, transfer, withdraw, end. (Policy sections 6 and 9.)

The membership's row is the lock: whatever decides about a member's check-ins takes it first.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from server.check_in import messages, queries
from server.check_in.models import CheckIn, CheckInState
from server.check_in.posts.holding import end_holdings_of
from server.check_in.queries import CheckInCard, MyCheckIn, MyCheckIns
from server.check_in.residence import Residence, seal_residence
from server.check_in.rules import CHECK_IN_TABLE, CheckInAction, CheckInActor
from server.check_in.transfers import cancel_transfer, invite_retired_member
from server.check_in.units.pairing import require_pairing
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.bounds import RequiredText
from server.foundation.database import transaction
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotFound, Refusal
from server.foundation.ids import Id
from server.members import memberships as members
from server.members.memberships import (
    ToldMembership,
    member_person,
    membership_of,
    open_membership,
    register_membership,
)
from server.members.models import MemberKind, Membership
from server.notifications.events import Event
from server.notifications.telling import notify
from server.organizations.access import require_another, require_role, require_role_or_hide, role_holders
from server.organizations.models import Level, Organization
from server.organizations.queries import require_community
from server.service_record.recording import record_service

_Words = Annotated[list[Annotated[RequiredText, msgspec.Meta(max_length=20)]], msgspec.Meta(max_length=20)]


class CheckInPending(Refusal):
    """One application at a time: the one that is open can be changed or withdrawn."""

    code, title, status = "check_in_pending", "您已有一份待处理的报到申请", 409


class AlreadyCheckedIn(Refusal):
    code, title, status = "already_checked_in", "您已在该社区报到", 409


class Talents(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Where the member lives, what they can do and are willing to do, and when there is time for it."""

    residence: Residence
    skills: _Words = []
    willing: _Words = []
    free_times: _Words = []


class CheckInApplication(ToldMembership, kw_only=True, frozen=True):
    """What a member tells when checking in.

    Who does not live in the community checks in through the unit they work for (`via_unit_id`), if the two are paired.
    """

    community_id: Id
    kind: MemberKind = MemberKind.IN_SERVICE
    via_unit_id: Id | None = None
    residence: Residence
    skills: _Words = []
    willing: _Words = []
    free_times: _Words = []


async def apply_check_in(person_id: str, application: CheckInApplication) -> MyCheckIn:
    """A member asks to check in to a community. With an active check-in elsewhere this is a transfer.

    Raises ConsentNeeded, InvalidFields, NotPaired, CheckInPending, AlreadyCheckedIn.
    """
    async with transaction(check_in_one_open=CheckInPending):
        await require_community(application.community_id)
        membership = await register_membership(person_id, application)
        check_in = CheckIn(membership_id=membership.id, applied_at=clock.now())
        await _fill(check_in, application, membership)
        await check_in.save(force_create=True)
        await _tell_applied("apply_check_in", person_id, check_in)
        return (await queries.list_my_check_ins(membership.id, check_in.id))[0]


async def apply_check_in_again(
    person_id: str, check_in_id: str, version: int, application: CheckInApplication
) -> MyCheckIns:
    """The member mends a returned application, or changes one that nobody has decided yet.

    Raises NotFound, WrongState, EditedMeanwhile, and what apply_check_in does.
    """
    async with transaction():
        await require_community(application.community_id)
        check_in = await _lock_own(person_id, check_in_id, CheckInAction.CHANGE, version)
        membership = await register_membership(person_id, application)
        check_in.applied_at, check_in.decided_at, check_in.decided_by_id = clock.now(), None, None
        await _fill(check_in, application, membership)
        await _save(check_in)
        await _tell_applied("change_check_in", person_id, check_in)
        return await queries.get_my_check_ins(person_id)


async def change_talents(person_id: str, check_in_id: str, version: int, talents: Talents) -> MyCheckIns:
    """The member keeps a confirmed check-in up to date: another flat in the community, new skills, other times.

    Raises NotFound, WrongState, EditedMeanwhile.
    """
    async with transaction():
        check_in = await _lock_own(person_id, check_in_id, CheckInAction.CHANGE_DETAILS, version)
        _fill_talents(check_in, talents)
        await _save(check_in)
        await _tell_staff("change_talents", messages.CHANGED, person_id, check_in)
        return await queries.get_my_check_ins(person_id)


async def withdraw_check_in(person_id: str, check_in_id: str, reason: str) -> MyCheckIns:
    """The member takes an open application back, or ends the active check-in; both need a reason and stay on record.

    Raises NotFound, WrongState.
    """
    async with transaction():
        check_in = await _lock_own(person_id, check_in_id)
        state = CHECK_IN_TABLE.next_state(check_in.state, CheckInAction.WITHDRAW, [CheckInActor.MEMBER])
        await stop_check_in(check_in, state, reason)
        await _tell_staff("withdraw_check_in", messages.WITHDRAWN, person_id, check_in)
        return await queries.get_my_check_ins(person_id)


async def confirm_check_in(actor_id: str, check_in_id: str, *, grid_id: str | None) -> CheckInCard:
    """Staff accept the application and assign a grid; the active check-in elsewhere ends in the same moment.

    Raises NotFound, NotAllowed, WrongState, NotPaired (any more), InvalidFields (a grid of another community).
    """
    async with transaction():
        check_in, membership, state = await _lock_for_staff(actor_id, check_in_id, CheckInAction.CONFIRM)
        if state is not check_in.state:
            await _require_grid(grid_id, check_in.community_id)
            check_in.grid_id = grid_id
            await _require_pairing(check_in, membership)
            await settle_confirmed(check_in, membership, actor_id)
            await _tell_decided("confirm_check_in", messages.CONFIRMED, actor_id, check_in)
            await invite_retired_member(membership, actor_id)
        return await queries.get_check_in_card(check_in_id)


async def settle_confirmed(check_in: CheckIn, membership: Membership, actor_id: str) -> None:
    """Make a check-in the active one, in the caller's transaction and with the membership locked."""
    now = clock.now()
    old = await CheckIn.get_or_none(membership_id=membership.id, state=CheckInState.CONFIRMED)
    if old:
        state = CHECK_IN_TABLE.next_state(old.state, CheckInAction.MOVE_AWAY, [CheckInActor.SYSTEM])
        await stop_check_in(old, state, "转往其他社区", moment=now)
        await _audit("end_check_in", None, old, await member_person(membership.id), moved_to=check_in.id)
        await notify(await role_holders(old.community_id), messages.MOVED_AWAY, check_in=old.id)
    await _decide(check_in, CheckInState.CONFIRMED, actor_id, now)
    membership.community_id = check_in.community_id
    await members.set_community(membership.id, check_in.community_id)
    await _credit_first_check_in(check_in, now)


async def _credit_first_check_in(check_in: CheckIn, moment: datetime) -> None:
    """Points for checking in: once, however often somebody moves house."""
    confirmed = CheckIn.filter(
        membership_id=check_in.membership_id, state__in=[CheckInState.CONFIRMED, CheckInState.ENDED]
    )
    if await confirmed.exclude(id=check_in.id).exists():
        return
    await record_service(
        await member_person(check_in.membership_id),
        rule="check_in_confirmed",
        source=("check_in", check_in.id),
        occurred_at=moment,
        organization_id=check_in.community_id,
    )


async def return_check_in(actor_id: str, check_in_id: str, reason: str) -> CheckInCard:
    """Staff send the application back to be mended. Raises NotFound, WrongState."""
    return await _turn_down(actor_id, check_in_id, CheckInAction.RETURN, messages.RETURNED, reason)


async def refuse_check_in(actor_id: str, check_in_id: str, reason: str) -> CheckInCard:
    """Staff refuse the application for good. Raises NotFound, WrongState."""
    return await _turn_down(actor_id, check_in_id, CheckInAction.REFUSE, messages.REFUSED, reason)


async def assign_grid(actor_id: str, check_in_id: str, grid_id: str | None) -> CheckInCard:
    """Staff put a confirmed check-in into another grid. Raises NotFound, WrongState, InvalidFields."""
    async with transaction():
        check_in, _, _ = await _lock_for_staff(actor_id, check_in_id, CheckInAction.CHANGE_TERMS)
        await _require_grid(grid_id, check_in.community_id)
        check_in.grid_id = grid_id
        await _save(check_in)
        await _tell_decided("assign_grid", messages.GRID_ASSIGNED, actor_id, check_in, grid=grid_id)
        return await queries.get_check_in_card(check_in_id)


async def end_check_in(actor_id: str, check_in_id: str, reason: str) -> CheckInCard:
    """Staff end a confirmed check-in: the member moved away without a word, or died. Raises NotFound, WrongState."""
    async with transaction():
        check_in, _, state = await _lock_for_staff(actor_id, check_in_id, CheckInAction.END)
        await stop_check_in(check_in, state, reason)
        await _tell_decided("end_check_in", messages.ENDED, actor_id, check_in)
        return await queries.get_check_in_card(check_in_id)


async def match_home(actor_id: str, check_in_id: str, home_organization_id: str) -> CheckInCard:
    """Staff say which Party organization the member's own words mean. Raises NotFound, InvalidFields.

    Possible while the application is decided, and as long as the check-in is active.
    """
    async with transaction():
        check_in = await require_matchable(actor_id, check_in_id)
        before = await members.match_home(check_in.membership_id, home_organization_id)
        if before.home_organization_id != home_organization_id:
            facts = {"home": home_organization_id, "was": before.home_organization_id}
            await _audit("match_home", actor_id, check_in, before.person_id, **facts)
            await notify([before.person_id], messages.HOME_MATCHED, party_organization=home_organization_id)
        return await queries.get_check_in_card(check_in_id)


async def require_matchable(actor_id: str, check_in_id: str) -> CheckIn:
    """The check-in, its membership locked, as long as it is decided or active. Raises NotFound, OwnMatter."""
    check_in, _ = await _lock_seen(actor_id, check_in_id)
    if check_in.state not in (CheckInState.APPLIED, CheckInState.RETURNED, CheckInState.CONFIRMED):
        raise NotFound()
    return check_in


async def stop_check_in(check_in: CheckIn, state: CheckInState, reason: str, *, moment: datetime | None = None) -> None:
    """Withdraw or end a check-in, with what rests on it: posts there, and an invitation to move the membership.

    The membership is locked.
    """
    moment = moment or clock.now()
    was_active = check_in.state is CheckInState.CONFIRMED
    check_in.state, check_in.reason = state, reason
    check_in.ended_at = moment if state is CheckInState.ENDED else None
    await _save(check_in)
    if was_active:
        await end_holdings_of(check_in.membership_id, check_in.community_id, "报到已结束")
        await cancel_transfer(check_in.membership_id)
        await members.set_community(check_in.membership_id, None)


async def _turn_down(actor_id: str, check_in_id: str, action: CheckInAction, event: Event, reason: str) -> CheckInCard:
    async with transaction():
        check_in, _, state = await _lock_for_staff(actor_id, check_in_id, action)
        check_in.reason = reason
        await _decide(check_in, state, actor_id, clock.now())
        await _tell_decided(f"{action}_check_in", event, actor_id, check_in)
        return await queries.get_check_in_card(check_in_id)


async def _require_grid(grid_id: str | None, community_id: str) -> None:
    if grid_id and not await Organization.exists(id=grid_id, parent_id=community_id, level=Level.GRID, closed_at=None):
        raise InvalidFields.of("grid_id", "请选择本社区的网格")


async def _lock_own(
    person_id: str, check_in_id: str, action: CheckInAction | None = None, version: int | None = None
) -> CheckIn:
    """The member's own check-in under lock, in the state that the action leads to."""
    membership_id = await membership_of(person_id)
    if membership_id is None:
        raise NotFound()
    await _lock_membership(membership_id)
    check_in = await CheckIn.get_or_none(id=check_in_id, membership_id=membership_id)
    if check_in is None:
        raise NotFound()
    if action:
        check_in.state = CHECK_IN_TABLE.next_state(check_in.state, action, [CheckInActor.MEMBER])
    if version is not None and check_in.version != version:
        raise EditedMeanwhile()
    return check_in


async def _lock_membership(membership_id: str) -> Membership:
    # The race: two confirmations (a transfer and a late confirmation of an older application) at once. Both wait here,
    # and the second one sees the first one's check-in.
    return await Membership.filter(id=membership_id).select_for_update(no_key=True).get()


async def _lock_for_staff(
    actor_id: str, check_in_id: str, action: CheckInAction
) -> tuple[CheckIn, Membership, CheckInState]:
    """A check-in to the actor's community with its membership under lock, and where the action leads."""
    check_in, membership = await _lock_seen(actor_id, check_in_id)
    return check_in, membership, CHECK_IN_TABLE.next_state(check_in.state, action, [CheckInActor.STAFF])


async def _lock_seen(actor_id: str, check_in_id: str) -> tuple[CheckIn, Membership]:
    seen = await CheckIn.get_or_none(id=check_in_id)
    if seen is None:
        raise NotFound()
    await require_role_or_hide(actor_id, seen.community_id)
    membership = await _lock_membership(seen.membership_id)
    require_another(actor_id, await member_person(membership.id))
    check_in = await CheckIn.get(id=check_in_id)
    # It may have been sent to another community while we waited for the lock.
    await require_role(actor_id, check_in.community_id)
    return check_in, membership


async def _fill(check_in: CheckIn, application: CheckInApplication, membership: Membership) -> None:
    check_in.community_id, check_in.via_unit_id = application.community_id, application.via_unit_id
    if await CheckIn.exists(
        membership_id=membership.id, community_id=check_in.community_id, state=CheckInState.CONFIRMED
    ):
        raise AlreadyCheckedIn()
    await _require_pairing(check_in, membership)
    _fill_talents(check_in, application)


async def _require_pairing(check_in: CheckIn, membership: Membership) -> None:
    if check_in.via_unit_id:
        home_id = open_membership(membership).home_organization_id
        await require_pairing(check_in.via_unit_id, check_in.community_id, home_id)


def _fill_talents(check_in: CheckIn, talents: Talents | CheckInApplication) -> None:
    check_in.residence = seal_residence(check_in.id, talents.residence)
    check_in.skills, check_in.willing, check_in.free_times = talents.skills, talents.willing, talents.free_times


async def _decide(check_in: CheckIn, state: CheckInState, actor_id: str, moment: datetime) -> None:
    # The reason of an earlier return stays: the message that told of it is worded from here.
    check_in.state, check_in.decided_at, check_in.decided_by_id = state, moment, actor_id
    await _save(check_in)


async def _save(check_in: CheckIn) -> None:
    check_in.version += 1
    await check_in.save()


async def _tell_staff(action: str, event: Event, person_id: str, check_in: CheckIn) -> None:
    await _audit(action, person_id, check_in, person_id)
    await notify(await role_holders(check_in.community_id), event, check_in=check_in.id)


async def _tell_applied(action: str, person_id: str, check_in: CheckIn) -> None:
    await notify([person_id], messages.APPLIED, check_in=check_in.id)
    await _tell_staff(action, messages.TO_REVIEW, person_id, check_in)


async def _tell_decided(action: str, event: Event, actor_id: str, check_in: CheckIn, **details: Any) -> None:
    person_id = await member_person(check_in.membership_id)
    await _audit(action, actor_id, check_in, person_id, **details)
    await notify([person_id], event, check_in=check_in.id, at=clock.now())


async def _audit(action: str, actor_id: str | None, check_in: CheckIn, person_id: str, **details: Any) -> None:
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("check_in", check_in.id),
        person_id=person_id,
        organization_id=check_in.community_id,
        **{name: value for name, value in details.items() if value is not None},
    )
