"""Uploading over HTTP."""

import struct
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from server.foundation import clock
from server.foundation.database import fetch, fetch_value
from server.foundation.settings import Settings
from server.media import storage
from server.media.uploads import uploading
from server.media.uploads.pictures import MAX_BYTES
from server.media.uploads.queries import picture_views
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.media.builders import draw, read, upload


@pytest.fixture
async def resident(api: Api) -> Api:
    return await create_resident(api, await create_community())


async def send_form(api: Api, files: Any, **options: Any) -> Any:
    return await api.send("POST", "/pictures", files=files, **options)


async def refused_form(api: Api, files: Any, code: str, **options: Any) -> None:
    response = await send_form(api, files, **options)
    assert response.json()["code"] == code, response.text


async def test_a_form_as_wechat_sends_it(resident: Api, settings: Settings) -> None:
    response = await send_form(resident, {"file": ("照片.jpg", draw(600, 300), "image/jpeg")}, data={"purpose": "wish"})
    assert response.status_code == 201
    picture = response.json()
    assert (picture["width"], picture["height"]) == (600, 300)
    row = (await fetch("SELECT * FROM picture"))[0]
    assert row["id"] == picture["id"]
    assert (row["owner_id"], row["state"], row["format"]) == (resident.person_id, "ready", "jpeg")
    for variant, size in (("pictures", (600, 300)), ("thumbnails", (400, 200))):
        assert read((settings.data_dir / "media" / variant / f"{row['id']}.jpeg").read_bytes()).size == size


async def test_a_picture_as_the_body(resident: Api) -> None:
    assert (await upload(resident, draw(kind="PNG"), "image/png"))["width"] == 60
    # The content decides, whatever the header says.
    assert (await upload(resident, draw(kind="WEBP"), "image/jpeg"))["width"] == 60


async def test_only_who_has_signed_in_uploads(api: Api) -> None:
    assert (await upload(api, expect=401))["code"] == "not_signed_in"


async def test_other_content_types_are_refused(resident: Api) -> None:
    for content_type in ("application/json", "text/html", "application/octet-stream", ""):
        assert (await upload(resident, content_type=content_type, expect=415))["code"] == "unsupported_type"


async def test_what_is_no_picture_is_refused_and_leaves_nothing(resident: Api) -> None:
    assert (await upload(resident, b"<script>", expect=415))["code"] == "unsupported_type"
    assert (await upload(resident, draw()[:-30], expect=422))["code"] == "picture_unreadable"
    gif = draw(kind="GIF")
    huge = gif[:6] + struct.pack("<HH", 60_000, 60_000) + gif[10:]
    assert (await upload(resident, huge, expect=422))["code"] == "too_many_pixels"
    assert await fetch_value("SELECT count(*) FROM picture") == 0


async def test_malformed_forms_are_refused(resident: Api) -> None:
    picture = ("a.jpg", draw(), "image/jpeg")
    await refused_form(resident, {"other": picture}, "bad_request")
    await refused_form(resident, [("file", picture), ("file", picture)], "bad_request")
    await refused_form(resident, [("file", picture), ("other", picture)], "bad_request")
    for content_type, body in (
        ("multipart/form-data", b"--x\r\n\r\n--x--"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=xyz", b"--xyz\r\nno header line\r\n\r\n\r\n--xyz--\r\n"),
        ("multipart/form-data; boundary=xyz", b"--xyz\r\nContent-Disposition: \xff\xfe\r\n\r\n\r\n--xyz--\r\n"),
        ("multipart/form-data; boundary=xyz", b"--xyz\r\nContent-Disposition: form-data; name=file"),
        ("multipart/form-data; boundary=a", b"a" * 5_000_000),
    ):
        assert (await upload(resident, body, content_type, expect=400))["code"] == "bad_request"


async def test_too_large_an_upload_is_refused(resident: Api) -> None:
    assert (await upload(resident, bytes(MAX_BYTES + 1), expect=413))["code"] == "too_large"
    await refused_form(resident, {"file": ("a.jpg", bytes(MAX_BYTES + 1), "image/jpeg")}, "too_large")


async def test_an_endless_upload_is_cut_off(resident: Api) -> None:
    """Counted while it streams; only the first ten megabytes are kept."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield bytes(1024 * 1024)

    response = await resident.send("POST", "/pictures", content=endless(), headers={"content-type": "image/jpeg"})
    assert response.json()["code"] == "too_large"
    assert 50 <= sent <= 52


async def test_a_far_too_large_upload_is_not_received_at_all(resident: Api) -> None:
    async def nothing() -> AsyncIterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    headers = {"content-type": "image/jpeg", "content-length": str(100 * 1024 * 1024)}
    response = await resident.send("POST", "/pictures", content=nothing(), headers=headers)
    assert response.json()["code"] == "too_large"


async def test_a_person_cannot_fill_the_store(resident: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploading, "MAX_UNUSED", 2)
    first = await upload(resident)
    await upload(resident)
    assert (await upload(resident, expect=429))["code"] == "too_many_requests"
    await uploading.attach_pictures(resident.person_id, [first["id"]], ("wish", first["id"]))
    await upload(resident)


async def test_a_store_that_is_gone(resident: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(storage, "_store", storage._folder(tmp_path / "gone"))
        (tmp_path / "gone").rmdir()
        (tmp_path / "gone").write_text("a file where the folder was")
        assert (await upload(resident, expect=503))["code"] == "unavailable"
    # The row tells the sweep that something may have been stored.
    assert await fetch_value("SELECT state FROM picture") == "uploading"
    clock.move_clock(timedelta(days=1, minutes=1))
    assert await uploading.REMOVE_UNUSED_PICTURES.run() == 1
    assert await fetch_value("SELECT count(*) FROM picture") == 0


async def test_a_database_that_fails_after_the_bytes_are_stored(
    resident: Api, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    async def fail(*_: Any) -> int:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(uploading, "execute", fail)
        assert (await upload(resident, expect=503))["code"] == "unavailable"
    picture_id = await fetch_value("SELECT id FROM picture WHERE state = 'uploading'")
    files = [settings.data_dir / "media" / variant / f"{picture_id}.jpeg" for variant in ("pictures", "thumbnails")]
    assert all(file.exists() for file in files)
    assert await picture_views([picture_id]) == {}
    clock.move_clock(timedelta(days=1, minutes=1))
    assert await uploading.REMOVE_UNUSED_PICTURES.run() == 1
    assert not any(file.exists() for file in files)


async def test_an_upload_that_the_sweep_overtook(
    resident: Api, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """The clock jumps while the bytes are on their way: the sweep takes the upload for dead and removes the row."""
    really_put = storage.put
    ids: list[str] = []

    async def put_late(key: str, content: bytes) -> None:
        if not ids:
            ids.append(key.partition("/")[2])
            clock.move_clock(timedelta(days=2))
            assert await uploading.REMOVE_UNUSED_PICTURES.run() == 1
        await really_put(key, content)

    monkeypatch.setattr(storage, "put", put_late)
    assert (await upload(resident, expect=503))["code"] == "unavailable"
    assert await fetch_value("SELECT count(*) FROM picture") == 0
    assert not (settings.data_dir / "media" / "pictures" / ids[0]).exists()
