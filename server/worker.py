"""The worker: the relay and the scheduled sweeps. Any number of workers run at once; each may die at any moment."""

import asyncio
import signal
import time

import asyncpg
import structlog
from prometheus_client import Counter, Gauge

from server import clock, relay, wiring
from server.connections import connected
from server.database import execute
from server.ids import new_id
from server.jobs import Sweep
from server.settings import Settings

log = structlog.get_logger()

_runs = Counter("linli_sweep_runs_total", "Runs of scheduled sweeps", ["sweep", "outcome"])
_done = Counter("linli_sweep_rows_total", "Rows that scheduled sweeps did", ["sweep"])
_lag = Gauge("linli_sweep_lag_seconds", "How long the oldest due row has waited", ["sweep"])


async def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; what is in flight is finished first."""
    wiring.wire()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with connected(settings):
        log.info("worker_started", sweeps=len(wiring.SWEEPS))
        await asyncio.gather(relay.run_relay(stop), *(run_sweep_regularly(sweep, stop) for sweep in wiring.SWEEPS))
    log.info("worker_stopped")


async def run_sweep_regularly(sweep: Sweep, stop: asyncio.Event) -> None:
    """Run the sweep every `sweep.every`, at once again while it finds full batches."""
    while not stop.is_set():
        more = False
        try:
            more = await run_sweep(sweep) > 0
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("sweep_waits_for_database", sweep=sweep.name, error=type(error).__name__)
        if not more:
            try:
                await asyncio.wait_for(stop.wait(), sweep.every.total_seconds())
            except TimeoutError:
                continue


async def run_sweep(sweep: Sweep) -> int:
    """One run, noted in job_run; how many rows it did. A sweep that fails is logged and tried again next time."""
    started_at, began = clock.now(), time.perf_counter()
    done, error = 0, ""
    try:
        done = await sweep.run()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        raise
    except Exception as failure:
        error = type(failure).__name__
        log.error("sweep_failed", sweep=sweep.name, exc_info=failure)
    _runs.labels(sweep.name, "failed" if error else "ok").inc()
    _done.labels(sweep.name).inc(done)
    if sweep.lag:
        _lag.labels(sweep.name).set(await sweep.lag())
    await execute(
        "INSERT INTO job_run (id, created_at, name, started_at, finished_at, milliseconds, done, error) "
        "VALUES ($1, $2, $3, $2, $4, $5, $6, $7) ON CONFLICT (name) DO UPDATE SET started_at = EXCLUDED.started_at, "
        "finished_at = EXCLUDED.finished_at, milliseconds = EXCLUDED.milliseconds, done = EXCLUDED.done, "
        "error = EXCLUDED.error",
        new_id(),
        started_at,
        sweep.name,
        clock.now(),
        round((time.perf_counter() - began) * 1000),
        done,
        error,
    )
    return done
