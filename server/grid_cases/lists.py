"""Lists of cases: the public ones, one's own, the likely same nearby, and the staff's. All by keyset, over an index."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from server.foundation import clock
from server.foundation.database import fetch, fetch_value
from server.foundation.ids import Id
from server.foundation.location import Latitude, Location, Longitude
from server.foundation.pages import Page, PageQuery, fetch_page
from server.grid_cases.models import OPEN_STATES, CaseState
from server.grid_cases.rules import NEARBY_METERS
from server.grid_cases.steps import handlers_at
from server.media.uploads.queries import ready_picture, thumbnail_address
from server.organizations.access import READERS, require_role
from server.organizations.models import Level, RoleKind
from server.organizations.queries import get_organization
from server.organizations.tree import within

MOST_NEARBY = 5


class CaseCard(msgspec.Struct, kw_only=True):
    """What a list shows of a case: never who reported it."""

    id: Id
    category_name: str
    state: CaseState
    text: str
    place: str
    location: Location | None
    community_name: str
    thumbnail_url: str | None
    reported_at: datetime
    followers: int
    is_mine: bool
    is_following: bool


class StaffCaseCard(CaseCard, kw_only=True):
    """The same as staff see it: whose turn it is, and by when."""

    holder_name: str
    stage_due_at: datetime | None
    due_at: datetime | None
    overdue: bool
    is_private: bool


class NearbyQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where somebody stands, and what they are about to report."""

    category_id: Id
    longitude: Longitude
    latitude: Latitude


class NearbyCase(CaseCard, kw_only=True):
    meters: Annotated[int, msgspec.Meta(description="along a straight line")]


_SHOWN = (
    "c.id, k.name AS category_name, c.state, left(c.text, 60) AS text, c.place, c.location, o.name AS community_name, "
    "c.created_at AS reported_at, "
    "(SELECT count(*)::int FROM grid_case_follower f WHERE f.case_id = c.id AND f.ended_at IS NULL) AS followers, "
    "c.reporter_id IS NOT DISTINCT FROM $1::uuid AS is_mine, EXISTS (SELECT 1 FROM grid_case_follower f "
    "WHERE f.case_id = c.id AND f.person_id = $1 AND f.ended_at IS NULL) AS is_following"
)
# Others than who reported it see its picture once staff have filed the case, and blurred what they have to.
_ITS_PICTURE = ready_picture("CASE WHEN c.filed_at IS NOT NULL OR c.reporter_id = $1::uuid THEN c.picture_ids[1] END")
_CARD = f"{_SHOWN}, {_ITS_PICTURE}"
_FROM = "FROM grid_case c JOIN case_category k ON k.id = c.category_id JOIN organization o ON o.id = c.community_id "
_STAFF = f"{_SHOWN}, {ready_picture('c.picture_ids[1]')}, h.name AS holder_name, c.stage_due_at, c.due_at, c.is_private"
_STAFF_FROM = f"{_FROM} LEFT JOIN organization h ON h.id = c.holder_id "
PUBLIC = "c.is_shown AND NOT c.is_private AND c.state NOT IN ('refused', 'merged')"
"""SQL: what everybody may see of cases `c`."""


async def list_public_cases(person_id: str, community_id: str, page: PageQuery) -> Page[CaseCard]:
    """A community's cases that everybody may see, the latest first."""
    return await _latest_first(f"c.community_id = $2 AND {PUBLIC}", person_id, community_id, page=page)


async def list_my_cases(person_id: str, page: PageQuery) -> Page[CaseCard]:
    """What one has reported oneself, the latest first."""
    return await _latest_first("c.reporter_id = $1", person_id, page=page)


async def list_followed_cases(person_id: str, page: PageQuery) -> Page[CaseCard]:
    """What one follows, the latest reported first."""
    followed = "SELECT f.case_id FROM grid_case_follower f WHERE f.person_id = $1 AND f.ended_at IS NULL"
    return await _latest_first(f"c.id IN ({followed})", person_id, page=page)


async def _latest_first(condition: str, *values: str, page: PageQuery) -> Page[CaseCard]:
    """Cards for the person who is the first of the `values`."""
    last, most = f"${len(values) + 1}", f"${len(values) + 2}"
    rows = await fetch_page(
        f"SELECT {_CARD} {_FROM} WHERE {condition} AND ({last}::uuid IS NULL OR c.id < {last}) "
        f"ORDER BY c.id DESC LIMIT {most}",
        *values,
        page=page,
    )
    return Page([_card(row) for row in rows.items], rows.next_cursor)


