"""Scheduled work: sweeps over an indexed due time, safe in any number of workers and cut at any point.

Each feature lists its sweeps in its `jobs.py` and gives them in its `feature.py`; `wiring.py` joins them; `worker.py`
runs them.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg
import structlog
from tortoise import fields

from server.foundation import clock
from server.foundation.database import Model, execute, is_unreachable, transaction
from server.foundation.ids import new_id

log = structlog.get_logger()

TRIED_AGAIN_AFTER = 600.0
"""Seconds for which a row that could not be done is passed over."""


class Sweep(NamedTuple):
    """Work that is looked for every `every` (real time, whatever the clock says).

    `run` does what is due now, at most a batch of it, claims rows with FOR UPDATE SKIP LOCKED, and returns how many it
    did: it is called again at once until that is none. What it does to a row, that it did, and whom it tells commit
    together, so a missed hour is caught up and nothing is done twice; rows that could fail one by one go through a
    Batch. `lag` tells how many seconds the oldest due row has waited, by the same index.
    """

    name: str
    every: timedelta
    run: Callable[[], Awaitable[int]]
    lag: Callable[[], Awaitable[float]] | None = None


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


class Batch:
    """One run of a sweep that does each due row for itself, so that one that cannot be done is not in the others' way.

    What such a row had changed is undone, and the row passed over for a while: the query for what is due leaves out
    `passed_over`, since the oldest rows would come first each time.
    """

    def __init__(self, sweep: str) -> None:
        self._sweep = sweep
        self._failures = FAILURES.setdefault(sweep, {})
        now = time.monotonic()
        for row_id in [id_ for id_, failure in self._failures.items() if failure.passed_over_until <= now]:
            del self._failures[row_id]
        self.done = 0

    @property
    def passed_over(self) -> list[str]:
        return list(self._failures)

    @asynccontextmanager
    async def row(self, row_id: str) -> AsyncIterator[None]:
        """One row in a transaction of its own (a savepoint in the caller's)."""
        async with self.attempt(row_id), transaction():
            yield

    @asynccontextmanager
    async def attempt(self, row_id: str) -> AsyncIterator[None]:
        """One row; it counts as done when nothing was raised. That the database is away is raised all the same."""
        try:
            yield
        except Exception as error:
            if is_unreachable(error):
                raise
            if isinstance(error, asyncpg.TransactionRollbackError):
                return  # A deadlock says nothing of the row: the next run has it again.
            log.error("sweep_row_failed", sweep=self._sweep, row=row_id, exc_info=error)
            self._failures[row_id] = _Failure(type(error).__name__, time.monotonic() + TRIED_AGAIN_AFTER)
            return
        self.count_done([row_id])

    def count_done(self, row_ids: Collection[str]) -> None:
        """Count rows as done, for what `attempt` was not asked to do."""
        self.done += len(row_ids)
        for row_id in row_ids:
            self._failures.pop(row_id, None)

    def finish(self, done: int | None = None) -> int:
        """How many rows were done. Raises RowsFailed while some are passed over: what can be done has been, and is
        committed by then."""
        done = self.done if done is None else done
        if self._failures:
            raise RowsFailed(done, [failure.reason for failure in self._failures.values()])
        return done


class JobRun(Model):
    """When a sweep last ran in any worker, how long it took, what came of it, and how far behind it was then; one row a
    sweep. `runs`, `rows` and `failures` count from the beginning. `started_at` is null until it has run."""

    name = fields.CharField(max_length=64, unique=True)
    every_seconds = fields.FloatField(default=0)
    started_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)
    milliseconds = fields.IntField(default=0)
    done = fields.IntField(default=0)
    lag_seconds = fields.FloatField(null=True)
    error = fields.CharField(max_length=200, default="")
    runs = fields.BigIntField(default=0)
    rows = fields.BigIntField(default=0)
    failures = fields.BigIntField(default=0)

    class Meta:
        table = "job_run"


async def declare_sweeps(sweeps: Iterable[Sweep]) -> None:
    """Make each sweep known, so that one that never runs is seen too, and forget those that are no more."""
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


async def note_run(
    sweep: Sweep, started_at: datetime, milliseconds: int, done: int, error: str, lag: float | None
) -> None:
    """Note one run of a sweep."""
    await execute(
        "INSERT INTO job_run (id, created_at, name, every_seconds, started_at, finished_at, milliseconds, done, error, "
        "lag_seconds, runs, rows, failures) VALUES ($1, $2, $3, $4, $2, $5, $6, $7::int, $8, $9, 1, $7::int, $10) "
        "ON CONFLICT (name) DO UPDATE SET started_at = EXCLUDED.started_at, finished_at = EXCLUDED.finished_at, "
        "milliseconds = EXCLUDED.milliseconds, done = EXCLUDED.done, error = EXCLUDED.error, "
        "lag_seconds = EXCLUDED.lag_seconds, runs = job_run.runs + 1, rows = job_run.rows + EXCLUDED.rows, "
        "failures = job_run.failures + EXCLUDED.failures",
        new_id(),
        started_at,
        sweep.name,
        sweep.every.total_seconds(),
        clock.now(),
        milliseconds,
        done,
        error[:200],
        lag,
        int(bool(error)),
    )
