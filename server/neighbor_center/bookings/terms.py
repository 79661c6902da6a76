"""What a service asks of those who book it: when it is open, for whom it is, and how often one person may come."""

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from server.accounts.consents import ConsentNeeded
from server.accounts.models import ConsentKind
from server.accounts.queries import has_consent, hold_dependant
from server.foundation import clock
from server.foundation.database import fetch, fetch_one, fetch_structs, fetch_value
from server.foundation.dates import day_of, instant, render_short_date, render_short_time
from server.foundation.errors import InvalidFields, NotFound
from server.members.memberships import is_member
from server.neighbor_center.bookings.kinds import SLOTS, AnyKind
from server.neighbor_center.bookings.models import OPEN_STATES
from server.neighbor_center.errors import (
    BookingOverlaps,
    ChangeTooLate,
    NotEligible,
    OutsideArea,
    SlotNotOffered,
    TooFarAhead,
    TooManyBookings,
    TooShortNotice,
)
from server.neighbor_center.opening.queries import CALENDAR_COLUMNS, LAST_DAY, calendar_of
from server.neighbor_center.opening.rules import Calendar, Span
from server.neighbor_center.venues.models import ServiceKind, ServiceMode, WhoMayBook
from server.organizations.models import Level
from server.places.models import Purpose
from server.places.no_shows import blocked


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
    max_per_month: int | None
    max_repeats: int
    days_ahead: int
    released_at: int
    book_until_minutes: int
    cancel_until_minutes: int
    answer_within_hours: int
    area_ids: list[str]
    calendar: Calendar

    def last_bookable_day(self, now: datetime) -> date:
        """The last day that is released for booking; the next one follows at `released_at`."""
        today = day_of(now)
        released = now >= instant(today, self.released_at)
        return today + timedelta(days=self.days_ahead if released else self.days_ahead - 1)

    def answer_by(self, now: datetime, starts_at: datetime) -> datetime:
        """Until when a request made now is promised an answer; before the thing begins in any case."""
        return min(now + timedelta(hours=self.answer_within_hours), starts_at)

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
    series_id: str | None = None


TERMS_COLUMNS = (
    "s.id, s.venue_id, v.organization_id, s.kind, s.mode, s.longest_minutes, s.capacity, s.max_party_size, s.may_wait, "
    "s.who_may_book, s.needs_approval, s.max_open_per_person, s.max_per_day, s.max_per_month, s.max_repeats, "
    "s.days_ahead, s.released_at, s.book_until_minutes, s.cancel_until_minutes, s.answer_within_hours, s.area_ids, "
    + CALENDAR_COLUMNS
)
"""The same with everything else in ServiceTerms; for terms_of."""


def terms_of(row: Any) -> ServiceTerms:
    """A row of TERMS_COLUMNS, which may have more columns."""
    values = {name: row[name] for name in ServiceTerms.__struct_fields__ if name != "calendar"}
    return msgspec.convert(values | {"calendar": calendar_of(row)}, ServiceTerms)


async def read_terms(service_id: str, first_day: date = date.min, last_day: date = LAST_DAY) -> ServiceTerms:
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


async def lock_for_booking(person_id: str, service_id: str) -> None:
    """What every booking locks first, in this order. Raises NotFound.

    The person: two bookings of one person at the same time would each count only themselves against the limits. The
    venue, shared: a booking that begins while staff close the day must not slip in behind their list of whom to tell
    (they hold it exclusively, see changes/calendars.py). NO KEY: rows that merely refer to the person don't wait.
    """
    if not await fetch(
        "SELECT 1 FROM person p CROSS JOIN venue v WHERE p.id = $1 AND v.id = (SELECT venue_id FROM service "
        "WHERE id = $2) FOR NO KEY UPDATE OF p FOR SHARE OF v",
        person_id,
        service_id,
    ):
        raise NotFound()


class Standing(NamedTuple):
    """What a service asks, and how the person stands who would book it: what of this kind they have, until when they
    are blocked, and, where it is for residents, whether they are one."""

    terms: ServiceTerms
    held: list[HeldTime]
    blocked_until: datetime | None
    lives_here: bool | None


