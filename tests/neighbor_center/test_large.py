"""At the size of a big city: what is asked often answers from indexes, however much there is."""

import sys
import time
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from server.calendars.appointments import When
from server.foundation import clock
from server.foundation.database import execute, fetch, undone
from server.foundation.pages import PageQuery
from server.foundation.settings import Settings
from server.neighbor_center.bookings import queries as booking_queries
from server.neighbor_center.bookings import reminders, requests
from server.neighbor_center.bookings.availability import get_availability
from server.neighbor_center.bookings.kinds import SLOTS
from server.neighbor_center.opening.models import OpeningRule
from server.neighbor_center.statistics import coverage
from server.neighbor_center.venues import queries
from server.neighbor_center.venues.models import Service
from server.organizations.models import Organization
from tests.builders import create_person, grant
from tests.neighbor_center.builders import MONDAY, create_service
from tests.plans import Reading, listening, read_by


async def run(settings: Settings, tables: list[str], *statements: str, **values: Any) -> None:
    """SQL on a connection of its own, without foreign keys, guards and time limits; `:name` stands for a value.

    The tables' indexes are made anew afterwards, which is much faster than keeping them up row by row.
    """
    connection = await asyncpg.connect(settings.database_url)
    try:
        await connection.execute("SET session_replication_role = replica; SET maintenance_work_mem = '512MB'")
        indexes = await connection.fetch(
            "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index i "
            "WHERE indrelid::regclass::text = ANY($1) AND NOT EXISTS (SELECT 1 FROM pg_constraint c "
            "WHERE c.conindid = i.indexrelid)",
            tables,
        )
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['name']}")
        for statement in statements:
            for name, value in values.items():
                statement = statement.replace(f":{name}", f"'{value}'" if isinstance(value, str) else str(value))
            await connection.execute(statement)
        for index in indexes:
            await connection.execute(index["definition"])
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()


async def fill_bookings(
    settings: Settings, community: Organization, bookings: int, services: int, places: int
) -> tuple[Service, str]:
    """`services` of `places` each every half hour around the clock, all booked, half of them in the past, five by each
    person; one of them, and the id of somebody who has booked there."""
    service = await create_service(community, capacity=places, days_ahead=365, max_open_per_person=100)
    await OpeningRule.filter(service=service).update(opens=0, closes=1440)
    for _ in range(services - 1):
        await create_service(community, capacity=places)
    slots = bookings // services // places
    now = clock.now().replace(minute=0, second=0, microsecond=0)
    await run(
        settings,
        ["slot", "allotment", "place", "booking"],
        """INSERT INTO slot (id, created_at, service_id, starts_at, ends_at, allotment_id)
        SELECT md5('s' || s.id || i)::uuid, :now, s.id, :first::timestamptz + i * interval '30 minutes',
            :first::timestamptz + (i + 1) * interval '30 minutes', md5('a' || s.id || i)::uuid
        FROM service s, generate_series(0, :slots - 1) i""",
        """INSERT INTO allotment (id, created_at, purpose, subject_id, capacity, taken, last_number, starts_at, state,
            may_wait, offer_minutes, version)
        SELECT allotment_id, :now, 'slot', id, :places, :places, :places, starts_at, 'open', true, 120, 1 FROM slot""",
        """INSERT INTO place (id, created_at, allotment_id, person_id, party_size, state, number, passed_count,
            hold_used, end_reason)
        SELECT md5('p' || t.id || n)::uuid, :now, t.allotment_id,
            md5('x' || (abs(hashtext(t.id::text)::bigint) + n) % :persons)::uuid, 1,
            CASE WHEN t.starts_at < :now THEN 'attended' ELSE 'confirmed' END, n, 0, false, ''
        FROM slot t, generate_series(1, :places) n""",
        """INSERT INTO booking (id, created_at, slot_id, place_id, person_id, booked_by_id, walk_in, party_size,
            starts_at, approval, staff_reason, remind_at)
        SELECT md5('b' || p.id)::uuid, :now, t.id, p.id, p.person_id, p.person_id, false, 1, t.starts_at, 'not_needed',
            '', CASE WHEN t.starts_at > :now THEN t.starts_at - interval '2 hours' END
        FROM place p JOIN slot t ON t.allotment_id = p.allotment_id""",
        now=now.isoformat(),
        first=(now - timedelta(minutes=15 * slots)).isoformat(),
        slots=slots,
        places=places,
        persons=bookings // 5,
    )
    person = await create_person(community=community)
    rows = await fetch(
        "SELECT b.id, b.place_id FROM booking b JOIN slot t ON t.id = b.slot_id WHERE t.service_id = $1 "
        "AND b.starts_at > $2 ORDER BY b.starts_at LIMIT 1",
        service.id,
        clock.now(),
    )
    await execute("UPDATE booking SET person_id = $2, booked_by_id = $2 WHERE id = $1", rows[0]["id"], person.id)
    await execute("UPDATE place SET person_id = $2 WHERE id = $1", rows[0]["place_id"], person.id)
    return service, person.id


