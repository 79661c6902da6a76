"""What can be taken out of the program so that a good test notices: every place, by kind."""

import ast
import re
from collections.abc import Iterator
from copy import copy
from itertools import islice
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
_ENDS = "AND|OR|ORDER|GROUP|LIMIT|FOR|RETURNING|UNION|ON|THEN|ELSE|END|JOIN|LEFT"
_SQL = (
    ("lock", r" FOR (NO KEY UPDATE|UPDATE|KEY SHARE|SHARE)( OF \w+)?|pg_advisory_xact_lock(?=\()", ""),
    ("order", " ORDER BY ", r" (LIMIT|FOR|OFFSET|ROWS)\b"),
    ("condition", r"((?<= AND )|(?<= WHERE )|(?<=^AND )|(?<=^WHERE ))(?=\s*[^\s)])", rf" ({_ENDS})\b"),
)
"""What can be left out of an SQL text: how it begins, and what follows it."""
_PAIRS = ((ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.In, ast.NotIn))
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}


class Mutant(NamedTuple):
    """The `number`th change of the file `path`, and what it is."""

    path: str
    number: int
    kind: str
    line: int
    function: str
    change: str

    def apply(self, path: str, source: str) -> ast.AST | None:
        """The file with this change, if it is the one."""
        tree = ast.parse(source if path == self.path else "")
        for node, _, _, new in islice(_changes(tree), self.number, self.number + 1):
            node.__class__, node.__dict__ = type(new), {**vars(node), **vars(new)}
            return ast.fix_missing_locations(tree)
        return None


def mutants_of(path: str, source: str) -> list[Mutant]:
    return [
        Mutant(path, number, kind, node.lineno, function, _told(node, new))
        for number, (node, function, kind, new) in enumerate(_changes(ast.parse(source)))
    ]


def watched(path: str, source: str) -> ast.AST:
    """The file, each of whose functions tells `__seen__` that it runs."""
    tree = ast.parse(source)
    for node, function, _ in list(_nodes(tree)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            tells = ast.parse(f"__seen__.add({path + ':' + f'{function}.{node.name}'.strip('.')!r})").body[0]
            node.body.insert(int(ast.get_docstring(node) is not None), tells)
    return ast.fix_missing_locations(tree)


def _nodes(node: ast.AST, function: str = "") -> Iterator[tuple[Any, str, bool]]:
    """Each node, the function in which it stands, and whether it is a text that goes on after something put in."""
    left_out = [getattr(node, "annotation", None), getattr(node, "returns", None), *getattr(node, "decorator_list", ())]
    for child in ast.iter_child_nodes(node):
        is_docstring = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
        if child not in left_out and not is_docstring:
            yield child, function, isinstance(node, ast.JoinedStr) and child is not node.values[-1]
            is_named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            yield from _nodes(child, f"{function}.{child.name}".strip(".") if is_named else function)  # type: ignore[attr-defined]


def _changes(tree: ast.AST) -> Iterator[tuple[Any, str, str, Any]]:
    for node, function, goes_on in _nodes(tree):
        yield from ((node, function, kind, new) for kind, new in _variants(node, goes_on))


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
        case ast.Expr(value=ast.Await(value=ast.Call(func=called)) | ast.Call(func=called)):
            name = ast.unparse(called).split(".")[-1]
            yield from ((kind, ast.Pass()) for names, kind in _CALLS.items() if re.fullmatch(names, name))
        case ast.Assign(targets=[ast.Attribute() as to]) | ast.AugAssign(target=ast.Attribute() as to):
            if ast.unparse(to.value) != "self":
                yield "state", ast.Pass()
        case ast.Call(func=ast.Name(id="timedelta"), keywords=[ast.keyword(value=ast.Constant())]):
            minute = ast.Call(node.func, [], [ast.keyword("minutes", ast.Constant(1))])
            yield from (("bound", ast.BinOp(copy(node), sign, minute)) for sign in (ast.Add(), ast.Sub()))
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int() as number)) if name.isupper():
            yield from (("bound", ast.Assign(node.targets, ast.Constant(number + by))) for by in (1, -1))
        case ast.Compare(ops=[op]) if opposite := _OPPOSITE.get(type(op)):
            yield "comparison", ast.Compare(node.left, [opposite()], node.comparators)


def _sql_variants(text: str, goes_on: bool) -> Iterator[tuple[str, str]]:
    """Of a text that goes on, what ends with it has no known end."""
    for kind, begins, ends in _SQL:
        for found in re.finditer(begins, text):
            start, end = found.start(), _end(text, found.end(), ends)
            is_between = re.search(r"BETWEEN \S+ AND $", text[:start])
            if (end < len(text) or not goes_on or kind == "lock") and not is_between:
                # A condition's parameters stay, or PostgreSQL would not know their types.
                new = f"(TRUE OR {text[start:end]})" if kind == "condition" else ""
                yield kind, text[:start] + new + text[end:]


def _end(text: str, start: int, ends: str) -> int:
    """Where what begins at `start` ends: at one of `ends`, or a bracket that closes more than was opened."""
    depth = 0
    for found in re.compile(rf"[()]|{ends}").finditer(text, start):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth < 0 or (depth == 0 and found[0] not in ("(", ")")):
            return found.start()
    return len(text)


def _told(node: Any, new: Any) -> str:
    """What it was and what it becomes, from where they part."""
    old, text = (ast.unparse(ast.fix_missing_locations(each)).replace("\n", " ") for each in (node, new))
    at = next((at for at, (a, b) in enumerate(zip(old, text, strict=False)) if a != b), 0)
    return f"…{old[max(0, at - 30) : at]}«{old[at : at + 80]}» → «{text[at : at + 80]}»"
