"""A simulated year of rules, exceptions, holidays and bookings, compared step by step with a plain model in memory.

The model knows minutes, days and lists; no SQL, no locks, no spans, and the library's holidays by its other door.
"""

import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import chinese_calendar
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.foundation import clock
from server.foundation.clock import SHANGHAI
from server.foundation.database import fetch
from server.foundation.dates import wall_clock
from server.foundation.errors import Refusal
from server.neighbor_center.bookings import booking as verbs
from server.neighbor_center.bookings import counter
from server.neighbor_center.bookings.availability import get_availability, get_room_day
from server.neighbor_center.bookings.booking import Wanted
from server.neighbor_center.bookings.kinds import ROOMS, SLOTS, AnyKind
from server.neighbor_center.changes import hours as opening
from server.neighbor_center.changes.affected import Answers
from server.neighbor_center.opening.hours import Hours
from server.neighbor_center.opening.models import ExceptionKind, RuleDays
from server.neighbor_center.venues.models import Service, ServiceKind, Venue
from tests.builders import create_community, create_person, grant, move_clock_to
from tests.neighbor_center.builders import create_service, create_venue

YEAR = 2026
SLOT, ROOM = "slot", "room"


def wall(day: date, minute: int) -> datetime:
    """A minute of a day by people's clocks."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI) + timedelta(minutes=minute)


@cache
def kind_of(day: date) -> tuple[bool, bool]:
    """Whether it is a public holiday; whether it is a working day in exchange for one."""
    is_off, occasion = chinese_calendar.get_holiday_detail(day)
    return bool(occasion and is_off), bool(occasion and not is_off)


def month_day(number: int) -> str:
    """601 → 06-01."""
    return f"{number // 100:02}-{number % 100:02}"


@dataclass
class Rule:
    """Weekly hours, of one of the services."""

    of: str
    weekdays: list[int]
    opens: int
    closes: int
    days: str
    season: tuple[int, int] | None
    first: date
    last: date | None = None
    id: str = ""

    def holds(self, day: date) -> bool:
        if day < self.first or (self.last and day > self.last):
            return False
        if self.season:
            number = day.month * 100 + day.day
            begin, end = self.season
            in_season = begin <= number <= end if begin <= end else not end < number < begin
            if not in_season:
                return False
        holiday, make_up = kind_of(day)
        on_weekday = day.isoweekday() in self.weekdays
        return {
            "every_week": on_weekday,
            "not_holidays": on_weekday and not holiday,
            "workdays": (on_weekday and not holiday) or make_up,
            "holidays": on_weekday and holiday,
        }[self.days]


@dataclass(eq=False)
class Held:
    """A booking, of a slot or a room."""

    of: str
    person: int
    begins: datetime
    minutes: int
    size: int = 1
    state: str = "booked"
    id: str = ""

    @property
    def ends(self) -> datetime:
        return self.begins + timedelta(minutes=self.minutes)


@dataclass
class World:
    """The terms, the rules, and everything that was booked."""

    length: int
    pause: int
    capacity: int
    max_open: int
    per_day: int
    per_month: int
    days_ahead: int
    release: int
    notice: int
    deadline: int
    rules: list[Rule] = field(default_factory=list)
    exceptions: list[tuple[str | None, date, str, int, int, str]] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)

    def open_minutes(self, of: str, day: date) -> list[set[int]]:
        """Stretches of open minutes; stretches that only touch stay apart, as each begins its slots anew."""
        stretches = [set(range(rule.opens, rule.closes)) for rule in self.rules if rule.of == of and rule.holds(day)]
        own = [one for one in self.exceptions if one[0] in (None, of) and one[1] == day]
        stretches += [set(range(one[3], one[4])) for one in own if one[2] == "extra"]
        merged: list[set[int]] = []
        for stretch in sorted(stretches, key=min):
            if merged and merged[-1] & stretch:
                merged[-1] |= stretch
            else:
                merged.append(stretch)
        closed = {minute for one in own if one[2] == "closed" for minute in range(one[3], one[4])}
        left: list[set[int]] = []
        for stretch in merged:
            run: set[int] = set()
            for minute in sorted(stretch):
                if minute in closed:
                    if run:
                        left.append(run)
                    run = set()
                else:
                    run.add(minute)
            if run:
                left.append(run)
        return left

    def slots(self, day: date) -> list[int]:
        """Minutes at which slots begin."""
        begins, free = [], 0
        for stretch in self.open_minutes(SLOT, day):
            minute = max(min(stretch), free)
            while set(range(minute, minute + self.length)) <= stretch:
                begins.append(minute)
                minute = free = minute + self.length + self.pause
        return begins

    def is_slot(self, begins: datetime) -> bool:
        local = begins.astimezone(SHANGHAI)
        return local.hour * 60 + local.minute in self.slots(local.date()) and local.second == 0

    def room_is_open(self, begins: datetime, minutes: int) -> bool:
        local = begins.astimezone(SHANGHAI)
        start = local.hour * 60 + local.minute
        open_now = set().union(*self.open_minutes(ROOM, local.date()))
        return set(range(start, start + minutes)) <= open_now

    def fits(self, booking: Held) -> bool:
        if booking.of == SLOT:
            return booking.minutes == self.length and self.is_slot(booking.begins)
        return self.room_is_open(booking.begins, booking.minutes)

    def free(self, begins: datetime) -> int:
        there = [one for one in self.held if one.of == SLOT and one.begins == begins and one.state != "cancelled"]
        return self.capacity - sum(one.size for one in there)

    def why_not(self, of: str, person: int, begins: datetime, minutes: int, now: datetime, moving: Held | None) -> str:
        """The code of what stands in the way of a person's booking; empty for nothing."""
        local = begins.astimezone(SHANGHAI)
        today = now.astimezone(SHANGHAI)
        last = today.date() + timedelta(days=self.days_ahead)
        if today.hour * 60 + today.minute < self.release:
            last -= timedelta(days=1)
        if begins <= now:
            return "slot_not_offered"
        if now > begins - timedelta(minutes=self.notice):
            return "too_short_notice"
        if local.date() > last:
            return "too_far_ahead"
        mine = [
            one
            for one in self.held
            if one.of == of and one.person == person and one.state != "cancelled" and one is not moving
        ]
        open_ones = [one for one in mine if one.state == "booked" and one.ends > now]
        ends = begins + timedelta(minutes=minutes)
        if any(one.begins < ends and begins < one.ends for one in open_ones):
            return "booking_overlaps"
        days = [one.begins.astimezone(SHANGHAI).date() for one in mine]
        if len(open_ones) >= self.max_open or days.count(local.date()) >= self.per_day:
            return "too_many_bookings"
        if sum((day.year, day.month) == (local.year, local.month) for day in days) >= self.per_month:
            return "too_many_bookings"
        return ""

    def book(self, person: int, begins: datetime, size: int, now: datetime) -> str:
        if not self.is_slot(begins):
            return "slot_not_offered"
        for one in self.held:
            if (one.of, one.person, one.begins) == (SLOT, person, begins) and one.state != "cancelled":
                return "same"
        reason = self.why_not(SLOT, person, begins, self.length, now, None)
        if reason:
            return reason
        return "places_full" if self.free(begins) < size else ""

    def move(self, booking: Held, begins: datetime, now: datetime) -> str:
        if begins == booking.begins:
            return "same"
        if booking.state != "booked":
            return "wrong_state"
        if now > booking.begins - timedelta(minutes=self.deadline):
            return "change_too_late"
        if not self.is_slot(begins):
            return "slot_not_offered"
        reason = self.why_not(SLOT, booking.person, begins, self.length, now, booking)
        if reason:
            return reason
        return "places_full" if self.free(begins) < booking.size else ""

    def cancel(self, booking: Held, now: datetime) -> str:
        if booking.state == "cancelled":
            return "same"
        if booking.of == ROOM and booking.state != "booked":
            return "wrong_state"
        if now > booking.begins - timedelta(minutes=self.deadline) and booking.state == "booked":
            return "change_too_late"
        return "wrong_state" if booking.state == "attended" else ""

    def book_room(self, person: int, begins: datetime, minutes: int, now: datetime) -> str:
        if not self.room_is_open(begins, minutes):
            return "slot_not_offered"
        for one in self.held:
            same = (one.of, one.person, one.begins, one.minutes) == (ROOM, person, begins, minutes)
            if same and one.state != "cancelled":
                return "same"
        reason = self.why_not(ROOM, person, begins, minutes, now, None)
        if reason:
            return reason
        pause = timedelta(minutes=self.pause)
        ends = begins + timedelta(minutes=minutes)
        for one in self.held:
            if one.of == ROOM and one.state != "cancelled" and one.begins < ends + pause and begins < one.ends + pause:
                return "room_taken"
        return ""


