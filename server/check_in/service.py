"""Member check-in 党员报到: apply, return, confirm, transfer, withdraw, end. (Policy sections 6 and 9.)

The membership's row is the lock: whatever decides about a member's check-ins takes it first.
"""

from datetime import datetime
from typing import Any

import msgspec

from server import clock
from server.audit import record_audit
from server.check_in.models import CheckIn, CheckInState
from server.crypto import keyring
from server.database import IntegrityError, transaction, violates
from server.errors import EditedMeanwhile, InvalidFields, NotFound, Refusal, WrongState
from server.members.models import MemberKind, Membership
from server.members.service import member_person, membership_of, register_membership
from server.notifications.service import notify
from server.organizations.access import require_role, require_role_or_hide, role_holders
from server.organizations.models import Level, Organization

_CONTEXT = "check_in.residence"


class CheckInPending(Refusal):
    """One application at a time: the one that is open can be changed or withdrawn."""

    code, title, status = "check_in_pending", "您已有一份待处理的报到申请", 409


class AlreadyCheckedIn(Refusal):
    code, title, status = "already_checked_in", "您已在该社区报到", 409


class Residence(msgspec.Struct, frozen=True):
    """Where the member lives: estate 小区 and building 楼栋."""

    estate: str
    building: str = ""

    def __repr__(self) -> str:
        return "Residence(…)"


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """What a member tells when checking in."""

    community_id: str
    kind: MemberKind
    home_organization_id: str | None
    home_text: str
    residence: Residence
    skills: list[str]
    willing: list[str]
    free_times: list[str]


async def apply_check_in(person_id: str, application: Application) -> str:
    """A member asks to check in to a community; the check-in's id. With an active one elsewhere this is a transfer.

    Raises ConsentNeeded, InvalidFields, CheckInPending, AlreadyCheckedIn.
    """
    await _require_community(application.community_id)
    try:
        async with transaction():
            membership = await register_membership(
                person_id,
                application.kind,
                home_organization_id=application.home_organization_id,
                home_text=application.home_text,
            )
            await _lock_membership(membership.id)
            if await CheckIn.exists(
                membership_id=membership.id, community_id=application.community_id, state=CheckInState.CONFIRMED
            ):
                raise AlreadyCheckedIn()
            check_in = CheckIn(
                membership_id=membership.id, community_id=application.community_id, applied_at=clock.now()
            )
            _fill(check_in, application)
            await check_in.save(force_create=True)
            await _tell_applied(person_id, check_in)
    except IntegrityError as error:
        if violates(error, "check_in_one_open"):
            raise CheckInPending() from None
        raise
    return check_in.id


async def apply_check_in_again(person_id: str, check_in_id: str, version: int, application: Application) -> None:
    """The member mends a returned application, or changes one that nobody has decided yet."""
    await _require_community(application.community_id)
    async with transaction():
        check_in = await _lock_own(person_id, check_in_id)
        if check_in.state not in (CheckInState.APPLIED, CheckInState.RETURNED):
            raise WrongState()
        if check_in.version != version:
            raise EditedMeanwhile()
        await register_membership(
            person_id,
            application.kind,
            home_organization_id=application.home_organization_id,
            home_text=application.home_text,
        )
        check_in.community_id = application.community_id
        check_in.state = CheckInState.APPLIED
        check_in.applied_at, check_in.decided_at, check_in.decided_by_id = clock.now(), None, None
        check_in.version += 1
        _fill(check_in, application)
        await check_in.save()
        await _tell_applied(person_id, check_in)


async def withdraw_check_in(person_id: str, check_in_id: str, reason: str) -> None:
    """The member takes an open application back, or ends the active check-in; both need a reason and stay on record."""
    async with transaction():
        check_in = await _lock_own(person_id, check_in_id)
        if check_in.state in (CheckInState.APPLIED, CheckInState.RETURNED):
            check_in.state = CheckInState.WITHDRAWN
        elif check_in.state is CheckInState.CONFIRMED:
            check_in.state, check_in.ended_at = CheckInState.ENDED, clock.now()
        else:
            raise WrongState()
        check_in.reason = reason
        check_in.version += 1
        await check_in.save()
        community_id: str = check_in.community_id
        await notify(await role_holders(community_id), "check_in_withdrawn", check_in=check_in.id)


