"""Running the server: one process, or several that accept from the same socket.

Sanic's own way to run several is not used: killed with -9, its main process leaves the others behind (one of them a
helper that never ends), and one of them failing at its start kills the whole process group.
"""

import asyncio
import ctypes
import os
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from sanic import Sanic
from sanic.exceptions import RequestTimeout
from sanic.http.constants import Stage
from sanic.server.protocols.http_protocol import HttpProtocol

from server.embedded.processes import die_with_parent
from server.foundation.settings import Settings

log = structlog.get_logger()

_HEEDED = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGALRM}
_BACKLOG = 1024
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27
REQUEST_SECONDS = 10.0
"""Within which a request's head must be complete, and its body too, except for what large ones need:"""
SLOWEST = 8 * 1024
"""Bytes a second that a body must bring on average."""
_FAREWELL = 0.5
"""Seconds that an idle connection is kept open after the server has stopped listening."""
STARTED_AFTER = 2.0
"""Seconds. A process that ends sooner could not start, and would not the next time either."""


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; requests that have begun are answered first. The exit code. Raises KeysWrong, and
    OSError where the data folder cannot be written to."""
    try:
        listener = _bind(settings.host, settings.port)
    except OSError as error:
        sys.stderr.write(f"Cannot listen on {settings.host}:{settings.port}: {os.strerror(error.errno or 0)}.\n")
        return 1
    _check_folder(settings)
    if settings.workers > 1:
        # Before anything imports the metrics.
        _share_metrics(settings)
    _check_first(settings)
    return _run(settings, listener) if settings.workers == 1 else _supervise(settings, listener)


def _bind(host: str, port: int) -> socket.socket:
    """The address is ours; connections are refused until a process is ready to answer, and listens. Raises OSError."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if listener.family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _check_folder(settings: Settings) -> None:
    """Raises OSError. One process with a bucket writes nothing, and may have a system that is read-only."""
    if settings.workers > 1 or not settings.bucket:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.data_dir):
            pass


def _check_first(settings: Settings) -> None:
    """Raises KeysWrong."""
    from server.connections import check_first
    from server.wiring import wire

    wire()
    asyncio.run(check_first(settings))


class _Connection(HttpProtocol):
    """A connection that is cut when its request comes too slowly, where Sanic waits on as long as any byte comes.

    It stays open for a moment after Sanic has stopped listening, even when it seems idle: its client may just be
    sending a request, which would be lost; it is answered, and then the connection is closed.
    """

    __slots__ = ("_began", "_received")

    def connection_made(self, transport: Any) -> None:
        self._began, self._received = time.monotonic(), 0
        super().connection_made(transport)  # type: ignore[no-untyped-call]

    def data_received(self, data: bytes) -> None:
        if self.http is None or (self.http.stage is Stage.IDLE and not self._awaits_body()):
            self._began, self._received = time.monotonic(), 0
        self._received += len(data)
        super().data_received(data)

    def check_timeouts(self) -> None:
        if self._task and self._is_too_slow():
            log.info("connection_too_slow", received=self._received)
            if self.http.stage in (Stage.REQUEST, Stage.HANDLER):
                self.http.exception = RequestTimeout()
                self._task.cancel()
            else:
                self.close()  # It has its answer, and what it still sends is thrown away.
        super().check_timeouts()  # type: ignore[no-untyped-call]

    def _is_too_slow(self) -> bool:
        http, seconds = self.http, time.monotonic() - self._began
        if http is None or self.transport is None or self.transport.is_closing() or self._data_received.is_set():
            return False  # Nothing is waited for.
        if not self._received:
            return seconds > REQUEST_SECONDS  # Whoever connects has something to ask.
        if http.stage is Stage.REQUEST:
            return seconds > REQUEST_SECONDS
        return self._awaits_body() and seconds > REQUEST_SECONDS + self._received / SLOWEST

    def _awaits_body(self) -> bool:
        # Before the first request Sanic has not set it yet.
        return bool(getattr(self.http, "request_body", None))

    def close_if_idle(self) -> bool:
        self.loop.call_later(_FAREWELL, self._close_once_idle)
        return False

    def _close_once_idle(self) -> None:
        if not super().close_if_idle():
            self.loop.call_later(_FAREWELL, self._close_once_idle)


