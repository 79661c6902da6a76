"""What the console's pages declare is there: operations, columns, states; and no page asks another machine."""

import hashlib
import json
import re
import typing
from typing import Any

import msgspec
import pytest

from miniprogram_api.routes import BY_OPERATION
from miniprogram_api.routing import Who
from server.console.declaring import Act, WorkPage
from server.console.door import _FOLDER
from server.console.labels import label
from server.console.pages import BY_SLUG, PAGES, WHERE
from server.console.rendering import POLICY
from server.foundation.actions import ActionView
from server.foundation.words import Worded
from server.organizations import desk
from tests.builders import create_community, create_staff
from tests.clients import Api
from tests.console.visiting import Browser


def item_of(operation: str, rows: str = "") -> Any:
    """The Struct of a row."""
    answer = BY_OPERATION[operation].response_type
    answer = parts_of(answer)[rows] if rows else answer
    return typing.get_args(answer)[0] if typing.get_args(answer) else answer


def parts_of(kind: Any) -> dict[str, Any]:
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}


def leads_somewhere(kind: Any, path: str) -> Any:
    """The type at the end of a path of attributes."""
    for part in path.split("."):
        assert part in parts_of(kind), f"{kind.__name__} has no {part}"
        told = parts_of(kind)[part]
        kind = next((one for one in (told, *typing.get_args(told)) if isinstance(one, type)), told)
    return kind


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.slug)
def test_a_page_shows_what_there_is(page: WorkPage) -> None:
    row = item_of(page.lists, page.rows)
    for column in (*page.columns, page.id):
        leads_somewhere(row, column)
    for column in page.columns:
        name = column.split(".")[0 if column.endswith(".name") else -1]
        assert re.search(r"[\u4e00-\u9fff]", label(name)), f"{name} has no word"
    listed = BY_OPERATION[page.lists]
    assert set(page.filters) <= parts_of(listed.query_type).keys() if listed.query_type else not page.filters
    thing = item_of(page.shows) if page.shows else row
    for link in page.links:
        for path in re.findall(r"{(\w+)}", link.to):
            leads_somewhere(thing, path)
    for operation in page.details:
        assert typing.get_origin(BY_OPERATION[operation].response_type) is list
    if page.headline:
        leads_somewhere(thing, page.headline)
    for act in page.acts:
        fits(act, thing, row)
    assert any(act.tried for act in page.acts) == bool(page.offers)
    if page.offers:
        assert typing.get_args(BY_OPERATION[page.offers].response_type) == (ActionView,)
    for act in page.makes:
        assert BY_OPERATION[act.operation].path_parameters in ([], ["service_id"], ["venue_id"])


def fits(act: Act, thing: Any, row: Any) -> None:
    route = BY_OPERATION[act.operation]
    assert len(route.path_parameters) <= 1
    body = parts_of(route.body_type) if route.body_type else {}
    assert {*act.fills, *act.begins, *act.choices} <= body.keys()
    for path in (*act.fills.values(), *act.begins.values()):
        leads_somewhere(thing, path)
    assert ("version" in body) <= ("version" in act.fills), "what was edited meanwhile must not be overwritten"
    assert not act.is_bulk or not body
    if act.states:
        state = leads_somewhere(thing, "state")
        assert issubclass(state, Worded)
        assert set(act.states) <= {str(member) for member in state}


def test_everything_on_the_desk_has_a_page() -> None:
    assert {queue.kind for queue in desk.QUEUES} == WHERE.keys()
    assert set(WHERE.values()) <= {*BY_SLUG, "shifts"}


def test_what_a_page_calls_is_for_staff() -> None:
    for page in PAGES:
        for operation in (act.operation for act in (*page.acts, *page.makes)):
            assert BY_OPERATION[operation].who is not Who.ANYONE


def test_the_vendored_files_are_the_packages_own() -> None:
    vendor = _FOLDER / "vendor"
    sums = {
        name: digest
        for package in json.loads((vendor / "manifest.json").read_text())
        for name, digest in package["sha256"].items()
    }
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in vendor.iterdir()}
    assert {name: digest for name, digest in found.items() if name != "manifest.json"} == sums


async def test_nothing_comes_from_elsewhere(app: Any, api: Api) -> None:
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    browser = await Browser(app).sign_in(await create_staff(api, await create_community()))
    for path in ("/console/", "/console/sign-in", "/console/figures", "/console/trends"):
        await browser.open(path)
        assert browser.status == 200
        for address in re.findall(r'(?:src|href|action|hx-get)="([^"]+)"', browser.text):
            assert address.startswith(("/console", "#", "data:")), address
        for asset in re.findall(r'"(/console/static/[^"]+)"', browser.text):
            answer = await browser.client.get(asset)
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]
    assert (await browser.open("/console/static/0/console.css")).status == 404
