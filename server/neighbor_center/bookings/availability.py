"""When a service can still be booked, as it stands for one person."""

from collections import Counter
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec

from server.accounts.queries import require_dependant
from server.foundation import clock
from server.foundation.database import fetch_one, fetch_structs
from server.foundation.dates import day_of, instant
from server.foundation.errors import NotFound
from server.foundation.ids import Id, encode_id
from server.foundation.words import Worded
from server.neighbor_center.bookings.kinds import ROOMS, SLOTS
from server.neighbor_center.bookings.models import OPEN_STATES
from server.neighbor_center.bookings.terms import (
    LIVES_HERE,
    TERMS_COLUMNS,
    HeldTime,
    ServiceTerms,
    check_day,
    check_limits,
    held_from,
    held_times,
    read_terms,
    require_may_book,
    terms_of,
)
from server.neighbor_center.errors import BookingOverlaps, NotEligible, TooFarAhead, TooManyBookings, TooShortNotice
from server.neighbor_center.opening.rules import Span, check_year, free_spans, open_spans, slots_of_day


class Availability(Worded):
    """What tapping a slot would do. `mine`: it is the person's already; `limit`: a limit of the service stands in the
    way; `overlap`: something else that the person has booked does; `too_late`: it had to be booked earlier; `not_yet`:
    its day is not released yet."""

    FREE = "free", "可预约"
    WAITING_LIST = "waiting_list", "可候补"
    FULL = "full", "已约满"
    MINE = "mine", "已预约"
    OVER = "over", "已结束"
    TOO_LATE = "too_late", "已过预约截止时间"
    NOT_YET = "not_yet", "尚未开放预约"
    OVERLAP = "overlap", "与其他预约时间冲突"
    LIMIT = "limit", "已达预约上限"


class SlotView(msgspec.Struct):
    """A slot: places in all, free ones, parties waiting, and what tapping it would do."""

    starts_at: datetime
    ends_at: datetime
    capacity: int
    free: int
    waiting: int
    availability: Availability
    booking_id: Id | None = None


class DayView(msgspec.Struct):
    day: date
    slots: list[SlotView]


class MonthUse(msgspec.Struct):
    """How many bookings of the service the person has in a month (2031-03)."""

    month: str
    used: int


class LimitsView(msgspec.Struct, kw_only=True):
    """What the service allows this person, and how much of it is used: shown before the click.

    `next_release_at`: when the day after `last_bookable_day` opens for booking. `not_eligible` says in words why they
    may not book it at all; empty when they may.
    """

    max_open_per_person: int
    open_now: int
    max_per_day: int
    max_per_month: int | None
    used_by_month: list[MonthUse]
    max_repeats: int
    last_bookable_day: date
    next_release_at: datetime
    book_until_minutes: int
    cancel_until_minutes: int
    max_party_size: int
    needs_approval: bool
    not_eligible: str


class AvailabilityView(msgspec.Struct):
    """The slots of a service for some days, as they stand for one person."""

    service_id: Id
    limits: LimitsView
    days: list[DayView]


class SpanView(msgspec.Struct):
    starts_at: datetime
    ends_at: datetime


class RoomDay(msgspec.Struct):
    """When a room can still be had that day; the pause after each booking is taken out. Requests do not count."""

    day: date
    shortest_minutes: int
    longest_minutes: int
    buffer_minutes: int
    limits: LimitsView
    free: list[SpanView]


class FreeDay(msgspec.Struct):
    day: date
    free: list[SpanView]


class RoomDays(msgspec.Struct, kw_only=True):
    """The same of several days."""

    shortest_minutes: int
    longest_minutes: int
    buffer_minutes: int
    limits: LimitsView
    days: list[FreeDay]


