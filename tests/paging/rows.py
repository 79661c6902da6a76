"""Rows of any table, made of what a test says about them and of whatever the table accepts."""

import itertools
import json
import os
from typing import Any
from uuid import UUID

from server.foundation.ids import decode_id, new_id

_FILLING: dict[str, Any] = {
    "uuid": None,
    "text": "字",
    "character varying": "x",
    "integer": 1,
    "smallint": 1,
    "bigint": 1,
    "boolean": False,
    "timestamp with time zone": "2031-01-01T00:00:00Z",
    "date": "2031-01-01",
    "bytea": "\\x00",
    "jsonb": {},
    "ARRAY": "{}",
}
_ONCE = (
    "SELECT DISTINCT a.attname, a.atttypid::regtype::text FROM pg_index i JOIN pg_attribute a "
    "ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey) WHERE i.indrelid = $1::regclass "
    "AND (i.indisunique OR i.indisexclusion)"
)
"""SQL: columns of which there may be each value, alone or with others, only once; and their types."""
_numbers = itertools.count(1000)


async def insert(connection: Any, table: str, values: dict[str, Any]) -> None:
    """A row with these values; the others are as in the first row of the table, else what their type accepts."""
    columns = await connection.fetch(
        "SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER'",
        table,
    )
    first = await connection.fetchval(f'SELECT to_jsonb(t) FROM "{table}" t ORDER BY id LIMIT 1')
    row: dict[str, Any] = json.loads(first) if first else {}
    if not first:
        for name, kind, nullable, default in columns:
            if nullable == "NO" and default is None:
                row[name] = as_uuid(new_id()) if kind == "uuid" else _FILLING.get(kind, "x")
    for name, kind in await connection.fetch(_ONCE, f'"{table}"'):
        if name not in values and row.get(name) is not None:
            row[name] = _unlike(kind)
    row |= {name: _plain(value) for name, value in values.items()}
    names = ", ".join(f'"{name}"' for name, *_ in columns if name in row)
    await connection.execute(
        f'INSERT INTO "{table}" ({names}) SELECT {names} FROM jsonb_populate_record(NULL::"{table}", $1)',
        json.dumps(row, default=str),
    )


def as_uuid(id_: str) -> str:
    return str(UUID(bytes=decode_id(id_)))


def _plain(value: Any) -> Any:
    if isinstance(value, str) and len(value) == 22 and value.startswith("0"):
        return as_uuid(value)
    return value


def _unlike(kind: str) -> Any:
    """A value that no other row has."""
    match kind:
        case "uuid":
            return as_uuid(new_id())
        case "bytea":
            return "\\x" + os.urandom(32).hex()
        case "integer" | "smallint" | "bigint":
            return next(_numbers)
        case _:
            return new_id()[-7:]
