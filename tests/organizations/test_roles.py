"""Who may grant which role where, and that some manager always remains."""

import asyncio
from typing import Any

import pytest

from server.accounts.commands import CannotCreateManager, make_manager
from server.accounts.details import details_of, save_details
from server.accounts.models import Person, PersonOrigin
from server.accounts.persons import create_person as register_person
from server.foundation.audit import AuditEntry
from server.foundation.ids import new_id
from server.foundation.settings import Settings
from server.organizations.models import Level, Organization, RoleGrant, RoleKind
from tests.builders import (
    create_community,
    create_organization,
    create_person,
    create_resident,
    create_staff,
    give_phone,
    register,
)
from tests.clients import Api
from tests.organizations.builders import run_command


def role(person: Api | Person, organization: Organization, kind: str) -> dict[str, str]:
    person_id = person.person_id if isinstance(person, Api) else person.id
    return {"person_id": person_id, "organization_id": organization.id, "kind": kind}


async def role_of(api: Api) -> str:
    return (await RoleGrant.get(person_id=api.person_id, ended_at=None)).id


async def test_a_granted_role_works_at_once_and_is_told(api: Api) -> None:
    community = await create_community(name="塔山社区")
    manager = await create_staff(api, community, RoleKind.MANAGER)
    resident = await create_resident(api, community, "小王")
    await resident.refused("GET", f"/staff/roles?organization_id={community.id}", code="not_allowed")
    granted = await manager.post("/staff/roles", role(resident, community, "staff"), expect=201)
    assert (granted["kind"], granted["organization"]["name"], granted["ended_at"]) == ("staff", "塔山社区", None)
    assert granted["granted_by"]["id"] == manager.person_id
    listed = await resident.get("/staff/roles", organization_id=community.id)
    assert [item["person"]["id"] for item in listed["items"]] == [manager.person_id, resident.person_id]
    message = (await resident.inbox())[0]
    assert message["text"].endswith("塔山社区的工作人员。")
    entry = await AuditEntry.get(action="grant_role")
    assert (entry.actor_id, entry.person_id, entry.organization_id, entry.details) == (
        manager.person_id,
        resident.person_id,
        community.id,
        {"kind": "staff"},
    )


async def test_an_ended_role_works_no_longer(api: Api) -> None:
    community = await create_community()
    manager = await create_staff(api, community, RoleKind.MANAGER)
    staff = await create_staff(api, community)
    await staff.get("/staff/roles", organization_id=community.id)
    ended = await manager.post(f"/staff/roles/{await role_of(staff)}/end", expect=200)
    assert ended["ended_at"]
    await staff.refused("GET", f"/staff/roles?organization_id={community.id}", code="not_allowed")
    await manager.refused("POST", f"/staff/roles/{ended['id']}/end", code="wrong_state")
    assert await AuditEntry.filter(action="end_role", person_id=staff.person_id).count() == 1
    all_of_them = await manager.get("/staff/roles", organization_id=community.id, with_ended=True)
    assert len(all_of_them["items"]) == 2
    assert len((await manager.get("/staff/roles", organization_id=community.id))["items"]) == 1


@pytest.mark.parametrize("kind", ["manager", "staff", "observer"])
async def test_managers_pass_on_every_role_within_their_subtree(api: Api, kind: str) -> None:
    community = await create_community()
    manager = await create_staff(api, community, RoleKind.MANAGER)
    assert await manager.post(
        "/staff/roles", role(await create_person(community=community), community, kind), expect=201
    )


async def test_grid_workers_and_liaisons(api: Api) -> None:
    community = await create_community()
    manager = await create_staff(api, community, RoleKind.MANAGER)
    grid = await create_organization(Level.GRID, parent=community)
    unit = await create_organization(Level.UNIT, parent=community)
    person = await create_person(community=community)
    await manager.post("/staff/roles", role(person, grid, "grid_worker"), expect=201)
    await manager.post("/staff/roles", role(person, unit, "liaison"), expect=201)
    for place, kind in ((community, "grid_worker"), (community, "liaison"), (unit, "staff"), (grid, "manager")):
        problem = await manager.refused("POST", "/staff/roles", role(person, place, kind), code="invalid_fields")
        assert problem["errors"][0]["field"] == "kind"
    mine = await manager.get("/staff/roles", organization_id=community.id, person_id=person.id)
    assert {item["kind"] for item in mine["items"]} == {"grid_worker", "liaison"}
    assert len((await manager.get("/staff/roles", organization_id=grid.id))["items"]) == 1


