"""The deployment's keys and its database belong together: which keys the data were made with, and making them anew.

Another key would not only fail to read: it would write what nobody else can read, and indexes under which nobody is
found. So every process compares the keys that it was given with what the database knows, and refuses to work.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import asyncpg
import structlog
from tortoise import Tortoise, fields
from tortoise.migrations.constraints import UniqueConstraint

from server.foundation import clock
from server.foundation.crypto import Undecryptable, keyring
from server.foundation.database import SEALED, Model, execute, fetch, transaction
from server.foundation.ids import new_id

log = structlog.get_logger()

_BATCH = 200


class KeysWrong(Exception):
    """What is wrong with the keys that this process was given, in one sentence."""


class KeyInUse(Model):
    """A key with which data here were made: to encrypt, or the one to index."""

    purpose = fields.CharField(max_length=8)
    key_id = fields.CharField(max_length=64)
    fingerprint = fields.BinaryField()

    class Meta:
        table = "key_in_use"
        constraints = [UniqueConstraint(fields=("purpose", "key_id"), name="key_in_use_once")]


async def check_keys() -> None:
    """Compare this process's keys with those that the database was written with, and note a new one that encrypts from
    now on. Raises KeysWrong. A database without its tables is left for `migrate`."""
    try:
        known = await _known()
    except asyncpg.UndefinedTableError:
        return
    if not _compare(known):
        return
    async with transaction():
        # Of two processes that begin at once with different keys, the second sees what the first has noted.
        await execute("SELECT pg_advisory_xact_lock(hashtextextended('key_in_use', 0))")
        known = await _known()
        if not known:
            # Nobody has noted any yet: a new database, or one from before there was this table.
            await _require_readable()
        for (purpose, key_id), fingerprint in _compare(known).items():
            await execute(
                "INSERT INTO key_in_use (id, created_at, purpose, key_id, fingerprint) VALUES ($1, $2, $3, $4, $5)",
                new_id(),
                clock.now(),
                purpose,
                key_id,
                fingerprint,
            )


def _compare(known: dict[tuple[str, str], bytes]) -> dict[tuple[str, str], bytes]:
    """What is to be noted of this process's keys. Raises KeysWrong where they are not those that are known."""
    ring = keyring()
    for (purpose, key_id), fingerprint in known.items():
        if purpose == "index":
            if fingerprint != ring.index_fingerprint():
                raise KeysWrong(
                    f"the blind indexes were made with another key ({key_id}): set LINLI_INDEX_KEY to that one"
                )
        elif key_id not in ring.ids:
            raise KeysWrong(f"data are encrypted with the key {key_id}, which LINLI_KEYS does not have")
        elif fingerprint != ring.fingerprint(key_id):
            raise KeysWrong(f"the key {key_id} in LINLI_KEYS is another one than that with which data are encrypted")
    wanted = {("encrypt", ring.ids[0]): ring.fingerprint(ring.ids[0])}
    if not any(purpose == "index" for purpose, _ in known):
        wanted["index", ring.index_id] = ring.index_fingerprint()
    return {name: fingerprint for name, fingerprint in wanted.items() if name not in known}


async def _known() -> dict[tuple[str, str], bytes]:
    rows = await fetch("SELECT purpose, key_id, fingerprint FROM key_in_use ORDER BY id")
    return {(row["purpose"], row["key_id"]): bytes(row["fingerprint"]) for row in rows}


async def _require_readable() -> None:
    """What is there can be read with these keys. Raises KeysWrong."""
    for column in _columns():
        for row in await fetch(
            f"SELECT id, {column.name} AS value FROM {column.table} WHERE {column.name} IS NOT NULL LIMIT 1"
        ):
            try:
                keyring().decrypt_bytes(bytes(row["value"]), column.context_of(row["id"]))
            except Undecryptable:
                raise KeysWrong("data are encrypted with a key that LINLI_KEYS does not have") from None


class _Column(NamedTuple):
    """An encrypted column."""

    table: str
    name: str
    context: str
    by_id: bool

    def context_of(self, row_id: str) -> str:
        return f"{self.context}.{row_id}" if self.by_id else self.context


def _columns() -> list[_Column]:
    """All that the models declare with `sealed`."""
    return [
        _Column(kind._meta.db_table, name, *SEALED[field])
        for kind in (Tortoise.apps or {})["linli"].values()
        for name, field in kind._meta.fields_map.items()
        if field in SEALED
    ]


async def reencrypt(tell: Callable[[str], None]) -> int:
    """Encrypt with the key in front whatever was encrypted with another one; how many values were not before this run.
    The other keys are forgotten by a run that finds none at all. `tell` hears how far it is.

    Beside running processes: a value that is changed meanwhile is left for the next run, and so is one that cannot be
    read, which is told as left. Cut off, the next run goes on.
    """
    found = 0
    for column in _columns():
        stale = changed = 0
        async for rows in _in_batches(column):
            old = [row for row in rows if not keyring().is_current(bytes(row["value"]))]
            stale += len(old)
            changed += await _reencrypt(column, old)
        if stale:
            tell(
                f"{column.table}.{column.name}: {changed}"
                if stale == changed
                else f"{column.table}.{column.name}: {stale - changed} left, {changed} done"
            )
        found += stale
    if found == 0:
        await execute("DELETE FROM key_in_use WHERE purpose = 'encrypt' AND key_id <> $1", keyring().ids[0])
    return found


async def _in_batches(column: _Column) -> AsyncIterator[list[Any]]:
    last = "0" * 22
    while rows := await fetch(
        f"SELECT id, {column.name} AS value FROM {column.table} WHERE id > $1 AND {column.name} IS NOT NULL "
        f"ORDER BY id LIMIT {_BATCH}",
        last,
    ):
        yield rows
        last = rows[-1]["id"]
        # Requests and sweeps come first.
        await asyncio.sleep(0)


async def _reencrypt(column: _Column, stale: list[Any]) -> int:
    ring, changed = keyring(), 0
    if not stale:
        return 0
    async with transaction():
        # Released half-year reports stay as they are, but for the key: see migrations/0014.
        await execute("SELECT set_config('linli.reencrypt', 'on', true)")
        for row in stale:
            context = column.context_of(row["id"])
            try:
                value = ring.decrypt_bytes(bytes(row["value"]), context)
            except Undecryptable:
                log.error("undecryptable", table=column.table, column=column.name, row=row["id"])
                continue
            changed += await execute(
                f"UPDATE {column.table} SET {column.name} = $2 WHERE id = $1 AND {column.name} = $3",
                row["id"],
                ring.encrypt(value, context),
                row["value"],
            )
    return changed
