"""Measuring the writes: in turns with the ceiling, everything undone in between, and the rush."""

import asyncio
import resource
import statistics
import sys
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from server.foundation.settings import Settings
from tests.performance.answers import shape_of
from tests.performance.city import City
from tests.performance.load import Run, drive, rush
from tests.performance.systems import CEILING, OURS, System, compare
from tests.performance.writing import PLACES, Asked, Writing, undo
from tests.performance.writing import rush as rushing

CLIENTS = 32


def measure_writing(
    writing: Writing, systems: dict[str, System], city: City, settings: Settings, rounds: int
) -> dict[str, Any]:
    """As many rounds of each in turns, each of them of the same requests, on the same data."""
    answers = {name: shape_of(_one(systems[name], writing.asks, city, settings)) for name in (OURS, CEILING)}
    if answers[OURS] != answers[CEILING]:
        for name, answer in answers.items():
            sys.stderr.write(f"{writing.name}: {name} gives {answer}\n")
        raise SystemExit(f"{writing.name}: the answers do not say the same")
    runs: dict[str, list[Run]] = {OURS: [], CEILING: []}
    for number in range(rounds + 1):
        for name, kept in runs.items():
            asked = asyncio.run(_prepare(writing.asks, city, settings))
            requests = [each.as_bytes(city) for each in asked]
            system = systems[name]
            run = drive(system.process.pid, system.port, requests, clients=CLIENTS, seconds=60, repeat=False)
            assert all(status < 300 for status in run.statuses), (writing.name, name, run.statuses)
            if number:  # The first is for caches and prepared statements.
                kept.append(run)
    return compare(writing.name, runs)


def measure_rush(systems: dict[str, System], city: City, settings: Settings, rounds: int) -> dict[str, Any]:
    """Everybody at once for a few places, on a connection of their own. Raises SystemExit where an answer contradicts
    the database."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    found: dict[str, list[tuple[float, float]]] = {OURS: [], CEILING: []}
    refused = dict.fromkeys(found, 0)
    for _ in range(rounds):
        for name, times in found.items():
            asked = asyncio.run(_prepare(rushing, city, settings))
            run = rush(systems[name].port, [each.as_bytes(city) for each in asked])
            there = asyncio.run(_states(settings))
            is_so = there.get("confirmed") == PLACES and sum(there.values()) == run.statuses.get(201)
            if name == OURS and not is_so:
                raise SystemExit(f"rush: {name} answered {run.statuses}, and the database has {there}")
            refused[name] += run.statuses.get(503, 0)
            times.append((statistics.median(run.latencies), run.latencies[-1]))
    totals = {name: statistics.median(total for _, total in times) for name, times in found.items()}
    return {
        "people": len(city.tokens),
        "seconds": {name: round(total, 2) for name, total in totals.items()},
        "of_ceiling": round(totals[OURS] / totals[CEILING], 2),
        "median_of_total": round(statistics.median(half / total for half, total in found[OURS]), 2),
        "refused": refused,
    }


def _one(
    system: System,
    asks: Callable[[asyncpg.Connection, City], Awaitable[list[Asked]]],
    city: City,
    settings: Settings,
) -> bytes:
    asked = asyncio.run(_prepare(asks, city, settings))[0]
    request = urllib.request.Request(
        f"http://127.0.0.1:{system.port}/api/v1{asked.path}",
        data=asked.as_bytes(city).partition(b"\r\n\r\n")[2],
        headers={"authorization": f"Bearer {city.tokens[asked.caller]}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        body: bytes = answer.read()
        return body


async def _prepare(
    asks: Callable[[asyncpg.Connection, City], Awaitable[list[Asked]]], city: City, settings: Settings
) -> list[Asked]:
    connection = await asyncpg.connect(settings.database_url)
    try:
        await undo(connection)
        return await asks(connection, city)
    finally:
        await connection.close()


async def _states(settings: Settings) -> dict[str, int]:
    connection = await asyncpg.connect(settings.database_url)
    try:
        rows = await connection.fetch(
            "SELECT p.state, count(*) AS count FROM sign_up s JOIN place p ON p.id = s.place_id GROUP BY 1"
        )
        return {row["state"]: row["count"] for row in rows}
    finally:
        await connection.close()


def print_rush(found: dict[str, Any]) -> None:
    seconds = found["seconds"]
    print(
        f"\nRush: {found['people']:,} people on as many connections for {PLACES} places in {seconds[OURS]} s, the "
        f"ceiling in {seconds[CEILING]} s ({found['of_ceiling']} of it); half of them answered after "
        f"{found['median_of_total']} of the whole; refused with 503: {found['refused'][OURS]}."
    )
