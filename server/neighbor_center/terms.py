"""What a service asks of those who book it: when it is open, for whom it is, and how often one person may come."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from server import clock
from server.accounts.queries import require_dependant
from server.database import fetch, fetch_one, fetch_structs, fetch_value
from server.errors import InvalidFields, NotFound
from server.members.service import is_member
from server.neighbor_center.errors import (
    BookingOverlaps,
    ChangeTooLate,
    NotEligible,
    SlotNotOffered,
    TooFarAhead,
    TooManyBookings,
)
from server.neighbor_center.models import ServiceKind, ServiceMode, WhoMayBook
from server.neighbor_center.rules import Calendar, DayException, Span, WeeklyHours, day_of, instant
from server.places.models import PlaceState

_LAST_DAY = date(9999, 12, 31)
OPEN_STATES = (PlaceState.WAITING, PlaceState.OFFERED, PlaceState.CONFIRMED)


class ServiceTerms(msgspec.Struct, frozen=True, kw_only=True):
    """A service as those who book it meet it; see models.Service for the units."""

    id: str
    venue_id: str
    organization_id: str
    kind: ServiceKind
    mode: ServiceMode
    longest_minutes: int | None
    capacity: int
    max_party_size: int
    may_wait: bool
    who_may_book: WhoMayBook
    needs_approval: bool
    max_open_per_person: int
    max_per_day: int
    days_ahead: int
    cancel_until_minutes: int
    calendar: Calendar

    def last_bookable_day(self, now: datetime) -> date:
        return day_of(now) + timedelta(days=self.days_ahead)

    def deadline(self, starts_at: datetime) -> datetime:
        """Until when a booking that begins then can be cancelled or moved."""
        return starts_at - timedelta(minutes=self.cancel_until_minutes)


class HeldTime(msgspec.Struct, frozen=True):
    """Time that a person has booked or waits for. `is_open`: it can still be cancelled or moved."""

    booking_id: str
    service_id: str
    starts_at: datetime
    ends_at: datetime
    is_open: bool


CALENDAR_COLUMNS = (
    "s.minutes, s.buffer_minutes, s.state = 'offered' AND v.state = 'open' AS is_open, "
    "COALESCE((SELECT json_agg(json_build_object('weekdays', r.weekdays, 'opens', r.opens, 'closes', r.closes, "
    " 'valid_from', r.valid_from, 'valid_until', r.valid_until)) FROM opening_rule r WHERE r.service_id = s.id), '[]')"
    " AS rules, "
    "COALESCE((SELECT json_agg(json_build_object('day', e.day, 'kind', e.kind, 'opens', e.opens, 'closes', e.closes)) "
    " FROM opening_exception e WHERE e.venue_id = s.venue_id AND (e.service_id IS NULL OR e.service_id = s.id) "
    " AND e.ended_at IS NULL AND e.day BETWEEN $2 AND $3), '[]') AS exceptions"
)
"""A service `s` of a venue `v` as a Calendar of the days from $2 to $3; for calendar_of."""

TERMS_COLUMNS = (
    "s.id, s.venue_id, v.organization_id, s.kind, s.mode, s.longest_minutes, s.capacity, s.max_party_size, s.may_wait, "
    "s.who_may_book, s.needs_approval, s.max_open_per_person, s.max_per_day, s.days_ahead, s.cancel_until_minutes, "
    + CALENDAR_COLUMNS
)
"""The same with everything else in ServiceTerms; for terms_of."""


def calendar_of(row: Any) -> Calendar:
    """A row of CALENDAR_COLUMNS."""
    return Calendar(
        minutes=row["minutes"],
        buffer_minutes=row["buffer_minutes"],
        rules=msgspec.json.decode(row["rules"], type=list[WeeklyHours]),
        exceptions=msgspec.json.decode(row["exceptions"], type=list[DayException]),
        is_open=row["is_open"],
    )


def terms_of(row: Any) -> ServiceTerms:
    """A row of TERMS_COLUMNS, which may have more columns."""
    values = {name: row[name] for name in ServiceTerms.__struct_fields__ if name != "calendar"}
    return msgspec.convert(values | {"calendar": calendar_of(row)}, ServiceTerms)


async def read_terms(service_id: str, first_day: date = date.min, last_day: date = _LAST_DAY) -> ServiceTerms:
    """A service's terms, with its exceptions of those days. Raises NotFound."""
    row = await fetch_one(
        f"SELECT {TERMS_COLUMNS} FROM service s JOIN venue v ON v.id = s.venue_id WHERE s.id = $1",
        service_id,
        first_day,
        last_day,
    )
    if row is None:
        raise NotFound()
    return terms_of(row)


