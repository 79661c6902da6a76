"""Reading the ledger: a person's entries with their sources, and sums."""

from datetime import datetime

import msgspec

from server.accounts.power import require_power_over
from server.foundation.audit import record_audit
from server.foundation.bounds import Moment
from server.foundation.database import exists, fetch, fetch_structs, fetch_value
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_struct_page
from server.notifications.rendering import SUBJECTS
from server.organizations.access import require_role_or_hide


class ServiceEntryView(msgspec.Struct):
    """One action. `source_kind` and `source_id` say what it comes from, `source_title` in words where there are any;
    `words` is what staff wrote where they recorded or reversed it by hand.

    A reversal has `reversal_of` and the opposite minutes and points; what was reversed has `is_reversed`.
    """

    id: Id
    rule: str
    rule_name: str
    source_kind: str
    source_id: Id
    minutes: int
    points: int
    occurred_at: datetime
    recorded_at: datetime
    organization_name: str
    note_code: str
    words: str
    reversal_of: Id | None
    is_reversed: bool
    source_title: str = ""


class RuleTotal(msgspec.Struct):
    """What one rule adds up to; `times` counts what was not reversed."""

    rule: str
    rule_name: str
    times: int
    minutes: int
    points: int


class ServiceTotals(msgspec.Struct):
    """Sums of the ledger, reversals included."""

    minutes: int
    points: int
    by_rule: list[RuleTotal]


class TotalsQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Actions from `since` on and before `until`; without them, all."""

    since: Moment | None = None
    until: Moment | None = None


_ENTRY = (
    "SELECT e.id, e.rule, COALESCE(r.name, e.rule) AS rule_name, e.source_kind, e.source_id, e.minutes, e.points, "
    "e.occurred_at, e.created_at AS recorded_at, COALESCE(o.name, '') AS organization_name, e.note_code, "
    "e.words, e.reversal_of_id AS reversal_of, "
    "EXISTS (SELECT 1 FROM service_entry x WHERE x.reversal_of_id = e.id) AS is_reversed FROM service_entry e "
    "LEFT JOIN service_rule r ON r.code = e.rule AND r.version = e.rule_version "
    "LEFT JOIN organization o ON o.id = e.organization_id"
)


async def list_service(person_id: str, page: PageQuery) -> Page[ServiceEntryView]:
    """The person's entries, latest action first."""
    return await _entries(person_id, page, None)


async def view_service_record(
    actor_id: str, organization_id: str, person_id: str, page: PageQuery
) -> Page[ServiceEntryView]:
    """What a person did within an organization's subtree, for those who work there; the view is audited.

    Raises NotFound for anybody who neither belongs there nor did anything there.
    """
    await require_role_or_hide(actor_id, organization_id)
    path: str = await fetch_value("SELECT path FROM organization WHERE id = $1", organization_id)
    await require_power_over(actor_id, person_id)
    await record_audit(
        "view_service_record",
        actor_id=actor_id,
        subject=("person", person_id),
        person_id=person_id,
        organization_id=organization_id,
    )
    return await _entries(person_id, page, path)


async def has_served(person_id: str, path: str) -> bool:
    """Whether the person served an organization whose path is `path` or below."""
    return await exists(
        "SELECT 1 FROM service_entry e JOIN organization o ON o.id = e.organization_id "
        "WHERE e.person_id = $1 AND o.path <@ $2::ltree",
        person_id,
        path,
    )


async def _entries(person_id: str, page: PageQuery, path: str | None) -> Page[ServiceEntryView]:
    shown = await fetch_struct_page(
        ServiceEntryView,
        f"{_ENTRY} WHERE e.person_id = $1 AND ($2::ltree IS NULL OR o.path <@ $2::ltree) "
        "AND ($3::timestamptz IS NULL OR (e.occurred_at, e.id) < ($3, $4::uuid)) "
        "ORDER BY e.occurred_at DESC, e.id DESC LIMIT $5",
        person_id,
        path,
        page=page,
        key={"occurred_at": datetime, "id": Id},
    )
    await _add_titles(shown.items)
    return shown


async def get_entry(entry_id: str) -> ServiceEntryView:
    """One entry that exists, for those who just wrote or reversed it."""
    entries = await fetch_structs(ServiceEntryView, f"{_ENTRY} WHERE e.id = $1", entry_id)
    await _add_titles(entries)
    return entries[0]


async def _add_titles(entries: list[ServiceEntryView]) -> None:
    titles = await source_titles({(entry.source_kind, entry.source_id) for entry in entries})
    for entry in entries:
        entry.source_title = titles.get((entry.source_kind, entry.source_id), "") or entry.words


async def service_totals(person_id: str, since: datetime | None = None, until: datetime | None = None) -> ServiceTotals:
    """What the person's actions of a period add up to."""
    rows = await fetch(
        "SELECT e.rule, (SELECT r.name FROM service_rule r WHERE r.code = e.rule ORDER BY r.version DESC LIMIT 1) "
        "AS rule_name, count(*) FILTER (WHERE e.reversal_of_id IS NULL) "
        "- count(*) FILTER (WHERE e.reversal_of_id IS NOT NULL) AS times, sum(e.minutes)::bigint AS minutes, "
        "sum(e.points)::bigint AS points FROM service_entry e WHERE e.person_id = $1 "
        "AND ($2::timestamptz IS NULL OR e.occurred_at >= $2) AND ($3::timestamptz IS NULL OR e.occurred_at < $3) "
        "GROUP BY e.rule ORDER BY e.rule",
        person_id,
        since,
        until,
    )
    totals = [RuleTotal(**dict(row)) for row in rows]
    return ServiceTotals(sum(row.minutes for row in totals), sum(row.points for row in totals), totals)


async def source_titles(sources: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """What the sources (kind, id) are called, one query for each kind that has words."""
    titles = {}
    for kind in {kind for kind, _ in sources} & SUBJECTS.keys():
        described = await SUBJECTS[kind](sorted(id_ for of_kind, id_ in sources if of_kind == kind))
        for id_, words in described.items():
            titles[kind, id_] = words.get("title") or words.get("name") or words.get("community") or ""
    return titles
