"""A family entry is what somebody wrote of their family, and nobody's identity."""

import asyncio
from datetime import timedelta

from server.accounts.commands import make_manager
from server.accounts.dependants import FAMILY_LIMIT
from server.accounts.details import save_details
from server.accounts.links import link_roster_entries
from server.accounts.models import Consent, ConsentKind, Dependant, Person, PersonOrigin
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.database import execute
from server.organizations.models import RoleGrant, RoleKind
from tests.builders import create_community, create_person, create_resident, create_staff, give_phone, register, told
from tests.clients import Api
from tests.neighbor_center.builders import at, create_service, set_clock

PHONE = "13800001111"
CHILD = {"real_name": "小红", "relation": "child", "birth_date": "2023-05-01", "guardian_consents": True}
FATHER = {"real_name": "王建国", "relation": "parent", "phone": PHONE, "guardian_consents": True}


async def test_a_contact_finds_nobody(api: Api) -> None:
    community = await create_community()
    guardian, staff = await create_resident(api, community), await create_staff(api, community)
    entry = (await guardian.post("/me/dependants", FATHER, expect=201))["person_id"]
    await staff.refused("POST", "/staff/persons/find", {"phone": PHONE}, code="not_found")

    # What staff register for the man himself is his, and is found although somebody wrote down his number before.
    body = {"organization_id": community.id, "real_name": "王建国", "phone": PHONE}
    registered = await staff.post("/staff/persons", body, expect=201)
    assert registered["person_id"] != entry
    assert (await staff.post("/staff/persons/find", {"phone": PHONE}))["person_id"] == registered["person_id"]

    # Nor does the entry become his when he verifies the number.
    person = await create_person(community=community)
    await save_details(person.id, real_name="王建国")
    await give_phone(person.id, PHONE)
    assert (await staff.post("/staff/persons/find", {"phone": PHONE}))["person_id"] == person.id
    assert (await Person.get(id=entry)).merged_into_id is None


async def test_a_family_entry_is_given_no_role(api: Api) -> None:
    community = await create_community()
    guardian, manager = await create_resident(api, community), await create_staff(api, community, RoleKind.MANAGER)
    entry = (await guardian.post("/me/dependants", FATHER, expect=201))["person_id"]
    await make_manager(PHONE, "王建国", community.code)
    made = await RoleGrant.get(organization_id=community.id, person_id__not=manager.person_id)
    assert (await Person.get(id=made.person_id)).origin is PersonOrigin.ROSTER
    body = {"person_id": entry, "organization_id": community.id, "kind": "staff"}
    await register(entry, community)
    await manager.refused("POST", "/staff/roles", body, code="invalid_fields")
    assert not await RoleGrant.exists(person_id=entry)


async def test_a_family_entry_is_not_merged(api: Api) -> None:
    community = await create_community()
    guardian, manager = await create_resident(api, community), await create_staff(api, community, RoleKind.MANAGER)
    entry = (await guardian.post("/me/dependants", FATHER, expect=201))["person_id"]
    adult = await create_person(community=community)
    await register(entry, community)
    for old, kept in ((entry, adult.id), (adult.id, entry)):
        await manager.refused("POST", f"/staff/persons/{old}/merge", {"into_id": kept}, code="wrong_state")
    assert not await Dependant.exists(person_id=adult.id)
    assert await Person.filter(merged_into_id__isnull=False).count() == 0


async def test_a_child_has_a_birth_date(api: Api) -> None:
    guardian = await create_resident(api, await create_community())
    for relation in ("child", "other"):
        problem = await guardian.refused(
            "POST", "/me/dependants", CHILD | {"relation": relation, "birth_date": None}, code="invalid_fields"
        )
        assert problem["errors"] == [{"field": "birth_date", "problem": "请填写出生日期"}]
    await guardian.refused("POST", "/me/dependants", CHILD | {"birth_date": "2099-01-01"}, code="invalid_fields")
    assert await guardian.get("/me/dependants") == []


