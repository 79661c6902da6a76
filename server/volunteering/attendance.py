"""Being there: the rotating code, signing in and out by it, and the leader's confirmation that turns it into hours."""

import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from server import clock
from server.audit import record_audit
from server.database import IntegrityError, fetch, fetch_value, transaction, violates
from server.errors import InvalidFields, NotAllowed, NotFound, Refusal, WrongState
from server.ids import Id
from server.media.qr import draw_qr
from server.notifications.service import notify
from server.organizations.access import GRID_WORKERS, require_role_or_hide
from server.organizations.models import Level, RoleKind
from server.organizations.queries import ancestor_of_level
from server.places.models import PlaceState
from server.places.no_shows import mark_attended, mark_no_show
from server.places.service import lock_allotment
from server.service_record.service import record_service
from server.volunteering.errors import (
    CodeExpired,
    CodeInvalid,
    MinutesCreditedAlready,
    NotSignedInYet,
    NotSignedUp,
    OutsideHours,
    ShiftOff,
    TooEarlyToConfirm,
)
from server.volunteering.models import (
    Activity,
    ActivityState,
    Attendance,
    AttendanceMethod,
    Direction,
    Shift,
    ShiftRole,
    ShiftScan,
    ShiftState,
    SignUp,
)
from server.volunteering.rules import (
    SCAN_AFTER,
    SCAN_BEFORE,
    SERVICE_RULES,
    credit,
    is_current,
    read_code,
    window_at,
    window_end,
    write_code,
)


class ShiftCode(msgspec.Struct):
    """A shift's code as text and as a PNG (base64); after `shown_until` the screen asks for the next one."""

    text: str
    direction: Direction
    shown_until: datetime
    picture: str


