"""Taking, waiting, moving up and leaving, one step at a time."""

from datetime import timedelta
from typing import Any

import pytest
from tortoise.exceptions import IntegrityError

from server.background import sweeps
from server.background.sweeps import RowsFailed
from server.foundation import clock
from server.foundation.database import execute, violates
from server.foundation.errors import InvalidFields, NotFound, WrongState
from server.foundation.ids import new_id
from server.places import line, taking
from server.places.errors import OfferExpired, PlacesClosed, PlacesFull
from server.places.models import Allotment, Place, PlaceState, Purpose
from server.places.queries import count_places, waiting_positions
from server.places.rules import HOLD_LASTS, MAX_PASSES, OFFER_LASTS
from tests.breaking import break_once
from tests.places.builders import FAR, NEAR, create_allotment

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Place]]:
    """What the feature is told: places that moved, and places that lapsed."""
    told: dict[str, list[Place]] = {"moved": [], "lapsed": []}

    async def on_moved(places: list[Place]) -> None:
        told["moved"] += places

    async def on_lapsed(places: list[Place]) -> None:
        told["lapsed"] += places

    monkeypatch.setitem(line.MOVED, Purpose.SLOT, on_moved)
    monkeypatch.setitem(line.LAPSED, Purpose.SLOT, on_lapsed)
    return told


async def state_of(place: Place) -> PlaceState:
    return (await Place.get(id=place.id)).state


async def taken_in(allotment: Allotment) -> int:
    return (await Allotment.get(id=allotment.id)).taken


async def test_places_are_confirmed_then_waiting_in_order() -> None:
    allotment = await create_allotment(2)
    places = [await taking.take_place(allotment.id, new_id()) for _ in range(5)]
    assert [place.state for place in places] == ["confirmed"] * 2 + ["waiting"] * 3
    assert await waiting_positions([place.id for place in places]) == {
        places[2].id: 1,
        places[3].id: 2,
        places[4].id: 3,
    }
    counts = (await count_places([allotment.id]))[allotment.id]
    assert (counts.taken, counts.free, counts.waiting, counts.is_open) == (2, 0, 3, True)


async def test_the_same_tap_twice_gives_the_same_place() -> None:
    allotment = await create_allotment(1)
    person_id = new_id()
    first = await taking.take_place(allotment.id, person_id)
    again = await taking.take_place(allotment.id, person_id, party_size=1)
    assert again.id == first.id
    assert await taken_in(allotment) == 1


async def test_nobody_waits_where_waiting_is_not_wanted_or_not_allowed() -> None:
    allotment = await create_allotment(1)
    await taking.take_place(allotment.id, new_id())
    with pytest.raises(PlacesFull):
        await taking.take_place(allotment.id, new_id(), wait=False)
    without_list = await create_allotment(0, may_wait=False)
    with pytest.raises(PlacesFull):
        await taking.take_place(without_list.id, new_id())
    assert await Place.all().count() == 1


async def test_a_party_larger_than_everything_is_refused() -> None:
    allotment = await create_allotment(3)
    with pytest.raises(PlacesFull):
        await taking.take_place(allotment.id, new_id(), party_size=4)


async def test_unknown_places_are_not_found() -> None:
    for call in (taking.take_place(new_id(), new_id()), taking.leave_place(new_id()), taking.accept_offer(new_id())):
        with pytest.raises(NotFound):
            await call


async def test_a_freed_place_goes_to_the_next_at_once_when_the_start_is_far(told: dict[str, Any]) -> None:
    allotment = await create_allotment(1, starts_in=FAR)
    first, second, third = [await taking.take_place(allotment.id, new_id()) for _ in range(3)]
    left = await taking.leave_place(first.id, "ill")
    assert (left.state, left.end_reason) == ("cancelled", "ill")
    assert await state_of(second) is PlaceState.CONFIRMED
    assert await state_of(third) is PlaceState.WAITING
    assert [place.id for place in told["moved"]] == [second.id]
    assert (await taking.leave_place(first.id)).ended_at == left.ended_at
    assert await taken_in(allotment) == 1


