"""The demo's supervisor: starts a whole city on this machine, watches over it, and stops all of it in good order.

Every process it starts dies with it, even when it is killed by kill -9, and has a session of its own, so that a Ctrl-C
reaches the supervisor alone.
"""

import http.client
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn

from server.embedded.postgres import start_postgres
from server.embedded.processes import Embedded, EmbeddedFailed, die_with_parent
from server.embedded.running import wait_until_stopped
from server.embedded.valkey import start_valkey
from server.foundation.settings import ENVIRONMENT_NAMES, Settings

MARKER = "linli-data"
"""The file that makes a folder recognisably ours: `--fresh` removes nothing where it is missing."""

_WORKERS_A_MINUTE = 3
_READY_SECONDS = 60
_PORT_SECONDS = 3
_WHERE = ("LINLI_HOST", "LINLI_PORT", "LINLI_PUBLIC_URL", "WECHAT_SIMULATOR_PORT", "WECHAT_API_BASE")
"""What the tour must be told too, where it is not as usual."""
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (how to reach what listens everywhere)


class DemoFailed(Exception):
    """The demo cannot start or go on; the text is one sentence for the person who started it."""


class _Stop(BaseException):
    """Someone asked us to stop: SIGINT, SIGTERM or SIGHUP."""


def run_demo(settings: Settings, fresh: bool) -> int:
    """Start the demo and stay with it until it is told to stop (then 0) or something goes wrong (then 1)."""
    demo = _Demo(settings)
    with _signals(demo.heed_signal):
        try:
            demo.start(fresh)
            demo.watch()
        except _Stop:
            _say("\nStopping.")
            return 0
        except (DemoFailed, EmbeddedFailed) as error:
            print(f"linli: {error}", file=sys.stderr)
            return 1
        finally:
            demo.stop()


@dataclass
class _Child:
    name: str
    process: subprocess.Popen[bytes]

    @property
    def ending(self) -> str | None:
        """How it ended, or None while it runs."""
        code = self.process.poll()
        if code is None:
            return None
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


