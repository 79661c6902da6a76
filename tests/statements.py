"""What requests say to PostgreSQL, against what `tests/writes.py` declares: whoever writes does so in one transaction,
with these locks, and leaves these entries in the audit log. What is locked outside of a transaction fails any test."""

import re
from contextvars import ContextVar
from typing import Any, NamedTuple

import pytest
from asyncpg.connection import LoggedQuery
from sanic import Request, Sanic
from sanic.response import BaseHTTPResponse

from tests.reached import REACHED
from tests.writes import NOT_EACH_TIME, SEVERAL_TRANSACTIONS, WRITES

_LOCK = re.compile(r" FOR (NO KEY UPDATE|UPDATE|KEY SHARE|SHARE)(?: OF (\w+))?(?! SKIP| OF)")
_ADVISORY = re.compile(r"pg_advisory_xact_lock\((?:hashtextextended\((encode)?.*?, (\d)\))?")
_ADVISORIES = {"1": "sign_ups", "2": "no_shows", "3": "points", "4": "unit_half_year", "7": "visits", "9": "hours"}
_WRITE = re.compile(r"\s*(?:WITH \w+ AS \()?(INSERT INTO|UPDATE|DELETE FROM) \"?(?!session\b|idempotency_key\b)(\w+)")
"""A session's last use and kept answers are the door's own."""
_SEVERAL = re.compile(r"\bid\"? (= ANY ?|IN )\(")
_ONE = re.compile(r"\b(id|starts_at) = \$| FROM \"")
"""Of one row, or Tortoise's own."""
_OF_ONE = re.compile(r" FROM \"|WHERE (\w+\.)?(person_)?id = \$1 LIMIT \$2$")
"""Tortoise's own, and what there is one of for each person."""
_ENDS = re.compile(r"\s*(COMMIT|ROLLBACK)(?! TO)\b")
_AUDIT = re.compile(r"INSERT INTO \"audit_entry\" \((.*?)\)")


class Said(NamedTuple):
    """A statement, and the transaction that it is in: None, or a number of the test's."""

    sql: str
    values: Any
    transaction: int | None


_said: ContextVar[list[Said] | None] = ContextVar("said", default=None)
"""By the request under way."""


class Statements:
    """Looks at every statement of an application, and keeps what is not as it was declared."""

    def __init__(self, app: Sanic[Any, Any]) -> None:
        self._wrong: set[str] = set()
        self._begun = 0
        app.on_request(self._begin)
        app.on_response(self._look)

    def watch(self, connection: Any) -> None:
        """Look at a connection of the pool from now on."""
        current: int | None = None

        def look(query: LoggedQuery) -> None:
            nonlocal current
            if query.query.startswith("BEGIN"):
                self._begun += 1
                current = self._begun
            elif wrong := self._unsafe(query.query, is_open=current is not None):
                self._wrong.add(f"{wrong}: {query.query}")
            if columns := _AUDIT.match(query.query):
                REACHED.add(f"audits {_entry(columns[1], query.args)['action']}")
            if (said := _said.get()) is not None:
                said.append(Said(query.query, query.args, current))
            if _ENDS.match(query.query):
                current = None

        connection.add_query_logger(look)

    def check(self, test: pytest.Item) -> None:
        """Fail where something since the last check was not as it should be, unless the test breaks it on purpose."""
        wrong = self.take_wrong()
        if wrong and not test.get_closest_marker("broken"):
            pytest.fail("statements that should not be so:\n" + "\n".join(wrong), pytrace=False)

    def take_wrong(self) -> list[str]:
        wrong = sorted(self._wrong)
        self._wrong.clear()
        return wrong

    def _unsafe(self, sql: str, *, is_open: bool) -> str:
        """What is wrong with a statement wherever it comes from."""
        if not is_open and not _WRITE.match(sql) and locks_of(sql) and " FOR SHARE" not in sql:  # which only asks first
            return "locked outside of a transaction"
        if (_SEVERAL.search(sql) or _takes_many(sql)) and _LOCK.search(sql) and " ORDER BY " not in sql:
            return "locks several rows in no order"
        if " LIMIT $" in sql and " ORDER BY " not in sql and not _OF_ONE.search(sql):
            return "a page of rows in no order"
        return ""

    async def _begin(self, request: Request) -> None:
        request.ctx.said = said = list[Said]()
        _said.set(said)

    async def _look(self, request: Request, response: BaseHTTPResponse) -> None:
        said: list[Said] = getattr(request.ctx, "said", [])  # None of one whose headers were refused.
        _said.set(None)
        operation = request.ctx.operation
        kept = kept_of(said)
        writes = [each for each in kept if _WRITE.match(each.sql)]
        if response.status >= 400 or operation not in WRITES or not (writes or _shows(request, response)):
            return
        if said[0].transaction is not None and not any(each.sql.startswith("BEGIN") for each in said):
            return  # Within a transaction of the test's, at whose beginning the caller would have been held.
        REACHED.add(f"writes {operation}")
        transactions = {each.transaction for each in writes}
        can_be_half_done = len(transactions) > 1 or (None in transactions and len(writes) > 1)
        if can_be_half_done and request.method != "GET" and operation not in SEVERAL_TRANSACTIONS:
            self._wrong.add(f"{operation} can be half done: {[(each.transaction, each.sql[:60]) for each in writes]}")
        found = {name for each in said for name in locks_of(each.sql)}
        found |= {name for each in kept for name in audited(each, said)}
        if missing := [names for names in WRITES[operation].split() if not found & set(names.split("|"))]:
            self._wrong.add(f"{operation}: no {missing} among {sorted(found)}")


