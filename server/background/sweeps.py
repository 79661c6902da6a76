"""Scheduled work: sweeps over an indexed due time, safe in any number of workers and cut at any point.

Each feature gives its sweeps in its `feature.py`; `wiring.py` joins them; `worker.py` runs them.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import date, datetime, timedelta
from time import monotonic
from typing import Any, NamedTuple

import asyncpg
import structlog
from tortoise import fields

from server.foundation import clock
from server.foundation.database import Model, execute, fetch, fetch_one, fetch_value, is_unreachable, transaction
from server.foundation.dates import end_of
from server.foundation.ids import new_id

log = structlog.get_logger()

TRIED_AGAIN_AFTER = 600.0
"""Seconds for which a row that could not be done is passed over."""

_SPARE = 10
"""Rows that are looked at besides a batch: other workers may be busy with some."""


class Sweep(NamedTuple):
    """Work that is looked for every `every` (real time, whatever the clock says).

    `run` does what is due now, at most a batch of it, and returns how many rows it did: it is called again at once
    until that is none. What it does to a row, that it did, and whom it tells commit together, so a missed hour is
    caught up and nothing is done twice. `lag` tells how many seconds the oldest due row has waited, by the same index.
    """

    name: str
    every: timedelta
    run: Callable[[], Awaitable[int]]
    lag: Callable[[], Awaitable[float]]


SWEEPS: list[Sweep] = []
"""All of them; filled by wiring.py."""


class RowsFailed(Exception):
    """Some due rows could not be done, now or lately; `done` others were done now."""

    def __init__(self, done: int, reasons: Iterable[str]) -> None:
        counted = list(reasons)
        super().__init__(f"{len(counted)} due rows cannot be done: {', '.join(sorted(set(counted)))}")
        self.done = done


class _Failure(NamedTuple):
    reason: str
    passed_over_until: float


FAILURES: dict[str, dict[str, _Failure]] = {}
"""Sweep → row → what this process met when it tried to do it."""


def due_sweep(
    name: str,
    every: timedelta,
    *,
    rows: str,
    where: str = "TRUE",
    due: str,
    do: Callable[[Any], Awaitable[int | None]],
    before: Callable[[], date] = clock.now,
    sooner: str = "",
    row_id: str = "id",
    columns: str = "",
    order: str = "",
    lock: str = "UPDATE",
    batch: int = 50,
) -> Sweep:
    """The sweep that does each of the `rows` (a table or a join) for which `where` holds and whose `due` lies before
    `before()`, those longest due first; `where` and `sooner` know that time as $1. All are SQL text.

    `do` is given a row with its id, its due and the `columns`. It runs in a transaction of its own, in which the row
    was found due again and is locked FOR `lock`; what is locked by others is left to them or to the next run. With no
    `lock` there is no such transaction either: `do` sees itself that nothing is done twice. It may return how many
    things it did, where that is not one.

    A row that cannot be done is in nobody's way: what it had changed is undone, and it is passed over for a while,
    since the oldest rows would come first each time. While there are such, a run raises RowsFailed in the end.

    `sooner` tells which rows are due already, whatever their time; how far the sweep is behind does not depend on them.
    `order` is for what goes first all the same, or for an index that has the rows in nearly the order of `due`.
    """
    selected = ", ".join(filter(None, (f"{row_id} AS id", f"{due} AS due", columns)))
    is_due = f"({due} < $1 OR {sooner})" if sooner else f"{due} < $1"
    found = f"SELECT {selected} FROM {rows} WHERE {where} AND {is_due}"
    find = f"{found} AND {row_id} <> ALL($2) ORDER BY {order or due}, {row_id} LIMIT {batch + _SPARE}"
    claim = f"{found} AND {row_id} = $2 FOR {lock} SKIP LOCKED"

    async def do_locked(found_row: Any) -> int | None:
        async with transaction():
            row = await fetch_one(claim, before(), found_row["id"])
            return 0 if row is None else await do(row)

    async def run() -> int:
        passed_over = _passed_over(name)
        return await _do_each(name, await fetch(find, before(), passed_over), do_locked if lock else do, batch)

    async def lag() -> float:
        return await lag_of(rows, where, due, before())

    return Sweep(name, every, run, lag)


def _passed_over(sweep: str) -> list[str]:
    """The rows whose last failure is not long ago."""
    failures = FAILURES.setdefault(sweep, {})
    for row_id in [id_ for id_, failure in failures.items() if failure.passed_over_until <= monotonic()]:
        del failures[row_id]
    return list(failures)


async def _do_each(sweep: str, rows: list[Any], do: Callable[[Any], Awaitable[int | None]], batch: int) -> int:
    """Do rows until there was something to do for `batch` of them; how many things that were."""
    failures, done, room = FAILURES[sweep], 0, batch
    first_of: dict[str, Any] = {}
    for row in rows:
        first_of.setdefault(row["id"], row)
    for row_id, row in first_of.items():
        if not room:
            break
        try:
            count = await do(row)
        except asyncpg.TransactionRollbackError:
            continue  # A deadlock says nothing of the row: the next run has it again.
        except Exception as error:
            if is_unreachable(error):
                raise
            log.error("sweep_row_failed", sweep=sweep, row=row_id, exc_info=error)
            failures[row_id] = _Failure(type(error).__name__, monotonic() + TRIED_AGAIN_AFTER)
            room -= 1
        else:
            count = 1 if count is None else count
            done += count
            room -= count > 0
    if failures:
        raise RowsFailed(done, [failure.reason for failure in failures.values()])
    return done


async def lag_of(rows: str, where: str, due: str, before: date) -> float:
    """For how many seconds the oldest of the `rows` has waited for which `where` holds and whose `due` lies before
    `before`. A day is due when it is over."""
    oldest = await fetch_value(f"SELECT {due} FROM {rows} WHERE {where} AND {due} < $1 ORDER BY {due} LIMIT 1", before)
    if oldest is None:
        return 0.0
    if isinstance(before, datetime):
        return float((before - oldest).total_seconds())
    return (clock.now() - end_of(oldest)).total_seconds()


class JobRun(Model):
    """When a sweep last ran in any worker, how long it took, what came of it.

    `runs`, `rows` and `failures` count from the beginning. `started_at` is null until it has run.
    """

    name = fields.CharField(max_length=64, unique=True)
    every_seconds = fields.FloatField(default=0)
    started_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)
    milliseconds = fields.IntField(default=0)
    done = fields.IntField(default=0)
    error = fields.CharField(max_length=200, default="")
    runs = fields.BigIntField(default=0)
    rows = fields.BigIntField(default=0)
    failures = fields.BigIntField(default=0)

    class Meta:
        table = "job_run"


async def declare_sweeps(sweeps: Iterable[Sweep]) -> None:
    """Make each sweep known, so that one that never runs is seen too, and forget those that no longer exist."""
    # In order of names: two workers that start together must not deadlock on each other's rows.
    ordered = sorted(sweeps, key=lambda sweep: sweep.name)
    names = [sweep.name for sweep in ordered]
    await execute("DELETE FROM job_run WHERE name <> ALL($1)", names)
    await execute(
        "INSERT INTO job_run (id, created_at, name, every_seconds, milliseconds, done, error, runs, rows, failures) "
        "SELECT id, $2, name, every_seconds, 0, 0, '', 0, 0, 0 "
        "FROM unnest($1::uuid[], $3::text[], $4::float8[]) AS sweep (id, name, every_seconds) "
        "ON CONFLICT (name) DO UPDATE SET every_seconds = EXCLUDED.every_seconds",
        [new_id() for _ in ordered],
        clock.now(),
        names,
        [sweep.every.total_seconds() for sweep in ordered],
    )


async def note_run(sweep: Sweep, started_at: datetime, milliseconds: int, done: int, error: str) -> None:
    """Note one run of a sweep."""
    await execute(
        "INSERT INTO job_run (id, created_at, name, every_seconds, started_at, finished_at, milliseconds, done, error, "
        "runs, rows, failures) VALUES ($1, $2, $3, $4, $2, $5, $6, $7::int, $8, 1, $7::int, $9) "
        "ON CONFLICT (name) DO UPDATE SET started_at = EXCLUDED.started_at, finished_at = EXCLUDED.finished_at, "
        "milliseconds = EXCLUDED.milliseconds, done = EXCLUDED.done, error = EXCLUDED.error, "
        "runs = job_run.runs + 1, rows = job_run.rows + EXCLUDED.rows, "
        "failures = job_run.failures + EXCLUDED.failures",
        new_id(),
        started_at,
        sweep.name,
        sweep.every.total_seconds(),
        clock.now(),
        milliseconds,
        done,
        error[:200],
        int(bool(error)),
    )
