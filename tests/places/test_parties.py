"""Parties: parted once they are in, smaller when somebody leaves the line; and every pass is written down."""

from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError

from server.foundation import clock
from server.foundation.database import violates
from server.foundation.errors import WrongState
from server.foundation.ids import new_id
from server.places import taking
from server.places.models import Allotment, Place, PlacePass, PlaceState
from server.places.queries import passes_of, waiting_places
from tests.places.builders import NEAR, create_allotment

pytestmark = pytest.mark.usefixtures("app")


async def test_a_confirmed_party_is_parted_into_single_places() -> None:
    allotment = await create_allotment(4)
    place = await taking.take_place(allotment.id, new_id(), party_size=3)
    companions = [new_id(), new_id()]
    for wrong in ([], [new_id()], [*companions, new_id()]):
        with pytest.raises(WrongState):
            await taking.split_party(place.id, wrong)
    parted = await taking.split_party(place.id, companions)
    assert set(parted) == set(companions)
    places = await Place.all()
    assert {(each.party_size, each.state) for each in places} == {(1, PlaceState.CONFIRMED)}
    assert len({each.number for each in places}) == 3
    assert (await Allotment.get(id=allotment.id)).taken == 3
    await taking.leave_place(parted[companions[0]].id)
    assert (await Allotment.get(id=allotment.id)).taken == 2
    # Nobody waits in two places, nor has two.
    with pytest.raises(IntegrityError) as refused:
        await Place.create(allotment_id=allotment.id, person_id=companions[1], number=99, state=PlaceState.WAITING)
    assert violates(refused.value, "place_active")


async def test_a_party_in_line_cannot_be_parted_nor_a_single_place_be_left_by_one() -> None:
    allotment = await create_allotment(2)
    single = await taking.take_place(allotment.id, new_id())
    party = await taking.take_place(allotment.id, new_id(), party_size=2)
    with pytest.raises(WrongState):
        await taking.split_party(party.id, [new_id()])
    for place in (single, await taking.take_place(allotment.id, new_id())):
        with pytest.raises(WrongState):
            await taking.leave_party(place.id, place.person_id, new_id())


async def test_one_leaves_a_party_in_line() -> None:
    allotment = await create_allotment(3)
    singles = [await taking.take_place(allotment.id, new_id()) for _ in range(2)]
    head, companion, other = new_id(), new_id(), new_id()
    party = await taking.take_place(allotment.id, head, party_size=3)
    behind = await taking.take_place(allotment.id, new_id(), party_size=2)
    gone = await taking.leave_party(party.id, companion, head, "ill")
    assert (gone.person_id, gone.state, gone.party_size, gone.end_reason) == (companion, "cancelled", 1, "ill")
    assert (await Place.get(id=party.id)).party_size == 2
    # The head leaves: the one who stays heads the party, and has its turn, ahead of those behind.
    await taking.leave_party(party.id, head, other, removed=True)
    await taking.wake_line(allotment.id)
    kept = await Place.get(id=party.id)
    assert (kept.person_id, kept.party_size, kept.state) == (other, 1, "confirmed")
    assert (await Place.get(id=behind.id)).state is PlaceState.WAITING
    assert (await Allotment.get(id=allotment.id)).taken == 3
    await taking.leave_place(singles[0].id)
    await taking.leave_place(singles[1].id)
    assert (await Place.get(id=behind.id)).state is PlaceState.CONFIRMED


async def test_one_leaves_a_party_that_has_an_offer() -> None:
    allotment = await create_allotment(2, starts_in=NEAR)
    singles = [await taking.take_place(allotment.id, new_id()) for _ in range(2)]
    head, companion = new_id(), new_id()
    party = await taking.take_place(allotment.id, head, party_size=2)
    behind = await taking.take_place(allotment.id, new_id())
    await taking.change_capacity(allotment.id, 4)
    # Two are offered to the party; one of them turns it down, and it goes to the next in line.
    assert (await Place.get(id=party.id)).state is PlaceState.OFFERED
    await taking.leave_party(party.id, companion, head)
    await taking.wake_line(allotment.id)
    assert ((await Place.get(id=party.id)).state, (await Place.get(id=party.id)).party_size) == ("offered", 1)
    assert (await Place.get(id=behind.id)).state is PlaceState.OFFERED
    assert (await Allotment.get(id=allotment.id)).taken == 4
    assert len(singles) == 2


async def test_every_pass_is_written_down() -> None:
    allotment = await create_allotment(4)
    singles = [await taking.take_place(allotment.id, new_id()) for _ in range(4)]
    group = await taking.take_place(allotment.id, new_id(), party_size=4)
    smaller = await taking.take_place(allotment.id, new_id(), party_size=2)
    [await taking.take_place(allotment.id, new_id()) for _ in range(3)]
    await taking.leave_place(singles[0].id)
    await taking.change_capacity(allotment.id, 6)
    found = await passes_of([group.id, smaller.id])
    assert [(each.free, each.needed) for each in found[group.id]] == [(1, 4), (2, 4)]
    # One place was too few for two, then two were not.
    assert [(each.free, each.needed) for each in found[smaller.id]] == [(1, 2)]
    assert all(abs(each.passed_at - clock.now()) < timedelta(minutes=1) for each in found[group.id])
    for row in await Place.filter(passed_count__gt=0):
        assert row.passed_count == await PlacePass.filter(place_id=row.id).count()


async def test_how_those_who_wait_stand() -> None:
    allotment = await create_allotment(3)
    [await taking.take_place(allotment.id, new_id()) for _ in range(2)]
    group = await taking.take_place(allotment.id, new_id(), party_size=2)
    await Place.filter(id=group.id).update(passed_count=3)
    single = await taking.take_place(allotment.id, new_id())
    standing = await waiting_places([group.id, single.id])
    assert (standing[group.id].position, standing[single.id].position) == (1, 2)
    assert (standing[group.id].free, standing[group.id].party_size, standing[group.id].capacity) == (1, 2, 3)
    assert standing[group.id].held_until
    assert not standing[group.id].is_held
    assert standing[single.id].is_held
    assert standing[single.id].held_until is None
    assert await waiting_places([new_id()]) == {}


async def test_an_offer_lasts_as_long_as_its_allotment_says() -> None:
    allotment = await taking.open_allotment(
        (await create_allotment(1)).purpose,
        new_id(),
        1,
        starts_at=clock.now() + NEAR,
        offer_lasts=timedelta(minutes=15),
    )
    first, second = [await taking.take_place(allotment.id, new_id()) for _ in range(2)]
    await taking.leave_place(first.id)
    until = (await Place.get(id=second.id)).offered_until
    assert until
    assert timedelta(minutes=14) < until - clock.now() <= timedelta(minutes=15)
