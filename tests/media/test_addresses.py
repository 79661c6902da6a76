"""Signed addresses, and what is sent under them."""

from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest

from server.foundation import clock, crypto
from server.foundation.ids import new_id
from server.foundation.settings import DEMO_KEY, Settings
from server.media import addresses
from server.media.addresses import read_address, signed_address
from server.media.uploads.models import Variant
from server.media.uploads.queries import picture_views
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.media.builders import draw, read, upload


@pytest.fixture
async def resident(api: Api) -> Api:
    return await create_resident(api, await create_community())


async def show(api: Api, url: str) -> httpx.Response:
    """As WeChat would: without a session."""
    return await api.client.get(urlsplit(url).path)


async def test_whoever_has_the_address_sees_the_picture(api: Api, resident: Api, settings: Settings) -> None:
    picture = await upload(resident, draw(900, 900))
    assert picture["url"].startswith(f"{settings.public_base}/api/v1/media/{picture['id']}.picture.")
    for address, size in ((picture["url"], (900, 900)), (picture["thumbnail_url"], (400, 400))):
        response = await show(api, address)
        assert response.status_code == 200
        assert read(response.content).size == size
        assert response.headers["content-type"] == "image/jpeg"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in response.headers["content-security-policy"]
        assert int(response.headers["content-length"]) == len(response.content)
        kind, _, seconds = response.headers["cache-control"].partition(", max-age=")
        assert kind == "private"
        assert 600 <= int(seconds) <= 900


async def test_a_transparent_picture_is_sent_as_png(api: Api, resident: Api) -> None:
    picture = await upload(resident, draw(kind="PNG", mode="RGBA"), "image/png")
    assert (await show(api, picture["thumbnail_url"])).headers["content-type"] == "image/png"


async def test_addresses_expire(api: Api, resident: Api) -> None:
    url = (await upload(resident))["url"]
    clock.move_clock(timedelta(seconds=590))
    assert (await show(api, url)).status_code == 200
    clock.move_clock(timedelta(seconds=901))
    assert (await show(api, url)).json()["code"] == "not_found"


async def test_an_address_lives_as_long_as_asked(api: Api, resident: Api) -> None:
    url = signed_address((await upload(resident))["id"], Variant.PICTURE, 3600)
    clock.move_clock(timedelta(seconds=3590))
    assert (await show(api, url)).status_code == 200
    clock.move_clock(timedelta(seconds=5401))
    assert (await show(api, url)).status_code == 404


async def test_a_picture_keeps_its_address_for_a_while(resident: Api) -> None:
    """So that a phone that shows a list again finds its pictures in its cache."""
    picture_id = new_id()
    seen = set()
    for seconds in range(0, 300, 20):
        clock.move_clock(timedelta(seconds=seconds))
        seen.add(signed_address(picture_id))
    assert len(seen) <= 2


async def test_forged_addresses_are_not_found(api: Api, resident: Api) -> None:
    url = (await upload(resident))["url"]
    name = url.rpartition("/")[2]
    picture_id, variant, expires, signature = name.split(".")
    for forged in (
        f"{new_id()}.{variant}.{expires}.{signature}",
        f"{picture_id}.thumbnail.{expires}.{signature}",
        f"{picture_id}.{variant}.{int(expires) + 1000}.{signature}",
        f"{picture_id}.{variant}.{expires}.{signature[:-1]}",
        f"{picture_id}.{variant}.{expires}.{'A' * 43}",
        f"{picture_id}.{variant}.{expires}.签名",
        f"{picture_id}.{variant}.{expires}.",
        f"{picture_id}.{variant}.{expires}",
        picture_id,
        ".",
        "....",
        "%2e%2e%2fclock-offset",
    ):
        response = await show(api, f"/api/v1/media/{forged}")
        assert response.status_code == 404, forged
        assert response.json()["code"] == "not_found"


async def test_a_signature_for_something_else_is_not_taken(api: Api, resident: Api) -> None:
    picture_id = (await upload(resident))["id"]
    told = f"{picture_id}.picture.{int(clock.now().timestamp()) + 600}"
    other = crypto.keyring().sign(told, "something else")
    assert (await show(api, f"/api/v1/media/{told}.{other}")).status_code == 404


async def test_addresses_outlive_a_rotation_of_keys(api: Api, resident: Api, settings: Settings) -> None:
    url = (await upload(resident))["url"]
    new_key = "new:" + "QUFB" * 10 + "QUE="
    try:
        crypto.use_keys(msgspec.structs.replace(settings, keys=f"{new_key},{DEMO_KEY}"))
        assert (await show(api, url)).status_code == 200
        assert signed_address(new_id()) != signed_address(new_id())
        crypto.use_keys(msgspec.structs.replace(settings, keys=new_key))
        assert (await show(api, url)).status_code == 404
    finally:
        crypto.use_keys(settings)


async def test_pictures_that_are_gone(api: Api, resident: Api, settings: Settings) -> None:
    assert (await show(api, signed_address(new_id()))).status_code == 404
    picture = await upload(resident)
    (settings.data_dir / "media" / "pictures" / f"{picture['id']}.jpeg").unlink()
    assert (await show(api, picture["url"])).status_code == 404


async def test_views_come_with_one_query(resident: Api) -> None:
    picture = await upload(resident)
    views = await picture_views([picture["id"], new_id(), picture["id"]])
    assert list(views) == [picture["id"]]
    assert msgspec.to_builtins(views[picture["id"]]) == picture
    assert await picture_views([]) == {}


def test_addresses_are_absolute_and_wechat_can_fetch_them(settings: Settings) -> None:
    """WeChat's check takes only addresses on the public host."""
    try:
        addresses.use_base(msgspec.structs.replace(settings, public_url="https://linli.example.cn/"))
        url = signed_address(new_id(), Variant.PICTURE, 1800)
        assert url.startswith("https://linli.example.cn/api/v1/media/")
        assert read_address(url.rpartition("/")[2])[2] >= 1800
    finally:
        addresses.use_base(settings)
