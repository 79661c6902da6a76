"""A city of a given size, copied straight into the tables."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from server.foundation.crypto import hash_token, keyring
from server.foundation.dates import today
from server.foundation.ids import decode_id, encode_id, new_id

COMMUNITIES = 2_000
PERSONS = 20_000
TOKENS = 4_096
"""Callers, all of the first community: as many as there are connections in a rush."""
READERS = 64
"""Those of them who read, again and again."""
MANY = 60
"""Wishes and activities in the callers' own community: some pages."""
_BATCH = 20_000
_FEW = 1_000
"""Rows that are there at once, and not worth a line."""
_NOW = datetime.now(UTC)
_EMPTY: dict[str, Any] = {"boolean": False, "smallint": 0, "integer": 0, "character varying": "", "ARRAY": []}
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_THINGS = ("收音机", "轮椅", "书包", "棉被", "血压计", "字典", "电饭锅", "老花镜", "手推车", "保温杯")


class City(NamedTuple):
    """What the requests are made of: bearer tokens of residents of the first community, whose wishes and activities
    these are."""

    tokens: list[str]
    person_ids: list[str]
    community_id: str
    subdistrict_id: str
    city_id: str
    wish_id: str
    activity_id: str


class Progress:
    """One line that changes."""

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total, self.done = what, total, 0

    def add(self, count: int) -> None:
        self.done += count
        if self.total <= _FEW:
            return
        end = "\n" if self.done >= self.total else "\r"
        sys.stderr.write(f"{self.what}: {self.done:,} of {self.total:,}{end}")
        sys.stderr.flush()


def token_of(number: int) -> str:
    return f"performance-token-{number}"


def uuid() -> UUID:
    return UUID(bytes=decode_id(new_id()))


async def copy(connection: asyncpg.Connection, table: str, columns: str, rows: Iterator[Any], total: int) -> None:
    """Copy rows of these columns; others that must not be null are false, 0 or empty."""
    named = columns.split(", ")
    needed = await connection.fetch(
        "SELECT column_name AS name, data_type AS type FROM information_schema.columns WHERE table_name = $1 "
        "AND is_nullable = 'NO' AND column_default IS NULL AND column_name <> ALL($2) ORDER BY 1",
        table,
        named,
    )
    rest = tuple(_EMPTY[row["type"]] for row in needed)
    named += [row["name"] for row in needed]
    progress = Progress(table, total)
    while batch := [(*row, *rest) for row in islice(rows, _BATCH)]:
        await connection.copy_records_to_table(table, records=batch, columns=named)
        progress.add(len(batch))


async def load(url: str, *, wishes: int, activities: int) -> City:
    """Fill an empty, migrated database. An activity has five shifts with one role each."""
    connection = await asyncpg.connect(url)
    try:
        communities = await _organizations(connection)
        persons = await _persons(connection, communities)
        await _wishes(connection, communities, persons, wishes)
        await _activities(connection, communities, persons, activities)
        await _messages(connection, persons, wishes)
        await connection.execute("VACUUM (ANALYZE)")
        return await _describe(connection)
    finally:
        await connection.close()


async def find(url: str) -> City | None:
    """The city that an earlier run has left; None where there is none."""
    connection = await asyncpg.connect(url)
    try:
        there = await connection.fetchval("SELECT count(*) FROM session")
        return await _describe(connection) if there else None
    finally:
        await connection.close()


async def _describe(connection: asyncpg.Connection) -> City:
    people = await connection.fetch(
        "SELECT s.person_id, p.community_id FROM session s JOIN person p ON p.id = s.person_id ORDER BY s.id"
    )
    community_id = people[0]["community_id"]

    async def first(sql: str) -> str:
        return shown(await connection.fetchval(sql, community_id))

    return City(
        tokens=[token_of(number) for number in range(len(people))],
        person_ids=[shown(row["person_id"]) for row in people],
        community_id=shown(community_id),
        subdistrict_id=await first("SELECT parent_id FROM organization WHERE id = $1"),
        city_id=await first("SELECT id FROM organization WHERE parent_id IS NULL AND $1::uuid IS NOT NULL"),
        wish_id=await first("SELECT id FROM wish WHERE community_id = $1 AND state = 'published' ORDER BY id LIMIT 1"),
        activity_id=await first("SELECT id FROM activity WHERE organizer_id = $1 ORDER BY id LIMIT 1"),
    )