@dataclass
class _Demo:
    settings: Settings
    embedded: list[Embedded] = field(default_factory=list)
    children: list[_Child] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    stopping: bool = False
    hurried: bool = False

    @property
    def simulated(self) -> bool:
        """Whether the simulator stands in for WeChat: unless another place is named."""
        return not self.settings.wechat_api_base

    def start(self, fresh: bool) -> None:
        settings, began = self.settings, time.monotonic()
        if settings.is_production:
            raise DemoFailed("LINLI_ENV is production: the demo runs only where it is demo.")
        _wait_for_port(settings.host, settings.port, "LINLI_PORT")
        if self.simulated:
            _wait_for_port(settings.host, settings.simulator_port, "WECHAT_SIMULATOR_PORT")
        if fresh:
            _begin_anew(settings)
        _use_data_dir(settings.data_dir)
        self._start_embedded()
        # These two bear a database that is not prepared yet, and most of a start is Python's imports: so all at once.
        if self.simulated:
            self._start_child("simulator", self._quiet)
        self._start_child("serve", {})
        sign_in_help = self._prepare()
        self._start_child("worker", self._quiet)
        self._wait_until_ready()
        _say(_welcome(settings, self.simulated, sign_in_help, time.monotonic() - began))

    def watch(self) -> NoReturn:
        """A worker that is lost is replaced: what it had begun is taken over by the next. Raises DemoFailed when
        another of the processes ends, or the worker again and again."""
        lost: list[float] = []
        while True:
            for child in [child for child in self.children if child.name == "worker" and child.ending]:
                lost = [*(moment for moment in lost if moment > time.monotonic() - 60), time.monotonic()]
                if len(lost) <= _WORKERS_A_MINUTE:
                    _say(f"worker {child.ending}: another one begins.")
                    self.children.remove(child)
                    self._start_child("worker", self._quiet)
            self._check_alive()
            time.sleep(0.2)

    def stop(self) -> None:
        """The server first, while everything it needs is there; PostgreSQL last. Data are kept."""
        self.stopping = True
        order = {"serve": 0, "worker": 1}
        for child in sorted(self.children, key=lambda child: order.get(child.name, 2)):
            with _step(f"Stopping {child.name}"):
                self._stop_child(child)
        for server in reversed(self.embedded):
            with _step(f"Stopping {server.name}"):
                server.stop(grace=1 if self.hurried else 30)

    def heed_signal(self, _number: int, _frame: FrameType | None) -> None:
        """The first request to stop breaks off whatever goes on; a second means: wait for nothing else."""
        self.hurried = self.stopping
        if not self.stopping:
            self.stopping = True
            raise _Stop

    def _start_embedded(self) -> None:
        settings = self.settings
        database_url, redis_url = settings.database_url, settings.redis_url
        if not database_url:
            with _step("Starting PostgreSQL"):
                self.embedded.append(start_postgres(settings.data_dir))
                database_url = self.embedded[-1].url
        if not redis_url:
            with _step("Starting Valkey"):
                self.embedded.append(start_valkey(settings.data_dir))
                redis_url = self.embedded[-1].url
        self.environment = {
            **os.environ,
            ENVIRONMENT_NAMES["environment"]: settings.environment,
            ENVIRONMENT_NAMES["data_dir"]: str(settings.data_dir.resolve()),
            ENVIRONMENT_NAMES["host"]: settings.host,
            ENVIRONMENT_NAMES["port"]: str(settings.port),
            ENVIRONMENT_NAMES["simulator_port"]: str(settings.simulator_port),
            ENVIRONMENT_NAMES["database_url"]: database_url,
            ENVIRONMENT_NAMES["redis_url"]: redis_url,
            ENVIRONMENT_NAMES["wechat_api_base"]: (
                settings.wechat_api_base or _url(settings.host, settings.simulator_port)
            ),
        }

    def _prepare(self) -> str:
        """Migrate and, the first time, fill the city, in one process of its own. It prints how to sign in as whom."""
        with (
            tempfile.TemporaryFile() as printed,
            tempfile.TemporaryFile() as log,
            _step("Preparing the database and the demo city"),
        ):
            child = self._start_child("prepare-demo", {}, printed.fileno(), log.fileno())
            while child.ending is None:
                self._check_alive(except_for=child)
                time.sleep(0.01)
            self.children.remove(child)
            printed.seek(0)
            log.seek(0)
            if child.process.returncode != 0:
                said = (printed.read() + log.read()).decode(errors="replace").strip()
                raise DemoFailed(f"The database could not be prepared: prepare-demo {child.ending}.\n{said}")
            return printed.read().decode(errors="replace").strip()

    @property
    def _quiet(self) -> dict[str, str]:
        """The server's log is what one wants to see; the others show their warnings only, unless asked for more."""
        return {ENVIRONMENT_NAMES["log_level"]: "warning"} if self.settings.log_level == "info" else {}

    def _start_child(
        self, name: str, extra: dict[str, str], stdout: int | None = None, stderr: int | None = None
    ) -> _Child:
        process = subprocess.Popen(
            [sys.executable, "-m", "server", name],
            env=self.environment | extra,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )
        child = _Child(name, process)
        self.children.append(child)
        return child

    def _stop_child(self, child: _Child) -> None:
        if child.process.poll() is None:
            child.process.terminate()
        deadline = time.monotonic() + self.settings.graceful_seconds + 5
        while child.process.poll() is None and not self.hurried and time.monotonic() < deadline:
            time.sleep(0.02)
        with suppress(ProcessLookupError, PermissionError):  # also what it may have left behind
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()

    def _check_alive(self, except_for: _Child | None = None) -> None:
        for child in (*self.children, *(_Child(server.name, server.process) for server in self.embedded)):
            if child is not except_for and child.ending:
                raise DemoFailed(f"{child.name} {child.ending}: stopping everything.")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        with _step("Starting the server"):
            while self.simulated and not _is_listening(self.settings.host, self.settings.simulator_port):
                self._check_alive()
                if time.monotonic() > deadline:
                    raise DemoFailed(f"The simulator was not ready after {_READY_SECONDS} seconds.")
                time.sleep(0.02)
            while (answer := _ask_readiness(self.settings)) != "200":
                self._check_alive()
                if time.monotonic() > deadline:
                    raise DemoFailed(f"The server was not ready after {_READY_SECONDS} seconds; /readyz says: {answer}")
                time.sleep(0.05)


def _is_listening(host: str, port: int) -> bool:
    try:
        socket.create_connection((_local(host), port), timeout=5).close()
    except OSError:
        return False
    return True


