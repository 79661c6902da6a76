"""What tables are made of that Tortoise does not have: for the models, and for the migrations.

Here and not in server/, since migrations call nothing that may change: a new kind of column gets a file of its own.
"""

from typing import Any

import asyncpg
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.schema_editor.asyncpg import AsyncpgSchemaEditor
from tortoise.migrations.schema_editor.base_postgres import BasePostgresSchemaEditor
from tortoise.models import Model


class IdField(fields.Field[str], str):  # type: ignore[misc]
    """A UUID column that Python sees as the 22 characters of `ids`; the connection's codec translates."""

    SQL_TYPE = "UUID"
    field_type = str


class LtreeField(fields.Field[str], str):  # type: ignore[misc]
    """A path in a tree, `a.b.c`; labels are ids, since codes change."""

    SQL_TYPE = "LTREE"
    field_type = str


class PointField(fields.Field[Any], tuple[Any, ...]):  # type: ignore[misc]
    """A location as (longitude, latitude) in gcj02 degrees, for GiST's nearest-neighbour order."""

    SQL_TYPE = "POINT"
    field_type = tuple

    def to_db_value(self, value: Any, instance: Any) -> Any:  # noqa: ARG002
        return value if value is None else asyncpg.Point(*value)

    def to_python_value(self, value: Any) -> Any:
        return value if value is None else (value[0], value[1])


class SqlIndex(Index):
    """An index told in SQL, for what Tortoise's own cannot say: column order, expressions, a method, WHERE, UNIQUE.

    `columns` and `where` are SQL text, and the name is ours, so that errors and plans can be read.
    """

    def __init__(
        self, *, name: str, columns: str, method: str = "btree", where: str = "", unique: bool = False
    ) -> None:
        # Tortoise tells indexes apart by their fields; the name stands in, since the columns are SQL.
        super().__init__(fields=[name], name=name)
        self.columns, self.method, self.where, self.unique = columns, method, where, unique

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        options: dict[str, Any] = {"name": self.name, "columns": self.columns}
        if self.method != "btree":
            options["method"] = self.method
        if self.where:
            options["where"] = self.where
        if self.unique:
            options["unique"] = True
        return f"{type(self).__module__}.{type(self).__name__}", [], options

    def get_sql(self, schema_generator: Any, model: type[Model], safe: bool) -> str:  # noqa: ARG002
        kind = "UNIQUE INDEX" if self.unique else "INDEX"
        where = f" WHERE {self.where}" if self.where else ""
        return f'CREATE {kind} "{self.name}" ON "{model._meta.db_table}" USING {self.method} ({self.columns}){where};'


def _index_sql(editor: AsyncpgSchemaEditor, model: type[Model], *arguments: Any, **options: Any) -> str:
    for index in model._meta.indexes:
        if isinstance(index, SqlIndex) and index.name == options.get("index_name"):
            return index.get_sql(editor, model, False)
    return BasePostgresSchemaEditor._get_index_sql(editor, model, *arguments, **options)


# Tortoise's migrations never ask an index for its SQL: without this a SqlIndex would become a plain one on `id`.
AsyncpgSchemaEditor._get_index_sql = _index_sql  # type: ignore[assignment,method-assign]
