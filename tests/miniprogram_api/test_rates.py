"""How often the API may be asked: what was measured as abuse is refused, with a time to try again; people are not."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from miniprogram_api import admission
from miniprogram_api.routes import ROUTES
from server.accounts.models import Session
from server.foundation import cache, rates
from server.foundation.errors import Busy, TooManyRequests
from server.foundation.rates import RATES, Group, Rate
from server.foundation.settings import RATE_GROUPS, Settings, parse_rate_limits
from server.foundation.turns import Turns
from tests.builders import create_community, create_resident, create_staff
from tests.clients import Api
from tests.neighbor_center.builders import create_venue
from tests.simulator import Simulator
from tests.volunteering.hours.test_certificates import issue, served_twice
from tests.wishes.builders import content

REVIEWED = RATES[Group.REVIEWED].person
CODES = RATES[Group.CODES].person


@pytest.fixture(autouse=True)
def limits(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in earnest; elsewhere tests may ask as often as they like."""
    monkeypatch.setattr(rates, "_rates", RATES)


def counted(answers: list[httpx.Response]) -> dict[int, int]:
    """How many answers of each status; each 429 tells when to try again."""
    for answer in answers:
        if answer.status_code == 429:
            assert 1 <= int(answer.headers["retry-after"]) <= 3600
            assert answer.json()["code"] == "too_many_requests"
    return dict(Counter(answer.status_code for answer in answers))


async def test_600_reads_at_once(api: Api) -> None:
    community = await create_community()
    resident, bystander = [await create_resident(api, community) for _ in range(2)]
    answers = await asyncio.gather(*(resident.send("GET", "/me/inbox") for _ in range(600)))
    assert counted(answers) == {200: RATES[Group.READ].person, 429: 600 - RATES[Group.READ].person}
    assert max(int(answer.headers.get("retry-after", 0)) for answer in answers) <= RATES[Group.READ].seconds
    # Reading too much stops no writing, and nobody else at the same address.
    await resident.post("/me/inbox/read-all")
    await bystander.get("/me/inbox")
    await api.get("/holidays", year=2026)


