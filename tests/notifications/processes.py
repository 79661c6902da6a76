"""WeChat's simulator and workers as processes of their own, as they run in earnest."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from server.embedded.processes import die_with_parent
from server.foundation.settings import Settings
from tests.servers import free_port

ROOT = Path(__file__).parents[2]
Note = Callable[[str, object], None]
"""pytest's record_testsuite_property: what was measured, for --junitxml."""


def _environment(settings: Settings, simulator_port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "LINLI_ENV": "test",
        "LINLI_DATA_DIR": str(settings.data_dir),
        "LINLI_LOG_LEVEL": "error",
        "LINLI_DATABASE_POOL": "8",
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "WECHAT_SIMULATOR_PORT": str(simulator_port),
    }


class SimulatorProcess:
    """The platform, over HTTP. It pushes nothing: there is no server to push to."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def admin(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        answer = await self.client.request(method, f"/admin/{path}", json=body, params=params or None)
        assert answer.is_success, answer.text
        return answer.json()

    async def add_people(self, openids: list[str], template: str, accepts: int) -> None:
        for openid in openids:
            await self.admin("POST", "persons", {"openid": openid})
            await self.admin("POST", f"persons/{openid}/subscriptions", {"accept": [template], "times": accepts})

    async def outbox(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.admin("GET", "outbox"))["items"]
        return items


class Workers:
    """Worker processes that come and go; `killed` counts those ended by kill -9."""

    def __init__(self, nursery: asyncio.subprocess.Process) -> None:
        self.nursery = nursery
        self.pids: list[int] = []
        self.killed = 0

    async def start(self) -> None:
        assert self.nursery.stdin
        assert self.nursery.stdout
        self.nursery.stdin.write(b"\n")
        self.pids.append(int(await self.nursery.stdout.readline()))

    async def kill_one(self) -> None:
        """Any of them, with -9; another one takes its place."""
        os.kill(self.pids.pop(random.randrange(len(self.pids))), signal.SIGKILL)
        self.killed += 1
        await self.start()

    async def stop(self) -> None:
        """All of them, and wait until they have finished what they had begun."""
        for pid in self.pids:
            os.kill(pid, signal.SIGTERM)
        async with asyncio.timeout(30):
            while any(Path(f"/proc/{pid}").exists() for pid in self.pids):
                await asyncio.sleep(0.02)
        self.pids.clear()


@asynccontextmanager
async def running(
    settings: Settings, *, workers: int, lease_seconds: float = 60, keep: bool = False
) -> AsyncIterator[tuple[SimulatorProcess, Workers]]:
    """The simulator, empty or with what its file in the data folder says (`keep`), and workers. Both start at once,
    since most of that is Python's imports."""
    port = free_port()
    environment = _environment(settings, port)
    options: dict[str, Any] = {"cwd": ROOT, "env": environment, "preexec_fn": die_with_parent()}
    simulator = subprocess.Popen([sys.executable, "-m", "server", "simulator"], stdout=subprocess.DEVNULL, **options)
    nursery = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.notifications.worker_process", str(lease_seconds)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        **options,
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            async with asyncio.timeout(60):
                while True:
                    with suppress(httpx.TransportError):
                        await client.post("/admin/reset", json={"rules_only": keep})
                        break
                    assert simulator.poll() is None
                    await asyncio.sleep(0.05)
            await client.post("/admin/pushes", json={"enabled": False})
            started = Workers(nursery)
            for _ in range(workers):
                await started.start()
            yield SimulatorProcess(client), started
    finally:
        nursery.kill()  # and the workers with it
        simulator.kill()
        await nursery.wait()
        simulator.wait()
        (settings.data_dir / "wechat-simulator.json").unlink(missing_ok=True)