def _run(settings: Settings, listener: socket.socket) -> int:
    """Serve in this process."""
    # Not before _share_metrics: where the counters are kept is decided when they are made.
    from server.app import create_app
    from server.foundation.http import lose_no_signal

    app = create_app(settings)
    lose_no_signal(app)
    app.config.REQUEST_TIMEOUT = REQUEST_SECONDS

    @app.before_server_stop
    async def turn_away(app: Sanic[Any, Any]) -> None:
        # Requests are still answered, while /readyz tells the balancer to send no more.
        app.ctx.is_draining = True
        await asyncio.sleep(settings.drain_seconds)
        _turn_away(listener)
        await asyncio.sleep(_FAREWELL / 10)  # meanwhile those that were made are accepted

    try:
        app.run(
            sock=listener, single_process=True, access_log=False, motd=False, backlog=_BACKLOG, protocol=_Connection
        )
    except Exception as error:
        # What fails here is the start, or the machine: its words hold nothing personal, and the operator needs them.
        log.error("server_failed", reason=str(error), exc_info=error)
        return 1
    return 0


def _turn_away(listener: socket.socket) -> None:
    """Have the kernel make no more connections on this socket, while those already made can still be accepted.

    Closing the socket would reset the latter, although their clients have sent their requests. On Linux a packet filter
    that lets nothing pass does it; elsewhere those few clients must try again.
    """
    if sys.platform == "linux":
        nothing_passes = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF_RET | BPF_K, 0 bytes
        program = struct.pack("HP", 1, ctypes.addressof(nothing_passes))
        with suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def _supervise(settings: Settings, listener: socket.socket) -> int:
    """Keep `settings.workers` processes serving; when told to stop, have them all finish what they have begun."""
    from prometheus_client.multiprocess import mark_process_dead

    import server.app  # noqa: F401 (once, before the processes part)

    # From here on signals wait until they are asked for, so none is lost between two lines.
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEEDED)
    arrange_death = die_with_parent()
    began = {_fork(settings, listener, arrange_death): time.monotonic() for _ in range(settings.workers)}
    stopping, code = False, 0
    while began:
        heeded = signal.sigwait(_HEEDED)
        if heeded is signal.SIGALRM:
            log.error("workers_did_not_stop", processes=len(began))
            _send(signal.SIGKILL, began)
        elif heeded is not signal.SIGCHLD:
            stopping = True
        for pid, status in _ended():
            lived = time.monotonic() - began.pop(pid)
            mark_process_dead(pid)  # or its open streams would count for ever
            if stopping:
                continue
            log.error("server_process_ended", exit_code=os.waitstatus_to_exitcode(status), seconds=round(lived))
            if lived > STARTED_AFTER:
                with suppress(OSError):  # it may have turned everybody away
                    listener.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
                began[_fork(settings, listener, arrange_death)] = time.monotonic()
            else:
                stopping, code = True, 1
        if stopping and listener.fileno() != -1:
            # Ours too, or else connections would go on being made that nobody accepts.
            listener.close()
            _send(signal.SIGTERM, began)
            signal.alarm(settings.drain_seconds + settings.graceful_seconds + 10)
    return code


def _fork(settings: Settings, listener: socket.socket, arrange_death: Callable[[], None] | None) -> int:
    """Start one serving process; its process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        if arrange_death:
            arrange_death()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEEDED)
        code = _run(settings, listener)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _ended() -> list[tuple[int, int]]:
    """Process id and status of every process that has ended; one SIGCHLD may stand for several."""
    ended = []
    try:
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended.append(found)
    except ChildProcessError:
        pass
    return ended


def _send(number: signal.Signals, pids: dict[int, float]) -> None:
    for pid in pids:
        os.kill(pid, number)


def _share_metrics(settings: Settings) -> None:
    """With several processes each answers /metrics for all of them, through files in the data folder: of this server
    alone, beside which others may serve with the same folder. What those left that are gone goes too."""
    folder = settings.data_dir / "metrics"
    own = folder / str(os.getpid())
    for left in folder.glob("*"):
        if left == own or not _is_running(left.name):
            shutil.rmtree(left, ignore_errors=True)
    own.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(own)


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True  # somebody else's
    return True
