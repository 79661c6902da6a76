"""Service hours 服务时长: the leader's word on who was there turns into minutes, approvals and corrections.

Locks, always in this order: the shift, its allotments by id, its sign-ups by person, then each person's hours (so that
two shifts of one day see each other's minutes).
"""

from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import IntegrityError, execute, fetch, fetch_one, fetch_value, transaction, violates
from server.foundation.errors import FieldProblem, InvalidFields, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page
from server.notifications.telling import notify
from server.organizations.access import (
    READERS,
    WORKERS,
    holds_role,
    require_another,
    require_role_or_hide,
    role_holders,
)
from server.organizations.models import Level, RoleKind
from server.organizations.queries import ancestor_of_level
from server.places.models import PlaceState
from server.places.no_shows import mark_attended
from server.service_record.recording import AlreadyReversed, record_service, reverse_service
from server.volunteering.access import ORGANIZERS, require_leader_or_staff
from server.volunteering.attendance.models import Attendance
from server.volunteering.attendance.roster import SignUpRow, show_sign_ups
from server.volunteering.attendance.rules import CONFIRM_WITHIN
from server.volunteering.attendance.settling import mark_absent
from server.volunteering.hours import messages
from server.volunteering.hours.certificates import lock_hours_of, revoke_certificates
from server.volunteering.hours.errors import CorrectionWaiting, MinutesCreditedAlready, TooEarlyToConfirm, WrongApprover
from server.volunteering.hours.models import Approver, Hours, HoursState
from server.volunteering.hours.queries import HoursView, show_hours
from server.volunteering.hours.rules import SERVICE_RULES, Credit, approver_of, credit
from server.volunteering.models import Shift, SignUp
from server.volunteering.reasons import HOURS, submit_reason
from server.volunteering.sign_ups.party import people_of
from server.volunteering.steps import audit_sign_up, ensure_on, get_shift, lock_allotments

Minutes = Annotated[int, msgspec.Meta(ge=0, le=24 * 60)]
_OPEN = (HoursState.WAITING, HoursState.EFFECTIVE)


