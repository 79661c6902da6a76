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
from server.accounts.whose import relative, whose_words
from server.foundation import clock
from server.foundation.database import fetch, transaction
from server.foundation.dates import day_of, instant, render_short_date
from server.foundation.errors import InvalidFields, NotFound, Refusal, WrongState
from server.foundation.ids import Id
from server.neighbor_center.bookings import messages
from server.neighbor_center.bookings.booking import (
    Wanted,
    ask_for_approval,
    check_times,
    check_wanted,
    give_up,
    require_span,
    write_booking,
)
from server.neighbor_center.bookings.kinds import KINDS, ROOMS, SLOTS, AnyKind, persons_to_tell
from server.neighbor_center.bookings.models import BookingSeries
from server.neighbor_center.bookings.queries import list_series_bookings
from server.neighbor_center.bookings.rooms import busy_span, lock_room, require_free_room
from server.neighbor_center.bookings.slots import make_slot
from server.neighbor_center.bookings.terms import (
    HeldTime,
    ServiceTerms,
    check_day,
    check_limits,
    held_from,
    held_times,
    lock_for_booking,
    read_terms,
    require_may_act_for,
    require_may_book,
)
from server.neighbor_center.bookings.views import BookingView, RoomBookingView
from server.neighbor_center.bookings.words import service_words
from server.neighbor_center.errors import ChangeTooLate, SeriesNotPossible, SlotNotOffered
from server.neighbor_center.opening.rules import Span
from server.notifications.telling import notify
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


async def book_series(kind: AnyKind, service_id: str, wanted: Wanted, repetition: Repetition) -> SeriesView:
    """Book what is wanted, and the same in the weeks after.

    Raises SeriesNotPossible, which names each occurrence that cannot be had and why; NotFound, ConsentNeeded,
    NotEligible, TooFarAhead, TooShortNotice, Blocked, OutsideArea, InvalidFields.
    """
    check_times(wanted.starts_at, wanted.ends_at)
    async with transaction():
        await require_may_act_for(wanted.actor_id, wanted.person_id)
        await lock_for_booking(wanted.person_id, service_id)
        now, day = clock.now(), day_of(wanted.starts_at)
        begins = _begins(wanted.starts_at, repetition)
        terms = await read_terms(service_id, day, day_of(begins[-1]))
        await _check_once(terms, wanted.person_id, repetition)
        wanted = await check_wanted(terms, wanted)
        check_day(terms, require_span(kind, terms, wanted.starts_at, wanted.ends_at), now)
        series = await BookingSeries.create(
            service_id=service_id,
            person_id=wanted.person_id,
            booked_by_id=wanted.actor_id,
            starts_at=wanted.starts_at,
            every_weeks=repetition.every_weeks,
            times=repetition.times,
        )
        held = await held_times(kind, wanted.person_id, held_from(day, now))
        spans, problems = _check_each(kind, terms, begins, wanted, held, series.id)
        problems += await (
            _find_full_slots(terms, spans, wanted.party_size) if kind is SLOTS else _find_taken_rooms(terms, spans)
        )
        _raise_problems(problems)
        for span in spans:
            booking = await write_booking(kind, terms, span, wanted, series_id=series.id)
            await ask_for_approval(terms, booking)
        persons = await persons_to_tell(wanted.person_id, wanted.actor_id)
        event = messages.SERIES_REQUESTED if terms.needs_approval else messages.SERIES_BOOKED
        await notify(persons, event, series=series.id)
        return await get_series(wanted.actor_id, series.id)


async def get_series(actor_id: str, series_id: str) -> SeriesView:
    """A series with its bookings. Raises NotFound unless it is the caller's or of somebody they look after."""
    series = await _require_visible(actor_id, series_id)
    return SeriesView(
        id=series_id,
        service_id=series.service_id,
        starts_at=series.starts_at,
        every_weeks=series.every_weeks,
        times=series.times,
        bookings=await list_series_bookings(SLOTS, actor_id, series_id),
        room_bookings=await list_series_bookings(ROOMS, actor_id, series_id),
    )


