"""python3 dev.py bench --growth: every list in a small city and in a large one, its first page and its two-hundredth.

A list that is read along an index costs the same wherever there is more of it; one that counts, sorts or searches for
what it does not give grows with the table. Times are of one request at a time, CPU is PostgreSQL's alone.
"""

import http.client
import json
import time
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from tests.performance.city import READERS, City
from tests.performance.load import cpu_seconds
from tests.performance.systems import System

REQUESTS = 300
"""Of each list; enough for a 95th percentile, and for CPU time that the kernel counts in hundredths of a second."""
DEEP = 200
"""The page that is compared with the first."""

LISTS = {
    "wishes": "/wishes",
    "wishes of a subdistrict": "/wishes?organization_id={subdistrict}",
    "wishes of the city": "/wishes?organization_id={city}",
    "wishes within 2 km": "/wishes?within_meters=2000",
    "wishes of a kind, for nobody": "/wishes?kind=company&audience=child",
    "wishes by a common word": "/wishes?search=" + quote("想要"),
    "wishes by a word of a tenth": "/wishes?search=" + quote("收音机"),
    "wishes by a word of none": "/wishes?search=" + quote("直升机"),
    "fulfilled wishes": "/wishes/fulfilled",
    "activities": "/activities",
    "activities of a subdistrict": "/activities?organization_id={subdistrict}",
    "activities with places left": "/activities?only_free=true",
    "activities by a common word": "/activities?search=" + quote("清洁家园"),
    "activities by a word of none": "/activities?search=" + quote("直升机"),
    "activities nearby": "/activities/nearby?longitude=122.0&latitude=37.3",
    "own wishes": "/wishes/mine",
    "appointments": "/me/appointments",
    "inbox": "/me/inbox",
    "home": "/me/home",
}

DEEP_LISTS = ("wishes of the city", "fulfilled wishes")
"""Those of so many pages, for one caller."""


class Cost(NamedTuple):
    """Of one request: seconds that 19 of 20 stay below, and what PostgreSQL computed for it."""

    p95: float
    cpu: float


def measure_growth(system: System, postgres_pid: int, city: City) -> dict[str, Cost]:
    """What each list costs in this city."""
    client = http.client.HTTPConnection("127.0.0.1", system.port)
    costs = {}
    for name, path in LISTS.items():
        path = path.format(city=city.city_id, subdistrict=city.subdistrict_id)
        costs[name] = _cost(client, postgres_pid, city, path)
        if name in DEEP_LISTS:
            costs[f"{name}, page {DEEP}"] = _cost(client, postgres_pid, city, _page(client, city, path, DEEP))
    return costs


def print_growth(small: dict[str, Cost], large: dict[str, Cost]) -> None:
    """A row for each list; a page that the small city has not is held against the first one of the large."""
    print(
        "| | p95 small | p95 large | ratio | CPU of PostgreSQL small | large | ratio |\n|---|---|---|---|---|---|---|"
    )
    for name, ours in large.items():
        first = small.get(name) or large[name.partition(", page")[0]]
        print(
            f"| {name} | {first.p95 * 1e3:.1f} ms | {ours.p95 * 1e3:.1f} ms | {ours.p95 / first.p95:.2f} "
            f"| {first.cpu * 1e6:.0f} µs | {ours.cpu * 1e6:.0f} µs | {ours.cpu / max(first.cpu, 1e-6):.2f} |"
        )


def _cost(client: http.client.HTTPConnection, postgres_pid: int, city: City, path: str) -> Cost:
    tokens = cycle(city.tokens[:READERS])
    for _ in range(READERS):  # Plans and caches.
        _get(client, path, next(tokens))
    took, before = [], _cpu_of_children(postgres_pid)
    for _ in range(REQUESTS):
        began = time.perf_counter()
        _get(client, path, next(tokens))
        took.append(time.perf_counter() - began)
    cpu = _cpu_of_children(postgres_pid) - before
    return Cost(sorted(took)[REQUESTS * 95 // 100], cpu / REQUESTS)


def _page(client: http.client.HTTPConnection, city: City, path: str, number: int) -> str:
    """The address of this page of the list, or of its last."""
    joint, page = "&" if "?" in path else "?", path
    for _ in range(number - 1):
        cursor = _get(client, page, city.tokens[0])["next_cursor"]
        if cursor is None:
            break
        page = f"{path}{joint}cursor={cursor}"
    return page


def _get(client: http.client.HTTPConnection, path: str, token: str) -> Any:
    client.request("GET", f"/api/v1{path}", headers={"authorization": f"Bearer {token}"})
    answer = client.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{path}: {answer.status} {body.decode()}")
    return json.loads(body)


def _cpu_of_children(pid: int) -> float:
    """CPU seconds of the processes that this one has started: connections come and go, and take theirs with them."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(cpu_seconds(int(child)) for child in children)
