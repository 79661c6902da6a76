"""python3 dev.py bench: Linli, the ceiling and the peer in alternating rounds, and the table of their ratios."""

import argparse
import asyncio
import json
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from server.embedded.postgres import start_postgres
from server.embedded.valkey import start_valkey
from server.foundation import crypto, schema
from server.foundation.settings import Settings
from server.wiring import wire
from tests.performance import city as cities
from tests.performance.chart import draw
from tests.performance.growth import Cost, measure_growth, print_growth
from tests.performance.load import Run, drive, drive_with_wrk, has_wrk, request_bytes
from tests.performance.measuring import CLIENTS, measure_rush, measure_writing, print_rush
from tests.performance.systems import CEILING, OURS, PEER, System, compare, start
from tests.performance.writing import WRITINGS
from tests.servers import PRODUCTION

FOLDER = Path(".data") / "performance"
SMALL = 10_000
"""Wishes of a quick run, and of the small city when growth is measured."""


class Scenario(NamedTuple):
    """One kind of request; `{wish}` and `{activity}` in its path stand for ids of the city's."""

    name: str
    path: str
    systems: tuple[str, ...] = (OURS, CEILING)
    against: str = ""
    """What the ceiling is asked for where nothing of the same is written by hand: its /healthz, a bare hello."""


