"""Many at once: over several processes, and everything that may meet a sign-up half-way."""

import asyncio
import random
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from server.accounts.models import Dependant
from server.foundation import clock
from server.foundation.database import fetch, fetch_value
from server.foundation.settings import Settings
from server.places.models import Allotment, Place, PlaceState
from server.places.taking import change_capacity
from server.volunteering.models import Shift, SignUp
from server.volunteering.shifts.changing import CALL_OFF_SMALL_SHIFTS, ShiftChange, cancel_shift, change_shift
from tests.builders import told
from tests.clients import Api
from tests.servers import Server
from tests.volunteering.builders import (
    create_family,
    create_people,
    create_residents,
    publish_shift,
    sign_up,
)

HOUR = timedelta(hours=1)


class Answered(NamedTuple):
    """An answer, and when it was asked for and given, by the machine's clock."""

    person_id: str
    sign_up_id: str
    state: str
    asked: float
    given: float


async def sign_up_over_processes(
    api: Api, settings: Settings, folder: Path, *, people: int, leaving: int, quota: int, workers: int
) -> None:
    """`people` sign-ups and `leaving` cancellations at once on a quota, over real HTTP to several processes."""
    around = await create_people(api)
    shift_id = await publish_shift(around, timedelta(days=9), capacity=quota)
    residents = await create_residents(api, around.community, people)
    leavers = set(random.Random(7).sample([resident.person_id for resident in residents], leaving))
    answers: list[Answered] = []
    most_taken = 0
    at_once = asyncio.Semaphore(64)

    async def act(client: httpx.AsyncClient, resident: Api) -> None:
        caller = Api(client, resident.token, resident.person_id)
        async with at_once:
            asked = time.monotonic()
            answer = (await sign_up(caller, shift_id))["sign_up"]
            answers.append(Answered(resident.person_id, answer["id"], answer["state"], asked, time.monotonic()))
        if resident.person_id in leavers:
            async with at_once:
                await caller.post(f"/sign-ups/{answer['id']}/cancel", {})

    async def watch() -> None:
        nonlocal most_taken
        while True:
            most_taken = max(most_taken, await fetch_value("SELECT taken FROM allotment"))
            await asyncio.sleep(0.02)

    environment = {"LINLI_WORKERS": str(workers), "LINLI_DATABASE_POOL": "8", "LINLI_LOG_LEVEL": "error"}
    with Server(settings, folder, **environment) as server:
        await server.start()
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
        async with httpx.AsyncClient(base_url=server.url, limits=limits, timeout=60) as client:
            watching = asyncio.create_task(watch())
            await asyncio.gather(*(act(client, resident) for resident in residents))
            watching.cancel()

    await assert_fair(answers, leavers, quota, most_taken)


async def assert_fair(answers: list[Answered], leavers: set[str], quota: int, most_taken: int) -> None:
    """Never above the quota; everybody has one answer; the line is in the order of the answers."""
    allotment = (await Allotment.all())[0]
    assert allotment.taken == quota
    assert most_taken <= quota
    places = {place.person_id: place for place in await Place.all()}
    assert len(places) == len(answers) == await SignUp.all().count()
    assert sorted(place.number for place in places.values()) == list(range(1, len(answers) + 1))
    states = Counter(place.state for place in places.values())
    assert states == {
        PlaceState.CONFIRMED: quota,
        PlaceState.CANCELLED: len(leavers),
        PlaceState.WAITING: len(answers) - quota - len(leavers),
    }
    # The first in line are in, and nobody who waits stands before somebody who is in.
    last_in = max(place.number for place in places.values() if place.state is PlaceState.CONFIRMED)
    first_waiting = min(place.number for place in places.values() if place.state is PlaceState.WAITING)
    assert last_in < first_waiting
    # Who had an answer before another one even asked stands before them.
    by_answer = sorted(answers, key=lambda answer: answer.given)
    highest, index = 0, 0
    for answer in sorted(answers, key=lambda answer: answer.asked):
        while index < len(by_answer) and by_answer[index].given < answer.asked:
            highest = max(highest, places[by_answer[index].person_id].number)
            index += 1
        assert places[answer.person_id].number > highest
    # Each was told what came of it, once, and the moves up went to those who had waited.
    told = await fetch(
        "SELECT person_id, array_agg(event ORDER BY created_at, id) AS events FROM inbox_message "
        "WHERE event LIKE 'shift_%' GROUP BY person_id"
    )
    events = {row["person_id"]: row["events"] for row in told}
    for answer in answers:
        first = "shift_confirmed" if answer.state == "confirmed" else "shift_waiting"
        assert events[answer.person_id][0] == first
        moved_up = places[answer.person_id].state is PlaceState.CONFIRMED and answer.state == "waiting"
        assert "shift_moved_up" in events[answer.person_id] or not moved_up
        assert len(events[answer.person_id]) <= 2


