"""Migrations that were released stay as they are, and so does what they call: deployments have them behind them."""

import ast
import asyncio
import hashlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
from tortoise import connections
from tortoise.fields import Field, IntField
from tortoise.migrations.operations import AddField, AddIndex, CreateModel
from tortoise.migrations.schema_editor.asyncpg import AsyncpgSchemaEditor
from tortoise.migrations.writer import MigrationWriter

import migrations
from migrations._columns import SqlIndex
from migrations._concurrently import AddIndexConcurrently
from server.background.sweeps import JobRun
from server.foundation.schema import migration_files
from server.foundation.settings import Settings
from tests.test_architecture import SQL_CLOCK

FOLDER = Path(migrations.__path__[0])
RELEASED = {
    "0001_extensions.py": "a60bdb8dcf4ce1f6df866e470a2082744a54910e61e0cbefb44e8d6f46e2b217",
    "0002_tables.py": "63346667a8fe2472c04525b6bb993937f8608154df2da6f4b40b908f6a937928",
    "0003_guards.py": "d87a0ebd38a563fd5eca8af7956ce6bfe25e9903b2501d8be49c8c928c79a868",
    "0004_period_run_missed.py": "7f16f317442ebe9e34d81ae6a133f74942704823222ebd66e3c2e5d1157648b4",
    "0005_booking_settled.py": "d55f39cc908f81ded955cf7540f68fb01cc7318c2df02eb896c086c43bb67cba",
    "0006_personal_copy_indexes.py": "06675d06da66fd8b86140a681e2c884281f7f77a389233f3c385c49e3ba77822",
    "0007_job_run_lag.py": "d46d1aa310ce5ba27a79d6cb2ab27bce48bdf92f794ef52bc175d8945f6d64a7",
    "0008_due_reports.py": "276189286fddb5236e64faf17964b4ccf43ab730c48772a20a0e4166d71e0d2f",
    "0009_business.py": "54ab85ab3966779bb17189f7650c885055b11f3bd1f22d19bebb2474254b10ca",
    "0010_leaving.py": "80b7946d0015f5c3793228f4b24f1f90a0491fc475b6942e5b93cfd96a7ef2d5",
    "0011_accepted.py": "3135f13d693ef4fe51bc7d15d3ac5d43c04007a7deb4ec8775b275dbcdcd6a7a",
    "0012_wish_terms.py": "20d62ba8c94288e2c8a2b5b5f64efec7cf3df258394fcb91de1b836bd7117e39",
    "0013_roster_links.py": "05ff2f86699f05df95a8b6724c198701fa4a16dfd73b371ea0da79509164d9ca",
    "0014_keys.py": "f420872ff2ebcfaf614dbf86e0e922c0d70184b0199c280763278a90480a05bd",
    "0015_certificate_items.py": "7a87c7e1dbf0c6cf19a1fa25372a6780e0c2ce902c8dd0f8db172a8523e67f96",
    "_columns.py": "ba8a5fca83348816af3868bc3bcced5aeaf7825bb36514e7cf52c74340b5528d",
    "_guards.py": "8f40627e9a0e45505dad4de2b9fad08b2f68bdc703dc20c552ce7aa5cae10910",
    "_reencrypting.py": "a819d24e4f3ce66ead68caef519e9038536c229f561dc9e4d5980e500c9eb5b7",
    "_together.py": "5f24be4695ab133ca57358be91ba73bbd6bcbe543daaa9cfa74c2553e9c5aae8",
}
"""File → SHA-256. What changes a table is a new migration, and what it needs anew a new file beside these."""


def test_released_migrations_are_frozen() -> None:
    found = {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in RELEASED}
    assert found == RELEASED


