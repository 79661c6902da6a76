"""Importing the tree of the city from a CSV file `code,name,level,parent_code`, all of it or nothing.

Two more columns may say where a node is, `longitude,latitude` (gcj02); an empty cell leaves what is known.

The rows go by COPY into a temporary table, are checked there as a whole together with what the database already has,
and are applied level by level with set-based SQL. Rows may come in any order. Running the same file again changes
nothing; nodes that the file does not have are left alone.
"""

import csv
import io
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from tortoise import connections

from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch, transaction
from server.foundation.ids import new_id
from server.organizations.models import LEVEL_RANK, Level
from server.organizations.tree import lock_tree

COLUMNS = ("code", "name", "level", "parent_code")
LOCATED = (*COLUMNS, "longitude", "latitude")
_NAMES = f"{','.join(COLUMNS)}, and perhaps longitude,latitude"
_LONGEST = {"code": 32, "name": 100, "parent_code": 32}
_LEVELS = [str(level) for level in Level]
_BATCH = 20_000
_SECONDS = 900
"""How long one statement may take; the pool's own limit is meant for requests."""

Progress = Callable[[str, int, int], None]
"""Told what is being done, and how much of how much is done."""


class BadRow(msgspec.Struct, frozen=True, order=True):
    """A line of the file, counted from 1, and why it cannot be imported."""

    line: int
    problem: str


class FileRefused(Exception):
    """Nothing was imported; `rows` are all the bad ones, by line."""

    def __init__(self, rows: list[BadRow]) -> None:
        super().__init__(f"{len(rows)} bad rows")
        self.rows = rows


class Imported(msgspec.Struct, frozen=True):
    """What an import did, in nodes; a node that moved is also counted as changed."""

    rows: int
    created: int
    changed: int
    moved: int


async def import_file(path: Path) -> int:
    """The command: import `path`, with a progress bar; 0 when it is imported, 1 when it is not, and why."""
    began = time.monotonic()
    try:
        data = _read(path)
    except OSError as error:
        _say(f"{path} cannot be read: {error.strerror}.")
        return 1
    bar = ProgressBar()
    try:
        done = await import_organizations(data, bar.show)
    except FileRefused as refused:
        bar.clear()
        for row in refused.rows:
            _say(f"line {row.line}: {row.problem}")
        _say(f"Nothing was imported: {len(refused.rows)} problems in {path}.")
        return 1
    bar.clear()
    sys.stdout.write(
        f"Imported {done.rows} rows in {time.monotonic() - began:.1f} s: {done.created} new, {done.changed} changed "
        f"({done.moved} of them moved), {done.rows - done.created - done.changed} as before.\n"
    )
    return 0


async def import_organizations(data: bytes, progress: Progress = lambda *_: None) -> Imported:
    """Import a CSV file's bytes (UTF-8, with or without BOM, or GB18030) in one transaction.

    Raises FileRefused with every bad row when there is any.
    """
    text = _decode(data)
    total = text.count("\n") + 1
    bad: list[BadRow] = []
    async with transaction():
        # Nobody else may change the tree's shape between our checks and our writes.
        await lock_tree("organization")
        async with connections.get("default").acquire_connection() as connection:
            await _run(connection, _TEMPORARY_TABLE)
            await connection.copy_records_to_table(
                "import_row",
                records=_read_rows(text, bad, lambda line: progress("Reading", line, total)),
                columns=[
                    "line",
                    "code",
                    "name",
                    "level",
                    "rank",
                    "parent_code",
                    "id",
                    "label",
                    "longitude",
                    "latitude",
                ],
                timeout=_SECONDS,
            )
            del text
            progress("Checking", 0, 1)
            await _run(connection, "CREATE INDEX ON import_row (code); CREATE INDEX ON import_row (rank, line)")
            await _run(connection, "ANALYZE import_row")
            bad += await _check_rows(connection)
            if bad:
                raise FileRefused(sorted(set(bad)))
            done = await _apply(connection, progress)
        await record_audit(
            "import_organizations",
            actor_id=None,
            subject=("organization", None),
            organization_id=await _only_root(),
            **msgspec.structs.asdict(done),
        )
    return done


