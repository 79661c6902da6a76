"""The scheduled work of members."""

from server.members.contacts import REMIND_CONTACTS

SWEEPS = [REMIND_CONTACTS]
