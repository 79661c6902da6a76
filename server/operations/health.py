"""How the scheduled work and the outbox are doing: for those who look after the deployment, and for Prometheus.

The worker has no listener of its own, so everything is read from the database, whichever worker did it.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, cast

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
from server.foundation.skew import clock_skew
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
    has not run for three of its intervals and a minute, or never: no worker runs, or it hangs. One that began so far
    ahead of now is late too: a worker's clock is wrong, and that none runs would not be seen before we come there.
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
        skew = "By how many seconds this server's clock is ahead of the database's"
        families.append(_family(GaugeMetricFamily, "clock_skew_seconds", skew, [], [([], await clock_skew())]))
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
            job.is_late = abs((now - job.started_at).total_seconds()) > job.every_seconds * LATE_AFTER + 60
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


_OF_SWEEPS: tuple[tuple[type[Any], str, str, Callable[[JobView], float | None]], ...] = (
    (GaugeMetricFamily, "interval_seconds", "How often the sweep should run", lambda job: job.every_seconds),
    (
        GaugeMetricFamily,
        "last_run_timestamp_seconds",
        "When its last run began, in any worker (Unix time)",
        lambda job: job.started_at.timestamp() if job.started_at else None,
    ),
    (GaugeMetricFamily, "duration_seconds", "How long its last run took", lambda job: job.milliseconds / 1000),
    (
        GaugeMetricFamily,
        "lag_seconds",
        "How long the oldest due row has waited until now; 0 where nothing is due",
        lambda job: job.lag_seconds,
    ),
    (GaugeMetricFamily, "failed", "1 where its last run failed", lambda job: bool(job.error)),
    (
        GaugeMetricFamily,
        "late",
        "1 where it never ran, or not for three intervals and a minute",
        lambda job: job.is_late,
    ),
    (CounterMetricFamily, "runs", "Runs of the sweep", lambda job: job.runs),
    (CounterMetricFamily, "rows", "Rows that the sweep has done", lambda job: job.rows),
    (CounterMetricFamily, "failures", "Runs of the sweep that failed", lambda job: job.failures),
)


def _job_families(jobs: list[JobView]) -> Iterator[Metric]:
    for kind, name, text, value in _OF_SWEEPS:
        values = [([job.name], value(job)) for job in jobs]
        yield _family(kind, f"sweep_{name}", text, ["sweep"], values)


def _outbox_families(counts: list[OutboxCount], recent: dict[str, list[Any]]) -> Iterator[Metric]:
    labels = ["kind", "priority", "state"]
    yield _family(
        GaugeMetricFamily,
        "outbox_rows",
        "Outbox rows that are open, failed or unknown",
        labels,
        [([count.kind, count.priority, count.state], count.count) for count in counts],
    )
    yield _family(
        GaugeMetricFamily,
        "outbox_oldest_due_seconds",
        "How long the oldest row that is due and still to be done has waited",
        labels,
        [
            ([count.kind, count.priority, count.state], count.oldest_due_seconds)
            for count in counts
            if count.state not in ("failed", "unknown")
        ],
    )
    yield _family(
        GaugeMetricFamily,
        "outbox_finished_last_hour",
        "Outbox rows that ended in the last hour",
        ["kind", "state"],
        [([row["kind"], row["state"]], row["count"]) for row in recent["finished"]],
    )
    yield _family(
        GaugeMetricFamily,
        "outbox_delay_seconds",
        "From due (at once, unless it was to wait) to done, of the last five minutes' rows that needed one try",
        ["kind", "priority", "quantile"],
        [
            ([row["kind"], _name_of(row["priority"]), quantile], seconds)
            for row in recent["delays"]
            for quantile, seconds in zip(("0.5", "0.95", "1"), row["delays"], strict=True)
        ],
    )


def _family(
    kind: type[Any], name: str, text: str, labels: list[str], values: Iterable[tuple[list[str], float | None]]
) -> Metric:
    family = kind(f"linli_{name}", text, labels=labels)
    for own, value in values:
        if value is not None:
            family.add_metric(own, value)
    return cast(Metric, family)
