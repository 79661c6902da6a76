"""Migrations that were released stay as they are, and so does what they call: deployments have them behind them."""

import ast
import hashlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tortoise.fields import Field
from tortoise.migrations.operations import AddField

import migrations
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


def _flat(operations: list[Any]) -> Iterator[Any]:
    for operation in operations:
        yield operation
        yield from _flat(getattr(operation, "operations", []))