async def fill_venues(settings: Settings, community: Organization, number: int) -> None:
    """Venues all over a city of some 60 km, and 300 buildings of the community in the middle of it."""
    await run(
        settings,
        ["venue"],
        """INSERT INTO venue (id, created_at, organization_id, kind, name, address, location, phone, opening,
            facilities, accessibility, picture_ids, state, version)
        SELECT md5('v' || i)::uuid, o.created_at, o.id, 'station', '党群服务站', '和平路 1 号',
            point(121.8 + (i % 250) * 0.0024, 37.2 + (i / 250) * 0.6 / (:number / 250)), '', '', '', '{}', '{}',
            'open', 1
        FROM generate_series(1, :number) i, organization o WHERE o.level = 'community'""",
        """INSERT INTO organization (id, created_at, code, name, level, parent_id, path, location, version)
        SELECT md5('h' || i)::uuid, o.created_at, 'building' || i, i || '号楼', 'building', o.id,
            o.path || ('b' || i)::ltree, point(122.1 + (i % 20) * 0.002, 37.5 + (i / 20) * 0.002), 1
        FROM generate_series(1, 300) i, organization o WHERE o.level = 'community'""",
        number=number,
    )


async def readings_of(call: Awaitable[Any]) -> tuple[list[Reading], float]:
    """Make the call and undo it: what each of its queries reads, and how many milliseconds the call took."""
    with listening() as asked:
        async with undone():
            began = time.perf_counter()
            await call
            took = (time.perf_counter() - began) * 1000
    # An INSERT of values reads nothing, and may need the rows of another.
    return [await read_by(sql, *values) for sql, values in asked if not sql.startswith("INSERT")], took


async def look_at_everything(
    service: Service, person_id: str, staff_id: str, community: Organization, spare: int
) -> dict[str, float]:
    """Ask everything that is asked often, and hold what it reads against what it gives; the milliseconds of each."""
    venue_id = service.venue_id
    month = get_availability(person_id, service.id, first_day=MONDAY, days=31, person_id=None)
    readings, took = await readings_of(month)
    assert len(readings) == 1, readings
    figures = {"a month of availability, first": took}
    again = get_availability(person_id, service.id, first_day=MONDAY, days=31, person_id=None)
    # A month's slots and 300 buildings, each with what lies around it, come as one row.
    for name, within, call in (
        ("a month of availability, again", 6 * spare, again),
        (
            "my bookings",
            spare,
            booking_queries.list_my_bookings(SLOTS, person_id, when=When.COMING, page=PageQuery()),
        ),
        (
            "nearby venues",
            spare,
            queries.list_nearby_venues(person_id, 122.1, 37.5, meters=1200, kind=None, page=PageQuery()),
        ),
        ("the circle of 300 buildings", 6 * spare, coverage.count_coverage(community.id)),
        (
            "a day's bookings",
            spare,
            booking_queries.list_day_bookings(SLOTS, staff_id, venue_id, MONDAY, service_id=None, page=PageQuery()),
        ),
        (
            "open requests",
            spare,
            fetch(f"SELECT count(*) FROM ({requests.OPEN_REQUESTS}) q WHERE q.venue_id = $1", venue_id),
        ),
        ("due reminders", spare, reminders.REMIND_OF_BOOKINGS.run()),
        ("due room reminders", spare, reminders.REMIND_OF_ROOM_BOOKINGS.run()),
        ("due requests", spare, requests.SETTLE_REQUESTS.run()),
        ("due room requests", spare, requests.SETTLE_ROOM_REQUESTS.run()),
    ):
        readings, figures[name] = await readings_of(call)
        for reading in readings:
            reading.check(spare=within)
    sys.stdout.write(f"{ {name: f'{milliseconds:.1f} ms' for name, milliseconds in figures.items()} }\n")
    return figures


async def fill_and_look(
    settings: Settings, community: Organization, bookings: int, places: int, venues: int, spare: int
) -> dict[str, float]:
    service, person_id = await fill_bookings(settings, community, bookings, 50, places)
    await fill_venues(settings, community, venues)
    staff = await create_person()
    await grant(staff, community)
    return await look_at_everything(service, person_id, staff.id, community, spare)


async def test_fifty_thousand_bookings_and_venues(api: Any, settings: Settings, community: Organization) -> None:
    """In 25,000 slots. (In fewer, PostgreSQL may well read them all, and be right.)"""
    await fill_and_look(settings, community, 50_000, 2, 50_000, spare=500)


@pytest.mark.full
async def test_five_million_bookings(api: Any, settings: Settings, community: Organization) -> None:
    figures = await fill_and_look(settings, community, 5_000_000, 20, 50_000, spare=5000)
    assert figures["a month of availability, again"] < 500
