"""Oneself, consents, dependants, roster entries and merging; over HTTP where there is a door."""

import asyncio
from datetime import date

from server.accounts import links, merging, persons
from server.accounts.details import details_of, save_details
from server.accounts.models import Consent, ConsentKind, Person, PersonOrigin
from server.foundation.audit import AuditEntry
from server.foundation.database import fetch_value
from server.foundation.dates import age_on
from server.organizations.models import Level, RoleGrant, RoleKind
from tests.builders import (
    create_community,
    create_organization,
    create_person,
    create_resident,
    create_staff,
    give_phone,
    grant,
    sign_in,
)
from tests.clients import Api
from tests.simulator import Simulator


async def test_choosing_a_community(api: Api) -> None:
    community = await create_community(name="竹岛社区")
    caller = await sign_in(api, await create_person())
    me = await caller.put("/me/community", {"community_id": community.id})
    assert me["community"] == {"id": community.id, "name": "竹岛社区"}
    grid = await create_organization(Level.GRID, parent=community)
    for wrong in (grid.id, caller.person_id):
        problem = await caller.refused("PUT", "/me/community", {"community_id": wrong}, code="invalid_fields")
        assert problem["errors"] == [{"field": "community_id", "problem": "请选择一个社区"}]
    await caller.refused("PUT", "/me/community", {"community_id": "x"}, code="invalid_fields")


async def test_a_nickname_is_shown_once_it_passed(api: Api) -> None:
    caller = await create_resident(api, await create_community(), nickname="老王")
    me = await caller.get("/me")
    number = {"nickname": "老王 138 0000 1111", "version": me["version"]}
    refused = await caller.refused("PATCH", "/me", number, code="invalid_fields")
    assert refused["errors"] == [{"field": "nickname", "problem": "请不要写出电话、身份证等号码"}]
    changed = await caller.patch("/me", {"nickname": "海边的老王", "version": me["version"]})
    assert (changed["nickname"], changed["version"]) == ("海边的老王", me["version"] + 1)
    assert (await Person.get(id=caller.person_id)).shown_nickname == "老王"
    await caller.refused("PATCH", "/me", {"nickname": "x", "version": me["version"]}, code="edited_meanwhile")
    for bad in ({"nickname": "", "version": 2}, {"nickname": "长" * 33, "version": 2}, {"version": 2, "phone": "1"}):
        await caller.refused("PATCH", "/me", bad, code="invalid_fields")
    await caller.refused("PATCH", "/me", {"avatar_id": caller.person_id, "version": 2}, code="picture_unusable")


async def test_the_verdict_about_a_nickname(api: Api, simulator: Simulator) -> None:
    caller = await create_resident(api, await create_community(), nickname="老王")
    for nickname, shown, kept in (
        ("看海的老王", "看海的老王", "看海的老王"),
        ("【违规】老王", "看海的老王", "看海的老王"),
    ):
        version = (await caller.get("/me"))["version"]
        await caller.patch("/me", {"nickname": nickname, "version": version})
        await simulator.settle()
        person = await Person.get(id=caller.person_id)
        assert (person.shown_nickname, person.nickname) == (shown, kept)
    titles = [message["title"] for message in await caller.inbox()]
    assert titles == ["昵称或头像未通过审核"]


async def test_dependants(api: Api) -> None:
    community = await create_community()
    caller = await create_resident(api, community)
    mother = {"real_name": "李秀英", "relation": "parent", "birth_date": "1948-03-05", "guardian_consents": True}
    added = await caller.post("/me/dependants", mother, expect=201)
    assert await caller.get("/me/dependants") == [added]
    assert added == {
        "person_id": added["person_id"],
        "name": "李秀英",
        "relation": "parent",
        "birth_date": "1948-03-05",
        "is_accepted": False,
        "phone": "",
        "version": 1,
    }
    person = await Person.get(id=added["person_id"])
    assert (person.origin, person.community_id) == (PersonOrigin.DEPENDANT, community.id)
    # She has still to agree, see test_family.py.
    assert not await Consent.exists(person_id=person.id)

    child = {"real_name": "王小宝", "relation": "child", "birth_date": "2020-06-01"}
    await caller.refused("POST", "/me/dependants", child, code="guardian_consent_needed")
    grown = {"real_name": "王大宝", "relation": "child", "birth_date": "2000-06-01"}
    await caller.refused("POST", "/me/dependants", grown, code="consent_needed")
    added_child = await caller.post("/me/dependants", child | {"guardian_consents": True}, expect=201)
    assert await Consent.exists(person_id=added_child["person_id"], kind=ConsentKind.GUARDIAN)

    stranger = await create_resident(api, community)
    await stranger.refused("DELETE", f"/me/dependants/{added['person_id']}", code="not_found")
    await caller.delete(f"/me/dependants/{added['person_id']}", expect=204)
    await caller.refused("DELETE", f"/me/dependants/{added['person_id']}", code="not_found")
    assert len(await caller.get("/me/dependants")) == 1


