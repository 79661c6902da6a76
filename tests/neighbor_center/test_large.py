"""At the size of a big city: what is asked often answers from indexes, however much there is."""

import sys
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value, transaction
from server.foundation.settings import Settings
from server.neighbor_center.bookings import queries as booking_queries
from server.neighbor_center.bookings import reminders, requests
from server.neighbor_center.bookings.availability import get_availability
from server.neighbor_center.bookings.queries import When
from server.neighbor_center.opening.models import OpeningRule
from server.neighbor_center.statistics import coverage
from server.neighbor_center.venues import queries
from server.neighbor_center.venues.models import Service
from server.organizations.models import Organization
from tests.builders import create_person, grant
from tests.neighbor_center.builders import MONDAY, create_service

BIG = ("booking", "place", "slot", "allotment", "venue", "organization")
"""Tables that grow with the city and the years; what is found in them must be found by an index."""


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
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


async def fill_bookings(
    settings: Settings, community: Organization, bookings: int, services: int
) -> tuple[Service, str]:
    """`services` of 20 places each every half hour around the clock, all booked, half of them in the past; one of them,
    and the id of somebody who has booked there."""
    service = await create_service(community, capacity=20, days_ahead=365, max_open_per_person=100)
    await OpeningRule.filter(service=service).update(opens=0, closes=1440)
    for _ in range(services - 1):
        await create_service(community, capacity=20)
    slots = bookings // services // 20
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
        SELECT allotment_id, :now, 'slot', id, 20, 20, 20, starts_at, 'open', true, 120, 1 FROM slot""",
        """INSERT INTO place (id, created_at, allotment_id, person_id, party_size, state, number, passed_count,
            hold_used, end_reason)
        SELECT md5('p' || t.id || n)::uuid, :now, t.allotment_id,
            md5('x' || (extract(epoch FROM t.starts_at)::bigint / 1800 * 20 + n) % 200000)::uuid, 1,
            CASE WHEN t.starts_at < :now THEN 'attended' ELSE 'confirmed' END, n, 0, false, ''
        FROM slot t, generate_series(1, 20) n""",
        """INSERT INTO booking (id, created_at, slot_id, place_id, person_id, booked_by_id, walk_in, party_size,
            starts_at, approval, staff_reason, remind_at)
        SELECT md5('b' || p.id)::uuid, :now, t.id, p.id, p.person_id, p.person_id, false, 1, t.starts_at, 'not_needed',
            '', CASE WHEN t.starts_at > :now THEN t.starts_at - interval '2 hours' END
        FROM place p JOIN slot t ON t.allotment_id = p.allotment_id""",
        now=now.isoformat(),
        first=(now - timedelta(minutes=15 * slots)).isoformat(),
        slots=slots,
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


@contextmanager
def queries_of() -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """Every query of this process while it is open, with its values."""
    seen: list[tuple[str, tuple[Any, ...]]] = []
    original = asyncpg.Connection.fetch

    async def remember(self: Any, sql: str, *values: Any, **options: Any) -> Any:
        seen.append((sql, values))
        return await original(self, sql, *values, **options)

    asyncpg.Connection.fetch = remember
    try:
        yield seen
    finally:
        asyncpg.Connection.fetch = original


async def scans_of(call: Awaitable[Any], *, by_choice: bool) -> tuple[list[str], list[str], float]:
    """Make the call: its queries (without BEGIN and the like), those of them that scan a big table, and how many
    milliseconds it took.

    With few rows a scan is cheaper and right: then (`by_choice` False) it is only forbidden, to see whether there is an
    index to go by.
    """
    with queries_of() as seen:
        began = time.perf_counter()
        await call
        took = (time.perf_counter() - began) * 1000
    asked = [(sql, values) for sql, values in seen if sql.lstrip().startswith(("SELECT", "WITH", "UPDATE"))]
    scans = []
    async with transaction():
        await execute(f"SET LOCAL enable_seqscan = {'on' if by_choice else 'off'}")
        for sql, values in asked:
            plan = msgspec.json.decode(await fetch_value(f"EXPLAIN (FORMAT JSON) {sql}", *values))
            scanned = {node["Relation Name"] for node in nodes(plan[0]["Plan"]) if node["Node Type"] == "Seq Scan"}
            if scanned & set(BIG):
                scans.append(f"{scanned & set(BIG)} scanned by {sql}")
    return [sql for sql, _ in asked], scans, took


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


async def look_at_everything(
    service: Service, person_id: str, staff_id: str, community: Organization, big: bool
) -> None:
    venue_id = service.venue_id
    month = get_availability(person_id, service.id, first_day=MONDAY, days=31, person_id=None)
    asked, scans, took = await scans_of(month, by_choice=big)
    assert len(asked) == 1, asked
    figures = {"a month of availability, first": took}
    again = get_availability(person_id, service.id, first_day=MONDAY, days=31, person_id=None)
    _, _, figures["a month of availability, again"] = await scans_of(again, by_choice=big)
    for name, call in (
        ("my bookings", booking_queries.list_my_bookings(person_id, when=When.COMING, cursor=None, limit=20)),
        ("nearby venues", queries.list_nearby_venues(122.1, 37.5, meters=1200, kind=None, cursor=None, limit=20)),
        ("the circle of 300 buildings", coverage.count_coverage(community.id)),
        (
            "a day's bookings",
            booking_queries.list_day_bookings(staff_id, venue_id, MONDAY, service_id=None, cursor=None, limit=20),
        ),
        ("open requests", fetch(f"SELECT count(*) FROM ({requests.OPEN_REQUESTS}) q WHERE q.venue_id = $1", venue_id)),
        ("due reminders", reminders.send_reminders(1)),
        ("due requests", requests.settle_requests(1)),
    ):
        _, more, figures[name] = await scans_of(call, by_choice=big)
        scans += more
    sys.stdout.write(f"{ {name: f'{milliseconds:.1f} ms' for name, milliseconds in figures.items()} }\n")
    assert not scans, "\n".join(scans)
    if big:
        assert figures["a month of availability, again"] < 500


async def fill_and_look(
    settings: Settings, community: Organization, bookings: int, services: int, venues: int, big: bool
) -> None:
    service, person_id = await fill_bookings(settings, community, bookings, services)
    await fill_venues(settings, community, venues)
    staff = await create_person()
    await grant(staff, community)
    await look_at_everything(service, person_id, staff.id, community, big)


async def test_fifty_thousand_bookings_and_venues(api: Any, settings: Settings, community: Organization) -> None:
    await fill_and_look(settings, community, 50_000, 10, 50_000, big=False)


@pytest.mark.full
async def test_five_million_bookings(api: Any, settings: Settings, community: Organization) -> None:
    await fill_and_look(settings, community, 5_000_000, 50, 50_000, big=True)