async def test_a_freed_place_is_offered_when_the_start_is_near(told: dict[str, Any]) -> None:
    allotment = await create_allotment(1, starts_in=NEAR)
    first, second, third = [await taking.take_place(allotment.id, new_id()) for _ in range(3)]
    await taking.leave_place(first.id)
    offered = await Place.get(id=second.id)
    assert offered.state is PlaceState.OFFERED
    assert offered.offered_until
    assert abs(offered.offered_until - clock.now() - OFFER_LASTS) < timedelta(minutes=1)
    assert await taken_in(allotment) == 1
    accepted = await taking.accept_offer(second.id)
    assert accepted.state is PlaceState.CONFIRMED
    assert (await taking.accept_offer(second.id)).state is PlaceState.CONFIRMED
    with pytest.raises(WrongState):
        await taking.accept_offer(third.id)
    assert [place.state for place in told["moved"]] == ["offered"]


async def test_a_declined_offer_goes_on() -> None:
    allotment = await create_allotment(1, starts_in=NEAR)
    first, second, third = [await taking.take_place(allotment.id, new_id()) for _ in range(3)]
    await taking.leave_place(first.id)
    assert (await taking.decline_offer(second.id)).state is PlaceState.CANCELLED
    assert await state_of(third) is PlaceState.OFFERED
    with pytest.raises(WrongState):
        await taking.decline_offer(second.id)


async def test_an_offer_expires_and_goes_on(told: dict[str, Any]) -> None:
    allotment = await create_allotment(1, starts_in=NEAR)
    first, second, third = [await taking.take_place(allotment.id, new_id()) for _ in range(3)]
    await taking.leave_place(first.id)
    assert await taking.SETTLE_DUE_PLACES.run() == 0
    clock.move_clock(OFFER_LASTS + timedelta(minutes=1))
    assert await taking.SETTLE_DUE_PLACES.lag() > 0
    with pytest.raises(OfferExpired):
        await taking.accept_offer(second.id)
    assert await taking.SETTLE_DUE_PLACES.run() == 1
    assert await state_of(second) is PlaceState.EXPIRED
    assert await state_of(third) is PlaceState.OFFERED
    assert [place.id for place in told["lapsed"]] == [second.id]
    with pytest.raises(OfferExpired):
        await taking.accept_offer(second.id)
    assert await taken_in(allotment) == 1


async def test_an_allotment_that_cannot_be_settled_does_not_keep_the_others_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allotments = [await create_allotment(1, starts_in=NEAR) for _ in range(2)]
    for allotment in allotments:
        first, *_ = [await taking.take_place(allotment.id, new_id()) for _ in range(3)]
        await taking.leave_place(first.id)
    clock.move_clock(OFFER_LASTS + timedelta(minutes=1))
    break_once(monkeypatch, taking, "settle")
    with pytest.raises(RowsFailed) as failed:
        await taking.SETTLE_DUE_PLACES.run()
    assert failed.value.done == 1
    sweeps.FAILURES.clear()
    assert await taking.SETTLE_DUE_PLACES.run() == 1


async def test_an_offer_never_lasts_past_the_start_and_the_start_ends_the_wait() -> None:
    allotment = await create_allotment(1, starts_in=timedelta(minutes=30))
    first, second, third = [await taking.take_place(allotment.id, new_id()) for _ in range(3)]
    await taking.leave_place(first.id)
    assert (await Place.get(id=second.id)).offered_until == allotment.starts_at
    clock.move_clock(timedelta(minutes=31))
    assert await taking.SETTLE_DUE_PLACES.run() == 2
    assert [await state_of(second), await state_of(third)] == ["expired", "expired"]
    assert (await Place.get(id=third.id)).end_reason == "not_reached"
    # Walk-ins may still take what is free, but nobody waits for something that has begun.
    assert (await taking.take_place(allotment.id, new_id())).state is PlaceState.CONFIRMED
    with pytest.raises(PlacesFull):
        await taking.take_place(allotment.id, new_id())