def test_migrations_call_nothing_that_may_change() -> None:
    """Only the standard library, Tortoise, the driver, and the frozen pieces beside them; the clock of nobody."""
    wrong = []
    for path in sorted(FOLDER.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                known = {"tortoise", "asyncpg", *sys.stdlib_module_names}
                if module.split(".")[0] not in known and not module.startswith("migrations._"):
                    wrong.append(f"{path.name} imports {module}")
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL_CLOCK.search(node.value):
                wrong.append(f"{path.name}:{node.lineno} asks the clock")
    assert wrong == []


def test_new_columns_take_the_rows_that_are_there() -> None:
    """And those that a process of the version before still writes, while a deployment is being upgraded."""
    modules = [importlib.import_module(f"migrations.{path.stem}") for path in sorted(FOLDER.glob("[0-9]*.py"))]
    wrong = [
        f"{module.__name__}: {added.model_name}.{added.name}"
        for module in modules
        for added in _flat(module.Migration.operations)
        if isinstance(added, AddField) and isinstance(added.field, Field)
        if not added.field.null and not added.field.has_db_default()
    ]
    assert wrong == [], "a new column may be empty, or has a db_default"


def test_indexes_on_tables_with_rows_are_built_beside_the_writers() -> None:
    """From now on: what is released has built them."""
    wrong = [
        f"{path.stem}: {operation.describe()}"
        for path in sorted(FOLDER.glob("[0-9]*.py"))
        if path.name not in RELEASED
        for operations in [[*_flat(importlib.import_module(f"migrations.{path.stem}").Migration.operations)]]
        for operation in operations
        if locks_writers_out(operation, {made.name for made in operations if isinstance(made, CreateModel)})
    ]
    assert wrong == [], "use AddIndexConcurrently (migrations/_concurrently.py), in a migration with atomic = False"


def locks_writers_out(operation: object, new_tables: set[str]) -> bool:
    """Whether it builds an index in a transaction, on a table that others write to."""
    if isinstance(operation, AddIndexConcurrently) or getattr(operation, "model_name", None) in new_tables:
        return False
    return isinstance(operation, AddIndex)


def test_what_locks_writers_out() -> None:
    index = SqlIndex(name="wish_test", columns="id")
    assert locks_writers_out(AddIndex(model_name="Wish", index=index), set())
    assert not locks_writers_out(AddIndex(model_name="Wish", index=index), {"Wish"})
    assert not locks_writers_out(AddIndexConcurrently(model_name="Wish", index=index), set())


def test_a_migration_is_written_so_that_indexes_are_built_beside_the_writers() -> None:
    index = SqlIndex(name="wish_test", columns="title, id", where="title <> ''")
    operations: list[Any] = [
        CreateModel(name="Thing", fields=[("id", IntField(primary_key=True))]),
        AddIndex(model_name="Thing", index=SqlIndex(name="thing_test", columns="id")),
        AddIndex(model_name="Wish", index=index),
    ]
    after = [("linli", "0017_persons_by_name")]
    for given, names in (
        (operations, ["0018_things.py", "0019_things_indexes.py"]),
        (operations[:2], ["0018_things.py"]),
        (operations[2:], ["0018_things.py"]),
    ):
        writer = MigrationWriter(
            "0018_auto", "linli", given, dependencies=after, initial=False, migrations_module="migrations"
        )
        files = migration_files(writer, "things")
        assert [path.name for path in files] == names
        last_made = after
        for path, text in files.items():
            made: dict[str, Any] = {}
            exec(compile(text, path.name, "exec"), made)
            migration = made["Migration"]
            flat = [*_flat(migration.operations)]
            assert migration.dependencies == last_made
            last_made = [("linli", path.stem)]
            new = {one.name for one in flat if isinstance(one, CreateModel)}
            assert not any(locks_writers_out(one, new) for one in flat)
            built = [one for one in flat if isinstance(one, AddIndexConcurrently)]
            assert bool(built) is not migration.atomic
            assert [one.index.deconstruct() for one in built] == [index.deconstruct()] * len(built)


async def test_an_index_is_built_while_others_write(settings: Settings, app: object) -> None:
    """A writer that has begun and not ended keeps the building waiting, and no other writer: with a plain index, who
    comes later stands behind both. What an earlier build left goes."""
    index = SqlIndex(name="job_run_beside", columns="every_seconds")
    build = AddIndexConcurrently(model_name="JobRun", index=index)
    editor = AsyncpgSchemaEditor(connections.get("default"), atomic=False)
    state: Any = SimpleNamespace(apps=SimpleNamespace(get_model=lambda _: JobRun))
    first, second = await asyncpg.connect(settings.database_url), await asyncpg.connect(settings.database_url)
    write = (
        "INSERT INTO job_run (id, created_at, name, every_seconds, milliseconds, done, error, runs, rows, failures) "
        "VALUES (gen_random_uuid(), 'epoch', $1, 1, 0, 0, '', 0, 0, 0)"
    )
    try:
        async with first.transaction():
            await first.execute(write, "beside-1")
            building = asyncio.create_task(build.database_forward("linli", state, state, editor))
            waits = (
                "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' "
                "AND wait_event_type = 'Lock')"
            )
            while not await second.fetchval(waits):
                assert not building.done()
            await second.execute(write, "beside-2", timeout=5)
        await building
        await first.execute("DROP INDEX job_run_beside")
        await first.execute("CREATE INDEX job_run_beside ON job_run (name)")  # what was cut off is in the way
        await build.database_forward("linli", state, state, editor)
        [built] = await second.fetch(
            "SELECT indisvalid, pg_get_indexdef(indexrelid) AS sql FROM pg_index "
            "WHERE indexrelid = 'job_run_beside'::regclass"
        )
        assert built["indisvalid"]
        assert "(every_seconds)" in built["sql"]
    finally:
        await first.execute("DROP INDEX IF EXISTS job_run_beside")
        await first.execute("DELETE FROM job_run WHERE name LIKE 'beside-%'")
        await first.close()
        await second.close()


def _flat(operations: list[Any]) -> Iterator[Any]:
    for operation in operations:
        yield operation
        yield from _flat(getattr(operation, "operations", []))