@pytest.mark.parametrize("kind", [RoleKind.STAFF, RoleKind.OBSERVER])
async def test_only_managers_grant(api: Api, kind: RoleKind) -> None:
    community = await create_community()
    caller = await create_staff(api, community, kind)
    person = await create_person()
    for wanted in ("observer", str(kind)):
        await caller.refused("POST", "/staff/roles", role(person, community, wanted), code="not_allowed")
    assert await RoleGrant.filter(person_id=person.id).count() == 0


async def test_nobody_grants_above_or_beside_their_subtree(api: Api) -> None:
    district = await create_organization(Level.DISTRICT)
    street = await create_organization(Level.SUBDISTRICT, parent=district)
    mine, beside = await create_community(parent=street), await create_community(parent=street)
    manager = await create_staff(api, mine, RoleKind.MANAGER)
    for place in (street, district, beside):
        for person in (manager, await create_person(community=mine)):
            await manager.refused("POST", "/staff/roles", role(person, place, "staff"), code="not_allowed")


async def test_whom_and_where_nobody_knows(api: Api) -> None:
    community = await create_community()
    manager = await create_staff(api, community, RoleKind.MANAGER)
    stranger = {"person_id": new_id(), "organization_id": community.id, "kind": "staff"}
    await manager.refused("POST", "/staff/roles", stranger, code="invalid_fields")
    merged = await create_person(community=community)
    await Person.filter(id=merged.id).update(merged_into_id=manager.person_id)
    await manager.refused("POST", "/staff/roles", role(merged, community, "staff"), code="invalid_fields")
    blocked = await create_person(community=community)
    await Person.filter(id=blocked.id).update(closed_at=blocked.created_at)
    await manager.refused("POST", "/staff/roles", role(blocked, community, "staff"), code="invalid_fields")
    # Somebody who chose the community, and has no business there.
    elsewhere = await create_person(community=community, is_registered=False)
    body = role(elsewhere, community, "staff")
    problem = await manager.refused("POST", "/staff/roles", body, code="invalid_fields")
    assert problem["errors"][0]["field"] == "person_id"
    person = await create_person(community=community)
    nowhere = {"person_id": person.id, "organization_id": new_id(), "kind": "staff"}
    await manager.refused("POST", "/staff/roles", nowhere, code="not_allowed")
    await Organization.filter(id=community.id).update(closed_at=community.created_at)
    await manager.refused("POST", "/staff/roles", role(person, community, "staff"), code="wrong_state")
    await manager.refused("POST", f"/staff/roles/{new_id()}/end", code="not_found")


