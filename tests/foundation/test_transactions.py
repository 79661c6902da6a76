"""Transactions when PostgreSQL fails them: nothing that failed to begin stays in place, and what was told is there."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from asyncpg.transaction import Transaction
from tortoise import connections

from server.background.sweeps import JobRun
from server.foundation import asyncpg_client
from server.foundation.database import execute, fetch_value, is_unreachable, snapshot, transaction
from server.foundation.settings import Settings

AWAY = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""How a lost connection shows itself, by what it was lost in."""


@pytest.fixture
async def outside(app: object, settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """Somebody else's connection, who sees only what was committed."""
    connection = await asyncpg.connect(settings.database_url)
    yield connection
    await connection.close()


async def names(outside: asyncpg.Connection) -> list[str]:
    return [row["name"] for row in await outside.fetch("SELECT name FROM job_run ORDER BY name")]


async def works_again(outside: asyncpg.Connection) -> None:
    """The task that met the failure goes on as if nothing had been: statements, transactions and models."""
    assert type(connections.get("default")) is asyncpg_client.Client
    async with transaction():
        await JobRun.create(name="afterwards")
        with pytest.raises(ZeroDivisionError):
            async with transaction():
                await JobRun.create(name="undone")
                raise ZeroDivisionError
    assert await names(outside) == ["afterwards"], "committed, and seen by others"
    async with snapshot():
        assert await fetch_value("SELECT count(*) FROM job_run") == 1


async def test_a_backend_that_dies_between_acquire_and_begin(
    outside: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = Transaction.start

    async def die_first(self: Any) -> None:
        await outside.execute("SELECT pg_terminate_backend($1)", self._connection.get_server_pid())
        await begin(self)

    with monkeypatch.context() as dying:
        dying.setattr(Transaction, "start", die_first)
        with pytest.raises(AWAY) as failed:
            async with transaction():
                await JobRun.create(name="never")
    assert is_unreachable(failed.value)
    await works_again(outside)


async def test_a_begin_that_times_out(outside: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend stands still and goes on later: its BEGIN takes effect when nobody waits for it any longer."""
    begin, stopped = Transaction.start, []

    async def stop_first(self: Any) -> None:
        stopped.append(self._connection.get_server_pid())
        os.kill(stopped[0], signal.SIGSTOP)
        await begin(self)

    with monkeypatch.context() as standing:
        standing.setattr(Transaction, "start", stop_first)
        standing.setattr(asyncpg_client, "BEGIN_SECONDS", 0.05)
        try:
            with pytest.raises(TimeoutError):
                async with transaction():
                    await JobRun.create(name="never")
        finally:
            os.kill(stopped[0], signal.SIGCONT)
    assert await fetch_value("SELECT pg_backend_pid()") != stopped[0], "never used again"
    await works_again(outside)


async def test_a_backend_that_dies_inside(outside: asyncpg.Connection) -> None:
    with pytest.raises(AWAY) as failed:
        async with transaction():
            await JobRun.create(name="never")
            await outside.execute("SELECT pg_terminate_backend($1)", await fetch_value("SELECT pg_backend_pid()"))
            await execute("SELECT 1")
    assert is_unreachable(failed.value)
    await works_again(outside)


async def test_a_commit_that_fails_is_told(outside: asyncpg.Connection) -> None:
    with pytest.raises(AWAY) as failed:
        async with transaction():
            await JobRun.create(name="never")
            await outside.execute("SELECT pg_terminate_backend($1)", await fetch_value("SELECT pg_backend_pid()"))
    assert is_unreachable(failed.value)
    await works_again(outside)


async def test_a_cancelled_task_leaves_nothing_open(outside: asyncpg.Connection) -> None:
    begun = asyncio.Event()

    async def wait_inside() -> None:
        async with transaction():
            await JobRun.create(name="never")
            begun.set()
            await execute("SELECT pg_sleep(30)")

    task = asyncio.create_task(wait_inside())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await works_again(outside)
    assert await outside.fetchval("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'") == 0


async def test_why_it_was_rolled_back_is_told_where_rolling_back_fails_too(outside: asyncpg.Connection) -> None:
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            await outside.execute("SELECT pg_terminate_backend($1)", await fetch_value("SELECT pg_backend_pid()"))
            raise ZeroDivisionError
    await works_again(outside)


async def test_nobody_waits_for_a_connection_for_ever(
    outside: asyncpg.Connection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = asyncio.Event()
    inside = asyncio.Semaphore(0)

    async def hold() -> None:
        async with transaction():
            inside.release()
            await held.wait()

    holders = [asyncio.create_task(hold()) for _ in range(settings.database_pool)]
    for _ in holders:
        await inside.acquire()
    with monkeypatch.context() as impatient, pytest.raises(TimeoutError):
        impatient.setattr(asyncpg_client, "ACQUIRE_SECONDS", 0.05)
        await execute("SELECT 1")
    held.set()
    await asyncio.gather(*holders)
    await works_again(outside)
