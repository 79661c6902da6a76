"""Every part is killed, stopped and restarted under load: what was answered is there, once, and /readyz is right.

A short form in every run, and behind --full the whole table, which stands in server/operations/README.md.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import asyncpg
import httpx
import pytest
import redis.asyncio as aioredis

from server.foundation.settings import Settings
from tests.faults.balancer import Balancer
from tests.faults.deployment import Deployment, Engine
from tests.faults.load import STEPS, Load
from tests.servers import Server

PEOPLE = 12
RECOVER_SECONDS = 10.0
READY_SECONDS = 3.5
"""What /readyz may take, beside what /healthz takes at that moment; 3 in itself."""

Act = Callable[[Deployment], Awaitable[None]]


class Fault(NamedTuple):
    """`away`: while it lasts /readyz must say that the database is not there."""

    name: str
    act: Act
    away: bool = False


class Row(NamedTuple):
    """What came of a fault."""

    name: str
    acknowledged: int
    lost: int
    doubled: int
    refused: int
    seconds: float
    ready: str


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="linli-faults-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
async def deployment(folder: Path) -> AsyncIterator[Deployment]:
    async with deployed(folder) as deployment:
        yield deployment


@asynccontextmanager
async def deployed(folder: Path) -> AsyncIterator[Deployment]:
    deployment = Deployment(folder)
    try:
        await deployment.start()
        yield deployment
    finally:
        deployment.stop()


async def stand(engine: Engine, seconds: float) -> None:
    engine.signal_all(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    engine.signal_all(signal.SIGCONT)


async def restart_fast(deployment: Deployment, times: int = 5) -> None:
    for _ in range(times):
        await deployment.postgres.restart()
        await asyncio.sleep(1)


async def crash_postgres(deployment: Deployment) -> None:
    os.kill(deployment.postgres.pids[-1], signal.SIGKILL)  # one process of it: all others end and begin anew


async def kill_postgres(deployment: Deployment) -> None:
    await deployment.postgres.restart(signal.SIGKILL)


async def stop_postgres(deployment: Deployment, seconds: float) -> None:
    await stand(deployment.postgres, seconds)


async def take_connections(deployment: Deployment) -> None:
    """Somebody else uses all that PostgreSQL has, for six seconds."""
    taken: list[asyncpg.Connection] = []
    until = time.monotonic() + 6
    while time.monotonic() < until:
        try:
            taken.append(await asyncpg.connect(deployment.postgres.url))
        except asyncpg.PostgresError:
            await asyncio.sleep(0.1)
    for connection in taken:
        connection.terminate()


async def kill_server_process(deployment: Deployment) -> None:
    os.kill(deployment.server.children[0], signal.SIGKILL)


async def kill_server(deployment: Deployment) -> None:
    deployment.server.kill()
    await deployment.server.start()


async def restart_server(deployment: Deployment) -> None:
    deployment.server.signal(signal.SIGTERM)
    assert await deployment.server.ended() == 0
    await deployment.server.start()


async def kill_worker(deployment: Deployment) -> None:
    deployment.worker.kill()
    deployment.worker.process = deployment.worker._spawn()


async def kill_valkey(deployment: Deployment) -> None:
    await deployment.valkey.end(signal.SIGKILL)
    await asyncio.sleep(3)
    deployment.valkey.begin()


async def flush_valkey(deployment: Deployment) -> None:
    client = aioredis.Redis.from_url(deployment.valkey.url)
    await client.flushall()
    await client.aclose()


async def stop_valkey(deployment: Deployment) -> None:
    await stand(deployment.valkey, 5)


async def kill_wechat(deployment: Deployment) -> None:
    deployment.simulator.kill()
    await asyncio.sleep(5)
    await deployment.start_simulator()


async def wechat_answers(deployment: Deployment, fault: dict[str, object]) -> None:
    async with httpx.AsyncClient(base_url=deployment.simulator_url) as simulator:
        (await simulator.post("/admin/faults", json={"path": "/wxa/msg_sec_check", **fault})).raise_for_status()
        await asyncio.sleep(5)
        (await simulator.delete("/admin/faults")).raise_for_status()


async def hang_wechat(deployment: Deployment) -> None:
    await wechat_answers(deployment, {"latency": 30, "times": -1})


async def lying_wechat(deployment: Deployment) -> None:
    await wechat_answers(deployment, {"garbage": True, "times": -1})


FAULTS = [
    Fault("a server process killed", kill_server_process),
    Fault("the whole server killed", kill_server),
    Fault("the server stopped and started", restart_server),
    Fault("the worker killed", kill_worker),
    Fault("PostgreSQL restarted ten times", lambda deployment: restart_fast(deployment, 10)),
    Fault("a PostgreSQL process killed", crash_postgres),
    Fault("PostgreSQL killed", kill_postgres),
    Fault("PostgreSQL hangs for 5 s", lambda deployment: stop_postgres(deployment, 5), away=True),
    Fault("PostgreSQL hangs for 20 s", lambda deployment: stop_postgres(deployment, 20), away=True),
    Fault("PostgreSQL hangs for 80 s", lambda deployment: stop_postgres(deployment, 80), away=True),
    Fault("no connection left at PostgreSQL", take_connections),
    Fault("Valkey killed", kill_valkey),
    Fault("Valkey emptied", flush_valkey),
    Fault("Valkey hangs for 5 s", stop_valkey),
    Fault("WeChat away", kill_wechat),
    Fault("WeChat hangs", hang_wechat),
    Fault("WeChat answers nonsense", lying_wechat),
]


async def play(deployment: Deployment, fault: Fault) -> Row:
    load = Load(deployment)
    await load.prepare(PEOPLE)
    running = asyncio.create_task(load.run())
    await asyncio.sleep(2)
    began = time.monotonic()
    await fault.act(deployment)
    ended = time.monotonic()
    while time.monotonic() < ended + RECOVER_SECONDS + 5 and not is_well(load, ended):
        await asyncio.sleep(0.1)
    load.stop()
    async with asyncio.timeout(60):
        await running
    failures = [at for at, good in load.answered_at if not good]
    lost, doubled = await count(deployment, load)
    return Row(
        fault.name,
        sum(good for _, good in load.answered_at),
        lost,
        doubled,
        len(failures),
        max([0.0, *(at - ended for at in failures)]),
        judge(load, fault, began, ended),
    )


def is_well(load: Load, since: float) -> bool:
    """For two seconds now everything was answered, and /readyz says so."""
    now = time.monotonic()
    recent = [good for at, good in load.answered_at if at > max(since, now - 2)]
    return now > since + 2 and len(recent) > PEOPLE and all(recent) and load.looks[-1].status == 200


async def count(deployment: Deployment, load: Load) -> tuple[int, int]:
    """How many answers are not in the database, and how many wishes are there twice."""
    async with deployment.database() as connection:
        rows = await connection.fetch("SELECT title, state FROM wish WHERE title = ANY($1)", list(load.acknowledged))
    there: dict[str, list[str]] = {}
    for row in rows:
        there.setdefault(row["title"], []).append(row["state"])
    lost = sum(
        not any(STEPS.get(state, 3) >= STEPS[acknowledged] for state in there.get(title, []))
        for title, acknowledged in load.acknowledged.items()
    )
    return lost, sum(len(states) > 1 for states in there.values())


def judge(load: Load, fault: Fault, began: float, ended: float) -> str:
    """Whether /readyz was right: `yes`, or what was wrong."""
    slow = max((look.seconds for look in load.looks if look.status), default=0.0)
    if slow > READY_SECONDS:
        return f"took {slow:.1f} s"
    if fault.away:
        inside = [look for look in load.looks if began + 1.5 < look.answered_at < ended]
        if not inside or any(look.status != 503 for look in inside):
            return f"said {[look[2:4] for look in inside]} while it was away"
    return "yes" if load.looks[-1].status == 200 else f"said {load.looks[-1][2:4]} at the end"


def require_good(row: Row) -> None:
    assert row.acknowledged > PEOPLE
    assert (row.lost, row.doubled, row.ready) == (0, 0, "yes"), row
    assert row.seconds <= RECOVER_SECONDS, row


@pytest.mark.timeout(400)
async def test_five_fast_restarts_of_postgresql(deployment: Deployment) -> None:
    row = await play(deployment, Fault("five restarts", restart_fast))
    require_good(row)
    assert row.refused > 0, "it was felt"


HEADINGS = ("fault", "acknowledged", "lost", "doubled", "refused", "seconds to recover", "readyz right")


def shown(row: Row) -> list[str]:
    return [f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in row]


def tell(*cells: str) -> None:
    sys.stdout.write(f"| {' | '.join(cells)} |\n")
    sys.stdout.flush()


@pytest.mark.full
async def test_the_table(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    rows = []
    for fault in FAULTS:
        rows.append(await play(deployment, fault))
        with capsys.disabled():
            if len(rows) == 1:
                tell(*HEADINGS)
                tell(*["---"] * len(HEADINGS))
            tell(*shown(rows[-1]))
    for row in rows:
        require_good(row)


@pytest.mark.full
async def test_a_rolling_restart(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """Two servers behind a balancer, and one after the other is stopped and started again: nobody notices."""
    await deployment.other.start()
    async with Balancer(deployment.server, deployment.other) as balancer:
        deployment.url = balancer.url
        row = await play(deployment, Fault("two servers restarted, one after the other", restart_rolling))
    with capsys.disabled():
        tell(*shown(row))
    require_good(row)
    assert row.refused == 0


async def restart_rolling(deployment: Deployment) -> None:
    for server in (deployment.server, deployment.other):
        server.signal(signal.SIGTERM)
        assert await server.ended() == 0
        await server.start()
        await asyncio.sleep(1)


@pytest.mark.full
async def test_a_migration_that_is_cut(folder: Path) -> None:
    """At any moment: the next run does what is left, and the schema is the one that it should be."""
    for attempt in range(12):
        deployment = Deployment(folder / str(attempt))
        migrating = Server(Settings(), folder)
        migrating.environment, migrating.program = deployment.server.environment, ("-m", "server", "migrate")
        process = migrating._spawn()
        try:
            await asyncio.sleep(0.3 + attempt * 0.15)
            process.kill()
            process.wait()
            await deployment.start()
            async with httpx.AsyncClient(base_url=deployment.url) as client:
                assert (await client.get("/readyz")).json()["database"] == "ok"
        finally:
            deployment.stop()


@pytest.mark.full
async def test_ten_minutes_of_load(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """A process does not grow: MiB of each after two minutes and after ten."""
    load = Load(deployment)
    await load.prepare(PEOPLE)
    running = asyncio.create_task(load.run())
    pids = [*deployment.server.children, deployment.worker.process.pid] if deployment.worker.process else []
    await asyncio.sleep(120)
    before = [memory_of(pid) for pid in pids]
    await asyncio.sleep(480)
    after = [memory_of(pid) for pid in pids]
    load.stop()
    await running
    with capsys.disabled():
        tell("memory in MiB after 2 and 10 minutes", str(before), str(after), f"{len(load.answered_at)} requests")
    assert await count(deployment, load) == (0, 0)
    assert all(then < 1.1 * now for now, then in zip(before, after, strict=True))


def memory_of(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


@pytest.mark.full
async def test_a_full_disk(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of all: PostgreSQL, pictures, logs. It needs a small disk of its own, which only root can mount."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        folder.chmod(0o755)
        async with deployed(folder) as deployment:
            row = await play(deployment, Fault("disk full for 5 s", fill_disk))
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
    with capsys.disabled():
        tell(*shown(row))
    assert row.refused > 0, "it was felt"
    require_good(row)


async def fill_disk(deployment: Deployment) -> None:
    filler = deployment.folder / "filler"
    until = time.monotonic() + 5
    with filler.open("ab", buffering=0) as file:
        while time.monotonic() < until:
            for size in (1 << 20, 1 << 12, 1):
                with suppress(OSError):
                    while file.write(b"\0" * size) == size and time.monotonic() < until:
                        pass
            await asyncio.sleep(0.05)
    filler.unlink()
