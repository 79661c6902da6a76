"""Many at once on the same scarce places, over real connections."""

import asyncio
import random
from collections import Counter
from datetime import timedelta

import pytest

from server.foundation.database import fetch, fetch_value, transaction
from server.foundation.errors import Refusal
from server.foundation.ids import new_id
from server.places import taking
from server.places.errors import PlacesFull
from server.places.models import Allotment, Place, PlaceState
from server.places.queries import waiting_positions
from tests.places.builders import FAR, NEAR, create_allotment

pytestmark = pytest.mark.usefixtures("app")


async def assert_counts_agree(*allotments: Allotment) -> None:
    """`taken` is what the places say, and no confirmation is above the capacity."""
    rows = await fetch(
        "SELECT a.id, a.capacity, a.taken, COALESCE(sum(p.party_size) FILTER (WHERE p.state IN "
        "('offered', 'confirmed', 'attended', 'no_show')), 0) AS held FROM allotment a LEFT JOIN place p "
        "ON p.allotment_id = a.id WHERE a.id = ANY($1::uuid[]) GROUP BY a.id",
        [allotment.id for allotment in allotments],
    )
    assert len(rows) == len(allotments)
    for row in rows:
        assert row["taken"] == row["held"]
        assert row["taken"] <= row["capacity"]


async def take_and_leave(takes: int, leaves: int, capacity: int) -> None:
    """`takes` sign-ups and `leaves` cancellations at once; the list has moved up in the order of acknowledgement."""
    allotment = await create_allotment(capacity, starts_in=FAR)
    answered: list[Place] = []
    ready_to_leave: asyncio.Queue[str] = asyncio.Queue()

    async def take() -> None:
        place = await taking.take_place(allotment.id, new_id())
        answered.append(place)
        ready_to_leave.put_nowait(place.id)

    async def leave() -> None:
        await taking.leave_place(await ready_to_leave.get())

    # Parties stand in the order of their numbers, whatever came back to us first.
    tasks = [take() for _ in range(takes)] + [leave() for _ in range(leaves)]
    random.Random(7).shuffle(tasks)
    await asyncio.gather(*tasks)

    await assert_counts_agree(allotment)
    assert sorted(place.number for place in answered) == list(range(1, takes + 1))
    places = await Place.filter(allotment_id=allotment.id).order_by("number")
    states = Counter(place.state for place in places)
    assert states[PlaceState.CANCELLED] == leaves
    assert states[PlaceState.CONFIRMED] == min(capacity, takes - leaves)
    # Nobody who still waits stands before somebody who is confirmed.
    waiting = [place.number for place in places if place.state is PlaceState.WAITING]
    confirmed = [place.number for place in places if place.state is PlaceState.CONFIRMED]
    assert not waiting or max(confirmed) < min(waiting)
    assert len(waiting) == takes - leaves - len(confirmed)


async def test_300_take_and_50_leave_at_once() -> None:
    await take_and_leave(takes=300, leaves=50, capacity=50)


@pytest.mark.full
async def test_5000_take_and_500_leave_at_once() -> None:
    await take_and_leave(takes=5000, leaves=500, capacity=50)


async def test_the_waiting_order_is_the_order_of_acknowledgement() -> None:
    allotment = await create_allotment(3)
    acknowledged: list[str] = []

    async def take() -> None:
        async with transaction():
            place = await taking.take_place(allotment.id, new_id())
            # Still under the lock: the answers leave in this order.
            acknowledged.append(place.id)

    await asyncio.gather(*(take() for _ in range(60)))
    assert await waiting_positions(acknowledged) == {
        place_id: position for position, place_id in enumerate(acknowledged[3:], start=1)
    }


async def test_one_person_who_taps_many_times_has_one_place() -> None:
    allotment = await create_allotment(5)
    person_id = new_id()
    places = await asyncio.gather(*(taking.take_place(allotment.id, person_id) for _ in range(20)))
    assert len({place.id for place in places}) == 1
    await assert_counts_agree(allotment)


async def test_one_place_left_twice_is_freed_once() -> None:
    allotment = await create_allotment(1)
    first, *waiting = [await taking.take_place(allotment.id, new_id()) for _ in range(5)]
    await asyncio.gather(*(taking.leave_place(first.id) for _ in range(8)))
    assert await Place.filter(allotment_id=allotment.id, state=PlaceState.CONFIRMED).values_list("id", flat=True) == [
        waiting[0].id
    ]
    await assert_counts_agree(allotment)


