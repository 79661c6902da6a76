"""Who may come: each rule lets the right people in, and a refusal says which rule it was."""

from datetime import date, timedelta
from typing import Any

import pytest

from server.accounts.models import ConsentKind
from server.foundation import clock
from server.foundation.dates import today
from server.foundation.ids import new_id
from server.members.memberships import ToldMembership, register_membership
from server.members.models import MemberKind
from server.organizations.models import Level, PartyOrganization, RoleKind
from server.service_record import recording as service_record
from server.service_record.recording import Belonging, record_service
from tests.builders import agree, create_organization, create_person, create_resident, grant, sign_in
from tests.clients import Api
from tests.volunteering.builders import WORDS, People, create_family, create_people, publish_shift, sign_up


async def refused(person: Api, shift_id: str, rule: str, **body: Any) -> str:
    """That the person is not let in by this rule; the words for it."""
    problem = await person.refused("POST", f"/shifts/{shift_id}/sign-ups", body, code="not_eligible")
    assert problem["rule"] == rule
    detail: str = problem["detail"]
    return detail


async def open_to(people: People, **who: Any) -> str:
    return await publish_shift(people, capacity=20, activity={"who": who})


async def become_member(person_id: str, home: PartyOrganization) -> None:
    await agree(person_id, ConsentKind.MEMBERSHIP_DATA)
    await register_membership(person_id, ToldMembership(kind=MemberKind.IN_SERVICE, home_organization_id=home.id))


async def create_party_organization(**columns: Any) -> PartyOrganization:
    party_id = new_id()
    return await PartyOrganization.create(id=party_id, name="第一党支部", path=party_id, **columns)


async def test_volunteers(api: Api) -> None:
    people = await create_people(api)
    shift_id = await open_to(people, audience="volunteers")
    assert "志愿者" in await refused(people.first, shift_id, "audience")
    await agree(people.first.person_id, ConsentKind.VOLUNTEER_TERMS)
    await sign_up(people.first, shift_id)


async def test_members(api: Api) -> None:
    people = await create_people(api)
    shift_id = await open_to(people, audience="members")
    assert await refused(people.first, shift_id, "audience") == "仅限党员"
    await become_member(people.first.person_id, await create_party_organization())
    await sign_up(people.first, shift_id)