async def test_raising_the_capacity_wakes_the_list_and_lowering_throws_nobody_out() -> None:
    allotment = await create_allotment(1)
    places = [await taking.take_place(allotment.id, new_id()) for _ in range(4)]
    await taking.change_capacity(allotment.id, 3)
    assert [await state_of(place) for place in places] == ["confirmed"] * 3 + ["waiting"]
    lowered = await taking.change_capacity(allotment.id, 1)
    assert (lowered.capacity, lowered.taken, lowered.free) == (1, 3, -2)
    await taking.leave_place(places[0].id)
    await taking.leave_place(places[1].id)
    assert await state_of(places[3]) is PlaceState.WAITING
    await taking.leave_place(places[2].id)
    assert await state_of(places[3]) is PlaceState.CONFIRMED
    with pytest.raises(InvalidFields):
        await taking.change_capacity(allotment.id, -1)


async def test_a_closed_allotment_gives_nothing() -> None:
    allotment = await create_allotment(1)
    mine = new_id()
    confirmed = await taking.take_place(allotment.id, mine)
    waiting = await taking.take_place(allotment.id, new_id())
    assert [place.id for place in await taking.close_allotment(allotment.id, "off")] == [waiting.id]
    with pytest.raises(PlacesClosed):
        await taking.take_place(allotment.id, new_id())
    assert (await taking.take_place(allotment.id, mine)).id == confirmed.id
    assert [place.id for place in await taking.close_allotment(allotment.id, remove_all=True)] == [confirmed.id]
    assert await taking.close_allotment(allotment.id, remove_all=True) == []
    assert await taken_in(allotment) == 0


async def test_removing_frees_the_place() -> None:
    allotment = await create_allotment(1)
    first, second = [await taking.take_place(allotment.id, new_id()) for _ in range(2)]
    assert (await taking.leave_place(first.id, "not_eligible", removed=True)).state is PlaceState.REMOVED
    assert await state_of(second) is PlaceState.CONFIRMED


async def test_moving_is_one_step() -> None:
    full, other = await create_allotment(1), await create_allotment(1)
    person_id = new_id()
    old = await taking.take_place(full.id, person_id)
    next_in_line = await taking.take_place(full.id, new_id())
    blocker = await taking.take_place(other.id, new_id())
    with pytest.raises(PlacesFull):
        await taking.move_place(old.id, other.id)
    assert await state_of(old) is PlaceState.CONFIRMED
    await taking.leave_place(blocker.id)
    new = await taking.move_place(old.id, other.id)
    assert (new.state, new.person_id, new.allotment_id) == ("confirmed", person_id, other.id)
    assert (await Place.get(id=old.id)).end_reason == "moved"
    assert await state_of(next_in_line) is PlaceState.CONFIRMED
    third = await create_allotment(1)
    with pytest.raises(WrongState):
        await taking.move_place(old.id, third.id)
    assert not await Place.exists(allotment_id=third.id)
    assert (await taking.move_place(new.id, other.id)).id == new.id
    with pytest.raises(NotFound):
        await taking.move_place(new_id(), other.id)


async def test_moving_to_where_one_already_is_is_refused() -> None:
    here, there = await create_allotment(1), await create_allotment(2)
    person_id = new_id()
    old = await taking.take_place(here.id, person_id)
    await taking.take_place(there.id, person_id)
    with pytest.raises(WrongState):
        await taking.move_place(old.id, there.id)


async def test_a_changed_start_moves_the_deadlines() -> None:
    allotment = await create_allotment(1, starts_in=NEAR)
    first, second, _ = [await taking.take_place(allotment.id, new_id()) for _ in range(3)]
    await taking.leave_place(first.id)
    earlier = clock.now() + timedelta(hours=1)
    await taking.change_start(allotment.id, earlier)
    assert (await Place.get(id=second.id)).offered_until == earlier
    clock.move_clock(timedelta(hours=1, minutes=1))
    assert await taking.SETTLE_DUE_PLACES.run() == 2


