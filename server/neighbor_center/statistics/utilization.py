"""How well a venue's services are used, hour by hour: what was offered, what was booked, who came."""

from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from server.foundation import clock
from server.foundation.database import fetch
from server.foundation.dates import end_of, instant
from server.foundation.ids import Id
from server.neighbor_center.opening.queries import read_calendars
from server.neighbor_center.opening.rules import Span, open_spans, slots_of_day
from server.neighbor_center.statistics.spans import check_days, share
from server.neighbor_center.venues.queries import require_venue_reader

LONGEST_DAYS = 92
_COLUMNS = ("offered", "booked", "attended", "no_shows")


class Use(msgspec.Struct, kw_only=True):
    """`share` is booked of offered."""

    offered: int
    booked: int
    attended: int
    no_shows: int
    share: float | None


class HourUse(Use, kw_only=True):
    """What begins in an hour of the day by people's clocks (of a room: the minutes in it)."""

    hour: int


class ServiceUse(Use, kw_only=True):
    """A service in the time asked for. `unit` is `places` (people), or `minutes` of a room."""

    service_id: Id
    service_name: str
    unit: str
    hours: list[HourUse]


class UtilizationView(msgspec.Struct):
    venue_id: Id
    first_day: date
    last_day: date
    services: list[ServiceUse]


class _Counts:
    """What is in _COLUMNS, of each hour."""

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
    check_days(first_day, last_day, LONGEST_DAYS)
    await require_venue_reader(actor_id, venue_id)
    services = await fetch("SELECT id, name, kind, capacity FROM service WHERE venue_id = $1 ORDER BY id", venue_id)
    calendars = await read_calendars(row["id"] for row in services)
    counts = {row["id"]: _Counts() for row in services}
    first, end = instant(first_day), end_of(last_day)
    capacities = await _count_slots(counts, venue_id, first, end)
    await _count_rooms(counts, venue_id, first, end)
    for row in services:
        # What was offered is asked of the calendar as it stood: a service that has ended since was open then.
        calendar = msgspec.structs.replace(calendars[row["id"]], is_open=True)
        for number in range((last_day - first_day).days + 1):
            day = first_day + timedelta(days=number)
            if row["kind"] == "room":
                for span in open_spans(calendar, day):
                    counts[row["id"]].add_minutes(span, [0])
                continue
            for slot in slots_of_day(calendar, day):
                offered = capacities.get((row["id"], slot.starts_at), row["capacity"])
                counts[row["id"]].add(clock.shanghai(slot.starts_at).hour, 0, offered)
    return UtilizationView(
        venue_id,
        first_day,
        last_day,
        [
            ServiceUse(
                service_id=row["id"],
                service_name=row["name"],
                unit="minutes" if row["kind"] == "room" else "places",
                hours=[
                    HourUse(hour=hour, **_use(amounts))
                    for hour, amounts in counts[row["id"]].hours.items()
                    if amounts[0] or amounts[1]
                ],
                **_use([sum(column) for column in zip(*counts[row["id"]].hours.values(), strict=True)]),
            )
            for row in services
        ],
    )


async def _count_slots(
    counts: dict[str, _Counts], venue_id: str, first: datetime, end: datetime
) -> dict[tuple[str, datetime], int]:
    """Add what became of the slots' places. (Service, begin) → capacity of the slots that somebody has asked for."""
    rows = await fetch(
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
    for row in rows:
        hour = clock.shanghai(row["starts_at"]).hour
        for column, name in ((1, "booked"), (2, "attended"), (3, "no_shows")):
            counts[row["service_id"]].add(hour, column, row[name])
    return {(row["service_id"], row["starts_at"]): row["capacity"] for row in rows}


async def _count_rooms(counts: dict[str, _Counts], venue_id: str, first: datetime, end: datetime) -> None:
    """Add what became of the rooms' bookings."""
    rows = await fetch(
        "SELECT r.service_id, r.starts_at, r.ends_at, r.state FROM service s "
        "JOIN room_booking r ON r.service_id = s.id WHERE s.venue_id = $1 AND r.starts_at >= $2 AND r.starts_at < $3 "
        "AND r.state IN ('booked', 'attended', 'no_show')",
        venue_id,
        first,
        end,
    )
    for row in rows:
        columns = {"booked": [1], "attended": [1, 2], "no_show": [1, 3]}[row["state"]]
        counts[row["service_id"]].add_minutes(Span(row["starts_at"], row["ends_at"]), columns)


def _use(amounts: list[int]) -> dict[str, Any]:
    """The fields of a Use."""
    return dict(zip(_COLUMNS, amounts, strict=True)) | {"share": share(amounts[1], amounts[0])}
