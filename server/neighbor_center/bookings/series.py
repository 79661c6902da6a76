"""Repeating bookings: every Tuesday for 8 weeks. Checked as a whole, and all or nothing; afterwards each occurrence is
a booking of its own that can be moved and cancelled by itself.

The first occurrence must be released for booking; the others follow it as far as the series goes. The limits of a day
and of a month hold for each, and as open bookings the whole series counts as one.
"""

from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from server.accounts.queries import require_dependant
from server.foundation import clock
from server.foundation.database import fetch, transaction
from server.foundation.dates import day_of, instant, render_short_date
from server.foundation.errors import InvalidFields, NotFound, Refusal, WrongState
from server.foundation.ids import Id
from server.neighbor_center.bookings import messages
from server.neighbor_center.bookings.models import BookingSeries
from server.neighbor_center.bookings.queries import (
    BookingView,
    RoomBookingView,
    list_series_bookings,
    list_series_rooms,
)
from server.neighbor_center.bookings.room_booking import (
    busy_span,
    cancel_room_booking,
    check_range,
    held_rooms,
    lock_room,
    place_room_booking,
    require_free_room,
)
from server.neighbor_center.bookings.slot_booking import (
    Wanted,
    ask_for_approval,
    cancel_booking,
    check_wanted,
    place_booking,
)
from server.neighbor_center.bookings.slots import make_slot, require_slot
from server.neighbor_center.bookings.terms import (
    HeldTime,
    ServiceTerms,
    check_day,
    check_limits,
    check_year,
    held_from,
    held_times,
    lock_for_booking,
    persons_to_tell,
    read_terms,
    require_may_act_for,
    require_may_book,
)
from server.neighbor_center.errors import ChangeTooLate, SeriesNotPossible, SlotNotOffered
from server.neighbor_center.opening.rules import Span
from server.neighbor_center.venues.queries import service_words
from server.notifications.service import notify
from server.organizations.access import role_holders
from server.places.errors import PlacesFull
from server.places.line import lock_allotment
from server.places.models import Purpose
from server.places.no_shows import ensure_not_blocked
from server.places.queries import count_places


class SeriesView(msgspec.Struct, kw_only=True):
    """A repeating booking: `bookings` of slots, or `room_bookings`, soonest first, those that ended included."""

    id: Id
    service_id: Id
    starts_at: datetime
    every_weeks: int
    times: int
    bookings: list[BookingView]
    room_bookings: list[RoomBookingView]


class Repetition(msgspec.Struct, frozen=True, kw_only=True):
    """`times` occurrences, one every `every_weeks`, at the same time by people's clocks; those on `leave_out` are
    passed over (they count as occurrences)."""

    times: int
    every_weeks: int = 1
    leave_out: list[date] = []


async def book_slot_series(service_id: str, starts_at: datetime, repetition: Repetition, wanted: Wanted) -> SeriesView:
    """Book the slot that begins then, and the same one in the weeks after.

    Raises SeriesNotPossible, which names each occurrence that cannot be had and why; NotFound, ConsentNeeded,
    NotEligible, TooFarAhead, TooShortNotice, Blocked, OutsideArea, InvalidFields.
    """
    check_year("starts_at", starts_at)
    await require_may_act_for(wanted.actor_id, wanted.person_id)
    async with transaction():
        await lock_for_booking(wanted.person_id, service_id)
        now, day = clock.now(), day_of(starts_at)
        begins = _begins(starts_at, repetition)
        terms = await read_terms(service_id, day, day_of(begins[-1]))
        await _check_once(terms, wanted.person_id, repetition)
        wanted = await check_wanted(terms, wanted)
        check_day(terms, require_slot(terms, begins[0]), now)
        series = await _create_series(terms, starts_at, repetition, wanted.actor_id, wanted.person_id)
        held = await held_times(wanted.person_id, held_from(day, now))
        spans, problems = _check_each(terms, begins, [None] * len(begins), held, series.id)
        # All slots first, in the order of time, then their allotments' locks in the order of ids, as everybody takes
        # them: two series that meet in several slots wait for each other in one order.
        slots = {span.starts_at: await make_slot(terms, span) for span in spans}
        for allotment_id in sorted(slot.allotment_id for slot in slots.values()):
            await lock_allotment(allotment_id)
        counts = await count_places([slot.allotment_id for slot in slots.values()])
        for span in spans:
            count = counts[slots[span.starts_at].allotment_id]
            if count.waiting or count.free < wanted.party_size:
                problems.append(_problem(span.starts_at, PlacesFull()))
        _raise_problems(problems)
        for span in spans:
            booking, _ = await place_booking(terms, span, wanted, series_id=series.id)
            await ask_for_approval(terms, booking)
        await _tell(series, terms)
    return await get_series(wanted.actor_id, series.id)