_TEMPORARY_TABLE = """
CREATE TEMPORARY TABLE import_row (
    line int, code text, name text, level text, rank int, parent_code text, id uuid, label text,
    longitude float8, latitude float8
) ON COMMIT DROP
"""
# `rank` is null where the level is unknown; `id` and `label`, the same in two forms, are for the node if it is new.


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        try:
            # What spreadsheet programs in China write when they are not asked.
            return data.decode("gb18030")
        except UnicodeDecodeError:
            line = data.count(b"\n", 0, error.start) + 1
            raise FileRefused([BadRow(line, "the text is neither UTF-8 nor GB18030")]) from None


def _read_rows(text: str, bad: list[BadRow], progress: Callable[[int], None]) -> Iterator[tuple[Any, ...]]:
    """Every row that has a code, for COPY; what is wrong with a row by itself is added to `bad`."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    order: list[int] | None = None
    try:
        for cells in reader:
            line = reader.line_num
            if line % 1000 == 0:
                progress(line)
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            if order is None:
                if sorted(cells) not in (sorted(COLUMNS), sorted(LOCATED)):
                    bad.append(BadRow(line, f"the first line must name the columns {_NAMES}"))
                    return
                order = [cells.index(column) for column in LOCATED if column in cells]
                continue
            if len(cells) == len(order):
                code, name, level, parent_code, *where = (cells[place] for place in order)
                bad.extend(BadRow(line, problem) for problem in _row_problems(code, name, level, parent_code))
            else:
                # Its code is still known, so that its children are not called orphans.
                code, name, level, parent_code, where = (*cells[order[0] : order[0] + 1], "")[0], "", "", "", []
                bad.append(BadRow(line, f"{len(cells)} columns instead of {len(order)}"))
            point = _point(where)
            if where and any(where) and point is None:
                bad.append(BadRow(line, "longitude,latitude are not a point such as 122.12,37.51"))
            if code and code.isprintable():
                new = new_id()
                rank = LEVEL_RANK[Level(level)] if level in _LEVELS else None
                texts = (_storable(name), _storable(level), rank, _storable(parent_code))
                yield line, code, *texts, new, new, *(point or (None, None))
    except csv.Error as error:
        bad.append(BadRow(reader.line_num, f"not a CSV row: {error}"))
    if order is None and not bad:
        bad.append(BadRow(1, f"the file is empty; the first line must name the columns {_NAMES}"))


def _point(cells: list[str]) -> tuple[float, float] | None:
    """Longitude and latitude, or None where they are empty or no point in China."""
    try:
        longitude, latitude = map(float, cells)
    except ValueError:
        return None
    return (longitude, latitude) if 73 <= longitude <= 136 and 3 <= latitude <= 54 else None


def _row_problems(code: str, name: str, level: str, parent_code: str) -> Iterator[str]:
    for column, value in (("code", code), ("name", name), ("parent_code", parent_code)):
        if not value and column != "parent_code":
            yield f"the {column} is empty"
        elif value and not value.isprintable():
            yield f"the {column} has characters that cannot be shown"
        elif len(value) > _LONGEST[column]:
            yield f"the {column} is longer than {_LONGEST[column]} characters"
    if level not in _LEVELS:
        yield f"the level is {level or 'empty'} instead of {', '.join(_LEVELS)}"
    elif not parent_code and level != Level.CITY:
        yield f"a {level} needs a parent_code"


async def _check_rows(connection: asyncpg.Connection) -> list[BadRow]:
    """What is wrong between rows, and between the rows and the database."""
    bad = []
    for sql in (_REPEATED, _CLOSED, _UNKNOWN_PARENT):
        bad += [BadRow(*row) for row in await _select(connection, sql)]
    for sql in (_LEVEL_TOO_HIGH, _LEVEL_TOO_LOW):
        bad += [BadRow(*row) for row in await _select(connection, sql, _LEVELS)]
    # Where every level is below its parent's there is no circle; so each circle has one of the lines found so far.
    suspects = sorted({row.line for row in bad})
    if suspects:
        bad += [BadRow(*row) for row in await _select(connection, _CIRCLE, suspects)]
    return bad


_REPEATED = """
SELECT line, 'the code ' || code || ' is already on line ' || first FROM (
    SELECT line, code, min(line) OVER (PARTITION BY code) AS first FROM import_row) r WHERE line > first
