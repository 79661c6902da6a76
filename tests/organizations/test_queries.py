"""Finding organizations, and that every such question is answered by an index."""

from server.foundation.database import execute, fetch_value
from server.foundation.ids import new_id
from server.foundation.pages import PageQuery
from server.organizations import queries
from server.organizations.importing import import_organizations
from server.organizations.models import Level, Organization
from server.organizations.queries import (
    ancestor_of_level,
    current_organization_id,
    describe_organizations,
    list_ancestors,
)
from tests.builders import create_community, create_organization, create_resident
from tests.clients import Api
from tests.organizations.builders import by_code, country_rows, create_party, csv_of
from tests.plans import listening, read_by, refresh

CITY = (
    "37,威海市,city,",
    "3701,环翠区,district,37",
    "370101,竹岛街道,subdistrict,3701",
    "37010101,塔山社区,community,370101",
    "37010102,东塔山社区,community,370101",
    "37010103,塔山中社区,community,370101",
    "37010104,望海社区,community,370101",
    "37010101-001,第一网格,grid,37010101",
)


async def test_search_by_two_characters(api: Api) -> None:
    await import_organizations(csv_of(*CITY))
    found = await api.get("/communities", name="塔山")
    assert [item["name"] for item in found["items"]] == ["塔山社区", "塔山中社区", "东塔山社区"]
    assert found["items"][0]["full_name"] == "威海市环翠区竹岛街道塔山社区"
    assert found["next_cursor"] is None
    assert (await api.get("/communities", name="竹岛"))["items"] == [], "a subdistrict is no community"
    assert (await api.get("/communities", name="塔社"))["items"] == []
    assert (await api.get("/communities", name="社区山塔"))["items"] == []


async def test_search_pages_lose_and_repeat_nothing(api: Api) -> None:
    await import_organizations(csv_of(*CITY))
    names, cursor = [], None
    while True:
        page = await api.get("/communities", name="社区", limit=1, **({"cursor": cursor} if cursor else {}))
        names += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(names) == sorted(["塔山社区", "东塔山社区", "塔山中社区", "望海社区"])


async def test_search_leaves_out_closed_ones(api: Api) -> None:
    await import_organizations(csv_of(*CITY))
    tower = await by_code("37010101")
    await Organization.filter(id=tower.id).update(closed_at=tower.created_at)
    assert [item["name"] for item in (await api.get("/communities", name="塔山"))["items"]] == [
        "塔山中社区",
        "东塔山社区",
    ]


async def test_search_needs_two_characters(api: Api) -> None:
    for name in ("塔", " 塔", ""):
        problem = await api.refused("GET", f"/communities?name={name}", code="invalid_fields")
        assert problem["errors"][0]["field"] == "name"


async def test_search_takes_any_characters_literally(api: Api) -> None:
    community = await create_community(name="50%_Fun社区")
    assert [item["id"] for item in (await api.get("/communities", name="%_f"))["items"]] == [community.id]
    assert (await api.get("/communities", name="%%"))["items"] == []


async def test_units(api: Api) -> None:
    community = await create_community()
    unit = await create_organization(Level.UNIT, parent=community, name="市立医院")
    await api.refused("GET", "/units?name=医院", code="not_signed_in")
    resident = await create_resident(api, community)
    assert [item["id"] for item in (await resident.get("/units", name="医院"))["items"]] == [unit.id]


async def test_nearest_communities_in_metres(api: Api) -> None:
    parent = await create_organization(Level.SUBDISTRICT)
    # One degree of longitude is shorter than one of latitude here: the eastern one is nearer, though not in degrees.
    north = await create_community(name="北社区", parent=parent, location=(122.10, 37.510))
    east = await create_community(name="东社区", parent=parent, location=(122.112, 37.50))
    far = await create_community(name="远社区", parent=parent, location=(122.30, 37.50))
    await create_organization(Level.BUILDING, parent=north, location=(122.10, 37.50))
    closed = await create_community(name="旧社区", parent=parent, location=(122.10, 37.50))
    await Organization.filter(id=closed.id).update(closed_at=closed.created_at)
    found = (await api.get("/communities/nearest", longitude=122.10, latitude=37.50, limit=3))["items"]
    assert [item["id"] for item in found] == [east.id, north.id, far.id]
    assert abs(found[0]["meters"] - 1059) < 5
    assert abs(found[1]["meters"] - 1112) < 5
    assert found[0]["full_name"].endswith("东社区")


async def test_nearest_refuses_what_is_no_point(api: Api) -> None:
    await api.refused("GET", "/communities/nearest?longitude=181&latitude=0", code="invalid_fields")


