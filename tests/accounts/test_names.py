"""Who somebody is: staff say so where a membership or a document rests on it."""

import pytest

from server.accounts.details import save_details
from server.accounts.models import PersonOrigin
from server.accounts.persons import give_phone
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.organizations.models import Organization, RoleGrant, RoleKind
from tests.builders import create_community, create_person, create_resident, create_staff, sign_in, told
from tests.check_in.builders import create_checked_in, registration
from tests.clients import Api


async def create_father(staff: Api, community: Organization) -> dict[str, str]:
    """A member who was registered with his daughter's number."""
    body = registration(community, real_name="王建国")
    await staff.post("/staff/members", body, expect=201)
    return body


async def create_daughter(api: Api, phone: str) -> Api:
    person = await create_person(nickname="女儿")
    caller = await sign_in(api, person)
    await give_phone(person.id, phone)
    await caller.put("/me/details", {"real_name": "王芳"})
    return caller


async def test_a_daughter_does_not_get_her_fathers_membership(api: Api) -> None:
    """Phone and name alone handed it to her: she renamed herself, and kept it."""
    community = await create_community()
    staff, elsewhere = await create_staff(api, community), await create_staff(api, await create_community())
    daughter = await create_daughter(api, (await create_father(staff, community))["phone"])
    await daughter.put("/me/details", {"real_name": "王建国"})
    await daughter.refused("GET", "/me/membership", code="not_found")
    assert (await told(daughter))[-1] == "roster_link_waits"
    path = f"/staff/roster-links?organization_id={community.id}"
    await elsewhere.refused("GET", path, code="not_allowed")
    observer = await create_staff(api, community, RoleKind.OBSERVER)
    await observer.refused("GET", path, code="not_allowed")
    (link,) = (await staff.get("/staff/roster-links", organization_id=community.id))["items"]
    for who, code in ((elsewhere, "not_found"), (observer, "not_found"), (daughter, "not_allowed")):
        await who.refused("POST", f"/staff/roster-links/{link['id']}/confirm", code=code)
        await who.refused("POST", f"/staff/roster-links/{link['id']}/refuse", code=code)
    await staff.post(f"/staff/roster-links/{link['id']}/refuse", expect=204)
    assert (await told(daughter))[-1] == "roster_link_refused"
    await staff.refused("POST", f"/staff/roster-links/{link['id']}/confirm", code="wrong_state")
    # And staff are not asked again and again.
    await daughter.put("/me/details", {"real_name": "王芳"})
    await daughter.put("/me/details", {"real_name": "王建国"})
    assert (await staff.get("/staff/roster-links", organization_id=community.id))["items"] == []
    await daughter.refused("GET", "/me/membership", code="not_found")
    assert (await AuditEntry.get(action="refuse_roster_link")).organization_id == community.id


