"""What time brings about in activities."""

from server.volunteering.activities import FINISH_ACTIVITIES
from server.volunteering.attendance.settling import CLOSE_SHIFTS, SETTLE_ABSENCES
from server.volunteering.reminders import REMIND_OF_SHIFTS
from server.volunteering.shift_changes import CALL_OFF_SMALL_SHIFTS

SWEEPS = [FINISH_ACTIVITIES, REMIND_OF_SHIFTS, CALL_OFF_SMALL_SHIFTS, CLOSE_SHIFTS, SETTLE_ABSENCES]