async def test_the_same_child_twice_is_one_entry(api: Api) -> None:
    community = await create_community()
    guardian, other = await create_resident(api, community), await create_resident(api, community)
    theirs = await other.post("/me/dependants", CHILD, expect=201)
    answers = await asyncio.gather(*(guardian.post("/me/dependants", CHILD, expect=201) for _ in range(4)))
    again = await guardian.post("/me/dependants", CHILD | {"real_name": " 小 红"}, expect=201)
    assert {answer["person_id"] for answer in answers} == {again["person_id"]}
    assert await guardian.get("/me/dependants") == [again]
    # Another date for the same name would be a second place for one child; a twin has another name.
    await guardian.refused("POST", "/me/dependants", CHILD | {"birth_date": "2023-05-02"}, code="dependant_known")
    await guardian.post("/me/dependants", CHILD | {"real_name": "小兰"}, expect=201)
    assert len(await guardian.get("/me/dependants")) == 2
    assert await other.get("/me/dependants") == [theirs]
    # Whoever was removed may be added with the right date. What had ended before ended then.
    ago = clock.now() - timedelta(days=9)
    known = {"person_id": again["person_id"], "given_by_id": guardian.person_id}
    await Consent.create(**known, kind=ConsentKind.GUARDIAN, text_version="0", given_at=ago, withdrawn_at=ago)
    await guardian.delete(f"/me/dependants/{again['person_id']}", expect=204)
    assert [consent.withdrawn_at == ago for consent in await Consent.filter(**known).order_by("given_at")] == [
        True,
        False,
    ]
    await guardian.post("/me/dependants", CHILD | {"birth_date": "2023-05-02"}, expect=201)


async def test_a_family_has_a_limit(api: Api) -> None:
    guardian = await create_resident(api, await create_community())
    names = [f"小{letter}" for letter in "甲乙丙丁戊己庚辛壬癸子丑"]
    answers = await asyncio.gather(
        *(guardian.send("POST", "/me/dependants", CHILD | {"real_name": name}) for name in names)
    )
    refused = [answer.json()["code"] for answer in answers if answer.status_code != 201]
    assert refused == ["family_full"] * (len(names) - FAMILY_LIMIT)
    family = await guardian.get("/me/dependants")
    assert len(family) == FAMILY_LIMIT
    await guardian.delete(f"/me/dependants/{family[0]['person_id']}", expect=204)
    await guardian.post("/me/dependants", CHILD | {"real_name": "小寅"}, expect=201)


async def test_an_adult_accepts_on_their_own_phone(api: Api) -> None:
    set_clock("08:00")
    community = await create_community()
    guardian, father = await create_resident(api, community, "小王"), await create_resident(api, community, "老王")
    stranger = await create_resident(api, community)
    entry = await guardian.post("/me/dependants", FATHER, expect=201)
    assert entry["is_accepted"] is False
    service = await create_service(community)
    body = {"starts_at": at("09:00"), "person_id": entry["person_id"]}
    await guardian.refused("POST", f"/services/{service.id}/bookings", body, code="not_found")
    await stranger.refused("GET", f"/me/dependants/{entry['person_id']}/code", code="not_found")
    code = {"code": (await guardian.get(f"/me/dependants/{entry['person_id']}/code"))["code"]}
    for wrong in ("x", code["code"][:-2] + "!!", code["code"].replace("guardian.", "team.")):
        await father.refused("POST", "/me/guardians", {"code": wrong}, code="guardian_code_invalid")
    await guardian.refused("POST", "/me/guardians", code, code="wrong_state")
    (view,) = await father.post("/me/guardians", code, expect=201)
    assert (view["person_id"], view["nickname"], view["relation"]) == (guardian.person_id, "小王", "parent")
    assert await father.get("/me/guardians") == [view]
    assert await stranger.get("/me/guardians") == []
    assert (await told(guardian))[-1] == "guardian_accepted"
    (mine,) = await guardian.get("/me/dependants")
    assert (mine["person_id"], mine["is_accepted"]) == (father.person_id, True)
    assert (await Person.get(id=entry["person_id"])).cancelled_at
    await guardian.post(f"/services/{service.id}/bookings", body | {"person_id": father.person_id}, expect=201)
    # A code is good once, and for nobody else.
    await stranger.refused("POST", "/me/guardians", code, code="not_found")
    await stranger.refused("DELETE", f"/me/guardians/{guardian.person_id}", code="not_found")
    # Their own account goes on without the other.
    assert await father.delete(f"/me/guardians/{guardian.person_id}", expect=200) == []
    assert (await told(guardian))[-1] == "guardian_ended"
    assert len((await father.get("/bookings"))["items"]) == 1
    assert await guardian.get("/me/dependants") == []


async def test_a_code_ends(api: Api) -> None:
    community = await create_community()
    guardian, father = await create_resident(api, community), await create_resident(api, community)
    entry = await guardian.post("/me/dependants", FATHER, expect=201)
    code = {"code": (await guardian.get(f"/me/dependants/{entry['person_id']}/code"))["code"]}
    clock.move_clock(timedelta(hours=2))
    await father.refused("POST", "/me/guardians", code, code="guardian_code_invalid")


