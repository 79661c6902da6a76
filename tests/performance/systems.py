"""The systems that are measured, each a process of its own, and what two of them come to beside each other."""

import os
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

from server.embedded.processes import die_with_parent
from server.foundation.settings import RATE_GROUPS, Settings
from tests.performance.load import Run, free_port
from tests.servers import PRODUCTION

OURS, CEILING, PEER = "Linli", "ceiling", "peer"


class System(NamedTuple):
    name: str
    port: int
    process: subprocess.Popen[bytes]


def start(name: str, settings: Settings, folder: Path) -> System:
    """Start it, and wait until it answers."""
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


def compare(name: str, runs: dict[str, list[Run]]) -> dict[str, Any]:
    """Medians, and the ratios of the rounds: median, least, most."""
    result: dict[str, Any] = {"scenario": name}
    for system, each in runs.items():
        result[system] = {
            "requests_per_second": round(statistics.median(run.rate for run in each)),
            "cpu_microseconds": round(statistics.median(run.cpu for run in each) * 1e6),
        }
    for other in list(runs)[1:]:
        ratios = [mine.rate / theirs.rate for mine, theirs in zip(runs[OURS], runs[other], strict=True)]
        result[f"of_{other}"] = [round(value, 2) for value in (statistics.median(ratios), min(ratios), max(ratios))]
    sys.stderr.write(f"{result}\n")
    return result
