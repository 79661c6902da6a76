"""The embedded servers, started for real on throw-away folders. As root, pytest's own folders are closed to nobody."""

import asyncio
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis

from server.embedded import processes
from server.embedded.postgres import _find_programs, start_postgres
from server.embedded.processes import AlreadyRunning, EmbeddedFailed, die_with_parent
from server.embedded.running import find_running, wait_until_stopped
from server.embedded.valkey import start_valkey

is_root = os.geteuid() == 0
root_only = pytest.mark.skipif(not is_root, reason="only root can become someone else")

STARTER = """
import pathlib, sys, time
from server.embedded.postgres import start_postgres
from server.embedded.valkey import start_valkey
servers = [start(pathlib.Path(sys.argv[1])) for start in (start_postgres, start_valkey)]
print(*(server.process.pid for server in servers), flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose servers are stopped, and which begins with what a broken-off first start leaves behind."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "postgres.new").mkdir()
    (folder / "postgres.new" / "PG_VERSION").write_text("18\n")
    start_postgres(folder, durable=False).stop()
    return folder


@pytest.fixture
def replaced(data_dir: Path) -> Iterator[Callable[[str, str], None]]:
    """Replace the text of a file of PostgreSQL's for one test."""
    before: dict[Path, str] = {}

    def replace(name: str, text: str) -> None:
        path = data_dir / "postgres" / name
        before[path] = path.read_text()
        path.write_text(text)

    yield replace
    for path, text in before.items():
        path.write_text(text)


def query(url: str, statement: str) -> Any:
    async def ask() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(ask())


