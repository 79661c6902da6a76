"""Somebody comes without having signed up."""

from datetime import timedelta

from server.accounts.models import Person
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.database import fetch_value
from server.organizations.models import RoleKind
from tests.builders import create_community, create_staff, register, told
from tests.clients import Api
from tests.volunteering.builders import create_people, publish_shift


async def test_an_elder_without_a_phone_is_added_while_it_runs(api: Api) -> None:
    people = await create_people(api)
    shift = await publish_shift(people, timedelta(hours=3), capacity=2)
    clock.move_clock(timedelta(hours=3, minutes=20))
    path = f"/staff/shifts/{shift}/sign-ups"
    row = await people.staff.post(path, {"real_name": "孙大爷"}, expect=201)
    assert (row["name"], row["state"], row["signed_up_by_id"]) == ("孙**", "confirmed", people.staff.person_id)
    person = await Person.get(id=row["person_id"])
    assert (person.origin, person.community_id) == ("walk_in", people.community.id)
    entry = await AuditEntry.get(action="add_sign_up")
    assert (entry.person_id, entry.actor_id) == (row["person_id"], people.staff.person_id)
    # Who has a phone is found by it, and in once.
    body = {"real_name": "李敏", "phone": "13800002222"}
    first = await people.staff.post(path, body, expect=201)
    assert await people.staff.post(path, body, expect=201) == first
    await people.staff.refused("POST", path, {"real_name": "周大娘"}, code="shift_full")
    assert await fetch_value("SELECT count(*) FROM person WHERE origin = 'walk_in'") == 2, "nothing half done"


async def test_somebody_known_is_added_whatever_the_rules_say(api: Api) -> None:
    people = await create_people(api)
    shift = await publish_shift(people, activity={"who": {"audience": "members"}})
    other = await publish_shift(people, timedelta(days=3, minutes=30))
    await people.first.refused("POST", f"/shifts/{shift}/sign-ups", {}, code="not_eligible")
    path, body = f"/staff/shifts/{shift}/sign-ups", {"person_id": people.first.person_id}
    await people.staff.post(path, body, expect=201)
    assert await told(people.first) == ["shift_confirmed"]
    assert await told(people.second) == []
    # Nobody is in two places at one time.
    await people.staff.refused("POST", f"/staff/shifts/{other}/sign-ups", body, code="shifts_overlap")
    clock.move_clock(timedelta(days=4))
    await people.staff.refused("POST", path, body, code="shift_started")


async def test_who_may_add_whom(api: Api) -> None:
    people = await create_people(api)
    shift = await publish_shift(people)
    path = f"/staff/shifts/{shift}/sign-ups"
    elsewhere = await create_staff(api, await create_community())
    await elsewhere.refused("POST", path, {"real_name": "孙大爷"}, code="not_found")
    await people.first.refused("POST", path, {"real_name": "孙大爷"}, code="not_found")
    await people.staff.refused("POST", path, {}, code="invalid_fields")
    await people.staff.refused("POST", path, {"person_id": elsewhere.person_id}, code="invalid_fields")
    await register(people.staff.person_id, people.community)
    await people.staff.refused("POST", path, {"person_id": people.staff.person_id}, code="own_matter")
    two = [{"name": "引导员", "capacity": 1}, {"name": "急救员", "capacity": 1}]
    several = await publish_shift(people, timedelta(days=5), roles=two)
    await people.staff.refused("POST", f"/staff/shifts/{several}/sign-ups", {"real_name": "孙大爷"}, code="role_needed")
    grid_worker = await create_staff(api, people.community, RoleKind.GRID_WORKER)
    await grid_worker.post(path, {"real_name": "孙大爷"}, expect=201)
    await people.staff.post(f"/staff/shifts/{shift}/cancel", {"reason": "下雨"})
    await people.staff.refused("POST", path, {"real_name": "周大娘"}, code="wrong_state")
