"""Unit check-in 单位报到: a unit's Party organization reports to a community or subdistrict. (Policy section 9.)

The unit check-in's row is the lock. Two unique indexes stand behind it: one open application and one active pairing for
each unit and place.
"""

from datetime import date, timedelta
from typing import Annotated, Any

import msgspec

from server.background.sweeps import due_sweep
from server.check_in.rules import CheckInAction, CheckInActor
from server.check_in.units import messages, pairing, queries
from server.check_in.units.contact import UnitContact, seal_contact
from server.check_in.units.models import UnitCheckIn, UnitCheckInState, UnitKind
from server.check_in.units.offers import submit_offers
from server.check_in.units.queries import UnitCheckInCard, UnitCheckInView
from server.check_in.units.rules import UNIT_TABLE
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.bounds import RequiredText
from server.foundation.database import transaction
from server.foundation.dates import today
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotAllowed, NotFound, Refusal, WrongState
from server.foundation.ids import Id
from server.members.homes import host_of_home
from server.notifications.events import Event
from server.notifications.telling import notify
from server.organizations.access import LIAISONS, holds_role, require_role_or_hide, role_holders
from server.organizations.models import Level, Organization
from server.organizations.queries import hold_organization

MemberCount = Annotated[int, msgspec.Meta(ge=1, le=100_000)]


class UnitCheckInPending(Refusal):
    code, title, status = "unit_check_in_pending", "该单位已有一份待处理的报到申请", 409


class AlreadyPaired(Refusal):
    code, title, status = "already_paired", "该单位已与此社区（街道）结对", 409


