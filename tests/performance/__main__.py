"""python3 dev.py bench: Linli, the ceiling and the peer in alternating rounds, and the table of their ratios."""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

from server.embedded.postgres import start_postgres
from server.embedded.processes import die_with_parent
from server.embedded.valkey import start_valkey
from server.foundation import crypto, schema
from server.foundation.settings import RATE_GROUPS, Settings
from server.wiring import wire
from tests.performance import city as cities
from tests.performance.chart import draw
from tests.performance.load import Run, drive, drive_with_wrk, free_port, has_wrk, request_bytes
from tests.servers import PRODUCTION

FOLDER = Path(".data") / "performance"
CLIENTS = 32
OURS, CEILING, PEER = "Linli", "ceiling", "peer"


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


class System(NamedTuple):
    name: str
    port: int
    process: subprocess.Popen[bytes]


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10,000 wishes, short rounds: some three minutes")
    parser.add_argument("--wishes", type=int, default=0, help="how many (1,000,000; 10,000 with --quick)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of one round")
    parser.add_argument("--only", default="", help="scenarios whose names hold this")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 3, 2.0
    wishes = options.wishes or (10_000 if options.quick else 1_000_000)
    folder = FOLDER / str(wishes)
    folder.mkdir(parents=True, exist_ok=True)
    postgres, valkey = start_postgres(folder.resolve()), start_valkey(folder.resolve())
    try:
        settings = Settings(
            data_dir=folder, database_url=postgres.url, redis_url=valkey.url, keys=PRODUCTION["LINLI_KEYS"]
        )
        wire()
        crypto.use_keys(settings)
        city = asyncio.run(_prepare(settings, wishes))
        systems = {name: _start(name, settings, folder) for name in (OURS, CEILING, PEER)}
        try:
            results = [_measure(scenario, systems, city, options) for scenario in _chosen(options.only)]
        finally:
            for system in systems.values():
                system.process.kill()
        _print(results, wishes)
        draw(results, folder / "result.svg")
        (folder / "result.json").write_text(json.dumps(results, ensure_ascii=False, indent=1))
    finally:
        valkey.stop()
        postgres.stop()
    return 0


def _chosen(part: str) -> list[Scenario]:
    return [scenario for scenario in SCENARIOS if part in scenario.name]


async def _prepare(settings: Settings, wishes: int) -> cities.City:
    await schema.migrate(settings)
    found = await cities.find(settings.database_url)
    if found is None:
        found = await cities.load(settings.database_url, wishes=wishes, activities=max(wishes // 10, 4000))
    return found


def _start(name: str, settings: Settings, folder: Path) -> System:
    port = free_port()
    commands = {
        OURS: ["-m", "server", "serve"],
        CEILING: ["-m", "tests.performance.ceiling", str(port), settings.database_url],
        PEER: ["-m", "tests.performance.peer", str(port), settings.database_url],
    }
    environment = (
        os.environ
        | PRODUCTION
        | {
            "LINLI_DATA_DIR": str(folder),
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "LINLI_PORT": str(port),
            "LINLI_RATE_LIMITS": ",".join(f"{group}=1000000/1000000" for group in RATE_GROUPS),
        }
    )
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *commands[name]], env=environment, stdout=log, stderr=log, preexec_fn=die_with_parent()
        )
    for _ in range(400):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as answer:
                if answer.status == 200:
                    return System(name, port, process)
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{name} did not start: see {folder / f'{name}.log'}")


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
    result: dict[str, Any] = {"scenario": scenario.name}
    for name, each in runs.items():
        result[name] = {
            "requests_per_second": round(statistics.median(run.rate for run in each)),
            "cpu_microseconds": round(statistics.median(run.cpu for run in each) * 1e6),
        }
    for other in scenario.systems[1:]:
        ratios = [mine.rate / theirs.rate for mine, theirs in zip(runs[OURS], runs[other], strict=True)]
        result[f"of_{other}"] = [round(value, 2) for value in (statistics.median(ratios), min(ratios), max(ratios))]
    return result


def _drive(system: System, path: str, city: cities.City, seconds: float) -> Run:
    if has_wrk():
        return drive_with_wrk(
            system.process.pid, system.port, path, city.tokens[0], clients=CLIENTS, seconds=max(seconds, 1)
        )
    requests = [request_bytes("GET", path, token) for token in city.tokens]
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
