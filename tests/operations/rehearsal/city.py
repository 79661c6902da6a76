"""A deployment as its operator has it: a program installed from the lock, its environment, and its processes."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import httpx

from tests.operations.rehearsal.machines import DEPLOY, Machines, listening, stop

ROOT = Path(__file__).resolve().parents[3]


class StepFailed(Exception):
    """What an operator would stop at."""


def install(folder: Path, *what: str | Path) -> Path:
    """A virtual environment with what pip is told to install, unless it is there; its Python. Debian's own lacks
    ensurepip, so the pip of the Python around us installs into it."""
    python, made_of = folder / "bin" / "python", folder / "made-of"
    content = "".join(one.read_text() if isinstance(one, Path) else one for one in what)
    if made_of.exists() and made_of.read_text() == content:
        return python
    base = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    run([base, "-m", "venv", "--without-pip", folder])
    options = ["--quiet", "--disable-pip-version-check", "--root-user-action=ignore"]
    run([base, "-m", "pip", "--python", python, "install", *options, *what])
    made_of.write_text(content)
    return python


def run(
    command: Iterable[str | Path], environ: dict[str, str] | None = None, cwd: Path = ROOT, code: int = 0, **more: str
) -> str:
    """What a command says. Raises StepFailed where it ends with another code."""
    done = subprocess.run(
        list(map(str, command)),
        env=None if environ is None else environ | more,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != code:
        raise StepFailed(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


def release(folder: Path) -> Path:
    """The program as it is here, without its tests."""
    for name in ("server", "miniprogram_api", "migrations"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


class City:
    """One deployment: `servers` are the numbers of two machines, each with two processes, and there are two workers."""

    def __init__(
        self,
        name: str,
        machines: Machines,
        python: Path,
        program: Path,
        environ: dict[str, str],
        servers: tuple[int, int],
    ) -> None:
        self.name, self.machines, self.python, self.program = name, machines, python, program
        self.environ = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"} | environ
        self.servers = servers
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def command(self, *arguments: str | Path, code: int = 0, changed: dict[str, str] | None = None) -> str:
        """`python -m server …`; what it says."""
        environ = self.environ | (changed or {})
        return run([self.python, "-m", "server", *arguments], environ, self.program, code)

    async def start(self) -> float:
        """Everything; after how many seconds it was ready."""
        began = time.monotonic()
        for number in (1, 2):
            self._start_worker(number)
        await asyncio.gather(*(self._start_server(number) for number in self.servers))
        return time.monotonic() - began

    async def restart(self) -> None:
        """One by one: the servers, each when the balancers have seen that the one before is back; then the workers."""
        for number in self.servers:
            await self._stop(f"server-{number}")
            await self._start_server(number)
            await asyncio.sleep(float(self.environ["LINLI_DRAIN_SECONDS"]))
        for number in (1, 2):
            await self._stop(f"worker-{number}")
            self._start_worker(number)

    async def stop(self) -> None:
        for name in list(self.processes):
            await self._stop(name)

    def log(self, name: str) -> str:
        return self.machines.log(f"{self.name}-{name}").read_text()

    def errors(self) -> list[str]:
        """Lines of our processes' logs that somebody would be woken by, or that are none."""
        return [
            line
            for path in sorted(self.machines.folder.glob(f"{self.name}-*.log"))
            for line in path.read_text().splitlines()
            if '"level":"error"' in line.replace(" ", "") or not line.startswith("{")
        ]

    async def _start_server(self, number: int) -> None:
        address = self.machines.address(number)
        self._start(
            f"server-{number}",
            "serve",
            LINLI_HOST=address,
            LINLI_PORT="8000",
            LINLI_WORKERS="2",
            **self._own_folder(f"server-{number}"),
        )
        process = self.processes[f"server-{number}"]
        await listening(address, 8000, process)
        async with httpx.AsyncClient(base_url=f"http://{address}:8000", timeout=5) as client:
            for _ in range(100):
                if (found := await client.get("/readyz")).status_code == 200:
                    return
                await asyncio.sleep(0.2)
        raise StepFailed(f"{self.name}'s server {number} is not ready: {found.text} (exit code {process.poll()})")

    def _start_worker(self, number: int) -> None:
        self._start(f"worker-{number}", "worker", **self._own_folder(f"worker-{number}"))

    def _own_folder(self, name: str) -> dict[str, str]:
        """Production's processes share no folder; in staging one clock is moved for all."""
        if "LINLI_DATA_DIR" in self.environ:
            return {}
        return {"LINLI_DATA_DIR": str(self.machines.folder / "data" / f"{self.name}-{name}")}

    def _start(self, name: str, command: str, **more: str) -> None:
        program: list[str | Path] = [self.python, "-m", "server", command]
        self.processes[name] = self.machines.start(
            f"{self.name}-{name}", program, self.environ | more, cwd=self.program
        )

    async def _stop(self, name: str) -> None:
        await asyncio.to_thread(stop, self.processes.pop(name))


def backup(environ: dict[str, str], folder: Path, database_url: str, check_url: str) -> Path:
    """`backup.sh`; the dump."""
    said = run([DEPLOY / "backup.sh", folder], environ, DATABASE_URL=database_url, CHECK_URL=check_url)
    return Path(said.strip().splitlines()[-1])
