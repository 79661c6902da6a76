"""One throw-away PostgreSQL and Valkey per test process, the real app, and WeChat's simulator.

Only WeChat and the clock are replaced.
"""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import hypothesis
import pytest
from asgi_lifespan import LifespanManager

from server.app import create_app
from server.background import sweeps
from server.embedded.postgres import start_postgres
from server.embedded.valkey import start_valkey
from server.foundation import cache, clock, crypto, database, schema
from server.foundation.database import fetch
from server.foundation.logs import configure_logs
from server.foundation.settings import RATE_GROUPS, Environment, Settings
from server.wiring import wire
from tests.audited import find_misnamed
from tests.clients import Api
from tests.declarations import Answers
from tests.examples import Recorder
from tests.reached import Reaching
from tests.simulator import Simulator, connect_to, run_simulator
from tests.statements import Statements
from tests.template import copy_template

# Before the test modules are read: some ask the registries for their cases.
wire()

# How long an example takes says something about the machine, not about the code.
hypothesis.settings.register_profile("linli", deadline=None)
hypothesis.settings.load_profile("linli")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-examples", action="store_true", help="take examples for the OpenAPI document")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Reaching())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("full"):  # not `keywords`: folders are among them
            item.add_marker(pytest.mark.timeout(1800))
            if not os.environ.get("LINLI_FULL_TESTS"):
                item.add_marker(pytest.mark.skip(reason="only with --full"))


@pytest.fixture(scope="session")
def data_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="linli-test-"))
    folder.chmod(0o755)
    if not os.environ.get("LINLI_SCHEMA_FROM_MODELS"):
        copy_template(folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def settings(data_dir: Path) -> Iterator[Settings]:
    """Settings of the test process, with its own embedded servers."""
    postgres = start_postgres(data_dir, durable=False)
    valkey = start_valkey(data_dir)
    made = Settings(
        environment=Environment.TEST,
        data_dir=data_dir,
        database_url=postgres.url,
        redis_url=valkey.url,
        database_pool=16,
        log_level="error",
        rate_limits=",".join(f"{group}=100000/100000" for group in RATE_GROUPS),
    )
    configure_logs(made)
    crypto.use_keys(made)
    clock.use_movable_clock(data_dir)
    yield made
    valkey.stop()
    postgres.stop()


@pytest.fixture(scope="session")
async def migrated(settings: Settings) -> None:
    """The schema, as the models or the migrations make it."""
    if os.environ.get("LINLI_SCHEMA_FROM_MODELS"):
        await schema.create_from_models(settings)
    else:
        await schema.migrate(settings)


@pytest.fixture(scope="session")
async def started_app(settings: Settings, migrated: None, pytestconfig: pytest.Config) -> AsyncIterator[Any]:
    """The application, started as a server starts it."""
    application = create_app(settings, name="linli_test")
    recorder = Recorder(application) if pytestconfig.getoption("--record-examples") else None
    application.ctx.answers, application.ctx.statements = Answers(application), Statements(application)
    prepare = database._prepare_connection

    async def prepare_and_watch(connection: asyncpg.Connection) -> None:
        await prepare(connection)
        application.ctx.statements.watch(connection)

    database._prepare_connection = prepare_and_watch
    async with LifespanManager(application, startup_timeout=30, shutdown_timeout=30):
        yield application
    if recorder:
        recorder.save()


@pytest.fixture(scope="session")
async def emptying(started_app: Any) -> str:
    """The SQL that empties every table."""
    rows = await fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'tortoise_migrations'"
    )
    return ";".join(f'DELETE FROM "{row["tablename"]}"' for row in rows)


@pytest.fixture
async def app(
    started_app: Any, emptying: str, settings: Settings, request: pytest.FixtureRequest
) -> AsyncIterator[Any]:
    """The application for one test, which finds an empty database, an empty cache and the real time."""
    yield started_app
    clock.move_clock(timedelta())
    sweeps.FAILURES.clear()
    connection = await asyncpg.connect(settings.database_url)
    try:
        misnamed = await find_misnamed(connection)
        # `replica` switches foreign keys and guards off for this connection alone; far faster than TRUNCATE.
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(emptying)
    finally:
        await connection.close()
    if client := cache.client():
        await client.flushdb()
    if misnamed:
        pytest.fail("entries of the audit log that name others:\n" + "\n".join(misnamed), pytrace=False)
    started_app.ctx.answers.check(request.node)
    started_app.ctx.statements.check(request.node)


@pytest.fixture
async def api(app: Any) -> AsyncIterator[Api]:
    """A caller who has not signed in."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://linli.test") as client:
        yield Api(client)


@pytest.fixture(scope="session")
async def started_simulator(started_app: Any, settings: Settings) -> AsyncIterator[Simulator]:
    """WeChat's simulator, pushing to the application."""
    async with run_simulator(settings, started_app) as started:
        yield started


@pytest.fixture
async def simulator(app: Any, started_simulator: Simulator, settings: Settings) -> AsyncIterator[Simulator]:
    """WeChat for one test. Without this fixture, WeChat cannot be reached."""
    async with connect_to(started_simulator, settings):
        yield started_simulator
