"""Connections that bring their request a byte at a time, or never: they are cut, and nobody hears of it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from server.foundation.settings import Settings
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.media.builders import draw
from tests.servers import Server, until

SECONDS = 0.4
PROGRAM = f"""
import runpy, sys
from server import serving
serving.REQUEST_SECONDS = {SECONDS}
sys.argv = ["server", "serve"]
runpy.run_module("server", run_name="__main__", alter_sys=True)
"""
HEAD = b"GET /healthz HTTP/1.1\r\nhost: linli\r\n"
BODY = b"POST /api/v1/sessions HTTP/1.1\r\nhost: linli\r\ncontent-length: 1000\r\n\r\n{"
UPLOAD = b"POST /api/v1/pictures HTTP/1.1\r\nhost: linli\r\ncontent-type: image/png\r\ncontent-length: 1000\r\n"


@pytest.fixture(scope="module")
async def server(settings: Settings, migrated: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    with Server(settings, Path(tmp_path_factory.mktemp("server"))) as server:
        server.program = ("-c", PROGRAM)
        await server.start()
        yield server


async def cut_after(server: Server, beginning: bytes) -> float:
    """Seconds until a connection that goes on by a byte at a time is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    began = time.monotonic()

    async def drip() -> None:
        with suppress(ConnectionError):
            writer.write(beginning)
            while True:
                await writer.drain()
                await asyncio.sleep(0.05)
                writer.write(b"a")

    dripping = asyncio.create_task(drip())
    with suppress(ConnectionResetError):
        await asyncio.wait_for(reader.read(), 5)
    dripping.cancel()
    writer.close()
    return time.monotonic() - began


@pytest.mark.parametrize("what", ["head", "body", "upload", "refused upload"])
async def test_a_byte_at_a_time(api: Api, server: Server, what: str) -> None:
    resident = await create_resident(api, await create_community())
    mine = UPLOAD + f"authorization: Bearer {resident.token}\r\n\r\na".encode()
    beginning = {"head": HEAD, "body": BODY, "upload": mine, "refused upload": UPLOAD + b"\r\na"}[what]
    assert await cut_after(server, beginning) < 6 * SECONDS
    assert "error" not in {line["level"] for line in server.lines}


@pytest.mark.parametrize("what", [HEAD[:30], HEAD, BODY, b"\x16\x03\x01\x02", b"GET / HTTP/1.1\r\n: x\r\n\r\n"])
async def test_who_hangs_up_in_the_middle(server: Server, what: bytes) -> None:
    """It is no failure of ours."""
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(what)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert await cut_after(server, HEAD + b"\r\n") < 6 * SECONDS
    assert {line["level"] for line in server.lines} == {"info"}


async def test_who_never_asks(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    async with asyncio.timeout(6 * SECONDS):
        assert await reader.read() == b""
    writer.close()


async def test_who_asked_once_may_pause(server: Server) -> None:
    """A connection that is kept for the next request is not cut for being silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    for _ in range(2):
        writer.write(HEAD + b"\r\n")
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3 * SECONDS):
                while await reader.read(1000):
                    pass
    writer.close()


async def test_a_large_body_has_time(api: Api, server: Server) -> None:
    """As long as it brings more than it must, however long that takes altogether."""
    resident = await create_resident(api, await create_community())
    picture = draw(300, 200)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = (
        f"POST /api/v1/pictures HTTP/1.1\r\nhost: linli\r\ncontent-type: image/jpeg\r\ncontent-length: {len(picture)}"
    )
    writer.write(f"{head}\r\nauthorization: Bearer {resident.token}\r\nconnection: close\r\n\r\n".encode())
    part = len(picture) // 8 + 1
    for start in range(0, len(picture), part):
        writer.write(picture[start : start + part])
        await asyncio.sleep(0.01)
    assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 201 ")
    writer.close()


@pytest.mark.parametrize("beginning", [HEAD, BODY], ids=["head", "body"])
async def test_closed_in_the_middle(server: Server, beginning: bytes) -> None:
    before = len(server.lines)
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(beginning)
    await writer.drain()
    writer.close()
    # The server has met its end once it has answered a later one.
    _, later = await asyncio.open_connection("127.0.0.1", server.port)
    later.write(HEAD + b"connection: close\r\n\r\n")
    await until(lambda: len(server.lines) > before)
    later.close()
    assert {line["level"] for line in server.lines} == {"info"}
