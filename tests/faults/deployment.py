"""A whole deployment of its own: PostgreSQL that writes to disk, Valkey, WeChat's simulator, a server, a worker."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import httpx

from server.embedded.postgres import start_postgres
from server.embedded.processes import Account, Embedded, account_for, process_options
from server.embedded.valkey import start_valkey
from server.foundation.settings import RATE_GROUPS, Settings
from tests.servers import Server, free_port


class Engine:
    """PostgreSQL or Valkey, which can be stopped and started again at the same address."""

    def __init__(self, started: Embedded, folder: Path, account: Account | None) -> None:
        self._started, self._folder, self._account = started, folder, account
        self.process, self.url = started.process, started.url

    @property
    def pids(self) -> list[int]:
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def signal_all(self, number: signal.Signals) -> None:
        for pid in self.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    async def end(self, number: signal.Signals) -> None:
        """Have it end, by SIGINT in good order, or killed."""
        self.process.send_signal(number)
        while self.process.poll() is None:
            await asyncio.sleep(0.005)

    def begin(self) -> None:
        with self._folder.with_name(f"{self._folder.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._started.process.args,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **process_options(self._folder, self._account, signal.SIGKILL),
            )

    async def restart(self, number: signal.Signals = signal.SIGINT) -> None:
        await self.end(number)
        self.begin()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.signal_all(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        self._started.stop()


class Deployment:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = Engine(start_postgres(folder), folder / "postgres", account_for(folder / "postgres"))
        self.valkey = Engine(start_valkey(folder), folder / "valkey", None)
        self.simulator_port = free_port()
        self.simulator_url = f"http://127.0.0.1:{self.simulator_port}"
        settings = Settings(
            data_dir=folder,
            database_url=self.postgres.url,
            redis_url=self.valkey.url,
            rate_limits=",".join(f"{group}=1000000/1000000" for group in RATE_GROUPS),
        )
        environment = {
            "LINLI_ENV": "demo",
            "WECHAT_SIMULATOR_PORT": str(self.simulator_port),
            "WECHAT_API_BASE": self.simulator_url,
            "LINLI_LOG_LEVEL": "warning",
        }
        self.server, self.other = (
            Server(settings, folder, LINLI_WORKERS="2", LINLI_DATABASE_POOL="8", LINLI_DRAIN_SECONDS="3", **environment)
            for _ in range(2)
        )
        self.url = self.server.url
        """Where people's requests go."""
        self.worker = Server(settings, folder, **environment)
        self.worker.program = ("-m", "server", "worker")
        self.simulator = Server(settings, folder, LINLI_PUBLIC_URL=self.server.url, **environment)
        self.simulator.program = ("-m", "server", "simulator")

    async def start(self) -> None:
        preparing = Server(Settings(), self.folder)
        preparing.environment, preparing.program = self.server.environment, ("-m", "server", "prepare-demo")
        assert await asyncio.to_thread(preparing._spawn().wait, 60) == 0, preparing.log
        self.worker.process = self.worker._spawn()
        await self.start_simulator()
        await self.server.start()

    async def start_simulator(self) -> None:
        self.simulator.process = self.simulator._spawn()
        async with httpx.AsyncClient(base_url=self.simulator_url) as client:
            while True:
                with suppress(httpx.TransportError):
                    await client.get("/admin/persons")
                    return
                assert self.simulator.process.poll() is None, self.simulator.log
                await asyncio.sleep(0.05)

    def stop(self) -> None:
        for process in (self.server, self.other, self.worker, self.simulator):
            process.kill()
        self.valkey.stop()
        self.postgres.stop()

    @asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self.postgres.url)
        try:
            yield connection
        finally:
            await connection.close()
