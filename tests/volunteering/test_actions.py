"""What one could do with a sign-up, an activity or a shift is told before the tap, and comes true."""

from datetime import timedelta
from typing import Any

from server.foundation import clock
from server.organizations.models import RoleKind
from tests.actions import Tries, try_actions
from tests.builders import create_community, create_staff, move_clock_to, told
from tests.clients import Api
from tests.volunteering.builders import WORDS, create_people, draft, publish, shift, sign_up

MINE: Tries = {
    "accept": ("POST", "accept", None),
    "decline": ("POST", "decline", None),
    "cancel": ("POST", "cancel", {}),
    "rate": ("POST", "rating", {"stars": 4}),
}
STAFFS: Tries = {"remove": ("POST", "remove", {"reason": "名额调整"}), "rate": ("POST", "rating", {"stars": 4})}


def of_activity(seen: Any) -> Tries:
    tomorrow = {"roles": [{"name": seen["shifts"][0]["roles"][0]["name"], "capacity": 1}]}
    return {
        "change": ("PUT", "", {"version": seen["version"], "words": WORDS}),
        "submit": ("POST", "submit", None),
        "return": ("POST", "return", {"reason": "请补充集合地点"}),
        "publish": ("POST", "publish", {"version": seen["version"]}),
        "add_shifts": ("POST", "shifts", {"shifts": [shift(timedelta(days=9)) | tomorrow]}),
        "cancel": ("POST", "cancel", {"reason": "天气原因"}),
    }


async def test_of_a_sign_up(api: Api) -> None:
    people = await create_people(api)
    activity = await publish(people.staff, people.community.id, shift(timedelta(days=2), capacity=1))
    (its,) = activity["shifts"]
    mine, waiting = [
        f"/sign-ups/{(await sign_up(each, its['id']))['sign_up']['id']}" for each in (people.first, people.second)
    ]
    of = f"/staff/activities/{activity['id']}"
    elsewhere = await create_staff(api, await create_community())

    async def of_staff(sign_up: str) -> str:
        return await try_actions(people.staff, f"/staff{sign_up}", STAFFS, shown=of)

    assert await try_actions(people.first, mine, MINE) == "cancel rate:not_attended"
    assert await try_actions(people.second, waiting, MINE) == "cancel rate:not_attended"
    assert [await of_staff(each) for each in (mine, waiting)] == ["remove rate:not_attended"] * 2
    await people.third.refused("GET", f"{mine}/actions", code="not_found")
    await elsewhere.refused("GET", f"/staff{mine}/actions", code="not_found")
    await people.first.refused("GET", f"/staff{mine}/actions", code="not_found")
    assert await told(people.first) == ["shift_confirmed"]
    # Close to the beginning, a place that becomes free is offered.
    starts_at = clock.now() + timedelta(days=2)
    move_clock_to(starts_at - timedelta(hours=12))
    await people.first.post(f"{mine}/cancel", {})
    assert await try_actions(people.first, mine, MINE) == "rate:not_attended"
    assert await of_staff(mine) == "rate:not_attended"
    assert await try_actions(people.second, waiting, MINE) == "accept decline cancel rate:not_attended"
    told_of_shift = [(each["action"], each["ok"]) for each in await people.second.get(f"/shifts/{its['id']}/actions")]
    assert told_of_shift == [("accept", True), ("decline", True), ("cancel", True)]
    await people.second.post(f"{waiting}/accept")
    move_clock_to(starts_at + timedelta(minutes=5))
    assert await try_actions(people.second, waiting, MINE) == "cancel:shift_started rate:not_attended"
    assert await of_staff(waiting) == "remove:shift_started rate:not_attended"
    move_clock_to(starts_at + timedelta(hours=3))
    confirmed = {"persons": [{"sign_up_id": waiting.removeprefix("/sign-ups/"), "minutes": 60}]}
    await people.staff.post(f"/staff/shifts/{its['id']}/attendance", confirmed)
    ratings = f"/shifts/{its['id']}/ratings"
    assert await try_actions(people.second, waiting, MINE, shown=ratings) == "cancel:shift_started rate"
    of_volunteers = f"/staff/shifts/{its['id']}/ratings"
    assert (
        await try_actions(people.staff, f"/staff{waiting}", STAFFS, shown=of_volunteers) == "remove:shift_started rate"
    )
    for side in (people.second, waiting), (people.staff, f"/staff{waiting}"):
        await side[0].post(f"{side[1]}/rating", {"stars": 5})
    assert await try_actions(people.second, waiting, MINE) == "cancel:shift_started rate:already_rated"
    move_clock_to(starts_at + timedelta(days=40))
    assert await try_actions(people.second, waiting, MINE) == "cancel:shift_started rate:rating_closed"


