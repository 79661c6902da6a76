"""Whether this process should be sent requests: told within three seconds, whatever hangs.

Each part is told by itself. Busy is not away: a database that is slow for a moment is slow for every process, and a
balancer that took all of them out would make it an outage.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import msgspec
import structlog

from server.foundation import cache, schema
from server.foundation.database import is_unreachable
from server.foundation.errors import Busy
from server.foundation.keys import KeysWrong, check_keys
from server.foundation.settings import Settings
from server.media import storage

log = structlog.get_logger()

AnswerT = TypeVar("AnswerT")

_SECONDS = 1.3
"""For each look at a part, and for the second look at a database that has not answered."""


class Readiness(msgspec.Struct):
    """`status`: ready, draining (it is about to stop), or not_ready.

    `database`: ok, busy, unreachable, newer (than this program), or how many migrations are missing; `keys`: ok, wrong,
    unknown; `media`: ok, or why nothing can be stored (of a bucket, which is every process's: how its last failure was
    called, and that alone makes nobody unready); `cache`: ok or unreachable, which costs speed alone. Any of them
    failing: it broke in a way that the log tells.
    """

    status: str
    database: str
    keys: str
    media: str
    cache: str

    @property
    def is_ready(self) -> bool:
        return self.status == "ready"


async def check_readiness(settings: Settings, *, is_draining: bool, has_fitted: bool) -> Readiness:
    """Look at every part at once. A process that `has_fitted` the database goes on when it is migrated, until its own
    turn to be restarted comes: migrations leave room for it, and a balancer would take every server out at once. One
    that begins on a newer database is not ready: it may be the program of long ago."""
    database_state, keys_state, media_state, cache_state = await asyncio.gather(
        _told_in_time(_database, lambda: _why_no_answer(settings)),
        _told_in_time(_keys, _unknown),
        _told_in_time(storage.why_not_writable, _unknown),
        _told_in_time(_cache, _unreachable),
    )
    fits = database_state in ("ok", "busy") or (database_state == "newer" and has_fitted)
    ready = fits and keys_state in ("ok", "unknown") and (bool(settings.bucket) or media_state in ("ok", "unknown"))
    status = "draining" if is_draining else "ready" if ready else "not_ready"
    return Readiness(status, database_state, keys_state, media_state, cache_state)


async def fits() -> bool:
    """Whether the database has this program's migrations, however long it takes to tell; not where it is away."""
    try:
        return await schema.compare_migrations() == ([], [])
    except Exception as error:
        if not is_unreachable(error):
            raise
        return False


async def _told_in_time(look: Callable[[], Awaitable[str]], otherwise: Callable[[], Awaitable[str]]) -> str:
    """What `look` tells, or, where it hangs, `otherwise`; `failing` where it breaks."""
    try:
        return await _in_time(look())
    except Exception as error:
        if not is_unreachable(error):
            log.error("not_ready", part=look.__name__, exc_info=error)
            return "failing"
        log.warning("not_ready", part=look.__name__, error=type(error).__name__)
    return await otherwise()


async def _in_time(look: Awaitable[AnswerT]) -> AnswerT:
    """What it tells. Raises TimeoutError where it hangs.

    It is left to end by itself then: a statement that is cancelled has PostgreSQL asked to stop it, and where that one
    hangs too, so would we.
    """
    task = asyncio.ensure_future(look)
    await asyncio.wait({task}, timeout=_SECONDS)
    if not task.done():
        task.cancel()
        raise TimeoutError
    return task.result()


async def _database() -> str:
    # A connection that broke while nobody used it is met once, by the first who takes it from the pool.
    for is_last in (False, True):
        try:
            missing, unknown = await schema.compare_migrations()
            break
        except Exception as error:
            if isinstance(error, TimeoutError | Busy) or not is_unreachable(error):
                raise
            if is_last:
                log.warning("not_ready", part="_database", error=type(error).__name__)
                return "unreachable"
    if unknown:
        return "newer"
    return f"{len(missing)} migrations missing" if missing else "ok"


async def _why_no_answer(settings: Settings) -> str:
    """Whether a connection of its own gets an answer: then those of the pool are all in use."""
    try:
        await _in_time(_ask(settings))
    except Exception:
        return "unreachable"
    return "busy"


async def _ask(settings: Settings) -> None:
    connection = await asyncpg.connect(settings.database_url)
    try:
        await connection.execute("SELECT 1")
    finally:
        connection.terminate()


async def _keys() -> str:
    try:
        await check_keys()
    except KeysWrong as wrong:
        log.error("keys_wrong", why=str(wrong))
        return "wrong"
    return "ok"


async def _cache() -> str:
    return "ok" if await cache.is_alive() else "unreachable"


async def _unknown() -> str:
    return "unknown"


async def _unreachable() -> str:
    return "unreachable"
