"""The documentation page needs nothing but this machine."""

import hashlib
import json
import re

from miniprogram_api.docs import VENDOR
from tests.clients import Api


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
    assert len(named) == 5
    assert all(address.startswith(("/docs/", "/api/v1/", "data:,")) for address in named)
    for address in named:
        if address.startswith("/docs/"):
            answer = await api.client.get(address)
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith(("text/javascript", "text/css"))
            if address != "/docs/start.js":
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
        assert (await api.client.get(address)).status_code == 200, address
