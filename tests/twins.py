"""A bystander beside everything: somebody of whom there is the same in every table, row for row."""

import json
from typing import Any
from uuid import UUID

import asyncpg

from server.foundation.ids import decode_id, new_id
from server.foundation.settings import Settings
from server.members.memberships import index_of

_NOT_THEIRS = {"audit_entry", "idempotency_key", "outbox", "tortoise_migrations"}
_ABOUT = {"id", "subject_id", "membership_id", "wish_id", "claim_id", "place_id", "sign_up_id", "holding_id", "team_id"}
"""Columns by which a row is about another one."""
Rows = dict[tuple[str, str], dict[str, Any]]


class Twin:
    """Whose rows are like the person's, with ids of their own; what both used (a wish that one claimed) stays one."""

    def __init__(self, settings: Settings, person_id: str) -> None:
        self.settings, self.id = settings, new_id()
        self._ids = {_uuid(person_id): _uuid(self.id)}
        self._indexes = {index_of(person_id).hex(): index_of(self.id).hex()}
        self._written: list[tuple[str, str]] = []

    async def create(self, columns: set[str]) -> None:
        """Copy every row that names the person in one of these columns, and every row about such a row."""
        connection = await asyncpg.connect(self.settings.database_url)
        try:
            everything, theirs = await _read(connection), dict[tuple[str, str], dict[str, Any]]()
            while found := {key: everything[key] for key in everything if self._is_theirs(everything[key], columns)}:
                for key in found:
                    theirs[key] = everything.pop(key)
                    self._ids.setdefault(key[1], _uuid(new_id()))
                columns = columns | _ABOUT
            await connection.execute("SET session_replication_role = replica")
            for (table, _), row in theirs.items():
                await self._write(connection, table, row)
        finally:
            await connection.close()

    def _is_theirs(self, row: dict[str, Any], columns: set[str]) -> bool:
        return any(
            value in self._ids if column in columns else str(value).removeprefix("\\x") in self._indexes
            for column, value in row.items()
            if isinstance(value, str)
        )

    async def rows(self) -> Rows:
        """What there is of them now."""
        connection = await asyncpg.connect(self.settings.database_url)
        try:
            everything = await _read(connection)
        finally:
            await connection.close()
        return {key: everything.get(key, {}) for key in self._written}

    async def _write(self, connection: Any, table: str, row: dict[str, Any]) -> None:
        text = json.dumps(row)
        for old, new in (self._ids | self._indexes).items():
            text = text.replace(old, new)
        insert = (
            f'INSERT INTO "{table}" SELECT * FROM jsonb_populate_record(NULL::"{table}", $1) ON CONFLICT DO NOTHING'
        )
        if await connection.execute(insert, text) == "INSERT 0 0":
            text = json.dumps(await _unlike(connection, table, json.loads(text)))
            assert await connection.execute(insert, text) == "INSERT 0 1", (table, text)
        self._written.append((table, json.loads(text)["id"]))


def _uuid(id_: str) -> str:
    return str(UUID(bytes=decode_id(id_)))


async def _read(connection: Any) -> Rows:
    tables = await connection.fetch("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY name")
    found = {}
    for table in tables:
        if table["name"] not in _NOT_THEIRS:
            for (text,) in await connection.fetch(f'SELECT to_jsonb(t) FROM "{table["name"]}" t'):
                row = json.loads(text)
                found[table["name"], row["id"]] = row
    return found


async def _unlike(connection: Any, table: str, row: dict[str, Any]) -> dict[str, Any]:
    """The row with other values where there may be each only once."""
    rows = await connection.fetch(
        "SELECT DISTINCT a.attname AS name, a.atttypid::regtype::text AS type FROM pg_index i JOIN pg_attribute a "
        "ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey) WHERE i.indrelid = $1::regclass AND a.attname <> 'id' "
        "AND (i.indisunique OR i.indisexclusion)",
        f'"{table}"',
    )
    for column, kind in rows:
        match kind, row[column]:
            case _, None:
                pass
            case "uuid", _:
                row[column] = _uuid(new_id())
            case "integer", number:
                row[column] = number + 1000
            case "bytea" | "text" | "character varying", text:
                row[column] = f"{text}00"
    return row
