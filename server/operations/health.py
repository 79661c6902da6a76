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

from server.background import sweeps
from server.background.outbox import Priority
from server.foundation import clock
from server.foundation.database import fetch, fetch_structs, is_unreachable
from server.foundation.errors import NotAllowed
from server.organizations.access import holds_role_anywhere
from server.organizations.models import RoleKind

log = structlog.get_logger()

LATE_AFTER = 3
"""A sweep that has not run for so many times its interval (and a minute) is late."""
RECENT = timedelta(hours=1)
DELAYS_OF = timedelta(minutes=5)


class JobView(msgspec.Struct):
    """One sweep: how often it should run; when and how long it last ran in any worker, how many rows it did then, and
    what went wrong if anything did; and its totals.

    `lag_seconds`: for how long the oldest due row has waited until now; null where it cannot be told. `is_late`: it
    has not run for three of its intervals and a minute, or never: no worker runs, or it hangs.
    """

    name: str
    every_seconds: float
    started_at: datetime | None = None
    finished_at: datetime | None = None
    milliseconds: int = 0
    done: int = 0
    lag_seconds: float | None = None
    error: str = ""
    runs: int = 0
    rows: int = 0
    failures: int = 0
    is_late: bool = True


class OutboxCount(msgspec.Struct):
    """How many outbox rows of a kind and priority (urgent, normal, bulk) are in a state; for those still to be done,
    how long the oldest one that is due has waited."""

    kind: str
    priority: str
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
    """The same for Prometheus. Empty where the database is away."""
    try:
        families = [*_job_families(await _jobs()), *_outbox_families(await _outbox(), await _recent())]
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
    """All sweeps that there are, so that those are seen too which no worker ever ran."""
    rows = await fetch_structs(
        JobView,
        "SELECT name, every_seconds, started_at, finished_at, milliseconds, done, error, runs, rows, failures "
        "FROM job_run",
    )
    ran = {row.name: row for row in rows}
    now = clock.now()
    found = []
    for sweep in sorted(sweeps.SWEEPS, key=lambda sweep: sweep.name):
        job = ran.get(sweep.name) or JobView(sweep.name, sweep.every.total_seconds())
        job.lag_seconds = await _lag(sweep)
        if job.started_at:
            job.is_late = (now - job.started_at).total_seconds() > job.every_seconds * LATE_AFTER + 60
        found.append(job)
    return found


async def _lag(sweep: sweeps.Sweep) -> float | None:
    """Of now, not what the last run noted: where no worker runs, nobody would notice how it grows. One that cannot be
    told does not hide the others."""
    try:
        return await sweep.lag()
    except Exception as error:
        if is_unreachable(error):
            raise
        log.error("lag_unknown", sweep=sweep.name, exc_info=error)
        return None


async def _outbox() -> list[OutboxCount]:
    """Through the partial indexes of what is open and of what went wrong: what is done is never counted."""
    rows = await fetch(
        "SELECT kind, priority, state, count(*) AS count, "
        "GREATEST(EXTRACT(EPOCH FROM $1 - min(due_at)), 0)::float8 AS oldest_due_seconds "
        "FROM outbox WHERE state IN ('queued', 'waiting', 'in_flight') GROUP BY kind, priority, state "
        "UNION ALL SELECT kind, priority, state, count(*), 0 FROM outbox WHERE state IN ('failed', 'unknown') "
        "GROUP BY kind, priority, state ORDER BY kind, priority DESC, state",
        clock.now(),
    )
    return [
        OutboxCount(row["kind"], _name_of(row["priority"]), row["state"], row["count"], row["oldest_due_seconds"])
        for row in rows
    ]


def _name_of(priority: int) -> str:
    return Priority(priority).name.lower()


async def _recent() -> dict[str, list[Any]]:
    now = clock.now()
    finished = await fetch(
        "SELECT kind, state, count(*) AS count FROM outbox WHERE finished_at > $1 GROUP BY kind, state", now - RECENT
    )
    # From when it was due: what waited for the morning was not late.
    delays = await fetch(
        "SELECT kind, priority, percentile_cont(ARRAY[0.5, 0.95, 1]) WITHIN GROUP "
        "(ORDER BY EXTRACT(EPOCH FROM finished_at - due_at)) AS delays FROM outbox "
        "WHERE finished_at > $1 AND state = 'done' AND attempts = 1 GROUP BY kind, priority",
        now - DELAYS_OF,
    )
    return {"finished": finished, "delays": delays}


def _job_families(found: list[JobView]) -> Iterator[Metric]:
    gauges = {
        name: GaugeMetricFamily(f"linli_sweep_{name}", text, labels=["sweep"])
        for name, text in (
            ("interval_seconds", "How often the sweep should run"),
            ("last_run_timestamp_seconds", "When its last run began, in any worker (Unix time)"),
            ("duration_seconds", "How long its last run took"),
            ("lag_seconds", "How long the oldest due row has waited until now; 0 where nothing is due"),
            ("failed", "1 where its last run failed"),
            ("late", "1 where it never ran, or not for three intervals and a minute"),
        )
    }
    counters = {
        name: CounterMetricFamily(f"linli_sweep_{name}", text, labels=["sweep"])
        for name, text in (
            ("runs", "Runs of the sweep"),
            ("rows", "Rows that the sweep has done"),
            ("failures", "Runs of the sweep that failed"),
        )
    }
    for job in found:
        label = [job.name]
        gauges["interval_seconds"].add_metric(label, job.every_seconds)
        if job.started_at:
            gauges["last_run_timestamp_seconds"].add_metric(label, job.started_at.timestamp())
        gauges["duration_seconds"].add_metric(label, job.milliseconds / 1000)
        gauges["failed"].add_metric(label, bool(job.error))
        gauges["late"].add_metric(label, job.is_late)
        if job.lag_seconds is not None:
            gauges["lag_seconds"].add_metric(label, job.lag_seconds)
        for name, value in (("runs", job.runs), ("rows", job.rows), ("failures", job.failures)):
            counters[name].add_metric(label, value)
    yield from gauges.values()
    yield from counters.values()


def _outbox_families(counts: list[OutboxCount], recent: dict[str, list[Any]]) -> Iterator[Metric]:
    rows = GaugeMetricFamily(
        "linli_outbox_rows", "Outbox rows that are open, failed or unknown", labels=["kind", "priority", "state"]
    )
    oldest = GaugeMetricFamily(
        "linli_outbox_oldest_due_seconds",
        "How long the oldest row that is due and still to be done has waited",
        labels=["kind", "priority", "state"],
    )
    for count in counts:
        labels = [count.kind, count.priority, count.state]
        rows.add_metric(labels, count.count)
        if count.state not in ("failed", "unknown"):
            oldest.add_metric(labels, count.oldest_due_seconds)
    finished = GaugeMetricFamily(
        "linli_outbox_finished_last_hour", "Outbox rows that ended in the last hour", labels=["kind", "state"]
    )
    for row in recent["finished"]:
        finished.add_metric([row["kind"], row["state"]], row["count"])
    delay = GaugeMetricFamily(
        "linli_outbox_delay_seconds",
        "From due (at once, unless it was to wait) to done, of the last five minutes' rows that needed one try",
        labels=["kind", "priority", "quantile"],
    )
    for row in recent["delays"]:
        for quantile, seconds in zip(("0.5", "0.95", "1"), row["delays"], strict=True):
            delay.add_metric([row["kind"], _name_of(row["priority"]), quantile], seconds)
    yield from (rows, oldest, finished, delay)
