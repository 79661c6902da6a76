"""What a query reads, measured: PostgreSQL carries it out and tells of every scan.

Which plan it picks is its own business: among a few rows, or between two good indexes, that is a toss. What matters is
that a query reads about as much as it gives, however much there is; so tests fill a table with far more than that,
`refresh` it, and hold `Reading.read` against `Reading.returned`.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import asyncpg

from server.foundation.database import execute, fetch_value, undone

Query = tuple[str, tuple[Any, ...]]
"""SQL and its values."""


class Reading(NamedTuple):
    """Of one query: the rows it gave, or wrote where it gives none; the rows that all its scans read for that, those
    thrown away again and the entries gathered from indexes included; the pages of 8 kB that it touched for everything;
    the tables that the plan looks into; and those of them that it would read from end to end, even where it did not
    come to that because nothing was found before."""

    returned: int
    read: int
    pages: int
    tables: set[str]
    scanned: set[str]
    sql: str
    plan: str

    def check(self, *, spare: int) -> None:
        """At most twenty times as many rows read as returned, and `spare` more: what it costs to find nothing, or what
        one row sums up. The same for pages, since an index may be read from end to end for a few rows."""
        most = 20 * self.returned + spare
        assert max(self.read, self.pages) <= most, (
            f"{self.read} rows and {self.pages} pages read for {self.returned} by {self.sql}\n{self.plan}"
        )


_TELLING = (
    *("Node Type", "Relation Name", "Index Name", "Index Cond", "Recheck Cond", "Filter", "Plan Rows"),
    *("Actual Rows", "Actual Loops", "Rows Removed by Filter", "Rows Removed by Index Recheck"),
)
"""What of a node tells why so much was read."""


async def read_by(sql: str, *values: Any) -> Reading:
    """Carry out a query or a write, roll it back, and tell what it read. It may be within a transaction, which SET
    LOCAL may have prepared."""
    async with undone():
        told = await fetch_value(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", *values)
    plan = json.loads(told)[0]["Plan"]
    read, tables, scanned = 0, set[str](), set[str]()
    for node in _nodes(plan):
        # A scan without either name reads no table (but a function or a CTE), and a write has a table's name too. What
        # a Bitmap Index Scan gathers counts as well: an intersection may leave little of it.
        if node["Node Type"].endswith("Scan") and ("Relation Name" in node or "Index Name" in node):
            read += _rows_of(node)
            if table := node.get("Relation Name"):
                tables.add(table)
                if node["Node Type"] == "Seq Scan":
                    scanned.add(table)
    writes = plan["Node Type"] == "ModifyTable" and not plan["Actual Rows"]
    given = plan["Plans"][0] if writes else plan
    return Reading(
        round(given["Actual Rows"] * given["Actual Loops"]),
        read,
        plan["Shared Hit Blocks"] + plan["Shared Read Blocks"],
        tables,
        scanned,
        sql,
        "\n".join(str({name: node[name] for name in _TELLING if name in node}) for node in _nodes(plan)),
    )


async def refresh(*tables: str) -> None:
    """Make each table as small as its rows, and all statistics those of now: what earlier tests left behind would make
    other plans look cheaper. In all other tables, what they left in indexes would count as read."""
    await execute(f"VACUUM (FULL, ANALYZE) {', '.join(tables)}")
    await execute("VACUUM (ANALYZE)")


_TELLS = ("SELECT", "WITH", "UPDATE", "DELETE", "INSERT")


@contextmanager
def listening(*, to_all: bool = False) -> Iterator[list[Query]]:
    """Every query of this process while it is open; BEGIN and the like only where it listens `to_all`."""
    asked: list[Query] = []
    originals = {name: getattr(asyncpg.Connection, name) for name in ("fetch", "fetchrow", "execute")}

    def listener(name: str) -> Any:
        async def listen(connection: Any, sql: str, *values: Any, **options: Any) -> Any:
            if to_all or sql.lstrip().upper().startswith(_TELLS):
                asked.append((sql, values))
            return await originals[name](connection, sql, *values, **options)

        return listen

    for name in originals:
        setattr(asyncpg.Connection, name, listener(name))
    try:
        yield asked
    finally:
        for name, original in originals.items():
            setattr(asyncpg.Connection, name, original)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _rows_of(node: dict[str, Any]) -> int:
    """Rows that a scan read, all its turns together. (Heap fetches are told for all turns, the rest for one.)"""
    kept: float = (
        node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    )
    turns: float = node["Actual Loops"]
    return max(round(kept * turns), int(node.get("Heap Fetches", 0)))
