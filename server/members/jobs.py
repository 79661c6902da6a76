"""The scheduled work of members."""

from datetime import timedelta

from server.background.sweeps import Sweep
from server.members.contacts import contact_lag, remind_contacts

SWEEPS = [Sweep("member_contacts_remind", timedelta(minutes=1), remind_contacts, contact_lag)]
