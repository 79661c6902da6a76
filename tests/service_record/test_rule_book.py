"""The rules of points: changed by the city's managers only, by new versions, with their history."""

import asyncio
from datetime import timedelta
from typing import Any

from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.ids import new_id
from server.organizations.models import Level, RoleKind
from server.service_record.models import ServiceRule
from server.service_record.queries import service_totals
from server.service_record.recording import record_service
from server.service_record.rules import DEFAULT_RULES
from tests.builders import create_community, create_organization, create_resident, create_staff
from tests.clients import Api

RULE = "/staff/points/rules/wish_fulfilled"


def body(version: int = 1, **changes: Any) -> dict[str, Any]:
    return {"version": version, "name": "完成微心愿", "points_per_event": 20, "points_per_hour": 0} | changes


async def fulfil(person_id: str) -> int:
    entry = await record_service(
        person_id, rule="wish_fulfilled", source=("wish_claim", new_id()), occurred_at=clock.now()
    )
    return entry.points


async def test_a_change_is_a_new_version_and_the_old_one_stays(api: Api) -> None:
    city = await create_organization(Level.CITY)
    manager = await create_staff(api, city, RoleKind.MANAGER)
    person = new_id()
    assert await fulfil(person) == 10
    versions = await manager.put(RULE, body(daily_cap=50, monthly_cap=200))
    assert [(version["version"], version["points_per_event"], version["is_in_force"]) for version in versions] == [
        (2, 20, True),
        (1, 10, False),
    ]
    assert versions[0]["daily_cap"] == 50
    assert versions[0]["changed_by"]
    assert versions[1]["changed_by"] == ""
    assert [await fulfil(person) for _ in range(3)] == [20, 20, 0]
    # No balance is edited: what was recorded before keeps its points.
    assert (await service_totals(person)).points == 50
    entry = await AuditEntry.get(action="change_service_rule")
    assert (entry.actor_id, entry.details) == (manager.person_id, {"code": "wish_fulfilled", "version": 2})


async def test_a_rule_may_change_on_a_later_day(api: Api) -> None:
    city = await create_organization(Level.CITY)
    manager = await create_staff(api, city, RoleKind.MANAGER)
    resident = await create_resident(api, await create_community())
    later = clock.now() + timedelta(days=10)
    versions = await manager.put(RULE, body(valid_from=later.isoformat()))
    assert [version["is_in_force"] for version in versions] == [False, True]
    assert await fulfil(resident.person_id) == 10
    rules = {rule["code"]: rule for rule in await resident.get("/points/rules")}
    assert (rules["wish_fulfilled"]["points_per_event"], rules["wish_fulfilled"]["version"]) == (10, 2)
    clock.move_clock(timedelta(days=10, minutes=1))
    assert await fulfil(resident.person_id) == 20
    # A newer version also replaces one that is yet to come.
    clock.move_clock(timedelta())
    await manager.put(RULE, body(2, points_per_event=7))
    clock.move_clock(timedelta(days=11))
    assert await fulfil(resident.person_id) == 7
    for moment in (clock.now() - timedelta(minutes=5), clock.now() + timedelta(days=400)):
        await manager.refused("PUT", RULE, body(3, valid_from=moment.isoformat()), code="invalid_fields")


async def test_only_the_citys_managers_change_rules(api: Api) -> None:
    city = await create_organization(Level.CITY)
    district = await create_organization(Level.DISTRICT, parent=city)
    for organization, kind in ((city, RoleKind.STAFF), (city, RoleKind.OBSERVER), (district, RoleKind.MANAGER)):
        worker = await create_staff(api, organization, kind)
        await worker.refused("PUT", RULE, body(), code="not_allowed")
        # Reading the history is for everybody who works here.
        assert len(await worker.get(RULE)) == 1
    resident = await create_resident(api, await create_community())
    await resident.refused("PUT", RULE, body(), code="not_allowed")
    await resident.refused("GET", RULE, code="not_allowed")
    assert len(await resident.get("/points/rules")) == len(DEFAULT_RULES)
    assert await ServiceRule.filter(version=2).count() == 0


async def test_unknown_rules_and_impossible_values(api: Api) -> None:
    manager = await create_staff(api, await create_organization(Level.CITY), RoleKind.MANAGER)
    await manager.refused("PUT", "/staff/points/rules/nothing", body(), code="not_found")
    await manager.refused("GET", "/staff/points/rules/nothing", code="not_found")
    for wrong in ({"points_per_event": -1}, {"daily_cap": -1}, {"points_per_hour": 1001}, {"name": ""}):
        await manager.refused("PUT", RULE, body(**wrong), code="invalid_fields")


async def test_two_managers_at_once_make_one_version(api: Api) -> None:
    city = await create_organization(Level.CITY)
    managers = [await create_staff(api, city, RoleKind.MANAGER) for _ in range(3)]
    answers = await asyncio.gather(*(manager.send("PUT", RULE, body()) for manager in managers))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"edited_meanwhile"}
    await managers[0].refused("PUT", RULE, body(1), code="edited_meanwhile")
    assert await ServiceRule.filter(code="wish_fulfilled").count() == 2