async def test_110_sign_ups_and_11_cancellations_over_two_processes(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    await sign_up_over_processes(api, settings, tmp_path, people=110, leaving=11, quota=50, workers=2)


@pytest.mark.full
async def test_5000_sign_ups_and_500_cancellations_over_four_processes(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    await sign_up_over_processes(api, settings, tmp_path, people=5000, leaving=500, quota=50, workers=4)


async def test_calling_a_shift_off_while_people_sign_up(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, capacity=3)
    residents = await create_residents(api, people.community, 16)
    answers = await asyncio.gather(
        *(resident.send("POST", f"/shifts/{shift_id}/sign-ups", {}) for resident in residents[:8]),
        cancel_shift(people.staff.person_id, shift_id, "雨"),
        *(resident.send("POST", f"/shifts/{shift_id}/sign-ups", {}) for resident in residents[8:]),
    )
    codes = Counter(answer.status_code for answer in answers if isinstance(answer, httpx.Response))
    assert set(codes) <= {201, 409}
    assert await Place.filter(ended_at=None).count() == 0
    assert (await Allotment.all())[0].taken == 0
    events = [event for resident in residents for event in await told(resident)]
    assert events.count("shift_cancelled") == codes[201], "everybody who got in, or in line, is told"


async def test_moving_a_shift_while_people_come_and_go(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, timedelta(hours=30), capacity=4)
    residents = await create_residents(api, people.community, 20)
    begins = (await Shift.get(id=shift_id)).starts_at

    async def come_and_perhaps_go(number: int, resident: Api) -> Any:
        answer = await sign_up(resident, shift_id)
        if number % 3 == 0:
            await resident.post(f"/sign-ups/{answer['sign_up']['id']}/cancel", {})
        return answer

    async def move(hours: int) -> None:
        change = ShiftChange(starts_at=begins - hours * HOUR)
        await change_shift(people.staff.person_id, shift_id, hours, change)

    async def move_thrice() -> None:
        for hours in (1, 2, 3):
            await move(hours)

    await asyncio.gather(
        move_thrice(), *(come_and_perhaps_go(number, resident) for number, resident in enumerate(residents))
    )
    row, allotment = await Shift.get(id=shift_id), (await Allotment.all())[0]
    assert row.starts_at == allotment.starts_at == begins - 3 * HOUR
    places = await Place.all()
    held = [place for place in places if place.state in (PlaceState.CONFIRMED, PlaceState.OFFERED)]
    assert allotment.taken == len(held) == 4
    assert {place.due_at for place in places if place.state is PlaceState.WAITING} <= {begins - 3 * HOUR}


async def test_the_quota_changes_while_people_come_and_go(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, capacity=5)
    residents = await create_residents(api, people.community, 30)
    allotment_id = (await Allotment.all())[0].id

    async def come_and_perhaps_go(number: int, resident: Api) -> None:
        answer = await sign_up(resident, shift_id)
        if number % 4 == 0:
            await resident.post(f"/sign-ups/{answer['sign_up']['id']}/cancel", {})

    await asyncio.gather(
        *(change_capacity(allotment_id, capacity) for capacity in (9, 2, 12, 7)),
        *(come_and_perhaps_go(number, resident) for number, resident in enumerate(residents)),
    )
    await change_capacity(allotment_id, 14)
    assert await Place.filter(state="confirmed").count() == (await Allotment.get(id=allotment_id)).taken == 14
    # Lowered, nobody is thrown out; nobody gets in until there is room.
    await change_capacity(allotment_id, 3)
    assert await Place.filter(state="confirmed").count() == 14
    confirmed = await Place.filter(state="confirmed").order_by("number")
    waiting = await Place.filter(state="waiting").order_by("number")
    sign_ups = {row.place_id: row for row in await SignUp.all()}
    callers = {resident.person_id: resident for resident in residents}
    for place in confirmed[:12]:
        await callers[place.person_id].post(f"/sign-ups/{sign_ups[place.id].id}/cancel", {})
    assert await Place.filter(state="confirmed").count() == 3
    assert (await Place.get(id=waiting[0].id)).state is PlaceState.CONFIRMED


async def test_several_workers_at_the_deadline_call_off_once(api: Api) -> None:
    people = await create_people(api)
    closes = clock.now() + timedelta(days=1)
    shift_id = await publish_shift(people, timedelta(days=2), minimum=2, sign_up_closes_at=closes)
    await sign_up(people.first, shift_id)
    clock.move_clock(timedelta(days=1, minutes=1))
    await asyncio.gather(*(CALL_OFF_SMALL_SHIFTS.run() for _ in range(4)))
    assert (await told(people.first)).count("shift_called_off") == 1
    assert await told(people.staff) == ["own_shift_called_off"]


async def test_two_guardians_bring_the_same_child_to_two_shifts_at_once(api: Api) -> None:
    people = await create_people(api)
    ids = [await publish_shift(people, timedelta(days=3), capacity=9) for _ in range(2)]
    for _ in range(3):
        [child] = await create_family(people.first, None)
        await Dependant.create(
            guardian_id=people.second.person_id, person_id=child, relation="child", accepted_at=clock.now()
        )
        answers = await asyncio.gather(
            *(
                guardian.send("POST", f"/shifts/{shift_id}/sign-ups", {"family_ids": [child]})
                for guardian, shift_id in ((people.first, ids[0]), (people.second, ids[1]))
            )
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        assert await SignUp.filter(person_id=child).count() == 1


def test_datetimes_are_compared_by_instant() -> None:
    """What half-open overlap rests on, whatever the zone a time is written in."""
    here = datetime(2026, 5, 1, 0, 30, tzinfo=clock.SHANGHAI)
    row = Shift(starts_at=here - HOUR, ends_at=here)
    assert not row.overlaps(here.astimezone(), here.astimezone() + HOUR)
    assert row.overlaps(here - timedelta(seconds=1), here + HOUR)
