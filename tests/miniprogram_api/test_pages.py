"""The list of pages, held to what messages and codes open."""

from urllib.parse import parse_qs

from miniprogram_api.pages import PAGES
from miniprogram_api.routes import ROUTES
from miniprogram_api.routing import Who
from server.media.mini_codes import CODES
from server.notifications.events import EVENTS
from tests.clients import Api

ELSEWHERE = {
    "get_resolution": "in the meeting's page",
    "get_sign_up": "in the activity's page",
    "show_party_organization": "chosen in a form",
    "get_list_entry": "in the lists of its place",
    "view_unit_member": "in the unit's reports",
}
"""Operation that gives one thing → where people see it, which has no page of its own."""

QUERY_OF = {page.path: set(page.query) for page in PAGES}


def test_every_page_that_a_message_opens_is_listed(api: Api) -> None:
    opened = {event.page for event in EVENTS.values() if event.page.startswith("pages/") and "thing" not in event.page}
    assert len(opened) > 40
    for page in opened:
        path, _, query = page.partition("?")
        assert path in QUERY_OF, path
        assert set(parse_qs(query)) <= QUERY_OF[path], page


def test_every_page_that_a_code_opens_is_listed() -> None:
    assert {code.page for code in CODES.values()} <= set(QUERY_OF)


def test_every_page_has_a_route_that_fills_it() -> None:
    routes = {route.operation_id for route in ROUTES if route.method == "GET"}
    assert len(QUERY_OF) == len(PAGES)
    for page in PAGES:
        assert page.operation_id in routes, page


def test_everything_that_can_be_shared_has_a_page() -> None:
    shared = {route.operation_id for route in ROUTES if route.path.endswith("/shared")}
    assert len(shared) >= 9
    assert shared == {page.shared_by for page in PAGES if page.shared_by}


def test_every_single_thing_that_residents_read_has_a_page() -> None:
    things = {
        route.operation_id
        for route in ROUTES
        if route.method == "GET"
        and route.path.endswith("_id>")
        and route.who is not Who.STAFF
        and not route.options.raw
    }
    assert things - {page.operation_id for page in PAGES} == ELSEWHERE.keys()


async def test_the_list_is_public(api: Api) -> None:
    listed = await api.get("/pages")
    (shift,) = [page for page in listed if page["path"] == "pages/staff/shift"]
    assert (shift["title"], shift["query"]) == ("场次（工作端）", ["id"])