class UnitApplication(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What a unit tells when checking in.

    `offers`, what the unit can do for the community, is shown to everybody once the pairing is accepted.
    """

    party_organization_id: Id
    unit_kind: UnitKind
    member_count: MemberCount
    contact: UnitContact
    offers: Annotated[list[Annotated[RequiredText, msgspec.Meta(max_length=60)]], msgspec.Meta(max_length=20)] = []


async def apply_unit_check_in(
    actor_id: str, unit_id: str, area_id: str, application: UnitApplication
) -> UnitCheckInView:
    """A unit's liaison applies to a community or subdistrict.

    Raises NotAllowed, InvalidFields, UnitCheckInPending, AlreadyPaired.
    """
    if not await holds_role(actor_id, unit_id, LIAISONS):
        raise NotAllowed("只有单位联络员可以为单位报到")
    if not await Organization.exists(id=area_id, level__in=[Level.COMMUNITY, Level.SUBDISTRICT], closed_at=None):
        raise InvalidFields.of("area_id", "请选择一个社区或街道")
    async with transaction(unit_check_in_one_open=UnitCheckInPending):
        for held in sorted((unit_id, area_id)):
            await hold_organization(held)
        if await UnitCheckIn.exists(unit_id=unit_id, area_id=area_id, state=UnitCheckInState.ACCEPTED):
            raise AlreadyPaired()
        unit_check_in = UnitCheckIn(unit_id=unit_id, area_id=area_id, applied_by_id=actor_id, applied_at=clock.now())
        await _fill(unit_check_in, application)
        await unit_check_in.save(force_create=True)
        await submit_offers(actor_id, unit_check_in)
        await _tell_staff("apply_unit_check_in", messages.TO_REVIEW, actor_id, unit_check_in)
        return await queries.get_unit_check_in(unit_check_in.id)


async def apply_unit_check_in_again(
    actor_id: str, unit_check_in_id: str, version: int, application: UnitApplication
) -> UnitCheckInView:
    """The liaison mends a returned application, or changes one that nobody has decided yet.

    Raises NotFound, WrongState, EditedMeanwhile, InvalidFields.
    """
    async with transaction():
        unit_check_in, state = await _lock(
            actor_id, unit_check_in_id, CheckInAction.CHANGE, CheckInActor.LIAISON, version
        )
        await _fill(unit_check_in, application)
        unit_check_in.state, unit_check_in.applied_at = state, clock.now()
        unit_check_in.decided_at, unit_check_in.decided_by_id = None, None  # type: ignore[assignment]
        await _save(unit_check_in)
        await submit_offers(actor_id, unit_check_in)
        await _tell_staff("change_unit_check_in", messages.TO_REVIEW, actor_id, unit_check_in)
        return await queries.get_unit_check_in(unit_check_in_id)


async def withdraw_unit_check_in(actor_id: str, unit_check_in_id: str, reason: str) -> UnitCheckInView:
    """The liaison takes an open application back. Raises NotFound, WrongState."""
    async with transaction():
        unit_check_in, state = await _lock(actor_id, unit_check_in_id, CheckInAction.WITHDRAW, CheckInActor.LIAISON)
        unit_check_in.state, unit_check_in.reason = state, reason
        await _save(unit_check_in)
        await _tell_staff("withdraw_unit_check_in", messages.WITHDRAWN, actor_id, unit_check_in)
        return await queries.get_unit_check_in(unit_check_in_id)


async def change_unit_contact(
    actor_id: str, unit_check_in_id: str, version: int, *, contact: UnitContact, member_count: int
) -> UnitCheckInView:
    """The liaison of an active pairing names somebody else to call. Raises NotFound, WrongState, EditedMeanwhile."""
    async with transaction():
        unit_check_in, _ = await _lock(
            actor_id, unit_check_in_id, CheckInAction.CHANGE_DETAILS, CheckInActor.LIAISON, version
        )
        unit_check_in.contact, unit_check_in.member_count = seal_contact(unit_check_in.id, contact), member_count
        await _save(unit_check_in)
        await _tell_staff("change_unit_contact", messages.CHANGED, actor_id, unit_check_in)
        return await queries.get_unit_check_in(unit_check_in_id)


async def accept_unit_check_in(
    actor_id: str, unit_check_in_id: str, *, starts_on: date, ends_on: date | None
) -> UnitCheckInCard:
    """Staff accept: unit and place are a pair from `starts_on` to `ends_on` (both included, or until it is ended).

    Raises NotFound, WrongState (also where unit or place is closed), InvalidFields, AlreadyPaired.
    """
    _check_days(starts_on, ends_on)
    async with transaction(unit_check_in_one_active=AlreadyPaired):
        unit_check_in, state = await _lock(actor_id, unit_check_in_id, CheckInAction.CONFIRM, CheckInActor.STAFF)
        if await Organization.exists(id__in=[unit_check_in.unit_id, unit_check_in.area_id], closed_at__isnull=False):
            raise WrongState("单位或社区已撤销")
        unit_check_in.starts_on, unit_check_in.ends_on = starts_on, ends_on
        _decide(unit_check_in, state, actor_id, unit_check_in.reason)
        await _save(unit_check_in)
        await _tell_unit("accept_unit_check_in", messages.ACCEPTED, actor_id, unit_check_in)
        return await queries.get_unit_check_in_card(unit_check_in_id)


async def return_unit_check_in(actor_id: str, unit_check_in_id: str, reason: str) -> UnitCheckInCard:
    """Staff send the application back to be mended. Raises NotFound, WrongState."""
    return await _turn_down(actor_id, unit_check_in_id, CheckInAction.RETURN, messages.RETURNED, reason)


async def refuse_unit_check_in(actor_id: str, unit_check_in_id: str, reason: str) -> UnitCheckInCard:
    """Staff refuse the application for good. Raises NotFound, WrongState."""
    return await _turn_down(actor_id, unit_check_in_id, CheckInAction.REFUSE, messages.REFUSED, reason)


async def change_unit_dates(
    actor_id: str, unit_check_in_id: str, version: int, *, ends_on: date | None
) -> UnitCheckInCard:
    """Staff prolong or shorten an active pairing (None: without an end).

    Raises NotFound, WrongState, EditedMeanwhile, InvalidFields.
    """
    async with transaction():
        unit_check_in, _ = await _lock(
            actor_id, unit_check_in_id, CheckInAction.CHANGE_TERMS, CheckInActor.STAFF, version
        )
        assert unit_check_in.starts_on
        _check_days(unit_check_in.starts_on, ends_on)
        unit_check_in.ends_on = ends_on
        await _save(unit_check_in)
        await _tell_unit("change_unit_dates", messages.DATES_CHANGED, actor_id, unit_check_in)
        return await queries.get_unit_check_in_card(unit_check_in_id)


async def end_unit_check_in(actor_id: str, unit_check_in_id: str, reason: str) -> UnitCheckInView:
    """The liaison ends an active pairing; it stays on record. Both sides are told. Raises NotFound, WrongState."""
    async with transaction():
        await _end(actor_id, unit_check_in_id, reason, CheckInActor.LIAISON)
        return await queries.get_unit_check_in(unit_check_in_id)


async def end_unit_pairing(actor_id: str, unit_check_in_id: str, reason: str) -> UnitCheckInCard:
    """The place's staff end an active pairing, with the same effect. Raises NotFound, WrongState."""
    async with transaction():
        await _end(actor_id, unit_check_in_id, reason, CheckInActor.STAFF)
        return await queries.get_unit_check_in_card(unit_check_in_id)


async def lapse_unit_check_in(unit_check_in_id: str, reason: str) -> None:
    """End a pairing, or an application that has become pointless, without anybody's doing."""
    unit_check_in = await UnitCheckIn.filter(id=unit_check_in_id).select_for_update(no_key=True).get()
    state = UNIT_TABLE.next_state(unit_check_in.state, CheckInAction.LAPSE, [CheckInActor.SYSTEM])
    if state is UnitCheckInState.ENDED:
        await _stop(unit_check_in, state, reason, None)
        return
    _decide(unit_check_in, state, None, reason)
    await _save(unit_check_in)
    await _tell_unit("refuse_unit_check_in", messages.REFUSED, None, unit_check_in)


async def _lapse(row: Any) -> None:
    await lapse_unit_check_in(row["id"], "结对期限已满")


LAPSE_UNIT_CHECK_INS = due_sweep(
    "unit_check_ins_lapse",
    timedelta(minutes=1),
    rows="unit_check_in",
    where="state = 'accepted'",
    due="ends_on",
    before=today,
    do=_lapse,
)
"""Pairings whose last day is over end."""


async def _turn_down(
    actor_id: str, unit_check_in_id: str, action: CheckInAction, event: Event, reason: str
) -> UnitCheckInCard:
    async with transaction():
        unit_check_in, state = await _lock(actor_id, unit_check_in_id, action, CheckInActor.STAFF)
        _decide(unit_check_in, state, actor_id, reason)
        await _save(unit_check_in)
        await _tell_unit(f"{action}_unit_check_in", event, actor_id, unit_check_in)
        return await queries.get_unit_check_in_card(unit_check_in_id)


async def _end(actor_id: str, unit_check_in_id: str, reason: str, actor: CheckInActor) -> None:
    unit_check_in, state = await _lock(actor_id, unit_check_in_id, CheckInAction.END, actor)
    await _stop(unit_check_in, state, reason, actor_id)


async def _lock(
    actor_id: str, unit_check_in_id: str, action: CheckInAction, actor: CheckInActor, version: int | None = None
) -> tuple[UnitCheckIn, UnitCheckInState]:
    """The row under lock, and where the action leads. Raises NotFound for who is not `actor` here."""
    # The race: staff accept while the liaison withdraws, or other staff refuse. The second one reads what became of it.
    unit_check_in = await UnitCheckIn.filter(id=unit_check_in_id).select_for_update(no_key=True).get_or_none()
    if unit_check_in is None:
        raise NotFound()
    if actor is CheckInActor.LIAISON:
        await require_role_or_hide(actor_id, unit_check_in.unit_id, LIAISONS)
    else:
        await require_role_or_hide(actor_id, unit_check_in.area_id)
    state = UNIT_TABLE.next_state(unit_check_in.state, action, [actor])
    if version is not None and version != unit_check_in.version:
        raise EditedMeanwhile()
    return unit_check_in, state


async def _fill(unit_check_in: UnitCheckIn, application: UnitApplication) -> None:
    if await host_of_home(application.party_organization_id) != unit_check_in.unit_id:
        raise InvalidFields.of("party_organization_id", "请选择本单位的党组织")
    unit_check_in.party_organization_id = application.party_organization_id
    unit_check_in.unit_kind = application.unit_kind
    unit_check_in.member_count = application.member_count
    unit_check_in.contact = seal_contact(unit_check_in.id, application.contact)
    unit_check_in.offers = application.offers


def _decide(unit_check_in: UnitCheckIn, state: UnitCheckInState, actor_id: str | None, reason: str) -> None:
    unit_check_in.state, unit_check_in.reason = state, reason
    unit_check_in.decided_at, unit_check_in.decided_by_id = clock.now(), actor_id  # type: ignore[assignment]


async def _stop(unit_check_in: UnitCheckIn, state: UnitCheckInState, reason: str, actor_id: str | None) -> None:
    unit_check_in.state, unit_check_in.reason, unit_check_in.ended_at = state, reason, clock.now()
    await _save(unit_check_in)
    for end_with in pairing.ENDED:
        await end_with(unit_check_in.id)
    await _tell_unit("end_unit_check_in", messages.ENDED, actor_id, unit_check_in)
    await notify(await role_holders(unit_check_in.area_id), messages.ENDED_FOR_STAFF, unit_check_in=unit_check_in.id)


async def _save(unit_check_in: UnitCheckIn) -> None:
    unit_check_in.version += 1
    await unit_check_in.save()


async def _tell_unit(action: str, event: Event, actor_id: str | None, unit_check_in: UnitCheckIn) -> None:
    await _audit(action, actor_id, unit_check_in, state=str(unit_check_in.state))
    liaisons = await role_holders(unit_check_in.unit_id, LIAISONS)
    await notify(liaisons, event, unit_check_in=unit_check_in.id, at=clock.now())


async def _tell_staff(action: str, event: Event, actor_id: str, unit_check_in: UnitCheckIn) -> None:
    await _audit(action, actor_id, unit_check_in, state=str(unit_check_in.state))
    await notify(await role_holders(unit_check_in.area_id), event, unit_check_in=unit_check_in.id)


async def _audit(action: str, actor_id: str | None, unit_check_in: UnitCheckIn, **details: Any) -> None:
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("unit_check_in", unit_check_in.id),
        organization_id=unit_check_in.area_id,
        unit=unit_check_in.unit_id,
        **details,
    )


def _check_days(starts_on: date, ends_on: date | None) -> None:
    if ends_on and ends_on < max(starts_on, today()):
        raise InvalidFields.of("ends_on", "结束日期不能早于开始日期，也不能早于今天")
