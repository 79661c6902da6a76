"""How many statements a request asks PostgreSQL: that there are few is what makes a city's eight o'clock fast."""

from datetime import timedelta
from typing import Any

from server.foundation import clock
from server.wishes.models import WishState
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.neighbor_center.builders import at, book, create_service, set_clock
from tests.plans import listening
from tests.volunteering.builders import code_of, publish, publish_shift, sign_up
from tests.volunteering.builders import create_people as create_residents
from tests.wishes.builders import create_people, put_wish


async def statements_of(caller: Api, method: str, path: str, body: Any = None) -> int:
    """Those of a request of somebody whom this process has just seen, a write's BEGIN and COMMIT included."""
    await caller.get("/me")
    with listening(to_all=True) as asked:
        response = await caller.send(method, path, body)
    assert response.is_success, response.text
    return len(asked)


async def test_of_wishes(api: Api) -> None:
    people = await create_people(api)
    wishes = [await put_wish(people, WishState.PUBLISHED) for _ in range(21)]
    assert await statements_of(people.claimer, "GET", "/wishes") <= 1
    assert await statements_of(people.claimer, "GET", f"/wishes/{wishes[0]}") <= 1
    assert await statements_of(people.claimer, "POST", f"/wishes/{wishes[0]}/claim", {}) <= 10
    assert await statements_of(people.claimer, "GET", f"/wishes/{wishes[0]}") <= 2


async def test_of_activities(api: Api) -> None:
    people = await create_residents(api)
    shown = [await publish(people.staff, people.community.id) for _ in range(3)]
    shift_id = shown[0]["shifts"][0]["id"]
    assert await statements_of(people.first, "GET", "/activities") <= 1
    assert await statements_of(people.first, "GET", f"/activities/{shown[0]['id']}") <= 2
    assert await statements_of(people.first, "POST", f"/shifts/{shift_id}/sign-ups", {}) <= 10


async def test_of_attendance(api: Api) -> None:
    people = await create_residents(api)
    shift_id = await publish_shift(people, timedelta(hours=3))
    await sign_up(people.first, shift_id)
    clock.move_clock(timedelta(hours=3))
    there = {"code": await code_of(people.staff, shift_id)}
    assert await statements_of(people.first, "POST", f"/shifts/{shift_id}/sign-in", there) <= 8
    there = {"code": await code_of(people.staff, shift_id, "out")}
    assert await statements_of(people.first, "POST", f"/shifts/{shift_id}/sign-out", there) <= 8


async def test_of_bookings(api: Api) -> None:
    set_clock("08:00")
    community = await create_community()
    service = await create_service(community, capacity=2)
    # Who comes first finds no slot yet, which is made for them.
    await book(await create_resident(api, community), service)
    resident = await create_resident(api, community)
    path, wanted = f"/services/{service.id}/bookings", {"starts_at": at("09:00")}
    assert await statements_of(resident, "POST", path, wanted) <= 10
    waiting = await create_resident(api, community)
    assert await statements_of(waiting, "POST", path, wanted | {"wait": True}) <= 11


async def test_of_a_persons_own_pages(api: Api) -> None:
    people = await create_people(api)
    await put_wish(people, WishState.PUBLISHED)
    assert await statements_of(people.claimer, "GET", "/me/home") <= 3
    assert await statements_of(people.claimer, "GET", "/me/inbox") <= 2