async def test_a_group_moves_up_only_as_a_whole_and_is_passed_three_times() -> None:
    allotment = await create_allotment(4)
    singles = [await taking.take_place(allotment.id, new_id()) for _ in range(4)]
    group = await taking.take_place(allotment.id, new_id(), party_size=2)
    behind = [await taking.take_place(allotment.id, new_id()) for _ in range(6)]
    for number in range(MAX_PASSES):
        await taking.leave_place(singles[number].id)
        assert await state_of(behind[number]) is PlaceState.CONFIRMED
        assert (await Place.get(id=group.id)).passed_count == number + 1
    # Passed often enough: what is freed now is held until the group fits.
    await taking.leave_place(singles[3].id)
    assert await state_of(behind[3]) is PlaceState.WAITING
    held = await Place.get(id=group.id)
    assert held.held_until
    assert abs(held.held_until - clock.now() - HOLD_LASTS) < timedelta(minutes=1)
    assert (await taking.take_place(allotment.id, new_id())).state is PlaceState.WAITING
    await taking.leave_place(behind[0].id)
    assert await state_of(group) is PlaceState.CONFIRMED
    assert await taken_in(allotment) == 4


async def test_a_hold_lapses_and_is_not_repeated() -> None:
    allotment = await create_allotment(2)
    single, other = [await taking.take_place(allotment.id, new_id()) for _ in range(2)]
    group = await taking.take_place(allotment.id, new_id(), party_size=2)
    await Place.filter(id=group.id).update(passed_count=MAX_PASSES)
    behind = [await taking.take_place(allotment.id, new_id()) for _ in range(2)]
    await taking.leave_place(single.id)
    assert await state_of(behind[0]) is PlaceState.WAITING
    clock.move_clock(HOLD_LASTS + timedelta(minutes=1))
    assert await taking.SETTLE_DUE_PLACES.run() == 1
    assert await state_of(behind[0]) is PlaceState.CONFIRMED
    assert await state_of(group) is PlaceState.WAITING
    assert (await Place.get(id=group.id)).hold_used
    await taking.leave_place(other.id)
    assert await state_of(behind[1]) is PlaceState.CONFIRMED
    await taking.leave_place(behind[0].id)
    await taking.leave_place(behind[1].id)
    assert await state_of(group) is PlaceState.CONFIRMED


async def test_a_hold_begins_only_when_somebody_behind_could_have_the_place() -> None:
    allotment = await create_allotment(2)
    single, _ = [await taking.take_place(allotment.id, new_id()) for _ in range(2)]
    group = await taking.take_place(allotment.id, new_id(), party_size=2)
    await Place.filter(id=group.id).update(passed_count=MAX_PASSES)
    await taking.leave_place(single.id)
    assert (await Place.get(id=group.id)).held_until is None
    newcomer = await taking.take_place(allotment.id, new_id())
    assert newcomer.state is PlaceState.WAITING
    assert (await Place.get(id=group.id)).held_until is not None


async def test_a_newcomer_who_passes_a_group_is_confirmed_not_offered() -> None:
    allotment = await create_allotment(2, starts_in=NEAR)
    await taking.take_place(allotment.id, new_id())
    group = await taking.take_place(allotment.id, new_id(), party_size=2)
    newcomer = await taking.take_place(allotment.id, new_id())
    assert newcomer.state is PlaceState.CONFIRMED
    assert (await Place.get(id=group.id)).passed_count == 1


async def test_the_database_itself_refuses_to_overbook() -> None:
    allotment = await create_allotment(2)
    with pytest.raises(IntegrityError) as refused:
        await execute("UPDATE allotment SET taken = 3 WHERE id = $1", allotment.id)
    assert violates(refused.value, "allotment_not_overbooked")
    await execute("UPDATE allotment SET taken = 2 WHERE id = $1", allotment.id)
    await execute("UPDATE allotment SET capacity = 0 WHERE id = $1", allotment.id)
    await execute("UPDATE allotment SET taken = 1 WHERE id = $1", allotment.id)
    person_id = new_id()
    await Place.create(allotment_id=allotment.id, person_id=person_id, number=1, state=PlaceState.CONFIRMED)
    with pytest.raises(IntegrityError) as refused:
        await Place.create(allotment_id=allotment.id, person_id=person_id, number=2, state=PlaceState.CONFIRMED)
    assert violates(refused.value, "place_active")
