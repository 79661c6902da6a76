"""`python -m server check`: looks at everything that a deployment rests on, and says what to do."""

import shutil
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

import asyncpg

from server.foundation import cache, clock, crypto, database, schema
from server.foundation.asyncpg_client import CONNECT_SECONDS
from server.foundation.database import is_unreachable
from server.foundation.errors import Unavailable
from server.foundation.keys import KeysWrong, check_keys
from server.foundation.settings import Settings
from server.foundation.skew import SKEW_SECONDS, clock_skew
from server.media import storage
from server.wechat import connection as wechat_connection
from server.wechat.errors import WeChatError

_OLDEST = 15
_EXTENSIONS = ("ltree", "btree_gist", "pg_trgm")
_SKEW = (SKEW_SECONDS, 10.0)
"""Seconds between our clock and the database's: worth a word, and wrong (attendance codes live thirty)."""
_DISK = (2 * 1024**3, 200 * 1024**2)


class Finding(NamedTuple):
    """`state` is ok, warn or wrong; `advice` is empty where nothing is to be done."""

    part: str
    state: str
    found: str
    advice: str = ""


async def check(settings: Settings) -> int:
    """Print the table; 1 where something is wrong, or else 0."""
    findings = [finding async for finding in look_everywhere(settings)]
    width = max(len(finding.part) for finding in findings)
    for part, state, found, advice in findings:
        sys.stdout.write(f"{part:{width}}  {state:5}  {found}\n")
        if advice:
            sys.stdout.write(f"{'':{width}}         → {advice}\n")
    return 1 if any(finding.state == "wrong" for finding in findings) else 0


async def look_everywhere(settings: Settings) -> AsyncIterator[Finding]:
    """Every part by itself, so that one that is away hides no other."""
    yield Finding("settings", "ok", f"{settings.environment}, {settings.workers} processes, {settings.public_base}")
    crypto.use_keys(settings)
    try:
        connection = await asyncpg.connect(
            settings.database_url, timeout=CONNECT_SECONDS, statement_cache_size=settings.database_statements
        )
    except Exception as error:
        yield Finding("database", "wrong", _kind(error), why_no_database(error) or "look at DATABASE_URL")
    else:
        try:
            async for finding in _look_at_database(settings, connection):
                yield finding
        finally:
            await connection.close()
        async for finding in _look_at_data(settings):
            yield finding
    cache.connect(settings)
    try:
        yield await _told("cache", _look_at_cache)
        storage.connect(settings)
        yield await _told("store", _look_at_store)
        wechat_connection.connect(settings)
        yield await _told("wechat", _look_at_wechat)
    finally:
        await wechat_connection.disconnect()
        await cache.disconnect()
    yield await _told("disk", lambda: _look_at_disk(settings))


async def _told(part: str, look: Callable[[], Awaitable[Finding]]) -> Finding:
    try:
        return await look()
    except Exception as error:
        return Finding(part, "wrong", _kind(error), "see the words of the error in its manual")


def _kind(error: Exception) -> str:
    """What kind of error, never its words: they may quote addresses and passwords."""
    return type(error).__name__


def why_no_database(error: BaseException) -> str:
    """What to do where the database does not let us in or is not there; empty for everything else. The words hold
    nothing of the address."""
    causes = [cause for cause in (error, error.__cause__, error.__context__) if cause]
    for kinds, advice in _ADVICE:
        if any(isinstance(cause, kinds) for cause in causes):
            return advice
    return _AWAY if is_unreachable(error) else ""


_AWAY = "nothing answers at DATABASE_URL: is PostgreSQL running, and does a firewall stand between?"
_ADVICE: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError),
        "the user or password of DATABASE_URL is not right, or pg_hba.conf lets it in from elsewhere only",
    ),
    ((asyncpg.InvalidCatalogNameError,), "there is no such database: createdb -O USER -E UTF8 DATABASE"),
    ((asyncpg.UndefinedTableError,), "it has not been migrated: python -m server migrate"),
    (
        (asyncpg.InsufficientPrivilegeError,),
        "the user of DATABASE_URL lacks a right: `python -m server check` says which",
    ),
)


