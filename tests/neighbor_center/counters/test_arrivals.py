"""Arriving by the venue's code, the screen that shows it, and its board."""

from datetime import timedelta

from server.foundation import clock
from server.foundation.database import fetch_value
from server.neighbor_center.counters.arrivals import VENUE_CODE
from server.neighbor_center.venues.models import ServiceKind, Venue
from server.organizations.models import Organization, RoleKind
from tests.builders import create_community, create_resident, create_staff
from tests.clients import Api
from tests.neighbor_center.builders import (
    TUESDAY,
    at,
    book,
    create_dependant,
    create_room,
    create_service,
    create_venue,
    set_clock,
)


async def test_one_scan_notes_everybody_who_came(api: Api, community: Organization) -> None:
    service = await create_service(community, capacity=2)
    venue_id = service.venue_id
    resident = await create_resident(api, community)
    elder = await create_dependant(resident)
    staff = await create_staff(api, community)
    mine = await book(resident, service, "09:00")
    family = await book(resident, service, "09:00", person_id=elder.id)
    later = await book(resident, await create_service(venue=await Venue.get(id=venue_id)), "11:00")
    set_clock("08:29", TUESDAY)
    code = (await staff.get(f"/staff/venues/{venue_id}/code"))["code"]
    await resident.refused("POST", "/arrivals", {"code": code}, code="nothing_booked_now")
    set_clock("08:31", TUESDAY)
    shown = await staff.get(f"/staff/venues/{venue_id}/code")
    assert shown["picture"]
    assert shown["shown_until"] == "2031-03-04T00:31:30Z"
    arrival = await resident.post("/arrivals", {"code": shown["code"]})
    assert {one["id"] for one in arrival["bookings"]} == {mine["id"], family["id"]}
    assert {one["state"] for one in arrival["bookings"]} == {"attended"}
    assert arrival["bookings"][0]["arrived_at"][:16] == "2031-03-04T00:31"
    assert arrival["tickets"] == []
    # Scanning twice changes nothing.
    assert (await resident.post("/arrivals", {"code": shown["code"]}))["bookings"] == arrival["bookings"]
    assert (await resident.get(f"/bookings/{later['id']}"))["state"] == "booked"


async def test_a_code_is_of_no_use_later_or_elsewhere(api: Api, community: Organization) -> None:
    service = await create_service(community)
    other_venue = await create_venue(community)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    await book(resident, service, "09:00")
    set_clock("08:45", TUESDAY)
    text = (await staff.get(f"/staff/venues/{service.venue_id}/code"))["code"]
    elsewhere = (await staff.get(f"/staff/venues/{other_venue.id}/code"))["code"]
    await resident.refused("POST", "/arrivals", {"code": elsewhere}, code="nothing_booked_now")
    clock.move_clock(clock.offset() + timedelta(seconds=70))
    await resident.refused("POST", "/arrivals", {"code": text}, code="venue_code_expired")
    ahead = VENUE_CODE.write(VENUE_CODE.window_at(clock.now()) + 2, service.venue_id)
    await resident.refused("POST", "/arrivals", {"code": ahead}, code="venue_code_expired")
    forged = text[:-1] + ("A" if text[-1] != "A" else "B")
    for wrong in (forged, "LV1.x", "LS1" + text[3:], text.replace(service.venue_id, other_venue.id)):
        await resident.refused("POST", "/arrivals", {"code": wrong}, code="venue_code_invalid")
    assert VENUE_CODE.read(text)
    assert VENUE_CODE.read("") is None


async def test_who_may_show_the_code(api: Api, community: Organization) -> None:
    venue = await create_venue(community)
    path = f"/staff/venues/{venue.id}/code"
    await (await create_staff(api, community, RoleKind.GRID_WORKER)).get(path)
    await (await create_staff(api, await create_community())).refused("GET", path, code="not_allowed")
    closed = await create_venue(community, state="closed")
    staff = await create_staff(api, community)
    await staff.refused("GET", f"/staff/venues/{closed.id}/code", code="not_found")


async def test_coming_late_takes_the_no_show_back_and_a_request_is_no_booking(
    api: Api, community: Organization
) -> None:
    service = await create_service(community)
    asked = await create_service(venue=await Venue.get(id=service.venue_id), needs_approval=True)
    resident, other = await create_resident(api, community), await create_resident(api, community)
    staff = await create_staff(api, community)
    booking = await book(resident, service)
    await book(other, asked)
    set_clock("09:10", TUESDAY)
    await staff.post(f"/staff/bookings/{booking['id']}/no-show")
    code = {"code": (await staff.get(f"/staff/venues/{service.venue_id}/code"))["code"]}
    assert (await resident.post("/arrivals", code))["bookings"][0]["state"] == "attended"
    assert await fetch_value("SELECT count(*) FROM no_show WHERE forgiven_at IS NULL") == 0
    await other.refused("POST", "/arrivals", code, code="nothing_booked_now")


