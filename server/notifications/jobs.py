"""Scheduled work on messages."""

from server.notifications.digest import SEND_DIGESTS

SWEEPS = [SEND_DIGESTS]