_SERVICE_AS_HELD = (
    f"SELECT {TERMS_COLUMNS}, "
    # Looked up slot by slot: joined, the planner would rather read through all allotments of the city.
    "(SELECT json_agg(json_build_array(t.starts_at, (SELECT json_build_array(a.capacity, a.taken) FROM allotment a "
    "  WHERE a.id = t.allotment_id), (SELECT count(*) FROM place p WHERE p.allotment_id = t.allotment_id "
    "  AND p.state = 'waiting'))) "
    " FROM slot t WHERE t.service_id = s.id AND t.starts_at >= $4 AND t.starts_at < $5) AS slots, "
    "(SELECT json_agg(json_build_object('booking_id', b.id, 'service_id', t.service_id, 'starts_at', t.starts_at, "
    f"  'ends_at', t.ends_at, 'is_open', {SLOTS.state} = ANY($8) AND t.ends_at > $9, 'series_id', b.series_id)) "
    " FROM booking b JOIN slot t ON t.id = b.slot_id JOIN place p ON p.id = b.place_id "
    " WHERE b.person_id = $6 AND b.starts_at >= $7 AND p.ended_at IS NULL) AS held, "
    f"{LIVES_HERE} AS lives_here "
    "FROM service s JOIN venue v ON v.id = s.venue_id WHERE s.id = $1"
)
"""A service's terms, its slots from $4 to $5 and what the person $6 holds, in one; for _read_counts and _read_held."""


async def get_availability(
    caller_id: str, service_id: str, *, first_day: date | None, days: int, person_id: str | None
) -> AvailabilityView:
    """The slots of `days` days from `first_day` (today without one) as they stand for the caller, or for the person
    that the caller looks after. One indexed query, however many bookings there are. Raises NotFound (also for a room,
    which has no slots: get_room_day)."""
    now = clock.now()
    first_day = first_day or day_of(now)
    check_year("first_day", first_day)
    last_day = first_day + timedelta(days=days - 1)
    person_id = person_id or caller_id
    await require_dependant(caller_id, person_id)
    row = await fetch_one(
        _SERVICE_AS_HELD,
        service_id,
        first_day,
        last_day,
        instant(first_day, 0),
        instant(last_day, 1440),
        person_id,
        instant(held_from(first_day, now), 0),
        [str(state) for state in OPEN_STATES],
        now,
    )
    if row is None or row["longest_minutes"] is not None:
        raise NotFound()
    terms = terms_of(row)
    counts, held = _read_counts(row["slots"]), _read_held(row["held"])
    return AvailabilityView(
        service_id,
        await _limits_for(terms, held, person_id, now, bool(row["lives_here"])),
        [
            DayView(
                day,
                [
                    _slot_view(terms, slot, counts.get(slot.starts_at, (terms.capacity, 0, 0)), held, now)
                    for slot in slots_of_day(terms.calendar, day)
                ],
            )
            for day in (first_day + timedelta(days=number) for number in range(days))
        ],
    )


def _read_counts(slots: str | None) -> dict[datetime, tuple[int, int, int]]:
    """Begin → capacity, taken, waiting, of the slots that somebody has asked for yet."""
    rows = msgspec.json.decode(slots or "[]", type=list[tuple[datetime, tuple[int, int], int]])
    return {starts_at: (capacity, taken, waiting) for starts_at, (capacity, taken), waiting in rows}


def _read_held(held: str | None) -> list[HeldTime]:
    return [
        # Inside JSON, PostgreSQL writes ids in its own long form.
        msgspec.structs.replace(
            time,
            booking_id=_short_id(time.booking_id),
            service_id=_short_id(time.service_id),
            series_id=time.series_id and _short_id(time.series_id),
        )
        for time in msgspec.json.decode(held or "[]", type=list[HeldTime])
    ]


async def get_room_day(caller_id: str, service_id: str, day: date, person_id: str | None = None) -> RoomDay:
    """When the room is free that day, and what the caller, or the person that they look after, may have of it. Raises
    NotFound (also for a service that is no room)."""
    found = await get_room_days(caller_id, service_id, first_day=day, days=1, person_id=person_id)
    return RoomDay(
        day,
        found.shortest_minutes,
        found.longest_minutes,
        found.buffer_minutes,
        found.limits,
        found.days[0].free,
    )


