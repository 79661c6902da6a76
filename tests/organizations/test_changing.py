"""Creating, editing, moving and closing organizations."""

import asyncio
from typing import Any

import pytest

from server.accounts.models import Person
from server.foundation.audit import AuditEntry
from server.foundation.ids import new_id
from server.organizations.access import holds_role
from server.organizations.changing import is_credit_code
from server.organizations.models import Level, Organization, RoleGrant, RoleKind
from server.organizations.queries import current_organization_id
from tests.builders import create_community, create_organization, create_resident, create_staff, grant
from tests.clients import Api
from tests.organizations.builders import misplaced


class City:
    """A city with two districts, each with a subdistrict and a community, and its manager."""

    city: Organization
    districts: list[Organization]
    streets: list[Organization]
    communities: list[Organization]
    manager: Api


@pytest.fixture
async def town(api: Api) -> City:
    town = City()
    town.city = await create_organization(Level.CITY, name="威海市", code="37")
    town.districts = [await create_organization(Level.DISTRICT, parent=town.city) for _ in range(2)]
    town.streets = [await create_organization(Level.SUBDISTRICT, parent=parent) for parent in town.districts]
    town.communities = [await create_community(parent=parent) for parent in town.streets]
    town.manager = await create_staff(api, town.city, RoleKind.MANAGER)
    return town


def new(parent: Organization, level: str, **fields: Any) -> dict[str, Any]:
    return {"parent_id": parent.id, "level": level, "name": "新组织", **fields}


async def test_a_community_manager_makes_grids_buildings_and_units(api: Api, town: City) -> None:
    community = town.communities[0]
    manager = await create_staff(api, community, RoleKind.MANAGER)
    grid = await manager.post("/staff/organizations", new(community, "grid", name=" 第一网格 "), expect=201)
    assert (grid["name"], grid["code"], grid["parent_id"]) == ("第一网格", f"{community.code}-001", community.id)
    building = await manager.post(
        "/staff/organizations",
        {
            "parent_id": grid["id"],
            "level": "building",
            "name": "1号楼",
            "location": {"longitude": 122.1, "latitude": 37.5},
        },
    )
    assert (building["code"], building["location"]["longitude"]) == (f"{community.code}-001-001", 122.1)
    unit = await manager.post("/staff/organizations", new(community, "unit", code="91350100M000100Y43"), expect=201)
    assert unit["full_name"].startswith("威海市")
    assert (await manager.post("/staff/organizations", new(community, "grid")))["code"] == f"{community.code}-002"
    assert await misplaced() == []
    entry = await AuditEntry.get(action="create_organization", subject_id=grid["id"])
    assert (entry.actor_id, entry.organization_id) == (manager.person_id, grid["id"])


@pytest.mark.parametrize("kind", [RoleKind.STAFF, RoleKind.OBSERVER])
async def test_only_managers_make_organizations(api: Api, town: City, kind: RoleKind) -> None:
    staff = await create_staff(api, town.communities[0], kind)
    await staff.refused("POST", "/staff/organizations", new(town.communities[0], "grid"), code="not_allowed")


async def test_nobody_makes_organizations_outside_their_subtree(api: Api, town: City) -> None:
    manager = await create_staff(api, town.communities[0], RoleKind.MANAGER)
    for parent in (town.communities[1], town.streets[0]):
        await manager.refused("POST", "/staff/organizations", new(parent, "unit"), code="not_allowed")
    resident = await create_resident(api, town.communities[0])
    await resident.refused("POST", "/staff/organizations", new(town.city, "unit"), code="not_allowed")
    await api.refused("POST", "/staff/organizations", new(town.city, "unit"), code="not_signed_in")


async def test_what_cannot_be_made(town: City) -> None:
    manager, community = town.manager, town.communities[0]

    async def problem(body: dict[str, Any]) -> str:
        refused = await manager.refused("POST", "/staff/organizations", body, code="invalid_fields")
        return str(refused["errors"][0]["field"])

    assert await problem(new(community, "subdistrict")) == "level"
    assert await problem(new(community, "community")) == "level"
    assert await problem(new(community, "unit", code="91350100M000100Y44")) == "code"
    assert await problem(new(community, "grid", code="a b")) == "code"
    assert await problem(new(community, "grid", name=" ")) == "name"
    await manager.refused(
        "POST", "/staff/organizations", new(community, "grid", code=community.code), code="code_taken"
    )
    unknown = {"parent_id": new_id(), "level": "grid", "name": "网格"}
    await manager.refused("POST", "/staff/organizations", unknown, code="not_found")
    await Organization.filter(id=community.id).update(closed_at=community.created_at)
    await manager.refused("POST", "/staff/organizations", new(community, "grid"), code="wrong_state")