async def book_room_series(
    actor_id: str,
    service_id: str,
    starts_at: datetime,
    ends_at: datetime,
    repetition: Repetition,
    *,
    person_id: str | None = None,
    party_size: int = 1,
    note: str = "",
) -> SeriesView:
    """The same for a room."""
    check_year("starts_at", starts_at)
    check_year("ends_at", ends_at)
    person_id = person_id or actor_id
    await require_may_act_for(actor_id, person_id)
    async with transaction():
        await lock_for_booking(person_id, service_id)
        now, day = clock.now(), day_of(starts_at)
        begins = _begins(starts_at, repetition)
        terms = await read_terms(service_id, day, day_of(begins[-1]))
        await _check_once(terms, person_id, repetition)
        if party_size > terms.max_party_size:
            raise InvalidFields.of("party_size", f"最多 {terms.max_party_size} 人")
        length = ends_at - starts_at
        check_day(terms, check_range(terms, begins[0], begins[0] + length), now)
        series = await _create_series(terms, starts_at, repetition, actor_id, person_id)
        held = await held_rooms(person_id, held_from(day, now))
        spans, problems = _check_each(terms, begins, [begin + length for begin in begins], held, series.id)
        await lock_room(service_id)
        for span in spans:
            try:
                await require_free_room(service_id, busy_span(terms, span))
            except Refusal as refusal:
                problems.append(_problem(span.starts_at, refusal))
        _raise_problems(problems)
        for span in spans:
            booking = await place_room_booking(
                terms,
                span,
                actor_id=actor_id,
                person_id=person_id,
                party_size=party_size,
                note=note,
                series_id=series.id,
            )
            if terms.needs_approval:
                await notify(
                    await role_holders(terms.organization_id), messages.ROOM_TO_APPROVE, room_booking=booking.id
                )
        await _tell(series, terms)
    return await get_series(actor_id, series.id)


async def get_series(actor_id: str, series_id: str) -> SeriesView:
    """A series with its bookings. Raises NotFound unless it is the caller's or of somebody they look after."""
    series = await _require_visible(actor_id, series_id)
    return SeriesView(
        id=series_id,
        service_id=series.service_id,
        starts_at=series.starts_at,
        every_weeks=series.every_weeks,
        times=series.times,
        bookings=await list_series_bookings(actor_id, series_id),
        room_bookings=await list_series_rooms(actor_id, series_id),
    )


async def cancel_series(actor_id: str, series_id: str) -> SeriesView:
    """Give up all occurrences that can still be given up; those past their deadline stay. Raises NotFound."""
    await _require_visible(actor_id, series_id)
    async with transaction():
        # All bookings, then all allotments, each in the order of ids: somebody may be moving one of them meanwhile.
        slots = await fetch(
            "SELECT id, place_id FROM booking WHERE series_id = $1 AND starts_at > $2 ORDER BY id FOR NO KEY UPDATE",
            series_id,
            clock.now(),
        )
        rooms = await fetch(
            "SELECT id FROM room_booking WHERE series_id = $1 AND starts_at > $2 ORDER BY id FOR NO KEY UPDATE",
            series_id,
            clock.now(),
        )
        allotments = await fetch(
            "SELECT DISTINCT allotment_id FROM place WHERE id = ANY($1::uuid[]) ORDER BY allotment_id",
            [row["place_id"] for row in slots],
        )
        for row in allotments:
            await lock_allotment(row["allotment_id"])
        for row in slots:
            with suppress(ChangeTooLate, WrongState):
                await cancel_booking(actor_id, row["id"])
        for row in rooms:
            with suppress(ChangeTooLate, WrongState):
                await cancel_room_booking(actor_id, row["id"])
    return await get_series(actor_id, series_id)