def _ask_readiness(settings: Settings) -> str:
    """ "200" when the server is ready, or else what it answers or why it does not."""
    connection = http.client.HTTPConnection(_local(settings.host), settings.port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return "200" if answer.status == 200 else f"{answer.status} {answer.read().decode(errors='replace')}"
    except (OSError, http.client.HTTPException) as error:
        return str(error)
    finally:
        connection.close()


def _welcome(settings: Settings, simulated: bool, sign_in_help: str, seconds: float) -> str:
    base = _url(settings.host, settings.port)
    python = os.path.relpath(sys.executable) if sys.executable.startswith(os.getcwd()) else sys.executable
    told = {name: os.environ[name] for name in _WHERE if name in os.environ}
    elsewhere = "".join(f"{name}={shlex.quote(value)} " for name, value in told.items())
    lines = [
        f"Linli is ready ({seconds:.1f} s).",
        "",
        f"  Console    {base}/console (the staff's pages; sign in as somebody of the demo)",
        f"  API docs   {base}/docs",
        f"  Health     {base}/healthz and {base}/readyz",
        *_tell_simulated(_url(settings.host, settings.simulator_port), simulated),
        f"  Tour       {elsewhere}{python} -m server tour",
        f"  Data       {settings.data_dir.resolve()} (kept; --fresh begins anew)",
        "",
    ]
    if sign_in_help:
        lines += [sign_in_help, ""]
    return "\n".join([*lines, "Ctrl-C stops everything."])


def _tell_simulated(url: str, simulated: bool) -> list[str]:
    if not simulated:
        return []
    return [f"  Phone      {url}/phone (the mini-program, in a browser)", f"  WeChat     {url}/ (simulated)"]


# The ground to stand on: ports and the data folder


def _local(host: str) -> str:
    """An address of this machine under which a server that listens on `host` is reached."""
    return _EVERYWHERE.get(host, host)


def _url(host: str, port: int) -> str:
    local = _local(host)
    return f"http://[{local}]:{port}" if ":" in local else f"http://{local}:{port}"


def _wait_for_port(host: str, port: int, variable: str) -> None:
    """Refuse a port in use, after some patience: a demo that was killed a moment ago may still be stopping."""
    deadline = time.monotonic() + _PORT_SECONDS
    while True:
        try:
            found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            family, kind, protocol, _, address = found[0]
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                return
        except PermissionError as error:
            raise DemoFailed(f"Port {port} may not be used by this user: set {variable} to another.") from error
        except socket.gaierror as error:
            raise DemoFailed(
                f"LINLI_HOST is {host}, which is no address of this machine ({error.strerror})."
            ) from error
        except OSError as error:
            if time.monotonic() > deadline:
                reason = error.strerror or str(error)
                raise DemoFailed(
                    f"Port {port} on {host} cannot be used ({reason}): stop what uses it, perhaps another demo, "
                    f"or set {variable} to another port."
                ) from error
        time.sleep(0.1)


def _use_data_dir(data_dir: Path) -> None:
    """Make the data folder where it is missing, and mark as ours what we made or found empty."""
    marker = data_dir / MARKER
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data_dir):
            pass
        if not any(data_dir.iterdir()):
            marker.write_text(
                "The data of one Linli demo. `python3 dev.py run --fresh` removes this folder's content.\n"
            )
    except OSError as error:
        raise DemoFailed(
            f"The data folder {data_dir.absolute()} cannot be written ({error.strerror}): set LINLI_DATA_DIR."
        ) from error


def _begin_anew(settings: Settings) -> None:
    """Remove the data folder's content; the folder stays, since it may be a mounted volume."""
    data_dir = settings.data_dir
    if settings.database_url:
        raise DemoFailed(
            "--fresh begins only the embedded database anew, and DATABASE_URL is set: empty that one yourself."
        )
    if not data_dir.exists() or not any(data_dir.iterdir()):
        return
    marker = data_dir / MARKER
    if not marker.exists():
        raise DemoFailed(
            f"{data_dir.absolute()} is not removed, as it has no file {MARKER} and so may be something else: "
            "remove it yourself, or set LINLI_DATA_DIR to another folder."
        )
    wait_until_stopped(data_dir)
    try:
        with _step("Removing the old data"):
            for path in data_dir.iterdir():
                if path.is_dir() and not path.is_symlink():
                    _remove(path)
                elif path != marker:
                    path.unlink()
        marker.unlink()  # last, so that a removal that was broken off can be done again
    except OSError as error:
        raise DemoFailed(f"The old data cannot be removed ({error}).") from error


def _remove(folder: Path) -> None:
    # A server that was killed a moment ago no longer listens, and then still removes a file of its own.
    while folder.exists():
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


# The terminal and the signals


def _say(text: str) -> None:
    with suppress(OSError):  # a terminal that was closed must not keep us from stopping in good order
        print(text, flush=True)


@contextmanager
def _step(text: str) -> Iterator[None]:
    """Show what takes longer than a second: one line that changes on a terminal, a line now and then elsewhere."""
    is_terminal = sys.stdout.isatty()
    ended = threading.Event()
    began = time.monotonic()

    def show() -> None:
        pause = 1.0
        while not ended.wait(pause):
            line = f"{text} ({time.monotonic() - began:.0f} s)"
            with suppress(OSError):
                print(f"\r{line}\x1b[K" if is_terminal else line, end="" if is_terminal else "\n", flush=True)
            pause = 0.5 if is_terminal else 5.0
        if is_terminal:
            with suppress(OSError):
                print("\r\x1b[K", end="", flush=True)

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def _signals(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Let `handler` have every request to stop: Ctrl-C, kill, a closed terminal."""
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