async def read_standing(kind: AnyKind, person_id: str, service_id: str, day: date, now: datetime) -> Standing:
    """All that decides about a booking on that day, in one look; after lock_for_booking. Raises NotFound."""
    held = ", ".join(f"h.{name} AS held_{name}" for name in HeldTime.__struct_fields__)
    rows = await fetch(
        f"SELECT {TERMS_COLUMNS}, {blocked('$4', Purpose.SLOT, '$5')} AS blocked_until, "
        f"CASE WHEN s.who_may_book = 'residents' THEN {LIVES_HERE.replace('$6', '$4')} END AS lives_here, {held} "
        f"FROM service s JOIN venue v ON v.id = s.venue_id LEFT JOIN ({_held(kind, '$4', '$6', '$7', '$5')}) h ON true "
        "WHERE s.id = $1 ORDER BY h.starts_at",
        service_id,
        day,
        day,
        person_id,
        now,
        instant(held_from(day, now), 0),
        [str(state) for state in OPEN_STATES],
    )
    if not rows:
        raise NotFound()
    return Standing(
        terms_of(rows[0]),
        [
            HeldTime(**{name: row[f"held_{name}"] for name in HeldTime.__struct_fields__})
            for row in rows
            if row["held_booking_id"]
        ],
        rows[0]["blocked_until"],
        rows[0]["lives_here"],
    )


LIVES_HERE = (
    "(SELECT home.path <@ own.path OR own.path <@ home.path FROM person p JOIN organization home "
    "ON home.id = p.community_id JOIN organization own ON own.id = v.organization_id WHERE p.id = $6)"
)
"""Whether the person $6 belongs to the organization of the venue `v`, or the other way round."""


async def require_may_book(terms: ServiceTerms, person_id: str, *, lives_here: bool | None = None) -> None:
    """Raises NotEligible when the service is for others. `lives_here` spares the look where it is known."""
    if terms.who_may_book is WhoMayBook.MEMBERS and not await is_member(person_id):
        raise NotEligible("该服务仅面向党员")
    if terms.who_may_book is WhoMayBook.RESIDENTS:
        if lives_here is None:
            lives_here = await fetch_value(
                f"SELECT {LIVES_HERE.replace('$6', '$2')} FROM venue v WHERE v.id = $1", terms.venue_id, person_id
            )
        if not lives_here:
            raise NotEligible("该服务仅面向本辖区居民，请先选择所在社区")


async def require_may_act_for(actor_id: str, person_id: str) -> None:
    """For oneself, or for somebody one looks after, who agreed to it or whose guardian one is.

    Raises NotFound, ConsentNeeded once the consent that was recorded has been withdrawn.
    """
    await hold_dependant(actor_id, person_id)
    if actor_id != person_id and not (
        await has_consent(person_id, ConsentKind.ON_BEHALF) or await has_consent(person_id, ConsentKind.GUARDIAN)
    ):
        raise ConsentNeeded("请先确认已征得家人同意")


async def find_visited_area(terms: ServiceTerms, area_id: str | None) -> str:
    """The grid (or, where there are none, the community) to which a home visit goes. Raises InvalidFields where none
    is given, OutsideArea where the service does not go there."""
    row = area_id and await fetch_one(
        "SELECT COALESCE((SELECT g.id FROM organization g WHERE g.path @> o.path AND g.level = 'grid'), o.id) AS id, "
        "EXISTS (SELECT 1 FROM organization a WHERE a.id = ANY($3::uuid[]) AND a.path @> o.path) AS is_inside "
        "FROM organization o WHERE o.id = $1 AND o.closed_at IS NULL AND o.level = ANY($2)",
        area_id,
        [str(level) for level in (Level.COMMUNITY, Level.GRID, Level.BUILDING)],
        terms.area_ids or [terms.organization_id],
    )
    if not row:
        raise InvalidFields.of("area_id", "请选择所在网格或楼栋")
    if not row["is_inside"]:
        raise OutsideArea()
    return str(row["id"])