async def test_people_who_change_places_crosswise_lose_none_and_do_not_deadlock() -> None:
    here, there = await create_allotment(12, may_wait=False), await create_allotment(12, may_wait=False)
    places = [await taking.take_place(here.id, new_id()) for _ in range(10)]
    places += [await taking.take_place(there.id, new_id()) for _ in range(10)]

    async def move(place: Place) -> str:
        other = there if place.allotment_id == here.id else here
        try:
            return (await taking.move_place(place.id, other.id)).id
        except PlacesFull:
            return place.id

    for _ in range(3):
        ids = await asyncio.gather(*(move(place) for place in places))
        places = await Place.filter(id__in=ids)
        assert {place.state for place in places} == {PlaceState.CONFIRMED}
    assert len({place.person_id for place in places}) == 20
    await assert_counts_agree(here, there)


async def test_capacity_changes_among_takes_and_leaves() -> None:
    allotment = await create_allotment(5)
    chance = random.Random(3)

    async def take_and_perhaps_leave() -> None:
        place = await taking.take_place(allotment.id, new_id())
        if chance.random() < 0.4:
            await taking.leave_place(place.id)

    async def change(capacity: int) -> None:
        await taking.change_capacity(allotment.id, capacity)

    await asyncio.gather(
        *(take_and_perhaps_leave() for _ in range(80)), *(change(chance.randint(5, 30)) for _ in range(10))
    )
    await change(40)
    await assert_counts_agree(allotment)
    places = await Place.filter(allotment_id=allotment.id, ended_at=None)
    assert sum(place.state is PlaceState.CONFIRMED for place in places) == min(40, len(places))


async def test_accepting_declining_and_expiring_an_offer_at_once() -> None:
    allotment = await create_allotment(1, starts_in=NEAR)
    first, second, *_ = [await taking.take_place(allotment.id, new_id()) for _ in range(4)]
    await taking.leave_place(first.id)

    async def attempt(verb: str) -> str:
        try:
            await getattr(taking, verb)(second.id)
        except Refusal as refusal:
            return refusal.code
        return "done"

    outcomes = await asyncio.gather(
        *(attempt(verb) for verb in ("accept_offer", "decline_offer") * 4),
        taking.SETTLE_DUE_PLACES.run(),
        taking.SETTLE_DUE_PLACES.run(),
    )
    await assert_counts_agree(allotment)
    state = (await Place.get(id=second.id)).state
    assert state in (PlaceState.CONFIRMED, PlaceState.CANCELLED)
    assert outcomes[1:8:2].count("done") == (1 if state is PlaceState.CANCELLED else 0)


async def test_several_sweeps_at_once_settle_each_place_once() -> None:
    from server.foundation import clock

    allotments = [await create_allotment(1, starts_in=NEAR) for _ in range(6)]
    for allotment in allotments:
        first, *_ = [await taking.take_place(allotment.id, new_id()) for _ in range(3)]
        await taking.leave_place(first.id)
    clock.move_clock(timedelta(hours=3))
    done = await asyncio.gather(*(taking.SETTLE_DUE_PLACES.run() for _ in range(4)))
    assert sum(done) == 6
    assert await Place.filter(state=PlaceState.EXPIRED).count() == 6
    assert await Place.filter(state=PlaceState.OFFERED).count() == 6
    await assert_counts_agree(*allotments)


async def test_without_the_lock_two_get_the_last_place() -> None:
    """What the engine is there for: counting and then inserting, without the lock, oversells."""
    allotment = await create_allotment(1)
    both_have_counted = asyncio.Barrier(2)

    async def take_carelessly(number: int) -> None:
        async with transaction():
            taken = await fetch_value(
                "SELECT count(*) FROM place WHERE allotment_id = $1 AND state = 'confirmed'", allotment.id
            )
            await both_have_counted.wait()
            if taken < allotment.capacity:
                await Place.create(
                    allotment_id=allotment.id, person_id=new_id(), number=number, state=PlaceState.CONFIRMED
                )

    await asyncio.gather(take_carelessly(1), take_carelessly(2))
    assert await Place.filter(allotment_id=allotment.id, state=PlaceState.CONFIRMED).count() == 2

    careful = await create_allotment(1)
    places = await asyncio.gather(*(taking.take_place(careful.id, new_id()) for _ in range(2)))
    assert sorted(place.state for place in places) == ["confirmed", "waiting"]
