"""Linli for developers: one command each to run, test and check it. Needs Python 3.11 or newer with pip, nothing else.

  python3 dev.py run [--fresh] [--host HOST] [--port PORT]   start the demo city; --fresh begins anew
  python3 dev.py test [--full] [pytest's options]            run check, then all tests; --full: the long forms too
  python3 dev.py check                                       format, lint and types
  python3 dev.py bench [--quick|--growth]                    how fast it is, beside a ceiling and a peer; how lists grow
  python3 dev.py rehearse                                    a new city on this machine, as its operator begins one
  python3 dev.py mutate [--count N] [--seed S] [PATH…]       would the tests notice? What is taken out, drawn at random

Each makes .venv from requirements.lock first (run: from server/demo/requirements.lock, which has less), where it is
missing, broken or out of date. Settings are environment variables: the README lists them.
"""

# Runs on any Python, before .venv exists: so only the standard library, and syntax that an old Python can read.
from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

OLDEST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent
CHECKS = {
    "format": ["ruff", "format", "--check", "--quiet"],
    "lint": ["ruff", "check", "--quiet"],
    "types": ["mypy"],
}
"""What each runs over is written in pyproject.toml."""
ON_TWO_CORES = ("-n", "2", "--dist", "loadfile")
"""Two test processes, each with servers of its own; a file's tests stay together."""


class DevFailed(Exception):
    """The text is one sentence for the developer."""