async def test_the_people_of_a_unit(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    people = await create_people(api)
    unit, other = [
        await create_organization(Level.UNIT, parent=people.community, name=name) for name in ("中医院", "一中")
    ]
    shift_id = await open_to(people, audience="unit", unit_id=unit.id)
    liaison = await create_person(community=people.community)
    await grant(liaison, other, RoleKind.LIAISON)
    await become_member(people.first.person_id, await create_party_organization(host=other))
    for person in (people.first, people.third, await sign_in(api, liaison)):
        assert "中医院" in await refused(person, shift_id, "audience")
    # By a role there, by where the membership is kept, by what the ledger knows.
    await grant(liaison, unit, RoleKind.LIAISON)
    await sign_up(await sign_in(api, liaison), shift_id)
    await become_member(people.second.person_id, await create_party_organization(host=unit))
    await sign_up(people.second, shift_id)

    async def works_there(person_id: str) -> Belonging:
        return Belonging(unit_id=unit.id if person_id == people.third.person_id else None)

    monkeypatch.setattr(service_record, "BELONGING", [works_there])
    monkeypatch.setattr("server.volunteering.sign_ups.eligibility.BELONGING", [works_there])
    await sign_up(people.third, shift_id)


async def test_ages_are_those_on_the_day(api: Api) -> None:
    people = await create_people(api)
    day = clock.shanghai(clock.now() + timedelta(days=3)).date()

    async def born(birthday: date) -> Api:
        return await sign_in(api, await create_person(community=people.community, birth_date=birthday))

    def years_before(years: int, days: int = 0) -> date:
        # Not the 29th of February, which most years do not have.
        start = day if (day.month, day.day) != (2, 29) else day - timedelta(days=1)
        return start.replace(year=start.year - years) + timedelta(days=days)

    shift_id = await open_to(people, min_age=18, max_age=60)
    assert "出生日期" in await refused(people.first, shift_id, "age")
    assert "限 18 至 60 岁" in await refused(await born(years_before(18, days=1)), shift_id, "age")
    assert "当天 61 岁" in await refused(await born(years_before(61)), shift_id, "age")
    for birthday in (years_before(18), years_before(61, days=1)):
        await sign_up(await born(birthday), shift_id)
    young = await open_to(people, max_age=12)
    assert "12 岁及以下" in await refused(await born(years_before(13)), young, "age")
    old = await open_to(people, min_age=60)
    assert "60 岁及以上" in await refused(await born(years_before(59)), old, "age")


async def test_skills_of_the_activity_and_of_the_role(api: Api) -> None:
    people = await create_people(api)
    roles = [{"name": "护士", "capacity": 2, "needed_skill": "护理"}, {"name": "帮手", "capacity": 5}]
    shift_id = await publish_shift(people, roles=roles)
    seen = await people.first.get("/activities")
    shown = (await people.first.get(f"/activities/{seen['items'][0]['id']}"))["shifts"][0]["roles"]
    nurse, helper = [role["id"] for role in shown]
    assert "护理" in await refused(people.first, shift_id, "skill", shift_role_id=nurse)
    kept = await people.first.put("/me/skills", {"skills": [" 护理 ", "CPR", "护理"]})
    assert kept == {"skills": ["cpr", "护理"]}
    await people.first.post(f"/shifts/{shift_id}/sign-ups", {"shift_role_id": nurse}, expect=201)
    await people.second.post(f"/shifts/{shift_id}/sign-ups", {"shift_role_id": helper}, expect=201)

    for_all = await publish_shift(people, timedelta(days=5), activity={"who": {"needed_skill": "Cpr"}})
    await sign_up(people.first, for_all)
    assert "Cpr" in await refused(people.second, for_all, "skill")
    assert await people.first.put("/me/skills", {"skills": []}) == {"skills": []}
    assert await people.first.get("/me/skills") == {"skills": []}
    await people.first.refused("PUT", "/me/skills", {"skills": ["很"] * 21}, code="invalid_fields")


async def test_minutes_of_service(api: Api) -> None:
    people = await create_people(api)
    shift_id = await open_to(people, min_minutes=600)
    assert await refused(people.first, shift_id, "minutes") == "需累计服务满 10 小时，您目前有 0 小时"

    async def serve(minutes: int) -> None:
        await record_service(
            people.first.person_id,
            rule="shift_attended",
            source=("sign_up", new_id()),
            minutes=minutes,
            occurred_at=clock.now(),
        )

    await serve(570)
    assert "目前有 9.5 小时" in await refused(people.first, shift_id, "minutes")
    await serve(30)
    await sign_up(people.first, shift_id)


async def test_every_one_of_a_family_has_to_be_eligible(api: Api) -> None:
    people = await create_people(api)
    shift_id = await open_to(people, max_age=12)
    child, elder = await create_family(people.first, today() - timedelta(days=2000), today() - timedelta(days=25000))
    detail = await refused(people.first, shift_id, "age", family_ids=[child])
    assert "家人" not in detail, "it is the one who signs up who is too old"
    family_day = await publish_shift(people, timedelta(days=6), activity={"who": {"max_age": 60}}, capacity=5)
    adult = await sign_in(api, await create_person(community=people.community, birth_date=date(1990, 5, 1)))
    child, elder = await create_family(adult, today() - timedelta(days=2000), today() - timedelta(days=25000))
    problem = await adult.refused(
        "POST", f"/shifts/{family_day}/sign-ups", {"family_ids": [child, elder]}, code="not_eligible"
    )
    assert problem["person_id"] == elder
    assert problem["detail"].startswith("家人 ")
    await sign_up(adult, family_day, child)


async def test_published_rules_hold_for_those_who_come_later(api: Api) -> None:
    people = await create_people(api)
    shift_id = await open_to(people)
    await sign_up(people.first, shift_id)
    [item] = (await people.staff.get("/staff/activities", organization_id=people.community.id))["items"]
    body = {"version": item["version"], "words": WORDS, "who": {"audience": "volunteers"}}
    await people.staff.put(f"/staff/activities/{item['id']}", body)
    await refused(people.second, shift_id, "audience")
    await sign_up(people.first, shift_id)
    stranger = await create_resident(api, people.community)
    await refused(stranger, shift_id, "audience")
