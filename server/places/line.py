"""The line before an allotment: who gets what is free, in order. All of it for an allotment whose row the caller has
locked."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from server.foundation import clock
from server.foundation.database import execute, fetch_one, fetch_value
from server.foundation.errors import NotFound
from server.foundation.rows import lock_row, remember, write_together
from server.places.errors import PlacesClosed, PlacesFull
from server.places.models import Allotment, Place, PlacePass, PlaceState, Purpose
from server.places.rules import MAX_PASSES, hold_until, offer_until

OnPlaces = Callable[[list[Place]], Awaitable[None]]

MOVED: dict[Purpose, OnPlaces] = {}
"""Told, in the same transaction, of places that moved up the waiting list: `confirmed`, or `offered` until
`offered_until`. Filled by wiring.py."""
LAPSED: dict[Purpose, OnPlaces] = {}
"""Told of places that time has ended: an offer not accepted, or a wait that the start cut short. See MOVED."""

_BATCH = 50


async def lock_allotment(allotment_id: str) -> Allotment:
    """The allotment, its row locked until the transaction ends. Raises NotFound."""
    allotment = await lock_row(Allotment, allotment_id)
    if allotment is None:
        raise NotFound()
    return allotment


async def lock_place(place_id: str) -> tuple[Allotment, Place]:
    """The place as it is once its allotment's row is locked. Raises NotFound."""
    # A place never changes its allotment, so this may be read before the lock.
    allotment_id = await fetch_value("SELECT allotment_id FROM place WHERE id = $1", place_id)
    if allotment_id is None:
        raise NotFound()
    allotment = await lock_allotment(allotment_id)
    return allotment, await Place.get(id=place_id)


async def take(allotment: Allotment, person_id: str, party_size: int, wait: bool = True) -> Place:
    """A new place in the locked allotment, for somebody who has none there: confirmed, or waiting if `wait` and the
    allotment allow. Once the thing has started, only free places are given. Raises PlacesFull, PlacesClosed, after
    which the caller's transaction is over."""
    if not allotment.is_open:
        raise PlacesClosed()
    if party_size > allotment.capacity:
        raise PlacesFull("人数超过总名额")
    now = clock.now()
    started = allotment.has_started(now)
    place = Place(
        allotment_id=allotment.id,
        person_id=person_id,
        party_size=party_size,
        number=allotment.last_number + 1,
        state=PlaceState.WAITING,
        due_at=allotment.starts_at,
    )
    fits = party_size <= allotment.free
    # Nobody gets past those who wait, except a group that does not fit: move_up knows.
    if fits and await _confirm(allotment, place, now, past_others=started):
        return place
    if started:
        raise PlacesFull()
    allotment.last_number = place.number
    await write_together(place, allotment)
    if fits:
        await move_up(allotment, newcomer=place)
    if place.state is PlaceState.WAITING and not (wait and allotment.may_wait):
        raise PlacesFull()
    return place


async def _confirm(allotment: Allotment, place: Place, now: datetime, *, past_others: bool) -> bool:
    """Count a new place, which fits, as taken and write it, in one statement; False where others wait. The conditions
    hold even for somebody who forgot the lock."""
    row = await fetch_one(
        "WITH taken AS (UPDATE allotment SET taken = taken + $2, last_number = $3 WHERE id = $1 "
        "AND taken + $2 <= capacity AND ($4 OR NOT EXISTS (SELECT 1 FROM place WHERE allotment_id = $1 "
        "AND state = 'waiting')) RETURNING taken) "
        "INSERT INTO place (id, created_at, allotment_id, person_id, party_size, number, state, confirmed_at, "
        "passed_count, hold_used, end_reason) SELECT $5::uuid, $6::timestamptz, $1, $7::uuid, $2, $3, 'confirmed', "
        "$6::timestamptz, 0, false, '' FROM taken RETURNING (SELECT taken FROM taken)",
        allotment.id,
        place.party_size,
        place.number,
        past_others,
        place.id,
        now,
        place.person_id,
    )
    if row is None:
        return False
    place.created_at = place.confirmed_at = now
    place.state, place.due_at = PlaceState.CONFIRMED, None
    remember(place)
    allotment.taken, allotment.last_number = row["taken"], place.number
    remember(allotment)
    return True


async def move_up(allotment: Allotment, newcomer: Place | None = None) -> None:
    """Give what is free to those who wait, in order, and tell the feature.

    A group moves up only as a whole. One that does not fit is passed, at most MAX_PASSES times; the next time that
    somebody behind it could have the places, they are held for it instead. The newcomer, who is asking right now, is
    never made to wait for an offer.
    """
    now = clock.now()
    if not allotment.is_open or allotment.has_started(now) or allotment.free <= 0:
        return
    moved, passed = await _choose(allotment, newcomer, now)
    if not moved:
        return
    await _add_taken(allotment, sum(place.party_size for place in moved))
    await _give(allotment, moved, newcomer, now)
    for place, free in passed:
        if place.number < moved[-1].number:
            place.passed_count += 1
            await place.save(update_fields=["passed_count"])
            await PlacePass.create(place_id=place.id, free=free, needed=place.party_size)
    others = [place for place in moved if place is not newcomer]
    if others and allotment.purpose in MOVED:
        await MOVED[allotment.purpose](others)


