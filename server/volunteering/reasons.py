"""Why something was called off, taken away or corrected, in a leader's words.

Staff answer for what they write. What a team's or a shift's leader writes on a phone goes through the content check,
and until it has passed people read WITHHELD in its place: the action itself does not wait.
"""

from server.moderation.verdicts import submit_for_check, texts_from
from server.organizations.access import holds_role
from server.volunteering.access import ORGANIZERS
from server.volunteering.models import Activity

WITHHELD = "详情请咨询主办方"

ACTIVITY, SHIFT, REMOVAL, HOURS = "activity_reason", "shift_reason", "removal_reason", "hours_reason"
"""What the content check calls them; the subject is the activity, the shift, the sign-up, the hours."""


def _shown(column: str, **subjects: str) -> str:
    """The column, or WITHHELD while the check of one of the subjects (kind=SQL of its id) has not passed."""
    which = " OR ".join(f"c.kind = '{kind}' AND c.subject_id = {subject}" for kind, subject in subjects.items())
    return (
        f"(CASE WHEN {column} <> '' AND EXISTS (SELECT 1 FROM checked_subject c WHERE ({which}) "
        f"AND c.verdict <> 'passed') THEN '{WITHHELD}' ELSE {column} END)"
    )


ACTIVITY_REASON = _shown("a.reason", **{ACTIVITY: "a.id"})
# A whole activity's reason is written to each of its shifts.
SHIFT_REASON = _shown("sh.reason", **{SHIFT: "sh.id", ACTIVITY: "sh.activity_id"})
REMOVAL_REASON = _shown("s.removal_reason", **{REMOVAL: "s.id"})
HOURS_REASON = _shown("h.reason", **{HOURS: "h.id"})
"""SQL for the reason as people may read it, for the rows `a` activity, `sh` shift, `s` sign_up and `h` hours."""


async def submit_reason(kind: str, subject_id: str, actor_id: str, activity: Activity) -> None:
    """Have the reason checked, in the caller's transaction, unless somebody wrote it who works for the organizer."""
    if not await holds_role(actor_id, activity.organizer_id, ORGANIZERS):
        await submit_for_check(kind, subject_id, author_id=actor_id, organization_id=activity.organizer_id)


TEXTS = {
    ACTIVITY: texts_from("SELECT reason FROM activity WHERE id = $1"),
    SHIFT: texts_from("SELECT reason FROM shift WHERE id = $1"),
    REMOVAL: texts_from("SELECT removal_reason FROM sign_up WHERE id = $1"),
    HOURS: texts_from("SELECT reason FROM hours WHERE id = $1"),
}
"""What the content check reads."""
