"""Reading both trees: search, lists, ways up and down, and the words by which organizations are shown."""

from collections.abc import Iterable
from typing import Any

import msgspec

from server.foundation.database import StructT, fetch, fetch_one, fetch_structs, fetch_value, get_struct
from server.foundation.errors import InvalidFields, NotFound, WrongState
from server.foundation.ids import ID_LENGTH, Id
from server.foundation.location import Location
from server.foundation.pages import Page, PageQuery, cut_page, decode_cursor, fetch_struct_page
from server.organizations.models import Level

_FULL_NAME = (
    "(WITH RECURSIVE up AS (SELECT a.name, a.parent_id, 1 AS height FROM organization a WHERE a.id = o.id "
    "UNION ALL SELECT p.name, p.parent_id, up.height + 1 FROM up JOIN organization p ON p.id = up.parent_id) "
    "SELECT CASE WHEN starts_with(o.name, (array_agg(up.name ORDER BY up.height DESC))[1]) THEN o.name "
    "ELSE string_agg(up.name, '' ORDER BY up.height DESC) END FROM up) AS full_name"
)
"""威海市环翠区竹岛街道… for the row `o`, which has its city once (威海市教育局); a few primary key look-ups."""

_VIEW = (
    "o.id, o.code, o.name, o.level, o.parent_id, o.location, "
    f"o.closed_at IS NOT NULL AS is_closed, o.successor_id, o.version, {_FULL_NAME}"
)

_PARTY_VIEW = (
    "o.id, o.name, o.parent_id, o.host_id, (SELECT h.name FROM organization h WHERE h.id = o.host_id) AS host_name, "
    "o.place, o.closed_at IS NOT NULL AS is_closed, o.successor_id, o.version"
)

_METERS_BETWEEN = (
    "12742000 * asin(sqrt(sin(radians(o.location[1] - $2) / 2) ^ 2 "
    "+ cos(radians($2)) * cos(radians(o.location[1])) * sin(radians(o.location[0] - $1) / 2) ^ 2))"
)


class OrganizationView(msgspec.Struct):
    """A node of the tree. `full_name` starts at the city."""

    id: Id
    code: str
    name: str
    full_name: str
    level: Level
    parent_id: Id | None
    location: Location | None
    is_closed: bool
    successor_id: Id | None
    version: int


class CommunityName(msgspec.Struct):
    """A community, and what it is called alone and from the city down."""

    id: Id
    name: str
    full_name: str


class NearbyCommunityView(msgspec.Struct):
    """A community and how far it is, in metres along a straight line."""

    id: Id
    name: str
    full_name: str
    location: Location
    meters: int


class AncestorView(msgspec.Struct):
    """One step of the way down to an organization."""

    id: Id
    name: str
    level: Level


class OrganizationDetailView(OrganizationView):
    """An organization and the way to it from the city, the highest first."""

    ancestors: list[AncestorView]


class PartyOrganizationView(msgspec.Struct):
    """A Party organization; `host_name` is the organization or unit here that it belongs to, `place` where it is if
    that is elsewhere."""

    id: Id
    name: str
    parent_id: Id | None
    host_id: Id | None
    host_name: str | None
    place: str
    is_closed: bool
    successor_id: Id | None
    version: int


async def search_organizations(level: Level, name: str, page: PageQuery) -> Page[OrganizationView]:
    """Open organizations of a level whose name contains `name` (two characters or more), by index.

    Names that start with it come first, then shorter ones.
    """
    return await _search(
        OrganizationView, "organization", _VIEW, name, page, condition="AND level = $6", values=[str(level)]
    )


async def search_party_organizations(name: str, page: PageQuery) -> Page[PartyOrganizationView]:
    """Open Party organizations whose name contains `name` (two characters or more), by index."""
    return await _search(PartyOrganizationView, "party_organization", _PARTY_VIEW, name, page)


async def nearest_communities(longitude: float, latitude: float, limit: int) -> list[NearbyCommunityView]:
    """The open communities nearest to a gcj02 point, nearest first."""
    # The index orders by degrees, which are shorter from east to west: a few more than asked for are measured.
    return await fetch_structs(
        NearbyCommunityView,
        f"SELECT o.id, o.name, {_FULL_NAME}, o.location, "
        f"round({_METERS_BETWEEN})::int AS meters FROM (SELECT id, name, parent_id, location FROM organization "
        "WHERE level = 'community' AND closed_at IS NULL AND location IS NOT NULL "
        f"ORDER BY location <-> point($1, $2) LIMIT $3 * 3 + 10) o ORDER BY {_METERS_BETWEEN}, o.id LIMIT $3",
        longitude,
        latitude,
        limit,
    )