class _Choice(NamedTuple):
    """Who moves up, and who does not fit, with what was free then."""

    moved: list[Place]
    passed: list[tuple[Place, int]]


async def _choose(allotment: Allotment, newcomer: Place | None, now: datetime) -> _Choice:
    free = allotment.free
    choice = _Choice([], [])
    exhausted: Place | None = None
    async for place in _in_line(allotment, newcomer):
        if place.party_size <= free:
            if exhausted:
                exhausted.held_until = exhausted.due_at = hold_until(now, allotment.starts_at)
                await exhausted.save(update_fields=["held_until", "due_at"])
                break
            free -= place.party_size
            choice.moved.append(place)
            if free == 0:
                break
        elif place.held_until and place.held_until > now:
            break
        elif place.hold_used or place.held_until or place.party_size > allotment.capacity:
            continue
        elif place.passed_count >= MAX_PASSES:
            exhausted = exhausted or place
        else:
            choice.passed.append((place, free))
    return choice


async def _give(allotment: Allotment, moved: list[Place], newcomer: Place | None, now: datetime) -> None:
    """Offer them their places; without time for an answer, and to the newcomer, confirm them."""
    offered_until = offer_until(now, allotment.starts_at, timedelta(minutes=allotment.offer_minutes))
    for place in moved:
        place.held_until = None
        if offered_until is None or place is newcomer:
            place.state, place.confirmed_at, place.due_at = PlaceState.CONFIRMED, now, None
        else:
            place.state, place.offered_until, place.due_at = PlaceState.OFFERED, offered_until, offered_until
        await place.save(update_fields=["state", "confirmed_at", "offered_until", "held_until", "due_at"])


async def _in_line(allotment: Allotment, newcomer: Place | None) -> AsyncIterator[Place]:
    """Those who wait, in order; read in batches, since lists can be long and few places free."""
    last = 0
    while True:
        waiting = Place.filter(allotment_id=allotment.id, state=PlaceState.WAITING, number__gt=last)
        batch = await waiting.order_by("number").limit(_BATCH)
        for place in batch:
            yield newcomer if newcomer and place.id == newcomer.id else place
        if len(batch) < _BATCH:
            return
        last = batch[-1].number


async def settle(allotment: Allotment) -> int:
    """What has become due in the locked allotment; how many places."""
    now = clock.now()
    lapsed = []
    due = await Place.filter(allotment_id=allotment.id, due_at__lte=now).order_by("number")
    for place in due:
        if place.state is PlaceState.OFFERED:
            await end_place(allotment, place, PlaceState.EXPIRED, "offer_expired")
            lapsed.append(place)
        elif allotment.has_started(now):
            await end_place(allotment, place, PlaceState.EXPIRED, "not_reached")
            lapsed.append(place)
        else:
            place.held_until, place.hold_used, place.due_at = None, True, allotment.starts_at
            await place.save(update_fields=["held_until", "hold_used", "due_at"])
    await move_up(allotment)
    if lapsed and allotment.purpose in LAPSED:
        await LAPSED[allotment.purpose](lapsed)
    return len(due)


async def split_off(allotment: Allotment, place: Place, person_id: str) -> Place:
    """One of a party gets a place of their own in the same state; together they hold what the party held."""
    await _give_number(allotment)
    place.party_size -= 1
    await place.save(update_fields=["party_size"])
    return await Place.create(
        allotment_id=allotment.id,
        person_id=person_id,
        number=allotment.last_number,
        state=place.state,
        confirmed_at=place.confirmed_at,
        offered_until=place.offered_until,
        due_at=place.due_at,
    )


async def _give_number(allotment: Allotment) -> None:
    allotment.last_number += 1
    await execute("UPDATE allotment SET last_number = $2 WHERE id = $1", allotment.id, allotment.last_number)


async def end_place(allotment: Allotment, place: Place, state: PlaceState, reason: str) -> None:
    """End an active place of the locked allotment; what it occupied is free again."""
    if place.state is not PlaceState.WAITING:
        await execute("UPDATE allotment SET taken = taken - $2 WHERE id = $1", allotment.id, place.party_size)
        allotment.taken -= place.party_size
    place.state, place.ended_at, place.end_reason = state, clock.now(), reason
    place.offered_until = place.held_until = place.due_at = None
    await place.save(update_fields=["state", "ended_at", "end_reason", "offered_until", "held_until", "due_at"])


async def _add_taken(allotment: Allotment, people: int) -> None:
    """Count `people` more as taken. The condition holds even for somebody who forgot the lock."""
    taken = await fetch_value(
        "UPDATE allotment SET taken = taken + $2 WHERE id = $1 AND taken + $2 <= capacity RETURNING taken",
        allotment.id,
        people,
    )
    if taken is None:
        raise PlacesFull()
    allotment.taken = taken
