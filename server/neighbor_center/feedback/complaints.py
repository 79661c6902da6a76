"""Complaints: said by a resident about a venue, answered by its staff within the promised days, upheld or not."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from server.accounts.details import details_of
from server.accounts.masking import mask_phone
from server.foundation import clock
from server.foundation.actions import ActionView, try_each
from server.foundation.audit import record_audit
from server.foundation.crypto import keyring
from server.foundation.database import execute, exists, fetch, fetch_one, fetch_value, transaction
from server.foundation.errors import InvalidFields, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.foundation.words import Worded
from server.neighbor_center import messages
from server.neighbor_center.bookings.queries import name_persons
from server.neighbor_center.feedback.models import ANSWER_CONTEXT, COMPLAINT_CONTEXT, Complaint, ComplaintState
from server.neighbor_center.venues.queries import VenueReader, organization_of_venue, require_venue_reader
from server.notifications.telling import notify
from server.organizations.access import (
    READERS,
    WORKERS,
    holds_role,
    require_another,
    require_role_or_hide,
    role_holders,
)

ANSWERED_WITHIN = timedelta(days=3)
"""Until when an answer is promised."""


class ComplaintsShown(Worded):
    ALL = "all", "全部"
    OPEN = "open", "待答复"


class ComplaintView(msgspec.Struct, kw_only=True):
    """A complaint as the one who made it sees it. `answer` is empty until there is one."""

    id: Id
    venue_id: Id
    venue_name: str
    service_id: Id | None
    service_name: str | None
    text: str
    state: ComplaintState
    answer: str
    answer_by: datetime
    answered_at: datetime | None
    created_at: datetime


class StaffComplaintView(ComplaintView, kw_only=True):
    """The same as staff see it, with who made it and whether it was right."""

    person_id: Id
    name: str
    phone: str
    is_upheld: bool | None


_COMPLAINT = (
    "SELECT c.id, c.venue_id, v.name AS venue_name, c.service_id, s.name AS service_name, c.text, c.state, c.answer, "
    "c.answer_by, c.answered_at, c.created_at, c.person_id, c.is_upheld FROM complaint c "
    "JOIN venue v ON v.id = c.venue_id LEFT JOIN service s ON s.id = c.service_id "
)


async def complain(person_id: str, venue_id: str, text: str, *, service_id: str | None = None) -> ComplaintView:
    """Say that something went wrong; staff are told. Raises NotFound, InvalidFields."""
    organization_id = await organization_of_venue(venue_id)
    if service_id and not await fetch_value(
        "SELECT 1 FROM service WHERE id = $1 AND venue_id = $2", service_id, venue_id
    ):
        raise InvalidFields.of("service_id", "该场所没有这项服务")
    async with transaction():
        complaint = await Complaint.create(
            venue_id=venue_id,
            service_id=service_id,
            person_id=person_id,
            text=keyring().encrypt(text, COMPLAINT_CONTEXT),
            answer_by=clock.now() + ANSWERED_WITHIN,
        )
        await notify(await role_holders(organization_id), messages.COMPLAINT_RECEIVED, complaint=complaint.id)
        return await get_complaint(person_id, complaint.id)


async def get_complaint(person_id: str, complaint_id: str) -> ComplaintView:
    """One's own. Raises NotFound."""
    row = await fetch_one(_COMPLAINT + "WHERE c.id = $1 AND c.person_id = $2", complaint_id, person_id)
    if row is None:
        raise NotFound()
    return ComplaintView(**_clear(row))


async def list_my_complaints(person_id: str, page: PageQuery) -> Page[ComplaintView]:
    """One's own, latest first."""
    rows = await fetch_page(
        _COMPLAINT + "WHERE c.person_id = $1 AND ($2::uuid IS NULL OR c.id < $2) ORDER BY c.id DESC LIMIT $3",
        person_id,
        page=page,
    )
    return Page([ComplaintView(**_clear(row)) for row in rows.items], rows.next_cursor)


async def list_complaints(
    actor_id: str, venue_id: str, *, shown: ComplaintsShown, page: PageQuery
) -> Page[StaffComplaintView]:
    """A venue's, latest first; each person shown is audited. Raises NotFound, NotAllowed."""
    async with transaction():
        reader = await require_venue_reader(actor_id, venue_id)
        rows = await fetch_page(
            _COMPLAINT + "WHERE c.venue_id = $1 AND ($2::text IS NULL OR c.state = $2) "
            "AND ($3::uuid IS NULL OR c.id < $3) ORDER BY c.id DESC LIMIT $4",
            venue_id,
            "open" if shown is ComplaintsShown.OPEN else None,
            page=page,
        )
        people = await name_persons(actor_id, reader, "complaint", rows.items)
    return Page([_staff_view(row, people[row["person_id"]]) for row in rows.items], rows.next_cursor)


