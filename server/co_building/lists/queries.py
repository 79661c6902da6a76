"""Reading the lists: what is open to everybody, an organization's own, and all of an area."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import msgspec

from server.co_building.access import require_may_read, works_for
from server.co_building.lists.models import PUBLIC_STATES, EntryState, ListCategory, ListKind
from server.foundation.database import fetch, fetch_structs
from server.foundation.dates import render_date
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_struct_page
from server.media.files import File
from server.media.spreadsheets import Column
from server.organizations.access import READERS, holds_role
from server.organizations.exports import MOST, export_list
from server.organizations.tree import within
from server.service_record.periods import read_half_year


class EntryCard(msgspec.Struct, kw_only=True):
    """One line of a list; `left` is what is not claimed yet."""

    id: Id
    owner_id: Id
    owner_name: str
    kind: ListKind
    category: ListCategory
    title: str
    quantity: int
    measure: str
    left: int
    state: EntryState
    available_from: date | None
    available_until: date | None
    place: str
    period: str
    expires_on: date
    version: int


class EntryView(EntryCard, kw_only=True):
    """All of an entry but whom to call. `reason`: why it was returned or ended, for those at work on it."""

    text: str
    audience: str
    reviewer_name: str
    reason: str
    submitted_at: datetime | None
    opened_at: datetime | None
    closed_at: datetime | None
    renewed: bool


_CARD_COLUMNS = (
    "e.id, e.owner_id, o.name AS owner_name, e.kind, e.category, e.title, e.quantity, e.measure, "
    'e.quantity - e.accepted AS "left", e.state, e.available_from, e.available_until, e.place, e.period, e.expires_on, '
    "e.version"
)
_FROM = "FROM list_entry e JOIN organization o ON o.id = e.owner_id LEFT JOIN organization r ON r.id = e.reviewer_id"
_CARD = f"SELECT {_CARD_COLUMNS} {_FROM}"
_VIEW = (
    f"SELECT {_CARD_COLUMNS}, e.text, e.audience, COALESCE(r.name, '') AS reviewer_name, e.reason, e.submitted_at, "
    f"e.opened_at, e.closed_at, e.renewed_from_id IS NOT NULL AS renewed {_FROM}"
)


async def get_entry(person_id: str, entry_id: str) -> EntryView:
    """An open one for everybody; any other for those who work for its owner or look at it. Raises NotFound."""
    found = await fetch("SELECT reviewer_id, owner_id, state FROM list_entry WHERE id = $1", entry_id)
    if not found:
        raise NotFound()
    row = found[0]
    at_work = await works_for(person_id, row["owner_id"]) or (
        row["reviewer_id"] is not None and await holds_role(person_id, row["reviewer_id"], READERS)
    )
    if not at_work and row["state"] not in (EntryState.OPEN, EntryState.MATCHED):
        raise NotFound()
    (entry,) = await fetch_structs(EntryView, f"{_VIEW} WHERE e.id = $1", entry_id)
    if not at_work:
        entry.reason = ""
    return entry


async def get_cards(entry_ids: Iterable[str]) -> list[EntryCard]:
    return await fetch_structs(EntryCard, f"{_CARD} WHERE e.id = ANY($1) ORDER BY e.id", list(entry_ids))


async def list_open_entries(organization_id: str, kind: ListKind | None, page: PageQuery) -> Page[EntryCard]:
    """What a place, or a unit, has open, and the units that are paired with the place: for everybody, the latest
    first."""
    return await fetch_struct_page(
        EntryCard,
        f"{_CARD} WHERE (e.owner_id = $1 OR e.reviewer_id = $1) AND e.state IN ({PUBLIC_STATES}) "
        "AND ($2::text IS NULL OR e.kind = $2) AND ($3::uuid IS NULL OR e.id < $3) ORDER BY e.id DESC LIMIT $4",
        organization_id,
        str(kind) if kind else None,
        page=page,
    )


async def list_entries(
    actor_id: str,
    organization_id: str,
    page: PageQuery,
    *,
    kind: ListKind | None = None,
    state: EntryState | None = None,
    period: str | None = None,
) -> Page[EntryCard]:
    """All entries of an area and of the units paired with it, or a unit's own, the latest first: for its staff, its
    readers, its liaison. Raises NotAllowed."""
    await require_may_read(actor_id, organization_id)
    return await fetch_struct_page(
        EntryCard,
        f"{_CARD} WHERE ({within('o.path', '$1')} OR {within('r.path', '$1')}) "
        "AND ($2::text IS NULL OR e.kind = $2) AND ($3::text IS NULL OR e.state = $3) "
        "AND ($4::text IS NULL OR e.period = $4) AND ($5::uuid IS NULL OR e.id < $5) ORDER BY e.id DESC LIMIT $6",
        organization_id,
        str(kind) if kind else None,
        str(state) if state else None,
        period,
        page=page,
    )


_COLUMNS = (
    Column("清单", 8),
    Column("类别", 12),
    Column("名称", 30),
    Column("发布方", 24),
    Column("数量", 8),
    Column("单位", 8),
    Column("尚余", 8),
    Column("状态", 10),
    Column("时间", 30),
    Column("地点", 24),
    Column("半年", 16),
)


async def export_entries(
    actor_id: str, organization_id: str, *, kind: ListKind | None, state: EntryState | None, period: str | None
) -> File:
    """What `list_entries` shows, as a file; nobody's contact is in it. Raises NotAllowed."""
    page = PageQuery(limit=MOST)
    found = await list_entries(actor_id, organization_id, page, kind=kind, state=state, period=period)
    rows = [
        (
            ListKind(entry.kind).word,
            ListCategory(entry.category).word,
            entry.title,
            entry.owner_name,
            entry.quantity,
            entry.measure,
            entry.left,
            EntryState(entry.state).word,
            "—".join(render_date(day) for day in (entry.available_from, entry.available_until) if day),
            entry.place,
            read_half_year(entry.period).words,
        )
        for entry in found.items
    ]
    return await export_list(
        actor_id,
        organization_id,
        "export_lists",
        f"{kind.word}清单" if kind else "三张清单",
        _COLUMNS,
        rows,
        period=read_half_year(period).words if period else "",
        is_cut=found.next_cursor is not None,
    )


async def describe_entries(entry_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Words for messages."""
    rows: list[Any] = await fetch("SELECT id, kind, title, reason FROM list_entry WHERE id = ANY($1)", list(entry_ids))
    return {
        row["id"]: {"kind": ListKind(row["kind"]).word, "title": row["title"], "reason": row["reason"]} for row in rows
    }
