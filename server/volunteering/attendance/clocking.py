"""Clocking in and out 签到签退: by the rotating code, by place, by a scanner that reads passes, by the leader's list.

However somebody clocks in, it goes through `_attempt` and `_record`: one lock, one set of rules, and a scan that is
kept, refused ones with their reason.
"""

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

import msgspec

from server.accounts.queries import describe_persons, require_dependant
from server.foundation import clock
from server.foundation.bounds import Moment, RequiredText
from server.foundation.database import IntegrityError, execute, fetch_one, transaction, violates
from server.foundation.errors import InvalidFields, Refusal
from server.foundation.ids import Id
from server.foundation.location import Location
from server.foundation.rows import columns_of, row_as, write_together
from server.volunteering.access import require_leader_or_staff
from server.volunteering.attendance.codes import SHIFT_CODE, read_pass
from server.volunteering.attendance.errors import (
    AttendanceConfirmed,
    CodeExpired,
    CodeInvalid,
    NotClockedIn,
    NotSignedUp,
    OutsideHours,
    OwnAttendance,
    PlaceUnknown,
    ScanImplausible,
    TooFarAway,
)
from server.volunteering.attendance.models import Attendance, AttendanceMethod, Direction, ShiftScan
from server.volunteering.attendance.rules import is_open_for_scans, is_plausible
from server.volunteering.models import Shift, SignUp
from server.volunteering.queries import ActivityView
from server.volunteering.sign_ups.errors import ShiftOff
from server.volunteering.sign_ups.queries import SignUpView, get_sign_up
from server.volunteering.staff_queries import get_staff_activity
from server.volunteering.steps import audit as audit_activity
from server.volunteering.steps import audit_sign_up, ensure_on, get_shift, lock_activity


