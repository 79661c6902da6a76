"""Sessions: opaque tokens, of which the database keeps the hash.

A process believes what it has read there for a second, since a screen makes several requests at once. Whoever signs out
or is blocked is out of the process that did it with the commit, and of every other within that second.
"""

import secrets
from datetime import datetime, timedelta

import asyncpg
import msgspec

from server.accounts.models import Session
from server.accounts.queries import RoleBrief
from server.foundation import clock
from server.foundation.crypto import hash_token
from server.foundation.database import after_commit, execute, fetch, fetch_one
from server.foundation.errors import NotSignedIn
from server.organizations.models import RoleKind

_SLIDE_AFTER = timedelta(hours=1)
KNOWN_FOR = timedelta(seconds=1)
_MOST_KNOWN = 10_000


class Caller(msgspec.Struct, frozen=True):
    """Who makes a request. `is_staff` tells that the person holds some role; services check which and where."""

    person_id: str
    session_id: str
    expires_at: datetime
    is_staff: bool = False


class NewSession(msgspec.Struct, frozen=True):
    """A token, told once, and until when it lives if it is not used."""

    token: str
    expires_at: datetime


async def open_session(person_id: str, life: timedelta) -> NewSession:
    """A new session for the person, which ends where it is not used for as long as `life`."""
    token = secrets.token_urlsafe(32)
    now = clock.now()
    session = await Session.create(
        person_id=person_id, token_hash=hash_token(token), expires_at=now + life, used_at=now
    )
    return NewSession(token, session.expires_at)


class _Known:
    """Callers whom this process has looked up within the last second, by the hash of their token."""

    def __init__(self) -> None:
        self._callers: dict[bytes, tuple[datetime, Caller]] = {}
        self.times_forgotten = 0

    def find(self, token_hash: bytes) -> Caller | None:
        known, now = self._callers.get(token_hash), clock.now()
        if known is None:
            return None
        asked_at, caller = known
        # A clock that was set back does not make the second longer.
        return caller if asked_at <= now < min(asked_at + KNOWN_FOR, caller.expires_at) else None

    def note(self, token_hash: bytes, caller: Caller, asked_at: datetime, times_forgotten: int) -> None:
        """Unless some were forgotten since it was asked: the answer may be of before."""
        if times_forgotten == self.times_forgotten:
            if len(self._callers) >= _MOST_KNOWN:
                self._callers.clear()
            self._callers[token_hash] = asked_at, caller

    def forget(self) -> None:
        self._callers.clear()
        self.times_forgotten += 1


_known = _Known()


async def find_caller(token: str, *, afresh: bool = False) -> Caller | None:
    """Who the token belongs to; None when it is unknown, expired, ended, or the person is gone. `afresh`: as it is in
    the database now."""
    token_hash = hash_token(token)
    if not afresh and (known := _known.find(token_hash)):
        return known
    asked_at, times_forgotten = clock.now(), _known.times_forgotten
    caller = await _look_up(token_hash)
    if caller:
        _known.note(token_hash, caller, asked_at, times_forgotten)
    return caller


async def find_staff(token: str) -> tuple[Caller, list[RoleBrief]] | None:
    """Who the token belongs to and the roles that they hold now, in one statement: for the console, whose every page
    wants both."""
    now = clock.now()
    rows = await fetch(
        "SELECT s.id, s.person_id, s.expires_at, s.used_at, s.expires_at - s.used_at AS life, g.id IS NOT NULL "
        "AS is_staff, g.kind, g.organization_id, o.name AS organization_name "
        f"{_SESSION.format(roles=_ROLES)} ORDER BY g.id",
        hash_token(token),
        now,
    )
    if not rows:
        return None
    roles = [
        RoleBrief(RoleKind(row["kind"]), row["organization_id"], row["organization_name"])
        for row in rows
        if row["is_staff"]
    ]
    return await _slide(rows[0], now), roles


_SESSION = (
    "FROM session s JOIN person p ON p.id = s.person_id {roles} WHERE s.token_hash = $1 AND s.ended_at IS NULL "
    "AND s.expires_at > $2 AND p.merged_into_id IS NULL AND p.closed_at IS NULL"
)
_ROLES = (
    "LEFT JOIN role_grant g ON g.person_id = p.id AND g.ended_at IS NULL "
    "LEFT JOIN organization o ON o.id = g.organization_id"
)


async def _look_up(token_hash: bytes) -> Caller | None:
    now = clock.now()
    row = await fetch_one(
        "SELECT s.id, s.person_id, s.expires_at, s.used_at, s.expires_at - s.used_at AS life, EXISTS (SELECT 1 FROM "
        f"role_grant g WHERE g.person_id = s.person_id AND g.ended_at IS NULL) AS is_staff {_SESSION.format(roles='')}",
        token_hash,
        now,
    )
    return await _slide(row, now) if row else None


async def _slide(row: asyncpg.Record, now: datetime) -> Caller:
    """A session that is used lives longer."""
    expires_at = row["expires_at"]
    if now - row["used_at"] > min(_SLIDE_AFTER, row["life"] / 8):
        expires_at = now + row["life"]
        await execute("UPDATE session SET expires_at = $2, used_at = $3 WHERE id = $1", row["id"], expires_at, now)
    return Caller(row["person_id"], row["id"], expires_at, row["is_staff"])


async def hold_caller(person_id: str) -> None:
    """Begin a transaction of the person's: whoever merges, blocks or erases them (FOR UPDATE) waits for its end, or we
    see that they are gone. It hinders nothing else. Raises NotSignedIn."""
    row = await fetch_one(
        "SELECT merged_into_id IS NOT NULL OR closed_at IS NOT NULL AS is_gone FROM person WHERE id = $1 FOR KEY SHARE",
        person_id,
    )
    if row is None or row["is_gone"]:
        raise NotSignedIn()


async def end_session(session_id: str) -> None:
    """Sign out on this device."""
    await execute("UPDATE session SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL", session_id, clock.now())
    after_commit(_known.forget)


async def end_all_sessions(person_id: str) -> int:
    """Sign out everywhere; how many devices that were."""
    ended = await execute(
        "UPDATE session SET ended_at = $2 WHERE person_id = $1 AND ended_at IS NULL", person_id, clock.now()
    )
    after_commit(_known.forget)
    return ended