async def list_cases_nearby(person_id: str, query: NearbyQuery) -> list[NearbyCase]:
    """Open cases of the same category nearby that everybody may see, the nearest first: likely the same."""
    here = Location(query.longitude, query.latitude)
    rows = await fetch(
        f"SELECT {_CARD} {_FROM} JOIN (SELECT id FROM grid_case WHERE is_shown AND NOT is_private "
        f"AND state IN ({OPEN_STATES}) AND location IS NOT NULL "
        "ORDER BY location <-> point($2, $3) LIMIT 50) n ON n.id = c.id WHERE c.category_id = $4",
        person_id,
        query.longitude,
        query.latitude,
        query.category_id,
    )
    near = sorted(((row["location"].meters_to(here), row) for row in rows), key=lambda each: (each[0], each[1]["id"]))
    return [NearbyCase(**_values(row), meters=meters) for meters, row in near[:MOST_NEARBY] if meters <= NEARBY_METERS]


async def list_cases_held(actor_id: str, organization_id: str, page: PageQuery) -> Page[StaffCaseCard]:
    """What it is this organization's turn to do, that which is due soonest first: for those who handle its cases, a
    unit's liaisons too. Raises NotFound, NotAllowed."""
    organization = await get_organization(organization_id)
    await require_role(actor_id, organization_id, {*handlers_at(Level(organization.level)), *READERS})
    rows = await fetch_page(
        f"SELECT {_STAFF} {_STAFF_FROM} WHERE c.holder_id = $2 "
        "AND ($3::timestamptz IS NULL OR (c.stage_due_at, c.id) > ($3, $4::uuid)) "
        "ORDER BY c.stage_due_at, c.id LIMIT $5",
        actor_id,
        organization_id,
        page=page,
        key={"stage_due_at": datetime, "id": Id},
    )
    return Page([_staff_card(row) for row in rows.items], rows.next_cursor)


async def list_cases_of_area(
    actor_id: str, organization_id: str, *, state: CaseState | None, page: PageQuery
) -> Page[StaffCaseCard]:
    """All cases of a subtree, perhaps in one state, the latest first. Raises NotFound, NotAllowed."""
    await require_role(actor_id, organization_id, {*READERS, RoleKind.GRID_WORKER})
    level = Level(await fetch_value("SELECT level FROM organization WHERE id = $1", organization_id))
    of_state, values = "", [actor_id, organization_id]
    if state:
        of_state, values = "c.state = $3 AND ", [*values, str(state)]
    last, most = f"${len(values) + 1}", f"${len(values) + 2}"
    found = _FIRST[level].format(where=f"{of_state}({last}::uuid IS NULL OR c.id < {last})", most=most)
    rows = await fetch_page(
        f"SELECT {_STAFF} FROM ({found}) f JOIN grid_case c ON c.id = f.id "
        f"{_STAFF_FROM.removeprefix('FROM grid_case c ')} ORDER BY c.id DESC LIMIT {most}",
        *values,
        page=page,
    )
    return Page([_staff_card(row) for row in rows.items], rows.next_cursor)


_LATEST = "SELECT c.id FROM grid_case c WHERE {where} ORDER BY c.id DESC LIMIT {most}"
_OF_EACH = (
    "SELECT x.id FROM organization b CROSS JOIN LATERAL (SELECT c.id FROM grid_case c "
    "WHERE c.community_id = b.id AND {where} ORDER BY c.id DESC LIMIT {most}) x "
    f"WHERE {within('b.path', '$2')} AND b.level = 'community' ORDER BY x.id DESC LIMIT {{most}}"
)
_FIRST = {
    # One city: whatever there is, is its. ($2 is said, since every statement has it.)
    Level.CITY: _LATEST.replace("{where}", "$2::uuid IS NOT NULL AND {where}"),
    # So many communities that the latest of everywhere are walked; OFFSET keeps that from becoming a join, which would
    # read and sort them all.
    Level.DISTRICT: _LATEST.replace(
        "{where}",
        "EXISTS (SELECT 1 FROM organization b WHERE b.id = c.community_id "
        f"AND {within('b.path', '$2')} OFFSET 0) AND {{where}}",
    ),
    Level.SUBDISTRICT: _OF_EACH,
    Level.COMMUNITY: _OF_EACH,
    Level.GRID: _LATEST.replace("{where}", "c.grid_id = $2 AND {where}"),
    Level.BUILDING: _LATEST.replace("{where}", "c.building_id = $2 AND {where}"),
    Level.UNIT: _LATEST.replace("{where}", "c.handler_id = $2 AND {where}"),
}
"""Level → the latest of an organization of it ($2), however many there are: each costs what it shows."""


def _values(row: Any) -> dict[str, Any]:
    names = (name for name in CaseCard.__struct_fields__ if name != "thumbnail_url")
    return {name: row[name] for name in names} | {"thumbnail_url": thumbnail_address(row["picture_id"])}


def _card(row: Any) -> CaseCard:
    return CaseCard(**_values(row))


def _staff_card(row: Any) -> StaffCaseCard:
    due_at = row["stage_due_at"]
    return StaffCaseCard(
        **_values(row),
        holder_name=row["holder_name"] or "",
        stage_due_at=due_at,
        due_at=row["due_at"],
        overdue=due_at is not None and due_at < clock.now(),
        is_private=row["is_private"],
    )