class Progress:
    """Shows what takes longer than a second: one line that changes on a terminal, a line now and then elsewhere.

    server/demo/supervisor.py has a smaller one of its own, since this file cannot import what needs .venv.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._began = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _show(self) -> None:
        is_terminal = sys.stdout.isatty()
        pause = 1.0
        while not self._ended.wait(pause):
            line = f"{self.text} ({self.seconds:.0f} s)"
            print(f"\r{line}\x1b[K" if is_terminal else line, end="" if is_terminal else "\n", flush=True)
            pause = 0.2 if is_terminal else 5.0
        if is_terminal:
            print("\r\x1b[K", end="", flush=True)


class Environment:
    """The folder .venv, with exactly what the lock names; where the demo's lock would do, the whole one does too.

    A stamp inside, written last, tells which lock and which Python it was made for and what was installed; a .venv
    whose stamp does not fit is made anew from nothing: one rule for a changed lock and for any half-made folder.
    """

    def __init__(self, root: Path, lock: str = "requirements.lock") -> None:
        self.folder = root / ".venv"
        self.lock = root / lock
        self.whole = root / "requirements.lock"
        self.python = self.folder / "bin" / "python"
        self.stamp = self.folder / "linli-stamp.json"

    @property
    def key(self) -> str:
        return _key_of(self.lock)

    def problem(self) -> str | None:
        """Why .venv cannot be used as it is, or None."""
        if not os.path.lexists(self.folder):
            return "is missing"
        try:
            stamp = json.loads(self.stamp.read_bytes())
            key, entries = stamp["key"], set(stamp["entries"])
        except (OSError, ValueError, KeyError, TypeError):
            return "is only half made"
        if key not in (self.key, _key_of(self.whole)):
            return "is out of date"
        try:
            works = (
                subprocess.run([self.python, "-c", ""], capture_output=True, stdin=subprocess.DEVNULL).returncode == 0
            )
        except OSError:
            works = False
        return None if works and entries <= self._entries() else "is broken"

    def ensure(self) -> None:
        """Make .venv, unless it is right. Two commands at once don't make it twice: the second waits for the first."""
        import fcntl

        if self.problem() is None:
            return
        with self.lock.open("rb") as lock:
            with Progress("Waiting for another dev.py that is making .venv"):
                fcntl.flock(lock, fcntl.LOCK_EX)
            problem = self.problem()
            if problem:
                print(f".venv {problem}: making it from {self.lock.name}.", flush=True)
                self._make(lock.fileno())

    def write_stamp(self) -> None:
        self.stamp.write_text(json.dumps({"key": self.key, "entries": sorted(self._entries())}))

    def _make(self, lock: int) -> None:
        if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode != 0:
            raise DevFailed(f"{sys.executable} has no pip: install it first (on Debian: apt install python3-pip).")
        began = time.monotonic()
        try:
            if self.folder.is_symlink() or self.folder.is_file():
                self.folder.unlink()
            elif self.folder.exists():
                shutil.rmtree(self.folder)
        except OSError as error:
            raise DevFailed(f"The old .venv cannot be removed ({error}): remove it by hand, then try again.") from error
        # Debian's own Python lacks ensurepip, so .venv gets no pip: the one outside installs into it.
        made = subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", self.folder],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if made.returncode != 0:
            last = (made.stdout.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
            raise DevFailed(f"{sys.executable} could not make {self.folder}: {last}")
        self._install(lock)
        self.write_stamp()
        print(f".venv is ready ({time.monotonic() - began:.0f} s).", flush=True)

    def _install(self, lock: int) -> None:
        """Let pip install what the lock names. Its many lines are shown as one; when it fails, the last ones are shown.

        pip holds the lock file's lock too: should this process be killed, the next one waits until pip has ended.
        """
        total = len(re.findall(r"^[a-zA-Z0-9]", self.lock.read_text(), re.MULTILINE))
        command = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(self.python),
            "--disable-pip-version-check",
            "--no-input",
        ]
        command += ["install", "--progress-bar=off", "--require-hashes", "-r", str(self.lock)]
        # Settings of someone's own pip that would lead the packages elsewhere.
        environment = {k: v for k, v in os.environ.items() if k not in ("PIP_USER", "PIP_TARGET", "PIP_PREFIX")}
        lines: list[str] = []
        seen = 0
        with Progress("Looking for packages") as progress:
            pip = subprocess.Popen(
                command,
                env=environment,
                pass_fds=(lock,),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
            for line in pip.stdout or ():
                lines.append(line)
                name = re.match(r"(?:Collecting|Processing) (?:.*/)?([\w.-]+?)(?:==|-\d)", line)
                if name:
                    seen += 1
                    progress.text = f"Fetching packages: {seen} of at most {total}, {name[1]}"
                elif line.startswith("Installing collected"):
                    progress.text = f"Installing {seen} packages"
            pip.wait()
        if pip.returncode != 0 and any("connection broken by" in line for line in lines):
            raise DevFailed(
                "the package index cannot be reached: is there a network, and is pip's own configuration right?"
            )
        if pip.returncode != 0:
            print("".join(lines[-20:]), file=sys.stderr)
            raise DevFailed(
                f"pip could not install {self.lock.name} (exit code {pip.returncode}): its last lines stand above."
            )

    def _entries(self) -> set[str]:
        """What lies in site-packages: enough to notice that someone removed a package."""
        return {entry.name for folder in self.folder.glob("lib/python*/site-packages") for entry in folder.iterdir()}


def _key_of(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()


def run(environment: Environment, options: list[str]) -> int:
    """Become the demo's supervisor: no process stands between, so a signal to this one reaches it."""
    sys.stdout.flush()
    os.execv(environment.python, [str(environment.python), "-m", "server", "demo", *options])


def test(environment: Environment, options: list[str]) -> int:
    """Check, then run all tests, whatever the check says. pytest's closing line comes last, unless the check failed."""
    if "--full" in options:
        options = [option for option in options if option != "--full"]
        os.environ["LINLI_FULL_TESTS"] = "1"
    checked = check(environment, [])
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is pytest's, which then stops in good order
    tested = subprocess.run([environment.python, "-m", "pytest", *ON_TWO_CORES, *options]).returncode
    if checked != 0:
        print("The tests aside, the check failed: see the top.", file=sys.stderr)
    return tested or checked


def check(environment: Environment, options: list[str]) -> int:
    """Format, lint and types: all three, even when the first fails."""
    if options:
        raise DevFailed(f"check takes no options, and {' '.join(options)} was given.")
    code = 0
    for name, command in CHECKS.items():
        with Progress(f"Checking {name}") as progress:
            done = subprocess.run(
                [environment.python, "-m", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        print(f"{name:8}{'ok' if done.returncode == 0 else 'FAILED':8}{progress.seconds:.1f} s", flush=True)
        if done.returncode != 0:
            print(done.stdout, flush=True)
            code = 1
    return code


def bench(environment: Environment, options: list[str]) -> int:
    """Load a city, drive it, and print the table of tests/performance."""
    return subprocess.run([environment.python, "-m", "tests.performance", *options]).returncode


def mutate(environment: Environment, options: list[str]) -> int:
    """Take out one thing after another, and see whether the tests notice (tests/mutation)."""
    return subprocess.run([environment.python, "-m", "tests.mutation", *options]).returncode


def rehearse(environment: Environment, options: list[str]) -> int:
    """Deploy, upgrade, back up and move a city, and print what came of it (tests/operations/rehearsal)."""
    return subprocess.run([environment.python, "-m", "tests.operations.rehearsal", *options]).returncode


COMMANDS: dict[str, Callable[[Environment, list[str]], int]] = {
    "run": run,
    "test": test,
    "check": check,
    "bench": bench,
    "mutate": mutate,
    "rehearse": rehearse,
}


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help") or {"-h", "--help"} & set(arguments[1:2]):
        print((__doc__ or "").strip())
        return 0 if arguments else 2
    command = COMMANDS.get(arguments[0])
    if command is None:
        print(
            f"dev.py: there is no command {arguments[0]}: use run, test, check, bench, mutate or rehearse.",
            file=sys.stderr,
        )
        return 2
    try:
        if os.name != "posix":
            raise DevFailed("dev.py runs on Linux and macOS only.")
        if sys.version_info < OLDEST_PYTHON:
            raise DevFailed(
                f"Python {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer is needed; this is {sys.version.split()[0]}."
            )
        os.chdir(ROOT)
        environment = Environment(ROOT, "server/demo/requirements.lock" if command is run else "requirements.lock")
        environment.ensure()
        return command(environment, arguments[1:])
    except DevFailed as error:
        print(f"dev.py: {error}", file=sys.stderr)
    except OSError as error:
        print(f"dev.py: {error.strerror}: {error.filename}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\ndev.py: stopped.", file=sys.stderr)
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
