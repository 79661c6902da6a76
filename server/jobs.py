"""Scheduled work: sweeps over an indexed due time, safe in any number of workers and cut at any point.

Each feature lists its sweeps in its `jobs.py`; `wiring.py` joins the lists; `worker.py` runs them.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from tortoise import fields

from server import clock
from server.database import Model, execute
from server.ids import new_id


class Sweep(NamedTuple):
    """Work that is looked for every `every` (real time, whatever the clock says).

    `run` does what is due now, at most a batch of it, claims rows with FOR UPDATE SKIP LOCKED, and returns how many it
    did: it is called again at once until that is none. What it does to a row, that it did, and whom it tells commit
    together, so a missed hour is caught up and nothing is done twice. `lag` tells how many seconds the oldest due row
    has waited, by the same index.
    """

    name: str
    every: timedelta
    run: Callable[[], Awaitable[int]]
    lag: Callable[[], Awaitable[float]] | None = None


SWEEPS: list[Sweep] = []
"""All of them; filled by wiring.py."""


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