async def communities_within(here: Location, meters: int, most: int) -> list[str]:
    """Ids of the open communities so near, `most` of them, nearest first."""
    rows = await fetch(
        f"SELECT o.id FROM (SELECT id, location FROM organization "
        "WHERE level = 'community' AND closed_at IS NULL AND location IS NOT NULL "
        f"ORDER BY location <-> point($1, $2) LIMIT $4 * 3 + 10) o WHERE round({_METERS_BETWEEN}) <= $3 "
        f"ORDER BY {_METERS_BETWEEN}, o.id LIMIT $4",
        here.longitude,
        here.latitude,
        meters,
        most,
    )
    return [row["id"] for row in rows]


async def get_organization(organization_id: str) -> OrganizationView:
    """One organization, closed ones too. Raises NotFound."""
    return await get_struct(OrganizationView, f"SELECT {_VIEW} FROM organization o WHERE o.id = $1", organization_id)


async def require_community(community_id: str) -> None:
    """In the transaction of what is placed there: whoever closes the community waits for its end, and sees what came,
    or we see that it is closed. Raises InvalidFields for what is no open community."""
    row = await fetch_one(
        "SELECT level = $2 AND closed_at IS NULL AS is_open FROM organization WHERE id = $1 FOR SHARE",
        community_id,
        str(Level.COMMUNITY),
    )
    if row is None or not row["is_open"]:
        raise InvalidFields.of("community_id", "请选择一个社区")


async def require_grid(grid_id: str, community_id: str) -> None:
    """The same of a grid of the community. Raises InvalidFields."""
    row = await fetch_one(
        "SELECT g.level = $3 AND g.closed_at IS NULL AND g.path <@ c.path AS is_open FROM organization g "
        "JOIN organization c ON c.id = $2 WHERE g.id = $1 FOR SHARE OF g",
        grid_id,
        community_id,
        str(Level.GRID),
    )
    if row is None or not row["is_open"]:
        raise InvalidFields.of("grid_id", "请选择所在社区的网格")


async def hold_organization(organization_id: str) -> None:
    """The same of any organization. Raises WrongState for one that is closed, NotFound."""
    row = await fetch_one("SELECT closed_at FROM organization WHERE id = $1 FOR SHARE", organization_id)
    if row is None:
        raise NotFound()
    if row["closed_at"]:
        raise WrongState("该组织已撤销")


async def show_organization(organization_id: str) -> OrganizationDetailView:
    """One organization and the way to it. Raises NotFound."""
    view = await get_organization(organization_id)
    ancestors = await list_ancestors(organization_id)
    return OrganizationDetailView(**msgspec.structs.asdict(view), ancestors=ancestors[:-1])


async def list_ancestors(organization_id: str) -> list[AncestorView]:
    """The organizations from the root down to this one, itself included; empty where it does not exist."""
    return await fetch_structs(
        AncestorView,
        "WITH RECURSIVE up AS (SELECT id, name, level, parent_id, 1 AS height FROM organization WHERE id = $1 "
        "UNION ALL SELECT p.id, p.name, p.level, p.parent_id, up.height + 1 "
        "FROM up JOIN organization p ON p.id = up.parent_id) SELECT id, name, level FROM up ORDER BY height DESC",
        organization_id,
    )


async def list_children(organization_id: str, page: PageQuery, level: Level | None = None) -> Page[OrganizationView]:
    """The open organizations directly below this one, by code; of one level where it is given."""
    return await fetch_struct_page(
        OrganizationView,
        f"SELECT {_VIEW} FROM organization o WHERE o.parent_id = $1 AND o.closed_at IS NULL "
        "AND ($2::text IS NULL OR o.level = $2) AND ($3::text IS NULL OR o.code > $3) ORDER BY o.code LIMIT $4",
        organization_id,
        str(level) if level else None,
        page=page,
        key={"code": str},
    )


async def list_descendants(organization_id: str, level: Level, page: PageQuery) -> Page[OrganizationView]:
    """The open organizations of a level anywhere below this one, or itself, by code. Raises NotFound."""
    path = await _path_of(organization_id)
    return await fetch_struct_page(
        OrganizationView,
        f"SELECT {_VIEW} FROM organization o WHERE o.path <@ $1::ltree AND o.level = $2 "
        "AND o.closed_at IS NULL AND ($3::text IS NULL OR o.code > $3) ORDER BY o.code LIMIT $4",
        path,
        str(level),
        page=page,
        key={"code": str},
    )


async def ancestor_of_level(organization_id: str, level: Level) -> str | None:
    """The organization of this level that contains it, itself included; None where levels were skipped."""
    ancestors = await list_ancestors(organization_id)
    return next((ancestor.id for ancestor in ancestors if ancestor.level == level), None)


