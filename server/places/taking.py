"""Giving out scarce places: taking, waiting, moving up, leaving.

Every verb locks the allotment's row first, so the verbs of one allotment happen one after another: between reading
`taken` and writing it nobody else can, and queue numbers are given in the order of acknowledgement. Several allotments
are locked in the order of their ids. Behind the lock stand the conditional update of `taken`, its trigger, and the
unique index of one active place a person.
"""

from datetime import datetime, timedelta
from typing import Any

from server.background.sweeps import due_sweep
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value, transaction
from server.foundation.errors import InvalidFields, NotFound, WrongState
from server.places.errors import OfferExpired
from server.places.line import end_place, lock_allotment, lock_place, move_up, settle, split_off, take
from server.places.models import Allotment, AllotmentState, Place, PlaceState, Purpose
from server.places.rules import OFFER_LASTS


async def open_allotment(
    purpose: Purpose,
    subject_id: str,
    capacity: int,
    *,
    starts_at: datetime | None = None,
    may_wait: bool = True,
    offer_lasts: timedelta = OFFER_LASTS,
) -> Allotment:
    """`capacity` places of this thing, to be taken from now on."""
    return await Allotment.create(
        purpose=purpose,
        subject_id=subject_id,
        capacity=capacity,
        starts_at=starts_at,
        may_wait=may_wait,
        offer_minutes=int(offer_lasts.total_seconds()) // 60,
    )


async def take_place(allotment_id: str, person_id: str, party_size: int = 1, wait: bool = True) -> Place:
    """A place for the person and `party_size` - 1 companions: confirmed, or waiting if `wait` and the allotment allow.

    Who already has a place there gets that one, unchanged. Once the thing has started, only free places are given.
    Raises PlacesFull, PlacesClosed, NotFound.
    """
    async with transaction():
        allotment = await lock_allotment(allotment_id)
        mine = await Place.get_or_none(allotment_id=allotment_id, person_id=person_id, ended_at=None)
        return mine or await take(allotment, person_id, party_size, wait)


async def leave_place(place_id: str, reason: str = "cancelled", *, removed: bool = False) -> Place:
    """Give a place up: `cancelled`, or `removed` when staff took it away. The next in line moves up.

    Leaving what was already left changes nothing. Raises WrongState once the person attended or was marked absent.
    """
    async with transaction():
        allotment, place = await lock_place(place_id)
        if not place.is_active:
            return place
        if place.state not in (PlaceState.WAITING, PlaceState.OFFERED, PlaceState.CONFIRMED):
            raise WrongState()
        await end_place(allotment, place, PlaceState.REMOVED if removed else PlaceState.CANCELLED, reason)
        await move_up(allotment)
        return place


async def split_party(place_id: str, companion_ids: list[str]) -> dict[str, Place]:
    """A confirmed party becomes single places, so that each can come, stay away or cancel alone: companion → place.

    The place itself stays its head's. Raises WrongState unless it is confirmed and exactly so many people strong.
    """
    async with transaction():
        allotment, place = await lock_place(place_id)
        if place.state is not PlaceState.CONFIRMED or place.party_size != len(companion_ids) + 1:
            raise WrongState()
        return {person_id: await split_off(allotment, place, person_id) for person_id in companion_ids}


async def leave_party(
    place_id: str, person_id: str, heir_id: str, reason: str = "cancelled", *, removed: bool = False
) -> Place:
    """One of a party that stands in line goes, and the others keep their turn; the leaver's own place, ended.

    Smaller now, they may fit: the caller, once it has written down who left, wakes the line. `heir_id` heads the party
    where its head leaves. Raises WrongState when it is no party of two or more that waits, or has an offer.
    """
    async with transaction():
        allotment, place = await lock_place(place_id)
        if place.state not in (PlaceState.WAITING, PlaceState.OFFERED) or place.party_size < 2:
            raise WrongState()
        if person_id == place.person_id:
            place.person_id = heir_id
            await place.save(update_fields=["person_id"])
        gone = await split_off(allotment, place, person_id)
        await end_place(allotment, gone, PlaceState.REMOVED if removed else PlaceState.CANCELLED, reason)
        return gone


async def wake_line(allotment_id: str) -> None:
    """Give what is free to those who wait."""
    async with transaction():
        await move_up(await lock_allotment(allotment_id))


async def move_place(place_id: str, other_allotment_id: str) -> Place:
    """The person's confirmed place in the other allotment, in exchange for this one, which ends with reason `moved`.

    One step: where there is none, PlacesFull (or PlacesClosed) is raised and the old place stays as it was. Raises
    WrongState when the old place is not waiting, offered or confirmed, or the person already has one there.
    """
    async with transaction():
        allotment_id = await fetch_value("SELECT allotment_id FROM place WHERE id = $1", place_id)
        if allotment_id is None:
            raise NotFound()
        if allotment_id == other_allotment_id:
            return await Place.get(id=place_id)
        # Two people who change places with each other lock the same two rows: always in the order of the ids.
        locked = {id_: await lock_allotment(id_) for id_ in sorted((allotment_id, other_allotment_id))}
        place = await Place.get(id=place_id)
        if place.state not in (PlaceState.WAITING, PlaceState.OFFERED, PlaceState.CONFIRMED):
            raise WrongState()
        if await Place.exists(allotment_id=other_allotment_id, person_id=place.person_id, ended_at=None):
            raise WrongState("您在那里已有名额")
        new = await take(locked[other_allotment_id], place.person_id, place.party_size, wait=False)
        await end_place(locked[allotment_id], place, PlaceState.CANCELLED, "moved")
        await move_up(locked[allotment_id])
        return new


