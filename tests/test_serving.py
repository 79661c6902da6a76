"""A stop under load, a crash, several processes, production: with `python -m server serve` as a process of its own."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from server.embedded.postgres import start_postgres
from server.foundation.keys import KeyInUse
from server.foundation.settings import Settings
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.media.builders import draw, upload
from tests.operations.test_operations import FROM_MODELS, OPENID, PHONE, TOKEN, readiness
from tests.servers import PRODUCTION, Load, Server, until


@pytest.fixture
async def tokens(api: Api) -> list[str]:
    community = await create_community()
    return [(await create_resident(api, community)).token for _ in range(8)]


@pytest.fixture
async def open_socket() -> AsyncIterator[Any]:
    writers = []

    async def connect(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writers.append(writer)
        return reader, writer

    yield connect
    for writer in writers:
        writer.close()


async def stop_under_load(server: Server, tokens: list[str], open_socket: Any) -> None:
    """SIGTERM among many requests, and in the middle of an upload: whatever the server took on gets its full answer."""
    load = Load(server, tokens)
    running = asyncio.create_task(load.run())
    reader, writer = await open_socket(server)
    picture = draw(300, 200)
    head = "POST /api/v1/pictures HTTP/1.1\r\nhost: linli\r\ncontent-type: image/jpeg\r\nx-request-id: slow-upload\r\n"
    writer.write(f"{head}authorization: Bearer {tokens[0]}\r\ncontent-length: {len(picture)}\r\n\r\n".encode())
    writer.write(picture[:1000])
    await until(lambda: len(load.answered) > 60)
    before = len(load.answered)
    server.signal(signal.SIGTERM)
    began = time.monotonic()
    await running
    # Connections are refused by now, but what has begun is finished.
    writer.write(picture[1000:])
    assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 201 ")
    assert await server.ended() == 0
    # Nothing was waited for until the time for a graceful stop was over.
    assert time.monotonic() - began < 10
    taken = {request_id for request_id in server.answered if request_id.startswith("load-")}
    assert taken == set(load.answered)
    assert not taken & set(load.failed)
    assert not load.failed
    # /readyz tells that it is about to stop.
    assert set(load.answered.values()) <= {200, 201, 429, 503}
    assert len(load.answered) > before
    assert "error" not in {line["level"] for line in server.lines}


async def test_one_process(tokens: list[str], settings: Settings, tmp_path: Path, open_socket: Any) -> None:
    with Server(settings, tmp_path) as server:
        await server.start()
        await check_malformed_requests(server, open_socket)
        await check_a_large_upload(server, tokens[0], open_socket)
        await check_nothing_personal_is_logged(server, tokens[0])
        assert any(line["event"] == "server_started" for line in server.lines)
        await stop_under_load(server, tokens, open_socket)
        assert server.lines[-1]["event"] == "server_stopped"


async def check_malformed_requests(server: Server, open_socket: Any) -> None:
    """What is not even HTTP is refused like everything else, without a word about the inside."""
    for sent in (
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /api/v1/me HTTP/1.1\r\nauthorization: Bearer \xff\xfe\r\nconnection: close\r\n\r\n",
        b"GET /api/v1/me HTTP/1.1\r\nidempotency-key: \xff\xfe\xfd\r\nconnection: close\r\n\r\n",
        b"POST /api/v1/pictures HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /api/v1/pictures HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
    ):
        reader, writer = await open_socket(server)
        writer.write(sent)
        answer = await asyncio.wait_for(reader.read(), 5)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.split(b" ")[1] in (b"400", b"413"), (sent[:60], answer)
        problem = json.loads(body)
        assert problem["code"] in ("bad_request", "too_large")
        assert f"x-request-id: {problem['request_id']}".encode() in head
        assert problem.pop("detail", "") in ("", "请求头不是有效的 UTF-8")
        assert set(problem) <= {"type", "code", "title", "status", "request_id"}


async def check_a_large_upload(server: Server, token: str, open_socket: Any) -> None:
    """30 MB without a told length: refused, and the client, who sends it all before it listens, hears of it."""
    reader, writer = await open_socket(server)
    head = "POST /api/v1/pictures HTTP/1.1\r\nhost: linli\r\ncontent-type: image/jpeg\r\ntransfer-encoding: chunked\r\n"
    writer.write(f"{head}authorization: Bearer {token}\r\nconnection: close\r\n\r\n".encode())
    for _ in range(30):
        writer.write(b"100000\r\n" + bytes(0x100000) + b"\r\n")
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"too_large"' in answer


async def check_nothing_personal_is_logged(server: Server, token: str) -> None:
    """Everything that a request may carry, in all the places where it may stand."""
    secrets = {
        "code": "0c1WeChatLoginCode2026",
        "phone": PHONE,
        "openid": OPENID,
        "name": "欧阳某某",
        "address": "文化西路某号楼",
        "token": TOKEN,
        "key": "key-4f9d1c22-aaaa-bbbb",
        "session": token,
    }
    told = {name: value for name, value in secrets.items() if name != "session"}
    headers = {"authorization": f"Bearer {token}", "x-request-id": "personal-data-1"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers) as client:
        await client.post("/api/v1/sessions", json={"code": secrets["code"]})
        await client.put("/api/v1/me/phone", json={"code": secrets["code"]})
        for method, path in (("PUT", "/api/v1/me/details"), ("PATCH", "/api/v1/me"), ("POST", "/api/v1/sessions")):
            await client.request(method, path, json=told)
            await client.request(method, path, content=json.dumps(told)[:-1])
        await client.put("/api/v1/me/details", json={"real_name": secrets["name"], "address": secrets["address"]})
        await client.get(f"/api/v1/{PHONE}/{OPENID}", params=told)
        await client.get("/api/v1/me", params=told)
        await client.get(f"/api/v1/media/{TOKEN}")
        await client.get("/api/v1/me", headers={"authorization": f"Bearer {TOKEN}", "cookie": f"a={PHONE}"})
        await client.post("/api/v1/pictures", content=PHONE.encode(), headers={"content-type": "image/jpeg"})
        await client.post("/api/v1/me/consents", json=told, headers={"idempotency-key": secrets["key"]})

    def written() -> list[Any]:
        return [
            line for line in server.lines if line.get("request_id") == "personal-data-1" and line["event"] == "request"
        ]

    # An answer may arrive before its line: the lines of a turn of the server's loop are written at its end.
    async with asyncio.timeout(5):
        while len(written()) < 15:
            await asyncio.sleep(0.01)
    lines = written()
    assert len(lines) == 15
    for line in lines:
        assert set(line) == {
            "event",
            "level",
            "timestamp",
            "request_id",
            "method",
            "operation",
            "status",
            "milliseconds",
        }
    log = server.log
    for name, secret in secrets.items():
        assert secret not in log, name


async def test_several_processes(tokens: list[str], settings: Settings, tmp_path: Path, open_socket: Any) -> None:
    with Server(settings, tmp_path, LINLI_WORKERS="2") as server:
        await server.start()
        await until(lambda: sum(line["event"] == "server_started" for line in server.lines) == 2)
        assert len(server.children) == 2
        assert await count_requests(server, 40) == 40
        # One that crashes is replaced, and so is one that somebody stops; nobody is turned away meanwhile.
        crashed, stopped = await server.grown_up()
        os.kill(crashed, signal.SIGKILL)
        assert await count_requests(server, 10) == 50
        os.kill(stopped, signal.SIGTERM)
        await until(lambda: not {crashed, stopped} & set(server.children) and len(server.children) == 2)
        assert await count_requests(server, 10) == 60
        errors = [line for line in server.lines if line["level"] == "error"]
        assert [(line["event"], line["exit_code"]) for line in errors] == [
            ("server_process_ended", -9),
            ("server_process_ended", 0),
        ]
        server.log_path.write_text("")
        await stop_under_load(server, tokens, open_socket)


async def count_requests(server: Server, more: int) -> int:
    """Ask `more` times, on as many connections, for what does not exist; how often the server has been asked in all."""
    async with httpx.AsyncClient(base_url=server.url, headers={"connection": "close"}) as client:
        for answer in await asyncio.gather(*(client.get("/nothing") for _ in range(more))):
            assert answer.status_code == 404
        text = (await client.get("/metrics")).text
    found = re.search(r'linli_requests_total\{operation="unknown",status="404"\} (\d+)', text)
    assert found
    return int(found[1])


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_who_can_connect_is_answered_at_once(settings: Settings, tmp_path: Path, workers: str) -> None:
    """Not kept waiting while the server loads: a balancer in front would have sent the request elsewhere."""
    with Server(settings, tmp_path, LINLI_WORKERS=workers) as server:
        server.process = server._spawn()
        while True:
            began = time.monotonic()
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                break
            except OSError:
                await asyncio.sleep(0.01)
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: linli\r\nconnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        assert time.monotonic() - began < 1
        writer.close()


async def test_two_servers_with_one_data_folder_count_for_themselves(settings: Settings, tmp_path: Path) -> None:
    left = settings.data_dir / "metrics" / "999999999"
    left.mkdir(parents=True)
    with Server(settings, tmp_path, LINLI_WORKERS="2") as first, Server(settings, tmp_path, LINLI_WORKERS="2") as other:
        await first.start()
        assert await count_requests(first, 3) == 3
        await other.start()
        assert await count_requests(other, 2) == 2
        assert await count_requests(first, 1) == 4
        assert not left.exists(), "of a server that is gone"


async def test_no_process_outlives_a_server_that_is_killed(settings: Settings, tmp_path: Path) -> None:
    with Server(settings, tmp_path, LINLI_WORKERS="2") as server:
        await server.start()
        children = server.children
        server.kill()
        await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))


async def test_several_processes_that_cannot_start(settings: Settings, tmp_path: Path) -> None:
    """Told once, and it ends: it does not try again and again."""
    with Server(
        settings, tmp_path, LINLI_WORKERS="2", DATABASE_URL=settings.database_url.replace("/linli?", "/nowhere?")
    ) as server:
        with pytest.raises(AssertionError):
            await server.start()
        assert await server.ended() == 1
        assert "/nowhere" not in server.log


@pytest.fixture
async def no_keys_noted(app: object) -> AsyncIterator[None]:
    """The database of a deployment that has other keys than the tests."""
    await KeyInUse.all().delete()
    yield
    await KeyInUse.all().delete()


async def test_production(settings: Settings, tmp_path: Path, no_keys_noted: None) -> None:
    """Started with what production wants, it serves; with a port in use, it says so in a sentence."""
    environment = {**PRODUCTION, "WECHAT_API_BASE": ""}
    with Server(settings, tmp_path, **environment) as server:
        await server.start()
        async with httpx.AsyncClient(base_url=server.url) as client:
            assert (await client.get("/metrics")).status_code == 404
            token = {"authorization": f"Bearer {PRODUCTION['LINLI_METRICS_TOKEN']}"}
            assert (await client.get("/metrics", headers=token)).status_code == 200
            assert (await client.get("/api/v1/openapi.json")).json()["servers"] == [{"url": "https://linli.example.cn"}]
            second = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-m", "server", "serve"],
                env=server.environment,
                capture_output=True,
                text=True,
            )
        assert second.returncode == 1
        assert second.stderr == f"Cannot listen on 127.0.0.1:{server.port}: Address already in use.\n"
        server.signal(signal.SIGTERM)
        assert await server.ended() == 0
        assert "error" not in {line["level"] for line in server.lines}


SEED = """
import asyncio, os
from server.foundation import schema
from server.connections import connected
from server.foundation.settings import load_settings
from server.wiring import wire
from tests.builders import create_person, sign_in
from tests.clients import Api