async def current_organization_id(organization_id: str) -> str | None:
    """The open organization that stands for this one today: itself, or its last successor; None where there is none."""
    current: str | None = await fetch_value(
        "WITH RECURSIVE line AS (SELECT id, closed_at, successor_id FROM organization WHERE id = $1 "
        "UNION SELECT s.id, s.closed_at, s.successor_id FROM line JOIN organization s ON s.id = line.successor_id) "
        "SELECT id FROM line WHERE closed_at IS NULL",
        organization_id,
    )
    return current


async def current_community(community_id: str) -> CommunityName | None:
    """The open community that stands for this one today; None where there is none."""
    found = await fetch_structs(
        CommunityName,
        f"SELECT o.id, o.name, {_FULL_NAME} FROM organization o WHERE o.id = $1 AND o.level = 'community'",
        await current_organization_id(community_id),
    )
    return found[0] if found else None


async def get_open_community(community_id: str) -> CommunityName:
    """The community itself. Raises NotFound where it is none, or closed."""
    found = await current_community(community_id)
    if found is None or found.id != community_id:
        raise NotFound()
    return found


async def describe_organizations(organization_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The words for organizations: `name`, and `full_name` from the city down; one query for all of them."""
    rows = await fetch(
        f"SELECT o.id, o.name, {_FULL_NAME} FROM organization o WHERE o.id = ANY($1)",
        list(organization_ids),
    )
    return {row["id"]: dict(row) for row in rows}


async def describe_party_organizations(party_organization_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The words for Party organizations: `name` and `place`; one query for all of them."""
    rows = await fetch(
        "SELECT id, name, place FROM party_organization WHERE id = ANY($1)", list(party_organization_ids)
    )
    return {row["id"]: dict(row) for row in rows}


async def get_party_organization(party_organization_id: str) -> PartyOrganizationView:
    """One Party organization, closed ones too. Raises NotFound."""
    return await get_struct(
        PartyOrganizationView,
        f"SELECT {_PARTY_VIEW} FROM party_organization o WHERE o.id = $1",
        party_organization_id,
    )


async def list_party_organizations(host_id: str, page: PageQuery) -> Page[PartyOrganizationView]:
    """The open Party organizations hosted anywhere in an organization's subtree, oldest first. Raises NotFound."""
    path = await _path_of(host_id)
    return await fetch_struct_page(
        PartyOrganizationView,
        f"SELECT {_PARTY_VIEW} FROM party_organization o JOIN organization host ON host.id = o.host_id "
        "WHERE host.path <@ $1::ltree AND o.closed_at IS NULL AND ($2::uuid IS NULL OR o.id > $2) "
        "ORDER BY o.id LIMIT $3",
        path,
        page=page,
    )


async def list_party_children(party_organization_id: str, page: PageQuery) -> Page[PartyOrganizationView]:
    """The open Party organizations directly below this one, oldest first."""
    return await fetch_struct_page(
        PartyOrganizationView,
        f"SELECT {_PARTY_VIEW} FROM party_organization o WHERE o.parent_id = $1 AND o.closed_at IS NULL "
        "AND ($2::uuid IS NULL OR o.id > $2) ORDER BY o.id LIMIT $3",
        party_organization_id,
        page=page,
    )


async def _path_of(organization_id: str) -> str:
    path: str | None = await fetch_value("SELECT path FROM organization WHERE id = $1", organization_id)
    if path is None:
        raise NotFound()
    return path


async def _search(
    struct: type[StructT], table: str, view: str, name: str, page: PageQuery, *, condition: str = "", values: Any = ()
) -> Page[StructT]:
    name = name.strip()
    if len(name) < 2:
        raise InvalidFields.of("name", "请至少输入两个字")
    rank, length, last = decode_cursor(page.cursor, tuple[int, int, Id]) if page.cursor else (-1, 0, "0" * ID_LENGTH)
    rows = await fetch(
        f"SELECT {view}, o.rank, o.length FROM (SELECT * FROM (SELECT *, "
        "(strpos(lower(name), lower($1)) > 1)::int AS rank, length(name) AS length FROM "
        f"{table} WHERE text_bigrams(name) @> text_bigrams($1) AND strpos(lower(name), lower($1)) > 0 "
        f"AND closed_at IS NULL {condition}) found WHERE (rank, length, id) > ($2, $3, $4) "
        "ORDER BY rank, length, id LIMIT $5) o ORDER BY o.rank, o.length, o.id",
        name,
        rank,
        length,
        last,
        page.limit + 1,
        *values,
    )
    cut = cut_page(rows, page.limit, lambda row: (row["rank"], row["length"], row["id"]))
    names = [field.name for field in msgspec.structs.fields(struct)]
    return Page([struct(**{field: row[field] for field in names}) for row in cut.items], cut.next_cursor)
