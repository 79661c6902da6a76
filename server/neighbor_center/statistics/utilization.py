"""How well a venue's services are used, hour by hour: what was offered, what was booked, who came."""

from datetime import date, datetime, timedelta

import msgspec

from server.foundation import clock
from server.foundation.database import fetch
from server.foundation.dates import instant
from server.foundation.errors import InvalidFields
from server.foundation.ids import Id
from server.neighbor_center.bookings.queries import require_venue_reader
from server.neighbor_center.bookings.terms import check_year, read_calendars
from server.neighbor_center.opening.rules import Calendar, Span, open_spans, slots_of_day

LONGEST_DAYS = 92


class HourUse(msgspec.Struct, kw_only=True):
    """What begins in an hour of the day by people's clocks (of a room: the minutes in it). `share` is booked of
    offered."""

    hour: int
    offered: int
    booked: int
    attended: int
    no_shows: int
    share: float | None


class ServiceUse(msgspec.Struct, kw_only=True):
    """A service in the time asked for. `unit` is `places` (people), or `minutes` of a room."""

    service_id: Id
    service_name: str
    unit: str
    offered: int
    booked: int
    attended: int
    no_shows: int
    share: float | None
    hours: list[HourUse]


class UtilizationView(msgspec.Struct):
    venue_id: Id
    first_day: date
    last_day: date
    services: list[ServiceUse]


class _Counts:
    """Offered, booked, attended, no-shows of each hour."""

    def __init__(self) -> None:
        self.hours = {hour: [0, 0, 0, 0] for hour in range(24)}

    def add(self, hour: int, column: int, amount: int) -> None:
        self.hours[hour][column] += amount

    def add_minutes(self, span: Span, columns: list[int]) -> None:
        """A room's time, each hour its minutes."""
        begin = span.starts_at
        while begin < span.ends_at:
            local = clock.shanghai(begin)
            end = min(begin + timedelta(minutes=60 - local.minute), span.ends_at)
            for column in columns:
                self.add(local.hour, column, round((end - begin) / timedelta(minutes=1)))
            begin = end


async def get_utilization(actor_id: str, venue_id: str, first_day: date, last_day: date) -> UtilizationView:
    """The venue's services from day to day, at most 92 of them. Raises NotFound, NotAllowed, InvalidFields."""
    check_year("first_day", first_day)
    check_year("last_day", last_day)
    if not 0 <= (last_day - first_day).days < LONGEST_DAYS:
        raise InvalidFields.of("last_day", f"最多统计 {LONGEST_DAYS} 天")
    await require_venue_reader(actor_id, venue_id)
    services = await fetch("SELECT id, name, kind, capacity FROM service WHERE venue_id = $1 ORDER BY id", venue_id)
    calendars = await read_calendars(row["id"] for row in services)
    first, end = instant(first_day, 0), instant(last_day, 1440)
    counts = {row["id"]: _Counts() for row in services}
    made = await fetch(
        "SELECT t.service_id, t.starts_at, a.capacity, "
        "COALESCE(sum(p.party_size) FILTER (WHERE p.state IN ('confirmed', 'attended', 'no_show')), 0) AS booked, "
        "COALESCE(sum(p.party_size) FILTER (WHERE p.state = 'attended'), 0) AS attended, "
        "COALESCE(sum(p.party_size) FILTER (WHERE p.state = 'no_show'), 0) AS no_shows FROM service s "
        "JOIN slot t ON t.service_id = s.id JOIN allotment a ON a.id = t.allotment_id "
        "LEFT JOIN place p ON p.allotment_id = a.id AND p.ended_at IS NULL "
        "WHERE s.venue_id = $1 AND t.starts_at >= $2 AND t.starts_at < $3 GROUP BY t.id, a.id",
        venue_id,
        first,
        end,
    )
    capacities: dict[tuple[str, datetime], int] = {}
    for row in made:
        capacities[row["service_id"], row["starts_at"]] = row["capacity"]
        hour = clock.shanghai(row["starts_at"]).hour
        for column, name in ((1, "booked"), (2, "attended"), (3, "no_shows")):
            counts[row["service_id"]].add(hour, column, row[name])
    rooms = await fetch(
        "SELECT r.service_id, r.starts_at, r.ends_at, r.state FROM service s "
        "JOIN room_booking r ON r.service_id = s.id WHERE s.venue_id = $1 AND r.starts_at >= $2 AND r.starts_at < $3 "
        "AND r.state IN ('booked', 'attended', 'no_show')",
        venue_id,
        first,
        end,
    )
    for row in rooms:
        columns = {"booked": [1], "attended": [1, 2], "no_show": [1, 3]}[row["state"]]
        counts[row["service_id"]].add_minutes(Span(row["starts_at"], row["ends_at"]), columns)
    for row in services:
        # What was offered is asked of the calendar as it stood: a service that has ended since was open then.
        calendar = msgspec.structs.replace(calendars[row["id"]], is_open=True)
        for number in range((last_day - first_day).days + 1):
            day = first_day + timedelta(days=number)
            if row["kind"] == "room":
                for span in open_spans(calendar, day):
                    counts[row["id"]].add_minutes(span, [0])
            else:
                _offer(counts[row["id"]], calendar, day, row["id"], row["capacity"], capacities)
    return UtilizationView(
        venue_id,
        first_day,
        last_day,
        [_use(row["id"], row["name"], row["kind"] == "room", counts[row["id"]]) for row in services],
    )


def _offer(
    counts: _Counts,
    calendar: Calendar,
    day: date,
    service_id: str,
    capacity: int,
    capacities: dict[tuple[str, datetime], int],
) -> None:
    for slot in slots_of_day(calendar, day):
        offered = capacities.get((service_id, slot.starts_at), capacity)
        counts.add(clock.shanghai(slot.starts_at).hour, 0, offered)


def _use(service_id: str, name: str, is_room: bool, counts: _Counts) -> ServiceUse:
    totals = [sum(column) for column in zip(*counts.hours.values(), strict=True)]
    return ServiceUse(
        service_id=service_id,
        service_name=name,
        unit="minutes" if is_room else "places",
        offered=totals[0],
        booked=totals[1],
        attended=totals[2],
        no_shows=totals[3],
        share=_share(totals[1], totals[0]),
        hours=[
            HourUse(
                hour=hour,
                offered=offered,
                booked=booked,
                attended=attended,
                no_shows=no_shows,
                share=_share(booked, offered),
            )
            for hour, (offered, booked, attended, no_shows) in counts.hours.items()
            if offered or booked
        ],
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