"""

_CLOSED = """
SELECT r.line, 'the organization ' || r.code || ' has been closed' FROM import_row r
JOIN organization o ON o.code = r.code WHERE o.closed_at IS NOT NULL
"""

_UNKNOWN_PARENT = """
SELECT r.line, CASE WHEN o.id IS NULL THEN 'there is no organization ' || r.parent_code || ' to be the parent'
                    ELSE 'the parent ' || r.parent_code || ' has been closed' END
FROM import_row r LEFT JOIN organization o ON o.code = r.parent_code
WHERE r.parent_code <> '' AND (o.id IS NULL OR o.closed_at IS NOT NULL)
AND NOT EXISTS (SELECT 1 FROM import_row p WHERE p.code = r.parent_code)
"""

_LEVEL_TOO_HIGH = """
SELECT line, 'a ' || level || ' cannot lie below the ' || parent_level || ' ' || parent_code FROM (
    SELECT r.line, r.level, r.rank, r.parent_code, p.level AS parent_level, p.rank AS parent_rank
    FROM import_row r JOIN import_row p ON p.code = r.parent_code
    UNION ALL
    SELECT r.line, r.level, r.rank, r.parent_code, o.level, array_position($1::text[], o.level::text) - 1
    FROM import_row r JOIN organization o ON o.code = r.parent_code
    WHERE NOT EXISTS (SELECT 1 FROM import_row p WHERE p.code = r.parent_code)
) edge WHERE rank <= parent_rank
"""

_LEVEL_TOO_LOW = """
SELECT r.line, 'the ' || o.level || ' ' || o.code || ', which lies below it, cannot lie below a ' || r.level
FROM import_row r JOIN organization p ON p.code = r.code AND p.level <> r.level
JOIN organization o ON o.parent_id = p.id AND o.closed_at IS NULL
WHERE array_position($1::text[], o.level::text) - 1 <= r.rank
AND NOT EXISTS (SELECT 1 FROM import_row c WHERE c.code = o.code)
"""

_CIRCLE = """
WITH RECURSIVE edge AS (
    SELECT code, parent_code FROM import_row
    UNION ALL
    SELECT o.code, p.code FROM organization o JOIN organization p ON p.id = o.parent_id
    WHERE NOT EXISTS (SELECT 1 FROM import_row r WHERE r.code = o.code)
), up AS (
    SELECT line, code, parent_code AS above FROM import_row WHERE line = ANY($1)
    UNION
    SELECT up.line, up.code, edge.parent_code FROM up JOIN edge ON edge.code = up.above
)
SELECT line, code || ' would lie below itself' FROM up WHERE above = code
"""


async def _apply(connection: asyncpg.Connection, progress: Progress) -> Imported:
    rows = await connection.fetchval("SELECT count(*) FROM import_row")
    created, seen, now = 0, 0, clock.now()
    for rank in range(len(_LEVELS)):
        line = 0
        while batch := await _select(connection, _BATCH_END, rank, line, _BATCH):
            last, size = batch[0]
            created += await _run(connection, _INSERT, rank, line, last, now)
            line, seen = last, seen + size
            progress("Writing", seen, rows)
    moved = await connection.fetchval(_COUNT_MOVED, timeout=_SECONDS)
    changed = await _run(connection, _UPDATE)
    if moved:
        await _run(connection, _MEND_PATHS)
    if created > 1000:
        # The planner should know the new size now, not when autovacuum comes by.
        await _run(connection, "ANALYZE organization")
    return Imported(rows, created, changed, moved)


_BATCH_END = """
SELECT max(line), count(*) FROM (
    SELECT line FROM import_row WHERE rank = $1 AND line > $2 ORDER BY line LIMIT $3) batch HAVING count(*) > 0
