"""Models and plain SQL together: rows of a query as models, and several rows written in one statement.

A verb that people race for has few statements: it locks and reads its row by `lock_row`, and writes what it changes by
`write_together`, each row with the columns that are no longer as they were read.
"""

from functools import cache
from typing import Any, NamedTuple, TypeVar

import asyncpg

from server.foundation.database import Model, execute, fetch_one

ModelT = TypeVar("ModelT", bound=Model)


class Write(NamedTuple):
    """SQL that writes one row, and its values."""

    sql: str
    values: list[Any]


@cache
def columns_of(model: type[Model], alias: str = "", prefix: str = "") -> str:
    """SQL: all columns of a model's table, for `row_as`."""
    of = f"{alias}." if alias else ""
    return ", ".join(
        f"{of}{column} AS {prefix}{column}" if prefix else f"{of}{column}" for _, column, _ in _fields(model)
    )


def row_as(model: type[ModelT], row: Any, prefix: str = "") -> ModelT:
    """A row of `columns_of` as its model, which remembers what it was like."""
    values = {column: row[prefix + column] for _, column, _ in _fields(model)}
    found = model._init_from_db(**values)  # noqa: SLF001 (as Tortoise's own queries make them)
    remember(found)
    return found


async def lock_row(model: type[ModelT], row_id: str) -> ModelT | None:
    """The row with this id, locked until the transaction ends; those that merely refer to it don't wait."""
    row = await fetch_one(
        f'SELECT {columns_of(model)} FROM "{model._meta.db_table}" WHERE id = $1 FOR NO KEY UPDATE', row_id
    )
    return row_as(model, row) if row else None


def inserting(row: Model, first: int = 1) -> Write:
    """The INSERT of a new row; its values are numbered from `first` on."""
    fields = _fields(type(row))
    names, places = ", ".join(column for _, column, _ in fields), _places(first, len(fields))
    return Write(f'INSERT INTO "{row._meta.db_table}" ({names}) VALUES ({places})', _values(row, fields))


def changing(row: Model, first: int = 1) -> Write:
    """The UPDATE of a row with what has changed since it was read; with all of it, where nobody remembers."""
    was = row.was
    fields = [each for each in _fields(type(row)) if each[0] != "id"]
    if was is not None:
        fields = [each for each in fields if getattr(row, each[0]) != was[each[0]]] or fields[:1]
    sets = ", ".join(f"{column} = ${number}" for number, (_, column, _) in enumerate(fields, first + 1))
    return Write(f'UPDATE "{row._meta.db_table}" SET {sets} WHERE id = ${first}', [row.id, *_values(row, fields)])


async def insert_all(rows: list[ModelT]) -> None:
    """Insert new rows of one model in one statement."""
    model = type(rows[0])
    fields = _fields(model)
    names = ", ".join(column for _, column, _ in fields)
    places = ", ".join(f"({_places(number * len(fields) + 1, len(fields))})" for number in range(len(rows)))
    values = [value for row in rows for value in _values(row, fields)]
    await execute(f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES {places}', *values)


async def write_together(*rows: Model) -> None:
    """Insert these rows where they are new and otherwise write what has changed, all in one statement, in the caller's
    transaction. Raises IntegrityError where a constraint refuses."""
    parts, values = list[str](), list[Any]()
    for row in rows:
        write = (inserting if _is_new(row) else changing)(row, len(values) + 1)
        parts.append(write.sql)
        values += write.values
    *before, last = parts
    along = ", ".join(f"w{number} AS ({sql})" for number, sql in enumerate(before))
    await execute(f"WITH {along} {last}" if along else last, *values)
    for row in rows:
        remember(row)


async def insert_and_fetch(row: Model, name: str, sql: str, *values: Any) -> asyncpg.Record | None:
    """Insert a new row and carry out a query that reads it, as the table `name`, in the same statement. What else it
    reads is as it was before."""
    write = inserting(row, len(values) + 1)
    found = await fetch_one(f"WITH {name} AS ({write.sql} RETURNING *) {sql}", *values, *write.values)
    remember(row)
    return found


def remember(row: Model) -> None:
    """The table has this row as it is now."""
    row._saved_in_db = True  # noqa: SLF001
    values = {name: getattr(row, name) for name, _, _ in _fields(type(row))}
    row.was = {name: list(value) if isinstance(value, list) else value for name, value in values.items()}


def _is_new(row: Model) -> bool:
    return not row._saved_in_db  # noqa: SLF001 (Tortoise has no other word for it)


@cache
def _fields(model: type[Model]) -> list[tuple[str, str, Any]]:
    """Attribute, column and Tortoise's field of each column."""
    meta = model._meta
    return [(name, column, meta.fields_map[name]) for name, column in sorted(meta.fields_db_projection.items())]


def _values(row: Model, fields: list[tuple[str, str, Any]]) -> list[Any]:
    return [field.to_db_value(getattr(row, name), row) for name, _, field in fields]


@cache
def _places(first: int, count: int) -> str:
    return ", ".join(f"${number}" for number in range(first, first + count))
