"""Being there 签到签退: by the rotating code, by place, by a scanner that reads passes, by the leader's list.

However somebody signs in, it goes through `_record`: one lock, one set of rules, and a scan that is kept, refused ones
with their reason.
"""

import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import msgspec

from server.accounts.queries import describe_persons, require_dependant
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import IntegrityError, execute, fetch_one, transaction, violates
from server.foundation.errors import InvalidFields, NotFound, Refusal
from server.foundation.ids import Id
from server.organizations.access import require_role_or_hide
from server.organizations.models import RoleKind
from server.teams.teams import leads_team
from server.volunteering.access import ORGANIZERS, lock_activity
from server.volunteering.access import audit as audit_activity
from server.volunteering.attendance.errors import (
    AttendanceConfirmed,
    OwnAttendance,
    PlaceUnknown,
    ScanImplausible,
    TooFarAway,
)
from server.volunteering.attendance.models import Attendance, AttendanceMethod, Direction, ShiftScan
from server.volunteering.attendance.rules import (
    is_current,
    is_open_for_scans,
    is_plausible,
    meters_between,
    read_code,
    read_pass,
)
from server.volunteering.errors import CodeExpired, CodeInvalid, NotSignedInYet, NotSignedUp, OutsideHours, ShiftOff
from server.volunteering.hours.models import Hours, HoursState
from server.volunteering.models import Activity, ActivityState, Shift, ShiftState, SignUp

