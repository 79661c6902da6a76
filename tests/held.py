"""Two acts at once, of which the first is held open until the second waits for it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any

from server.foundation.database import fetch_value, transaction

_WAITING = (
    # Not pg_stat_activity, which stays as a transaction first saw it.
    "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
)

_WAITS_AT = (
    "SELECT query FROM (SELECT pg_stat_clear_snapshot()) cleared, pg_stat_activity "
    "WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
)


async def while_held(first: Callable[[], Awaitable[Any]], second: Callable[[], Awaitable[Any]]) -> Any:
    """What `second` gives, begun on a connection of its own after `first` has done everything but commit. It has to
    wait: where it does not, it decided on what was no longer so."""
    async with transaction():
        await first()
        task = asyncio.create_task(_run(second), context=Context())
        async with asyncio.timeout(20):
            while not await fetch_value(_WAITING):
                assert not task.done(), f"it did not wait: {task.result()}"
                await asyncio.sleep(0)
    return await task


async def _run(act: Callable[[], Awaitable[Any]]) -> Any:
    return await act()


async def waits_at(table: str, row_id: str, act: Callable[[], Awaitable[Any]]) -> str:
    """Begin `act` while another transaction holds the row; the statement at which it waits, or "" where it passes.
    Nothing of it is done. A write that waits would be too late: it was decided before."""
    async with transaction():
        await fetch_value(f"SELECT 1 FROM {table} WHERE id = $1 FOR NO KEY UPDATE", row_id)
        task = asyncio.create_task(_run_within(act), context=Context())
        async with asyncio.timeout(20):
            while not task.done() and not await fetch_value(_WAITING):
                await asyncio.sleep(0)
            # Only now: one look for both would see the statement before, where the wait began within the look.
            statement = await fetch_value(_WAITS_AT)
        task.cancel()
        done = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(done[0], asyncio.CancelledError), f"it did not wait: {done[0]!r}"
    return str(statement)


async def _run_within(act: Callable[[], Awaitable[Any]]) -> Any:
    async with transaction():
        return await act()
