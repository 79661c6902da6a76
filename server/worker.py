"""The worker: the relay and the scheduled sweeps. Any number of workers run at once; each may die at any moment."""

import asyncio
import random
import signal
import time

import structlog

from server.background import relay
from server.background.sweeps import SWEEPS, RowsFailed, Sweep, declare_sweeps, note_run
from server.connections import connected
from server.foundation import clock, database
from server.foundation.database import is_unreachable
from server.foundation.settings import Settings

log = structlog.get_logger()

SWEEPS_AT_ONCE = 3
"""However many are due: the relay, for which people wait, needs connections too."""
AGAIN_AFTER_FAILURE = 30.0
"""Seconds. What failed is tried again sooner than a sweep of once an hour would be."""
_START_WITHIN = 2.0


async def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; what is in flight is finished first. After `wiring.wire`."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    while not stop.is_set():
        await database.wait_until_there(settings, is_wanted=lambda: not stop.is_set())
        if not stop.is_set():
            async with connected(settings):
                log.info("worker_started", sweeps=len(SWEEPS))
                await _declare()
                await _work(stop)
    log.info("worker_stopped")


async def _work(stop: asyncio.Event) -> None:
    """Until `stop`, or until the relay is stuck: then with connections made anew."""
    places = asyncio.Semaphore(SWEEPS_AT_ONCE)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(relay.run_relay(stop))
            for sweep in SWEEPS:
                group.create_task(run_sweep_regularly(sweep, stop, places))
    except* relay.RelayStuck:
        log.error("worker_begins_anew")


async def run_sweep_regularly(sweep: Sweep, stop: asyncio.Event, places: asyncio.Semaphore) -> None:
    """Run the sweep every `sweep.every`, and at once again while it finds something to do."""
    every = sweep.every.total_seconds()
    # Not all sweeps of all workers in the same instant.
    await _pause(stop, random.uniform(0, min(every, _START_WITHIN)))  # noqa: S311 (no secret)
    while not stop.is_set():
        pause = every
        async with places:
            try:
                if await run_sweep(sweep):
                    pause = 0
            except RowsFailed as failed:
                pause = 0 if failed.done else min(every, AGAIN_AFTER_FAILURE)
            except Exception as error:
                pause = min(every, AGAIN_AFTER_FAILURE)
                if is_unreachable(error):
                    log.warning("sweep_waits_for_database", sweep=sweep.name, error=type(error).__name__)
        if pause:
            await _pause(stop, pause)


async def run_sweep(sweep: Sweep) -> int:
    """One run, noted in job_run whatever comes of it; how many rows it did. Raises what the sweep raised, and what
    noting it raised where the database is away."""
    started_at, began = clock.now(), time.perf_counter()
    failure: Exception | None = None
    done = 0
    try:
        done = await sweep.run()
    except RowsFailed as failed:  # Each of them is in the log already.
        done, failure = failed.done, failed
    except Exception as error:
        failure = error
        if not is_unreachable(error):
            log.error("sweep_failed", sweep=sweep.name, exc_info=error)
    milliseconds = round((time.perf_counter() - began) * 1000)
    await note_run(sweep, started_at, milliseconds, done, _reason(failure))
    if failure:
        raise failure
    return done


def _reason(failure: Exception | None) -> str:
    if isinstance(failure, RowsFailed):
        return str(failure)
    return type(failure).__name__ if failure else ""


async def _declare() -> None:
    try:
        await declare_sweeps(SWEEPS)
    except Exception as error:
        if not is_unreachable(error):
            raise
        log.warning("worker_waits_for_database", error=type(error).__name__)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
