"""Tests in forked processes: libraries are loaded and servers started once, so a mutant costs its own tests only. The
tree is never written to: a child's importer compiles the changed file."""

import ast
import builtins
import importlib.machinery
import json
import os
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = (
    "sanic asyncpg tortoise.backends.asyncpg msgspec httpx hypothesis asgi_lifespan PIL.Image openpyxl typst obstore"
    " wechatpy cryptography.fernet phonenumbers icalendar limits redis.asyncio structlog chinese_calendar uvloop"
)
Change = Callable[[str, str], ast.AST | None]
"""(path, source) → what the file is instead; None as it is."""


class Seen:
    """A pytest plugin that writes what each test runs: its functions, and its seconds. One that fails tells nothing."""

    def __init__(self, file: Path) -> None:
        self.file, self.tests, self.functions, self.failed = file, dict[str, Any](), set[str](), set[str]()
        vars(builtins)["__seen__"] = self.functions

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        self.functions.clear()
        began = time.monotonic()
        yield
        self.tests[item.nodeid] = {"seconds": time.monotonic() - began, "functions": sorted(self.functions)}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        self.file.write_text(json.dumps({test: seen for test, seen in self.tests.items() if test not in self.failed}))


class Servers:
    """A PostgreSQL with our schema and a Valkey, for all the children of this process."""

    def __init__(self) -> None:
        told, tells = os.pipe()
        waits, self._ends = os.pipe()
        self._pid = _fork(lambda: _serve(tells, waits), self._ends)
        os.close(tells)
        os.close(waits)
        with os.fdopen(told) as file:
            self.urls: dict[str, str] = json.loads(file.readline())

    def stop(self) -> None:
        os.close(self._ends)
        os.waitpid(self._pid, 0)

    def run(self, tests: list[str], change: Change, seconds: float, *plugins: Any) -> tuple[int | None, str]:
        """pytest's exit code for these tests of a program whose files are what `change` makes of them, and the first
        that failed; None where that takes too long: then nobody knows what was left behind."""
        failed, fails = os.pipe()
        options = [] if plugins else ["-x"]
        pid = _fork(lambda: _test(self.urls, [*options, *tests], change, (*plugins, Failed(fails))), self._ends)
        os.close(fails)
        child = os.pidfd_open(pid)
        has_ended = bool(select.select([child], [], [], seconds)[0])
        os.close(child)
        if not has_ended:
            os.killpg(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        with os.fdopen(failed) as file:
            return os.waitstatus_to_exitcode(status) if has_ended else None, file.readline().strip()


class Failed:
    """A pytest plugin that tells which tests failed."""

    def __init__(self, fails: int) -> None:
        self.fails = fails

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            os.write(self.fails, f"{report.nodeid}\n".encode())


def load_libraries() -> None:
    for name in LIBRARIES.split():
        __import__(name)


def _fork(do: Callable[[], int], not_its: int) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            os.close(not_its)
            os.setpgid(0, 0)
            os._exit(do())
        finally:
            os._exit(70)
    return pid


def _serve(tells: int, waits: int) -> int:
    import asyncio
    import tempfile

    from server.embedded.postgres import start_postgres
    from server.embedded.valkey import start_valkey
    from server.foundation import schema
    from server.foundation.settings import Environment, Settings
    from server.wiring import wire

    wire()
    with tempfile.TemporaryDirectory(prefix="linli-mutation-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres, valkey = start_postgres(folder, durable=False), start_valkey(folder)
        settings = Settings(environment=Environment.TEST, data_dir=folder, database_url=postgres.url)
        asyncio.run(schema.migrate(settings))
        os.write(tells, json.dumps({"postgres": postgres.url, "valkey": valkey.url}).encode() + b"\n")
        os.read(waits, 1)  # until its parent closes it, or is gone
        valkey.stop()
        postgres.stop()
    return 0


def _test(urls: dict[str, str], tests: list[str], change: Change, plugins: tuple[Any, ...]) -> int:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    _import_as(change)
    options = ["-q", "-p", "no:randomly", "-p", "no:xdist", "--timeout=60"]
    return int(pytest.main([*options, *tests], plugins=[*plugins, _OnServers(urls)]))


class _OnServers:
    """A pytest plugin: what tests/conftest.py would start is there."""

    def __init__(self, urls: dict[str, str]) -> None:
        self.urls = urls

    def pytest_collection(self) -> None:
        from server.foundation import schema
        from tests import conftest

        class There:
            def __init__(self, url: str) -> None:
                self.url = url

            def stop(self) -> None: ...

        async def is_migrated(settings: object) -> None: ...

        vars(conftest)["start_postgres"] = lambda folder, durable: There(self.urls["postgres"])
        vars(conftest)["start_valkey"] = lambda folder: There(self.urls["valkey"])
        vars(schema)["migrate"] = is_migrated


def _import_as(change: Change) -> None:
    loader: Any = importlib.machinery.SourceFileLoader
    usual = loader.get_code

    def get_code(self: Any, fullname: str) -> Any:
        if fullname.split(".")[0] in ("server", "miniprogram_api"):
            path = Path(self.get_filename(fullname))
            tree: Any = change(str(path.relative_to(ROOT)), path.read_text())
            if tree is not None:
                return compile(tree, str(path), "exec")
        return usual(self, fullname)

    loader.get_code = get_code
