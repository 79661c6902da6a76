"""The scheduled work of announcements."""

from datetime import timedelta

from server.announcements.service import sending_lag, tell_next_persons
from server.background.sweeps import Sweep

SWEEPS = [Sweep("announcements_send", timedelta(seconds=2), tell_next_persons, sending_lag)]
