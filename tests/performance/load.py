"""Many clients at once, each on a connection that it keeps: requests a second, and how long each took."""

import asyncio
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import NamedTuple, cast

import uvloop

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_TICKS = 100.0
"""Of the kernel's clock for CPU time, a second."""


class Run(NamedTuple):
    """What one round came to. Times are seconds; `cpu` is the server process's for each request."""

    requests: int
    seconds: float
    cpu: float
    latencies: list[float]
    statuses: dict[int, int]

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def request_bytes(method: str, path: str, token: str = "", body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: localhost"]
    if token:
        lines.append(f"authorization: Bearer {token}")
    if method != "GET":
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def cpu_seconds(pid: int) -> float:
    """User and system time that the process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


class _Client(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    def __init__(self, round_: "_Round") -> None:
        self.round, self.buffer = round_, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are none by their class.
        self.ask()

    def ask(self) -> None:
        request = next(self.round.requests, None)
        if request is None or time.perf_counter() >= self.round.ends_at:
            self.transport.close()
            return
        self.asked_at = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        found = _LENGTH.search(head)
        if len(body) < (int(found[1]) if found else 0):
            return
        self.buffer = b""
        self.round.note(int(head[9:12]), time.perf_counter() - self.asked_at)
        self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        self.round.left -= 1
        if not self.round.left:
            self.round.over.set()


class _Round:
    def __init__(self, requests: Iterator[bytes], clients: int, seconds: float) -> None:
        self.requests, self.left = requests, clients
        self.latencies: list[float] = []
        self.statuses: dict[int, int] = {}
        self.ends_at = time.perf_counter() + seconds
        self.over = asyncio.Event()

    def note(self, status: int, seconds: float) -> None:
        self.latencies.append(seconds)
        self.statuses[status] = self.statuses.get(status, 0) + 1


async def _drive(port: int, requests: Iterator[bytes], clients: int, seconds: float) -> tuple[_Round, float]:
    loop, began = asyncio.get_running_loop(), time.perf_counter()
    round_ = _Round(requests, clients, seconds)
    for _ in range(clients):
        await loop.create_connection(lambda: _Client(round_), "127.0.0.1", port)
    await round_.over.wait()
    return round_, time.perf_counter() - began


def drive(pid: int, port: int, requests: list[bytes], *, clients: int, seconds: float, repeat: bool = True) -> Run:
    """Ask for `seconds`, the requests one after another, from the beginning again where they `repeat`."""
    before = cpu_seconds(pid)
    given = cycle(requests) if repeat else iter(requests)
    round_, took = uvloop.run(_drive(port, given, clients, seconds))
    count = len(round_.latencies)
    return Run(count, took, (cpu_seconds(pid) - before) / max(count, 1), sorted(round_.latencies), round_.statuses)


class Rush(NamedTuple):
    """What came of everybody asking at once: how long each took, and how many got which status."""

    latencies: list[float]
    statuses: dict[int, int]


async def _rush(port: int, requests: list[bytes]) -> Rush:
    loop = asyncio.get_running_loop()
    waiting = _Round(iter(()), len(requests), 0)
    clients = []
    for _ in requests:
        # They connect first, and ask together.
        _, client = await loop.create_connection(lambda: _Waiting(waiting), "127.0.0.1", port)
        clients.append(client)
    for client, request in zip(clients, requests, strict=True):
        client.send(request)
    await waiting.over.wait()
    return Rush(sorted(waiting.latencies), waiting.statuses)


class _Waiting(_Client):
    """A connection that asks once, when it is told to."""

    def ask(self) -> None:
        if self.asked_at:
            self.transport.close()

    asked_at = 0.0

    def send(self, request: bytes) -> None:
        self.asked_at = time.perf_counter()
        self.transport.write(request)


def rush(port: int, requests: list[bytes]) -> Rush:
    """Each request on a connection of its own, all of them at the same moment."""
    return uvloop.run(_rush(port, requests))


def drive_with_wrk(pid: int, port: int, path: str, token: str, *, clients: int, seconds: float) -> Run:
    """The same for one address by wrk, which takes less of the machine for itself."""
    before = cpu_seconds(pid)
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds:.0f}s", "-H", f"Authorization: Bearer {token}"]
    told = subprocess.run([*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True)
    numbers = re.search(r"(\d+) requests in ([\d.]+)s", told.stdout)
    assert numbers, told.stdout
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", told.stdout)
    count, took = int(numbers[1]), float(numbers[2])
    cpu = (cpu_seconds(pid) - before) / max(count, 1)
    return Run(count, took, cpu, [], {200: count - int(failed[1] if failed else 0)})


def has_wrk() -> bool:
    return shutil.which("wrk") is not None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