async def test_a_role_is_held_once(api: Api) -> None:
    community = await create_community()
    manager = await create_staff(api, community, RoleKind.MANAGER)
    person = await create_person(community=community)
    answers = await asyncio.gather(
        *(manager.send("POST", "/staff/roles", role(person, community, "staff")) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    await manager.refused("POST", "/staff/roles", role(person, community, "staff"), code="role_held")
    role_id = (await RoleGrant.get(person_id=person.id)).id
    await manager.post(f"/staff/roles/{role_id}/end")
    await manager.post("/staff/roles", role(person, community, "staff"), expect=201)


async def test_who_ends_what(api: Api) -> None:
    street = await create_organization(Level.SUBDISTRICT, parent=await create_organization(Level.DISTRICT))
    mine, beside = await create_community(parent=street), await create_community(parent=street)
    staff, colleague = await create_staff(api, mine), await create_staff(api, mine)
    above, outsider = (
        await create_staff(api, street, RoleKind.MANAGER),
        await create_staff(api, beside, RoleKind.MANAGER),
    )
    path = f"/staff/roles/{await role_of(staff)}/end"
    await colleague.refused("POST", path, code="not_allowed")
    await outsider.refused("POST", path, code="not_found")
    below = await create_staff(api, mine, RoleKind.MANAGER)
    await below.refused("POST", f"/staff/roles/{await role_of(above)}/end", code="not_found")
    await staff.post(path, expect=200)  # giving up one's own
    await above.post(f"/staff/roles/{await role_of(below)}/end", expect=200)


async def test_the_last_manager_stays(api: Api) -> None:
    city = await create_organization(Level.CITY)
    first = await create_staff(api, city, RoleKind.MANAGER)
    own = f"/staff/roles/{await role_of(first)}/end"
    await first.refused("POST", own, code="last_manager")
    second = await create_staff(api, city, RoleKind.MANAGER)
    await first.post(own, expect=200)
    await second.refused("POST", f"/staff/roles/{await role_of(second)}/end", code="last_manager")


async def test_two_managers_who_end_each_other_at_once(api: Api) -> None:
    for _ in range(5):
        city = await create_organization(Level.CITY)
        one, other = [await create_staff(api, city, RoleKind.MANAGER) for _ in range(2)]
        paths = [f"/staff/roles/{await role_of(manager)}/end" for manager in (other, one)]
        await asyncio.gather(one.send("POST", paths[0]), other.send("POST", paths[1]))
        assert await RoleGrant.filter(organization_id=city.id, kind="manager", ended_at=None).count() == 1


async def test_listing_pages_and_filters(api: Api) -> None:
    community = await create_community()
    manager = await create_staff(api, community, RoleKind.MANAGER)
    for _ in range(3):
        await create_staff(api, community)
    first = await manager.get("/staff/roles", organization_id=community.id, limit=2, kind="staff")
    rest = await manager.get(
        "/staff/roles", organization_id=community.id, limit=2, kind="staff", cursor=first["next_cursor"]
    )
    assert [len(first["items"]), len(rest["items"]), rest["next_cursor"]] == [2, 1, None]
    outsider = await create_staff(api, await create_community())
    await outsider.refused("GET", f"/staff/roles?organization_id={community.id}", code="not_found")
    worker = await create_staff(api, await create_organization(Level.GRID, parent=community), RoleKind.GRID_WORKER)
    await worker.refused("GET", f"/staff/roles?organization_id={community.id}", code="not_found")


async def test_names_are_masked(api: Api) -> None:
    community = await create_community()
    manager = await create_staff(api, community, RoleKind.MANAGER)
    person = await register_person(PersonOrigin.ROSTER, real_name="王小明", phone="13800000001")
    await register(person.id, community)
    granted = await manager.post("/staff/roles", role(person, community, "staff"))
    assert granted["person"]["name"] == "王**"


async def test_create_manager(app: object, settings: Settings) -> None:
    community = await create_community(name="塔山社区")
    options = ("--phone", "138 0000 0001", "--name", "王小明", "--organization", community.code)
    ended = await run_command(settings, "create-manager", *options)
    assert ended == (0, "王小明 is now the manager of 塔山社区.\n", "")
    person = await Person.get(origin=PersonOrigin.ROSTER)
    grant: Any = await RoleGrant.get(person_id=person.id)
    assert (grant.kind, grant.organization_id, grant.granted_by_id) == ("manager", community.id, None)
    again = await make_manager("13800000001", "王小明", community.code)
    assert again == "王小明 was already the manager of 塔山社区."
    assert await RoleGrant.all().count() == await Person.all().count() == 1
    assert await AuditEntry.filter(action="grant_role").count() == 1


async def test_managers_that_cannot_be_created(app: object) -> None:
    community = await create_community()
    grid = await create_organization(Level.GRID, parent=community, name="第一网格")
    await register_person(PersonOrigin.ROSTER, real_name="王小明", phone="13800000001")
    for phone, name, code, reason in (
        ("13800000001", "李四", community.code, "That phone number belongs to a person with another name."),
        ("13800000001", "王小明", "999", "There is no organization with the code 999."),
        ("13800000001", "王小明", grid.code, "第一网格 (grid) cannot have a manager: it is closed, or not an area."),
        ("138", "王小明", community.code, "That is not a phone number."),
        ("13800000001", " ", community.code, "That is not a name."),
    ):
        with pytest.raises(CannotCreateManager) as refused:
            await make_manager(phone, name, code)
        assert str(refused.value) == reason
    assert await RoleGrant.all().count() == 0


async def test_a_manager_who_has_signed_in_already(app: object) -> None:
    """The phone is known from WeChat and the name is not yet: it is the same person."""
    community = await create_community()
    person = await create_person()
    await give_phone(person.id, "13800000001")
    await make_manager("13800000001", "王小明", community.code)
    assert (await RoleGrant.get(person_id=person.id)).kind is RoleKind.MANAGER
    assert (await details_of(person.id)).real_name == "王小明"


async def test_the_manager_is_the_one_who_verified_the_phone(app: object) -> None:
    """Beside whom stand an older entry, somebody of the same name, and somebody who had the number before."""
    community, phone = await create_community(), "13800000001"
    await register_person(PersonOrigin.ROSTER, real_name="王小明", phone=phone)
    await register_person(PersonOrigin.ROSTER, real_name="王小明", phone="13800000002")
    await register_person(PersonOrigin.ROSTER, real_name="李敏", phone=phone)
    person = await create_person()
    await save_details(person.id, real_name="王小明")
    await give_phone(person.id, phone)
    await make_manager(phone, "王小明", community.code)
    assert await RoleGrant.all().values_list("person_id", flat=True) == [person.id]
