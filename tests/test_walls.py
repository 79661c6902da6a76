"""Whose tables are whose: SQL obeys the layers as imports do, and a package writes only its own tables.

Locking a row counts as reading it: who may look at a person, an organization or a membership may also keep it still.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache, cached_property
from itertools import chain
from typing import NamedTuple

import pytest

from tests.test_architecture import MODULES, package, rank

TOKEN = re.compile(r"'(?:[^']|'')*'|[A-Za-z_][A-Za-z_0-9]*|\S")
OPENS_TABLES = {"FROM", "JOIN", "USING"}
"""After these a table is read; after a comma too, as long as the list goes on."""
ENDS_TABLES = re.compile("WHERE|SET|ON|GROUP|ORDER|HAVING|LIMIT|UNION|INTERSECT|EXCEPT|RETURNING|SELECT|VALUES|FOR")
ORM_WRITES = {"create", "bulk_create", "bulk_update", "update", "delete", "save", "get_or_create", "update_or_create"}
ROW_WRITES = {"write_together", "insert_and_fetch"}
"""They write the rows that they are given (foundation/rows.py)."""
GIVES_A_ROW = {"lock_row", "row_as"}
"""Of the model that is their first argument."""
TAKES_A_TABLE = {"Rule": "UPDATE", "delete_oldest": "UPDATE", "due_sweep": "FROM"}
"""What forgets the rows of a table told by its name. A sweep locks them: what it does to them is seen in its verb."""
SPEAKS_FOR = {"server.background": "server.foundation"}
"""Nothing in foundation runs by itself: background forgets its rows."""
FILLS_A_CITY = "server.demo"
"""The demo writes what a city has gathered over months, such as wishes that hang on the wall already."""
GAP = "_GAP_"
"""Stands for what an f-string fills in and nobody can tell beforehand."""


class Use(NamedTuple):
    table: str
    is_written: bool


def uses_of_sql(sql: str) -> Iterator[Use]:
    """What a statement, or a piece of one, names as tables; functions and CTEs come along."""
    outer: list[bool] = []
    listing = wanted = is_written = False
    before = ""
    for token in TOKEN.findall(sql):
        if token == "(":
            outer.append(listing)
            listing = wanted = False
        elif token == ")":
            listing, wanted = bool(outer and outer.pop()), False
        elif token in OPENS_TABLES and before != "DISTINCT":
            listing, wanted, is_written = True, True, before == "DELETE"
        elif token == "INTO" or (token == "UPDATE" and before not in ("FOR", "KEY", "DO")):
            wanted = is_written = True
        elif token == "," and listing:
            wanted, is_written = True, False
        elif ENDS_TABLES.fullmatch(token):
            listing = wanted = False
        elif wanted and token not in ("ONLY", "LATERAL"):
            yield Use(token, is_written)
            wanted = False
        before = token


class Source:
    """One module: what its names stand for, and what it does with tables."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.tree = name, ast.parse(text)
        self.constants: dict[str, ast.expr] = {}
        self.gives: dict[str, ast.expr] = {}
        self.imported: dict[str, tuple[str, str]] = {}
        for statement in self.tree.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                self.constants[statement.targets[0].id] = statement.value
            elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) and statement.returns:
                self.gives[statement.name] = statement.returns
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom):
                self.imported |= {alias.asname or alias.name: (node.module or "", alias.name) for alias in node.names}

    def home_of(self, name: str) -> tuple["Source", str]:
        """Where a name was given its meaning, and what it is called there."""
        module, original = self.imported.get(name, (self.name, name))
        return (source(module), original) if module in MODULES and module != self.name else (self, name)

    def text_of(self, node: ast.expr) -> str | None:
        """The text that an expression gives, with gaps for what is not known; None where it is no text."""
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.JoinedStr):
            return "".join(self.text_of(part) or GAP for part in node.values)
        if isinstance(node, ast.FormattedValue):
            return self.text_of(node.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self.text_of(node.left), self.text_of(node.right)
            return None if left is None and right is None else f"{left or GAP}{right or GAP}"
        if isinstance(node, ast.Name):
            home, name = self.home_of(node.id)
            return home.text_of(home.constants[name]) if name in home.constants else None
        return None

    def texts(self, node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
        """Every text below `node`, once: what is put together counts as a whole."""
        for child in ast.iter_child_nodes(node):
            text = None
            if isinstance(child, (ast.Constant, ast.JoinedStr, ast.BinOp)):
                text = self.text_of(child)
                if text is not None:
                    yield child, text
            if text is None:
                yield from self.texts(child)

    def table_of(self, node: ast.expr | None, known: dict[str, str]) -> str | None:
        """The table behind `Model`, `Model(…)`, `await Model.filter(…).first()`, a function that gives a Model, and a
        name of those that are `known`."""
        called = False
        while isinstance(node, (ast.Await, ast.Call, ast.Attribute, ast.Starred)):
            called = isinstance(node, ast.Call)
            if isinstance(node, ast.Call) and ast.unparse(node.func) in GIVES_A_ROW:
                return self.table_of(node.args[0], known)
            node = node.func if isinstance(node, ast.Call) else node.value
        if not isinstance(node, ast.Name):
            return None
        home, name = self.home_of(node.id)
        if called and name in home.gives:
            return home.table_told(home.gives[name])
        return known.get(node.id) or tables_of_models().get((home.name, name))

    def table_told(self, annotation: ast.expr | None) -> str | None:
        """The table of the first model that an annotation names."""
        names = [node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)] if annotation else []
        found = [tables_of_models().get((home.name, name)) for home, name in map(self.home_of, names)]
        return next((table for table in found if table), None)

    def rows_in(self, function: ast.AST) -> dict[str, str]:
        """The names in a function that stand for a row, or for a query, of a table."""
        rows: dict[str, str] = {}
        for node in ast.walk(function):
            target: ast.expr
            if isinstance(node, ast.arg):
                target, table = ast.Name(node.arg), self.table_told(node.annotation)
            elif isinstance(node, (ast.Assign, ast.NamedExpr)):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                table = self.table_of(node.value, rows)
            elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
                target, table = node.target, self.table_of(node.iter, rows)
            else:
                continue
            # Of several names at once, the first stands for the model that is told first.
            first = target.elts[0] if isinstance(target, ast.Tuple) else target
            if isinstance(first, ast.Name) and table:
                rows[first.id] = table
        return rows

    @cached_property
    def uses(self) -> set[tuple[int, Use]]:
        """Every use of a table, with its line."""
        return {use for scope in self.tree.body for use in chain(self.uses_in_sql(scope), self.uses_by_models(scope))}

    def uses_in_sql(self, scope: ast.stmt) -> Iterator[tuple[int, Use]]:
        texts = list(self.texts(scope))
        for node, text in texts:
            for use in uses_of_sql(text):
                if use.table in owners() and not re.search(rf"\b{use.table} AS (NOT )?(MATERIALIZED )?\(", text):
                    yield node.lineno, use
                elif use.table == GAP:
                    # The name is filled in: it is one of those that stand by themselves in the same function.
                    yield from ((at.lineno, Use(name, use.is_written)) for at, name in texts if name in owners())
        for call in ast.walk(scope):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in TAKES_A_TABLE:
                for at, text in self.texts(call):
                    sql = f"{TAKES_A_TABLE[call.func.id]} {text}"
                    yield from ((at.lineno, use) for use in uses_of_sql(sql) if use.table in owners())

    def uses_by_models(self, scope: ast.stmt) -> Iterator[tuple[int, Use]]:
        rows = self.rows_in(scope)
        for call in ast.walk(scope):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ROW_WRITES:
                written = [self.table_of(row, rows) for row in call.args]
                yield from ((call.lineno, Use(table, True)) for table in written if table)
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            if table := self.table_of(call.func, rows):
                yield call.lineno, Use(table, call.func.attr in ORM_WRITES)


@cache
def source(module: str) -> Source:
    return Source(module, MODULES[module].read_text())


@cache
def tables_of_models() -> dict[tuple[str, str], str]:
    """Module and class of every model, and its table."""
    found = {}
    for module in MODULES:
        for model in source(module).tree.body:
            if not isinstance(model, ast.ClassDef):
                continue
            for meta in model.body:
                if isinstance(meta, ast.ClassDef) and meta.name == "Meta":
                    settings = {
                        ast.unparse(line.targets[0]): line.value for line in meta.body if isinstance(line, ast.Assign)
                    }
                    if "table" in settings:
                        found[module, model.name] = ast.literal_eval(settings["table"])
    return found


@cache
def owners() -> dict[str, str]:
    """Every table's module."""
    return {table: module for (module, _), table in tables_of_models().items()}


def broken_walls(module: Source) -> list[str]:
    """What a module does to tables that are not its own: reads what does not stand below it, or writes at all."""
    name, wrong = module.name, []
    for line, use in sorted(module.uses):
        owner = owners()[use.table]
        if package(owner) in (package(name), SPEAKS_FOR.get(package(name))):
            continue
        if use.is_written or rank(owner) >= rank(name):
            wrong.append(f"{name}:{line} {'writes' if use.is_written else 'reads'} {use.table} of {package(owner)}")
    return wrong


def test_a_package_reads_what_is_below_and_writes_what_is_its_own() -> None:
    wrong = [line for name in MODULES if not name.startswith(FILLS_A_CITY) for line in broken_walls(source(name))]
    assert not wrong, "\n".join(wrong)


def test_every_table_is_seen_in_use() -> None:
    """A statement that nobody can read would pass every wall."""
    written = {use.table for name in MODULES for _, use in source(name).uses if use.is_written}
    assert not owners().keys() - written


WALLS = [
    ("check_in", 'await fetch("SELECT 1 FROM membership m, wish w WHERE m.id = w.id")', "reads wish"),
    ("check_in", 'await fetch("SELECT 1 FROM (SELECT 1) a, wish w")', "reads wish"),
    ("check_in", 'await fetch("WITH one AS (SELECT 1) SELECT 1 FROM one LEFT JOIN wish w ON true")', "reads wish"),
    ("accounts", 'x = f"SELECT {1} FROM team_member"', "reads team_member"),
    ("accounts", 'x = "DELETE FROM role_grant g USING person p"', "writes role_grant"),
    ("accounts", 'x = "DELETE FROM session USING wish"', "reads wish"),
    ("check_in", 'x = "INSERT INTO membership (id) VALUES ($1)"', "writes membership"),
    ("check_in", 'TABLE = "membership"\nx = f"UPDATE {TABLE} SET id = $1"', "writes membership"),
    ("check_in", "for table in ('post', 'membership'):\n    f'UPDATE {table} SET id = $1'", "writes membership"),
    ("background", 'rules = [Rule("old_sessions", "session", "expires_at")]', "writes session"),
    ("accounts", 'due = due_sweep("late", every, rows="session s JOIN wish w", due="at")', "reads wish"),
    ("check_in", "await Membership.filter(id=1).order_by('id').update(id=2)", "writes membership"),
    ("check_in", "def end(kept: Membership | None):\n    kept.save()", "writes membership"),
    (
        "check_in",
        "async def end(one: Post):\n    kept = await lock_row(Membership, one.id)\n    await write_together(one, kept)",
        "writes membership",
    ),
    (
        "check_in",
        "async def end():\n    found = await Membership.get(id=1)\n    await found.delete()",
        "writes membership",
    ),
    (
        "check_in",
        "async def end():\n    kept, facts = await lock_for_staff()\n    await kept.save()",
        "writes membership",
    ),
    (
        "check_in",
        "async def end():\n    for one in await Membership.all():\n        await one.save()",
        "writes membership",
    ),
]
"""A package, a line that it must not have, and why."""

IMPORTS = """
from server.members.models import Membership
from server.members.memberships import lock_for_staff
"""


@pytest.mark.parametrize(("where", "line", "why"), WALLS)
def test_what_breaks_a_wall_is_seen(where: str, line: str, why: str) -> None:
    assert [found for found in broken_walls(Source(f"server.{where}.new", IMPORTS + line)) if f" {why} of " in found]


def test_what_breaks_no_wall_is_let_through() -> None:
    fine = """
async def look():
    await fetch("SELECT 1 FROM membership m JOIN person p ON p.id = m.id, unnest($1) AS wish (id) FOR UPDATE OF m")
    await fetch("WITH wish AS (SELECT 1) SELECT EXTRACT(DAY FROM wish.day) FROM wish WHERE 1 IS DISTINCT FROM wish.id")
    await execute("INSERT INTO post (id) SELECT id FROM membership ON CONFLICT (id) DO UPDATE SET id = $1")
    kept, facts = await lock_for_staff()
    await Membership.filter(id=kept.id).select_for_update().get()
    await record_audit("look", subject=("wish", kept.id))
"""
    assert not broken_walls(Source("server.check_in.new", IMPORTS + fine))
