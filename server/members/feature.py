"""What memberships give."""

from server.foundation.feature import Feature
from server.members import contacts, memberships, messages, personal_copy, queries
from server.notifications.events import events_in

FEATURE = Feature(
    models=("server.members.models",),
    sweeps=(contacts.REMIND_CONTACTS,),
    messages=events_in(messages),
    subjects={"membership": queries.describe_memberships},
    mergers=(memberships.take_over_membership,),
    personal_copy=personal_copy.SHEETS,
)
