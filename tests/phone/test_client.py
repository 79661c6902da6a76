"""The mini-program's files: the phone's bundle is made of them, they fit the API, and every page that is opened exists.

None of this needs node or a browser; building the bundle does (miniprogram_api/client/README.md).
"""

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import miniprogram_api
from miniprogram_api.openapi import openapi_document
from miniprogram_api.pages import PAGES
from miniprogram_api.routes import ROUTES
from server.foundation import clock
from server.foundation.settings import Settings
from server.wechat.simulator.phones import FOLDER

CLIENT = Path(miniprogram_api.__file__).parent / "client"
SOURCE = CLIENT / "miniprogram"
REGISTRY = re.compile(r"https?://[^\"/]*(registry|npmjs|npmmirror)", re.I)
MAIN_PACKAGE = 2 * 1024 * 1024
"""What WeChat takes for a main package."""


def sources() -> list[Path]:
    files = [path for folder in (SOURCE, CLIENT / "phone") for path in folder.rglob("*") if path.is_file()]
    return sorted([*files, CLIENT / "package-lock.json"], key=lambda path: path.relative_to(CLIENT).as_posix())


def described(name: str) -> dict[str, Any]:
    """One table of api/described.ts: a line for each entry."""
    text = (SOURCE / "api/described.ts").read_text()
    table = text.split(f"export const {name}", 1)[1].split("\n};", 1)[0]
    return {key: json.loads(value) for key, value in re.findall(r"^  (\w+): (.+),$", table, re.M)}


@pytest.fixture(scope="module")
def app() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SOURCE / "app.json").read_text())
    return found


def test_the_bundle_is_made_of_these_files() -> None:
    made = hashlib.sha256()
    for path in sources():
        made.update(path.relative_to(CLIENT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for name in ("app.js", "app.css"):
        head = (FOLDER / name).read_text().partition("\n")[0]
        assert made.hexdigest() in head, f"{name} is older than its sources: npm run build in miniprogram_api/client"


def test_what_pages_know_of_the_api_is_so() -> None:
    """`npm run types` makes api/described.ts anew."""
    document = json.loads(openapi_document(ROUTES, Settings()))
    routes = {
        operation["operationId"]: (method.upper(), path.removeprefix("/api/v1"), operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    operations = described("OPERATIONS")
    assert len(operations) > 200
    for name, known in operations.items():
        method, path, operation = routes[name]
        assert (known["method"], known["path"]) == (method, path), name
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        fields = set(resolve(document, schema).get("properties", {})) if schema else set()
        assert {field["name"] for field in known.get("fields", [])} == fields, name
    for name, words in described("WORDS").items():
        schema = document["components"]["schemas"][name]
        assert words == dict(zip(schema["enum"], schema["x-enum-descriptions"], strict=True)), name


def resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def test_every_page_that_the_server_opens_exists(app: dict[str, Any]) -> None:
    assert {page.path for page in PAGES} - set(app["pages"]) == set()


def test_every_page_that_a_page_opens_exists(app: dict[str, Any]) -> None:
    pages = set(app["pages"])
    for path in pages:
        for ending in ("ts", "json", "wxml"):
            assert (SOURCE / f"{path}.{ending}").is_file(), f"{path}.{ending}"
    opened = [(source, page) for source in SOURCE.rglob("*.ts") for page in _pages_in(source.read_text())]
    assert len(opened) > 100
    assert [(source.name, page) for source, page in opened if page not in pages] == []
    tabs = [tab["pagePath"] for tab in app["tabBar"]["list"]]
    assert json.dumps(tabs) in (SOURCE / "kit/page.ts").read_text()


def _pages_in(text: str) -> Iterator[str]:
    yield from re.findall(r"[\"`/](pages/[\w-]+/[\w-]+)(?=[\"`?])", text)


def test_the_main_package_is_small_enough() -> None:
    assert sum(path.stat().st_size for path in SOURCE.rglob("*") if path.is_file()) < MAIN_PACKAGE / 2


def test_no_address_of_a_registry_is_kept() -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        assert not REGISTRY.search((CLIENT / name).read_text()), name


def test_a_room_is_taken_from_round_times() -> None:
    """What is free begins now, at any minute; nobody books a room from 13:38."""
    if not shutil.which("node") or not (CLIENT / "node_modules").is_dir():
        pytest.skip("node or its packages are missing: npm ci in miniprogram_api/client")
    free = [
        {"starts_at": "2031-03-03T13:38:07+08:00", "ends_at": "2031-03-03T15:00:00+08:00"},
        {"starts_at": "2031-03-03T16:00:00+08:00", "ends_at": "2031-03-03T17:00:00+08:00"},
    ]
    built = ["npx", "esbuild", "miniprogram/pages/service/times.ts", "--format=cjs"]
    code = subprocess.run(built, cwd=CLIENT, capture_output=True, text=True, timeout=60, check=True).stdout
    code += f"console.log(JSON.stringify(startsIn({json.dumps(free)}, 30)))"
    said = subprocess.run(["node", "-e", code], capture_output=True, text=True, timeout=60, check=True).stdout
    hours = [clock.shanghai(datetime.fromisoformat(start)).strftime("%H:%M") for start in json.loads(said)]
    assert hours == ["13:45", "14:00", "14:30", "16:00", "16:30"]


def test_the_types_hold() -> None:
    """`tsc --strict`, where node and the packages are here."""
    if not shutil.which("node") or not (CLIENT / "node_modules").is_dir():
        pytest.skip("node or its packages are missing: npm ci in miniprogram_api/client")
    for command in (["node", "phone/describe.mjs", "--types-only"], ["npx", "tsc"], ["npx", "tsc", "-p", "phone"]):
        done = subprocess.run(command, cwd=CLIENT, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
