"""Scheduled work: sweeps over an indexed due time, safe in any number of workers and cut at any point.

Each feature lists its sweeps in its `jobs.py`; `wiring.py` joins the lists; `worker.py` runs them.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NamedTuple

from tortoise import fields

from server.database import Model


class Sweep(NamedTuple):
    """Work that is looked for every `every` (real time, whatever the clock says).

    `run` does what is due now, at most a batch of it, claims rows with FOR UPDATE SKIP LOCKED, and returns how many it
    did: a full batch is followed by another at once. `lag` tells how many seconds the oldest due row has waited.
    """

    name: str
    every: timedelta
    run: Callable[[], Awaitable[int]]
    lag: Callable[[], Awaitable[float]] | None = None


class JobRun(Model):
    """When a sweep last ran, how long it took and what came of it; one row a sweep."""

    name = fields.CharField(max_length=64, unique=True)
    started_at = fields.DatetimeField()
    finished_at = fields.DatetimeField(null=True)
    milliseconds = fields.IntField(default=0)
    done = fields.IntField(default=0)
    error = fields.CharField(max_length=200, default="")

    class Meta:
        table = "job_run"
