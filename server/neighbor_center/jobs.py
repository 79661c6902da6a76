"""What time brings about for bookings."""

from server.neighbor_center.bookings import reminders, requests, settling

SWEEPS = [
    reminders.REMIND_OF_BOOKINGS,
    reminders.REMIND_OF_ROOM_BOOKINGS,
    requests.SETTLE_REQUESTS,
    requests.SETTLE_ROOM_REQUESTS,
    settling.SETTLE_BOOKINGS,
    settling.SETTLE_ROOM_BOOKINGS,
]
