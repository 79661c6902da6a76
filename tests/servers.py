"""Servers that are started as they are in earnest, and clients that keep them busy."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from server.embedded.processes import die_with_parent
from server.foundation.settings import Settings
from server.serving import STARTED_AFTER
from server.wechat.templates import BY_NAME
from tests.media.builders import draw

PRODUCTION = {
    "LINLI_ENV": "production",
    "LINLI_KEYS": "first:" + "QUFB" * 10 + "QUE=",
    "LINLI_PUBLIC_URL": "https://linli.example.cn",
    "LINLI_TRUSTED_PROXIES": "none",
    "S3_BUCKET": "folder",
    "LINLI_METRICS_TOKEN": "metrics-token-of-the-city",
    "WECHAT_APPID": "wx0000000000000001",
    "WECHAT_SECRET": "secret-of-the-mini-program",
    "WECHAT_PUSH_TOKEN": "push-token-of-the-city",
    "WECHAT_PUSH_AES_KEY": "k" * 43,
    "WECHAT_TEMPLATES": ",".join(f"{name}=template-of-{name}" for name in BY_NAME),
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send on what comes until either end is gone, and close."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


class Server:
    """`python -m server serve` on the test's database, and everything that it has logged."""

    def __init__(self, settings: Settings, folder: Path, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = folder / f"server-{self.port}.log"
        self.environment = {
            "PATH": os.environ["PATH"],
            "LINLI_ENV": "test",
            "LINLI_DATA_DIR": str(settings.data_dir),
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "LINLI_PORT": str(self.port),
            "LINLI_RATE_LIMITS": settings.rate_limits,
            "WECHAT_API_BASE": "http://127.0.0.1:9",
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.program: tuple[str, ...] = ("-m", "server", "serve")

    async def start(self) -> None:
        self.process = self._spawn()
        async with httpx.AsyncClient(base_url=self.url) as client:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get("/healthz")).status_code == 200:
                        return
                assert self.process.poll() is None, self.log
                await asyncio.sleep(0.02)

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, *self.program]
        with self.log_path.open("ab") as log:
            return subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, preexec_fn=die_with_parent())

    def signal(self, number: signal.Signals) -> None:
        assert self.process
        self.process.send_signal(number)

    async def ended(self) -> int:
        assert self.process
        return await asyncio.to_thread(self.process.wait, 20)

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.splitlines()]

    @property
    def answered(self) -> set[str]:
        """Ids of the requests that the server says it has answered."""
        return {line["request_id"] for line in self.lines if line["event"] == "request"}

    @property
    def children(self) -> list[int]:
        assert self.process
        return [
            int(pid) for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        ]

    async def grown_up(self) -> list[int]:
        """Its processes, once each has lived so long that its end is not taken for a start that failed, after which all
        of them stop."""
        pids = self.children
        await asyncio.sleep(STARTED_AFTER)
        return pids

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come to that")


class Load:
    """Clients that never pause, some on connections that they keep, some on a new one each time."""

    def __init__(self, server: Server, tokens: list[str]) -> None:
        self.server, self.tokens = server, tokens
        self.answered: dict[str, int] = {}
        self.failed: dict[str, Exception] = {}
        self.refused = 0

    async def run(self) -> None:
        """Until the server refuses connections."""
        await asyncio.gather(*(self._run_client(number, token) for number, token in enumerate(self.tokens)))

    async def _run_client(self, number: int, token: str) -> None:
        count = 0
        async with httpx.AsyncClient(base_url=self.server.url, timeout=20) as client:
            while not self.refused:
                count += 1
                request_id = f"load-{number}-{count:06}"
                headers = {"x-request-id": request_id, "authorization": f"Bearer {token}"}
                if number % 2:
                    headers["connection"] = "close"
                try:
                    if number % 4 < 2:
                        response = await client.get("/readyz", headers=headers)
                    else:
                        headers["content-type"] = "image/jpeg"
                        response = await client.post("/api/v1/pictures", headers=headers, content=draw())
                    self.answered[request_id] = response.status_code
                except httpx.ConnectError:
                    self.refused += 1
                except httpx.TransportError as error:
                    self.failed[request_id] = error
