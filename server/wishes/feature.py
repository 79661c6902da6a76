"""What 微心愿 gives."""

from server.foundation.feature import Feature
from server.media.mini_codes import CodeKind
from server.moderation.verdicts import texts_from
from server.notifications.events import events_in
from server.wishes import (
    contact,
    desk,
    forgetting,
    fulfilling,
    home,
    leaving,
    messages,
    person_page,
    personal_copy,
    posting,
    queries,
    stories,
    sweeps,
)

FEATURE = Feature(
    models=("server.wishes.models",),
    sweeps=(
        sweeps.EXPIRE_WISHES,
        sweeps.RETURN_IDLE_CLAIMS,
        sweeps.ESCALATE_UNCLAIMED_WISHES,
        sweeps.REMIND_CLAIMERS,
        sweeps.TELL_STAFF_OF_UNANSWERED,
        forgetting.FORGET_WISHES,
        forgetting.FORGET_WISH_CONTACTS,
    ),
    code_targets={CodeKind.WISH: stories.wish_target},
    texts={
        "wish": texts_from("SELECT title, text, place FROM wish WHERE id = $1"),
        "wish_note": texts_from("SELECT text FROM wish_note WHERE id = $1"),
        "wish_report": texts_from("SELECT note FROM wish_claim WHERE id = $1"),
        "wish_thanks": texts_from("SELECT words FROM wish_claim WHERE id = $1"),
        "wish_dispute": texts_from("SELECT dispute_reason FROM wish_claim WHERE id = $1"),
    },
    verdicts={
        "wish": posting.settle_wish_check,
        "wish_note": fulfilling.settle_note_check,
        "wish_report": fulfilling.settle_report_check,
        "wish_thanks": fulfilling.settle_thanks_check,
    },
    messages=events_in(messages),
    subjects={"wish": queries.describe_wishes, "wish_claim": queries.describe_wish_claims},
    mergers=(leaving.move_wishes,),
    leavers=(leaving.settle_wishes_of_leaver,),
    open_matters=(leaving.open_wishes_of,),
    erasers=(leaving.erase_wishes_of,),
    number_lost=(contact.empty_lost_number,),
    business=(queries.has_wished_or_claimed,),
    personal_copy=personal_copy.SHEETS,
    home=home.LINES,
    person_page=person_page.SECTIONS,
    desk=desk.QUEUES,
)
