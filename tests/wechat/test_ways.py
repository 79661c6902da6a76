"""The ways to the platform: through a proxy, behind a private CA; and what the log says where there is none."""

import asyncio
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest
import structlog

from server.wechat import client
from server.wechat.client import Pool
from server.wechat.errors import NotSent
from tests.servers import free_port, pipe

ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{"errcode":0}'


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Of a host that no DNS knows."""
    found = tmp_path / "wechat.pem", tmp_path / "wechat.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=wechat.invalid"),
            *("-addext", "subjectAltName=DNS:wechat.invalid", "-out", str(found[0]), "-keyout", str(found[1])),
        ],
        check=True,
        capture_output=True,
    )
    return found


async def test_through_a_proxy_and_with_a_private_ca(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0])
        writer.write(ANSWER)
        await writer.drain()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0])
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        there, back = await asyncio.open_connection("127.0.0.1", platform.sockets[0].getsockname()[1])
        await asyncio.gather(pipe(reader, back), pipe(there, writer))

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    platform = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    proxy = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
    try:
        for believed in (False, True):
            if believed:
                monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
            pool = Pool("https://wechat.invalid")
            try:
                if believed:
                    assert await pool.call("GET", "/cgi-bin/one") == {"errcode": 0}
                else:
                    with pytest.raises(NotSent):
                        await pool.call("GET", "/cgi-bin/one")
            finally:
                await pool.aclose()
        assert asked == [b"CONNECT wechat.invalid:443 HTTP/1.1"] * 2 + [b"GET /cgi-bin/one HTTP/1.1"]
        monkeypatch.setenv("NO_PROXY", "wechat.invalid")
        pool = Pool("https://wechat.invalid")
        with pytest.raises(NotSent):
            await pool.call("GET", "/cgi-bin/one")
        await pool.aclose()
        assert len(asked) == 3
    finally:
        platform.close()
        proxy.close()


async def test_the_log_says_that_it_is_away_once_and_then_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    is_away = True

    def respond(request: httpx.Request) -> httpx.Response:
        if is_away:
            raise httpx.ConnectError("no way", request=request)
        return httpx.Response(200, json={"errcode": 0})

    pool = Pool(f"http://127.0.0.1:{free_port()}", httpx.MockTransport(respond))
    log = structlog.testing.CapturingLogger()
    monkeypatch.setattr(client, "log", log)
    for seconds in (60.0, 60.0, 0.0):
        monkeypatch.setattr(client, "AWAY_SECONDS", seconds)
        with pytest.raises(NotSent):
            await pool.call("GET", "/cgi-bin/one", params={"access_token": "secret"})
    is_away = False
    for _ in range(2):
        await pool.call("GET", "/cgi-bin/one")
    await pool.aclose()
    away = ("warning", ("wechat_away",), {"path": "/cgi-bin/one", "error": "ConnectError"})
    assert log.calls == [away, away, ("info", ("wechat_there",), {})]
