"""Side by side: the organizations below one, and peers of like size. Who has too few to say anything is not ranked."""

from collections.abc import Sequence
from datetime import date
from statistics import quantiles

import msgspec

from server.figures.cells import ENOUGH, Cell, Sums, cell_of, hidden, hide, value_of
from server.figures.definitions import find_definition
from server.figures.definitions.definition import Better, Definition, Kind
from server.figures.months import this_month
from server.figures.reading import Facts, Reading, load_facts, name_of, read_month
from server.foundation.database import fetch, fetch_one
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.organizations.access import READERS, require_role
from server.organizations.models import Level

MOST_CHILDREN = 500
FEWEST_PEERS = 5


class ChildReading(Reading, kw_only=True):
    """What one organization below has; `rank` is its place from the best, null where nobody is ranked by it."""

    organization_id: Id
    name: str
    rank: int | None = None


class ChildrenComparison(msgspec.Struct, kw_only=True):
    """The organizations below one as they were in that month. `own` is what belongs to none of them, so that together
    they are the `total`."""

    organization_id: Id
    code: str
    words: str
    unit: str
    month: str
    total: Reading
    own: Reading
    items: list[ChildReading]


class PeerComparison(msgspec.Struct, kw_only=True):
    """Where an organization stands among those of its level that have half to twice as many residents: the quartiles of
    `peers` others that have enough to say, and its own place from the best. Nobody else is named. With fewer than five
    peers there is nothing to say."""

    organization_id: Id
    code: str
    words: str
    unit: str
    month: str
    level: Level
    peers: int
    lower_quartile: float | None
    median: float | None
    upper_quartile: float | None
    standing: int | None
    own: Reading


class Child(msgspec.Struct):
    id: str
    name: str


async def compare_children(actor_id: str, organization_id: str, code: str, month: str | None) -> ChildrenComparison:
    """By default of this month. Raises NotAllowed, InvalidFields."""
    await require_role(actor_id, organization_id, READERS)
    definition, when = find_definition(code), read_month("month", month)
    children = await children_in(organization_id, when)
    facts = await load_facts([organization_id, *(child.id for child in children)], [code], [when])
    return side_by_side(definition, organization_id, children, facts, when)


async def children_in(organization_id: str, month: date) -> list[Child]:
    """Those below an organization when the month was counted, in the order of their codes. Those of today that nothing
    was counted for are among them."""
    rows = await fetch(
        "SELECT o.id, o.name FROM organization o WHERE (o.parent_id = $1 AND o.closed_at IS NULL "
        "AND o.level NOT IN ('building', 'unit') AND NOT EXISTS (SELECT 1 FROM figure f WHERE f.month = $2 "
        "AND f.organization_id = o.id AND f.parent_id IS DISTINCT FROM $1)) "
        "OR o.id IN (SELECT f.organization_id FROM figure f WHERE f.month = $2 AND f.parent_id = $1) "
        "ORDER BY o.code LIMIT $3",
        organization_id,
        month,
        MOST_CHILDREN,
    )
    return [Child(row["id"], row["name"]) for row in rows]


def side_by_side(
    definition: Definition, organization_id: str, children: Sequence[Child], facts: Facts, month: date
) -> ChildrenComparison:
    items = [
        ChildReading(
            organization_id=child.id,
            name=child.name,
            **msgspec.structs.asdict(facts.reading(definition, child.id, month)),
        )
        for child in children
    ]
    total = facts.of(organization_id, definition.code, month)
    own = _own(definition, total, [facts.of(child.id, definition.code, month) for child in children], month)
    if definition.about_people:
        hide_what_tells([*items, own])
    _rank(definition, items)
    return ChildrenComparison(
        organization_id=organization_id,
        code=definition.code,
        words=definition.words,
        unit=definition.unit,
        month=name_of(month),
        total=facts.reading(definition, organization_id, month),
        own=own,
        items=items,
    )


def _own(definition: Definition, total: Sums | None, parts: Sequence[Sums | None], month: date) -> Reading:
    """What remains of the total."""
    sums = None
    if total is not None:
        counted = [part for part in parts if part]
        numerator, denominator, excluded = (total[at] - sum(part[at] for part in counted) for at in range(3))
        sums = numerator, denominator, excluded
    cell = cell_of(definition, sums)
    return Reading(month=name_of(month), is_open=month >= this_month(), **msgspec.structs.asdict(cell))


def hide_what_tells(cells: Sequence[Cell]) -> None:
    """One hidden cell among others could be found from their total: the least of the others is hidden with it."""
    if sum(map(hidden, cells)) == 1:
        others = [cell for cell in cells if cell.numerator]
        if others:
            least = min(others, key=lambda cell: cell.numerator or 0)
            hide(least)
            if isinstance(least, Reading):
                least.month_on_month = least.year_on_year = None


def _rank(definition: Definition, items: Sequence[ChildReading]) -> None:
    if definition.better is Better.NEITHER:
        return
    ranked = [item for item in items if item.value is not None]
    for item in ranked:
        item.rank = 1 + sum(_is_better(definition, other.value, item.value) for other in ranked)


def _is_better(definition: Definition, one: float | None, other: float | None) -> bool:
    assert one is not None
    assert other is not None
    return one > other if definition.better is Better.MORE else one < other


async def compare_with_peers(actor_id: str, organization_id: str, code: str, month: str | None) -> PeerComparison:
    """By default of this month. Raises NotAllowed, InvalidFields."""
    await require_role(actor_id, organization_id, READERS)
    definition, when = find_definition(code), read_month("month", month)
    row = await fetch_one("SELECT level FROM organization WHERE id = $1", organization_id)
    if row is None:
        raise NotFound()
    facts = await load_facts([organization_id], [code, "residents"], [when])
    size = max((facts.of(organization_id, "residents", when) or (0,))[0], 1)
    rows = await fetch(
        "SELECT COALESCE(f.numerator, 0) AS numerator, COALESCE(f.denominator, 0) AS denominator FROM figure s "
        "JOIN organization o ON o.id = s.organization_id LEFT JOIN figure f ON f.month = $1 "
        "AND f.organization_id = s.organization_id AND f.code = $2 WHERE s.month = $1 AND s.code = 'residents' "
        "AND o.level = $3 AND o.closed_at IS NULL AND o.id <> $4 AND s.numerator BETWEEN $5 AND $6",
        when,
        code,
        row["level"],
        organization_id,
        (size + 1) // 2,
        size * 2,
    )
    values = [
        value_of(definition, (each["numerator"], each["denominator"], 0))
        for each in rows
        if definition.kind is Kind.COUNT or each["denominator"] >= ENOUGH
    ]
    own = facts.reading(definition, organization_id, when)
    enough = len(values) >= FEWEST_PEERS
    quarters = [round(value, 2) for value in quantiles(values, n=4, method="inclusive")] if enough else [None] * 3
    place = None
    if enough and own.value is not None and definition.better is not Better.NEITHER:
        place = 1 + sum(_is_better(definition, value, own.value) for value in values)
    return PeerComparison(
        organization_id=organization_id,
        code=code,
        words=definition.words,
        unit=definition.unit,
        month=name_of(when),
        level=Level(row["level"]),
        peers=len(values),
        lower_quartile=quarters[0],
        median=quarters[1],
        upper_quartile=quarters[2],
        standing=place,
        own=own,
    )
