"""What can be taken out of the program so that a good test notices: every place, by kind."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

KINDS = ("lock", "transaction", "order", "condition", "audit", "message", "permission", "comparison", "state", "bound")
_CALLS = {
    r"record_audit|_?audit\w*": "audit",
    r"notify\w*|_?tell\w*": "message",
    r"_?(lock|hold)_\w+": "lock",
    r"_?(require|check)_\w+": "permission",
    r"save": "state",
}
"""Calls whose result nobody takes, by name: each can be left out."""
_LOCK = re.compile(r" FOR (?:NO KEY UPDATE|UPDATE|KEY SHARE|SHARE)(?: OF \w+)?|pg_advisory_xact_lock(?=\()")
_CONDITION = re.compile(r"(?<= AND )|(?<= WHERE )|(?<=^AND )|(?<=^WHERE )")
_CONDITION_ENDS = re.compile(r" (?:AND|OR|ORDER|GROUP|LIMIT|FOR|RETURNING|UNION|ON|THEN|ELSE|END|JOIN|LEFT)\b")
_ORDER_ENDS = re.compile(r" (?:LIMIT|FOR|OFFSET|ROWS)\b")
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


class Mutant(NamedTuple):
    """The `number`th place of the file `path`, what it was, and what it becomes."""

    path: str
    number: int
    kind: str
    line: int
    function: str
    change: str


class _Place(NamedTuple):
    """Where a node stands: `parent.field`, or its `at`th."""

    parent: ast.AST
    field: str
    at: int | None
    node: Any
    names: tuple[str, ...]

    def put(self, new: ast.AST) -> None:
        if self.at is None:
            setattr(self.parent, self.field, new)
        else:
            getattr(self.parent, self.field)[self.at] = new


def mutants_of(root: Path, path: Path) -> list[Mutant]:
    name, found = str(path.relative_to(root)), enumerate(_changes(ast.parse(path.read_text())))
    return [
        Mutant(name, number, kind, place.node.lineno, ".".join(place.names), _told(place.node, new))
        for number, (place, kind, new) in found
    ]


def mutated(source: str, number: int) -> ast.AST:
    """The file with its `number`th place changed."""
    tree = ast.parse(source)
    place, _, new = list(_changes(tree))[number]
    place.put(new)
    return ast.fix_missing_locations(tree)


def watched(source: str, path: str) -> ast.AST:
    """The file, each of whose functions tells `__seen__` that it runs."""
    tree = ast.parse(source)
    for place in list(_places(tree)):
        if isinstance(place.node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = ".".join((*place.names, place.node.name))
            after = int(ast.get_docstring(place.node) is not None)
            place.node.body.insert(after, ast.parse(f"__seen__.add({f'{path}:{function}'!r})").body[0])
    return ast.fix_missing_locations(tree)


def _places(node: ast.AST, names: tuple[str, ...] = ()) -> Iterator[_Place]:
    for field, value in ast.iter_fields(node):
        for index, child in enumerate(value if isinstance(value, list) else [value]):
            is_text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if isinstance(child, ast.AST) and not is_text and field not in ("annotation", "returns", "decorator_list"):
                yield _Place(node, field, index if isinstance(value, list) else None, child, names)
                is_named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                yield from _places(child, (*names, child.name) if is_named else names)  # type: ignore[attr-defined]


def _changes(tree: ast.AST) -> Iterator[tuple[_Place, str, Any]]:
    for place in _places(tree):
        # Of an SQL text that goes on after something put in, what ends there has no known end.
        goes_on = isinstance(place.parent, ast.JoinedStr) and place.node is not place.parent.values[-1]
        yield from ((place, kind, new) for kind, new in _variants(place.node, goes_on))


def _variants(node: ast.AST, goes_on: bool) -> Iterator[tuple[str, Any]]:
    """What a node may become, each with its kind."""
    match node:
        case ast.Constant(value=str() as text):
            yield from ((kind, ast.Constant(new)) for kind, new in _sql_variants(text, goes_on))
        case ast.Call(func=ast.Attribute(value=of, attr="select_for_update" | "order_by" as name)):
            yield "order" if name == "order_by" else "lock", of
        case ast.Call(func=ast.Attribute(attr="filter" | "exists"), keywords=[_, _, *_] as asked):
            for left_out in asked:
                yield "condition", ast.Call(node.func, node.args, [each for each in asked if each is not left_out])
        case ast.AsyncWith(items=[ast.withitem(context_expr=ast.Call(func=ast.Name(id="transaction")))]):
            yield "transaction", ast.If(ast.Constant(True), node.body, [])
        case ast.Expr(value=ast.Await(value=ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)))):
            yield from ((kind, ast.Pass()) for names, kind in _CALLS.items() if re.fullmatch(names, name))
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))) if re.fullmatch(r"_?(require|check)_\w+", name):
            yield "permission", ast.Pass()
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=of))]) if of != "self":
            yield "state", ast.Pass()
        case ast.AugAssign(target=ast.Attribute(value=ast.Name(id=of))) if of != "self":
            yield "state", ast.Pass()
        case ast.Call(func=ast.Name(id="timedelta"), keywords=[ast.keyword(value=ast.Constant())]):
            minute = ast.Call(node.func, [], [ast.keyword("minutes", ast.Constant(1))])
            yield from (("bound", ast.BinOp(node, sign, minute)) for sign in (ast.Add(), ast.Sub()))
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int() as number)) if name.isupper():
            for changed in (number + 1, number - 1):
                yield "bound", ast.copy_location(ast.Assign(node.targets, ast.Constant(changed)), node)
        case ast.Compare(ops=[op]) if opposite := _OPPOSITE.get(type(op)):
            yield "comparison", ast.Compare(node.left, [opposite()], node.comparators)


def _sql_variants(text: str, goes_on: bool) -> Iterator[tuple[str, str]]:
    for found in _LOCK.finditer(text):
        yield "lock", text[: found.start()] + text[found.end() :]
    for found in re.finditer(" ORDER BY ", text):
        end = _end(text, found.end(), _ORDER_ENDS)
        if end < len(text) or not goes_on:
            yield "order", text[: found.start()] + text[end:]
    for found in _CONDITION.finditer(text):
        start, end = found.start(), _end(text, found.end(), _CONDITION_ENDS)
        is_between = re.search(r"BETWEEN \S+ AND $", text[:start])
        if (end < len(text) or not goes_on) and text[start:end].strip() and not is_between:
            # Its parameters stay, or PostgreSQL would not know their types.
            yield "condition", f"{text[:start]}(TRUE OR {text[start:end]}){text[end:]}"


def _end(text: str, start: int, ends: re.Pattern[str]) -> int:
    """Where what begins at `start` ends: at one of `ends`, or a bracket that closes more than was opened."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth < 0 or (depth == 0 and ends.match(text, at)):
            return at
    return len(text)


def _told(node: Any, new: Any) -> str:
    """The change in a line."""
    if isinstance(node, ast.Constant):
        old, text = str(node.value), str(new.value)
        start = next((at for at, (a, b) in enumerate(zip(old, text, strict=False)) if a != b), len(text))
        return f"SQL …{old[max(0, start - 20) : start]} → {text[start : start + 90]}"
    lines = [ast.unparse(each).split("\n")[0][:110] for each in (node, new)]
    return lines[0] if isinstance(new, ast.Pass) else " → ".join(lines)
