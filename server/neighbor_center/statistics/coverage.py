"""一刻钟服务圈: which share of an area's buildings has a venue within a walk of fifteen minutes."""

import msgspec

from server.foundation.database import fetch, fetch_one
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.location import Location
from server.neighbor_center.statistics.spans import share
from server.neighbor_center.venues.models import VenueKind
from server.neighbor_center.venues.queries import FIFTEEN_MINUTES_METERS, METERS_PER_DEGREE, meters_between
from server.organizations.tree import within

_LISTED = 100


class UncoveredBuilding(msgspec.Struct):
    """A building outside every circle; `nearest_meters`: how far the nearest venue is (empty: there is none)."""

    id: Id
    name: str
    location: Location
    nearest_meters: int | None


class Distance(msgspec.Struct, kw_only=True):
    """`share` of the `located` buildings that are `covered`; empty where no building's location is known."""

    buildings: int
    located: int
    covered: int
    share: float | None


class CircleCoverage(Distance, kw_only=True):
    """The same of a circle of so many `meters`. `uncovered` are the first 100 buildings that are not covered, those
    farthest from any venue first."""

    organization_id: Id
    meters: int
    kind: VenueKind | None
    uncovered: list[UncoveredBuilding]


# One look into the index of open venues' points for each building: a box finds the candidates, and meters decide.
_BUILDINGS = (
    "SELECT b.id, b.name, b.location, b.location IS NOT NULL AND EXISTS (SELECT 1 FROM venue v WHERE v.state = 'open' "
    "AND v.location <@ box(point(b.location[0] - $3 / cos(radians(b.location[1])), b.location[1] - $3), "
    "point(b.location[0] + $3 / cos(radians(b.location[1])), b.location[1] + $3)) "
    "AND ($4::text IS NULL OR v.kind = $4) "
    f"AND {meters_between('v.location', 'b.location')} <= $2) AS is_covered "
    f"FROM organization b WHERE {within('b.path', '$1')} AND b.level = 'building' "
    "AND b.closed_at IS NULL"
)


async def count_coverage(
    organization_id: str, *, meters: int = FIFTEEN_MINUTES_METERS, kind: VenueKind | None = None
) -> Distance:
    """How many buildings of the organization's subtree lie in a circle. Raises NotFound."""
    row = await fetch_one(
        "SELECT count(*) AS buildings, count(location) AS located, count(*) FILTER (WHERE is_covered) AS covered "
        f"FROM ({_BUILDINGS}) b",
        *await _values(organization_id, meters, kind),
    )
    assert row
    return Distance(**dict(row), share=share(row["covered"], row["located"]))


async def get_circle_coverage(organization_id: str, *, meters: int, kind: VenueKind | None) -> CircleCoverage:
    """The same, with the buildings that lie in none. Raises NotFound."""
    count = await count_coverage(organization_id, meters=meters, kind=kind)
    rows = await fetch(
        "SELECT b.id, b.name, b.location, "
        f"(SELECT round(min({meters_between('n.location', 'b.location')}))::int FROM (SELECT v.location "
        "FROM venue v WHERE v.state = 'open' AND ($4::text IS NULL OR v.kind = $4) ORDER BY v.location <-> b.location "
        f"LIMIT 5) n) AS nearest_meters FROM ({_BUILDINGS}) b WHERE b.location IS NOT NULL AND NOT b.is_covered "
        f"ORDER BY nearest_meters DESC NULLS FIRST, b.id LIMIT {_LISTED}",
        *await _values(organization_id, meters, kind),
    )
    return CircleCoverage(
        **msgspec.structs.asdict(count),
        organization_id=organization_id,
        meters=meters,
        kind=kind,
        uncovered=[UncoveredBuilding(*row) for row in rows],
    )


async def require_organization(organization_id: str) -> None:
    """Raises NotFound."""
    if not await fetch_one("SELECT 1 FROM organization WHERE id = $1", organization_id):
        raise NotFound()


async def _values(organization_id: str, meters: int, kind: VenueKind | None) -> tuple[object, ...]:
    await require_organization(organization_id)
    # Degrees of longitude shrink towards the poles: the query widens its box by the building's latitude.
    return organization_id, float(meters), meters / METERS_PER_DEGREE, kind and str(kind)
