"""Lists that may be a few seconds old, from a replica of the database (`DATABASE_REPLICA_URL`).

Asked are only routes that say so, outside of transactions, and only while the replica is close behind. Who has just
written something reads from the primary for a while, in whichever process: their own writes are always there. The mark
is in the cache; where that does not answer, the primary is asked.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import structlog

from server.foundation import cache
from server.foundation.alongside import alongside
from server.foundation.database import fetch_from_replica, fetch_value, from_replica
from server.foundation.settings import Settings

log = structlog.get_logger()

MARKED_SECONDS = 10
"""So long whoever wrote reads from the primary: far longer than a replica that is asked can be behind."""
_LOOK_EVERY = 1.0
"""A replica that has not by then what the primary had a look ago is left alone until it has caught up."""


class _Replica:
    """What this process knows of it."""

    def __init__(self) -> None:
        self.is_used = self.is_close = False


_replica = _Replica()


@asynccontextmanager
async def watching_replica(settings: Settings) -> AsyncIterator[None]:
    """Look every second how far behind it is; nothing where there is none."""
    if not settings.database_replica_url:
        yield
        return
    _replica.is_used = True
    try:
        async with alongside(_watch()):
            yield
    finally:
        _replica.is_used = _replica.is_close = False


async def may_lag_for(person_id: str | None) -> bool:
    """Whether this reader may be answered from the replica now."""
    if not _replica.is_close:
        return False
    if person_id is None:
        return True
    return await cache.attempt(lambda client: client.exists(_mark(person_id))) == 0


async def note_written(person_id: str) -> None:
    """They have just written something: what they read next has it."""
    if _replica.is_used:
        await cache.put(_mark(person_id), b"1", MARKED_SECONDS)


@contextmanager
def reading_from_replica() -> Iterator[None]:
    """What is fetched inside comes from the replica; from the primary where the replica fails."""
    token = from_replica.set(True)
    try:
        yield
    finally:
        from_replica.reset(token)


def _mark(person_id: str) -> str:
    return f"linli:wrote:{person_id}"


async def _watch() -> None:
    written = None
    while True:
        try:
            # What the primary had written when it was last looked at has arrived.
            is_close = written is not None and (await fetch_from_replica(_HAS, written))[0][0]
            written = await fetch_value("SELECT pg_current_wal_lsn()::text")
        except Exception as error:
            is_close = False
            if _replica.is_close:
                log.warning("replica_away", error=type(error).__name__)
        else:
            if is_close != _replica.is_close:
                log.info("replica_close" if is_close else "replica_behind")
        _replica.is_close = is_close
        await asyncio.sleep(_LOOK_EVERY)


_HAS = "SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= $1::text::pg_lsn"
