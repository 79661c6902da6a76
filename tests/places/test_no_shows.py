"""Who came, who did not, and what follows."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from server.foundation import clock
from server.foundation.database import transaction
from server.foundation.errors import WrongState
from server.foundation.ids import new_id
from server.places import no_shows, taking
from server.places.errors import Blocked
from server.places.line import lock_place
from server.places.models import Block, NoShow, NoShowReason, Place, Purpose
from server.places.rules import BLOCK_LASTS, NO_SHOWS_WITHIN
from tests.places.builders import create_allotment

pytestmark = pytest.mark.usefixtures("app")


async def confirmed_place(person_id: str, purpose: Purpose = Purpose.SHIFT_ROLE) -> Place:
    return await taking.take_place((await create_allotment(1, purpose=purpose)).id, person_id)


async def test_the_second_no_show_blocks_for_thirty_days_and_only_there() -> None:
    person_id = new_id()
    await no_shows.mark_no_show((await confirmed_place(person_id)).id)
    await no_shows.ensure_not_blocked(person_id, Purpose.SHIFT_ROLE)
    second = await confirmed_place(person_id)
    await no_shows.mark_no_show(second.id)
    await no_shows.mark_no_show(second.id)
    with pytest.raises(Blocked) as refused:
        await no_shows.ensure_not_blocked(person_id, Purpose.SHIFT_ROLE)
    assert refused.value.facts["until"] - clock.now() > BLOCK_LASTS - timedelta(minutes=1)
    await no_shows.ensure_not_blocked(person_id, Purpose.SLOT)
    await no_shows.ensure_not_blocked(new_id(), Purpose.SHIFT_ROLE)
    clock.move_clock(BLOCK_LASTS + timedelta(minutes=1))
    await no_shows.ensure_not_blocked(person_id, Purpose.SHIFT_ROLE)
    # Those two are answered: the next one alone does not block again.
    await no_shows.mark_no_show((await confirmed_place(person_id)).id)
    await no_shows.ensure_not_blocked(person_id, Purpose.SHIFT_ROLE)


async def test_no_shows_far_apart_do_not_block() -> None:
    person_id = new_id()
    await no_shows.mark_no_show((await confirmed_place(person_id)).id)
    clock.move_clock(NO_SHOWS_WITHIN + timedelta(days=1))
    await no_shows.mark_no_show((await confirmed_place(person_id)).id)
    await no_shows.ensure_not_blocked(person_id, Purpose.SHIFT_ROLE)


async def test_a_late_cancellation_counts() -> None:
    person_id = new_id()
    await no_shows.mark_no_show((await confirmed_place(person_id)).id)
    place = await confirmed_place(person_id)
    async with transaction():
        allotment, _ = await lock_place(place.id)
        await no_shows.record_no_show(allotment, await taking.leave_place(place.id), NoShowReason.CANCELLED_LATE)
    with pytest.raises(Blocked):
        await no_shows.ensure_not_blocked(person_id, Purpose.SHIFT_ROLE)


async def test_a_forgiven_no_show_lifts_its_block() -> None:
    person_id, bystander_id = new_id(), new_id()
    for _ in range(2):
        await no_shows.mark_no_show((await confirmed_place(bystander_id)).id)
    first, second = await confirmed_place(person_id), await confirmed_place(person_id)
    await no_shows.mark_no_show(first.id)
    await no_shows.mark_no_show(second.id)
    attended = await no_shows.mark_attended(second.id)
    assert attended.state == "attended"
    await no_shows.ensure_not_blocked(person_id, Purpose.SHIFT_ROLE)
    with pytest.raises(Blocked):
        await no_shows.ensure_not_blocked(bystander_id, Purpose.SHIFT_ROLE)
    assert await NoShow.filter(forgiven_at=None, person_id=person_id).count() == 1
    await no_shows.mark_no_show((await confirmed_place(person_id)).id)
    with pytest.raises(Blocked):
        await no_shows.ensure_not_blocked(person_id, Purpose.SHIFT_ROLE)


async def test_forgiving_leaves_blocks_that_are_over_as_they_were() -> None:
    person_id, now = new_id(), clock.now()
    about: dict[str, Any] = {"person_id": person_id, "purpose": Purpose.SHIFT_ROLE, "reason": "no_shows"}
    lifted = await Block.create(**about, until=now + BLOCK_LASTS, lifted_at=now - timedelta(days=1))
    served = await Block.create(**about, until=now - timedelta(days=1))
    place = await confirmed_place(person_id)
    await no_shows.mark_no_show(place.id)
    await no_shows.mark_attended(place.id)
    assert (await Block.get(id=lifted.id)).lifted_at == lifted.lifted_at
    assert (await Block.get(id=served.id)).lifted_at is None


async def test_attending() -> None:
    place = await confirmed_place(new_id())
    assert (await no_shows.mark_attended(place.id)).state == "attended"
    assert (await no_shows.mark_attended(place.id)).state == "attended"
    with pytest.raises(WrongState):
        await no_shows.mark_no_show(place.id)
    with pytest.raises(WrongState):
        await taking.leave_place(place.id)


async def test_only_confirmed_places_can_be_attended_or_missed() -> None:
    allotment = await create_allotment(1)
    await taking.take_place(allotment.id, new_id())
    waiting = await taking.take_place(allotment.id, new_id())
    with pytest.raises(WrongState):
        await no_shows.mark_attended(waiting.id)
    with pytest.raises(WrongState):
        await no_shows.mark_no_show(waiting.id)


async def test_two_no_shows_at_the_same_time_block() -> None:
    person_id = new_id()
    places = [await confirmed_place(person_id) for _ in range(2)]
    await asyncio.gather(*(no_shows.mark_no_show(place.id) for place in places))
    assert await Block.filter(person_id=person_id).count() == 1


async def test_bookings_bear_one_no_show_more() -> None:
    person_id = new_id()
    for _ in range(2):
        await no_shows.mark_no_show((await confirmed_place(person_id, Purpose.SLOT)).id)
    await no_shows.ensure_not_blocked(person_id, Purpose.SLOT)
    # What is not handed out as places counts with them, and is forgiven like them.
    room_booking_id = new_id()
    async with transaction():
        await no_shows.record_absence(person_id, Purpose.SLOT, room_booking_id, NoShowReason.ABSENT)
    with pytest.raises(Blocked):
        await no_shows.ensure_not_blocked(person_id, Purpose.SLOT)
    await no_shows.forgive_absence(room_booking_id)
    await no_shows.ensure_not_blocked(person_id, Purpose.SLOT)
