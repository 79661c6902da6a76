"""What time brings about in activities."""

from datetime import timedelta

from server.background.sweeps import Sweep
from server.volunteering.activities import finish_activities, finish_lag
from server.volunteering.attendance.settling import absences_lag, close_lag, close_shifts, settle_absences
from server.volunteering.reminders import remind_of_shifts, reminder_lag
from server.volunteering.shift_changes import call_off_lag, call_off_small_shifts

SWEEPS = [
    Sweep("finish_activities", timedelta(minutes=1), finish_activities, finish_lag),
    Sweep("remind_of_shifts", timedelta(seconds=30), remind_of_shifts, reminder_lag),
    Sweep("call_off_small_shifts", timedelta(minutes=1), call_off_small_shifts, call_off_lag),
    Sweep("close_shifts", timedelta(minutes=1), close_shifts, close_lag),
    Sweep("settle_absences", timedelta(minutes=1), settle_absences, absences_lag),
]
