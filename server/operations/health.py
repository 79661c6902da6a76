"""How the scheduled work and the outbox are doing: for those who look after the deployment, and for Prometheus.

The worker has no listener of its own, so everything is read from the database, whichever worker did it.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from server import clock, jobs
from server.database import fetch, fetch_structs
from server.errors import NotAllowed
from server.organizations.access import holds_role_anywhere
from server.organizations.models import RoleKind

log = structlog.get_logger()

LATE_AFTER = 3
"""A sweep that has not run for so many times its interval (and a minute) is late: no worker runs, or it hangs."""
RECENT = timedelta(hours=1)
DELAYS_OF = timedelta(minutes=5)


class JobView(msgspec.Struct):
    """One sweep: how often it should run, when and how long it last ran and how many rows it did then, how many seconds
    the oldest due row had waited by then, what went wrong if anything did, and its totals."""

    name: str
    every_seconds: float
    started_at: datetime | None
    finished_at: datetime | None
    milliseconds: int
    done: int
    lag_seconds: float | None
    error: str
    runs: int
    rows: int
    failures: int
    is_late: bool = False


class OutboxCount(msgspec.Struct):
    """How many outbox rows of a kind are in a state; for those still to be done, how long the oldest one that is due
    has waited."""

    kind: str
    state: str
    count: int
    oldest_due_seconds: float


class JobsView(msgspec.Struct):
    """Everything that runs by itself. `outbox` has what is open, and what failed or is unknown."""

    items: list[JobView]
    outbox: list[OutboxCount]


async def list_jobs(actor_id: str) -> JobsView:
    """For managers of any organization: it tells nothing of anybody. Raises NotAllowed."""
    if not await holds_role_anywhere(actor_id, (RoleKind.MANAGER,)):
        raise NotAllowed()
    return JobsView(await _jobs(), await _outbox())


async def health_metrics() -> bytes:
    """The same for Prometheus, with how far behind each sweep is at this moment. Empty where the database is away."""
    try:
        families = [*_job_families(await _jobs(), await _lags()), *_outbox_families(await _outbox(), await _recent())]
    except Exception as error:
        log.warning("health_unknown", error=type(error).__name__)
        return b""
    registry = CollectorRegistry()
    registry.register(_Collected(families))
    return generate_latest(registry)


class _Collected:
    def __init__(self, families: list[Metric]) -> None:
        self.families = families

    def collect(self) -> Iterator[Metric]:
        yield from self.families


async def _jobs() -> list[JobView]:
    found = await fetch_structs(
        JobView,
        "SELECT name, every_seconds, started_at, finished_at, milliseconds, done, lag_seconds, error, runs, rows, "
        "failures FROM job_run ORDER BY name",
    )
    now = clock.now()
    for job in found:
        waited = (now - job.started_at).total_seconds() if job.started_at else None
        job.is_late = waited is None or waited > job.every_seconds * LATE_AFTER + 60
    return found


async def _outbox() -> list[OutboxCount]:
    """Through the partial indexes of what is open and of what went wrong: what is done is never counted."""
    now = clock.now()
    return await fetch_structs(
        OutboxCount,
        "SELECT kind, state, count(*) AS count, "
        "GREATEST(EXTRACT(EPOCH FROM $1 - min(due_at)), 0)::float8 AS oldest_due_seconds "
        "FROM outbox WHERE state IN ('queued', 'waiting', 'in_flight') GROUP BY kind, state "
        "UNION ALL SELECT kind, state, count(*), 0 FROM outbox WHERE state IN ('failed', 'unknown') "
        "GROUP BY kind, state ORDER BY kind, state",
        now,
    )


async def _lags() -> dict[str, float]:
    return {sweep.name: await sweep.lag() for sweep in jobs.SWEEPS if sweep.lag}


async def _recent() -> dict[str, list[Any]]:
    now = clock.now()
    finished = await fetch(
        "SELECT kind, state, count(*) AS count FROM outbox WHERE finished_at > $1 GROUP BY kind, state", now - RECENT
    )
    delays = await fetch(
        "SELECT kind, percentile_cont(ARRAY[0.5, 0.95, 1]) WITHIN GROUP "
        "(ORDER BY EXTRACT(EPOCH FROM finished_at - created_at)) AS delays FROM outbox "
        "WHERE finished_at > $1 AND state = 'done' AND attempts = 1 GROUP BY kind",
        now - DELAYS_OF,
    )
    return {"finished": finished, "delays": delays}


def _job_families(found: list[JobView], lags: dict[str, float]) -> Iterator[Metric]:
    gauges = {
        name: GaugeMetricFamily(f"linli_sweep_{name}", text, labels=["sweep"])
        for name, text in (
            ("interval_seconds", "How often the sweep should run"),
            ("last_run_timestamp_seconds", "When it last ran, in any worker"),
            ("duration_seconds", "How long it took"),
            ("lag_seconds", "How long the oldest due row has waited until now"),
            ("failed", "1 where its last run failed"),
        )
    }
    counters = {
        name: CounterMetricFamily(f"linli_sweep_{name}", text, labels=["sweep"])
        for name, text in (("runs", "Runs"), ("rows", "Rows done"), ("failures", "Runs that failed"))
    }
    for job in found:
        label = [job.name]
        gauges["interval_seconds"].add_metric(label, job.every_seconds)
        if job.started_at:
            gauges["last_run_timestamp_seconds"].add_metric(label, job.started_at.timestamp())
        gauges["duration_seconds"].add_metric(label, job.milliseconds / 1000)
        gauges["failed"].add_metric(label, bool(job.error))
        if job.name in lags:
            gauges["lag_seconds"].add_metric(label, lags[job.name])
        for name, value in (("runs", job.runs), ("rows", job.rows), ("failures", job.failures)):
            counters[name].add_metric(label, value)
    yield from gauges.values()
    yield from counters.values()


def _outbox_families(counts: list[OutboxCount], recent: dict[str, list[Any]]) -> Iterator[Metric]:
    rows = GaugeMetricFamily(
        "linli_outbox_rows", "Outbox rows that are open, failed or unknown", labels=["kind", "state"]
    )
    oldest = GaugeMetricFamily(
        "linli_outbox_oldest_due_seconds", "How long the oldest due row has waited", labels=["kind", "state"]
    )
    for count in counts:
        rows.add_metric([count.kind, count.state], count.count)
        if count.state not in ("failed", "unknown"):
            oldest.add_metric([count.kind, count.state], count.oldest_due_seconds)
    finished = GaugeMetricFamily(
        "linli_outbox_finished_last_hour", "Outbox rows that ended in the last hour", labels=["kind", "state"]
    )
    for row in recent["finished"]:
        finished.add_metric([row["kind"], row["state"]], row["count"])
    delay = GaugeMetricFamily(
        "linli_outbox_delay_seconds",
        "From commit to done, of the last five minutes' rows that needed one try",
        labels=["kind", "quantile"],
    )
    for row in recent["delays"]:
        for quantile, seconds in zip(("0.5", "0.95", "1"), row["delays"], strict=True):
            delay.add_metric([row["kind"], quantile], seconds)
    yield from (rows, oldest, finished, delay)
