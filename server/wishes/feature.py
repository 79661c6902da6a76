"""What 微心愿 gives."""

from server.foundation.feature import Feature
from server.media.mini_codes import CodeKind
from server.notifications.events import events_in
from server.wishes import fulfilling, leaving, messages, personal_copy, posting, queries, stories, sweeps

FEATURE = Feature(
    models=("server.wishes.models",),
    sweeps=(
        sweeps.EXPIRE_WISHES,
        sweeps.RETURN_IDLE_CLAIMS,
        sweeps.ESCALATE_UNCLAIMED_WISHES,
        sweeps.REMIND_CLAIMERS,
        sweeps.TELL_STAFF_OF_UNANSWERED,
    ),
    code_targets={CodeKind.WISH: stories.wish_target},
    texts={
        "wish": posting.wish_texts,
        "wish_note": fulfilling.note_texts,
        "wish_report": fulfilling.report_texts,
        "wish_thanks": fulfilling.thanks_texts,
        "wish_dispute": fulfilling.dispute_texts,
    },
    verdicts={
        "wish": posting.settle_wish_check,
        "wish_note": fulfilling.settle_note_check,
        "wish_report": fulfilling.settle_report_check,
        "wish_thanks": fulfilling.settle_thanks_check,
    },
    messages=events_in(messages),
    subjects={"wish": queries.describe_wishes, "wish_claim": queries.describe_wish_claims},
    mergers=(posting.move_wishes,),
    leavers=(leaving.settle_wishes_of_leaver,),
    personal_copy=personal_copy.SHEETS,
)
