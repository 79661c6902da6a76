"""The scheduled work of announcements."""

from server.announcements.service import TELL_NEXT_PERSONS

SWEEPS = [TELL_NEXT_PERSONS]