def test_credit_codes() -> None:
    """The example of GB 32100-2015, and a real kind of each body."""
    assert is_credit_code("91350100M000100Y43")
    assert not is_credit_code("91350100M000100Y4")
    assert not is_credit_code("91350100M000100Y4O")
    assert not is_credit_code("91350101M000100Y43")


async def test_names_and_places_are_edited_from_above(api: Api, town: City) -> None:
    community = town.communities[0]
    path = f"/staff/organizations/{community.id}"
    above = await create_staff(api, town.streets[0], RoleKind.MANAGER)
    edited = await above.patch(path, {"version": 1, "name": "塔山社区"})
    assert (edited["name"], edited["version"]) == ("塔山社区", 2)
    place = {"longitude": 122.1, "latitude": 37.5}
    assert (await above.patch(path, {"version": 2, "location": place}))["name"] == "塔山社区"
    await above.refused("PATCH", path, {"version": 2, "name": "另一社区"}, code="edited_meanwhile")
    own = await create_staff(api, community, RoleKind.MANAGER)
    await own.refused("PATCH", path, {"version": 3, "name": "我的社区"}, code="not_allowed")
    await above.refused("PATCH", f"/staff/organizations/{new_id()}", {"version": 1}, code="not_found")
    renamed = await town.manager.patch(f"/staff/organizations/{town.city.id}", {"version": 1, "name": "新威海市"})
    assert renamed["full_name"] == "新威海市"


async def test_a_move_takes_the_subtree_along(api: Api, town: City) -> None:
    street, other = town.streets[0], town.districts[1]
    grid = await create_organization(Level.GRID, parent=town.communities[0])
    staff = await create_staff(api, town.districts[1])
    assert not await holds_role(staff.person_id, grid.id, [RoleKind.STAFF])
    body = {"version": 1, "parent_id": other.id}
    moved = await town.manager.post(f"/staff/organizations/{street.id}/move", body, expect=200)
    assert (moved["parent_id"], moved["version"]) == (other.id, 2)
    assert await misplaced() == []
    assert await holds_role(staff.person_id, grid.id, [RoleKind.STAFF])
    again = await town.manager.post(f"/staff/organizations/{street.id}/move", {**body, "version": 2})
    assert again["version"] == 2, "it is there already"
    entry = await AuditEntry.get(action="move_organization")
    assert entry.details == {"came_from": town.districts[0].id, "to": other.id}


async def test_moves_that_are_refused(api: Api, town: City) -> None:
    street, manager = town.streets[0], town.manager
    path = f"/staff/organizations/{street.id}/move"
    one_sided = await create_staff(api, town.districts[0], RoleKind.MANAGER)
    await one_sided.refused("POST", path, {"version": 1, "parent_id": town.districts[1].id}, code="not_allowed")
    stale = {"version": 9, "parent_id": town.districts[1].id}
    await manager.refused("POST", path, stale, code="edited_meanwhile")
    # Levels go down strictly, so a node cannot come to lie below itself either.
    for parent in (town.communities[0], street, town.streets[1]):
        await manager.refused("POST", path, {"version": 1, "parent_id": parent.id}, code="invalid_fields")
    root = f"/staff/organizations/{town.city.id}/move"
    await manager.refused("POST", root, {"version": 1, "parent_id": town.districts[0].id}, code="wrong_state")
    await manager.refused("POST", path, {"version": 1, "parent_id": new_id()}, code="not_found")
    assert await misplaced() == []


async def test_moves_and_new_children_at_once_leave_no_half_moved_subtree(town: City) -> None:
    """Without the lock, a child made while its parent moves would keep the path of before."""
    manager = town.manager
    calls = []
    for street in town.streets:
        for district in (town.districts[1], town.districts[0]):
            body = {"version": 1, "parent_id": district.id}
            calls.append(manager.send("POST", f"/staff/organizations/{street.id}/move", body))
    calls += [
        manager.send("POST", "/staff/organizations", new(community, "grid")) for community in town.communities * 4
    ]
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} <= {200, 201, 409}
    assert await Organization.filter(level=Level.GRID).count() == 8
    assert await misplaced() == []


async def test_closing_with_a_successor(api: Api, town: City) -> None:
    old, new_community = town.communities
    grid = await create_organization(Level.GRID, parent=old)
    building = await create_organization(Level.BUILDING, parent=grid)
    resident = await create_resident(api, old)
    former = await create_staff(api, old)
    staff = await create_staff(api, new_community)
    body = {"version": 1, "successor_id": new_community.id}
    closed = await town.manager.post(f"/staff/organizations/{old.id}/close", body, expect=200)
    assert (closed["is_closed"], closed["successor_id"], closed["version"]) == (True, new_community.id, 2)
    assert closed["parent_id"] == town.streets[0].id, "where it was is still told"
    assert await misplaced() == []
    children = await api.get(f"/organizations/{new_community.id}/children")
    assert [item["id"] for item in children["items"]] == [grid.id]
    assert await current_organization_id(old.id) == new_community.id
    for left in (old, grid, building):
        assert await holds_role(staff.person_id, left.id, [RoleKind.STAFF]), "what it left is the successor's work"
    person = await Person.get(id=resident.person_id)
    assert person.community_id == new_community.id
    inbox = await resident.get("/me/inbox")
    assert new_community.name in inbox["items"][0]["text"]
    ended = await RoleGrant.get(person_id=former.person_id)
    assert (ended.ended_by_id, ended.ended_at is None) == (town.manager.person_id, False)
    assert await AuditEntry.filter(action="close_organization", subject_id=old.id).count() == 1