async def confirm_check_in(actor_id: str, check_in_id: str, *, grid_id: str | None) -> None:
    """Staff accept the application and assign a grid; the active check-in elsewhere ends in the same moment.

    Raises NotFound, NotAllowed, WrongState, InvalidFields (a grid of another community).
    """
    async with transaction():
        check_in = await _lock_for_staff(actor_id, check_in_id)
        if check_in.state is CheckInState.CONFIRMED:
            return
        if check_in.state is not CheckInState.APPLIED:
            raise WrongState()
        community_id: str = check_in.community_id
        if grid_id and not await Organization.exists(
            id=grid_id, parent_id=community_id, level=Level.GRID, closed_at=None
        ):
            raise InvalidFields.of("grid_id", "请选择本社区的网格")
        membership_id: str = check_in.membership_id
        now = clock.now()
        old = await CheckIn.get_or_none(membership_id=membership_id, state=CheckInState.CONFIRMED)
        if old:
            old.state, old.ended_at, old.reason = CheckInState.ENDED, now, "转往其他社区"
            old.version += 1
            await old.save()
        _decide(check_in, CheckInState.CONFIRMED, actor_id, now)
        check_in.grid_id = grid_id
        await check_in.save()
        await Membership.filter(id=membership_id).update(community_id=community_id)
        await _tell_decided("confirm_check_in", "check_in_confirmed", actor_id, check_in)


async def return_check_in(actor_id: str, check_in_id: str, reason: str) -> None:
    """Staff send the application back to be mended."""
    await _turn_down(actor_id, check_in_id, CheckInState.RETURNED, reason)


async def refuse_check_in(actor_id: str, check_in_id: str, reason: str) -> None:
    """Staff refuse the application for good."""
    await _turn_down(actor_id, check_in_id, CheckInState.REFUSED, reason)


def open_residence(check_in_id: str, sealed: bytes) -> Residence:
    """A residence in clear; the caller audits the view."""
    return msgspec.json.decode(keyring().decrypt_bytes(sealed, f"{_CONTEXT}.{check_in_id}"), type=Residence)


async def _turn_down(actor_id: str, check_in_id: str, state: CheckInState, reason: str) -> None:
    async with transaction():
        check_in = await _lock_for_staff(actor_id, check_in_id)
        if check_in.state is not CheckInState.APPLIED:
            raise WrongState()
        check_in.reason = reason
        _decide(check_in, state, actor_id, clock.now())
        await check_in.save()
        word = "return" if state is CheckInState.RETURNED else "refuse"
        await _tell_decided(f"{word}_check_in", f"check_in_{state}", actor_id, check_in)


async def _require_community(community_id: str) -> None:
    if not await Organization.exists(id=community_id, level=Level.COMMUNITY, closed_at=None):
        raise InvalidFields.of("community_id", "请选择一个社区")


async def _lock_membership(membership_id: str) -> None:
    # The race: two confirmations (a transfer and a late confirmation of an older application) at once. Both wait here,
    # and the second one sees the first one's check-in.
    await Membership.filter(id=membership_id).select_for_update().get()


async def _lock_own(person_id: str, check_in_id: str) -> CheckIn:
    membership_id = await membership_of(person_id)
    if membership_id is None:
        raise NotFound()
    await _lock_membership(membership_id)
    check_in = await CheckIn.get_or_none(id=check_in_id, membership_id=membership_id)
    if check_in is None:
        raise NotFound()
    return check_in


async def _lock_for_staff(actor_id: str, check_in_id: str) -> CheckIn:
    seen = await CheckIn.get_or_none(id=check_in_id)
    if seen is None:
        raise NotFound()
    await require_role_or_hide(actor_id, seen.community_id)
    await _lock_membership(seen.membership_id)
    check_in = await CheckIn.get(id=check_in_id)
    # It may have been sent to another community while we waited for the lock.
    await require_role(actor_id, check_in.community_id)
    return check_in


def _fill(check_in: CheckIn, application: Application) -> None:
    sealed = msgspec.json.encode(application.residence)
    check_in.residence = keyring().encrypt(sealed, f"{_CONTEXT}.{check_in.id}")
    check_in.skills, check_in.willing = application.skills, application.willing
    check_in.free_times = application.free_times


def _decide(check_in: CheckIn, state: CheckInState, actor_id: str, moment: datetime) -> None:
    # The reason of an earlier return stays: the message that told of it is worded from here.
    check_in.state, check_in.decided_at, check_in.decided_by_id = state, moment, actor_id
    check_in.version += 1


async def _tell_applied(person_id: str, check_in: CheckIn) -> None:
    await notify([person_id], "check_in_applied", check_in=check_in.id)
    staff = await role_holders(check_in.community_id)
    await notify(staff, "check_in_to_review", check_in=check_in.id)


async def _tell_decided(action: str, event: str, actor_id: str, check_in: CheckIn, **details: Any) -> None:
    community_id: str = check_in.community_id
    person_id = await member_person(check_in.membership_id)
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("check_in", check_in.id),
        person_id=person_id,
        organization_id=community_id,
        **details,
    )
    await notify([person_id], event, check_in=check_in.id, at=clock.now())
