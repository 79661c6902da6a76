"""What memberships give."""

from server.foundation.feature import Feature
from server.members import memberships, personal_copy, queries

FEATURE = Feature(
    models=("server.members.models",),
    subjects={"membership": queries.describe_memberships},
    rests_on_name=(memberships.is_member,),
    mergers=(memberships.take_over_membership,),
    personal_copy=personal_copy.SHEETS,
)