async def _look_at_database(settings: Settings, connection: asyncpg.Connection) -> AsyncIterator[Finding]:
    version = connection.get_server_version()
    state, advice = ("ok", "") if version.major >= _OLDEST else ("wrong", f"PostgreSQL {_OLDEST} or newer is needed")
    yield Finding("database", state, f"PostgreSQL {version.major}.{version.minor}", advice)
    encoding = await connection.fetchval("SHOW server_encoding")
    yield Finding("encoding", *(("ok", encoding) if encoding == "UTF8" else ("wrong", encoding, "createdb -E UTF8")))
    [(can_write, can_create, can_extend)] = await connection.fetch(
        "SELECT NOT pg_is_in_recovery(), has_schema_privilege(current_schema(), 'CREATE'), "
        "has_database_privilege(current_database(), 'CREATE')"
    )
    if not can_write:
        yield Finding("rights", "wrong", "a standby", "DATABASE_URL must lead to the primary")
    elif not can_create:
        yield Finding("rights", "wrong", "no CREATE in the schema", "GRANT CREATE, USAGE ON SCHEMA public TO the user")
    else:
        yield Finding("rights", "ok", "may create tables")
    rows = await connection.fetch(
        "SELECT name, installed_version IS NOT NULL AS is_there FROM pg_available_extensions WHERE name = ANY($1)",
        list(_EXTENSIONS),
    )
    there = {row["name"]: row["is_there"] for row in rows}
    absent = [name for name in _EXTENSIONS if name not in there]
    to_make = [name for name in _EXTENSIONS if there.get(name) is False]
    if absent:
        yield Finding("extensions", "wrong", f"{', '.join(absent)} not installed", "install postgresql-contrib")
    elif to_make and not can_extend:
        advice = f"as the database's owner: {' '.join(f'CREATE EXTENSION {name};' for name in to_make)}"
        yield Finding("extensions", "wrong", f"{', '.join(to_make)} missing", advice)
    else:
        found = f"migrate will create {', '.join(to_make)}" if to_make else ", ".join(_EXTENSIONS)
        yield Finding("extensions", "ok", found)
    [(room, used)] = await connection.fetch(
        f"SELECT {database.CONNECTIONS}, (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')"
    )
    wanted = (settings.workers + 1) * settings.database_pool
    state, advice = ("ok", "") if wanted <= room else ("warn", "fewer processes or a smaller LINLI_DATABASE_POOL")
    found = f"{used} of {room} in use; this server and one worker want {wanted} at most"
    yield Finding("connections", state, found, advice)
    skew = abs(await clock_skew(connection.fetchval))
    state = "ok" if skew <= _SKEW[0] else "warn" if skew <= _SKEW[1] else "wrong"
    yield Finding("clock", state, f"{skew:.1f} s off the database's", "" if state == "ok" else "run NTP on both")
    if offset := clock.offset().total_seconds():
        yield Finding("moved clock", "warn", f"{offset:.0f} s", "only in the demo and in tests")


async def _look_at_data(settings: Settings) -> AsyncIterator[Finding]:
    await database.connect(settings)
    try:
        missing, unknown = await schema.compare_migrations()
        if unknown:
            yield Finding("migrations", "wrong", f"{len(unknown)} of a newer program", "install the newer program")
        elif missing:
            yield Finding("migrations", "wrong", f"{len(missing)} missing", "python -m server migrate")
        else:
            yield Finding("migrations", "ok", "all there")
        try:
            # Ours are not noted, where the database does not know any yet: we only look.
            async with database.undone():
                await check_keys()
            yield Finding("keys", "ok", "those of the database, or it has none yet")
        except KeysWrong as wrong:
            yield Finding("keys", "wrong", str(wrong), "give LINLI_KEYS and LINLI_INDEX_KEY as they were")
    finally:
        await database.disconnect()


async def _look_at_cache() -> Finding:
    if await cache.is_alive():
        return Finding("cache", "ok", "answers")
    return Finding("cache", "wrong", "no answer", "nothing, or another password, answers at REDIS_URL: all is slower")


async def _look_at_store() -> Finding:
    """Write an object, read it, and remove it."""
    key, content = f"check/{uuid.uuid4()}", b"linli"
    try:
        await storage.put(key, content)
        same = await (await storage.get(key)).read() == content
        await storage.delete(key)
    except (Unavailable, OSError) as error:
        advice = "is the bucket there, the endpoint right, the key allowed to read, write and delete?"
        return Finding("store", "wrong", storage.kind_of(error), advice)
    return Finding("store", "ok", "written, read, removed") if same else Finding("store", "wrong", "gave other bytes")


async def _look_at_wechat() -> Finding:
    try:
        await wechat_connection.platform().tokens.get()
    except WeChatError as error:
        advice = "is the network or HTTPS_PROXY open to it, WECHAT_SECRET right, this address in the console's list?"
        return Finding("wechat", "wrong", f"no token ({error})", advice)
    return Finding("wechat", "ok", f"gives a token; {len(wechat_connection.template_ids().all())} templates")


async def _look_at_disk(settings: Settings) -> Finding:
    """Of the data folder, or, where it will be made, of the one that it will lie in."""
    there = next(
        path for path in (settings.data_dir.absolute(), *settings.data_dir.absolute().parents) if path.is_dir()
    )
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError:
        return Finding("disk", "wrong", "LINLI_DATA_DIR cannot be written to", "make it a folder of this user's")
    free = shutil.disk_usage(there).free
    state = "ok" if free > _DISK[0] else "warn" if free > _DISK[1] else "wrong"
    advice = "" if state == "ok" else "make room: pictures without S3, and uploads on their way, lie there"
    return Finding("disk", state, f"{free / 1024**3:.1f} GiB free at LINLI_DATA_DIR", advice)