async def get_staff_complaint(actor_id: str, complaint_id: str) -> StaffComplaintView:
    """One complaint as its venue's list shows it; audited. Raises NotFound, also to those who have no role there."""
    async with transaction():
        row = await fetch_one(_COMPLAINT + "WHERE c.id = $1", complaint_id)
        if row is None:
            raise NotFound()
        organization_id = await fetch_value(
            "SELECT v.organization_id FROM complaint c JOIN venue v ON v.id = c.venue_id WHERE c.id = $1", complaint_id
        )
        await require_role_or_hide(actor_id, organization_id, READERS)
        reader = VenueReader(organization_id, await holds_role(actor_id, organization_id, WORKERS))
        people = await name_persons(actor_id, reader, "complaint", [row])
    return _staff_view(row, people[row["person_id"]])


async def answer_complaint(actor_id: str, complaint_id: str, answer: str, *, is_upheld: bool) -> StaffComplaintView:
    """Answer it, once, and say whether it was right; the person is told. Raises NotFound, WrongState."""
    organization_id = await fetch_value(
        "SELECT v.organization_id FROM complaint c JOIN venue v ON v.id = c.venue_id WHERE c.id = $1", complaint_id
    )
    if organization_id is None:
        raise NotFound()
    await require_role_or_hide(actor_id, organization_id)
    async with transaction():
        # Two who answer at once: the second sees that it is answered.
        complaint = await Complaint.filter(id=complaint_id).select_for_update(no_key=True).get()
        require_another(actor_id, complaint.person_id)
        if complaint.state is ComplaintState.ANSWERED:
            raise WrongState("该投诉已答复")
        complaint.state, complaint.is_upheld = ComplaintState.ANSWERED, is_upheld
        complaint.answer = keyring().encrypt(answer, ANSWER_CONTEXT)
        complaint.answered_by_id, complaint.answered_at = actor_id, clock.now()
        await complaint.save()
        await notify(complaint.person_id, messages.COMPLAINT_ANSWERED, complaint=complaint_id)
        await record_audit(
            "answer_complaint",
            actor_id=actor_id,
            subject=("complaint", complaint_id),
            person_id=complaint.person_id,
            organization_id=organization_id,
            is_upheld=is_upheld,
        )
        row = await fetch_one(_COMPLAINT + "WHERE c.id = $1", complaint_id)
        details = await details_of(complaint.person_id)
        return _staff_view(row, {"name": details.real_name, "phone": mask_phone(details.phone)})


async def list_complaint_actions_of_staff(actor_id: str, complaint_id: str) -> list[ActionView]:
    """Whether it could be answered. Raises NotFound, also to those who have no role there."""
    organization_id = await fetch_value(
        "SELECT v.organization_id FROM complaint c JOIN venue v ON v.id = c.venue_id WHERE c.id = $1", complaint_id
    )
    if organization_id is None:
        raise NotFound()
    await require_role_or_hide(actor_id, organization_id, READERS)
    return await try_each(None, {"answer": lambda: answer_complaint(actor_id, complaint_id, "试算", is_upheld=False)})


async def has_complained(person_id: str, path: str) -> bool:
    """Whether the person complained about a venue of an organization whose path is `path` or below."""
    return await exists(
        "SELECT 1 FROM complaint c JOIN venue v ON v.id = c.venue_id JOIN organization o ON o.id = v.organization_id "
        "WHERE c.person_id = $1 AND o.path <@ $2::ltree",
        person_id,
        path,
    )


async def describe_complaints(complaint_ids: list[str]) -> dict[str, dict[str, str]]:
    """Words for messages: about which venue, and what was answered; not what was said."""
    rows = await fetch(
        "SELECT c.id, v.name AS title, v.name AS venue, c.answer FROM complaint c JOIN venue v ON v.id = c.venue_id "
        "WHERE c.id = ANY($1::uuid[])",
        list(complaint_ids),
    )
    return {row["id"]: {**row, "answer": _answer(row)} for row in rows}


def _staff_view(row: Any, person: dict[str, str]) -> StaffComplaintView:
    return StaffComplaintView(**(_clear(row) | person), person_id=row["person_id"], is_upheld=row["is_upheld"])


def _clear(row: Any) -> dict[str, Any]:
    """The columns of a ComplaintView."""
    values = {name: row[name] for name in ComplaintView.__struct_fields__}
    values["text"] = keyring().decrypt(bytes(row["text"]), COMPLAINT_CONTEXT)
    values["answer"] = _answer(row)
    return values


def _answer(row: Any) -> str:
    """Empty until there is one."""
    return keyring().decrypt(bytes(row["answer"]), ANSWER_CONTEXT) if row["answer"] else ""


async def erase_complaints_of(person_id: str) -> None:
    """What the person wrote, and the answer to it; that there was a complaint stays, for the figures."""
    empty = keyring().encrypt("", COMPLAINT_CONTEXT)
    await execute("UPDATE complaint SET text = $2 WHERE person_id = $1", person_id, empty)
    await execute(
        "UPDATE complaint SET answer = $2 WHERE person_id = $1 AND answer IS NOT NULL",
        person_id,
        keyring().encrypt("", ANSWER_CONTEXT),
    )