def shown(value: UUID) -> str:
    return encode_id(value.bytes)


async def _organizations(connection: asyncpg.Connection) -> list[UUID]:
    """A city, 10 districts, 100 subdistricts, and the communities, on a grid of some 400 m."""
    rows: list[tuple[Any, ...]] = []

    def add(name: str, level: str, parent: tuple[Any, ...] | None, location: Any = None) -> tuple[Any, ...]:
        identity = uuid()
        short = shown(identity)
        path = f"{parent[5]}.{short}" if parent else short
        rows.append((identity, short, name, level, parent[0] if parent else None, path, location))
        return rows[-1]

    city = add("测试市", "city", None)
    districts = [add(f"第{number}区", "district", city) for number in range(10)]
    subdistricts = [add(f"第{number}街道", "subdistrict", districts[number % 10]) for number in range(100)]
    communities = [
        add(
            f"第{number}社区",
            "community",
            subdistricts[number // 20],
            asyncpg.Point(122.0 + number % 45 * 0.004, 37.3 + number // 45 * 0.004),
        )
        for number in range(COMMUNITIES)
    ]
    await connection.executemany(
        "INSERT INTO organization (id, created_at, code, name, level, parent_id, path, location, version) "
        "VALUES ($1, now(), $2, $3, $4, $5, $6::text::ltree, $7, 1)",
        rows,
    )
    return [row[0] for row in communities]


async def _persons(connection: asyncpg.Connection, communities: list[UUID]) -> list[UUID]:
    persons = [uuid() for _ in range(PERSONS)]

    def home(number: int) -> UUID:
        return communities[0] if number < TOKENS else communities[number % COMMUNITIES]

    await copy(
        connection,
        "person",
        "id, created_at, origin, nickname, shown_nickname, community_id, version",
        ((person, _NOW, "wechat", f"居民{n}", f"居民{n}", home(n), 1) for n, person in enumerate(persons)),
        PERSONS,
    )
    ring = keyring()
    await copy(
        connection,
        "person_details",
        "id, created_at, person_id, phone, phone_index, real_name, real_name_index, phone_verified_at",
        (
            (
                uuid(),
                _NOW,
                person,
                ring.encrypt(phone, "person_details.phone"),
                ring.blind_index(phone, "person_details.phone"),
                ring.encrypt(name, "person_details.real_name"),
                ring.blind_index(name, "person_details.real_name"),
                _NOW,
            )
            for n, person in enumerate(persons)
            for phone, name in [(str(13_000_000_000 + n), f"{_SURNAMES[n % 20]}{_SURNAMES[n // 20 % 20]}明")]
        ),
        PERSONS,
    )
    await copy(
        connection,
        "consent",
        "id, created_at, person_id, kind, text_version, given_at",
        (
            (uuid(), _NOW, persons[n], kind, "1", _NOW)
            for n in range(TOKENS)
            for kind in ("privacy", "sensitive_data", "volunteer_terms")
        ),
        3 * TOKENS,
    )
    await copy(
        connection,
        "session",
        "id, created_at, person_id, token_hash, expires_at, used_at",
        (
            (uuid(), _NOW, persons[n], hash_token(token_of(n)), _NOW + timedelta(days=30), _NOW + timedelta(days=1))
            for n in range(TOKENS)
        ),
        TOKENS,
    )
    return persons


async def _wishes(connection: asyncpg.Connection, communities: list[UUID], persons: list[UUID], count: int) -> None:
    """Half of them on the wall, spread over the communities and over ninety days; the callers' own has more."""
    first = today()

    def home(n: int) -> UUID:
        return communities[0 if n < MANY else n % COMMUNITIES]

    def is_on_wall(n: int) -> bool:
        return n < MANY or n // COMMUNITIES % 2 == 0

    await copy(
        connection,
        "wish",
        "id, created_at, author_id, beneficiary_id, community_id, state, kind, audience, title, text, place, quantity, "
        "wished_by, submitted_at, published_at, first_published_at, changed_at, fulfilled_at, escalation, version",
        (
            (
                uuid(),
                _NOW,
                persons[TOKENS + n % (PERSONS - TOKENS)],
                persons[TOKENS + n % (PERSONS - TOKENS)],
                home(n),
                "published" if is_on_wall(n) else "fulfilled",
                "thing",
                "elderly",
                f"想要一台{_THINGS[n % 10]}",
                f"家里的{_THINGS[n % 10]}旧了，希望有人送一台能用的来。",
                f"幸福小区{n % 30 + 1}号楼",
                1,
                first + timedelta(days=1 + n * 7 % 90),
                _NOW,
                _NOW,
                _NOW,
                _NOW,
                None if is_on_wall(n) else _NOW,
                0,
                2,
            )
            for n in range(count)
        ),
        count,
    )


async def _activities(connection: asyncpg.Connection, communities: list[UUID], persons: list[UUID], count: int) -> None:
    activities = [
        (uuid(), communities[0 if n < MANY else n % COMMUNITIES], _NOW + timedelta(days=1 + n * 7 % 60))
        for n in range(count)
    ]
    await copy(
        connection,
        "activity",
        "id, created_at, organizer_id, area_id, kind, title, text, place_name, location, audience, visibility, state, "
        "starts_at, ends_at, created_by_id, edited_by_id, published_at, sign_in_meters, version",
        (
            (
                identity,
                _NOW,
                community,
                community,
                "volunteer",
                f"清洁家园第{n}次",
                "一起打扫小区，带上手套。",
                "社区广场",
                None,
                "everyone",
                "community",
                "published",
                starts_at,
                starts_at + timedelta(days=4, hours=2),
                persons[-1],
                persons[-1],
                _NOW,
                500,
                3,
            )
            for n, (identity, community, starts_at) in enumerate(activities)
        ),
        count,
    )
    shifts = [(uuid(), activity, at + timedelta(days=day)) for activity, _, at in activities for day in range(5)]
    await copy(
        connection,
        "shift",
        "id, created_at, activity_id, starts_at, ends_at, sign_up_opens_at, sign_up_closes_at, cancel_until, state, "
        "version",
        (
            (identity, _NOW, activity, at, at + timedelta(hours=2), _NOW - timedelta(days=1), at, at, "scheduled", 1)
            for identity, activity, at in shifts
        ),
        len(shifts),
    )
    roles = [(uuid(), uuid(), shift, at) for shift, _, at in shifts]
    await copy(
        connection,
        "allotment",
        "id, created_at, purpose, subject_id, capacity, taken, starts_at, state, may_wait, offer_minutes, version",
        ((allotment, _NOW, "shift_role", role, 50, 3, at, "open", True, 120, 1) for allotment, role, _, at in roles),
        len(roles),
    )
    await copy(
        connection,
        "shift_role",
        "id, created_at, shift_id, allotment_id, name",
        ((role, _NOW, shift, allotment, "志愿者") for allotment, role, shift, _ in roles),
        len(roles),
    )


async def _messages(connection: asyncpg.Connection, persons: list[UUID], count: int) -> None:
    """As many as there are wishes, and a page and a half of them for each of the readers, read and unread."""
    own = 30 * READERS

    def reader(n: int) -> UUID:
        return persons[n % READERS] if n < own else persons[READERS + n % (PERSONS - READERS)]

    await copy(
        connection,
        "inbox_message",
        "id, created_at, person_id, event, facts, read_at, delivery",
        (
            (uuid(), _NOW, reader(n), "account_blocked", "{}", _NOW if n % 3 else None, "inbox_only")
            for n in range(count)
        ),
        count,
    )
