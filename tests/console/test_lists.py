"""Lists of the console, with something on them."""

from typing import Any

import pytest

from server.console.pages import PAGES
from server.organizations.models import Level, RoleKind
from server.wishes.models import WishState
from tests.builders import create_organization, create_resident, create_staff
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
    reads = [sql for sql, _ in asked if not sql.startswith("WITH w0 AS (INSERT")]
    assert len(reads) <= 5, reads
    assert len(asked) <= len(reads) + 1, asked