async def accept_offer(place_id: str) -> Place:
    """The offered place becomes the person's; accepting twice gives the same answer.

    Raises OfferExpired, WrongState.
    """
    async with transaction():
        _, place = await lock_place(place_id)
        if place.state is PlaceState.CONFIRMED:
            return place
        now = clock.now()
        if place.state is PlaceState.EXPIRED or (place.offered_until and place.offered_until <= now):
            raise OfferExpired()
        if place.state is not PlaceState.OFFERED:
            raise WrongState()
        place.state, place.confirmed_at, place.offered_until, place.due_at = PlaceState.CONFIRMED, now, None, None
        await place.save(update_fields=["state", "confirmed_at", "offered_until", "due_at"])
        return place


async def decline_offer(place_id: str) -> Place:
    """The offered place goes to the next in line, and this one ends. Raises WrongState when it is not offered."""
    async with transaction():
        allotment, place = await lock_place(place_id)
        if place.state is not PlaceState.OFFERED:
            raise WrongState()
        await end_place(allotment, place, PlaceState.CANCELLED, "declined")
        await move_up(allotment)
        return place


async def change_capacity(allotment_id: str, capacity: int) -> Allotment:
    """Raised: the waiting list moves up. Lowered: nobody loses a place, none is given until `taken` is below it."""
    if capacity < 0:
        raise InvalidFields.of("capacity", "不能小于 0")
    async with transaction():
        allotment = await lock_allotment(allotment_id)
        allotment.capacity = capacity
        allotment.version += 1
        await allotment.save(update_fields=["capacity", "version"])
        await move_up(allotment)
        return allotment


async def change_start(allotment_id: str, starts_at: datetime) -> Allotment:
    """The thing begins at another time. Running offers keep their time, but never past the new start."""
    async with transaction():
        allotment = await lock_allotment(allotment_id)
        allotment.starts_at = starts_at
        allotment.version += 1
        await allotment.save(update_fields=["starts_at", "version"])
        # LEAST passes over NULLs, so each deadline is only touched where there is one.
        await execute(
            "UPDATE place SET offered_until = LEAST(offered_until, $2), due_at = LEAST(offered_until, $2) "
            "WHERE allotment_id = $1 AND state = 'offered'",
            allotment_id,
            starts_at,
        )
        await execute(
            "UPDATE place SET held_until = CASE WHEN held_until IS NOT NULL THEN LEAST(held_until, $2) END, "
            "due_at = LEAST(held_until, $2) WHERE allotment_id = $1 AND state = 'waiting'",
            allotment_id,
            starts_at,
        )
        await move_up(allotment)
        return allotment


async def close_allotment(allotment_id: str, reason: str = "closed", *, remove_all: bool = False) -> list[Place]:
    """No more is given: who waits or has an offer is removed, with `remove_all` also who is confirmed.

    The places that ended with it, so that the feature can tell their holders. Closing twice changes nothing more.
    """
    states = [PlaceState.WAITING, PlaceState.OFFERED] + ([PlaceState.CONFIRMED] if remove_all else [])
    async with transaction():
        allotment = await lock_allotment(allotment_id)
        places = await Place.filter(allotment_id=allotment_id, state__in=states).order_by("number")
        for place in places:
            await end_place(allotment, place, PlaceState.REMOVED, reason)
        allotment.state = AllotmentState.CLOSED
        allotment.version += 1
        await allotment.save(update_fields=["state", "version"])
        return places


async def _settle_allotment(row: Any) -> int:
    return await settle(await Allotment.get(id=row["id"]))


SETTLE_DUE_PLACES = due_sweep(
    "places_due",
    timedelta(seconds=5),
    rows="place p JOIN allotment a ON a.id = p.allotment_id",
    due="p.due_at",
    row_id="a.id",
    lock="UPDATE OF a",
    do=_settle_allotment,
    batch=100,
)
"""Offers that were not accepted and waits that the start cut short expire, holds lapse, others move up."""


async def move_places(from_id: str, into_id: str) -> None:
    """After two persons turned out to be one: their places, no-shows and blocks together.

    Where both have a place in one allotment, the worse one ends. Several allotments are locked in the order of their
    ids.
    """
    async with transaction():
        held = await fetch(
            "SELECT DISTINCT allotment_id FROM place WHERE person_id = $1 AND ended_at IS NULL ORDER BY allotment_id",
            from_id,
        )
        for row in held:
            await lock_allotment(row["allotment_id"])
        both = await fetch(
            "SELECT CASE WHEN kept.state = 'waiting' AND gone.state <> 'waiting' THEN kept.id ELSE gone.id END AS id "
            "FROM place gone JOIN place kept ON kept.allotment_id = gone.allotment_id AND kept.person_id = $2 "
            "AND kept.ended_at IS NULL WHERE gone.person_id = $1 AND gone.ended_at IS NULL "
            "AND (gone.state IN ('waiting', 'offered', 'confirmed') OR kept.state = 'waiting') "
            "ORDER BY gone.allotment_id",
            from_id,
            into_id,
        )
        for row in both:
            await leave_place(row["id"], "merged", removed=True)
        await execute(
            "UPDATE place SET person_id = $2 WHERE person_id = $1 AND (ended_at IS NOT NULL OR NOT EXISTS (SELECT 1 "
            "FROM place kept WHERE kept.allotment_id = place.allotment_id AND kept.person_id = $2 "
            "AND kept.ended_at IS NULL))",
            from_id,
            into_id,
        )
        for table in ("no_show", "block"):
            await execute(f"UPDATE {table} SET person_id = $2 WHERE person_id = $1", from_id, into_id)
