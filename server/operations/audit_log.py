"""The audit log of an organization's subtree, as pages and a file; its rows hold ids, and words are rendered here."""

from datetime import datetime
from typing import Any

import msgspec

from server.accounts.queries import describe_persons
from server.accounts.roles import OrganizationBrief, PersonBrief, brief_of
from server.foundation.database import fetch, fetch_one
from server.foundation.dates import render_time
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, cut_page, last_id
from server.media.files import File
from server.media.spreadsheets import Cell, Column
from server.operations.audit_words import ACTION_WORDS, OTHER
from server.organizations.access import kinds_held
from server.organizations.exports import MOST, export_list, times_in_words
from server.organizations.models import Level, RoleKind
from server.organizations.queries import describe_organizations

AUDITORS = (RoleKind.MANAGER, RoleKind.OBSERVER)
"""Who reads the log: those who answer for the work, and those who are there to look at it."""


_LARGE = (Level.CITY, Level.DISTRICT, Level.SUBDISTRICT)


class AuditFilter(msgspec.Struct, kw_only=True):
    """Which entries; what is not given is not asked for."""

    actor_id: str | None = None
    person_id: str | None = None
    subject_id: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditView(msgspec.Struct):
    """One action; `action_name` is what it is called. `actor` is null where the system or the operator did it; `person`
    is whose data it touched."""

    id: Id
    at: datetime
    action: str
    action_name: str
    actor: PersonBrief | None
    subject_kind: str
    subject_id: Id | None
    person: PersonBrief | None
    organization: OrganizationBrief | None
    details: dict[str, Any]
    address: str
    request_id: str


async def list_audit_entries(
    actor_id: str, organization_id: str, wanted: AuditFilter, page: PageQuery
) -> Page[AuditView]:
    """What was done in an organization's subtree, newest first; a root also has what belongs to no organization.

    For its managers and observers; raises NotFound for all others.
    """
    return await _entries(actor_id, organization_id, wanted, page.limit, last_id(page.cursor))


async def export_audit_entries(actor_id: str, organization_id: str, wanted: AuditFilter) -> File:
    """The same as an xlsx file, the newest 10,000 at most; itself audited. Raises NotFound."""
    entries = await _entries(actor_id, organization_id, wanted, MOST, None)
    return await export_list(
        actor_id,
        organization_id,
        "export_audit_entries",
        "操作记录",
        _COLUMNS,
        [_cells(entry) for entry in entries.items],
        period=times_in_words(wanted.since, wanted.until),
        is_cut=entries.next_cursor is not None,
    )


_COLUMNS = (
    Column("时间", 22),
    Column("操作", 24),
    Column("操作人", 18),
    Column("涉及人员", 18),
    Column("所属组织", 40),
    Column("对象编号", 26),
    Column("来源地址", 18),
    Column("请求编号", 26),
)


def _cells(entry: AuditView) -> list[Cell]:
    return [
        render_time(entry.at),
        entry.action_name,
        _called(entry.actor) if entry.actor else "系统",
        _called(entry.person) if entry.person else "",
        entry.organization.full_name if entry.organization else "",
        entry.subject_id or "",
        entry.address,
        entry.request_id,
    ]


def _called(person: PersonBrief) -> str:
    return person.name or person.nickname


async def _entries(
    actor_id: str, organization_id: str, wanted: AuditFilter, limit: int, before: str | None
) -> Page[AuditView]:
    condition, value = await _in_subtree(actor_id, organization_id)
    conditions, values = [condition], [value, limit + 1]
    # Only what is asked for is written down: a plan for every case at once would use none of the indexes.
    for condition, value in (
        ("a.actor_id =", wanted.actor_id),
        ("a.person_id =", wanted.person_id),
        ("a.subject_id =", wanted.subject_id),
        ("a.action =", wanted.action),
        ("a.created_at >=", wanted.since),
        ("a.created_at <", wanted.until),
        ("a.id <", before),
    ):
        if value is not None:
            values.append(value)
            conditions.append(f"{condition} ${len(values)}")
    rows = await fetch(
        "SELECT a.id, a.created_at, a.action, a.actor_id, a.subject_kind, a.subject_id, a.person_id, "
        "a.organization_id, a.details, a.address, a.request_id "
        "FROM audit_entry a LEFT JOIN organization o ON o.id = a.organization_id "
        f"WHERE {' AND '.join(conditions)} ORDER BY a.id DESC LIMIT $2",
        *values,
    )
    cut = cut_page(rows, limit, lambda row: (row["id"],))
    people = await describe_persons({row[name] for row in cut.items for name in ("actor_id", "person_id")} - {None})
    places = await describe_organizations({row["organization_id"] for row in cut.items} - {None})
    return Page(
        [
            AuditView(
                id=row["id"],
                at=row["created_at"],
                action=row["action"],
                action_name=ACTION_WORDS.get(row["action"], OTHER),
                actor=brief_of(people, row["actor_id"]),
                subject_kind=row["subject_kind"],
                subject_id=row["subject_id"],
                person=brief_of(people, row["person_id"]),
                organization=(
                    OrganizationBrief(**places[row["organization_id"]]) if row["organization_id"] in places else None
                ),
                details=msgspec.json.decode(row["details"]),
                address=row["address"],
                request_id=row["request_id"],
            )
            for row in cut.items
        ],
        cut.next_cursor,
    )


async def _in_subtree(actor_id: str, organization_id: str) -> tuple[str, Any]:
    """The condition on `$1` that an entry belongs to the subtree, and the value of `$1`. Raises NotFound for whoever
    may not read it."""
    place = await fetch_one(
        "SELECT path, parent_id, CASE WHEN level <> ALL($3) THEN "
        f"ARRAY(SELECT id FROM organization b WHERE b.path <@ o.path) END AS ids, {kinds_held('$2', 'o.id')} AS kinds "
        "FROM organization o WHERE id = $1",
        organization_id,
        actor_id,
        [str(level) for level in _LARGE],
    )
    if place is None or not set(AUDITORS) & set(place["kinds"]):
        raise NotFound()
    if place["parent_id"] is None:
        return "(a.organization_id IS NULL OR o.path <@ $1::ltree)", place["path"]
    if place["ids"] is None:
        return "o.path <@ $1::ltree", place["path"]
    # Few organizations with few of all the entries: by their ids, or everybody's newest entries would be gone through.
    return "a.organization_id = ANY($1)", place["ids"]
