"""What time brings about after a shift: who forgot to clock out, a reminder to confirm, and those who did not come."""

from datetime import timedelta
from functools import partial
from typing import Any

from server.background.sweeps import due_sweep
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value
from server.notifications.telling import notify
from server.organizations.access import role_holders
from server.places.no_shows import mark_no_show
from server.volunteering import messages
from server.volunteering.access import ORGANIZERS
from server.volunteering.attendance.models import Attendance, AttendanceMethod
from server.volunteering.attendance.rules import CONFIRM_WITHIN, SCAN_AFTER, assumed_clock_out
from server.volunteering.models import Shift, SignUp
from server.volunteering.sign_ups.party import people_of
from server.volunteering.steps import audit_sign_up, lock_allotments


async def _mark(shift_id: str, column: str) -> Shift:
    """The shift, locked already, marked as done."""
    await execute(f"UPDATE shift SET {column} = $2 WHERE id = $1", shift_id, clock.now())
    return await Shift.get(id=shift_id).select_related("activity")


async def _close(row: Any) -> None:
    shift = await _mark(row["id"], "closed_at")
    # A scan that comes late, or a confirmation, would write over what is settled here: the sign-ups' locks, by person,
    # as everybody takes them.
    rows = await fetch(
        "SELECT s.id, s.place_id FROM sign_up s JOIN attendance t ON t.sign_up_id = s.id WHERE s.shift_id = $1 "
        "AND t.sign_out_at IS NULL ORDER BY s.person_id, s.id FOR UPDATE OF s",
        shift.id,
    )
    for row in rows:
        attendance = await Attendance.get(sign_up_id=row["id"])
        if attendance.sign_out_at is not None:
            continue
        attendance.sign_out_at = assumed_clock_out(attendance.sign_in_at, shift.ends_at)
        attendance.sign_out_method = AttendanceMethod.RULE
        await attendance.save(update_fields=["sign_out_at", "sign_out_method"])
        concerned = (await people_of([row["place_id"]]))[row["place_id"]]
        await notify(concerned, messages.CLOCK_OUT_ASSUMED, shift=shift.id, sign_up=row["id"])
    unconfirmed = await fetch_value(
        "SELECT 1 FROM sign_up s JOIN place p ON p.id = s.place_id WHERE s.shift_id = $1 AND p.state = 'confirmed' "
        "LIMIT 1",
        shift.id,
    )
    if unconfirmed:
        leaders = [shift.leader_id] if shift.leader_id else await role_holders(shift.activity.organizer_id, ORGANIZERS)
        await notify(leaders, messages.SHIFT_TO_CONFIRM, shift=shift.id)


async def _settle(row: Any) -> None:
    shift = await _mark(row["id"], "absences_settled_at")
    await lock_allotments(shift.id)
    kept = await fetch_value(
        "SELECT EXISTS (SELECT 1 FROM hours WHERE shift_id = $1) OR EXISTS (SELECT 1 FROM sign_up s "
        "JOIN attendance t ON t.sign_up_id = s.id WHERE s.shift_id = $1)",
        shift.id,
    )
    if not kept:
        return
    absent = await fetch(
        "SELECT s.id FROM sign_up s JOIN place p ON p.id = s.place_id WHERE s.shift_id = $1 "
        "AND p.state = 'confirmed' AND NOT EXISTS (SELECT 1 FROM attendance t WHERE t.sign_up_id = s.id) "
        "AND NOT EXISTS (SELECT 1 FROM hours h WHERE h.sign_up_id = s.id AND h.state IN ('waiting', 'effective')) "
        "ORDER BY s.person_id, s.id FOR UPDATE OF s",
        shift.id,
    )
    for row in absent:
        await mark_absent(None, shift, await SignUp.get(id=row["id"]))


async def mark_absent(actor_id: str | None, shift: Shift, sign_up: SignUp) -> None:
    """Somebody did not come, in the caller's transaction, which holds the allotment and the sign-up; `actor_id` None:
    time says so."""
    await mark_no_show(sign_up.place_id)
    await audit_sign_up("mark_absent", actor_id, shift, sign_up)
    concerned = (await people_of([sign_up.place_id]))[sign_up.place_id]
    await notify(concerned, messages.SHIFT_MISSED, shift=shift.id, sign_up=sign_up.id)


_shifts = partial(
    due_sweep,
    every=timedelta(minutes=1),
    rows="shift sh JOIN activity a ON a.id = sh.activity_id",
    due="sh.ends_at",
    row_id="sh.id",
    lock="NO KEY UPDATE OF sh",
)
_HELD = "a.state IN ('published', 'finished') AND sh.state = 'scheduled'"

CLOSE_SHIFTS = _shifts(
    "close_shifts",
    where=f"{_HELD} AND sh.closed_at IS NULL",
    before=lambda: clock.now() - SCAN_AFTER,
    do=_close,
)
"""Two hours after the end: who forgot to clock out is taken to have stayed to the end, which is flagged and told; the
leader of the shift is asked to confirm."""

SETTLE_ABSENCES = _shifts(
    "settle_absences",
    where=f"{_HELD} AND sh.absences_settled_at IS NULL AND sh.closed_at IS NOT NULL",
    before=lambda: clock.now() - CONFIRM_WITHIN,
    sooner="EXISTS (SELECT 1 FROM hours h WHERE h.shift_id = sh.id) AND NOT EXISTS (SELECT 1 FROM sign_up s "
    "JOIN place p ON p.id = s.place_id JOIN attendance t ON t.sign_up_id = s.id "
    "WHERE s.shift_id = sh.id AND p.state = 'confirmed')",
    do=_settle,
)
"""Those who did not come are no-shows, once the leader has confirmed everybody who clocked in, or a week has passed.
Where nobody clocked in and nothing was confirmed, attendance was not kept, and nobody is punished for it."""