class ConfirmedPerson(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the leader says of one sign-up: absent, or there for so many `minutes`; left out, as clocking in and out
    measured them. Late additions, more than 7 days after the end, need a `reason`."""

    sign_up_id: Id
    minutes: Minutes | None = None
    is_absent: bool = False
    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""


async def confirm_attendance(actor_id: str, shift_id: str, persons: list[ConfirmedPerson]) -> Page[SignUpRow]:
    """The leader's or staff's word on who was there: minutes go to the service record, absences count as no-shows.
    The rows of these people in the leader's list.

    Up to 8 h a day count at once; up to 12 h wait for the community's manager, more for the subdistrict's; additions
    more than 7 days late wait for a second person. Never more minutes than the shift has, and no minute twice for one
    person. What is confirmed already stays as it is (corrections are rows of their own). Nobody confirms their own.
    Raises NotFound, OwnMatter, ShiftOff, TooEarlyToConfirm, WrongState, InvalidFields, MinutesCreditedAlready.
    """
    async with transaction():
        shift, sign_ups = await _lock_sign_ups(shift_id, [person.sign_up_id for person in persons])
        await require_leader_or_staff(actor_id, shift)
        ensure_on(shift)
        if len(sign_ups) < len({person.sign_up_id for person in persons}):
            raise NotFound("有人没有报名该场次")
        require_another(actor_id, *(sign_up.person_id for sign_up in sign_ups))
        stated = {person.sign_up_id: person for person in persons}
        positions = {person.sign_up_id: position for position, person in enumerate(persons)}
        for sign_up in sign_ups:
            if stated[sign_up.id].is_absent:
                await _confirm_absence(actor_id, shift, sign_up)
            else:
                await _confirm_presence(actor_id, shift, sign_up, stated[sign_up.id], positions[sign_up.id])
        return await show_sign_ups(shift_id, list(stated))


async def approve_hours(actor_id: str, hours_id: str) -> HoursView:
    """Minutes that waited count from now on. Approving twice changes nothing.

    Raises NotFound, WrongApprover, WrongState, MinutesCreditedAlready.
    """
    async with transaction():
        shift, hours, sign_up = await _lock_hours(hours_id)
        if hours.state is HoursState.EFFECTIVE and hours.decided_by_id == actor_id:
            return await show_hours(hours_id)
        await _require_approver(actor_id, shift, hours)
        if hours.state is not HoursState.WAITING:
            raise WrongState()
        hours.decided_by_id, hours.decided_at = actor_id, clock.now()
        await _take_effect(shift, sign_up, hours)
        await _audit(actor_id, "approve_hours", shift, hours)
        return await show_hours(hours_id)


async def refuse_hours(actor_id: str, hours_id: str, reason: str) -> HoursView:
    """Minutes that waited do not count; the one who stated them and the volunteer are told why.

    Raises NotFound, WrongApprover, WrongState.
    """
    async with transaction():
        shift, hours, _ = await _lock_hours(hours_id)
        await _require_approver(actor_id, shift, hours)
        if hours.state is not HoursState.WAITING:
            raise WrongState()
        hours.state, hours.decision_reason = HoursState.REFUSED, reason
        hours.decided_by_id, hours.decided_at = actor_id, clock.now()
        await hours.save(update_fields=["state", "decision_reason", "decided_by_id", "decided_at"])
        await _audit(actor_id, "refuse_hours", shift, hours)
        await notify({hours.person_id, hours.stated_by_id}, messages.REFUSED, hours=hours.id, at=clock.now())
        return await show_hours(hours_id)


async def correct_hours(actor_id: str, hours_id: str, minutes: int, reason: str) -> HoursView:
    """Other minutes than those that count, as a new row; 0 takes them away. The new row.

    Fewer minutes count at once; more follow the rules of new ones (the day's limits, a second person when late), and
    until they are approved the old ones count. Raises NotFound, OwnMatter, WrongState, CorrectionWaiting,
    MinutesCreditedAlready.
    """
    async with transaction():
        shift, old, sign_up = await _lock_hours(hours_id)
        await require_leader_or_staff(actor_id, shift)
        require_another(actor_id, old.person_id)
        if old.state is not HoursState.EFFECTIVE:
            raise WrongState("只能更正已生效的时长")
        if await Hours.exists(sign_up_id=sign_up.id, state=HoursState.WAITING):
            raise CorrectionWaiting()
        credited = credit(shift.starts_at, shift.ends_at, old.starts_at, None, minutes)
        assert credited
        is_late = credited.minutes > old.minutes and _is_late(shift)
        made = await _state(actor_id, shift, sign_up, credited, reason=reason, is_late=is_late, replaces=old)
        await submit_reason(HOURS, made.id, actor_id, shift.activity)
        await _audit(actor_id, "correct_hours", shift, made, replaces=old.id)
        return await show_hours(made.id)


async def move_hours(from_id: str, into_id: str) -> None:
    """After two persons turned out to be one; runs after the service record has moved. Where both were credited for the
    same minutes, those of `from_id` no longer count."""
    twice = await fetch(
        "SELECT h.id, a.kind FROM hours h JOIN shift sh ON sh.id = h.shift_id JOIN activity a ON a.id = sh.activity_id "
        "WHERE h.person_id = $1 AND h.state = 'effective' AND EXISTS (SELECT 1 FROM hours own WHERE own.person_id = $2 "
        "AND own.state = 'effective' AND tstzrange(own.starts_at, own.ends_at) && tstzrange(h.starts_at, h.ends_at))",
        from_id,
        into_id,
    )
    for row in twice:
        await execute("UPDATE hours SET state = 'replaced' WHERE id = $1", row["id"])
        await reverse_service(into_id, rule=SERVICE_RULES[row["kind"]], source=("hours", row["id"]), reason="merged")
    for table in ("hours", "shift_scan"):
        await execute(f"UPDATE {table} SET person_id = $2 WHERE person_id = $1", from_id, into_id)


async def _confirm_absence(actor_id: str, shift: Shift, sign_up: SignUp) -> None:
    state = await _state_of(sign_up)
    if state is PlaceState.NO_SHOW:
        return
    if state is not PlaceState.CONFIRMED:
        raise WrongState()
    if clock.now() < shift.ends_at:
        raise TooEarlyToConfirm("活动结束后才能记为缺席")
    await mark_absent(actor_id, shift, sign_up)


async def _confirm_presence(
    actor_id: str, shift: Shift, sign_up: SignUp, stated: ConfirmedPerson, position: int
) -> None:
    if await Hours.exists(sign_up_id=sign_up.id, state__in=_OPEN):
        return
    if await _state_of(sign_up) not in (PlaceState.CONFIRMED, PlaceState.NO_SHOW, PlaceState.ATTENDED):
        raise WrongState()
    there = await Attendance.get_or_none(sign_up_id=sign_up.id)
    came_at, left_at = (there.sign_in_at, there.sign_out_at) if there else (None, None)
    if clock.now() < shift.ends_at and (left_at is None or stated.minutes is not None):
        raise TooEarlyToConfirm()
    credited = credit(shift.starts_at, shift.ends_at, came_at, left_at, stated.minutes)
    problems = {}
    if credited is None:
        problems["minutes"] = "没有签到或签退记录，请填写服务分钟数"
    is_late = _is_late(shift)
    if is_late and not stated.reason:
        problems["reason"] = "活动结束超过 7 天，补录须说明原因"
    if credited is None or problems:
        raise InvalidFields(
            errors=[FieldProblem(f"persons.{position}.{name}", text) for name, text in problems.items()]
        )
    made = await _state(actor_id, shift, sign_up, credited, reason=stated.reason, is_late=is_late)
    if stated.reason:
        await submit_reason(HOURS, made.id, actor_id, shift.activity)
    # That somebody was there is not in doubt where only the length of their day has to be approved.
    if made.state is HoursState.WAITING and not is_late:
        await mark_attended(sign_up.place_id)
    await audit_sign_up("confirm_attendance", actor_id, shift, sign_up, minutes=credited.minutes, state=str(made.state))


async def _state(
    actor_id: str,
    shift: Shift,
    sign_up: SignUp,
    credited: Credit,
    *,
    reason: str,
    is_late: bool,
    replaces: Hours | None = None,
) -> Hours:
    """A new row of minutes, effective or waiting for somebody. The shift and the sign-up are locked."""
    # Two shifts of one person and day, confirmed at the same time, would each see the day without the other.
    await lock_hours_of(sign_up.person_id)
    others = await _other_spans(sign_up, credited)
    for other_id, starts_at, ends_at in others:
        if credited.minutes and starts_at < credited.ends_at and credited.starts_at < ends_at:
            raise MinutesCreditedAlready(sign_up_id=sign_up.id, other_sign_up_id=other_id)
    organization_id = await _community_of(shift)
    needs = approver_of((credited.starts_at, credited.ends_at), [(begin, end) for _, begin, end in others])
    # Fewer minutes than before are no new ones, and who may approve need not ask themselves.
    if (replaces and credited.minutes <= replaces.minutes) or (
        needs and await holds_role(actor_id, await _where(needs, organization_id, shift), (RoleKind.MANAGER,))
    ):
        needs = None
    if is_late:
        needs = needs or Approver.SECOND_PERSON
    made = Hours(
        sign_up_id=sign_up.id,
        shift_id=shift.id,
        person_id=sign_up.person_id,
        organization_id=organization_id,
        starts_at=credited.starts_at,
        ends_at=credited.ends_at,
        minutes=credited.minutes,
        state=HoursState.WAITING,
        needs=needs,
        is_late=is_late,
        reason=reason,
        stated_by_id=actor_id,
        replaces_id=replaces.id if replaces else None,
    )
    if needs is None:
        await _take_effect(shift, sign_up, made)
        return made
    await made.save(force_create=True)
    if not replaces:
        concerned = (await people_of([sign_up.place_id]))[sign_up.place_id]
        await notify(concerned, messages.WAITING, shift=shift.id, hours=made.id, minutes=made.minutes, needs=str(needs))
    approvers = await role_holders(await _where(needs, organization_id, shift), _kinds(needs))
    await notify(set(approvers) - {actor_id, made.person_id}, messages.TO_APPROVE, hours=made.id)
    return made


async def _take_effect(shift: Shift, sign_up: SignUp, hours: Hours) -> None:
    """From now on these minutes count, and those that they replace no longer do."""
    rule = SERVICE_RULES[shift.activity.kind]
    now = clock.now()
    old = await Hours.get(id=hours.replaces_id) if hours.replaces_id else None
    if old:
        await execute("UPDATE hours SET state = 'replaced' WHERE id = $1", old.id)
        if old.minutes:
            await _reverse(old, rule)
    hours.state, hours.effective_at = HoursState.EFFECTIVE, now
    try:
        async with transaction():
            await hours.save()
    except IntegrityError as error:
        if violates(error, "hours_no_minute_twice"):
            raise MinutesCreditedAlready(sign_up_id=sign_up.id) from error
        raise
    if hours.minutes:
        await record_service(
            hours.person_id,
            rule=rule,
            source=("hours", hours.id),
            minutes=hours.minutes,
            occurred_at=hours.starts_at,
            organization_id=hours.organization_id,
        )
    await mark_attended(sign_up.place_id)
    concerned = (await people_of([sign_up.place_id]))[sign_up.place_id]
    if old is None:
        await notify(concerned, messages.CREDITED, shift=shift.id, hours=hours.id, minutes=hours.minutes, at=now)
        return
    await notify(concerned, messages.CORRECTED, hours=hours.id, before=old.minutes, at=now)
    if hours.minutes < old.minutes:
        await revoke_certificates(hours.person_id, old.starts_at)


async def _reverse(old: Hours, rule: str) -> None:
    try:
        await reverse_service(old.person_id, rule=rule, source=("hours", old.id), reason="corrected")
    except AlreadyReversed:
        # Staff have taken it out of the record by hand; now it does not count here either.
        return


async def _lock_sign_ups(shift_id: str, sign_up_ids: list[str]) -> tuple[Shift, list[SignUp]]:
    """The shift and these of its sign-ups, locked with everything that confirming touches.

    The shift first, so that its times cannot change meanwhile; then the engine's locks in the order of their ids; then
    the sign-ups (a scan at the same time would write over the confirmation) by person: two confirmations with people in
    common do not wait for each other. Raises NotFound.
    """
    if not await fetch_value("SELECT 1 FROM shift WHERE id = $1 FOR SHARE", shift_id):
        raise NotFound()
    shift = await get_shift(shift_id)
    await lock_allotments(shift_id)
    found = SignUp.filter(id__in=sign_up_ids, shift_id=shift_id).order_by("person_id", "id")
    return shift, await found.select_for_update(no_key=True)


async def _lock_hours(hours_id: str) -> tuple[Shift, Hours, SignUp]:
    """One row of minutes under all its locks. Raises NotFound."""
    row = await fetch_one("SELECT shift_id, sign_up_id, person_id FROM hours WHERE id = $1", hours_id)
    if row is None:
        raise NotFound()
    shift, (sign_up,) = await _lock_sign_ups(row["shift_id"], [row["sign_up_id"]])
    await lock_hours_of(row["person_id"])
    return shift, await Hours.get(id=hours_id), sign_up


async def _require_approver(actor_id: str, shift: Shift, hours: Hours) -> None:
    """Raises NotFound for strangers, WrongState where nobody has to decide, WrongApprover for those who work there but
    may not decide this."""
    needs = hours.needs
    if needs is None or not await holds_role(
        actor_id, await _where(needs, hours.organization_id, shift), _kinds(needs)
    ):
        await require_role_or_hide(actor_id, shift.activity.organizer_id, (*READERS, *ORGANIZERS))
        raise WrongApprover(needs=str(needs)) if needs else WrongState()
    if actor_id in (hours.stated_by_id, hours.person_id):
        raise WrongApprover("须由另一人审批", needs=str(needs))


async def _where(needs: Approver, organization_id: str, shift: Shift) -> str:
    """The organization whose people approve."""
    if needs is Approver.SECOND_PERSON:
        return shift.activity.organizer_id
    if needs is Approver.COMMUNITY:
        return organization_id
    return await ancestor_of_level(organization_id, Level.SUBDISTRICT) or organization_id


def _kinds(needs: Approver) -> tuple[RoleKind, ...]:
    return WORKERS if needs is Approver.SECOND_PERSON else (RoleKind.MANAGER,)


async def _other_spans(sign_up: SignUp, credited: Credit) -> list[tuple[str, datetime, datetime]]:
    """The person's other minutes, waiting ones too, within a day of these: (sign-up, from, until). Where a correction
    waits, both it and what it would replace are there: the fuller view is the safe one."""
    day = timedelta(days=1)
    rows = await fetch(
        "SELECT sign_up_id, starts_at, ends_at FROM hours WHERE person_id = $1 AND sign_up_id <> $2 "
        "AND state IN ('waiting', 'effective') AND minutes > 0 AND starts_at < $4 AND ends_at > $3",
        sign_up.person_id,
        sign_up.id,
        credited.starts_at - day,
        credited.ends_at + day,
    )
    return [(row["sign_up_id"], row["starts_at"], row["ends_at"]) for row in rows]


def _is_late(shift: Shift) -> bool:
    return clock.now() > shift.ends_at + CONFIRM_WITHIN


async def _state_of(sign_up: SignUp) -> PlaceState:
    return PlaceState(await fetch_value("SELECT state FROM place WHERE id = $1", sign_up.place_id))


async def _community_of(shift: Shift) -> str:
    """For which community the service counts: the organizer's, or the organizer itself where it stands higher."""
    organizer_id: str = shift.activity.organizer_id
    return await ancestor_of_level(organizer_id, Level.COMMUNITY) or organizer_id


async def _audit(actor_id: str, action: str, shift: Shift, hours: Hours, **details: Any) -> None:
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("hours", hours.id),
        person_id=hours.person_id,
        organization_id=shift.activity.organizer_id,
        minutes=hours.minutes,
        state=str(hours.state),
        **details,
    )