"""

_INSERT = """
INSERT INTO organization (id, created_at, code, name, level, parent_id, path, location, version)
SELECT r.id, $4, r.code, r.name, r.level, p.id,
    CASE WHEN p.id IS NULL THEN r.label::ltree ELSE p.path || r.label::ltree END, point(r.longitude, r.latitude), 1
FROM import_row r LEFT JOIN organization p ON p.code = r.parent_code
WHERE r.rank = $1 AND r.line > $2 AND r.line <= $3
AND NOT EXISTS (SELECT 1 FROM organization o WHERE o.code = r.code)
"""

_COUNT_MOVED = """
SELECT count(*) FROM import_row r JOIN organization o ON o.code = r.code
LEFT JOIN organization p ON p.code = r.parent_code WHERE o.parent_id IS DISTINCT FROM p.id
"""

_UPDATE = """
UPDATE organization o SET name = r.name, level = r.level, parent_id = p.id, version = o.version + 1,
    location = COALESCE(point(r.longitude, r.latitude), o.location)
FROM import_row r LEFT JOIN organization p ON p.code = r.parent_code
WHERE o.code = r.code
AND (o.name <> r.name OR o.level <> r.level OR o.parent_id IS DISTINCT FROM p.id
    OR r.longitude IS NOT NULL AND (o.location IS NULL OR NOT o.location ~= point(r.longitude, r.latitude)))
"""

_MEND_PATHS = """
WITH RECURSIVE walk AS (
    SELECT id, subpath(path, -1) AS path FROM organization WHERE COALESCE(successor_id, parent_id) IS NULL
    UNION ALL
    SELECT o.id, walk.path || subpath(o.path, -1)
    FROM walk JOIN organization o ON COALESCE(o.successor_id, o.parent_id) = walk.id
)
UPDATE organization o SET path = walk.path FROM walk WHERE o.id = walk.id AND o.path <> walk.path
"""
# Several moves at once may lie inside one another, so the paths that changed are found from the roots down.


async def _only_root() -> str | None:
    """The city, whose staff may read of the import; None where there are several."""
    rows = await fetch("SELECT id FROM organization WHERE parent_id IS NULL LIMIT 2")
    return rows[0]["id"] if len(rows) == 1 else None


async def _run(connection: asyncpg.Connection, sql: str, *values: Any) -> int:
    """Run a statement; how many rows it touched."""
    status = await connection.execute(sql, *values, timeout=_SECONDS)
    return int(status.rsplit(" ", 1)[-1]) if status[-1:].isdigit() else 0


async def _select(connection: asyncpg.Connection, sql: str, *values: Any) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await connection.fetch(sql, *values, timeout=_SECONDS)
    return rows


def _storable(text: str) -> str:
    """PostgreSQL takes no NUL; a row that has one is on the list of bad ones already."""
    return text.replace("\0", "")


class ProgressBar:
    """One line on stderr: on a terminal it changes, elsewhere a new one comes every few seconds."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._shown_at = time.monotonic()

    def show(self, what: str, done: int, total: int) -> None:
        """`done` of `total`; shown a few times a second at most."""
        if time.monotonic() - self._shown_at < (0.1 if self._is_terminal else 5):
            return
        self._shown_at = time.monotonic()
        share = min(done / total, 1) if total else 0
        if self._is_terminal:
            filled = round(share * 30)
            sys.stderr.write(f"\r{what:<9} [{'#' * filled}{' ' * (30 - filled)}] {share:4.0%}\x1b[K")
        else:
            sys.stderr.write(f"{what} {share:.0%}\n")
        sys.stderr.flush()

    def clear(self) -> None:
        if self._is_terminal:
            sys.stderr.write("\r\x1b[K")


def _read(path: Path) -> bytes:
    return path.read_bytes()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