async def test_of_an_activity(api: Api) -> None:
    people = await create_people(api)
    seen = await draft(people.staff, people.community.id, shift())
    path = f"/staff/activities/{seen['id']}"
    reviewer, observer = (
        await create_staff(api, people.community),
        await create_staff(api, people.community, RoleKind.OBSERVER),
    )

    async def told_to(who: Api) -> str:
        return await try_actions(who, path, of_activity(await who.get(path)))

    assert await told_to(people.staff) == "change submit add_shifts cancel"
    assert await told_to(observer) == ""
    await people.first.refused("GET", f"{path}/actions", code="not_found")
    await people.staff.post(f"{path}/submit")
    assert await told_to(people.staff) == "change return publish:own_matter add_shifts cancel"
    assert await told_to(reviewer) == "change return publish add_shifts cancel"
    assert await told(reviewer) == ["activity_to_review"]
    await reviewer.post(f"{path}/publish", {"version": (await reviewer.get(path))["version"]})
    assert await told_to(people.staff) == "change add_shifts cancel"
    await people.staff.post(f"{path}/cancel", {"reason": "天气原因"})
    ended = "change:wrong_state add_shifts:wrong_state cancel:wrong_state"
    assert await told_to(people.staff) == ended
    late = await draft(people.staff, people.community.id, shift(timedelta(hours=2)))
    await people.staff.post(f"/staff/activities/{late['id']}/submit")
    move_clock_to(clock.now() + timedelta(hours=5))
    path = f"/staff/activities/{late['id']}"
    assert "publish:wrong_state" in await told_to(reviewer)


async def test_of_a_shift_for_those_who_run_it(api: Api) -> None:
    people = await create_people(api)
    activity = await publish(people.staff, people.community.id, shift(timedelta(days=2), capacity=1))
    (its,) = activity["shifts"]
    path, role = f"/staff/shifts/{its['id']}", its["roles"][0]["id"]

    async def told_to(who: Api) -> str:
        version = (await people.staff.get(path))["shift"]["version"]
        tries: Tries = {
            "change": ("PATCH", "", {"version": version}),
            "cancel": ("POST", "cancel", {"reason": "天气原因"}),
            "change_capacity": ("PUT", f"/staff/shift-roles/{role}/capacity", {"capacity": 5}),
            "add_sign_up": ("POST", "sign-ups", {"real_name": "李大爷"}),
        }
        return await try_actions(who, path, tries)

    assert await told_to(people.staff) == "change cancel change_capacity add_sign_up"
    observer = await create_staff(api, people.community, RoleKind.OBSERVER)
    assert await told_to(observer) == ""
    await people.first.refused("GET", f"{path}/actions", code="not_found")
    await sign_up(people.first, its["id"])
    assert await told_to(people.staff) == "change cancel change_capacity add_sign_up:shift_full"
    starts_at = clock.now() + timedelta(days=2)
    move_clock_to(starts_at + timedelta(minutes=30))
    assert await told_to(people.staff) == "change:wrong_state cancel change_capacity add_sign_up:shift_full"
    move_clock_to(starts_at + timedelta(hours=3))
    assert (
        await told_to(people.staff) == "change:wrong_state cancel:wrong_state change_capacity add_sign_up:shift_started"
    )