async def seed():
    wire()
    settings = load_settings()
    await (schema.create_from_models if os.environ.get("LINLI_SCHEMA_FROM_MODELS") else schema.migrate)(settings)
    async with connected(settings):
        print((await sign_in(Api(None), await create_person())).token)

asyncio.run(seed())
"""


async def test_a_crash_of_everything_loses_nothing_that_was_acknowledged(settings: Settings, tmp_path: Path) -> None:
    """kill -9 of the database and the server right after an answer; started again, what was answered is there."""
    folder = settings.data_dir / "crash"
    folder.mkdir()
    postgres = start_postgres(folder, durable=True)
    own = msgspec.structs.replace(
        settings, data_dir=folder, database_url=postgres.url, redis_url="unix:///nowhere/valkey.sock"
    )
    server = Server(own, tmp_path)
    try:
        seeded = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", SEED],
            env=server.environment | ({"LINLI_SCHEMA_FROM_MODELS": "1"} if FROM_MODELS else {}),
            capture_output=True,
            text=True,
            check=True,
        )
        token = seeded.stdout.strip()
        await server.start()
        async with httpx.AsyncClient(base_url=server.url) as client:
            status, told = await readiness(Api(client))
            assert (told["database"] != "unreachable", told["cache"]) == (True, "unreachable")
            assert status == (503 if FROM_MODELS else 200)
            pictures = [await upload(Api(client, token)) for _ in range(3)]
            postgres.process.kill()
            while told["database"] != "unreachable":
                status, told = await readiness(Api(client))
            assert status == 503
            response = await client.get("/api/v1/me", headers={"authorization": f"Bearer {token}"})
            assert response.json()["code"] == "unavailable"
            assert set(response.json()) == {"type", "code", "title", "status", "request_id"}
        server.kill()
        postgres.process.wait()
        postgres = start_postgres(folder, durable=True)
        await server.start()
        async with httpx.AsyncClient(base_url=server.url) as client:
            for picture in pictures:
                shown = await client.get(httpx.URL(picture["url"]).path)
                assert shown.status_code == 200
                assert len(shown.content) > 100
    finally:
        server.kill()
        postgres.stop()
