"""Whom an entry of the audit log names, and whose people read it: those of what was acted upon. Every entry that any
test leaves behind is looked at whose kind stands in the table."""

from collections import defaultdict
from typing import Any

from server.foundation.ids import encode_id
from server.members.memberships import index_of
from server.operations.audit_words import ACTION_WORDS

_SERVICE = "JOIN service s ON s.id = x.service_id JOIN venue v ON v.id = s.venue_id"
_BOOKINGS = (
    "(SELECT b.id, b.person_id, t.service_id FROM booking b JOIN slot t ON t.id = b.slot_id "
    f"UNION ALL SELECT id, person_id, service_id FROM room_booking) x {_SERVICE}"
)
_VENUE = "JOIN venue v ON v.id = x.venue_id"
_MEMBER = "JOIN membership m ON m.id = x.membership_id"
_SHIFT = "JOIN shift s ON s.id = x.shift_id JOIN activity a ON a.id = s.activity_id"
NOBODY = "NULL"
ANY = "'any'"
"""What the entry of an act says is not to be read from what was acted upon."""

OF_SUBJECT = {
    # what was acted upon: the person (or the index by which a member is found), the organization, from where
    "activity": (NOBODY, "x.organizer_id", "activity x"),
    "announcement": (NOBODY, "x.organization_id", "announcement x"),
    **dict.fromkeys(("booking", "room_booking", "booking_request"), ("x.person_id", "v.organization_id", _BOOKINGS)),
    "case_category": (NOBODY, NOBODY, "case_category x"),
    "certificate": ("x.person_id", NOBODY, "certificate x"),
    "check_in": ("m.person_index", "x.community_id", f"check_in x {_MEMBER}"),
    "complaint": ("x.person_id", "v.organization_id", f"complaint x {_VENUE}"),
    # One that was refused let nobody in.
    "console_sign_in": (ANY, NOBODY, "console_sign_in x"),
    "dependant": ("x.guardian_id", ANY, "dependant x"),
    "duty": ("x.person_id", "v.organization_id", f"duty x {_VENUE}"),
    "list_claim": (NOBODY, ANY, "list_claim x"),
    "list_entry": (NOBODY, ANY, "list_entry x"),
    "grid_case": (ANY, "x.community_id", "grid_case x"),
    "half_year_report": ("m.person_index", "x.community_id", f"half_year_report x {_MEMBER}"),
    "holiday_year": (NOBODY, NOBODY, "holiday_year x"),
    "hours": ("x.person_id", "a.organizer_id", f"hours x {_SHIFT}"),
    "joint_meeting": (NOBODY, "x.organization_id", "joint_meeting x"),
    "meeting_member": (ANY, "x.organization_id", "meeting_member x"),
    "meeting_resolution": (NOBODY, "x.organization_id", "meeting_resolution x"),
    "membership": ("x.person_index", ANY, "membership x"),
    "membership_transfer": ("m.person_index", "x.community_id", f"membership_transfer x {_MEMBER}"),
    "merge_proposal": (ANY, "x.organization_id", "merge_proposal x"),
    "no_show_appeal": ("n.person_id", "x.organizer_id", "no_show_appeal x JOIN no_show n ON n.id = x.no_show_id"),
    "organization": (NOBODY, "x.id", "organization x"),
    "outbox": ("x.lane", ANY, "outbox x"),
    "party_organization": (NOBODY, "x.host_id", "party_organization x"),
    "person": ("x.id", ANY, "person x"),
    "post": (NOBODY, "x.community_id", "post x"),
    "post_holding": ("m.person_index", "p.community_id", f"post_holding x {_MEMBER} JOIN post p ON p.id = x.post_id"),
    "role": ("x.person_id", "x.organization_id", "role_grant x"),
    "screen": (NOBODY, "v.organization_id", f"venue_screen x {_VENUE}"),
    "service": (NOBODY, "v.organization_id", f"service x {_VENUE}"),
    "service_entry": ("x.person_id", "x.organization_id", "service_entry x"),
    "service_rule": (NOBODY, NOBODY, "service_rule x"),
    "shift": (ANY, "a.organizer_id", "shift x JOIN activity a ON a.id = x.activity_id"),
    "sign_up": ("x.person_id", "a.organizer_id", f"sign_up x {_SHIFT}"),
    "ticket": ("x.person_id", "v.organization_id", f"queue_ticket x {_SERVICE}"),
    "unit_check_in": (NOBODY, "x.area_id", "unit_check_in x"),
    "venue": (NOBODY, "x.organization_id", "venue x"),
    "wish": ("x.beneficiary_id", "x.community_id", "wish x"),
    # acts that name others than the rest of their kind
    "decide_check": (
        "x.author_id",
        "x.organization_id",
        "(SELECT subject_id AS id, author_id, organization_id FROM checked_subject) x",
    ),
    "end_visitor": (ANY, "v.organization_id", f"service x {_VENUE}"),
    "merge_persons": ("x.merged_into_id", ANY, "person x"),
    "name_visitor": (ANY, "v.organization_id", f"service x {_VENUE}"),
    "refuse_roster_link": ("l.person_id", "l.organization_id", "person x JOIN roster_link l ON l.entry_id = x.id"),
    "view_unit_member": ("x.person_index", ANY, "membership x"),
}


async def find_misnamed(connection: Any) -> list[str]:
    """Entries that name somebody else, or another organization."""
    entries, wrong = defaultdict[str, list[Any]](list), list[str]()
    for entry in await connection.fetch("SELECT * FROM audit_entry WHERE subject_id IS NOT NULL"):
        if entry["action"] in ACTION_WORDS:
            entries[entry["action"] if entry["action"] in OF_SUBJECT else entry["subject_kind"]].append(entry)
    if not entries:
        return wrong
    # Who was somebody else, or has a successor, by now.
    became = dict(
        await connection.fetch(
            "SELECT id, merged_into_id FROM person WHERE merged_into_id IS NOT NULL "
            "UNION ALL SELECT id, successor_id FROM organization WHERE successor_id IS NOT NULL"
        )
    )
    for kind, found in entries.items():
        if kind not in OF_SUBJECT:
            continue
        person, organization, source = OF_SUBJECT[kind]
        rows = await connection.fetch(
            f"SELECT x.id, {person} AS person, {organization} AS organization FROM {source} WHERE x.id = ANY($1)",
            [entry["subject_id"] for entry in found],
        )
        subjects = {row["id"]: row for row in rows}
        for entry in found:
            subject = subjects.get(entry["subject_id"], {"person": "any", "organization": "any"})
            for name in ("person", "organization"):
                told = {entry[f"{name}_id"], became.get(entry[f"{name}_id"], entry[f"{name}_id"])}
                if isinstance(subject[name], bytes):
                    told = {index_of(encode_id(each.bytes)) for each in told if each}
                if subject[name] not in {*told, "any"}:
                    wrong.append(f"{entry['action']}: {entry[f'{name}_id']} is not the {name} of this {kind}")
    return wrong
