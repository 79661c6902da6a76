"""The schema: applying migrations, writing the next one, and telling whether the database has them all."""

import asyncio
import pkgutil
from enum import Enum
from pathlib import Path
from typing import Any

import asyncpg
from tortoise import Tortoise, connections, fields
from tortoise.fields.data import CharEnumFieldInstance
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.migration import Migration
from tortoise.migrations.operations import AddConstraint, AddIndex, AlterModelOptions, CreateModel, TortoiseOperation
from tortoise.migrations.schema_editor.asyncpg import AsyncpgSchemaEditor
from tortoise.migrations.schema_generator.operation_generator import OperationGenerator
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps
from tortoise.migrations.writer import MigrationWriter
from tortoise.transactions import in_transaction

import migrations
from migrations import _assessments, _meetings
from migrations._columns import SqlIndex
from migrations._guards import GUARDS
from migrations._reencrypting import REFUSE_CHANGE
from migrations._together import Together
from server.foundation.database import execute, fetch, tortoise_config
from server.foundation.settings import Settings

_MIGRATE_LOCK = 0x11_4C_49_4E_4C_49  # any constant that is only ours
_ASKED_EVERY = 0.2
_STEP_SECONDS = 3600


class DatabaseUnfit(Exception):
    """Nothing can be kept in this database; what to do instead."""


async def migrate(settings: Settings) -> list[str]:
    """Apply what is missing, and name it. Several at once are safe: the others wait and find nothing left to do. Raises
    DatabaseUnfit."""
    config = tortoise_config(settings)
    # To wait for another migrator, or to build an index on a large table, takes longer than any request may.
    credentials = config["connections"]["default"]["credentials"]
    credentials["command_timeout"] = _STEP_SECONDS
    credentials["server_settings"] = {}  # the lock's transaction is silent for as long as everything takes
    await Tortoise.init(config=config, init_connections=False, _enable_global_fallback=True)
    try:
        client = connections.get("default")
        # The lock is a transaction's, open until everything is applied by other connections: one of the session would
        # stay with the pooler's connection. Whoever holds it, or waits for it, has no snapshot, for which CONCURRENTLY
        # would wait in turn: it is asked for again and again, and what is said last, without a cursor, lets that of the
        # question go.
        async with client.acquire_connection() as holder, holder.transaction():
            if (encoding := await holder.fetchval("SHOW server_encoding")) != "UTF8":
                raise DatabaseUnfit(f"its encoding is {encoding}: createdb -O USER -E UTF8 -T template0 DATABASE")
            while not await holder.fetchval(f"SELECT pg_try_advisory_xact_lock({_MIGRATE_LOCK})"):
                await holder.execute("SELECT 1")
                await asyncio.sleep(_ASKED_EVERY)
            await holder.execute("SELECT 1")
            executor = MigrationExecutor(client, config["apps"])
            missing = [str(step.migration.name) for step in await executor.plan()]
            if missing:
                await executor.migrate()
            return missing
    finally:
        await Tortoise.close_connections()


async def missing_migrations() -> list[str]:
    """The names of migrations that the connected database does not have yet."""
    return (await compare_migrations())[0]


async def compare_migrations() -> tuple[list[str], list[str]]:
    """The names of migrations that the connected database does not have yet, and of those that only it has: it belongs
    to a newer program."""
    written = {module.name for module in pkgutil.iter_modules(migrations.__path__) if module.name[0] != "_"}
    try:
        rows = await fetch("SELECT name FROM tortoise_migrations WHERE app = 'linli'")
    except asyncpg.UndefinedTableError:
        rows = []
    applied = {row["name"] for row in rows}
    return sorted(written - applied), sorted(applied - written)


async def write_migration(settings: Settings, name: str) -> list[str]:
    """Write what brings the migrations up to the models; the paths written."""
    paths = []
    for writer in await model_changes(settings):
        for path, text in migration_files(writer, name).items():
            path.write_text(text)
            paths.append(str(path))
    return paths


