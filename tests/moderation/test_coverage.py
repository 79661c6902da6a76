"""Every text and picture that residents send: either the content check reads it, or nobody but themselves and the staff
who answer them ever does.

Anyone who adds a field to a resident's route says here which of the two it is. A text that others will see goes to
`submit_for_check`, and its package's `feature.py` tells how it is read (`texts`).
"""

import types
import typing
from typing import Any, get_args, get_origin

import msgspec

from miniprogram_api.routes import ROUTES
from miniprogram_api.routing import Who
from server.foundation.bounds import SOMETHING_SEEN
from server.moderation.verdicts import TEXTS

CHECKED = {
    # what is sent → the kind of subject under which it is checked
    "change_profile": {"nickname": "nickname", "avatar_id": "nickname"},
    "create_team": {"name": "team"},
    "rename_team": {"name": "team"},
    "apply_unit_check_in": {"offers": "unit_offers"},
    "apply_unit_check_in_again": {"offers": "unit_offers"},
    "draft_wish": dict.fromkeys(("title", "text", "place", "picture_ids"), "wish"),
    "edit_wish": dict.fromkeys(("title", "text", "place", "picture_ids"), "wish"),
    "add_wish_note": dict.fromkeys(("text", "picture_ids"), "wish_note"),
    "report_wish_done": dict.fromkeys(("note", "picture_ids"), "wish_report"),
    "hand_over_wish": dict.fromkeys(("note", "picture_ids"), "wish_report"),
    "confirm_wish": dict.fromkeys(("text", "picture_ids"), "wish_thanks"),
    "dispute_wish": {"reason": "wish_dispute"},
    # A team's leader writes these on a phone; what staff write by the same routes, another of them reads.
    "create_activity": dict.fromkeys(("words", "who", "shifts", "picture_ids"), "activity"),
    "change_activity": dict.fromkeys(("words", "who", "picture_ids"), "activity"),
    "add_shifts": {"shifts": "activity"},
    "cancel_activity": {"reason": "activity_reason"},
    "cancel_shift": {"reason": "shift_reason"},
    "remove_sign_up": {"reason": "removal_reason"},
    "confirm_attendance": {"persons": "hours_reason"},
    "correct_hours": {"reason": "hours_reason"},
    "write_recap": dict.fromkeys(("text", "picture_ids"), "activity_recap"),
    "rate_shift": {"text": "shift_rating"},
    "report_case": dict.fromkeys(("text", "place", "picture_ids"), "grid_case"),
    "rate_volunteer": {"text": "shift_rating"},
}

BETWEEN_THEM_AND_STAFF = {
    "give_details": ("real_name", "address"),
    "add_dependant": ("real_name", "phone"),
    "change_dependant": ("real_name", "phone"),
    "add_at_the_door": ("real_name", "phone"),
    "answer_transfer": ("reason",),
    "record_contact": ("note",),
    "apply_check_in": ("residence", "skills", "willing", "free_times", "home_text"),
    "apply_check_in_again": ("residence", "skills", "willing", "free_times", "home_text"),
    "change_talents": ("residence", "skills", "willing", "free_times"),
    "withdraw_check_in": ("reason",),
    "leave_post": ("reason",),
    "apply_unit_check_in": ("contact",),
    "apply_unit_check_in_again": ("contact",),
    "withdraw_unit_check_in": ("reason",),
    "change_unit_contact": ("contact",),
    "end_unit_check_in": ("reason",),
    # Told to the claimer alone, who needs them to go there.
    "draft_wish": ("address", "phone"),
    "edit_wish": ("address", "phone"),
    "release_claim": ("reason",),
    # Matched by the word; nobody reads it.
    "set_my_skills": ("skills",),
    "appeal_no_show": ("text",),
    "complain": ("text",),
    "book_slot": ("note", "address"),
    "book_slot_series": ("note", "address"),
    "book_room": ("note",),
    "book_room_series": ("note",),
    # Staff read these, without a name.
    "rate_booking": ("text",),
    "rate_room_booking": ("text",),
    "ask_correction": ("request",),
    # Who follows a case reads its stars alone.
    "rate_case": ("text",),
    "reopen_case": ("reason",),
    "answer_invitation": ("reason",),
    # Staff put a topic on the agenda, and publish what was reported, before anybody else reads it.
    "propose_topic": ("title", "text"),
    "report_resolution": ("result",),
}

NO_WORDS = {
    "answers",
    "code",
    "encrypted_data",
    "iv",
    "text_version",
    "muted",
    "scans",
}
"""Codes, names of texts and of kinds: they are compared with what we have, and never shown."""


def sent_fields() -> set[tuple[str, str]]:
    """(operation, field) of everything with free text or pictures that routes open to residents take."""
    return {
        (route.operation_id, field.name)
        for route in ROUTES
        if route.who is not Who.STAFF and route.body_type
        for field in msgspec.structs.fields(route.body_type)
        if _has_words(field.type) or field.name in ("picture_ids", "avatar_id")
    }


def _has_words(kind: Any) -> bool:
    """Whether a value may hold a text that people choose (an id or another pattern is none)."""
    if metadata := getattr(kind, "__metadata__", ()):
        if any(isinstance(part, msgspec.Meta) and part.pattern not in (None, SOMETHING_SEEN) for part in metadata):
            return False
        return _has_words(kind.__origin__)
    if kind is str:
        return True
    if get_origin(kind) in (list, set, tuple, dict, typing.Union, types.UnionType):
        return any(_has_words(part) for part in get_args(kind))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return any(_has_words(field.type) for field in msgspec.structs.fields(kind))
    return False


def test_it_is_decided_for_every_text_and_picture_whether_it_is_checked() -> None:
    checked = {(operation, field) for operation, fields in CHECKED.items() for field in fields}
    private = {(operation, field) for operation, fields in BETWEEN_THEM_AND_STAFF.items() for field in fields}
    sent = {(operation, field) for operation, field in sent_fields() if field not in NO_WORDS}
    assert sent - checked - private == set(), "say in this file whether others will see it, and have it checked if so"
    assert (checked | private) - sent == set(), "no longer a field"
    assert checked & private == set()


def test_every_kind_that_is_checked_can_be_read() -> None:
    assert {kind for fields in CHECKED.values() for kind in fields.values()} == set(TEXTS)
