"""The documentation page needs nothing but this machine."""

import hashlib
import json
import re
from typing import Any

import httpx
import msgspec
from asgi_lifespan import LifespanManager
from sanic import Sanic

from miniprogram_api.docs import VENDOR, add_pages
from server.foundation.http import prepare_app
from server.foundation.settings import Environment, Settings
from tests.clients import Api
from tests.simulator import Simulator


def test_the_vendored_files_are_the_packages_own() -> None:
    manifest = json.loads((VENDOR / "manifest.json").read_text())
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.iterdir()}
    ours = {"README.md", "manifest.json"}
    assert {name: digest for name, digest in found.items() if name not in ours} == manifest["sha256"]
    assert manifest["version"] in manifest["source"]


async def test_the_page_and_its_assets_come_from_here(api: Api) -> None:
    page = await api.client.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "接口文档" in page.text
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(named) == 6
    assert all(address.startswith(("/docs/", "/api/v1/", "data:,")) for address in named)
    for address in named:
        if address.startswith("/docs/"):
            answer = await api.client.get(address)
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith(("text/javascript", "text/css"))
            if not address.startswith("/docs/start."):
                assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_the_page_may_load_nothing_from_elsewhere(api: Api) -> None:
    policy = (await api.client.get("/docs")).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "*" not in policy


async def test_there_are_no_other_assets(api: Api) -> None:
    version = json.loads((VENDOR / "manifest.json").read_text())["version"]
    for name in ("manifest.json", "LICENSE", "..%2f..%2fdocs.py"):
        assert (await api.client.get(f"/docs/{version}/{name}")).status_code == 404


async def test_the_front_page_leads_everywhere(api: Api) -> None:
    page = await api.client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    addresses = re.findall(r'<a href="([^"]+)"', page.text)
    assert "/docs" in addresses
    for address in addresses:
        assert (await api.client.get(address, follow_redirects=True)).status_code == 200, address


async def test_in_the_demo_its_people_can_be_signed_in_as(api: Api, simulator: Simulator, settings: Settings) -> None:
    app: Sanic[Any, Any] = Sanic("docs_of_the_demo", configure_logging=False)
    demo = msgspec.structs.replace(settings, environment=Environment.DEMO)
    prepare_app(app, demo)
    add_pages(app, demo, httpx.ASGITransport(simulator.app))
    for openid, nickname in (("demo-staff", "社区小林"), ("somebody", "路人")):
        await simulator.admin("POST", "persons", {"openid": openid, "nickname": nickname})
    transport = httpx.ASGITransport(app)
    async with LifespanManager(app), httpx.AsyncClient(transport=transport, base_url="http://linli.test") as page:
        shown = (await page.get("/docs/persons")).json()["items"]
        assert [(person["openid"], person["nickname"]) for person in shown] == [("demo-staff", "社区小林")]
        code = (await page.post("/docs/persons/demo-staff/login-code")).json()["code"]
        session = await api.post("/sessions", {"code": code}, expect=201)
        assert (await api.as_(session["token"]).get("/me"))["id"] == session["person_id"]
        for other in ("somebody", "demo-nobody"):
            assert (await page.post(f"/docs/persons/{other}/login-code")).status_code == 404


async def test_elsewhere_nobody_can(api: Api) -> None:
    for method, path in (("GET", "/docs/persons"), ("POST", "/docs/persons/demo-staff/login-code")):
        assert (await api.client.request(method, path)).status_code == 404
