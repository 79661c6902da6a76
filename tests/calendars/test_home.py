"""The home page: what is there for somebody now, from all features, in a few statements."""

from datetime import datetime, timedelta
from typing import Any

from miniprogram_api.pages import PAGES
from server.accounts.details import save_details
from server.calendars.home import LINES
from server.foundation.database import execute
from server.organizations.models import Organization
from server.wishes.models import WishState
from tests.announcements.builders import open_office
from tests.builders import create_community, create_resident, create_staff
from tests.clients import Api
from tests.neighbor_center.builders import (
    TUESDAY,
    at,
    book,
    create_dependant,
    create_room,
    create_service,
    moment,
    set_clock,
)
from tests.plans import listening
from tests.volunteering.builders import People as Volunteers
from tests.volunteering.builders import publish_shift, sign_up
from tests.wishes.builders import create_people, put_wish


async def create_child(guardian: Api, name: str) -> str:
    child = await create_dependant(guardian)
    await save_details(child.id, real_name=name)
    return child.id


def lines(page: dict[str, Any], part: str) -> list[tuple[str, str, str]]:
    return [(item["kind"], item["state"], item["for_whom"]) for item in page[part]]


async def test_bookings_and_sign_ups_with_the_family_by_name(api: Api) -> None:
    set_clock("08:00")
    community = await create_community()
    me, second, bystander = [await create_resident(api, community) for _ in range(3)]
    staff = await create_staff(api, community)
    service, room = await create_service(community), await create_room(community, needs_approval=True)
    for child, time in ((await create_child(me, "李小明"), "10:00"), (await create_child(me, "李小红"), "09:00")):
        await book(me, service, time, person_id=child)
    mine = await book(me, service, "11:00")
    span = {"starts_at": at("15:00"), "ends_at": at("16:00")}
    await me.post(f"/services/{room.id}/room-bookings", span, expect=201)
    people = Volunteers(community, staff, me, second, bystander)
    shift_id = await publish_shift(people, timedelta(days=3), capacity=1)
    await sign_up(second, shift_id)
    await sign_up(me, shift_id)
    await sign_up(me, await publish_shift(people, timedelta(days=15), capacity=1))

    page = await me.get("/me/home")
    assert lines(page, "coming") == [
        ("booking", "booked", "李小红"),
        ("booking", "booked", "李小明"),
        ("booking", "booked", ""),
        ("room_booking", "requested", ""),
        ("sign_up", "waiting", ""),
    ], "the nearest first, and nothing beyond two weeks"
    assert page["coming"][2]["page"] == f"pages/booking/detail?id={mine['id']}"
    theirs = await bystander.get("/me/home")
    assert {part: found for part, found in theirs.items() if found} == {}

    # The place that becomes free is offered.
    [waiting] = [item for item in page["coming"] if item["kind"] == "sign_up"]
    await execute(
        "UPDATE place p SET state = 'offered', offered_until = $2 FROM sign_up s WHERE s.place_id = p.id AND s.id = $1",
        waiting["id"],
        moment("12:00"),
    )
    offered = await me.get("/me/home")
    assert lines(offered, "offers") == [("sign_up", "offered", "")]
    assert datetime.fromisoformat(offered["offers"][0]["until"]) == moment("12:00")
    assert len(offered["coming"]) == 4

    # What was attended is to be rated, until it is.
    set_clock("11:05", TUESDAY)
    await staff.post(f"/staff/bookings/{mine['id']}/attended")
    assert lines(await me.get("/me/home"), "to_rate") == [("booking", "attended", "")]
    await me.post(f"/bookings/{mine['id']}/rating", {"stars": 5})
    assert (await me.get("/me/home"))["to_rate"] == []


async def test_wishes_notices_and_messages(api: Api) -> None:
    people = await create_people(api)
    published = await put_wish(people, WishState.PUBLISHED)
    await put_wish(people, WishState.CLAIMED)
    reported = await put_wish(people, WishState.REPORTED)
    office = await open_office(api, people.community)
    first, second = [await office.send(await office.draft(title=title)) for title in ("第一则", "第二则")]
    wisher, claimer = await people.wisher.get("/me/home"), await people.claimer.get("/me/home")
    assert [item["id"] for item in wisher["to_confirm"]] == [reported]
    assert wisher["wishes_nearby"] == wisher["to_do"] == [], "one's own is nothing to claim"
    assert [item["id"] for item in claimer["wishes_nearby"]] == [published]
    assert [(item["kind"], item["state"]) for item in claimer["to_do"]] == [("wish_claim", "open")]
    assert claimer["to_confirm"] == []
    assert [item["id"] for item in claimer["notices"]] == [second["id"], first["id"]]
    assert wisher["unread"] == len([item for item in await people.wisher.inbox() if not item["read_at"]])
    elsewhere = await (await create_resident(api, await create_community())).get("/me/home")
    assert {part: found for part, found in elsewhere.items() if found} == {}
    await api.refused("GET", "/me/home", code="not_signed_in")


async def test_a_home_page_takes_a_few_statements(api: Api) -> None:
    """However much there is: the session, the page, the family's names, and the count of what is unread."""
    set_clock("08:00")
    community: Organization = await create_community()
    me = await create_resident(api, community)
    service = await create_service(community, capacity=9)
    for number in range(9, 12):
        await book(me, service, f"{number:02}:00", person_id=await create_child(me, f"李小{number}"))
    with listening() as asked:
        page = await me.get("/me/home")
    assert len(page["coming"]) == 3
    assert len(asked) <= 5, [sql[:60] for sql, _ in asked]


def test_every_line_opens_a_page_that_there_is(app: Any) -> None:
    known = {page.path for page in PAGES}
    assert len(LINES) >= 8
    assert {line.page.partition("?")[0] for line in LINES} <= known