async def test_closing_without_a_successor(api: Api, town: City) -> None:
    community, manager = town.communities[0], town.manager
    grid = await create_organization(Level.GRID, parent=community)
    building = await create_organization(Level.BUILDING, parent=grid)
    refused = await manager.refused(
        "POST", f"/staff/organizations/{grid.id}/close", {"version": 1}, code="has_children"
    )
    assert refused["children"] == 1
    await manager.post(f"/staff/organizations/{building.id}/close", {"version": 1}, expect=200)
    await manager.post(f"/staff/organizations/{grid.id}/close", {"version": 1}, expect=200)
    await manager.refused("POST", f"/staff/organizations/{grid.id}/close", {"version": 2}, code="wrong_state")
    needs_one = f"/staff/organizations/{community.id}/close"
    problem = await manager.refused("POST", needs_one, {"version": 1}, code="invalid_fields")
    assert problem["errors"][0]["field"] == "successor_id"
    assert (await api.get(f"/organizations/{community.id}/children"))["items"] == []
    assert await current_organization_id(grid.id) is None


async def test_successors_that_are_refused(api: Api, town: City) -> None:
    old, other = town.communities
    path = f"/staff/organizations/{old.id}/close"
    for successor in (old.id, town.streets[1].id, new_id()):
        body = {"version": 1, "successor_id": successor}
        await town.manager.refused("POST", path, body, code="invalid_fields")
    one_sided = await create_staff(api, town.streets[0], RoleKind.MANAGER)
    await one_sided.refused("POST", path, {"version": 1, "successor_id": other.id}, code="invalid_fields")
    await town.manager.refused("POST", path, {"version": 3, "successor_id": other.id}, code="edited_meanwhile")
    root = f"/staff/organizations/{town.city.id}/close"
    await town.manager.refused("POST", root, {"version": 1, "successor_id": other.id}, code="wrong_state")


async def test_a_line_of_successors(api: Api, town: City) -> None:
    first, second = town.communities
    third = await create_community(parent=town.streets[1])
    grid = await create_organization(Level.GRID, parent=first)
    for old, successor in ((first, second), (second, third)):
        body = {"version": 1, "successor_id": successor.id}
        await town.manager.post(f"/staff/organizations/{old.id}/close", body)
    assert await misplaced() == []
    assert await current_organization_id(first.id) == third.id
    assert (await Organization.get(id=grid.id)).path.split(".")[-2] == third.id


async def test_all_descendants_of_a_level(api: Api, town: City) -> None:
    staff = await create_staff(api, town.city)
    for community in town.communities:
        await create_organization(Level.GRID, parent=community)
    path = f"/staff/organizations/{town.city.id}/descendants"
    first = await staff.get(path, level="community", limit=1)
    second = await staff.get(path, level="community", limit=1, cursor=first["next_cursor"])
    assert {first["items"][0]["id"], second["items"][0]["id"]} == {community.id for community in town.communities}
    assert second["next_cursor"] is None
    inside = await staff.get(f"/staff/organizations/{town.districts[0].id}/descendants", level="grid")
    assert len(inside["items"]) == 1
    await staff.refused("GET", f"/staff/organizations/{new_id()}/descendants?level=grid", code="not_found")


async def test_a_role_granted_while_its_organization_closes_does_not_outlive_it(api: Api, town: City) -> None:
    unit = await create_organization(Level.UNIT, parent=town.communities[0])
    resident = await create_resident(api, town.communities[0])
    role = {"person_id": resident.person_id, "organization_id": unit.id, "kind": "liaison"}
    await asyncio.gather(
        town.manager.send("POST", "/staff/roles", role),
        town.manager.send("POST", f"/staff/organizations/{unit.id}/close", {"version": 1}),
    )
    assert await RoleGrant.filter(organization_id=unit.id, ended_at=None).count() == 0


async def test_two_grants_of_one_role(town: City, api: Api) -> None:
    person = await create_resident(api, town.communities[0])
    await grant(await Person.get(id=person.person_id), town.communities[0], RoleKind.STAFF)
    role = {"person_id": person.person_id, "organization_id": town.communities[0].id, "kind": "staff"}
    await town.manager.refused("POST", "/staff/roles", role, code="role_held")
