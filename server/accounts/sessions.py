"""Sessions: opaque tokens, hashed in the database, with the cache in front for at most a minute.

A lost cache costs a query a request; a lost invalidation heals within the minute.
"""

import secrets
from datetime import datetime, timedelta

import asyncpg
import msgspec

from server.accounts.models import Session
from server.foundation import cache, clock
from server.foundation.crypto import hash_token
from server.foundation.database import execute, fetch, fetch_one

_CACHE_SECONDS = 60
_SLIDE_AFTER = timedelta(hours=1)


class Caller(msgspec.Struct, frozen=True):
    """Who makes a request. `is_staff` tells that the person holds some role; services check which and where."""

    person_id: str
    session_id: str
    expires_at: datetime
    is_staff: bool = False


class _Cached(msgspec.Struct, frozen=True):
    """A caller as the cache keeps it. `looked_up_at` bounds its life by our clock, which may have been moved."""

    caller: Caller
    looked_up_at: datetime


class NewSession(msgspec.Struct, frozen=True):
    """A token, told once, and until when it lives if it is not used."""

    token: str
    expires_at: datetime


async def open_session(person_id: str, days: int) -> NewSession:
    """A new session for the person, living `days` days from its last use."""
    token = secrets.token_urlsafe(32)
    now = clock.now()
    session = await Session.create(
        person_id=person_id, token_hash=hash_token(token), expires_at=now + timedelta(days=days), used_at=now
    )
    return NewSession(token, session.expires_at)


async def find_caller(token: str) -> Caller | None:
    """Who the token belongs to; None when it is unknown, expired, ended, or the person is gone."""
    token_hash = hash_token(token)
    key = f"session:{token_hash.hex()}"
    if cached := await cache.get(key):
        kept = msgspec.msgpack.decode(cached, type=_Cached)
        if clock.now() - kept.looked_up_at < timedelta(seconds=_CACHE_SECONDS):
            return kept.caller if kept.caller.expires_at > clock.now() else None
    row = await fetch_one(
        "SELECT s.id, s.person_id, s.expires_at, s.used_at, s.expires_at - s.used_at AS life, EXISTS (SELECT 1 FROM "
        "role_grant g WHERE g.person_id = s.person_id AND g.ended_at IS NULL) AS is_staff "
        "FROM session s JOIN person p ON p.id = s.person_id WHERE s.token_hash = $1 AND s.ended_at IS NULL "
        "AND s.expires_at > $2 AND p.merged_into_id IS NULL AND p.closed_at IS NULL",
        token_hash,
        clock.now(),
    )
    if row is None:
        return None
    expires_at = row["expires_at"]
    now = clock.now()
    if now - row["used_at"] > _SLIDE_AFTER:
        expires_at = now + row["life"]
        await execute("UPDATE session SET expires_at = $2, used_at = $3 WHERE id = $1", row["id"], expires_at, now)
    caller = Caller(row["person_id"], row["id"], expires_at, row["is_staff"])
    await cache.put(key, msgspec.msgpack.encode(_Cached(caller, now)), _CACHE_SECONDS)
    return caller


async def end_session(session_id: str) -> None:
    """Sign out on this device."""
    rows = await fetch(
        "UPDATE session SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL RETURNING token_hash",
        session_id,
        clock.now(),
    )
    await _forget(rows)


async def end_all_sessions(person_id: str) -> int:
    """Sign out everywhere; how many devices that were."""
    rows = await fetch(
        "UPDATE session SET ended_at = $2 WHERE person_id = $1 AND ended_at IS NULL RETURNING token_hash",
        person_id,
        clock.now(),
    )
    await _forget(rows)
    return len(rows)


async def forget_cached_sessions(person_id: str) -> None:
    """After the person's roles or state changed: look the sessions up again."""
    await _forget(await fetch("SELECT token_hash FROM session WHERE person_id = $1 AND ended_at IS NULL", person_id))


async def _forget(rows: list[asyncpg.Record]) -> None:
    await cache.drop(*(f"session:{bytes(row['token_hash']).hex()}" for row in rows))
