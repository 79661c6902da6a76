"""A replica of the database: what may be a few seconds old is read from it, and nobody misses what they wrote."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import httpx
import pytest

from server.embedded.postgres import start_postgres
from server.embedded.processes import Embedded
from server.foundation.dates import today
from server.foundation.settings import Settings
from tests.clients import Api
from tests.servers import Server, until
from tests.template import copy_template

PEOPLE = """
import asyncio, sys
from uuid import UUID
from server.foundation import crypto, database
from server.foundation.ids import decode_id
from server.foundation.settings import Settings
from server.wiring import wire
from tests.wishes.builders import create_people
from tests.clients import Api

def uuid(short):
    return UUID(bytes=decode_id(short))

async def main():
    wire()
    settings = Settings(database_url=sys.argv[1])
    crypto.use_keys(settings)
    await database.connect(settings)
    people = await create_people(Api(None))
    print(people.stranger.token, people.claimer.token, uuid(people.community.id), uuid(people.wisher.person_id))
    await database.disconnect()

asyncio.run(main())
"""

WISH = """
INSERT INTO wish (id, created_at, author_id, beneficiary_id, community_id, state, kind, audience, title, text, place,
picture_ids, wished_by, reason, version, quantity, escalation)
VALUES (gen_random_uuid(), now(), $2, $2, $3, 'published', 'thing', 'other', $1, '', '', '{}', $4, '', 1, 1, 0)
"""


class Cluster(NamedTuple):
    """One that takes writes, and one that follows it."""

    primary: Embedded
    replica: Embedded


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    one, two = tmp_path_factory.mktemp("primary"), tmp_path_factory.mktemp("replica")
    copy_template(one)
    writing = {"wal_level": "replica", "max_wal_senders": "2"}
    start_postgres(one, durable=False, **writing).stop()  # which the template was not made with
    subprocess.run(["cp", "-a", one / "postgres", two / "postgres"], check=True)
    (two / "postgres" / "standby.signal").touch()
    primary = start_postgres(one, durable=False, **writing)
    folder = primary.url.partition("host=")[2].partition("&")[0]
    replica = start_postgres(two, durable=False, primary_conninfo=f"host={folder} port=5432 user=linli", **writing)
    yield Cluster(primary, replica)
    replica.stop()
    primary.stop()


async def test_lists_come_from_the_replica(settings: Settings, tmp_path: Path, cluster: Cluster) -> None:
    made = subprocess.run(
        [sys.executable, "-c", PEOPLE, cluster.primary.url], capture_output=True, text=True, check=True
    )
    reader, writer, community_id, author_id = made.stdout.split()
    primary, replica = [await asyncpg.connect(each.url) for each in cluster]

    async def asked() -> list[Any]:
        """When the replica was last asked for wishes, on each of the server's connections."""
        rows = await replica.fetch(
            "SELECT query_start FROM pg_stat_activity WHERE application_name = 'linli' AND query LIKE '%FROM wish w%'"
        )
        return [row["query_start"] for row in rows]

    async def put_wish(title: str) -> None:
        await primary.execute(WISH, title, author_id, community_id, today() + timedelta(days=10))

    with Server(
        settings, tmp_path, DATABASE_URL=cluster.primary.url, DATABASE_REPLICA_URL=cluster.replica.url
    ) as server:
        await server.start()
        async with httpx.AsyncClient(base_url=server.url, timeout=20) as client:

            async def titles(token: str) -> set[str]:
                return {card["title"] for card in (await Api(client, token).get("/wishes"))["items"]}

            def told(event: str) -> int:
                return sum(line["event"] == event for line in server.lines)

            await put_wish("想要一台轮椅")
            await until(lambda: told("replica_close") == 1)
            assert await titles(reader) == {"想要一台轮椅"}
            before = await asked()
            assert before

            # Who writes does not wonder where it has gone.
            me = await Api(client, writer).get("/me")
            await Api(client, writer).patch("/me", {"version": me["version"], "nickname": "写字的人"})
            assert await titles(writer) == {"想要一台轮椅"}
            assert await asked() == before
            await titles(reader)
            assert await asked() != before

            # One that falls behind is not asked until it has caught up.
            await replica.execute("SELECT pg_wal_replay_pause()")
            await put_wish("想要一副老花镜")
            await until(lambda: told("replica_behind") == 1)
            assert await titles(reader) == {"想要一台轮椅", "想要一副老花镜"}
            await replica.execute("SELECT pg_wal_replay_resume()")
            await until(lambda: told("replica_close") == 2)
            before = await asked()
            assert await titles(reader) == {"想要一台轮椅", "想要一副老花镜"}
            assert await asked() != before

            # Nor one that goes, and nobody sees an error.
            await replica.close()
            cluster.replica.stop()
            assert await titles(reader) == {"想要一台轮椅", "想要一副老花镜"}
            await until(lambda: told("replica_away") == 1)
            assert await titles(reader) == {"想要一台轮椅", "想要一副老花镜"}
            assert {line["level"] for line in server.lines} <= {"info", "warning"}
    await primary.close()