def is_alive(pid: int) -> bool:
    """Whether the process still runs; one that has ended and that nobody has asked about yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_data_survive_a_stop_and_others_find_the_servers(data_dir: Path) -> None:
    postgres, valkey = start_postgres(data_dir), start_valkey(data_dir)
    try:
        assert find_running(data_dir) == (postgres.url, valkey.url)
        assert query(postgres.url, "SHOW fsync") == "on"
        query(postgres.url, "CREATE TABLE kept AS SELECT '微心愿' AS text")
        with redis.Redis.from_url(valkey.url) as cache:
            assert cache.set("key", "value")
        with pytest.raises(AlreadyRunning, match="PostgreSQL is already running"):
            start_postgres(data_dir)
        with pytest.raises(AlreadyRunning, match="Valkey is already running"):
            start_valkey(data_dir)
    finally:
        valkey.stop()
        postgres.stop()
    assert find_running(data_dir) == (None, None)
    assert not is_alive(postgres.process.pid)
    assert not is_alive(valkey.process.pid)
    postgres.stop()  # a second time does no harm

    postgres = start_postgres(data_dir)
    try:
        assert query(postgres.url, "SELECT text FROM kept") == "微心愿"
    finally:
        postgres.stop()


def test_the_database_knows_chinese_and_has_the_extensions(data_dir: Path) -> None:
    postgres = start_postgres(data_dir, durable=False)
    try:
        assert query(postgres.url, "SHOW fsync") == "off"
        assert query(postgres.url, "SHOW server_encoding") == "UTF8"
        assert query(postgres.url, "SHOW timezone") == "UTC"
        for extension in ("ltree", "pg_trgm", "btree_gist", "citext"):
            query(postgres.url, f"CREATE EXTENSION {extension}")
        assert query(postgres.url, "SELECT similarity('微心愿', '微心愿认领') > 0.3")
    finally:
        postgres.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stops children with their parent")
def test_killing_the_starter_stops_the_servers_and_the_next_start_needs_no_wait(data_dir: Path) -> None:
    for _ in range(2):
        root = Path(processes.__file__).parents[2]
        starter = subprocess.Popen([sys.executable, "-c", STARTER, data_dir], cwd=root, stdout=subprocess.PIPE)
        with starter:
            assert starter.stdout
            pids = [int(pid) for pid in starter.stdout.readline().split()]
            assert len(pids) == 2
            starter.kill()
        postgres, valkey = start_postgres(data_dir), start_valkey(data_dir)
        try:
            assert not any(is_alive(pid) for pid in pids)
            assert query(postgres.url, "SELECT 1") == 1
        finally:
            valkey.stop()
            postgres.stop()
    wait_until_stopped(data_dir)


@root_only
def test_it_works_for_someone_who_is_not_root(data_dir: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    programs = _find_programs().path  # in a folder that nobody can enter, unlike perhaps .venv
    folder = Path(tempfile.mkdtemp(prefix="linli-test-"))
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    child = os.fork()
    if child == 0:  # nobody may be unable to start this Python, but can go on with it
        code = 1
        try:
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
            os.environ["PG_BIN"] = str(programs)
            postgres = start_postgres(folder, durable=False)
            assert postgres.url.startswith(f"postgresql://linli@/linli?host=/tmp/linli-{nobody.pw_uid}/")
            assert find_running(folder)[0] == postgres.url
            assert (folder / "postgres").stat().st_uid == nobody.pw_uid
            postgres.stop()
            code = 0
        finally:
            os._exit(code)
    try:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        # Root uses the same data as their owner, so that both can take turns.
        postgres = start_postgres(folder, durable=False)
        assert Path(f"/proc/{postgres.process.pid}").stat().st_uid == nobody.pw_uid
        postgres.stop()
    finally:
        shutil.rmtree(folder)


@root_only
def test_a_reused_process_number_is_not_taken_for_a_server(data_dir: Path) -> None:
    owner = (data_dir / "postgres").stat()
    with subprocess.Popen(["sleep", "60"], cwd="/", user=owner.st_uid) as other:
        (data_dir / "postgres" / "postmaster.pid").write_text(f"{other.pid}\n/proc/self/cwd\n0\n5432\n\n\n")
        try:
            start_postgres(data_dir, durable=False).stop()
        finally:
            other.kill()


def test_a_server_that_does_not_start_says_why(data_dir: Path, replaced: Callable[[str, str], None]) -> None:
    replaced("postgresql.conf", "no_such_setting = 1")
    with pytest.raises(EmbeddedFailed, match=r"did not start \(exit code 1\)[\s\S]*no_such_setting"):
        start_postgres(data_dir)


def test_data_of_another_version_are_refused(data_dir: Path, replaced: Callable[[str, str], None]) -> None:
    replaced("PG_VERSION", "9\n")
    with pytest.raises(EmbeddedFailed, match=r"were written by PostgreSQL 9, and .* set PG_BIN"):
        start_postgres(data_dir)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    expected = "belong to root" if is_root else "holds no PostgreSQL data"
    with pytest.raises(EmbeddedFailed, match=expected):
        start_postgres(tmp_path)


def test_programs_that_are_missing_or_fail_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setenv("PG_BIN", str(tmp_path))
    with pytest.raises(EmbeddedFailed, match=f"postgres is not in {tmp_path}"):
        start_postgres(tmp_path / "data")
    for name, line in (("postgres", "echo 'postgres (PostgreSQL) 14.1'"), ("initdb", "exit 1")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(EmbeddedFailed, match="PostgreSQL 14, and at least 15 is needed"):
        start_postgres(tmp_path / "data")


def test_a_first_start_that_fails_says_why_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tempfile.mkdtemp(prefix="linli-test-")  # outside of pytest's closed folders
    try:
        Path(programs).chmod(0o755)
        for name, line in (
            ("postgres", "echo '(PostgreSQL) 18.1'"),
            ("initdb", "echo No space left on device; exit 1"),
        ):
            (Path(programs) / name).write_text(f"#!/bin/sh\n{line}\n")
            (Path(programs) / name).chmod(0o755)
        monkeypatch.setenv("PG_BIN", programs)
        with pytest.raises(EmbeddedFailed, match=r"initdb ended with code 1[\s\S]*No space left on device"):
            start_postgres(tmp_path)
    finally:
        shutil.rmtree(programs)
    assert not (tmp_path / "postgres").exists()


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedFailed, match=re.escape(str(tmp_path / "file"))):
        start_postgres(tmp_path / "file")


def test_a_socket_folder_of_someone_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 987_654)
    planted = Path("/tmp/linli-987654")
    planted.mkdir(exist_ok=True)
    try:
        with pytest.raises(EmbeddedFailed, match="is not a folder of yours"):
            processes.fresh_sockets(tmp_path, "postgres", None)
    finally:
        planted.rmdir()


def test_servers_whose_data_were_removed_are_noticed(tmp_path: Path) -> None:
    sockets = processes.fresh_sockets(tmp_path, "postgres", None)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(sockets / ".s.PGSQL.5432"))
        server.listen()
        with pytest.raises(AlreadyRunning, match="were removed"):
            processes.fresh_sockets(tmp_path, "postgres", None)
    shutil.rmtree(processes.fresh_sockets(tmp_path, "postgres", None))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stops children with their parent")
def test_a_passing_thread_may_not_start_what_would_end_with_it() -> None:
    errors: list[Exception] = []

    def try_it() -> None:
        try:
            die_with_parent()
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=try_it)
    thread.start()
    thread.join()
    assert len(errors) == 1


def test_a_server_that_does_not_heed_is_stopped_by_force(tmp_path: Path) -> None:
    script = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    server = processes.Embedded("Deaf", "", process, tmp_path / "none", signal.SIGINT, signal.SIGTERM)
    began = time.monotonic()
    server.stop(grace=0.1)
    process.stdout.close()
    assert process.returncode == -signal.SIGTERM
    assert time.monotonic() - began < 3