def migration_files(writer: MigrationWriter, name: str) -> dict[Path, str]:
    """Path → text: `NUMBER_name`, and after it `NUMBER_name_indexes` with the indexes of tables that may have rows,
    built beside the writers."""
    number = int(writer.name.split("_")[0])
    made = {operation.name for operation in writer.operations if isinstance(operation, CreateModel)}
    beside = [operation for operation in writer.operations if _builds_beside(operation, made)]
    together = [operation for operation in writer.operations if operation not in beside]
    files = {}
    if together:
        writer.name, writer.operations = f"{number:04d}_{name}", together
        text = writer.as_string().replace("operations = [", "operations = [Together([", 1)
        head, _, tail = text.rpartition("]")
        files[writer.path()] = f"from migrations._together import Together\n{head}])]{tail}"
        writer.dependencies, writer.initial = [(writer.app_label, writer.name)], False
        number, name = number + 1, f"{name}_indexes"
    if beside:
        writer.name, writer.operations = f"{number:04d}_{name}", beside
        text = writer.as_string().replace("ops.AddIndex(", "AddIndexConcurrently(")
        text = text.replace("    operations = [", "    atomic = False\n\n    operations = [", 1)
        text = text.replace("from tortoise.migrations import operations as ops\n", "", 1)
        files[writer.path()] = f"from migrations._concurrently import AddIndexConcurrently\n{text}"
    return files


def _builds_beside(operation: Any, made: set[str]) -> bool:
    is_ours = isinstance(operation, AddIndex) and isinstance(operation.index, SqlIndex)
    return is_ours and operation.model_name not in made


async def model_changes(settings: Settings) -> list[MigrationWriter]:
    """What the models have and the migrations lack."""
    config = tortoise_config(settings)
    await Tortoise.init(config=config, init_connections=False, _enable_global_fallback=True)
    apps: Any = Tortoise.apps
    writers = await _Autodetector(apps, config["apps"]).changes()
    for writer in writers:
        writer.operations = [*with_constraints(list(writer.operations))]
    return writers


async def create_from_models(settings: Settings) -> None:
    """Fill an empty database from the models and guards, without the migrations: what they are checked against."""
    await Tortoise.init(config=tortoise_config(settings), _enable_global_fallback=True)
    try:
        apps: Any = Tortoise.apps
        promised = _Autodetector(apps, {})._current_state()
        operations = with_constraints(OperationGenerator(_empty_state(), promised).generate(app_labels=["linli"]))
        for extension in ("ltree", "btree_gist", "pg_trgm"):
            await execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
        migration = Migration("from_models", "linli")
        migration.operations = [Together(operations)]
        async with in_transaction("default") as connection:
            editor = AsyncpgSchemaEditor(connection, atomic=True, collect_sql=False)
            await migration.apply(_empty_state(), dry_run=False, schema_editor=editor)
        later = (*_assessments.REFUSE_CHANGES, *_meetings.REFUSE_CHANGES)
        for sql in (*(sql for sql, _ in GUARDS), REFUSE_CHANGE, *(sql for sql, _ in later)):
            await execute(sql)
    finally:
        await Tortoise.close_connections()


def _empty_state() -> State:
    return State(models={}, apps=StateApps())


# A model's docstring is for its reader: to mend its English is no change of the schema.
AlterModelOptions.UNMANAGED_OPTION_KEYS |= {"table_description"}


class _Autodetector(MigrationAutodetector):
    """Sees what a migration may depend on, since it must never change: a state column is the text that it is (the
    writer confuses two enumerations of one name, too), and what Python puts into a new row is not the schema's."""

    def _current_state(self) -> State:
        state = super()._current_state()
        for model in state.models.values():
            for name, field in model.fields.items():
                if isinstance(field.default, Enum) or callable(field.default):
                    field.default = None
                if isinstance(field, CharEnumFieldInstance):
                    options: dict[str, Any] = {"null": field.null, "unique": field.unique}
                    text = fields.CharField(max_length=field.max_length, **options)
                    text.model_field_name = field.model_field_name
                    model.fields[name] = text
        return state


def with_constraints(operations: list[Any]) -> list[TortoiseOperation]:
    """Tortoise 1.1 silently drops the constraints of a new model: take them out of its options, and add each."""
    added: list[TortoiseOperation] = []
    for operation in operations:
        if isinstance(operation, CreateModel) and operation.options:
            constraints = operation.options.pop("constraints", ())
            added += [AddConstraint(model_name=operation.name, constraint=constraint) for constraint in constraints]
    return operations + added