class ConfirmedPerson(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the leader says of one sign-up: absent, or there for so many `minutes`; left out, as sign-in and sign-out
    measured them."""

    sign_up_id: Id
    minutes: Annotated[int, msgspec.Meta(ge=0, le=24 * 60)] | None = None
    is_absent: bool = False


async def require_leader_or_staff(person_id: str, shift: Shift, kinds: tuple[RoleKind, ...] = GRID_WORKERS) -> None:
    """Raises NotFound unless the person leads the shift or holds one of the roles at its organizer."""
    if person_id == shift.leader_id:
        return
    activity: Activity = shift.activity
    await require_role_or_hide(person_id, activity.organizer_id, kinds)


async def get_shift(shift_id: str) -> Shift:
    """The shift with its activity. Raises NotFound."""
    shift = await Shift.get_or_none(id=shift_id).select_related("activity")
    if shift is None:
        raise NotFound()
    return shift


async def show_shift_code(person_id: str, shift_id: str, direction: Direction) -> ShiftCode:
    """The code to be scanned now; another one every 30 s. Raises NotFound, ShiftOff."""
    shift = await get_shift(shift_id)
    await require_leader_or_staff(person_id, shift)
    _ensure_on(shift)
    window = window_at(clock.now())
    text = write_code(shift_id, direction, window)
    picture = base64.b64encode(draw_qr(text)).decode()
    return ShiftCode(text, direction, datetime.fromtimestamp(window_end(window), UTC), picture)


async def sign_in_to_shift(person_id: str, shift_id: str, code: str) -> str:
    """Being there, by the shift's code; the sign-up's id. Scanning twice changes nothing.

    Raises NotFound, CodeInvalid, CodeExpired, OutsideHours, ShiftOff, NotSignedUp; every refusal is kept, so this must
    not run in a caller's transaction.
    """

    async def write(attendance: Attendance, now: datetime) -> None:
        if attendance.sign_in_at is None:
            attendance.sign_in_at = now

    return await _scan(person_id, shift_id, code, Direction.IN, write)


async def sign_out_of_shift(person_id: str, shift_id: str, code: str) -> str:
    """Leaving, by the shift's other code: as sign_in_to_shift, and NotSignedInYet. The first sign-out counts."""

    async def write(attendance: Attendance, now: datetime) -> None:
        if attendance.sign_in_at is None:
            raise NotSignedInYet()
        if attendance.sign_out_at is None:
            attendance.sign_out_at = now

    return await _scan(person_id, shift_id, code, Direction.OUT, write)


async def confirm_attendance(actor_id: str, shift_id: str, persons: list[ConfirmedPerson]) -> None:
    """The leader's or staff's word on who was there: minutes go to the service record, absences count as no-shows.

    Never more minutes than the shift has, and no minute twice for one person. What is confirmed already stays as it is
    (corrections are rows of their own). Nobody confirms their own. Raises NotFound, NotAllowed, TooEarlyToConfirm,
    WrongState, InvalidFields where minutes are needed, MinutesCreditedAlready.
    """
    async with transaction():
        shift = await get_shift(shift_id)
        await require_leader_or_staff(actor_id, shift)
        _ensure_on(shift)
        roles = await ShiftRole.filter(shift_id=shift_id)
        # The engine's locks first, in the order of their ids, then the sign-ups' (a scan at the same time would write
        # over the confirmation), by person: two confirmations with people in common do not wait for each other.
        for allotment_id in sorted(role.allotment_id for role in roles):
            await lock_allotment(allotment_id)
        stated = {person.sign_up_id: person for person in persons}
        found = SignUp.filter(id__in=list(stated), shift_id=shift_id).order_by("person_id", "id")
        sign_ups = await found.select_for_update()
        if len(sign_ups) < len(stated):
            raise NotFound("有人没有报名该场次")
        if any(sign_up.person_id == actor_id for sign_up in sign_ups):
            raise NotAllowed("不能确认自己的服务时长")
        community_id = await _community_of(shift)
        for sign_up in sign_ups:
            if stated[sign_up.id].is_absent:
                await _confirm_absence(actor_id, shift, sign_up)
            else:
                await _confirm_presence(actor_id, shift, sign_up, stated[sign_up.id].minutes, community_id)


async def _confirm_absence(actor_id: str, shift: Shift, sign_up: SignUp) -> None:
    state = await _state_of(sign_up)
    if state is PlaceState.NO_SHOW:
        return
    if state is not PlaceState.CONFIRMED or await Attendance.exists(sign_up_id=sign_up.id, confirmed_at__isnull=False):
        raise WrongState()
    if clock.now() < shift.ends_at:
        raise TooEarlyToConfirm("活动结束后才能记为缺席")
    await mark_no_show(sign_up.place_id)
    await _audit(actor_id, "mark_absent", shift, sign_up)
    await notify(sign_up.person_id, "shift_missed", shift=shift.id)


async def _confirm_presence(
    actor_id: str, shift: Shift, sign_up: SignUp, minutes: int | None, community_id: str
) -> None:
    attendance = await Attendance.get_or_none(sign_up_id=sign_up.id) or Attendance(
        sign_up_id=sign_up.id, person_id=sign_up.person_id, method=AttendanceMethod.LEADER
    )
    if attendance.confirmed_at is not None:
        return
    if await _state_of(sign_up) not in (PlaceState.CONFIRMED, PlaceState.NO_SHOW):
        raise WrongState()
    now = clock.now()
    if now < shift.ends_at and (attendance.sign_out_at is None or minutes is not None):
        raise TooEarlyToConfirm()
    credited = credit(shift.starts_at, shift.ends_at, attendance.sign_in_at, attendance.sign_out_at, minutes)
    if credited is None:
        raise InvalidFields.of("minutes", "没有签到或签退记录，请填写服务分钟数")
    attendance.confirmed_minutes = credited.minutes
    attendance.credited_from, attendance.credited_until = credited.starts_at, credited.ends_at
    attendance.confirmed_by_id, attendance.confirmed_at = actor_id, now
    try:
        await attendance.save()
    except IntegrityError as error:
        if violates(error, "attendance_no_minute_twice"):
            raise MinutesCreditedAlready(sign_up_id=sign_up.id) from error
        raise
    await mark_attended(sign_up.place_id)
    activity: Activity = shift.activity
    if credited.minutes:
        await record_service(
            sign_up.person_id,
            rule=SERVICE_RULES[activity.kind],
            source=("sign_up", sign_up.id),
            minutes=credited.minutes,
            occurred_at=credited.starts_at,
            organization_id=community_id,
        )
    await _audit(actor_id, "confirm_attendance", shift, sign_up, minutes=credited.minutes)
    await notify(sign_up.person_id, "hours_credited", shift=shift.id, minutes=credited.minutes, at=now)


async def _scan(
    person_id: str,
    shift_id: str,
    code: str,
    direction: Direction,
    write: Callable[[Attendance, datetime], Awaitable[None]],
) -> str:
    """Write what a scan says, and that there was one; a refused one is kept with the refusal's code."""
    shift = await get_shift(shift_id)
    try:
        async with transaction():
            _check_scan(shift, code, direction)
            sign_up = await _lock_own(person_id, shift_id)
            attendance = await Attendance.get_or_none(sign_up_id=sign_up.id) or Attendance(
                sign_up_id=sign_up.id, person_id=person_id, method=AttendanceMethod.CODE
            )
            await write(attendance, clock.now())
            await attendance.save()
            await ShiftScan.create(shift_id=shift_id, person_id=person_id, direction=direction)
            return sign_up.id
    except Refusal as refusal:
        # The scan's transaction is gone; this row has its own.
        await ShiftScan.create(shift_id=shift_id, person_id=person_id, direction=direction, refusal=refusal.code)
        raise


def _check_scan(shift: Shift, code: str, direction: Direction) -> None:
    """Raises CodeInvalid, CodeExpired, OutsideHours, ShiftOff."""
    now = clock.now()
    read = read_code(code)
    if read is None or read.shift_id != shift.id:
        raise CodeInvalid()
    if read.direction is not direction:
        raise CodeInvalid("这是签到码，请扫描签退码" if read.direction is Direction.IN else "这是签退码，请扫描签到码")
    if not is_current(read.window, now):
        raise CodeExpired()
    if not shift.starts_at - SCAN_BEFORE <= now <= shift.ends_at + SCAN_AFTER:
        raise OutsideHours()
    _ensure_on(shift)


def _ensure_on(shift: Shift) -> None:
    activity: Activity = shift.activity
    if shift.state is not ShiftState.SCHEDULED or activity.state not in (
        ActivityState.PUBLISHED,
        ActivityState.FINISHED,
    ):
        raise ShiftOff("该场次未举行")


async def _lock_own(person_id: str, shift_id: str) -> SignUp:
    """The person's confirmed sign-up of the shift, its row locked. Raises NotSignedUp."""
    rows = await fetch(
        "SELECT s.id FROM sign_up s JOIN place p ON p.id = s.place_id WHERE s.shift_id = $1 AND s.person_id = $2 "
        "AND p.state IN ('confirmed', 'attended', 'no_show') FOR UPDATE OF s",
        shift_id,
        person_id,
    )
    if not rows:
        raise NotSignedUp()
    return await SignUp.get(id=rows[0]["id"])


async def _state_of(sign_up: SignUp) -> PlaceState:
    return PlaceState(await fetch_value("SELECT state FROM place WHERE id = $1", sign_up.place_id))


async def _community_of(shift: Shift) -> str:
    """For which community the service counts: the organizer's, or the organizer itself where it stands higher."""
    activity: Activity = shift.activity
    return await ancestor_of_level(activity.organizer_id, Level.COMMUNITY) or activity.organizer_id


async def _audit(actor_id: str, action: str, shift: Shift, sign_up: SignUp, **details: Any) -> None:
    activity: Activity = shift.activity
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("sign_up", sign_up.id),
        person_id=sign_up.person_id,
        organization_id=activity.organizer_id,
        **details,
    )
