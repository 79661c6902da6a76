"""One's own bookings, numbers and sign-ups in one list."""

from datetime import timedelta
from typing import Any

from miniprogram_api.pages import PAGES
from server.accounts.details import save_details
from server.calendars.appointments import LINES
from server.neighbor_center.venues.models import ServiceKind
from tests.builders import create_community, create_resident, create_staff
from tests.clients import Api
from tests.neighbor_center.builders import (
    MONDAY,
    TUESDAY,
    at,
    book,
    create_dependant,
    create_room,
    create_service,
    set_clock,
)
from tests.plans import listening
from tests.volunteering.builders import People as Volunteers
from tests.volunteering.builders import publish_shift, sign_up


def kinds(page: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(item["kind"], item["state"], item["for_whom"]) for item in page["items"]]


async def test_everything_is_in_one_list(api: Api) -> None:
    set_clock("09:30")
    community = await create_community()
    me, second, bystander = [await create_resident(api, community) for _ in range(3)]
    staff = await create_staff(api, community)
    service, room = await create_service(community), await create_room(community, needs_approval=True)
    child = await create_dependant(me)
    await save_details(child.id, real_name="李小明")
    counter = await create_service(community, kind=ServiceKind.COUNTER, name="一窗通办")
    first = await second.post(f"/services/{counter.id}/tickets", expect=201)
    mine = await me.post(f"/services/{counter.id}/tickets", expect=201)
    await book(me, service, "10:00", person_id=child.id)
    span = {"starts_at": at("15:00"), "ends_at": at("16:00")}
    asked = await me.post(f"/services/{room.id}/room-bookings", span, expect=201)
    await book(second, service, "11:00")
    await book(me, service, "11:00", wait=True)
    people = Volunteers(community, staff, me, second, bystander)
    shift_id = await publish_shift(people, timedelta(days=3), capacity=1)
    await sign_up(second, shift_id)
    await sign_up(me, shift_id)

    page = await me.get("/me/appointments")
    assert kinds(page) == [
        ("ticket", "waiting", ""),
        ("booking", "booked", "李小明"),
        ("booking", "waiting", ""),
        ("room_booking", "requested", ""),
        ("sign_up", "waiting", ""),
    ], "the soonest first"
    number, booked, waiting, requested, signed_up = page["items"]
    assert (number["title"], number["detail"], number["position"]) == ("一窗通办", "2号", 2)
    assert (number["page"], number["state_word"]) == (f"pages/venue/ticket?id={mine['id']}", "等待中")
    assert (booked["place"], booked["state_word"], booked["party_size"]) == ("阳光邻里中心", "已预约", 1)
    assert booked["change_until"] < booked["starts_at"] < booked["ends_at"]
    assert (waiting["position"], requested["position"], signed_up["position"]) == (1, None, 1)
    assert requested["page"] == f"pages/booking/room?id={asked['id']}"
    assert signed_up["state_word"] == "候补中"
    assert (await bystander.get("/me/appointments"))["items"] == []
    theirs = await second.get("/me/appointments")
    assert theirs["items"][0]["id"] == first["id"]
    assert len(theirs["items"]) == 3

    # What is called off or over is in the other part, and says why.
    await staff.post(f"/staff/room-bookings/{asked['id']}/refuse", {"reason": "当天检修"})
    await me.post(f"/tickets/{mine['id']}/leave")
    assert [item["kind"] for item in (await me.get("/me/appointments"))["items"]] == ["booking", "booking", "sign_up"]
    past = await me.get("/me/appointments", when="past")
    assert kinds(past) == [("room_booking", "refused", ""), ("ticket", "left", "")], "the latest first"
    assert (past["items"][0]["reason"], past["items"][0]["state_word"]) == ("当天检修", "未通过")
    set_clock("12:00", TUESDAY)
    await staff.post(f"/staff/bookings/{booked['id']}/attended")
    over = await me.get("/me/appointments", when="past")
    assert [item["kind"] for item in over["items"]] == ["room_booking", "booking", "booking", "ticket"]
    [rated] = [item for item in over["items"] if item["may_rate"]]
    assert rated["id"] == booked["id"]
    await me.post(f"/bookings/{booked['id']}/rating", {"stars": 5})
    assert not any(item["may_rate"] for item in (await me.get("/me/appointments", when="past"))["items"])


async def test_a_number_of_yesterday_is_past(api: Api) -> None:
    set_clock("09:30")
    me = await create_resident(api, await create_community())
    counter = await create_service(await create_community(), kind=ServiceKind.COUNTER, name="一窗通办")
    await me.post(f"/services/{counter.id}/tickets", expect=201)
    set_clock("08:00", MONDAY + timedelta(days=1))
    assert (await me.get("/me/appointments"))["items"] == []
    [item] = (await me.get("/me/appointments", when="past"))["items"]
    assert (item["state"], item["state_word"], item["position"]) == ("expired", "已过期", None)


async def test_pages_of_both_parts(api: Api) -> None:
    set_clock("08:00")
    community = await create_community()
    me = await create_resident(api, community)
    most: dict[str, Any] = {"max_open_per_person": 9, "max_per_day": 9}
    service, room = await create_service(community, **most), await create_room(community, **most)
    for hour in (9, 10, 11):
        await book(me, service, f"{hour:02}:00")
        span = {"starts_at": at(f"{hour:02}:30"), "ends_at": at(f"{hour + 1:02}:00")}
        await me.post(f"/services/{room.id}/room-bookings", span, expect=201)
    whole = [item["id"] for item in (await me.get("/me/appointments"))["items"]]
    assert len(whole) == 6
    assert await walk(me, "coming") == whole
    set_clock("17:00", TUESDAY)
    assert await walk(me, "past") == whole[::-1]


async def walk(caller: Api, when: str) -> list[str]:
    """The ids of all pages of two."""
    found, options = list[str](), dict[str, Any]()
    while True:
        page = await caller.get("/me/appointments", when=when, limit=2, **options)
        assert len(page["items"]) <= 2
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            return found
        options["cursor"] = page["next_cursor"]


async def test_what_is_refused(api: Api) -> None:
    me = await create_resident(api, await create_community())
    await api.refused("GET", "/me/appointments", code="not_signed_in")
    for wrong in ("when=later", "cursor=xyz", "limit=0"):
        await me.refused("GET", f"/me/appointments?{wrong}", code="invalid_fields")


async def test_the_list_is_a_few_statements(api: Api) -> None:
    set_clock("08:00")
    community = await create_community()
    me = await create_resident(api, community)
    service = await create_service(community, capacity=9)
    for number in range(9, 12):
        await book(me, service, f"{number:02}:00", person_id=(await create_dependant(me)).id)
    await me.get("/me")
    with listening() as asked:
        page = await me.get("/me/appointments")
    assert len(page["items"]) == 3
    assert len(asked) <= 2, [sql[:60] for sql, _ in asked]


def test_every_line_opens_a_page_that_there_is(app: Any) -> None:
    known = {page.path for page in PAGES}
    assert len(LINES) == 4
    assert {line.page.partition("?")[0] for line in LINES} <= known
