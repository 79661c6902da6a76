"""The database is what the models promise: migrations, models and the live schema agree to the last constraint."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from server.foundation.settings import Settings

CATALOG = {
    "columns": """
        SELECT c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
            || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped""",
    "constraints": """
        SELECT conrelid::regclass || ': ' || pg_get_constraintdef(oid)
            || CASE WHEN contype IN ('c', 'u', 'x') THEN ' ' || conname ELSE '' END
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 AND contype <> 'n'""",
    "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "triggers": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "functions": """
        SELECT p.proname || p.prosrc FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')""",
}


async def read_catalog(url: str) -> dict[str, set[str]]:
    connection = await asyncpg.connect(url)
    try:
        return {
            kind: {row[0] for row in await connection.fetch(query) if "tortoise_migrations" not in row[0]}
            for kind, query in CATALOG.items()
        }
    finally:
        await connection.close()


@pytest.fixture
async def scratch(settings: Settings) -> AsyncIterator[tuple[str, str]]:
    """The addresses of two empty databases beside the tests' own."""
    parts = urlsplit(settings.database_url)
    connection = await asyncpg.connect(settings.database_url)
    names = ("drift_migrations", "drift_models")
    for name in names:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield tuple(urlunsplit(parts._replace(path=f"/{name}")) for name in names)  # type: ignore[misc]
    for name in names:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


async def run(url: str, *arguments: str) -> str:
    """A command in a process of its own: the app under test uses this one's connections."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env=os.environ | {"LINLI_ENV": "test", "DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output
    return output.decode()


CREATE_FROM_MODELS = """
import asyncio
from server.foundation.schema import create_from_models
from server.foundation.settings import load_settings
from server.wiring import wire
wire()
asyncio.run(create_from_models(load_settings()))
"""

LIST_CHANGES = """
import asyncio
from server.foundation.schema import model_changes
from server.foundation.settings import load_settings
from server.wiring import wire
wire()
changes = asyncio.run(model_changes(load_settings()))
print([operation.describe() for change in changes for operation in change.operations])
"""


async def test_migrations_make_what_the_models_promise(scratch: tuple[str, str]) -> None:
    migrated, promised = scratch
    await asyncio.gather(run(migrated, "-m", "server", "migrate"), run(promised, "-c", CREATE_FROM_MODELS))
    live, expected = await read_catalog(migrated), await read_catalog(promised)
    for kind in CATALOG:
        assert live[kind] == expected[kind], kind
    assert len(expected["constraints"]) > 50
    assert any("EXCLUDE" in constraint for constraint in live["constraints"])


async def test_no_model_waits_for_a_migration(settings: Settings) -> None:
    assert (await run(settings.database_url, "-c", LIST_CHANGES)).strip() == "[]"


async def test_migrating_twice_at_once_applies_everything_once(scratch: tuple[str, str]) -> None:
    migrated, _ = scratch
    outputs = await asyncio.gather(*(run(migrated, "-m", "server", "migrate") for _ in range(2)))
    assert sorted("0002_tables" in output for output in outputs) == [False, True]
