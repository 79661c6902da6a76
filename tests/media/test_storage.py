"""The folder and the bucket behind the same four functions."""

import asyncio
import stat
from pathlib import Path

import msgspec
import pytest
import structlog
from obstore.store import LocalStore, S3Store

from server.foundation.errors import Unavailable
from server.foundation.settings import Settings
from server.media import storage
from server.media.drawing import lettering, qr
from server.readiness import check_readiness
from tests.clients import Api
from tests.media.builders import read


@pytest.fixture
def unconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test connects to is forgotten after it."""
    monkeypatch.setattr(storage, "_store", None)


async def test_a_folder(unconnected: None, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        await storage.put("pictures/a.jpeg", b"a")
    storage.connect(Settings(data_dir=tmp_path))
    assert isinstance(storage._store, LocalStore)
    content = bytes(range(256)) * 4000
    await storage.put("pictures/a.jpeg", content)
    await storage.put("pictures/a.jpeg", content)
    stored = await storage.get("pictures/a.jpeg")
    chunks = [chunk async for chunk in stored.chunks]
    assert b"".join(chunks) == content
    assert stored.size == len(content)
    assert len(chunks) > 1
    await storage.delete("pictures/a.jpeg")
    await storage.delete("pictures/a.jpeg")
    with pytest.raises(FileNotFoundError):
        await storage.get("pictures/a.jpeg")
    assert stat.S_IMODE((tmp_path / "media").stat().st_mode) == 0o700


async def test_nothing_outside_of_the_folder_is_reached(unconnected: None, tmp_path: Path) -> None:
    storage.connect(Settings(data_dir=tmp_path))
    (tmp_path / "secret").write_text("secret")
    with pytest.raises((Unavailable, FileNotFoundError, ValueError)):
        await storage.get("../secret")


def test_a_bucket_is_set_up_from_the_settings(unconnected: None) -> None:
    settings = Settings(
        s3_bucket="linli",
        s3_endpoint="https://oss-cn-qingdao.aliyuncs.com",
        s3_region="oss-cn-qingdao",
        s3_access_key_id="id",
        s3_secret_access_key="key",
    )
    storage.connect(settings)
    store = storage._store
    assert isinstance(store, S3Store)
    told = dict(store.config or {})
    assert told["bucket"] == "linli"
    assert told["endpoint"] == "https://oss-cn-qingdao.aliyuncs.com"
    assert told["region"] == "oss-cn-qingdao"
    assert (told["access_key_id"], told["secret_access_key"]) == ("id", "key")


def test_a_bucket_named_by_its_endpoint_is_not_named_again(unconnected: None) -> None:
    """The clouds of Aliyun and Tencent want the bucket in the host and refuse it in the path."""
    for host, is_named in (("linli.oss-cn-qingdao.aliyuncs.com", True), ("oss-cn-qingdao.aliyuncs.com", False)):
        storage.connect(Settings(s3_bucket="linli", s3_endpoint=f"https://{host}", s3_region="oss-cn-qingdao"))
        assert isinstance(storage._store, S3Store)
        assert ("virtual_hosted_style_request" in (storage._store.config or {})) is is_named


async def test_a_bucket_over_the_wire(unconnected: None) -> None:
    """Against a bucket of a few lines on this machine: what is asked for is what S3 is asked for."""
    objects: dict[str, bytes] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.decode().split("\r\n")
            method, path, _ = lines[0].split(" ")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
            assert "authorization" in headers
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            status, content = "200 OK", b""
            if method == "PUT":
                objects[path] = body
            elif method == "GET" and path in objects:
                content = objects[path]
            elif method == "POST" and "delete" in path:
                key = body.partition(b"<Key>")[2].partition(b"</Key>")[0].decode()
                objects.pop(f"/linli/{key}", None)
                content = f"<DeleteResult><Deleted><Key>{key}</Key></Deleted></DeleteResult>".encode()
            else:
                status = "404 Not Found"
            fields = f'etag: "x"\r\nlast-modified: Thu, 01 Jan 2026 00:00:00 GMT\r\ncontent-length: {len(content)}'
            writer.write(f"HTTP/1.1 {status}\r\n{fields}\r\n\r\n".encode() + content)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        storage.connect(
            Settings(
                s3_bucket="linli",
                s3_endpoint=f"http://127.0.0.1:{port}",
                s3_region="any",
                s3_access_key_id="id",
                s3_secret_access_key="key",
            )
        )
        storage._failure = "away"
        await storage.put("pictures/a.jpeg", b"content")
        assert await storage.why_not_writable() == "ok"
        assert objects == {"/linli/pictures/a.jpeg": b"content"}
        stored = await storage.get("pictures/a.jpeg")
        assert b"".join([chunk async for chunk in stored.chunks]) == b"content"
        await storage.delete("pictures/a.jpeg")
        assert objects == {}
        with pytest.raises(FileNotFoundError):
            await storage.get("pictures/a.jpeg")


async def test_a_bucket_that_does_not_answer(api: Api, settings: Settings, unconnected: None) -> None:
    settings = msgspec.structs.replace(
        settings,
        s3_bucket="linli",
        s3_endpoint="http://127.0.0.1:9",
        s3_region="any",
        s3_access_key_id="id",
        s3_secret_access_key="key",
    )
    storage.connect(settings)
    with structlog.testing.capture_logs() as lines:
        with pytest.raises(Unavailable):
            await storage.put("pictures/a.jpeg", b"a")
        with pytest.raises(Unavailable):
            await storage.get("pictures/a.jpeg")
        with pytest.raises(Unavailable):
            await storage.delete("pictures/a.jpeg")
    assert [line["event"] for line in lines] == ["store_failed"] * 3
    assert all(line["kind"] and "127.0.0.1" not in line["kind"] for line in lines)
    # A balancer that took this server out would take all of them: they have one bucket.
    told = await check_readiness(settings, is_draining=False, has_fitted=True)
    assert (told.status, told.media) == ("ready", lines[0]["kind"])


def test_codes_are_square_and_black_on_white() -> None:
    picture = read(qr.draw_qr("linli:shift:0123456789ABCDEFGHIJKL", width=480)).convert("RGB")
    assert picture.width == picture.height
    assert 240 < picture.width <= 480
    assert picture.getpixel((0, 0)) == (255, 255, 255)
    assert qr.draw_qr("a") != qr.draw_qr("b")


def test_the_font_has_chinese_letters() -> None:
    font = lettering.load_font(32)
    assert font.getmask("邻").getbbox() not in (None, font.getmask("\U0010fffd").getbbox())
    assert lettering.load_font(32) is font