async def test_a_rooms_party_arrives(api: Api, community: Organization) -> None:
    room = await create_room(community)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    span = {"starts_at": at("10:00"), "ends_at": at("11:00")}
    booking = await resident.post(f"/services/{room.id}/room-bookings", span)
    set_clock("10:40", TUESDAY)
    code = {"code": (await staff.get(f"/staff/venues/{room.venue_id}/code"))["code"]}
    arrival = await resident.post("/arrivals", code)
    assert [(one["id"], one["state"]) for one in arrival["room_bookings"]] == [(booking["id"], "attended")]
    set_clock("11:01", TUESDAY)
    code = {"code": (await staff.get(f"/staff/venues/{room.venue_id}/code"))["code"]}
    await resident.refused("POST", "/arrivals", code, code="nothing_booked_now")


async def test_a_screen_shows_the_board_and_the_code(api: Api, community: Organization) -> None:
    service = await create_service(community, hours=((540, 660),), capacity=2)
    venue_id = service.venue_id
    room = await create_service(
        venue=await Venue.get(id=venue_id),
        kind=ServiceKind.ROOM,
        name="议事厅",
        longest_minutes=240,
        hours=((540, 1020),),
    )
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    await book(resident, service, "09:30", note="血压高")
    await resident.post(
        f"/services/{room.id}/room-bookings", {"starts_at": at("14:00"), "ends_at": at("16:00"), "note": "楼组议事"}
    )
    lunch = {"day": str(TUESDAY), "kind": "closed", "opens": "10:30", "closes": "11:00", "reason": "消防演练"}
    await staff.post(f"/staff/venues/{venue_id}/opening-exceptions", lunch)
    screen = await staff.post(f"/staff/venues/{venue_id}/screens", {"name": "大厅屏幕"}, expect=201)
    set_clock("09:10", TUESDAY)
    board = await api.get("/screen-board", token=screen["token"])
    assert (board["venue_name"], board["notices"]) == ("阳光邻里中心", ["消防演练"])
    clinic, hall = board["services"]
    assert (clinic["hours"], clinic["is_open_now"]) == (["09:00–10:30"], True)
    assert [(slot["starts_at"][11:16], slot["free"], slot["capacity"]) for slot in clinic["slots"]] == [
        ("01:00", 2, 2),
        ("01:30", 1, 2),
        ("02:00", 2, 2),
    ]
    assert [(one["starts_at"][11:16], one["ends_at"][11:16]) for one in hall["taken"]] == [("06:00", "08:00")]
    assert "血压高" not in str(board)
    assert resident.person_id not in str(board)
    # The code on it lets people arrive; the public board has none.
    set_clock("09:20", TUESDAY)
    board = await api.get("/screen-board", token=screen["token"])
    assert (await resident.post("/arrivals", {"code": board["arrival_code"]["code"]}))["bookings"]
    assert (await api.get(f"/venues/{venue_id}/board"))["arrival_code"] is None
    assert [one["name"] for one in await staff.get(f"/staff/venues/{venue_id}/screens")] == ["大厅屏幕"]
    ended = [await staff.post(f"/staff/screens/{screen['id']}/end") for _ in range(2)]
    assert ended[0]["ended_at"]
    assert ended[0] == ended[1]
    await api.refused("GET", f"/screen-board?token={screen['token']}", code="not_found")
    assert await staff.get(f"/staff/venues/{venue_id}/screens") == []
    elsewhere = await create_staff(api, await create_community())
    await elsewhere.refused("POST", f"/staff/venues/{venue_id}/screens", {"name": "屏"}, code="not_allowed")
    await elsewhere.refused("GET", f"/staff/venues/{venue_id}/screens", code="not_allowed")
    await elsewhere.refused("POST", f"/staff/screens/{screen['id']}/end", code="not_found")
    await api.refused("GET", f"/venues/{community.id}/board", code="not_found")


async def test_the_token_is_stored_hashed(api: Api, community: Organization) -> None:
    venue, staff = await create_venue(community), await create_staff(api, community)
    screen = await staff.post(f"/staff/venues/{venue.id}/screens", {"name": "屏幕"})
    stored = bytes(await fetch_value("SELECT token_hash FROM venue_screen"))
    assert screen["token"].encode() not in stored
    assert len(stored) == 32
