"""What a team's or a shift's leader writes on a phone is read by the content check before others see it."""

from datetime import timedelta
from typing import Any

import pytest

from server.accounts.models import ConsentKind
from server.teams.models import Team
from server.volunteering.reasons import WITHHELD
from tests.builders import agree
from tests.clients import Api
from tests.simulator import Simulator
from tests.volunteering.attendance.builders import attended_shift, confirm
from tests.volunteering.builders import People, activity, create_people, shift, sign_up

GOOD, BAD = "台风将至，改期另行通知", "【违规】"


@pytest.fixture
async def people(api: Api) -> People:
    return await create_people(api)


async def led_by_first(people: People, simulator: Simulator) -> Any:
    """A published activity of a team that the first person leads."""
    leader = people.first
    await agree(leader.person_id, ConsentKind.VOLUNTEER_TERMS)
    team = await leader.post("/teams", {"name": "海鸥志愿队"}, expect=201)
    await Team.filter(id=team["id"]).update(shown_name="海鸥志愿队")
    body = activity("", shift(), shift(timedelta(days=5)), team_id=team["id"]) | {"organizer_id": None}
    made = await leader.post("/staff/activities", body, expect=201)
    submitted = await leader.post(f"/staff/activities/{made['id']}/submit")
    await simulator.settle()
    return await people.staff.post(f"/staff/activities/{made['id']}/publish", {"version": submitted["version"]})


async def newest_message(person: Api) -> str:
    text: str = (await person.inbox())[0]["text"]
    return text


@pytest.mark.parametrize(("words", "shown"), [(GOOD, GOOD), (BAD, WITHHELD)])
async def test_why_a_leader_calls_a_shift_or_all_off(
    api: Api, simulator: Simulator, people: People, words: str, shown: str
) -> None:
    made = await led_by_first(people, simulator)
    first, second = (each["id"] for each in made["shifts"])
    await sign_up(people.second, first)
    await sign_up(people.second, second)
    await people.first.post(f"/staff/shifts/{first}/cancel", {"reason": words})
    assert WITHHELD in await newest_message(people.second), "told at once, without the words"
    assert words not in await newest_message(people.second)
    await simulator.settle()
    assert shown in await newest_message(people.second)
    seen = await people.second.get(f"/activities/{made['id']}")
    assert [each["reason"] for each in seen["shifts"]] == [shown, ""]
    assert shown in seen["shifts"][0]["mine"]["why"]

    await people.first.post(f"/staff/activities/{made['id']}/cancel", {"reason": words})
    assert WITHHELD in await newest_message(people.second)
    await simulator.settle()
    assert shown in await newest_message(people.second)
    seen = await people.second.get(f"/activities/{made['id']}")
    assert [seen["reason"], seen["shifts"][1]["reason"]] == [shown, shown]


@pytest.mark.parametrize(("words", "shown"), [(GOOD, GOOD), (BAD, WITHHELD)])
async def test_why_a_leader_takes_somebody_out(
    api: Api, simulator: Simulator, people: People, words: str, shown: str
) -> None:
    made = await led_by_first(people, simulator)
    mine = (await sign_up(people.second, made["shifts"][0]["id"]))["sign_up"]["id"]
    await people.first.post(f"/staff/sign-ups/{mine}/remove", {"reason": words})
    assert WITHHELD in await newest_message(people.second)
    await simulator.settle()
    assert shown in await newest_message(people.second)
    [card] = (await people.second.get("/me/sign-ups"))["items"]
    assert shown in card["sign_up"]["why"]


async def test_what_staff_write_is_shown_at_once(api: Api, simulator: Simulator, people: People) -> None:
    made = await led_by_first(people, simulator)
    await sign_up(people.second, made["shifts"][0]["id"])
    await people.staff.post(f"/staff/activities/{made['id']}/cancel", {"reason": GOOD})
    assert GOOD in await newest_message(people.second)


async def test_why_a_shifts_leader_corrects_hours(api: Api, simulator: Simulator, people: People) -> None:
    shift_id, mine = await attended_shift(api, people, leader_id=people.third.person_id)
    await confirm(people.staff, shift_id, {"sign_up_id": mine, "minutes": 120})
    [old] = (await people.first.get("/me/hours"))["items"]
    body = {"minutes": 60, "reason": "【复核】提前离开"}
    made = await people.third.post(f"/staff/hours/{old['id']}/correct", body)
    assert WITHHELD in await newest_message(people.first)
    await simulator.settle()
    for_staff = (await people.staff.get("/staff/hours", organization_id=people.community.id, state="effective"))[
        "items"
    ]
    assert [each["reason"] for each in for_staff] == [body["reason"]]
    hours = {each["id"]: each["reason"] for each in (await people.first.get("/me/hours"))["items"]}
    assert hours[made["id"]] == WITHHELD
    (held,) = (await people.staff.get("/staff/moderation/held", organization_id=people.community.id))["items"]
    assert held["texts"] == [body["reason"]]
    await people.staff.post(f"/staff/moderation/{held['id']}/decide", {"decision": "pass"})
    hours = {each["id"]: each["reason"] for each in (await people.first.get("/me/hours"))["items"]}
    assert hours[made["id"]] == body["reason"]


async def test_a_leader_adds_shifts_but_no_new_words(api: Api, simulator: Simulator, people: People) -> None:
    made = await led_by_first(people, simulator)
    path = f"/staff/activities/{made['id']}/shifts"
    known = shift(timedelta(days=7))
    await people.first.post(path, {"shifts": [known]}, expect=201)
    for role in ({"name": BAD, "capacity": 1}, {"name": "志愿者", "capacity": 1, "needed_skill": BAD}):
        new = shift(timedelta(days=8), roles=[role])
        await people.first.refused("POST", path, {"shifts": [new]}, code="invalid_fields")
    await people.staff.post(path, {"shifts": [shift(timedelta(days=8), roles=[{"name": "护士", "capacity": 1}])]})
