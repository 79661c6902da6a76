"""Transactions when PostgreSQL fails them: nothing that failed to begin stays in place, and what was told is there."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from asyncpg.exceptions import _base
from asyncpg.pool import Pool
from asyncpg.transaction import Transaction
from tortoise import connections

from server.background.sweeps import JobRun
from server.foundation import asyncpg_client, line
from server.foundation.database import execute, fetch_value, is_unreachable, snapshot, transaction
from server.foundation.errors import Busy
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


class Holders:
    """Transactions that are open, all connections of the pool, until they are let go."""

    def __init__(self, count: int) -> None:
        self.let_go = asyncio.Event()
        self._inside = asyncio.Semaphore(0)
        self._tasks = [asyncio.create_task(self._hold()) for _ in range(count)]

    async def _hold(self) -> None:
        async with transaction():
            self._inside.release()
            await self.let_go.wait()

    async def __aenter__(self) -> "Holders":
        async with asyncio.timeout(10):
            for _ in self._tasks:
                await self._inside.acquire()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.let_go.set()
        await asyncio.gather(*self._tasks)


async def test_nobody_waits_for_a_connection_for_ever(
    outside: asyncpg.Connection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Holders(settings.database_pool):
        with monkeypatch.context() as impatient, pytest.raises(Busy) as failed:
            impatient.setattr(line, "WAIT_SECONDS", 0.05)
            await execute("SELECT 1")
    assert is_unreachable(failed.value), "the relay and the sweeps try again"
    await works_again(outside)


async def test_nobody_joins_a_line_that_is_too_long(
    outside: asyncpg.Connection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Holders(settings.database_pool) as holders:
        monkeypatch.setattr(line, "MOST_WAITING", 2)
        waiting = [asyncio.create_task(execute("SELECT 1")) for _ in range(3)]
        done, waiting_still = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert (len(done), len(waiting_still)) == (1, 2)
        with pytest.raises(Busy):
            await done.pop()
        holders.let_go.set()
        assert [await task for task in waiting_still] == [1, 1]
    await works_again(outside)


async def test_who_came_first_goes_first(app: object, settings: Settings) -> None:
    """By request: one that has begun is not put behind those that came while it worked."""
    order: list[str] = []

    async def ask(name: str, statements: int, begun: asyncio.Event) -> None:
        line.arrive()
        begun.set()
        for _ in range(statements):
            await execute("SELECT 1")
            order.append(name)

    tasks = []
    async with Holders(settings.database_pool - 1), Holders(1) as last:
        for name, statements in (("first", 3), ("second", 1), ("third", 1)):
            begun = asyncio.Event()
            tasks.append(asyncio.create_task(ask(name, statements, begun)))
            await begun.wait()
        last.let_go.set()
        await asyncio.gather(*tasks)
    assert order == ["first", "second", "first", "third", "first"], "behind one other at most"


async def test_who_leaves_the_line_takes_no_place_along(outside: asyncpg.Connection, settings: Settings) -> None:
    """Also where a place is given in the very moment in which they leave."""
    async with Holders(settings.database_pool - 1), Holders(1) as last:
        tasks = [asyncio.create_task(execute("SELECT 1")) for _ in range(10)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        last.let_go.set()
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.wait(tasks)
        assert sum(task.cancelled() for task in tasks) in (5, 6)
    async with Holders(settings.database_pool):
        pass  # As many as ever.
    await works_again(outside)


async def test_one_connection_fewer_where_there_is_no_room(
    outside: asyncpg.Connection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's connections are all in use elsewhere: requests take turns on those that this process has."""
    client: Any = connections.get("default")
    for holder in (await client.pool())._holders:
        await holder.close()
    pool_class: Any = Pool
    connect, made = pool_class._get_new_connection, list[None]()

    async def refuse_more(pool: Pool) -> Any:
        if made:
            raise asyncpg.TooManyConnectionsError("sorry, too many clients already")
        made.append(None)
        return await connect(pool)

    with monkeypatch.context() as short:
        short.setattr(pool_class, "_get_new_connection", refuse_more)
        short.setattr(asyncpg_client, "_PAUSE_SECONDS", 0.05)
        assert await asyncio.gather(*(fetch_value("SELECT 1 FROM pg_sleep(0.001)") for _ in range(50))) == [1] * 50
    # The places that were closed are there again before the next test.
    async with Holders(settings.database_pool):
        pass
    await works_again(outside)


async def test_what_cannot_be_sent_is_no_outage(app: object) -> None:
    """asyncpg refuses it itself, by either of the two classes that it has for that."""
    with pytest.raises(asyncpg.DataError) as failed:
        await fetch_value("SELECT $1::int", "one")
    assert not is_unreachable(failed.value)
    assert issubclass(_base.DataError, asyncpg.InterfaceError), "else it would be no question"
    assert not is_unreachable(_base.DataError("invalid input for query argument $1"))