async def read_calendars(service_ids: Iterable[str]) -> dict[str, Calendar]:
    """The calendars of several services, all days."""
    rows = await fetch(
        f"SELECT s.id, {CALENDAR_COLUMNS} FROM service s JOIN venue v ON v.id = s.venue_id "
        "WHERE s.id = ANY($1::uuid[])",
        list(service_ids),
        date.min,
        _LAST_DAY,
    )
    return {row["id"]: calendar_of(row) for row in rows}


async def lock_for_booking(person_id: str, service_id: str) -> None:
    """What every booking locks first, in this order. Raises NotFound.

    The person: two bookings of one person at the same time would each count only themselves against the limits. The
    venue, shared: a booking that begins while staff close the day must not slip in behind their list of whom to tell
    (they hold it exclusively, see calendars.py). NO KEY, so that rows that merely refer to the person don't wait.
    """
    await fetch("SELECT 1 FROM person WHERE id = $1 FOR NO KEY UPDATE", person_id)
    if not await fetch_value(
        "SELECT 1 FROM venue WHERE id = (SELECT venue_id FROM service WHERE id = $1) FOR SHARE", service_id
    ):
        raise NotFound()


async def require_may_book(terms: ServiceTerms, person_id: str) -> None:
    """Raises NotEligible when the service is for others."""
    if terms.who_may_book is WhoMayBook.MEMBERS and not await is_member(person_id):
        raise NotEligible("该服务仅面向党员")
    if terms.who_may_book is WhoMayBook.RESIDENTS and not await fetch_value(
        "SELECT home.path <@ own.path OR own.path <@ home.path FROM person p "
        "JOIN organization home ON home.id = p.community_id JOIN organization own ON own.id = $2 WHERE p.id = $1",
        person_id,
        terms.organization_id,
    ):
        raise NotEligible("该服务仅面向本辖区居民，请先选择所在社区")


async def held_times(person_id: str, from_day: date) -> list[HeldTime]:
    """What the person has booked or waits for, from that day on (what is over that day included)."""
    return await fetch_structs(
        HeldTime,
        "SELECT b.id AS booking_id, t.service_id, t.starts_at, t.ends_at, "
        "p.state = ANY($3) AND t.ends_at > $4 AS is_open FROM booking b "
        "JOIN slot t ON t.id = b.slot_id JOIN place p ON p.id = b.place_id "
        "WHERE b.person_id = $1 AND b.starts_at >= $2 AND p.ended_at IS NULL ORDER BY b.starts_at",
        person_id,
        instant(from_day, 0),
        [str(state) for state in OPEN_STATES],
        clock.now(),
    )


async def persons_to_tell(person_id: str, booked_by_id: str) -> set[str]:
    """Whom a booking concerns: the person, and who booked for them, as long as they look after the person."""
    try:
        await require_dependant(booked_by_id, person_id)
    except NotFound:
        return {person_id}
    return {person_id, booked_by_id}


def check_year(field: str, day: date) -> None:
    """Raises InvalidFields for a day (or a moment) out of all reason: arithmetic with it could overflow."""
    if not 2000 <= day.year <= 2200:
        raise InvalidFields.of(field, "日期不正确")


def check_day(terms: ServiceTerms, span: Span, now: datetime) -> None:
    """Raises SlotNotOffered for what has begun, TooFarAhead for what is not opened for booking yet."""
    if span.starts_at <= now:
        raise SlotNotOffered("该时段已开始")
    if day_of(span.starts_at) > (until := terms.last_bookable_day(now)):
        raise TooFarAhead(f"目前可预约至 {until.month}月{until.day}日", until=until)


def check_limits(terms: ServiceTerms, span: Span, held: list[HeldTime], *, moving: str | None = None) -> None:
    """Raises TooManyBookings or BookingOverlaps. `moving` is the booking that this one takes the place of."""
    others = [time for time in held if time.booking_id != moving]
    for time in others:
        if time.is_open and span.overlaps(Span(time.starts_at, time.ends_at)):
            raise BookingOverlaps(booking_id=time.booking_id)
    of_service = [time for time in others if time.service_id == terms.id]
    if sum(time.is_open for time in of_service) >= terms.max_open_per_person:
        raise TooManyBookings(
            f"同时最多可有 {terms.max_open_per_person} 个未完成的预约",
            limit="max_open_per_person",
            allowed=terms.max_open_per_person,
        )
    day = day_of(span.starts_at)
    if sum(day_of(time.starts_at) == day for time in of_service) >= terms.max_per_day:
        raise TooManyBookings(f"每天最多可预约 {terms.max_per_day} 次", limit="max_per_day", allowed=terms.max_per_day)


def check_deadline(terms: ServiceTerms, starts_at: datetime, now: datetime) -> None:
    """Raises ChangeTooLate."""
    deadline = terms.deadline(starts_at)
    if now > deadline:
        shown = clock.shanghai(deadline)
        raise ChangeTooLate(f"截止时间为 {shown.month}月{shown.day}日 {shown:%H:%M}", deadline=deadline)
