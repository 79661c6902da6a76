"""Tortoise's client for PostgreSQL with bounded waits and transactions of the house's own.

Tortoise's context takes a connection and puts it in place before BEGIN, and undoes neither where BEGIN fails. Later
"transactions" of that task then run on a dead connection or, after a BEGIN that timed out, as savepoints of one that
never commits: answered 2xx, and lost. Here a transaction is in place only once it has begun, and a connection whose
state is unknown is closed. Models, `fetch` and migrations all go through this client, which Tortoise finds by the name
of this module (its migrations look for "asyncpg" in it).
"""

import asyncio
import time
from contextlib import suppress
from types import TracebackType
from typing import Any

import asyncpg
from tortoise import connections
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionContext
from tortoise.connection import ConnectionToken

from server.foundation.line import WAIT_SECONDS, Line

CONNECT_SECONDS = 5.0
"""For a new connection; also for a statement's cancellation when one goes back."""
_PAUSE_SECONDS = 1.0
"""For so long a process uses one connection fewer where PostgreSQL has no room for one more."""
STATEMENT_SECONDS = 30.0
REPLICA_SECONDS = 3.0
"""For a statement of the replica's: then the primary is asked."""
BEGIN_SECONDS = 5.0
"""Also for ROLLBACK: neither has anything to do that takes time."""
IDLE_SECONDS = 60
"""After which PostgreSQL ends a transaction whose process has stopped talking, and frees its locks."""


class Lease:
    """A connection of the pool for one statement or one transaction."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    async def __aenter__(self) -> Any:
        self._pool = await self._client.pool()
        give_up_at = time.monotonic() + WAIT_SECONDS
        while True:
            await self._client.line.enter()
            try:
                self._connection = await self._pool.acquire(timeout=CONNECT_SECONDS)
                return self._connection
            except asyncpg.TooManyConnectionsError:
                # Other processes have them all: those that this one has must do for a while.
                self._client.line.leave_later(_PAUSE_SECONDS)
                if time.monotonic() > give_up_at:
                    raise
            except BaseException:
                self._client.line.leave()
                raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, TimeoutError):
            await self.give_up()  # The statement may still be running.
        else:
            await self._give_back()

    async def give_up(self) -> None:
        """Close the connection: whether a statement is under way or a transaction open, nobody knows."""
        with suppress(asyncpg.InterfaceError):  # It broke, and has left the pool already.
            self._connection.terminate()
        await self._give_back()

    async def _give_back(self) -> None:
        try:
            await self._pool.release(self._connection)
        finally:
            self._client.line.leave()


class Begun(TransactionContext):
    """A transaction on a connection of its own: everything that the task does meanwhile belongs to it."""

    _token: ConnectionToken

    def __init__(self, client: "Client") -> None:
        self._lease = Lease(client)
        self.client: TransactionWrapper = TransactionWrapper(client)

    async def __aenter__(self) -> TransactionWrapper:
        self.client._connection = await self._lease.__aenter__()
        try:
            async with asyncio.timeout(BEGIN_SECONDS):
                await self.client.begin()
        except BaseException:
            await self._lease.give_up()
            raise
        self._token = connections.set(self.client.connection_name, self.client)
        return self.client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connections.reset(self._token)
        try:
            if error is None:
                await self.client.commit()
            else:
                async with asyncio.timeout(BEGIN_SECONDS):
                    await self.client.rollback()
        except BaseException as failure:
            await self._lease.give_up()
            if error is None or not isinstance(failure, Exception):
                raise
            return  # Why it had to be rolled back is what the caller wants to know.
        await self._lease.__aexit__(None, None, None)


class Client(AsyncpgDBClient):
    """The connections of this process, and the line for them."""

    line: Line

    async def pool(self) -> asyncpg.Pool:
        """The pool, made when it is first asked for."""
        if self._pool is None:
            async with self._pool_init_lock:
                if self._pool is None:
                    await self.create_connection(with_db=True)
                    assert self._pool
                    self.line = Line(self._pool.get_max_size())
        assert self._pool
        return self._pool

    def acquire_connection(self) -> Any:
        """A connection for one statement."""
        return Lease(self)

    def _in_transaction(self) -> TransactionContext:
        return Begun(self)


client_class = Client
