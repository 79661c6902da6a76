"""Servers of our own, as child processes: for the demo and the tests, where their URLs are not set.

They listen on Unix sockets only, stop when their starter dies (even by kill -9), and are found by other commands
through `running.find_running`.
"""

import ctypes
import hashlib
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = "linli"
"""The database, its user, and the folders outside of the data folder."""

_START_SECONDS = 60

_TAIL_LINES = 6

_CWD = Path("/proc/self/cwd")

_PR_SET_PDEATHSIG = 1


class EmbeddedFailed(Exception):
    """An embedded server cannot be used here; the text is one sentence for the operator, then the log's last lines."""


class AlreadyRunning(EmbeddedFailed):
    """Another process has started a server on the same data."""


@dataclass(frozen=True)
class Embedded:
    """A server that this process has started."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    _sockets: Path
    _stop_signal: signal.Signals
    _hurry_signal: signal.Signals

    def stop(self, grace: float = 30) -> None:
        """Stop in good order; after `grace` seconds less politely, in the end by force. Never loses committed data."""
        for number, seconds in ((self._stop_signal, grace), (self._hurry_signal, 5.0), (signal.SIGKILL, None)):
            if self.process.poll() is None:
                self.process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
                break
        shutil.rmtree(self._sockets, ignore_errors=True)


def die_with_parent(number: signal.Signals = signal.SIGTERM) -> Callable[[], None] | None:
    """For `preexec_fn`: the kernel sends the child `number` when this process dies, however it dies (Linux only).

    Strictly, when the starting THREAD ends: so start such children from the main thread.
    """
    if sys.platform != "linux":
        return None
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("start it from the main thread: it would be stopped when this thread ends")
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel was told
            os.kill(os.getpid(), signal.SIGKILL)

    return arrange


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int


def check_system(name: str, variable: str) -> None:
    """Refuse at once where the way described at the top of this file cannot work."""
    reason = None
    if sys.platform == "win32":
        reason = "on Windows"
    elif os.geteuid() == 0 and not _CWD.exists():
        reason = "for root where /proc is not mounted"
    if reason:
        raise EmbeddedFailed(f"An embedded {name} cannot run {reason}: set {variable} to a server of your own.")


@contextmanager
def starting(data_dir: Path) -> Iterator[None]:
    """Make the data folder, let only one process at a time start servers on it, and turn OSError into a sentence."""
    import fcntl  # not on Windows, where this module must still import

    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        handle = os.open(data_dir, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
    except OSError as error:
        raise EmbeddedFailed(f"The embedded servers cannot start on {data_dir.absolute()}: {error}.") from error


def account_for(folder: Path) -> Account | None:
    """As whom PostgreSQL runs: None for ourselves; for root, the owner of the data if there is one, or else nobody."""
    owner = folder.stat() if folder.exists() else None
    if os.geteuid() != 0:
        if owner and owner.st_uid != os.geteuid():
            raise EmbeddedFailed(
                f"The data in {folder} belong to another user (id {owner.st_uid}): start as that user, as root, "
                "or set LINLI_DATA_DIR to another folder."
            )
        return None
    if owner is None:
        import pwd  # not on Windows

        try:
            nobody = pwd.getpwnam("nobody")
        except KeyError:
            return Account(65534, 65534)
        return Account(nobody.pw_uid, nobody.pw_gid)
    if owner.st_uid == 0:
        raise EmbeddedFailed(
            f"The data in {folder} belong to root, as whom PostgreSQL refuses to run: chown -R nobody {folder}"
        )
    return Account(owner.st_uid, owner.st_gid)


def fresh_sockets(data_dir: Path, server: str, account: Account | None) -> Path:
    """An empty folder of mode 0700 for one server's socket: not in the data folder, as its path must be short.

    Others must not be able to put anything in its place: for root it is under /run, where only root may write; for
    anyone else under /tmp, in a folder that is used only if it is really ours.
    """
    if os.geteuid() == 0:
        base = Path("/run") / NAME
        base.mkdir(mode=0o755, exist_ok=True)
        base.chmod(0o755)
    else:
        base = Path("/tmp") / f"{NAME}-{os.geteuid()}"  # noqa: S108 (ours alone, checked below)
        base.mkdir(mode=0o700, exist_ok=True)
        found = base.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) != 0o700:
            raise EmbeddedFailed(f"{base} is not a folder of yours with mode 0700: have it removed.")
    folder = base / f"{hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]}-{server}"
    if folder.exists():
        if any(accepts(path) for path in folder.iterdir() if path.is_socket()):
            raise AlreadyRunning(f"A server still runs whose data in {data_dir.resolve()} were removed: stop it first.")
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    if account:
        os.chown(folder, account.uid, account.gid)
    return folder


def start_server(
    name: str,
    command: list[str | Path],
    folder: Path,
    account: Account | None,
    death_signal: signal.Signals,
    is_ready: Callable[[int], bool],
) -> subprocess.Popen[bytes]:
    """Start a server in `folder` and wait until it is ready. Its output goes to a log file beside the folder."""
    log_path = folder.with_name(f"{folder.name}.log")
    deadline = time.monotonic() + _START_SECONDS
    patient_until = time.monotonic() + 10
    while True:
        with log_path.open("ab") as log:
            begin = log.tell()
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **process_options(folder, account, death_signal),
            )
        try:
            while process.poll() is None and not is_ready(process.pid):
                if time.monotonic() > deadline:
                    raise EmbeddedFailed(
                        f"{name} was not ready after {_START_SECONDS} seconds; see its log.{tail(log_path, begin)}"
                    )
                time.sleep(0.005)
        except BaseException:  # Ctrl-C too: nothing stays behind
            process.send_signal(death_signal)
            process.wait()
            raise
        if process.returncode is None:
            return process
        # The last moments of a server whose starter was killed: its memory or its lock file is still there.
        if time.monotonic() > patient_until or not re.search(
            "pre-existing shared memory|already exists", tail(log_path, begin)
        ):
            raise EmbeddedFailed(
                f"{name} did not start (exit code {process.returncode}); see its log.{tail(log_path, begin)}"
            )
        time.sleep(0.1)


def process_options(folder: Path, account: Account | None, death_signal: signal.Signals) -> dict[str, Any]:
    """For subprocess: in the folder, as the account, apart from the terminal's Ctrl-C, not outliving this process."""
    options: dict[str, Any] = {
        "cwd": folder,
        "env": {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},  # no PGPORT, PGDATA and the like
        "umask": 0o077,
        "start_new_session": True,
        "preexec_fn": die_with_parent(death_signal),
    }
    if account:
        options |= {"user": account.uid, "group": account.gid, "extra_groups": []}
    return options


def wait_until_free(name: str, data_dir: Path, state: Callable[[], str | None]) -> None:
    """Give a server that is being stopped time to finish. Raises AlreadyRunning where one is there to stay.

    After a kill -9 of its starter a server looks alive for some milliseconds more, before it heeds the kernel's signal.
    """
    began = time.monotonic()
    while found := state():
        if time.monotonic() - began > (30 if found == "stopping" else 1):
            raise AlreadyRunning(
                f"{name} is already running on {data_dir.resolve()}: another demo uses these data. "
                "Stop it first, or set LINLI_DATA_DIR to another folder."
            )
        time.sleep(0.02)


def accepts(path: Path) -> bool:
    """Whether a living process listens on this Unix socket: the kernel knows, whatever files say."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def tail(log_path: Path, begin: int = 0) -> str:
    """The last lines written to the log since `begin`, to stand below a sentence."""
    with log_path.open("rb") as log:
        log.seek(begin)
        lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    return "".join(f"\n  {line}" for line in (f"Last lines of {log_path}:", *lines[-_TAIL_LINES:]))


def seen_as(folder: Path) -> Path:
    """How a process started in `folder` names it: by a path that works however closed the folders above are."""
    return _CWD if _CWD.exists() else folder
