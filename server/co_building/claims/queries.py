"""Reading claims, and what might fit an entry."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from server.co_building.access import level_of, require_may_read, works_for
from server.co_building.claims.models import ListClaimState
from server.co_building.lists.models import EntryState, ListKind
from server.co_building.lists.queries import get_entry
from server.co_building.pairings import pairs_of
from server.foundation.database import fetch, fetch_structs
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_struct_page
from server.organizations.models import Level
from server.organizations.tree import within

MOST_SUGGESTED = 10


class ListClaimView(msgspec.Struct, kw_only=True):
    """A claim, and of what it is one. `is_match`: the subdistrict brought the two together."""

    id: Id
    entry_id: Id
    title: str
    kind: ListKind
    owner_name: str
    claimant_id: Id
    claimant_name: str
    quantity: int
    measure: str
    words: str
    state: ListClaimState
    is_match: bool
    reason: str
    claimed_at: datetime
    lapses_at: datetime


class Suggestion(msgspec.Struct, kw_only=True):
    """Something of another list that might fit, and why."""

    entry_id: Id
    owner_id: Id
    owner_name: str
    title: str
    left: int
    measure: str
    why: list[str]


_VIEW = (
    "SELECT c.id, c.entry_id, e.title, e.kind, o.name AS owner_name, c.claimant_id, a.name AS claimant_name, "
    "c.quantity, e.measure, c.words, c.state, c.is_match, c.reason, c.created_at AS claimed_at, c.lapses_at "
    "FROM list_claim c JOIN list_entry e ON e.id = c.entry_id JOIN organization o ON o.id = e.owner_id "
    "JOIN organization a ON a.id = c.claimant_id"
)


async def get_claim(claim_id: str) -> ListClaimView:
    return (await fetch_structs(ListClaimView, f"{_VIEW} WHERE c.id = $1", claim_id))[0]


async def list_claims(
    actor_id: str, organization_id: str, state: ListClaimState | None, page: PageQuery
) -> Page[ListClaimView]:
    """Claims of and by an organization and all below it, the latest first. Raises NotAllowed."""
    await require_may_read(actor_id, organization_id)
    return await fetch_struct_page(
        ListClaimView,
        f"{_VIEW} WHERE ({within('o.path', '$1')} OR {within('a.path', '$1')}) AND ($2::text IS NULL OR c.state = $2) "
        "AND ($3::uuid IS NULL OR c.id < $3) ORDER BY c.id DESC LIMIT $4",
        organization_id,
        str(state) if state else None,
        page=page,
    )


async def has_accepted_claim(person_id: str, entry_id: str) -> bool:
    """Whether the person acts for somebody whose claim of the entry was accepted."""
    rows = await fetch("SELECT claimant_id FROM list_claim WHERE entry_id = $1 AND state = 'accepted'", entry_id)
    for row in rows:
        if await works_for(person_id, row["claimant_id"]):
            return True
    return False


async def suggest_for_entry(actor_id: str, entry_id: str) -> list[Suggestion]:
    """What of the other side's lists might fit an open entry, those with most reasons first: the same category is
    asked for, then days that overlap and earlier work together. Raises NotFound."""
    entry = await get_entry(actor_id, entry_id)
    if entry.state != EntryState.OPEN:
        raise NotFound()
    is_unit = await level_of(entry.owner_id) is Level.UNIT
    others = sorted({pair["area_id" if is_unit else "unit_id"] for pair in await pairs_of(entry.owner_id)})
    wanted = {ListKind.NEED: "resource", ListKind.RESOURCE: "need"}.get(ListKind(entry.kind), "project")
    rows = await fetch(
        'SELECT e.id AS entry_id, e.owner_id, o.name AS owner_name, e.title, e.quantity - e.accepted AS "left", '
        "e.measure, ($3::date IS NULL OR e.available_until IS NULL OR e.available_until >= $3) AND "
        "($4::date IS NULL OR e.available_from IS NULL OR e.available_from <= $4) AS fits, "
        "EXISTS (SELECT 1 FROM list_claim c JOIN list_entry w ON w.id = c.entry_id WHERE c.state = 'accepted' AND "
        "((c.claimant_id = e.owner_id AND w.owner_id = $5) OR (c.claimant_id = $5 AND w.owner_id = e.owner_id))) "
        "AS together FROM list_entry e JOIN organization o ON o.id = e.owner_id WHERE e.owner_id = ANY($1::uuid[]) "
        "AND e.kind = $2 AND e.category = $6 AND e.state = 'open' ORDER BY fits DESC, together DESC, e.id LIMIT $7",
        others,
        wanted,
        entry.available_from,
        entry.available_until,
        entry.owner_id,
        str(entry.category),
        MOST_SUGGESTED,
    )
    suggestions = []
    for row in rows:
        told = dict(row)
        why = ["类别相同"]
        why += ["时间合适"] if told.pop("fits") else []
        why += ["曾经共建"] if told.pop("together") else []
        suggestions.append(Suggestion(**told, why=why))
    return suggestions


async def describe_claims(claim_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Words for messages."""
    found = await fetch_structs(ListClaimView, f"{_VIEW} WHERE c.id = ANY($1)", list(claim_ids))
    return {
        claim.id: {
            "title": claim.title,
            "claimant": claim.claimant_name,
            "amount": f"{claim.quantity} {claim.measure}",
            "reason": claim.reason,
        }
        for claim in found
    }