def held_from(day: date, now: datetime) -> date:
    """From when on what a person holds matters for a booking on that day: its month, and all that is to come."""
    return min(day.replace(day=1), day_of(now))


async def held_times(kind: AnyKind, person_id: str, from_day: date) -> list[HeldTime]:
    """What of this kind the person has booked or waits for, from that day on (what is over that day included)."""
    return await fetch_structs(
        HeldTime,
        f"{_held(kind, '$1', '$2', '$3', '$4')} ORDER BY starts_at",
        person_id,
        instant(from_day, 0),
        [str(state) for state in OPEN_STATES],
        clock.now(),
    )


def _held(kind: AnyKind, person: str, since: str, open_states: str, now: str) -> str:
    """SQL: columns of HeldTime."""
    return (
        f"SELECT b.id AS booking_id, s.id AS service_id, {kind.time}.starts_at, {kind.time}.ends_at, "
        f"{kind.state} = ANY({open_states}) AND {kind.time}.ends_at > {now} AS is_open, b.series_id "
        f"FROM {kind.source} WHERE b.person_id = {person} AND b.starts_at >= {since} AND {kind.ended}.ended_at IS NULL"
    )


def find_held(kind: AnyKind, held: list[HeldTime], service_id: str, span: Span) -> str | None:
    """The booking that the person has of just this. A slot is told by its begin: one that has begun stays itself when
    the service's slots become longer."""
    for time in held:
        is_same = time.starts_at == span.starts_at and (kind is SLOTS or time.ends_at == span.ends_at)
        if time.service_id == service_id and is_same:
            return time.booking_id
    return None


def check_day(terms: ServiceTerms, span: Span, now: datetime) -> None:
    """Raises SlotNotOffered for what has begun, TooShortNotice for what can no longer be booked, TooFarAhead for what
    is not released for booking yet."""
    if span.starts_at <= now:
        raise SlotNotOffered("该时段已开始")
    if now > (deadline := span.starts_at - timedelta(minutes=terms.book_until_minutes)):
        raise TooShortNotice(f"须在 {render_short_time(deadline)} 前预约", deadline=deadline)
    if day_of(span.starts_at) > (until := terms.last_bookable_day(now)):
        raise TooFarAhead(f"目前可预约至 {render_short_date(until)}", until=until)


def check_limits(
    terms: ServiceTerms, span: Span, held: list[HeldTime], *, moving: str | None = None, series_id: str | None = None
) -> None:
    """Raises TooManyBookings or BookingOverlaps. `moving` is the booking that this one takes the place of.

    The bookings of a series (`series_id` is the new one's) count as one open booking; on a day and in a month each
    counts.
    """
    others = [time for time in held if time.booking_id != moving]
    for time in others:
        if time.is_open and span.overlaps(Span(time.starts_at, time.ends_at)):
            raise BookingOverlaps(booking_id=time.booking_id)
    of_service = [time for time in others if time.service_id == terms.id]
    open_now = {time.series_id or time.booking_id for time in of_service if time.is_open} - {series_id}
    day = day_of(span.starts_at)
    days = [day_of(time.starts_at) for time in of_service]
    for limit, allowed, used, words in (
        ("max_open_per_person", terms.max_open_per_person, len(open_now), "同时最多可有 {} 个未完成的预约"),
        ("max_per_day", terms.max_per_day, days.count(day), "每天最多可预约 {} 次"),
        (
            "max_per_month",
            terms.max_per_month,
            sum((held_day.year, held_day.month) == (day.year, day.month) for held_day in days),
            "每月最多可预约 {} 次",
        ),
    ):
        if allowed is not None and used >= allowed:
            raise TooManyBookings(words.format(allowed), limit=limit, allowed=allowed)


def check_deadline(terms: ServiceTerms, starts_at: datetime, now: datetime) -> None:
    """Raises ChangeTooLate."""
    deadline = terms.deadline(starts_at)
    if now > deadline:
        raise ChangeTooLate(f"截止时间为 {render_short_time(deadline)}", deadline=deadline)