async def test_whoever_is_called_otherwise_meanwhile_is_not_linked(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    daughter = await create_daughter(api, (await create_father(staff, community))["phone"])
    await daughter.put("/me/details", {"real_name": "王建国"})
    (link,) = (await staff.get("/staff/roster-links", organization_id=community.id))["items"]
    await daughter.put("/me/details", {"real_name": "王芳"})
    await staff.refused("POST", f"/staff/roster-links/{link['id']}/confirm", code="wrong_state")
    await daughter.refused("GET", "/me/membership", code="not_found")


@pytest.mark.parametrize("is_seen", [False, True])
async def test_a_list_that_comes_later_asks_too(api: Api, *, is_seen: bool) -> None:
    """The other way round: she calls herself like him before the roster is imported."""
    community = await create_community()
    staff = await create_staff(api, community)
    body = registration(community, real_name="王建国")
    caller = await create_daughter(api, body["phone"])
    await caller.put("/me/details", {"real_name": "王建国"})
    if is_seen:
        await staff.post("/staff/persons", {"organization_id": community.id, **_only(body, "real_name", "phone")})
        await staff.put(f"/staff/persons/{caller.person_id}/name", {"real_name": "王建国"})
    roster = f"姓名,手机号,党员类别,所属党组织,小区\n王建国,{body['phone']},流动党员,某支部,阳光花园\n"
    query = {"community_id": community.id, "members_agreed": True}
    headers = {"content-type": "text/csv"}
    response = await staff.send("POST", "/staff/rosters", content=roster.encode(), headers=headers, params=query)
    assert response.status_code == 200, response.text
    waiting = (await staff.get("/staff/roster-links", organization_id=community.id))["items"]
    assert [link["person_id"] for link in waiting] == ([] if is_seen else [caller.person_id])
    answer = await caller.send("GET", "/me/membership")
    assert answer.status_code == (200 if is_seen else 404)


async def test_a_name_that_something_rests_on_is_changed_by_staff(api: Api) -> None:
    community = await create_community()
    staff, elsewhere = await create_staff(api, community), await create_staff(api, await create_community())
    member = await create_checked_in(api, staff, community)
    assert (await member.get("/me"))["name_is_verified"] is False
    await member.put("/me/details", {"real_name": "王 小明"})
    await member.refused("PUT", "/me/details", {"real_name": "王大明"}, code="name_fixed")
    path = f"/staff/persons/{member.person_id}/name"
    for who, code in ((elsewhere, "not_found"), (member, "not_allowed")):
        await who.refused("PUT", path, {"real_name": "王大明"}, code=code)
    await staff.refused("PUT", f"/staff/persons/{staff.person_id}/name", {"real_name": "王大明"}, code="own_matter")
    await staff.put(path, {"real_name": "王大明"})
    assert (await member.get("/me"))["name_is_verified"] is True
    assert (await told(member))[-1] == "name_corrected"
    await staff.put(path, {"real_name": "王大明"})
    assert (await told(member))[-1] == "name_verified"
    assert [entry.details["is_new"] for entry in await AuditEntry.filter(action="correct_name").order_by("id")] == [
        True,
        False,
    ]


async def test_a_verified_name_stays(api: Api) -> None:
    community = await create_community()
    staff, resident = await create_staff(api, community), await create_resident(api, community)
    await resident.put("/me/details", {"real_name": "李明"})
    await resident.put("/me/details", {"real_name": "李小明"})
    await staff.put(f"/staff/persons/{resident.person_id}/name", {"real_name": "李小明"})
    await resident.refused("PUT", "/me/details", {"real_name": "李明"}, code="name_fixed")
    await resident.put("/me/details", {"real_name": "李 小明", "birth_date": "1990-01-01"})
    assert (await resident.get("/me"))["name_is_verified"] is True


def _only(body: dict[str, str], *names: str) -> dict[str, str]:
    return {name: body[name] for name in names}


async def test_a_role_given_at_the_counter_waits_too(api: Api) -> None:
    """Whoever has the number and takes the name would else have the role."""
    community = await create_community()
    manager, staff = await create_staff(api, community, RoleKind.MANAGER), await create_staff(api, community)
    body = {"organization_id": community.id, "real_name": "周新来", "phone": "13500001111"}
    entry = await staff.post("/staff/persons", body, expect=201)
    role = {"person_id": entry["person_id"], "organization_id": community.id, "kind": "staff"}
    await manager.post("/staff/roles", role, expect=201)
    person = await create_person()
    caller = await sign_in(api, person)
    await give_phone(person.id, "13500001111")
    assert (await caller.put("/me/details", {"real_name": "周新来"}))["roles"] == []
    (link,) = (await staff.get("/staff/roster-links", organization_id=community.id))["items"]
    await staff.post(f"/staff/roster-links/{link['id']}/confirm", expect=200)
    assert [each["kind"] for each in (await caller.get("/me"))["roles"]] == ["staff"]


async def test_a_colleague_of_no_community_is_asked_for_where_they_work(api: Api) -> None:
    """The operator's own entry belongs to no community; once a manager has given it a role, that role's staff know."""
    community, elsewhere = await create_community(), await create_community()
    staff, other = await create_staff(api, community), await create_staff(api, elsewhere)
    entry = await create_person(origin=PersonOrigin.ROSTER)
    await save_details(entry.id, real_name="周新来", phone="13500001111")
    await RoleGrant.create(
        person_id=entry.id,
        organization=community,
        kind=RoleKind.STAFF,
        granted_at=clock.now(),
        granted_by_id=staff.person_id,
    )
    person = await create_person()
    caller = await sign_in(api, person)
    await give_phone(person.id, "13500001111")
    assert (await caller.put("/me/details", {"real_name": "周新来"}))["roles"] == []
    assert (await other.get("/staff/roster-links", organization_id=elsewhere.id))["items"] == []
    (link,) = (await staff.get("/staff/roster-links", organization_id=community.id))["items"]
    await staff.post(f"/staff/roster-links/{link['id']}/confirm", expect=200)
    assert [each["kind"] for each in (await caller.get("/me"))["roles"]] == ["staff"]


async def test_a_name_is_not_changed_by_emptying_it_first(api: Api) -> None:
    community = await create_community()
    staff, manager = await create_staff(api, community), await create_staff(api, community, RoleKind.MANAGER)
    seen, given = await create_resident(api, community), await create_resident(api, community)
    other = await create_resident(api, community)
    for each in (seen, given, other):
        await each.put("/me/details", {"real_name": "李明"})
    await staff.put(f"/staff/persons/{seen.person_id}/name", {"real_name": "李明"})
    role = {"person_id": given.person_id, "organization_id": community.id, "kind": "staff"}
    await manager.post("/staff/roles", role, expect=201)
    for each in (seen, given):
        await each.refused("DELETE", "/me/details/real_name", code="name_fixed")
        await each.refused("PUT", "/me/details", {"real_name": "赵强"}, code="name_fixed")
        assert (await each.get("/me"))["real_name"] == "李*"
    # A name that nothing rests on is the person's to take back.
    assert (await other.delete("/me/details/real_name", expect=200))["real_name"] == ""


@pytest.mark.parametrize("blank", ["\u200b", "\u3164", "\u2800", "\u0007", " "])
async def test_a_name_that_nobody_sees_is_none(api: Api, blank: str) -> None:
    caller = await create_resident(api, await create_community())
    refused = await caller.refused("PUT", "/me/details", {"real_name": blank}, code="invalid_fields")
    assert [each["field"] for each in refused["errors"]] == ["real_name"]


async def test_a_latin_name_keeps_its_spaces(api: Api) -> None:
    community = await create_community()
    staff, caller = await create_staff(api, community), await create_resident(api, community)
    path = f"/staff/persons/{caller.person_id}"
    for typed, shown in (("John Smith", "John Smith"), ("Nguyễn  Văn Đức", "Nguyễn Văn Đức"), ("王 敏", "王敏")):
        await caller.put("/me/details", {"real_name": typed})
        assert (await staff.get(f"{path}/details"))["real_name"] == shown
    # How its spaces are written makes a fixed name no other one.
    await staff.put(f"{path}/name", {"real_name": "John Smith"})
    await caller.put("/me/details", {"real_name": "JohnSmith"})
    assert (await caller.get("/me"))["name_is_verified"]
    await caller.refused("PUT", "/me/details", {"real_name": "Jon Smith"}, code="name_fixed")
