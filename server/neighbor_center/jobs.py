"""What time brings about for bookings."""

from datetime import timedelta

from server.background.sweeps import Sweep
from server.neighbor_center.bookings.reminders import reminder_lag, send_reminders
from server.neighbor_center.bookings.requests import request_lag, settle_requests
from server.neighbor_center.bookings.settling import settle_bookings, settling_lag

SWEEPS = [
    Sweep("booking_reminders", timedelta(seconds=30), send_reminders, reminder_lag),
    Sweep("booking_requests", timedelta(seconds=30), settle_requests, request_lag),
    Sweep("booking_absences", timedelta(minutes=1), settle_bookings, settling_lag),
]