async def test_one_organization_and_the_way_to_it(api: Api) -> None:
    await import_organizations(csv_of(*CITY))
    grid = await by_code("37010101-001")
    shown = await api.get(f"/organizations/{grid.id}")
    assert [step["name"] for step in shown["ancestors"]] == ["威海市", "环翠区", "竹岛街道", "塔山社区"]
    assert (shown["level"], shown["is_closed"], shown["version"]) == ("grid", False, 1)
    await api.refused("GET", f"/organizations/{new_id()}", code="not_found")


async def test_children_by_code(api: Api) -> None:
    await import_organizations(csv_of(*CITY))
    street = await by_code("370101")
    await create_organization(Level.UNIT, parent=street, name="中学", code="9")
    first = await api.get(f"/organizations/{street.id}/children", limit=3)
    second = await api.get(f"/organizations/{street.id}/children", limit=3, cursor=first["next_cursor"])
    assert [item["code"] for item in first["items"] + second["items"]] == [
        *("37010101", "37010102", "37010103", "37010104", "9")
    ]
    assert second["next_cursor"] is None
    units = await api.get(f"/organizations/{street.id}/children", level="unit")
    assert [item["name"] for item in units["items"]] == ["中学"]
    await api.refused("GET", f"/organizations/{street.id}/children?cursor=bm90", code="invalid_fields")


async def test_ways_up_and_down(app: object) -> None:
    await import_organizations(csv_of(*CITY))
    city, district, grid = await by_code("37"), await by_code("3701"), await by_code("37010101-001")
    assert await ancestor_of_level(grid.id, Level.DISTRICT) == district.id
    assert await ancestor_of_level(grid.id, Level.GRID) == grid.id
    assert await ancestor_of_level(district.id, Level.COMMUNITY) is None
    assert [step.id for step in await list_ancestors(district.id)] == [city.id, district.id]
    assert await current_organization_id(grid.id) == grid.id
    assert await current_organization_id(new_id()) is None


async def test_words(app: object) -> None:
    await import_organizations(csv_of(*CITY))
    street = await by_code("370101")
    assert await describe_organizations([street.id, new_id()]) == {
        street.id: {"id": street.id, "name": "竹岛街道", "full_name": "威海市环翠区竹岛街道"}
    }
    for name, full_name in (("威海市教育局", "威海市教育局"), ("教育局", "威海市环翠区竹岛街道教育局")):
        unit = await create_organization(Level.UNIT, parent=street, name=name)
        assert (await describe_organizations([unit.id]))[unit.id]["full_name"] == full_name


async def test_party_organizations_by_name(api: Api) -> None:
    community = await create_community()
    here = await create_party("塔山社区党委", host=community)
    elsewhere = await create_party("山东大学党委", place="济南市")
    resident = await create_resident(api, community)
    found = await resident.get("/party-organizations", name="党委")
    assert {item["id"]: (item["host_name"], item["place"]) for item in found["items"]} == {
        here.id: (community.name, ""),
        elsewhere.id: (None, "济南市"),
    }
    assert (await resident.get(f"/party-organizations/{here.id}"))["name"] == "塔山社区党委"
    await resident.refused("GET", f"/party-organizations/{community.id}", code="not_found")
    await api.refused("GET", "/party-organizations?name=党委", code="not_signed_in")


async def test_questions_read_little_more_than_they_answer(app: object) -> None:
    """Of thousands of rows, what is asked about a name, a distance, a subtree or some ids reads those that it is about
    and the ways up from them."""
    await import_organizations(csv_of(*country_rows(6000), "100101001999,望海社区,community,100101001"))
    await execute(
        "UPDATE organization SET location = point(110 + n % 80 * 0.1, 30 + n / 80 * 0.1) FROM "
        "(SELECT id, row_number() OVER (ORDER BY code) AS n FROM organization WHERE level = 'community') numbered "
        "WHERE organization.id = numbered.id"
    )
    await refresh("organization")
    # PostgreSQL keeps a hundred of the paths to judge by. A subdistrict that happens to have one of them counts for a
    # hundredth of everything; whether to go by the codes then is a toss, and not what this is about.
    street_id: str = await fetch_value(
        "SELECT id FROM organization o WHERE level = 'subdistrict' AND NOT EXISTS (SELECT FROM pg_stats, "
        "unnest(histogram_bounds::text::ltree[]) AS kept WHERE tablename = 'organization' AND attname = 'path' "
        "AND kept <@ o.path) ORDER BY code OFFSET 100 LIMIT 1"
    )
    page = PageQuery()
    for call, expected in (
        (queries.search_organizations(Level.COMMUNITY, "望海", page), 1),
        (queries.nearest_communities(114, 32, 5), 5),
        (queries.list_descendants(street_id, Level.COMMUNITY, page), 14),
        (queries.list_children(street_id, page), 14),
        (queries.describe_organizations([street_id]), 1),
    ):
        with listening() as asked:
            await call
        readings = [await read_by(sql, *values) for sql, values in asked]
        for reading in readings:
            reading.check(spare=50)
        assert readings[-1].returned == expected, readings[-1].sql