async def test_an_adult_without_a_phone_agrees_before_staff(api: Api) -> None:
    set_clock("08:00")
    community = await create_community()
    guardian = await create_resident(api, community)
    staff, elsewhere = await create_staff(api, community), await create_staff(api, await create_community())
    observer = await create_staff(api, community, RoleKind.OBSERVER)
    entry = (await guardian.post("/me/dependants", FATHER, expect=201))["person_id"]
    path = f"/staff/persons/{guardian.person_id}/dependants"
    for who in (elsewhere, observer):
        await who.refused("GET", path, code="not_found")
        await who.refused("POST", f"{path}/{entry}/confirm", code="not_found")
    await guardian.refused("GET", path, code="not_allowed")
    assert [(each["person_id"], each["is_accepted"]) for each in await staff.get(path)] == [(entry, False)]
    await staff.refused("POST", f"{path}/{staff.person_id}/confirm", code="own_matter")
    assert (await staff.post(f"{path}/{entry}/confirm", expect=200))["is_accepted"] is True
    await staff.refused("POST", f"{path}/{entry}/confirm", code="wrong_state")
    assert (await told(guardian))[-1] == "guardian_accepted"
    assert (await AuditEntry.get(action="confirm_dependant")).person_id == guardian.person_id
    service = await create_service(community)
    await guardian.post(f"/services/{service.id}/bookings", {"starts_at": at("09:00"), "person_id": entry}, expect=201)


async def test_a_merge_makes_nobody_a_guardian(api: Api) -> None:
    """An entry with a stranger's number made its owner the guardian of a verified adult."""
    community = await create_community()
    guardian, adult = await create_resident(api, community), await create_person(community=community)
    await guardian.post("/me/dependants", FATHER, expect=201)
    await save_details(adult.id, real_name="王建国")
    await give_phone(adult.id, PHONE)
    await link_roster_entries(adult.id)
    assert not await Dependant.exists(person_id=adult.id)


async def test_what_was_written_of_a_family_member_is_corrected(api: Api) -> None:
    guardian, other = (
        await create_resident(api, community := await create_community()),
        await create_resident(api, community),
    )
    child = await guardian.post("/me/dependants", CHILD | {"phone": PHONE}, expect=201)
    bystander = await other.post("/me/dependants", CHILD, expect=201)
    path, told = (
        f"/me/dependants/{child['person_id']}",
        {"real_name": "小虹", "relation": "other", "birth_date": "2023-05-11"},
    )
    changed = await guardian.put(path, told | {"version": child["version"]})
    assert {name: changed[name] for name in ("name", "relation", "birth_date", "phone")} == {
        "name": "小虹",
        "relation": "other",
        "birth_date": "2023-05-11",
        "phone": "",
    }
    assert await guardian.get("/me/dependants") == [changed]
    assert (await other.get("/me/dependants")) == [bystander]
    await guardian.refused("PUT", path, told | {"version": child["version"]}, code="edited_meanwhile")
    now = {"version": changed["version"]}
    await guardian.refused("PUT", path, told | now | {"birth_date": "2000-01-01"}, code="age_group_changed")
    await guardian.refused("PUT", path, told | now | {"birth_date": None}, code="invalid_fields")
    await guardian.refused("PUT", path, told | now | {"birth_date": "2099-01-01"}, code="invalid_fields")
    await other.refused("PUT", path, told | now, code="not_found")
    second = await guardian.post("/me/dependants", CHILD | {"real_name": "小明"}, expect=201)
    again = {"real_name": "小虹", "relation": "child", "birth_date": "2023-05-01", "version": second["version"]}
    await guardian.refused("PUT", f"/me/dependants/{second['person_id']}", again, code="dependant_known")
    await Person.filter(id=child["person_id"]).update(version=now["version"])
    await execute("UPDATE person_details SET name_verified_at = now() WHERE person_id = $1", child["person_id"])
    await guardian.refused("PUT", path, told | now | {"real_name": "小宏"}, code="name_fixed")
    await guardian.put(path, told | now | {"phone": PHONE})


async def test_of_an_adult_with_an_account_the_relation_alone_is_mine(api: Api) -> None:
    guardian = await create_resident(api, community := await create_community())
    adult = await create_person(community=community)
    await save_details(adult.id, real_name="王建国", phone=PHONE)
    await Dependant.create(guardian_id=guardian.person_id, person=adult, relation="spouse", accepted_at=clock.now())
    (known,) = await guardian.get("/me/dependants")
    assert known["phone"] == "", "their own number is theirs to tell"
    path = f"/me/dependants/{adult.id}"
    same = {"real_name": "王建国", "relation": "parent", "birth_date": None, "version": known["version"]}
    assert (await guardian.put(path, same))["relation"] == "parent"
    now = same | {"version": known["version"] + 1}
    for change in ({"real_name": "王国"}, {"phone": "13900001111"}, {"birth_date": "1950-01-01"}):
        await guardian.refused("PUT", path, now | change, code="invalid_fields")