async def cancel_series(actor_id: str, series_id: str) -> SeriesView:
    """Give up all occurrences that can still be given up; those past their deadline stay. Raises NotFound."""
    series = await _require_visible(actor_id, series_id)
    async with transaction():
        # All bookings, then all allotments, each in the order of ids: somebody may be moving one of them meanwhile.
        coming = [
            (kind, row["id"])
            for kind in KINDS
            for row in await fetch(
                f"SELECT id FROM {kind.table} WHERE series_id = $1 AND starts_at > $2 ORDER BY id FOR NO KEY UPDATE",
                series_id,
                clock.now(),
            )
        ]
        allotments = await fetch(
            "SELECT DISTINCT allotment_id FROM place p JOIN booking b ON b.place_id = p.id "
            "WHERE b.id = ANY($1::uuid[]) ORDER BY allotment_id",
            [booking_id for _, booking_id in coming],
        )
        for row in allotments:
            await lock_allotment(row["allotment_id"])
        for kind, booking_id in coming:
            with suppress(ChangeTooLate, WrongState):
                await give_up(kind, booking_id, series.service_id)
        return await get_series(actor_id, series_id)


async def describe_series(series_ids: list[str]) -> dict[str, dict[str, Any]]:
    """Words for messages: what, where, when it begins, how often."""
    rows = await fetch(
        "SELECT q.id, s.name AS service, v.name AS venue, v.address, q.starts_at, "
        f"{relative('q.person_id', 'q.booked_by_id')}, "
        "(SELECT count(*) FROM booking b WHERE b.series_id = q.id) + (SELECT count(*) FROM room_booking r "
        "WHERE r.series_id = q.id) AS times FROM booking_series q JOIN service s ON s.id = q.service_id "
        "JOIN venue v ON v.id = s.venue_id WHERE q.id = ANY($1::uuid[])",
        list(series_ids),
    )
    whose = await whose_words(rows)
    return {row["id"]: service_words(row) | whose[row["id"]] | {"times": str(row["times"])} for row in rows}


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
    kind: AnyKind,
    terms: ServiceTerms,
    begins: list[datetime],
    wanted: Wanted,
    held: list[HeldTime],
    series_id: str,
) -> tuple[list[Span], list[dict[str, Any]]]:
    """The occurrences that the calendar and the person's limits allow, and what stands against the others."""
    spans, problems = [], []
    for begin in begins:
        ends_at = wanted.ends_at and begin + (wanted.ends_at - wanted.starts_at)
        try:
            span = require_span(kind, terms, begin, ends_at)
            check_limits(terms, span, held, series_id=series_id)
        except Refusal as refusal:
            problems.append(_problem(begin, refusal))
            continue
        spans.append(span)
        held = [*held, HeldTime(f"{begin}", terms.id, span.starts_at, span.ends_at, True, series_id)]
    return spans, problems


async def _find_full_slots(terms: ServiceTerms, spans: list[Span], party_size: int) -> list[dict[str, Any]]:
    """Which of the slots, locked from now on, have no room for the party."""
    # All slots first, in the order of time, then their allotments' locks in the order of ids, as everybody takes
    # them: two series that meet in several slots wait for each other in one order.
    slots = {span.starts_at: await make_slot(terms, span) for span in spans}
    for allotment_id in sorted(slot.allotment_id for slot in slots.values()):
        await lock_allotment(allotment_id)
    counts = await count_places([slot.allotment_id for slot in slots.values()])
    free = {
        starts_at: 0 if counts[slot.allotment_id].waiting else counts[slot.allotment_id].free
        for starts_at, slot in slots.items()
    }
    return [_problem(starts_at, PlacesFull()) for starts_at, places in free.items() if places < party_size]


async def _find_taken_rooms(terms: ServiceTerms, spans: list[Span]) -> list[dict[str, Any]]:
    """When others have the room, which is locked from now on."""
    problems = []
    await lock_room(terms.id)
    for span in spans:
        try:
            await require_free_room(terms.id, busy_span(terms, span))
        except Refusal as refusal:
            problems.append(_problem(span.starts_at, refusal))
    return problems


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


async def _require_visible(actor_id: str, series_id: str) -> BookingSeries:
    series = await BookingSeries.get_or_none(id=series_id)
    if series is None:
        raise NotFound()
    await require_dependant(actor_id, series.person_id)
    return series
