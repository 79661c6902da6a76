"""A server and a worker that begin before their database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import msgspec
import pytest

from server.foundation.database import wait_until_there
from server.foundation.settings import Settings
from tests.servers import Server, free_port, pipe, until


class Gate:
    """A TCP address that leads to the test's database once it is opened."""

    def __init__(self, settings: Settings) -> None:
        parts = urlsplit(settings.database_url)
        folder = parse_qs(parts.query)["host"][0]
        self.socket = next(Path(folder).glob(".s.PGSQL.*[0-9]"))
        self.port = free_port()
        self.url = f"postgresql://{parts.username}@127.0.0.1:{self.port}{parts.path}"
        self.server: asyncio.Server | None = None

    async def open(self) -> None:
        self.server = await asyncio.start_server(self._forward, "127.0.0.1", self.port)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(str(self.socket))
        await asyncio.gather(pipe(reader, back), pipe(there, writer))


@pytest.fixture
async def gate(settings: Settings, app: object) -> AsyncIterator[Gate]:
    gate = Gate(settings)
    yield gate
    if gate.server:
        gate.server.close()


@pytest.mark.parametrize("program", ["serve", "worker"])
async def test_a_process_waits_for_its_database(settings: Settings, tmp_path: Path, gate: Gate, program: str) -> None:
    with Server(settings, tmp_path, DATABASE_URL=gate.url) as server:
        server.program = ("-m", "server", program)
        server.process = server._spawn()
        await until(lambda: any(line["event"] == "database_away" for line in server.lines))
        await gate.open()
        await until(lambda: any(line["event"] in ("server_started", "worker_started") for line in server.lines))
        assert [line["event"] for line in server.lines].count("database_away") == 1
        if program == "serve":
            async with httpx.AsyncClient(base_url=server.url) as client:
                assert (await client.get("/readyz")).json()["database"] in ("ok", "busy")


async def test_what_waiting_does_not_mend_is_told(settings: Settings) -> None:
    wrong = msgspec.structs.replace(settings, database_url=settings.database_url.replace("/linli?", "/nothing?"))
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await wait_until_there(wrong)


async def test_nobody_waits_who_is_to_stop(settings: Settings) -> None:
    away = msgspec.structs.replace(settings, database_url=f"postgresql://linli@127.0.0.1:{free_port()}/linli")
    answers = iter([True, True, False])
    await wait_until_there(away, is_wanted=lambda: next(answers))