async def get_room_days(
    caller_id: str, service_id: str, *, first_day: date | None, days: int, person_id: str | None = None
) -> RoomDays:
    """The same of `days` days from `first_day` (today without one), in as many statements."""
    now = clock.now()
    first_day = first_day or day_of(now)
    check_year("first_day", first_day)
    last_day = first_day + timedelta(days=days - 1)
    person_id = person_id or caller_id
    await require_dependant(caller_id, person_id)
    terms = await read_terms(service_id, first_day, last_day)
    if terms.longest_minutes is None:
        raise NotFound()
    busy = await fetch_structs(
        Span,
        "SELECT starts_at, busy_until AS ends_at FROM room_booking WHERE service_id = $1 AND ended_at IS NULL "
        "AND state <> 'requested' AND starts_at >= $2 AND starts_at < $3 ORDER BY starts_at",
        service_id,
        instant(first_day, 0) - timedelta(days=1),
        instant(last_day, 1440),
    )
    held = await held_times(ROOMS, person_id, held_from(first_day, now))
    if now > instant(first_day, 0):
        busy.append(Span(instant(first_day, 0), now))
    return RoomDays(
        shortest_minutes=terms.calendar.minutes,
        longest_minutes=terms.longest_minutes,
        buffer_minutes=terms.calendar.buffer_minutes,
        limits=await _limits_for(terms, held, person_id, now),
        days=[
            FreeDay(day, [SpanView(free.starts_at, free.ends_at) for free in _free(terms, day, busy)])
            for day in (first_day + timedelta(days=number) for number in range(days))
        ],
    )


def _free(terms: ServiceTerms, day: date, busy: list[Span]) -> list[Span]:
    return free_spans(open_spans(terms.calendar, day), busy)


def _short_id(long: str) -> str:
    return encode_id(UUID(long).bytes)


async def _limits_for(
    terms: ServiceTerms, held: list[HeldTime], person_id: str, now: datetime, lives_here: bool | None = None
) -> LimitsView:
    try:
        await require_may_book(terms, person_id, lives_here=lives_here)
        not_eligible = ""
    except NotEligible as refusal:
        not_eligible = refusal.detail
    of_service = [time for time in held if time.service_id == terms.id]
    months = Counter(f"{day_of(time.starts_at):%Y-%m}" for time in of_service)
    last_day = terms.last_bookable_day(now)
    return LimitsView(
        max_open_per_person=terms.max_open_per_person,
        open_now=len({time.series_id or time.booking_id for time in of_service if time.is_open}),
        max_per_day=terms.max_per_day,
        max_per_month=terms.max_per_month,
        used_by_month=[MonthUse(month, used) for month, used in sorted(months.items())],
        max_repeats=terms.max_repeats,
        last_bookable_day=last_day,
        next_release_at=instant(last_day - timedelta(days=terms.days_ahead - 1), terms.released_at),
        book_until_minutes=terms.book_until_minutes,
        cancel_until_minutes=terms.cancel_until_minutes,
        max_party_size=terms.max_party_size,
        needs_approval=terms.needs_approval,
        not_eligible=not_eligible,
    )


def _slot_view(
    terms: ServiceTerms, slot: Span, counts: tuple[int, int, int], held: list[HeldTime], now: datetime
) -> SlotView:
    capacity, taken, waiting = counts
    free = max(capacity - taken, 0)
    mine = next((time for time in held if time.service_id == terms.id and time.starts_at == slot.starts_at), None)
    if mine:
        availability = Availability.MINE
    elif slot.starts_at <= now:
        availability = Availability.OVER
    elif (stands_in_the_way := _limit_on(terms, slot, held, now)) is not None:
        availability = stands_in_the_way
    elif free and not waiting:
        availability = Availability.FREE
    else:
        availability = Availability.WAITING_LIST if terms.may_wait else Availability.FULL
    return SlotView(
        slot.starts_at, slot.ends_at, capacity, free, waiting, availability, mine.booking_id if mine else None
    )


def _limit_on(terms: ServiceTerms, slot: Span, held: list[HeldTime], now: datetime) -> Availability | None:
    """Which refusal book_slot would give, told before the click by the very same checks."""
    try:
        check_day(terms, slot, now)
        check_limits(terms, slot, held)
    except TooShortNotice:
        return Availability.TOO_LATE
    except TooFarAhead:
        return Availability.NOT_YET
    except BookingOverlaps:
        return Availability.OVERLAP
    except TooManyBookings:
        return Availability.LIMIT
    return None