def _shows(request: Request, response: BaseHTTPResponse) -> bool:
    """Whether something was read that leaves an entry in the audit log."""
    is_empty = b'"items":[]' in (response.body or b"")
    return request.method == "GET" and not is_empty and request.ctx.operation not in NOT_EACH_TIME


def _takes_many(sql: str) -> bool:
    """Whether a SELECT takes rows for itself that are not one by its id."""
    return sql.startswith("SELECT") and re.search(r" FOR (NO KEY )?UPDATE", sql) is not None and not _ONE.search(sql)


def kept_of(said: list[Said]) -> list[Said]:
    """What was not rolled back."""
    kept, savepoints = list[Said](), dict[str, int]()
    for each in said:
        words = each.sql.rstrip(";").split()
        if words[0] == "SAVEPOINT":
            savepoints[words[1]] = len(kept)
        elif words[:2] == ["ROLLBACK", "TO"]:
            del kept[savepoints[words[-1]] :]
        elif words == ["ROLLBACK"]:
            kept = [one for one in kept if one.transaction != each.transaction]
        else:
            kept.append(each)
    return kept


def locks_of(sql: str) -> list[str]:
    """What a statement locks: tables, and advisory locks by their number or name."""
    advisory = _ADVISORY.finditer(sql)
    found = ["phones" if lock[1] else _ADVISORIES.get(lock[2], "") if lock[2] else "tree" for lock in advisory]
    for lock in _LOCK.finditer(sql):
        of = rf"(?:FROM|JOIN) \"?(\w+)\"? {lock[2]}\b" if lock[2] else r"FROM \"?(\w+)\"?"
        table = [*re.findall(of, sql[: lock.start()]), "?"][0]
        found.append("caller" if (table, lock[1]) == ("person", "KEY SHARE") else table)
    return found


def audited(one: Said, said: list[Said]) -> list[str]:
    """The entry that a statement adds to the audit log, `=action` and `=action:po`, if its actor is whoever asked."""
    columns = _AUDIT.match(one.sql)
    if not columns:
        return []
    entry = _entry(columns[1], one.values)
    callers = {each.values[0] for each in said if "caller" in locks_of(each.sql)}
    if callers and entry["actor_id"] not in callers:
        return []
    of = "".join(kind[0] for kind in ("person", "organization") if entry[f"{kind}_id"])
    return [f"={entry['action']}", f"={entry['action']}:{of}"]


def _entry(columns: str, values: Any) -> dict[str, Any]:
    return dict(zip(re.findall(r"\w+", columns), values, strict=False))