async def describe_series(series_ids: list[str]) -> dict[str, dict[str, str]]:
    """Words for messages: what, where, when it begins, how often."""
    rows = await fetch(
        "SELECT q.id, s.name AS service, v.name AS venue, v.address, q.starts_at, "
        "(SELECT count(*) FROM booking b WHERE b.series_id = q.id) + (SELECT count(*) FROM room_booking r "
        "WHERE r.series_id = q.id) AS times FROM booking_series q JOIN service s ON s.id = q.service_id "
        "JOIN venue v ON v.id = s.venue_id WHERE q.id = ANY($1::uuid[])",
        list(series_ids),
    )
    return {row["id"]: service_words(row) | {"times": str(row["times"])} for row in rows}


def _begins(starts_at: datetime, repetition: Repetition) -> list[datetime]:
    """When the occurrences begin. Raises InvalidFields when the first is left out, SlotNotOffered within a minute."""
    local = clock.shanghai(starts_at)
    minutes = local.hour * 60 + local.minute
    if starts_at != instant(local.date(), minutes):
        raise SlotNotOffered()
    days = [local.date() + timedelta(weeks=number * repetition.every_weeks) for number in range(repetition.times)]
    begins = [instant(day, minutes) for day in days if day not in repetition.leave_out]
    if not begins or begins[0] != starts_at:
        raise InvalidFields.of("leave_out", "不能去掉第一次")
    return begins


async def _check_once(terms: ServiceTerms, person_id: str, repetition: Repetition) -> None:
    """What is the same for all occurrences."""
    if repetition.times > terms.max_repeats:
        words = f"最多可连续预约 {terms.max_repeats} 次" if terms.max_repeats else "该服务不能连续预约"
        raise InvalidFields.of("times", words)
    await ensure_not_blocked(person_id, Purpose.SLOT)
    await require_may_book(terms, person_id)


def _check_each(
    terms: ServiceTerms, begins: list[datetime], ends: list[datetime] | list[None], held: list[HeldTime], series_id: str
) -> tuple[list[Span], list[dict[str, Any]]]:
    """The occurrences that the calendar and the person's limits allow, and what stands against the others."""
    spans, problems = [], []
    for begin, end in zip(begins, ends, strict=True):
        try:
            span = require_slot(terms, begin) if end is None else check_range(terms, begin, end)
            check_limits(terms, span, held, series_id=series_id)
        except Refusal as refusal:
            problems.append(_problem(begin, refusal))
            continue
        spans.append(span)
        held = [*held, HeldTime(f"{begin}", terms.id, span.starts_at, span.ends_at, True, series_id)]
    return spans, problems


def _problem(starts_at: datetime, refusal: Refusal) -> dict[str, Any]:
    return {
        "starts_at": starts_at,
        "code": refusal.code,
        "title": refusal.title,
        "detail": refusal.detail,
    }


def _raise_problems(problems: list[dict[str, Any]]) -> None:
    if problems:
        problems.sort(key=lambda problem: problem["starts_at"])
        days = "、".join(render_short_date(problem["starts_at"]) for problem in problems[:5])
        raise SeriesNotPossible(f"{days}{'等' if len(problems) > 5 else ''}不能预约", occurrences=problems)


async def _create_series(
    terms: ServiceTerms, starts_at: datetime, repetition: Repetition, actor_id: str, person_id: str
) -> BookingSeries:
    return await BookingSeries.create(
        service_id=terms.id,
        person_id=person_id,
        booked_by_id=actor_id,
        starts_at=starts_at,
        every_weeks=repetition.every_weeks,
        times=repetition.times,
    )


async def _tell(series: BookingSeries, terms: ServiceTerms) -> None:
    """One message for all of it."""
    persons = await persons_to_tell(series.person_id, series.booked_by_id)
    await notify(
        persons, messages.SERIES_REQUESTED if terms.needs_approval else messages.SERIES_BOOKED, series=series.id
    )


async def _require_visible(actor_id: str, series_id: str) -> BookingSeries:
    series = await BookingSeries.get_or_none(id=series_id)
    if series is None:
        raise NotFound()
    await require_dependant(actor_id, series.person_id)
    return series
