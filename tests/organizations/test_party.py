"""The Party's own tree."""

import asyncio

from server.foundation.audit import AuditEntry
from server.foundation.database import transaction
from server.foundation.ids import new_id
from server.organizations.models import Level, PartyOrganization, RoleKind
from server.organizations.tree import move_node
from tests.builders import create_community, create_organization, create_resident, create_staff
from tests.clients import Api
from tests.organizations.builders import create_party, misplaced


async def test_staff_keep_the_tree_of_what_they_host(api: Api) -> None:
    community = await create_community()
    unit = await create_organization(Level.UNIT, parent=community)
    staff = await create_staff(api, community)
    body = {"name": "塔山社区党委", "host_id": community.id}
    committee = await staff.post("/staff/party-organizations", body, expect=201)
    assert (committee["parent_id"], committee["host_name"]) == (None, community.name)
    branch = await staff.post(
        "/staff/party-organizations", {"name": "第一支部", "parent_id": committee["id"], "host_id": unit.id}
    )
    assert branch["parent_id"] == committee["id"]
    edited = await staff.put(
        f"/staff/party-organizations/{branch['id']}", {"version": 1, "name": "机关支部", "host_id": unit.id}
    )
    assert (edited["name"], edited["version"]) == ("机关支部", 2)
    listed = await staff.get("/staff/party-organizations", host_id=community.id)
    assert [item["id"] for item in listed["items"]] == [committee["id"], branch["id"]]
    children = await staff.get(f"/party-organizations/{committee['id']}/children")
    assert [item["name"] for item in children["items"]] == ["机关支部"]
    assert await misplaced("party_organization") == []
    assert await AuditEntry.filter(subject_kind="party_organization", organization_id=unit.id).count() == 2


async def test_hosts_are_within_reach(api: Api) -> None:
    community, other = await create_community(), await create_community()
    staff = await create_staff(api, community)
    await staff.refused("POST", "/staff/party-organizations", {"name": "党委", "host_id": other.id}, code="not_allowed")
    foreign = await create_party(host=other)
    path = f"/staff/party-organizations/{foreign.id}"
    await staff.refused("PUT", path, {"version": 1, "name": "我的", "host_id": community.id}, code="not_allowed")
    await staff.refused("POST", f"{path}/close", {"version": 1}, code="not_allowed")
    own = await create_party(host=community)
    path = f"/staff/party-organizations/{own.id}"
    await staff.refused("PUT", path, {"version": 1, "name": "送出", "host_id": other.id}, code="not_allowed")
    observer = await create_staff(api, community, RoleKind.OBSERVER)
    body = {"name": "党委", "host_id": community.id}
    await observer.refused("POST", "/staff/party-organizations", body, code="not_allowed")
    resident = await create_resident(api, community)
    await resident.refused("POST", "/staff/party-organizations", body, code="not_allowed")


async def test_the_parent_is_asked_too(api: Api) -> None:
    """Staff of a community put nothing below a committee of others, and take nothing away from it."""
    street = await create_organization(Level.SUBDISTRICT)
    community = await create_community(parent=street)
    staff, above = await create_staff(api, community), await create_staff(api, street)
    committee, own = await create_party(host=street), await create_party(host=community)
    branch = await create_party(parent=committee, host=community)
    path, body = "/staff/party-organizations", {"name": "新支部", "host_id": community.id}
    for verb, tail, change in (
        ("POST", "", body | {"parent_id": committee.id}),
        ("POST", f"/{own.id}/move", {"version": 1, "parent_id": committee.id}),
        ("POST", f"/{own.id}/close", {"version": 1, "successor_id": committee.id}),
        ("PUT", f"/{branch.id}", body | {"version": 1}),
        ("POST", f"/{branch.id}/move", {"version": 1, "parent_id": own.id}),
        ("POST", f"/{branch.id}/close", {"version": 1}),
    ):
        await staff.refused(verb, path + tail, change, code="not_allowed")
    elsewhere = await create_party(host=None, place="济南市")
    await staff.refused("POST", path, body | {"parent_id": elsewhere.id}, code="not_allowed")
    assert (await above.put(f"{path}/{branch.id}", body | {"version": 1}))["name"] == "新支部"
    await above.post(f"{path}/{own.id}/move", {"version": 1, "parent_id": committee.id}, expect=200)