async def test_strangers_are_counted_by_their_address(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    # A window that a slow machine does not leave before the last request.
    monkeypatch.setattr(rates, "_rates", RATES | {Group.READ: RATES[Group.READ]._replace(seconds=600)})
    answers = [await api.send("GET", "/holidays") for _ in range(3)]
    assert counted(answers).keys() == {422}  # Counted, although nothing comes of it.
    answers = await asyncio.gather(*(api.send("GET", "/me") for _ in range(220)))
    assert counted(answers) == {401: RATES[Group.READ].address - 3, 429: 23}


async def test_150_complaints(api: Api) -> None:
    community = await create_community()
    venue = await create_venue(community)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    path = f"/venues/{venue.id}/complaints"
    answers = [await resident.send("POST", path, {"text": f"第 {number} 次无人接待"}) for number in range(REVIEWED + 2)]
    assert counted(answers) == {201: REVIEWED, 429: 2}
    # At the counter staff write for others.
    answers = [await staff.send("POST", path, {"text": "代为反映"}) for _ in range(REVIEWED + 2)]
    assert counted(answers) == {201: REVIEWED + 2}


async def test_80_wishes_into_review(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_rates", RATES | {Group.REVIEWED: Rate(3600, 2, 2)})
    resident = await create_resident(api, await create_community())
    drafts = [await resident.post("/wishes", content(), expect=201) for _ in range(3)]
    answers = [await resident.send("POST", f"/wishes/{draft['id']}/submit") for draft in drafts]
    assert counted(answers) == {200: 2, 429: 1}


@pytest.mark.parametrize("at_once", [False, True])
async def test_200_guesses_of_arrival_codes(api: Api, at_once: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "_codes", Turns(1, most=300))
    community = await create_community()
    resident, bystander = [await create_resident(api, community) for _ in range(2)]
    guesses = [resident.send("POST", "/arrivals", {"code": f"LV1.guess{number}"}) for number in range(200)]
    answers = await asyncio.gather(*guesses) if at_once else [await guess for guess in guesses]
    refused = counted(answers)
    assert refused[429] == 200 - CODES
    assert sum(refused.values()) == 200
    await bystander.refused("POST", "/arrivals", {"code": "LV1.x"}, code="venue_code_invalid")


async def test_right_codes_do_not_count(api: Api) -> None:
    people = await served_twice(api)
    made = await issue(people.first)
    for _ in range(RATES[Group.CODES].address + 5):
        await api.get("/certificates/verification", number=made["number"], code=made["code"])
    wrong = {"number": made["number"], "code": "AAAAAAAA"}
    pages = [await api.send("GET", "/certificates/check", params=wrong) for _ in range(RATES[Group.CODES].address)]
    assert counted(pages) == {404: RATES[Group.CODES].address}
    assert counted([await api.send("GET", "/certificates/verification", params=wrong)]) == {429: 1}


async def test_75_people_behind_one_wifi_sign_in(api: Api, simulator: Simulator) -> None:
    codes = [await simulator.login_code(f"openid-{number}") for number in range(75)]
    answers = await asyncio.gather(*(api.send("POST", "/sessions", {"code": code}) for code in codes))
    assert counted(answers) == {201: 75}


async def test_an_attacker_does_not_lock_an_address_out(
    api: Api, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "_rates", RATES | {Group.SIGN_IN: Rate(60, 5, 5)})
    refused = [await api.send("POST", "/sessions", {"code": f"guess-{number}"}) for number in range(6)]
    assert counted(refused).keys() == {422}
    # From now on they sign in one by one, however many try at once; who comes when the line is long tries again.
    code = await simulator.login_code("openid-good")
    guesses = [asyncio.create_task(api.send("POST", "/sessions", {"code": f"more-{number}"})) for number in range(10)]
    assert (await api.send("POST", "/sessions", {"code": code})).status_code == 201
    assert counted(await asyncio.gather(*guesses)) == {422: 10}
    monkeypatch.setattr(admission, "_sign_ins", Turns(1, most=3))
    async with admission._sign_ins.take("127.0.0.1"):
        flood = [asyncio.create_task(api.send("POST", "/sessions", {"code": f"flood-{n}"})) for n in range(10)]
        while sum(task.done() for task in flood) < 7:
            await asyncio.sleep(0.01)
    assert counted(await asyncio.gather(*flood)) == {422: 3, 429: 7}
    assert await Session.all().count() == 1


async def test_all_processes_count_together(api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    resident = await create_resident(api, await create_community())
    await asyncio.gather(*(resident.get("/me/inbox") for _ in range(RATES[Group.READ].person)))
    rates.connect(settings)  # as another process
    monkeypatch.setattr(rates, "_rates", RATES)
    assert counted([await resident.send("GET", "/me/inbox")]) == {429: 1}


async def test_limits_count_on_without_the_cache(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_client", None)
    resident = await create_resident(api, await create_community())
    answers = await asyncio.gather(*(resident.send("GET", "/me/inbox") for _ in range(150)))
    assert counted(answers) == {200: RATES[Group.READ].person, 429: 150 - RATES[Group.READ].person}


async def test_300_numbers_looked_for(api: Api) -> None:
    community = await create_community()
    staff, colleague = await create_staff(api, community), await create_staff(api, community)
    numbers = [{"phone": f"138{number:08}"} for number in range(300)]
    answers = await asyncio.gather(*(staff.send("POST", "/staff/persons/find", body) for body in numbers))
    found = RATES[Group.FINDING].person
    assert counted(answers) == {404: found, 429: 300 - found}
    await colleague.refused("POST", "/staff/persons/find", numbers[0], code="not_found")


async def test_one_household_is_one_address() -> None:
    assert rates.network_of("2001:db8:1:2:3::4") == rates.network_of("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert rates.network_of("192.0.2.7") == "192.0.2.7"
    assert rates.network_of("") == ""


def test_settings_can_change_every_limit() -> None:
    assert set(RATE_GROUPS) == set(Group) == set(RATES)
    assert parse_rate_limits("read=1/2, codes=3/4") == {"read": (1, 2), "codes": (3, 4)}
    assert parse_rate_limits("") == {}
    for wrong in ("read", "read=1", "read=0/1", "other=1/2", "read=1/2,read=1/2", "read=-1/2", "read=1/2000000"):
        with pytest.raises(ValueError, match=r"must be like|needs numbers"):
            parse_rate_limits(wrong)


def test_every_route_is_counted() -> None:
    assert {route.group for route in ROUTES} == set(Group)
    for route in ROUTES:
        assert (route.group is Group.READ) <= (route.method == "GET"), route.operation_id


async def test_turns_are_taken_in_order() -> None:
    turns, seen = Turns(2, most=1), []
    release = asyncio.Event()

    async def come(name: str) -> None:
        async with turns.take("key"):
            seen.append(name)
            await release.wait()

    coming = [asyncio.create_task(come(name)) for name in ("first", "second", "third")]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert seen == ["first", "second"]
    with pytest.raises(TooManyRequests):
        async with turns.take("key"):
            pass
    async with turns.take("another"):
        release.set()
    await asyncio.gather(*coming)
    assert seen == ["first", "second", "third"]
    del coming
    assert not turns._lines


async def test_a_turn_that_takes_too_long() -> None:
    turns = Turns(1, most=1, seconds=0.01)
    async with turns.take("key"):
        with pytest.raises(Busy):
            async with turns.take("key"):
                pass
    async with turns.take("key"):
        pass


async def test_who_has_not_asked_for_long_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    counter, now = rates._InMemory(), 1_000_000.0
    monkeypatch.setattr("server.foundation.rates.time.time", lambda: now)
    item = rates._item(Group.READ, 2, 10)
    for number in range(rates._MOST_COUNTED):
        assert await counter.hit(item, f"person-{number}")
    assert [await counter.hit(item, "person-0") for _ in range(3)] == [True, False, False]
    now += 10
    assert await counter.hit(item, "person-0")  # A window that moves: the first two have left it.
    now += max(rate.seconds for rate in RATES.values())
    assert await counter.hit(item, "somebody else")
    assert len(counter._hits) == 1
