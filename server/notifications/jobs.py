"""Scheduled work on messages."""

from datetime import timedelta

from server.background.sweeps import Sweep
from server.notifications.digest import digest_lag, send_digests

SWEEPS: list[Sweep] = [Sweep("inbox_digests", timedelta(minutes=1), send_digests, digest_lag)]