class BeingThere(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Either the text of the `code` on the spot, or the phone's `location`. `person_id`: somebody one looks
    after, who has signed up; left out, oneself."""

    code: Annotated[RequiredText, msgspec.Meta(max_length=200, description="what the QR code says")] | None = None
    location: Location | None = None
    person_id: Id | None = None


class PassScan(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A pass that a scanner has read: when, by the scanner's clock, and the scanner's own number for it."""

    code: Annotated[RequiredText, msgspec.Meta(max_length=200, description="what the QR code says")]
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


async def clock_in(caller_id: str, shift_id: str, there: BeingThere) -> SignUpView:
    """Come to a shift. Doing it twice changes nothing: the first time counts.

    Raises NotFound, CodeInvalid, CodeExpired, TooFarAway, PlaceUnknown, OutsideHours, ShiftOff, NotSignedUp,
    AttendanceConfirmed; every refusal is kept, so this must not run in a caller's transaction.
    """
    return await _clock(caller_id, shift_id, Direction.IN, there)


async def clock_out(caller_id: str, shift_id: str, there: BeingThere) -> SignUpView:
    """Leave a shift. As clock_in; raises NotClockedIn too."""
    return await _clock(caller_id, shift_id, Direction.OUT, there)


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
        kept = _scan(
            shift, mark.direction, AttendanceMethod.LEADER, actor_id, mark.at or now, sign_up_id=mark.sign_up_id
        )
        with contextlib.suppress(Refusal):
            async with _attempt(kept):
                await _record(shift, kept)
        answers.append(kept)
    return await _results(answers)


async def set_clock_in_radius(actor_id: str, activity_id: str, meters: int) -> ActivityView:
    """How near to the activity's place one has to be to clock in by position, in metres; 0: not by position at all.

    Raises NotFound.
    """
    async with transaction():
        activity = await lock_activity(actor_id, activity_id)
        await execute(
            "UPDATE activity SET sign_in_meters = $2, version = version + 1 WHERE id = $1", activity_id, meters
        )
        await audit_activity("set_sign_in_radius", actor_id, activity, meters=meters)
        return await get_staff_activity(actor_id, activity_id)


async def _clock(caller_id: str, shift_id: str, direction: Direction, there: BeingThere) -> SignUpView:
    if (there.code is None) == (there.location is None):
        raise InvalidFields.of("code", "请扫描二维码，或提供所在位置")
    shift = await get_shift(shift_id)
    person_id = there.person_id or caller_id
    await require_dependant(caller_id, person_id)
    method = AttendanceMethod.CODE if there.location is None else AttendanceMethod.PLACE
    kept = _scan(shift, direction, method, caller_id, clock.now(), person_id=person_id)
    async with _attempt(kept):
        if there.code is not None:
            _check_code(shift, there.code, direction)
        elif there.location is not None:
            _check_place(shift, there.location, kept)
        sign_up = await _record(shift, kept)
        return await get_sign_up(caller_id, sign_up.id)


async def _take_pass(actor_id: str, shift: Shift, scan: PassScan) -> ShiftScan:
    if first := await ShiftScan.get_or_none(shift_id=shift.id, by_id=actor_id, nonce=scan.nonce):
        return first
    sign_up_id = read_pass(scan.code)
    kept = _scan(
        shift,
        scan.direction,
        AttendanceMethod.SCANNER,
        actor_id,
        scan.scanned_at,
        sign_up_id=sign_up_id,
        nonce=scan.nonce,
    )
    try:
        with contextlib.suppress(Refusal):
            async with _attempt(kept):
                if sign_up_id is None:
                    raise CodeInvalid("不是有效的签到凭证")
                await _record(shift, kept)
    except IntegrityError as error:
        # The same upload twice at once: the other one has written it.
        if not violates(error, "shift_scan_nonce"):
            raise
        return await ShiftScan.get(shift_id=shift.id, by_id=actor_id, nonce=scan.nonce)
    return kept


def _scan(
    shift: Shift, direction: Direction, method: AttendanceMethod, by_id: str, at: datetime, **known: str | None
) -> ShiftScan:
    """One attempt, however it is made, not saved yet; `at` is when by the clock of the person who makes it."""
    return ShiftScan(shift_id=shift.id, direction=direction, method=method, by_id=by_id, scanned_at=at, **known)


@contextlib.asynccontextmanager
async def _attempt(kept: ShiftScan) -> AsyncIterator[None]:
    """A transaction in which somebody comes or leaves; a scan that is refused is kept too, with the refusal's code."""
    try:
        async with transaction():
            yield
    except Refusal as refusal:
        # The scan's transaction is gone; this row has its own.
        kept.refusal = refusal.code
        await kept.save(force_create=True)
        raise


async def _record(shift: Shift, scan: ShiftScan) -> SignUp:
    """Write that somebody came or left, and the scan; whose sign-up it was."""
    ensure_on(shift)
    if not is_open_for_scans(scan.scanned_at, shift.starts_at, shift.ends_at):
        raise OutsideHours()
    sign_up = await _lock_sign_up(shift, scan)
    # A leader may know of a time before somebody signed up on the spot; a pass cannot have been read before.
    known_from = sign_up.created_at if scan.method is AttendanceMethod.SCANNER else scan.scanned_at
    if not is_plausible(scan.scanned_at, clock.now(), known_from, shift.ends_at):
        raise ScanImplausible()
    attendance = await _decide(sign_up, scan)
    await write_together(scan, *([attendance] if attendance else []))
    if scan.method in _BY_OTHERS:
        await audit_sign_up(
            "mark_attendance",
            scan.by_id,
            shift,
            sign_up,
            direction=str(scan.direction),
            method=str(scan.method),
            at=scan.scanned_at.isoformat(),
        )
    return sign_up


_BY_OTHERS = (AttendanceMethod.SCANNER, AttendanceMethod.LEADER)


async def _lock_sign_up(shift: Shift, scan: ShiftScan) -> SignUp:
    """The confirmed sign-up that the scan is about, its row locked: two scans at once are taken one after the other.

    Raises NotSignedUp, CodeInvalid for another shift's pass, OwnAttendance for a leader's own.
    """
    of = f"SELECT {columns_of(SignUp, 's')}, p.state FROM sign_up s JOIN place p ON p.id = s.place_id"
    if scan.sign_up_id:
        row = await fetch_one(f"{of} WHERE s.id = $1 FOR UPDATE OF s", scan.sign_up_id)
    else:
        # Who cancelled and signed up again has several: the one that is alive.
        row = await fetch_one(
            f"{of} WHERE s.shift_id = $1 AND s.person_id = $2 ORDER BY (p.state IN ('confirmed', 'attended', "
            "'no_show')) DESC, s.id DESC LIMIT 1 FOR UPDATE OF s",
            shift.id,
            scan.person_id,
        )
    if row is None or row["shift_id"] != shift.id:
        scan.sign_up_id = None  # type: ignore[assignment]
        raise NotSignedUp() if row is None else CodeInvalid("这是其他场次的凭证")
    scan.sign_up_id, scan.person_id = row["id"], row["person_id"]
    if row["state"] not in ("confirmed", "attended", "no_show"):
        raise NotSignedUp()
    if scan.method in _BY_OTHERS and row["person_id"] == scan.by_id:
        raise OwnAttendance()
    return row_as(SignUp, row)


async def _decide(sign_up: SignUp, scan: ShiftScan) -> Attendance | None:
    """What is to be written of the person's being there, if anything changes. The earliest coming and the earliest
    leaving count, in whatever order they are told; a real leaving replaces the rule's. Raises NotClockedIn,
    AttendanceConfirmed."""
    at = scan.scanned_at
    row = await fetch_one(
        f"SELECT {columns_of(Attendance, 't', 'attendance_')}, EXISTS (SELECT 1 FROM hours h WHERE h.sign_up_id = s.id "
        "AND h.state IN ('waiting', 'effective')) AS is_confirmed FROM sign_up s "
        "LEFT JOIN attendance t ON t.sign_up_id = s.id WHERE s.id = $1",
        sign_up.id,
    )
    assert row
    coming = scan.direction is Direction.IN
    if row["attendance_id"] is None:
        _ensure_unconfirmed(row)
        if not coming:
            raise NotClockedIn()
        return Attendance(sign_up_id=sign_up.id, sign_in_at=at, sign_in_method=scan.method)
    attendance = row_as(Attendance, row, "attendance_")
    if not coming and at < attendance.sign_in_at:
        raise NotClockedIn("签退时间早于签到时间")
    if coming:
        if at >= attendance.sign_in_at:
            return None
        attendance.sign_in_at, attendance.sign_in_method = at, scan.method
    else:
        left = attendance.sign_out_at
        if left and left <= at and attendance.sign_out_method is not AttendanceMethod.RULE:
            return None
        attendance.sign_out_at, attendance.sign_out_method = at, scan.method
    _ensure_unconfirmed(row)
    return attendance


def _ensure_unconfirmed(row: Any) -> None:
    if row["is_confirmed"]:
        raise AttendanceConfirmed()


def _check_code(shift: Shift, code: str, direction: Direction) -> None:
    """Raises CodeInvalid, CodeExpired."""
    read = SHIFT_CODE.read(code)
    if read is None or read.told[0] != shift.id:
        raise CodeInvalid()
    if read.told[1] != direction:
        raise CodeInvalid("这是签退码，请扫描签到码" if direction is Direction.IN else "这是签到码，请扫描签退码")
    if not SHIFT_CODE.is_current(read.window, clock.now()):
        raise CodeExpired()


def _check_place(shift: Shift, location: Location, kept: ShiftScan) -> None:
    """Raises PlaceUnknown, TooFarAway; the distance is kept either way."""
    activity = shift.activity
    if activity.location is None or activity.sign_in_meters == 0:
        raise PlaceUnknown()
    kept.meters = location.meters_to(Location(*activity.location))
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
    NotClockedIn.code: "尚未签到，或签退时间早于签到",
    NotSignedUp.code: "没有报上该场次",
    OutsideHours.code: "不在该场次的签到时间内",
    OwnAttendance.code: "不能为自己代签",
    PlaceUnknown.code: "该活动不支持定位签到",
    ScanImplausible.code: "扫码时间不合理",
    ShiftOff.code: "该场次未举行",
    TooFarAway.code: "离活动地点太远",
}
"""Why a scan was refused, in words for those who read of somebody else's."""