async def test_one_that_is_elsewhere(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    problem = await staff.refused("POST", "/staff/party-organizations", {"name": "党委"}, code="invalid_fields")
    assert problem["errors"][0]["field"] == "place"
    made = await staff.post("/staff/party-organizations", {"name": "山东大学党委", "place": "济南市"}, expect=201)
    assert (made["host_id"], made["place"]) == (None, "济南市")
    edit = {"version": 1, "name": "山东大学数学学院党委", "place": "济南市"}
    await staff.refused("PUT", f"/staff/party-organizations/{made['id']}", edit, code="not_allowed")
    manager = await create_staff(api, community, RoleKind.MANAGER)
    assert (await manager.put(f"/staff/party-organizations/{made['id']}", edit))["version"] == 2
    liaison = await create_staff(api, await create_organization(Level.UNIT, parent=community), RoleKind.LIAISON)
    body = {"name": "党委", "place": "济南市"}
    await liaison.refused("POST", "/staff/party-organizations", body, code="not_allowed")


async def test_what_is_refused(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    party = await create_party(host=community)
    path = f"/staff/party-organizations/{party.id}"
    for body, field in (
        ({"name": "支部", "host_id": community.id, "parent_id": new_id()}, "parent_id"),
        ({"name": "支部", "host_id": new_id()}, "host_id"),
        ({"name": " ", "host_id": community.id}, "name"),
    ):
        problem = await staff.refused("POST", "/staff/party-organizations", body, code="invalid_fields")
        assert problem["errors"][0]["field"] == field
    stale = {"version": 2, "name": "新", "host_id": community.id}
    await staff.refused("PUT", path, stale, code="edited_meanwhile")
    await staff.refused("POST", f"/staff/party-organizations/{new_id()}/close", {"version": 1}, code="not_found")
    for successor in (party.id, new_id()):
        closing = {"version": 1, "successor_id": successor}
        await staff.refused("POST", f"{path}/close", closing, code="invalid_fields")


async def test_moving_and_closing(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    old, new = await create_party("旧党委", host=community), await create_party("新党委", host=community)
    branch = await create_party("支部", parent=old, host=community)
    group = await create_party("小组", parent=branch, host=community)
    path = "/staff/party-organizations"
    await staff.refused(
        "POST", f"{path}/{branch.id}/move", {"version": 1, "parent_id": group.id}, code="moved_into_itself"
    )
    problem = await staff.refused("POST", f"{path}/{branch.id}/close", {"version": 1}, code="has_children")
    assert problem["children"] == 1
    inner = {"version": 1, "successor_id": group.id}
    await staff.refused("POST", f"{path}/{branch.id}/close", inner, code="moved_into_itself")
    closed = await staff.post(f"{path}/{old.id}/close", {"version": 1, "successor_id": new.id}, expect=200)
    assert (closed["is_closed"], closed["successor_id"]) == (True, new.id)
    await staff.refused("POST", f"{path}/{old.id}/close", {"version": 2}, code="wrong_state")
    await branch.refresh_from_db()
    await group.refresh_from_db()
    assert (branch.path, group.path) == (f"{new.id}.{branch.id}", f"{new.id}.{branch.id}.{group.id}")
    moved = await staff.post(f"{path}/{group.id}/move", {"version": 1, "parent_id": new.id}, expect=200)
    assert (moved["parent_id"], moved["version"]) == (new.id, 2)
    assert await misplaced("party_organization") == []


async def test_two_moves_never_make_a_circle(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    for _ in range(5):
        one, other = await create_party(host=community), await create_party(host=community)
        path = "/staff/party-organizations"
        answers = await asyncio.gather(
            staff.send("POST", f"{path}/{one.id}/move", {"version": 1, "parent_id": other.id}),
            staff.send("POST", f"{path}/{other.id}/move", {"version": 1, "parent_id": one.id}),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert await misplaced("party_organization") == []


async def test_without_the_lock_two_moves_do_make_a_circle(app: object) -> None:
    """What the lock in tree.lock_tree is for: each of the moves is fine alone."""
    one, other = await create_party(), await create_party()
    both_have_looked = asyncio.Barrier(2)

    async def move(node: PartyOrganization, parent: PartyOrganization) -> None:
        async with transaction():
            node = await PartyOrganization.get(id=node.id)
            parent = await PartyOrganization.get(id=parent.id)
            await both_have_looked.wait()
            await move_node(node, parent)

    await asyncio.gather(move(one, other), move(other, one))
    await one.refresh_from_db()
    await other.refresh_from_db()
    assert (one.parent_id, other.parent_id) == (other.id, one.id)