async def test_a_child_does_not_register_alone(api: Api) -> None:
    caller = await sign_in(api, await create_person())
    body = {"real_name": "王小宝", "birth_date": "2020-06-01"}
    await caller.refused("PUT", "/me/details", body, code="guardian_consent_needed")
    assert (await caller.get("/me"))["real_name"] == ""


def test_ages_are_full_years() -> None:
    assert age_on(date(2012, 11, 24), date(2026, 11, 24)) == 14
    assert age_on(date(2012, 11, 25), date(2026, 11, 24)) == 13
    assert age_on(date(2012, 2, 29), date(2026, 2, 28)) == 13


async def test_a_roster_entry_is_linked_by_phone_and_name(api: Api) -> None:
    community = await create_community()
    entry = await persons.create_person(
        PersonOrigin.ROSTER, real_name="王小明", phone="+86 138-0000-1111", community_id=community.id
    )
    await grant(entry, community, RoleKind.MANAGER)
    namesake = await persons.create_person(PersonOrigin.ROSTER, real_name="王小明", phone="13800009999")
    stranger = await persons.create_person(PersonOrigin.ROSTER, real_name="赵大海", phone="13800001111")

    person = await create_person()
    caller = await sign_in(api, person)
    await persons.give_phone(person.id, "13800001111")
    assert (await Person.get(id=entry.id)).merged_into_id is None
    me = await caller.put("/me/details", {"real_name": "王 小明"})
    assert [role["kind"] for role in me["roles"]] == ["manager"]
    assert me["community"]["id"] == community.id
    assert (await Person.get(id=entry.id)).merged_into_id == person.id
    for other in (namesake, stranger):
        assert (await Person.get(id=other.id)).merged_into_id is None
    assert await AuditEntry.exists(action="merge_persons", person_id=person.id)


async def test_an_unverified_phone_links_nobody(api: Api) -> None:
    entry = await persons.create_person(PersonOrigin.ROSTER, real_name="王小明", phone="13800001111")
    person = await create_person()
    await save_details(person.id, phone="13800001111", real_name="王小明")
    assert await links.link_roster_entries(person.id) == 0
    assert (await Person.get(id=entry.id)).merged_into_id is None


async def test_staff_find_and_see_persons_and_leave_a_trace(api: Api) -> None:
    community, other = await create_community(), await create_community()
    staff, outsider = await create_staff(api, community), await create_staff(api, other)
    person = await create_person(community=community)
    await save_details(person.id, real_name="王小明", address="海滨路100号")
    await give_phone(person.id, "13800001111")
    found = await staff.post("/staff/persons/find", {"phone": "138 0000 1111"})
    assert (found["person_id"], found["name"], found["phone"]) == (person.id, "王**", "138****1111")
    await staff.refused("POST", "/staff/persons/find", {"phone": "13811112222"}, code="not_found")
    await staff.refused("POST", "/staff/persons/find", {"phone": "not-a-number"}, code="invalid_fields")
    seen = await staff.get(f"/staff/persons/{person.id}/details")
    assert (seen["real_name"], seen["phone"], seen["address"]) == ("王小明", "13800001111", "海滨路100号")
    await outsider.refused("GET", f"/staff/persons/{person.id}/details", code="not_found")
    assert await AuditEntry.filter(actor_id=staff.person_id, action="find_person").count() == 2
    assert await AuditEntry.exists(
        actor_id=staff.person_id, action="view_person_details", person_id=person.id, organization_id=community.id
    )
    assert not await AuditEntry.exists(actor_id=outsider.person_id)


