"""Lists of the console, with something on them."""

from typing import Any

import pytest

from server.console import work
from server.console.pages import PAGES
from server.organizations.models import Level, RoleKind
from server.wishes.models import WishState
from tests.builders import create_community, create_organization, create_resident, create_staff
from tests.check_in.builders import application, create_checked_in, create_member, create_post
from tests.clients import Api
from tests.console.visiting import Browser
from tests.neighbor_center.builders import TUESDAY, at, book, create_room, create_service, set_clock
from tests.plans import listening
from tests.volunteering.builders import People as Volunteers
from tests.volunteering.builders import publish_shift
from tests.wishes.builders import create_people, put_wish


@pytest.fixture
async def community(app: Any, api: Api) -> Any:
    """A community in which something waits, and something is done, wherever one looks."""
    set_clock("08:00")
    people = await create_people(api)
    community = people.community
    await create_organization(Level.GRID, parent=community)
    staff = await create_staff(api, community)
    for state in (WishState.SUBMITTED, WishState.PUBLISHED, WishState.CLAIMED):
        await put_wish(people, state)
    for _ in range(2):
        await (await create_member(api, community)).post("/check-ins", application(community), expect=201)
        await create_checked_in(api, staff, community)
    await create_post(staff, community)
    residents = [await create_resident(api, community) for _ in range(3)]
    await publish_shift(Volunteers(community, staff, *residents))
    service = await create_service(community, needs_approval=True)
    room = await create_room(community, venue=await service.venue)
    for number, resident in enumerate(residents, 9):
        await book(resident, service, f"{number:02}:00")
        await resident.post(
            f"/services/{room.id}/room-bookings",
            {"starts_at": at(f"{number:02}:00"), "ends_at": at(f"{number:02}:30")},
            expect=201,
        )
        await resident.post(f"/venues/{service.venue_id}/complaints", {"text": "无人接待"}, expect=201)
    await staff.get("/points/rules")
    return community


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.slug)
async def test_a_list_is_few_statements(app: Any, api: Api, community: Any, page: Any) -> None:
    kind = RoleKind.MANAGER if page.managers_only else RoleKind.STAFF
    browser = await Browser(app).sign_in(await create_staff(api, community, kind))
    day = f"?day={TUESDAY}" if "day" in page.filters else ""
    with listening() as asked:
        await browser.open(f"/console/pages/{page.slug}{day}")
    assert browser.status == 200, browser.text
    # Whoever is seen on a list leaves a trace, all of them in one statement.
    reads = [sql for sql, _ in asked if not sql.startswith('INSERT INTO "audit_entry"')]
    assert len(reads) <= 5, "\n\n".join(reads)
    assert len(asked) <= len(reads) + 1, asked


async def test_what_cannot_be_done_says_why(app: Any, api: Api) -> None:
    set_clock("08:00")
    community = await create_community()
    staff, resident = await create_staff(api, community), await create_resident(api, community)
    service = await create_service(community, needs_approval=True)
    own, theirs = await book(staff, service), await book(resident, service, "10:00")
    browser = await Browser(app).sign_in(staff)
    why = "现在不能“同意”：与自己有关的事项须由另一位工作人员处理"
    await browser.open(f"/console/pages/bookings/{theirs['id']}")
    assert browser.link("approve_booking")
    assert why not in browser.text
    assert "mark_booking_attended" not in browser.text, "it has no place for that"
    await browser.open(f"/console/pages/bookings/{own['id']}")
    assert why in browser.text
    assert "approve_booking" not in browser.text
    await browser.open(f"/console/pages/bookings/{own['id']}/approve_booking")
    assert why in browser.text, "nor is anything typed in vain"


async def test_every_act_that_asks_nothing_is_for_many(app: Any, api: Api, community: Any) -> None:
    browser = await Browser(app).sign_in(await create_staff(api, community))
    await browser.open(f"/console/pages/bookings?day={TUESDAY}")
    for operation in ("mark_booking_attended", "approve_booking"):
        assert f'formaction="/console/pages/bookings/bulk/{operation}"' in browser.text


async def test_a_thing_that_only_a_list_shows_is_found_wherever_it_stands(
    app: Any, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_MOST_ROWS", "1")
    community = await create_community()
    staff = await create_staff(api, community)
    post = await create_post(staff, community, places=3)
    members = [await create_checked_in(api, staff, community) for _ in range(3)]
    holdings = [str((await member.post(f"/posts/{post}/apply", {}, expect=201))["id"]) for member in members]
    browser = await Browser(app).sign_in(staff)
    for holding in holdings:
        await browser.open(f"/console/items/post_holding/{holding}")
        assert browser.link(f"{holding}/approve_post")
    await browser.open(f"/console/items/post_holding/{post}")
    assert browser.status == 404