Location = tuple[Annotated[float, msgspec.Meta(ge=-180, le=180)], Annotated[float, msgspec.Meta(ge=-90, le=90)]]
"""(longitude, latitude) in gcj02 degrees."""
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class PassScan(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A pass that a scanner has read: when, by the scanner's clock, and the scanner's own number for it."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    direction: Direction
    scanned_at: Moment
    nonce: Annotated[str, msgspec.Meta(min_length=8, max_length=64)]


class ListMark(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The leader's tick for somebody who came or left; `at` is now where it is left out."""

    sign_up_id: Id
    direction: Direction
    at: Moment | None = None


class ScanResult(msgspec.Struct):
    """What became of one scan or tick, in the order in which they were sent. `refusal` is the code of the reason, and
    `problem` the reason in words, both empty where it was taken; `name` is masked."""

    sign_up_id: Id | None
    name: str
    refusal: str
    problem: str
    sign_in_at: datetime | None
    sign_out_at: datetime | None
    nonce: str = ""


class _Scan(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt, however it is made; `at` is when by the clock of whoever makes it."""

    direction: Direction
    method: AttendanceMethod
    by_id: str
    at: datetime
    nonce: str | None = None


async def require_leader_or_staff(person_id: str, shift: Shift, kinds: tuple[RoleKind, ...] = ORGANIZERS) -> None:
    """Raises NotFound unless the person leads the shift or its team, or holds one of the roles at its organizer."""
    activity: Activity = shift.activity
    if person_id == shift.leader_id or (activity.team_id and await leads_team(person_id, activity.team_id)):
        return
    await require_role_or_hide(person_id, activity.organizer_id, kinds)


async def get_shift(shift_id: str) -> Shift:
    """The shift with its activity. Raises NotFound."""
    shift = await Shift.get_or_none(id=shift_id).select_related("activity")
    if shift is None:
        raise NotFound()
    return shift


def ensure_on(shift: Shift) -> None:
    """Raises ShiftOff for what is not published, or was called off."""
    activity: Activity = shift.activity
    if shift.state is not ShiftState.SCHEDULED or activity.state not in (
        ActivityState.PUBLISHED,
        ActivityState.FINISHED,
    ):
        raise ShiftOff("该场次未举行")


async def sign_in_or_out(
    caller_id: str,
    shift_id: str,
    direction: Direction,
    *,
    code: str | None = None,
    location: Location | None = None,
    person_id: str | None = None,
) -> str:
    """Come or leave by the shift's code or by being near its place, oneself or (`person_id`) somebody one looks after;
    the sign-up's id. Doing it twice changes nothing: the first time counts.

    Raises NotFound, CodeInvalid, CodeExpired, TooFarAway, PlaceUnknown, OutsideHours, ShiftOff, NotSignedUp,
    NotSignedInYet, AttendanceConfirmed; every refusal is kept, so this must not run in a caller's transaction.
    """
    if (code is None) == (location is None):
        raise InvalidFields.of("code", "请扫描二维码，或提供所在位置")
    shift = await get_shift(shift_id)
    await require_dependant(caller_id, person_id or caller_id)
    method = AttendanceMethod.CODE if location is None else AttendanceMethod.PLACE
    scan = _Scan(direction=direction, method=method, by_id=caller_id, at=clock.now())
    kept = ShiftScan(person_id=person_id or caller_id)

    def check() -> None:
        if code is not None:
            _check_code(shift, code, direction)
        elif location is not None:
            _check_place(shift, location, kept)

    await _record(shift, scan, kept, check)
    return str(kept.sign_up_id)


async def take_pass_scans(actor_id: str, shift_id: str, scans: list[PassScan]) -> list[ScanResult]:
    """What a scanner has read, at once or later: each with its own time, if that is plausible. Sent again, a scan (by
    its nonce) is answered as the first time. Raises NotFound; refusals of single scans are in the results.

    They are taken in the order of their times, so that one upload may hold coming and leaving.
    """
    shift = await get_shift(shift_id)
    await require_leader_or_staff(actor_id, shift)
    answers: dict[int, ShiftScan] = {}
    for position, scan in sorted(enumerate(scans), key=lambda item: item[1].scanned_at):
        answers[position] = await _take_pass(actor_id, shift, scan)
    return await _results([answers[position] for position in range(len(scans))])


async def mark_attendance_list(actor_id: str, shift_id: str, marks: list[ListMark]) -> list[ScanResult]:
    """The leader's list: ticks for people who came or left, now or at a time that the leader knows.

    Raises NotFound; refusals of single ticks are in the results.
    """
    shift = await get_shift(shift_id)
    await require_leader_or_staff(actor_id, shift)
    now = clock.now()
    answers = []
    for mark in marks:
        scan = _Scan(direction=mark.direction, method=AttendanceMethod.LEADER, by_id=actor_id, at=mark.at or now)
        kept = ShiftScan(sign_up_id=mark.sign_up_id)
        answers.append(await _record_quietly(shift, scan, kept, lambda: None))
    return await _results(answers)


async def set_sign_in_radius(actor_id: str, activity_id: str, meters: int) -> None:
    """How near to the activity's place one has to be to sign in by position, in metres; 0: not by position at all.

    Raises NotFound.
    """
    async with transaction():
        activity = await lock_activity(actor_id, activity_id)
        await execute(
            "UPDATE activity SET sign_in_meters = $2, version = version + 1 WHERE id = $1", activity_id, meters
        )
        await audit_activity("set_sign_in_radius", actor_id, activity, meters=meters)


async def _take_pass(actor_id: str, shift: Shift, scan: PassScan) -> ShiftScan:
    if first := await ShiftScan.get_or_none(shift_id=shift.id, by_id=actor_id, nonce=scan.nonce):
        return first
    sign_up_id = read_pass(scan.text)

    def check() -> None:
        if sign_up_id is None:
            raise CodeInvalid("不是有效的签到凭证")

    made = _Scan(
        direction=scan.direction,
        method=AttendanceMethod.SCANNER,
        by_id=actor_id,
        at=scan.scanned_at,
        nonce=scan.nonce,
    )
    try:
        return await _record_quietly(shift, made, ShiftScan(sign_up_id=sign_up_id), check)
    except IntegrityError as error:
        # The same upload twice at once: the other one has written it.
        if not violates(error, "shift_scan_nonce"):
            raise
        return await ShiftScan.get(shift_id=shift.id, by_id=actor_id, nonce=scan.nonce)


async def _record_quietly(shift: Shift, scan: _Scan, kept: ShiftScan, check: Callable[[], None]) -> ShiftScan:
    """As `_record`, but a refusal is only in the scan."""
    with contextlib.suppress(Refusal):
        await _record(shift, scan, kept, check)
    return kept


async def _record(shift: Shift, scan: _Scan, kept: ShiftScan, check: Callable[[], None]) -> None:
    """Write that somebody came or left, and the scan `kept`; a refused one is kept with the refusal's code."""
    kept.shift_id, kept.by_id, kept.nonce = shift.id, scan.by_id, scan.nonce
    kept.direction, kept.method, kept.scanned_at = scan.direction, scan.method, scan.at
    try:
        async with transaction():
            check()
            ensure_on(shift)
            if not is_open_for_scans(scan.at, shift.starts_at, shift.ends_at):
                raise OutsideHours()
            sign_up = await _lock_sign_up(shift, scan, kept)
            # A leader may know of a time before somebody signed up on the spot; a pass cannot have been read before.
            known_from = sign_up.created_at if scan.method is AttendanceMethod.SCANNER else scan.at
            if not is_plausible(scan.at, clock.now(), known_from, shift.ends_at):
                raise ScanImplausible()
            await _write(sign_up, scan)
            await kept.save(force_create=True)
            if scan.method in (AttendanceMethod.LEADER, AttendanceMethod.SCANNER):
                await _audit_mark(shift, scan, sign_up)
    except Refusal as refusal:
        # The scan's transaction is gone; this row has its own.
        kept.refusal = refusal.code
        await kept.save(force_create=True)
        raise


_SIGN_UP = "SELECT s.id, s.shift_id, s.person_id, p.state FROM sign_up s JOIN place p ON p.id = s.place_id"


async def _lock_sign_up(shift: Shift, scan: _Scan, kept: ShiftScan) -> SignUp:
    """The confirmed sign-up that the scan is about, its row locked: two scans at once are taken one after the other.

    Raises NotSignedUp, CodeInvalid for another shift's pass, OwnAttendance for a leader's own.
    """
    if kept.sign_up_id:
        row = await fetch_one(f"{_SIGN_UP} WHERE s.id = $1 FOR UPDATE OF s", kept.sign_up_id)
    else:
        # Who cancelled and signed up again has several: the one that is alive.
        row = await fetch_one(
            f"{_SIGN_UP} WHERE s.shift_id = $1 AND s.person_id = $2 ORDER BY (p.state IN ('confirmed', 'attended', "
            "'no_show')) DESC, s.id DESC LIMIT 1 FOR UPDATE OF s",
            shift.id,
            kept.person_id,
        )
    if row is None or row["shift_id"] != shift.id:
        kept.sign_up_id = None  # type: ignore[assignment]
        raise NotSignedUp() if row is None else CodeInvalid("这是其他场次的凭证")
    kept.sign_up_id, kept.person_id = row["id"], row["person_id"]
    if row["state"] not in ("confirmed", "attended", "no_show"):
        raise NotSignedUp()
    if scan.method in (AttendanceMethod.SCANNER, AttendanceMethod.LEADER) and row["person_id"] == scan.by_id:
        raise OwnAttendance()
    return await SignUp.get(id=row["id"])


async def _write(sign_up: SignUp, scan: _Scan) -> None:
    """The earliest coming and the earliest leaving count, in whatever order they are told; a real leaving replaces the
    rule's. Raises NotSignedInYet, AttendanceConfirmed."""
    attendance = await Attendance.get_or_none(sign_up_id=sign_up.id)
    coming = scan.direction is Direction.IN
    if attendance is None:
        await _ensure_unconfirmed(sign_up)
        if not coming:
            raise NotSignedInYet()
        await Attendance.create(sign_up_id=sign_up.id, sign_in_at=scan.at, sign_in_method=scan.method)
        return
    if not coming and scan.at < attendance.sign_in_at:
        raise NotSignedInYet("签退时间早于签到时间")
    if coming:
        if scan.at >= attendance.sign_in_at:
            return
        attendance.sign_in_at, attendance.sign_in_method = scan.at, scan.method
    else:
        left = attendance.sign_out_at
        if left and left <= scan.at and attendance.sign_out_method is not AttendanceMethod.RULE:
            return
        attendance.sign_out_at, attendance.sign_out_method = scan.at, scan.method
    await _ensure_unconfirmed(sign_up)
    await attendance.save()


async def _ensure_unconfirmed(sign_up: SignUp) -> None:
    if await Hours.exists(sign_up_id=sign_up.id, state__in=[HoursState.WAITING, HoursState.EFFECTIVE]):
        raise AttendanceConfirmed()


def _check_code(shift: Shift, code: str, direction: Direction) -> None:
    """Raises CodeInvalid, CodeExpired."""
    read = read_code(code)
    if read is None or read.shift_id != shift.id:
        raise CodeInvalid()
    if read.direction is not direction:
        raise CodeInvalid("这是签到码，请扫描签退码" if read.direction is Direction.IN else "这是签退码，请扫描签到码")
    if not is_current(read.window, clock.now()):
        raise CodeExpired()


def _check_place(shift: Shift, location: Location, kept: ShiftScan) -> None:
    """Raises PlaceUnknown, TooFarAway; the distance is kept either way."""
    activity: Activity = shift.activity
    if activity.location is None or activity.sign_in_meters == 0:
        raise PlaceUnknown()
    kept.meters = meters_between(activity.location, location)
    if kept.meters > activity.sign_in_meters:
        raise TooFarAway(
            f"您距活动地点约 {kept.meters} 米，{activity.sign_in_meters} 米以内才能定位签到",
            meters=kept.meters,
            allowed_meters=activity.sign_in_meters,
        )


async def _results(scans: list[ShiftScan]) -> list[ScanResult]:
    words = await describe_persons([scan.person_id for scan in scans if scan.person_id])
    ids = [scan.sign_up_id for scan in scans if scan.sign_up_id]
    there = {row.sign_up_id: row for row in await Attendance.filter(sign_up_id__in=ids)} if ids else {}
    results = []
    for scan in scans:
        attendance = there.get(scan.sign_up_id or "")
        results.append(
            ScanResult(
                sign_up_id=scan.sign_up_id,
                name=words.get(scan.person_id or "", {}).get("name", ""),
                refusal=scan.refusal,
                problem=REFUSAL_WORDS.get(scan.refusal, ""),
                sign_in_at=attendance.sign_in_at if attendance else None,
                sign_out_at=attendance.sign_out_at if attendance else None,
                nonce=scan.nonce or "",
            )
        )
    return results


REFUSAL_WORDS: dict[str, str] = {
    AttendanceConfirmed.code: "已确认出勤，不再更改",
    CodeExpired.code: "二维码已过期",
    CodeInvalid.code: "二维码或凭证无效，或属于其他场次",
    NotSignedInYet.code: "尚未签到，或签退时间早于签到",
    NotSignedUp.code: "没有报上该场次",
    OutsideHours.code: "不在该场次的签到时间内",
    OwnAttendance.code: "不能为自己代签",
    PlaceUnknown.code: "该活动不支持定位签到",
    ScanImplausible.code: "扫码时间不合理",
    ShiftOff.code: "该场次未举行",
    TooFarAway.code: "离活动地点太远",
}
"""Why a scan was refused, in words for those who read of somebody else's."""


async def _audit_mark(shift: Shift, scan: _Scan, sign_up: SignUp) -> None:
    activity: Activity = shift.activity
    await record_audit(
        "mark_attendance",
        actor_id=scan.by_id,
        subject=("sign_up", sign_up.id),
        person_id=sign_up.person_id,
        organization_id=activity.organizer_id,
        direction=str(scan.direction),
        method=str(scan.method),
        at=scan.at.isoformat(),
    )