async def test_only_who_has_business_here_is_found(api: Api) -> None:
    """Whoever only chose the community is found by nobody, and nobody learns that the number is known."""
    community, home = await create_community(), await create_community()
    staff, observer = await create_staff(api, community), await create_staff(api, community, RoleKind.OBSERVER)
    person = await create_person(community=home, is_registered=False)
    await save_details(person.id, real_name="王小明")
    await give_phone(person.id, "13800001111")
    body = {"phone": "13800001111"}
    await observer.refused("POST", "/staff/persons/find", body, code="not_allowed")
    unknown = await staff.refused("POST", "/staff/persons/find", {"phone": "13800002222"}, code="not_found")
    known = await staff.refused("POST", "/staff/persons/find", body, code="not_found")
    assert known["title"] == unknown["title"]
    for who in (staff, await create_staff(api, home)):
        await who.refused("GET", f"/staff/persons/{person.id}/details", code="not_found")
    # At the counter they give both, and the answer is as for somebody new.
    wrong = {"organization_id": community.id, "real_name": "李明", "phone": "13800001111"}
    assert (await staff.post("/staff/persons", wrong, expect=201))["person_id"] != person.id
    known = await staff.post("/staff/persons", wrong | {"real_name": "王小明"}, expect=201)
    assert (known["person_id"], known["nickname"], known["name"]) == (person.id, "", "王**")
    assert (await staff.get(f"/staff/persons/{person.id}/details"))["real_name"] == "王小明"
    # The people of both organizations read of it.
    for action in ("find_person", "register_walk_in", "view_person_details"):
        entries = await AuditEntry.filter(action=action, person_id=person.id)
        assert {entry.organization_id for entry in entries} == {community.id, home.id}, action


async def test_registering_a_walk_in(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    body = {"organization_id": community.id, "real_name": "孙大爷", "phone": "13500001111"}
    first = await staff.post("/staff/persons", body, expect=201)
    again = await staff.post("/staff/persons", body, expect=201)
    assert first["person_id"] == again["person_id"]
    assert (await Person.get(id=first["person_id"])).origin is PersonOrigin.WALK_IN
    assert (await details_of(first["person_id"])).phone == "13500001111"
    outsider = await create_staff(api, await create_community())
    await outsider.refused("POST", "/staff/persons", body, code="not_allowed")
    resident = await create_resident(api, community)
    await resident.refused("POST", "/staff/persons", body, code="not_allowed")


async def test_idempotency(api: Api) -> None:
    caller = await create_resident(api, await create_community())
    body = {"real_name": "李秀英", "relation": "parent", "guardian_consents": True}
    key = "key-for-mother-1"
    answers = await asyncio.gather(*(caller.post("/me/dependants", body, expect=201, key=key) for _ in range(5)))
    assert len({answer["person_id"] for answer in answers}) == 1
    assert len(await caller.get("/me/dependants")) == 1
    changed = await caller.send(
        "POST", "/me/dependants", body | {"real_name": "李秀兰"}, headers={"idempotency-key": key}
    )
    assert (changed.status_code, changed.json()["code"]) == (409, "idempotency_key_reused")
    refused = await caller.send(
        "POST", "/me/dependants", body | {"guardian_consents": False}, headers={"idempotency-key": "another-key-2"}
    )
    assert refused.json()["code"] == "consent_needed"
    await caller.post("/me/dependants", body, expect=201, key="another-key-2")
    somebody = await create_resident(api, await create_community())
    await somebody.post("/me/dependants", body, expect=201, key=key)
    bad = await caller.send("POST", "/me/dependants", body, headers={"idempotency-key": "short"})
    assert bad.status_code == 400
    stored = await fetch_value("SELECT string_agg(encode(answer, 'hex'), '') FROM idempotency_key")
    assert answers[0]["person_id"].encode().hex() not in stored


async def test_role_grants_of_a_merged_person_do_not_double(api: Api) -> None:
    community = await create_community()
    one, two = await create_person(), await create_person()
    await grant(one, community)
    await grant(two, community)
    await merging.merge_persons(one.id, two.id, actor_id=None)
    assert await RoleGrant.filter(person_id=two.id, ended_at=None).count() == 1