SCENARIOS = (
    Scenario("/healthz", "/healthz", (OURS, CEILING, PEER)),
    Scenario("wish wall", "/api/v1/wishes", (OURS, CEILING, PEER)),
    Scenario("wish detail", "/api/v1/wishes/{wish}", (OURS, CEILING, PEER)),
    Scenario("activities", "/api/v1/activities"),
    Scenario("activity detail", "/api/v1/activities/{activity}"),
    Scenario("home page, of a hello", "/api/v1/me/home", against="/healthz"),
    Scenario("inbox, of a hello", "/api/v1/me/inbox", against="/healthz"),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{SMALL:,} wishes, short rounds: some three minutes")
    parser.add_argument("--wishes", type=int, default=0, help="how many (1,000,000; 10,000 with --quick)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of one round")
    parser.add_argument("--growth", action="store_true", help="the lists alone, at 10,000 wishes and at --wishes")
    parser.add_argument("--only", default="", help="scenarios whose names hold one of these, with commas between")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 3, 2.0
    wishes = options.wishes or (SMALL if options.quick else 1_000_000)
    wire()
    if options.growth:
        print_growth(_measure_growth(SMALL), _measure_growth(wishes))
        return 0
    folder = FOLDER / str(wishes)
    with _started(wishes) as (settings, city, _):
        systems = {name: start(name, settings, folder) for name in (OURS, CEILING, PEER)}
        try:
            results = [
                _measure(scenario, systems, city, options)
                for scenario in SCENARIOS
                if _is_wanted(scenario.name, options)
            ]
            results += [
                measure_writing(writing, systems, city, settings, options.rounds)
                for writing in WRITINGS
                if _is_wanted(writing.name, options)
            ]
            rush = measure_rush(systems, city, settings, options.rounds // 2) if _is_wanted("rush", options) else None
        finally:
            for system in systems.values():
                system.process.kill()
        _print(results, wishes)
        if rush:
            print_rush(rush)
        draw(results, folder / "result.svg")
        (folder / "result.json").write_text(json.dumps([*results, rush], ensure_ascii=False, indent=1))
    return 0


@contextmanager
def _started(wishes: int) -> Iterator[tuple[Settings, cities.City, int]]:
    """A city of this size, and the process of its PostgreSQL."""
    folder = FOLDER / str(wishes)
    folder.mkdir(parents=True, exist_ok=True)
    postgres, valkey = start_postgres(folder.resolve()), start_valkey(folder.resolve())
    try:
        settings = Settings(
            data_dir=folder, database_url=postgres.url, redis_url=valkey.url, keys=PRODUCTION["LINLI_KEYS"]
        )
        crypto.use_keys(settings)
        yield settings, asyncio.run(_prepare(settings, wishes)), postgres.process.pid
    finally:
        valkey.stop()
        postgres.stop()


def _measure_growth(wishes: int) -> dict[str, Cost]:
    with _started(wishes) as (settings, city, postgres_pid):
        system = start(OURS, settings, FOLDER / str(wishes))
        try:
            return measure_growth(system, postgres_pid, city)
        finally:
            system.process.kill()


def _is_wanted(name: str, options: argparse.Namespace) -> bool:
    return any(part in name for part in options.only.split(","))


async def _prepare(settings: Settings, wishes: int) -> cities.City:
    await schema.migrate(settings)
    found = await cities.find(settings.database_url)
    if found is None:
        found = await cities.load(settings.database_url, wishes=wishes, activities=max(wishes // 10, 4000))
    if len(found.tokens) < cities.TOKENS:
        raise SystemExit("This city is of an earlier version: add --fresh")
    return found


def _measure(
    scenario: Scenario, systems: dict[str, System], city: cities.City, options: argparse.Namespace
) -> dict[str, Any]:
    path = scenario.path.format(wish=city.wish_id, activity=city.activity_id)
    paths = {name: scenario.against if name == CEILING and scenario.against else path for name in scenario.systems}
    bodies = {name: _ask(systems[name].port, paths[name], city.tokens[0]) for name in scenario.systems}
    if not scenario.against and len(set(bodies.values())) > 1:
        for name, body in bodies.items():
            sys.stderr.write(f"{scenario.name}: {name} gives {body[:1500]!r}\n")
        raise SystemExit(f"{scenario.name}: not all give the same bytes")
    runs: dict[str, list[Run]] = {name: [] for name in scenario.systems}
    for number in range(options.rounds + 1):
        for name in scenario.systems:
            run = _drive(systems[name], paths[name], city, options.seconds if number else 1.0)
            assert set(run.statuses) == {200}, (scenario.name, name, run.statuses)
            if number:  # The first is for caches and prepared statements.
                runs[name].append(run)
    return compare(scenario.name, runs)


def _drive(system: System, path: str, city: cities.City, seconds: float) -> Run:
    if has_wrk():
        return drive_with_wrk(
            system.process.pid, system.port, path, city.tokens[0], clients=CLIENTS, seconds=max(seconds, 1)
        )
    requests = [request_bytes("GET", path, token) for token in city.tokens[: cities.READERS]]
    return drive(system.process.pid, system.port, requests, clients=CLIENTS, seconds=seconds)


def _ask(port: int, path: str, token: str) -> bytes:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        body: bytes = answer.read()
        return body


def _print(results: list[dict[str, Any]], wishes: int) -> None:
    tool = "wrk" if has_wrk() else "the loader of tests/performance (apt install wrk for less noise)"
    print(f"\n{wishes:,} wishes, {CLIENTS} connections, one server process each, driven by {tool}.\n")
    print("| | Linli req/s | µs CPU | ceiling req/s | µs CPU | of the ceiling | of the peer |")
    print("|---|---|---|---|---|---|---|")
    for result in results:
        ours, ceiling = result[OURS], result[CEILING]
        ratios = [
            "{} ({}–{})".format(*result[key]) if (key := f"of_{other}") in result else "" for other in (CEILING, PEER)
        ]
        print(
            f"| {result['scenario']} | {ours['requests_per_second']:,} | {ours['cpu_microseconds']} "
            f"| {ceiling['requests_per_second']:,} | {ceiling['cpu_microseconds']} | {ratios[0]} | {ratios[1]} |"
        )


if __name__ == "__main__":
    if "--fresh" in sys.argv:
        sys.argv.remove("--fresh")
        shutil.rmtree(FOLDER, ignore_errors=True)
    sys.exit(main())