class Life:
    """The same history told to the model and to the services."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world, self.chance = world, chance
        self.persons: list[str] = []
        self.staff = ""
        self.venue_id = ""
        self.services: dict[str, str] = {}
        self.today = date(YEAR, 1, 1)

    async def set_up(self) -> None:
        world = self.world
        community = await create_community()
        staff = await create_person()
        await grant(staff, community)
        self.staff = staff.id
        self.persons = [(await create_person(community=community)).id for _ in range(3)]
        venue: Venue = await create_venue(community)
        self.venue_id = venue.id
        terms: dict[str, Any] = {
            "max_open_per_person": world.max_open,
            "max_per_day": world.per_day,
            "max_per_month": world.per_month,
            "days_ahead": world.days_ahead,
            "released_at": world.release,
            "book_until_minutes": world.notice,
            "cancel_until_minutes": world.deadline,
            "buffer_minutes": world.pause,
            "capacity": world.capacity,
            "max_party_size": world.capacity,
            "may_wait": False,
            "hours": (),
            "venue": venue,
        }
        slot: Service = await create_service(minutes=world.length, **terms)
        room: Service = await create_service(kind=ServiceKind.ROOM, minutes=30, longest_minutes=240, **terms)
        self.services = {SLOT: slot.id, ROOM: room.id}
        self.set_time(8 * 60)
        for of in (SLOT, ROOM):
            await self.add_rule(of, Rule(of, list(range(1, 8)), 480, 1080, "workdays", None, self.today))

    def set_time(self, minute: int) -> datetime:
        # Half past the minute: what happens exactly on it belongs to another test.
        move_clock_to(wall(self.today, minute) + timedelta(seconds=30))
        return clock.now()

    def some_hours(self) -> tuple[int, int]:
        opens = self.chance.randrange(480, 1080, 15)
        return opens, min(opens + self.chance.randrange(60, 360, 15), 1440)

    def some_day(self) -> date:
        """Mostly one that can be booked, and soon."""
        far = self.chance.random() < 0.1
        days = self.chance.randint(0, self.world.days_ahead + 2 if far else min(self.world.days_ahead, 2))
        return min(self.today + timedelta(days=days), date(YEAR, 12, 31))

    def some_begin(self) -> datetime:
        """Mostly a slot's, and mostly one of those that everybody wants."""
        for _ in range(4):
            day = self.some_day()
            begins = self.world.slots(day)
            if begins and self.chance.random() < 0.9:
                return wall(day, self.chance.choice(begins[:3] if self.chance.random() < 0.7 else begins))
        return wall(day, self.chance.randrange(0, 1440, 15))

    def one_held(self, of: str) -> Held | None:
        there = [one for one in self.world.held if one.of == of]
        coming = [one for one in there if one.state == "booked" and one.begins > clock.now()]
        return self.chance.choice(coming if coming and self.chance.random() < 0.9 else there) if there else None

    async def step(self) -> None:
        verbs = {
            self.book: 14,
            self.move: 5,
            self.cancel: 4,
            self.book_room: 7,
            self.cancel_room: 2,
            self.attend: 3,
            self.rule: 2,
            self.end_rule: 1,
            self.exception: 4,
            self.end_exception: 1,
        }
        now = self.set_time(self.chance.choice([self.chance.randrange(0, 1439), self.chance.randrange(400, 700)]))
        verb = self.chance.choices(list(verbs), list(verbs.values()))[0]
        await verb(now)

    async def expect(self, expected: str, call: Any) -> Any:
        """Do it; it must be refused with this code, or not at all where there is none."""
        try:
            result = await call
        except Refusal as refusal:
            assert refusal.code == expected  # noqa: PT017
            return None
        assert expected in ("", "same"), expected
        return result

    async def book(self, now: datetime) -> None:
        person, begins = self.chance.randrange(3), self.some_begin()
        size = self.chance.randint(1, self.world.capacity)
        expected = self.world.book(person, begins, size, now)
        who = self.persons[person]
        wanted = Wanted(actor_id=who, person_id=who, starts_at=begins, party_size=size)
        view = await self.expect(expected, verbs.book(SLOTS, self.services[SLOT], wanted))
        if not expected:
            self.world.held.append(Held(SLOT, person, begins, self.world.length, size, id=view.id))

    async def move(self, now: datetime) -> None:
        booking, begins = self.one_held(SLOT), self.some_begin()
        if booking is None:
            return
        expected = self.world.move(booking, begins, now)
        await self.expect(expected, verbs.move_booking(SLOTS, self.persons[booking.person], booking.id, begins))
        if not expected:
            booking.begins, booking.minutes = begins, self.world.length

    async def cancel(self, now: datetime) -> None:
        booking = self.one_held(SLOT)
        if booking is None:
            return
        expected = self.world.cancel(booking, now)
        await self.expect(expected, verbs.cancel_booking(SLOTS, self.persons[booking.person], booking.id))
        if not expected:
            booking.state = "cancelled"

    async def book_room(self, now: datetime) -> None:
        person, day = self.chance.randrange(3), self.some_day()
        begins = wall(day, self.chance.randrange(480, 720, 15))
        minutes = self.chance.randrange(30, 241, 15)
        expected = self.world.book_room(person, begins, minutes, now)
        ends = begins + timedelta(minutes=minutes)
        who = self.persons[person]
        wanted = Wanted(actor_id=who, person_id=who, starts_at=begins, ends_at=ends)
        view = await self.expect(expected, verbs.book(ROOMS, self.services[ROOM], wanted))
        if not expected:
            self.world.held.append(Held(ROOM, person, begins, minutes, id=view.id))

    async def cancel_room(self, now: datetime) -> None:
        booking = self.one_held(ROOM)
        if booking is None:
            return
        expected = self.world.cancel(booking, now)
        await self.expect(expected, verbs.cancel_booking(ROOMS, self.persons[booking.person], booking.id))
        if not expected:
            booking.state = "cancelled"

    async def attend(self, now: datetime) -> None:
        begun = [one for one in self.world.held if one.state == "booked" and one.begins <= now]
        if not begun:
            return
        booking = self.chance.choice(begun)
        kind: AnyKind = SLOTS if booking.of == SLOT else ROOMS
        await counter.mark_booking_attended(kind, self.staff, booking.id)
        booking.state = "attended"

    async def rule(self, now: datetime) -> None:
        of = self.chance.choice([SLOT, ROOM])
        opens, closes = self.some_hours()
        weekdays = self.chance.sample(range(1, 8), self.chance.randint(3, 7))
        days = self.chance.choice(["every_week", "not_holidays", "workdays", "workdays", "holidays"])
        season = self.chance.choice([None, None, (601, 930), (1001, 531)])
        await self.add_rule(of, Rule(of, weekdays, opens, closes, days, season, self.today))

    async def add_rule(self, of: str, rule: Rule) -> None:
        self.world.rules.append(rule)

        def change(answers: Answers) -> Any:
            hours = Hours(
                weekdays=rule.weekdays,
                opens=wall_clock(rule.opens),
                closes=wall_clock(rule.closes),
                days=RuleDays(rule.days),
                season_from=month_day(rule.season[0]) if rule.season else None,
                season_until=month_day(rule.season[1]) if rule.season else None,
            )
            return opening.add_opening_rule(
                self.staff, self.services[of], hours, valid_from=rule.first, answers=answers
            )

        rule.id = await self.change(change)

    async def end_rule(self, now: datetime) -> None:
        rule = self.chance.choice(self.world.rules)
        lasting = [one for one in self.world.rules if one.of == rule.of and one.last is None]
        if rule.last is None and len(lasting) > 1:
            rule.last = self.today + timedelta(days=self.chance.randint(0, 10))
            last = rule.last
            await self.change(lambda answers: opening.end_opening_rule(self.staff, rule.id, last, answers))

    async def exception(self, now: datetime) -> None:
        of = self.chance.choice([None, SLOT, ROOM])
        held = self.one_held(self.chance.choice([SLOT, ROOM]))
        day = held.begins.astimezone(SHANGHAI).date() if held else self.some_day()
        day, kind = max(day, self.today), self.chance.choice(["closed", "closed", "extra"])
        opens, closes = (0, 1440) if kind == "closed" and self.chance.random() < 0.3 else self.some_hours()
        self.world.exceptions.append((of, day, kind, opens, closes, ""))

        def change(answers: Answers) -> Any:
            return opening.add_opening_exception(
                self.staff,
                self.venue_id,
                service_id=self.services[of] if of else None,
                day=day,
                kind=ExceptionKind(kind),
                opens=wall_clock(opens),
                closes=wall_clock(closes),
                answers=answers,
            )

        made = await self.change(change)
        self.world.exceptions[-1] = (of, day, kind, opens, closes, made)

    async def end_exception(self, now: datetime) -> None:
        if self.world.exceptions:
            gone = self.world.exceptions.pop(self.chance.randrange(len(self.world.exceptions)))
            await self.change(lambda answers: opening.end_opening_exception(self.staff, gone[5], answers))

    async def change(self, change: Any) -> str:
        """A change of the calendar, which the model has made already: what it affects is listed, then cancelled."""
        now = clock.now()
        affected = [
            one for one in self.world.held if one.state == "booked" and one.begins > now and not self.world.fits(one)
        ]
        done = await change(Answers())
        assert {one.booking_id for one in done.affected} == {one.id for one in affected}
        assert done.applied is (not affected)
        if affected:
            done = await change(Answers(frozenset(one.id for one in affected), {}, "调整"))
            assert done.applied
            for one in affected:
                one.state = "cancelled"
        return str(done.id)

    async def compare(self) -> None:
        """What people are shown for some days, and everything that is stored."""
        now, world = clock.now(), self.world
        person = self.chance.randrange(3)
        first = min(self.some_day(), date(YEAR, 12, 25))
        shown = await get_availability(
            self.persons[person], self.services[SLOT], first_day=first, days=7, person_id=None
        )
        for day in shown.days:
            assert [one.starts_at for one in day.slots] == [wall(day.day, minute) for minute in world.slots(day.day)]
            for one in day.slots:
                assert one.free == world.free(one.starts_at)
                answer = world.book(person, one.starts_at, 1, now)
                words = {
                    "": "free",
                    "same": "mine",
                    "slot_not_offered": "over",
                    "too_short_notice": "too_late",
                    "too_far_ahead": "not_yet",
                    "booking_overlaps": "overlap",
                    "too_many_bookings": "limit",
                    "places_full": "full",
                }
                assert one.availability == words[answer]
        room_day = await get_room_day(self.persons[person], self.services[ROOM], first)
        free = {
            minute
            for span in room_day.free
            for minute in range(
                round((span.starts_at - wall(first, 0)).total_seconds() / 60),
                round((span.ends_at - wall(first, 0)).total_seconds() / 60),
            )
        }
        taken: set[int] = set()
        for booking in world.held:
            if booking.of == ROOM and booking.state != "cancelled":
                begin = round((booking.begins - wall(first, 0)).total_seconds() / 60)
                taken |= set(range(begin, begin + booking.minutes + world.pause))
        # The minute that runs now is open or not, as one likes.
        running = int((now - wall(first, 0)).total_seconds() // 60)
        expected = set().union(*world.open_minutes(ROOM, first)) - taken - set(range(running))
        assert free - {running} == expected - {running}
        rows = await fetch(
            "SELECT b.id, CASE WHEN p.ended_at IS NOT NULL THEN 'cancelled' WHEN p.state = 'attended' THEN 'attended' "
            "ELSE 'booked' END AS state, b.starts_at FROM booking b JOIN slot t ON t.id = b.slot_id "
            "JOIN place p ON p.id = b.place_id WHERE t.service_id = $1 UNION ALL SELECT id, state, starts_at "
            "FROM room_booking WHERE service_id = $2",
            self.services[SLOT],
            self.services[ROOM],
        )
        assert {(row["id"], row["state"], row["starts_at"]) for row in rows} == {
            (one.id, one.state, one.begins) for one in world.held
        }


worlds = st.builds(
    World,
    length=st.sampled_from([15, 20, 30, 45, 60, 90]),
    pause=st.sampled_from([0, 5, 15, 30]),
    capacity=st.integers(1, 2),
    max_open=st.integers(1, 4),
    per_day=st.integers(1, 2),
    per_month=st.integers(2, 6),
    days_ahead=st.sampled_from([3, 7, 14, 40]),
    release=st.sampled_from([0, 480]),
    notice=st.sampled_from([0, 60, 1440]),
    deadline=st.sampled_from([0, 120, 1440]),
)


async def live(world: World, seed: int, steps: int) -> None:
    """From New Year to New Year's Eve; at most so many steps on a day."""
    life = Life(world, random.Random(seed))
    try:
        await life.set_up()
        while life.today <= date(YEAR, 12, 31):
            for _ in range(life.chance.randint(1, steps)):
                await life.step()
            await life.compare()
            life.today += timedelta(days=life.chance.choice([0, 1, 1, 2, 30]))
    finally:
        clock.move_clock(timedelta())


@settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(world=worlds, seed=st.integers(0, 2**32))
async def test_a_year_agrees_with_the_model(app: Any, world: World, seed: int) -> None:
    await live(world, seed, 4)


@pytest.mark.full
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(world=worlds, seed=st.integers(0, 2**32))
async def test_many_years_agree_with_the_model(app: Any, world: World, seed: int) -> None:
    await live(world, seed, 15)
