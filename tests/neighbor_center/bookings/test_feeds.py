"""Calendars: a person's bookings in the shared feed, and the feed of a venue."""

from datetime import timedelta
from typing import Any

from icalendar import Calendar

from server.organizations.models import Organization
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

RANGE: dict[str, Any] = {"since": "2031-03-01T00:00:00+08:00", "until": "2031-04-01T00:00:00+08:00"}


def read_calendar(data: bytes) -> Any:
    return Calendar.from_ical(data)


async def entries(person: Api) -> list[Any]:
    return list((await person.get("/me/calendar", **RANGE))["entries"])


async def test_bookings_stand_in_ones_calendar(api: Api, community: Organization) -> None:
    service, room = await create_service(community, documents=["身份证"]), await create_room(community)
    resident, other = await create_resident(api, community), await create_resident(api, community)
    elder = await create_dependant(resident)
    booking = await book(resident, service, "09:00")
    await book(resident, service, "10:00", person_id=elder.id)
    await book(other, service, "11:00")
    waiting = await book(resident, await create_service(community), "14:00")
    span = {"starts_at": at("15:00"), "ends_at": at("16:00")}
    party = await resident.post(f"/services/{room.id}/room-bookings", span)
    shown = await entries(resident)
    assert [(one["kind"], one["title"].partition("（")[0]) for one in shown] == [
        ("booking", "家庭医生"),
        ("booking", "家庭医生"),
        ("booking", "家庭医生"),
        ("room_booking", "议事厅"),
    ]
    assert (shown[0]["place"], shown[0]["note"]) == (
        "阳光邻里中心，和平路 1 号",
        "请携带：身份证\n联系电话：0631-5200000",
    )
    assert [one["version"] for one in shown] == [1, 1, 1, 1]
    assert shown[1]["title"] != "家庭医生"  # whose it is, masked
    await resident.post(f"/bookings/{booking['id']}/move", {"starts_at": at("09:30")})
    await resident.post(f"/bookings/{waiting['id']}/cancel", {})
    staff = await create_staff(api, community)
    await staff.post(f"/staff/room-bookings/{party['id']}/cancel", {"reason": "布展"})
    shown = await entries(resident)
    assert [(one["id"], one["version"]) for one in shown if one["id"] == booking["id"]] == [(booking["id"], 2)]
    # What one gave up is gone; what staff took away stays, marked, so that calendars take it out.
    assert [(one["kind"], one["is_cancelled"]) for one in shown] == [
        ("booking", False),
        ("booking", False),
        ("room_booking", True),
    ]
    url = (await resident.get("/me/calendar-feed"))["url"]
    feed = read_calendar((await api.client.get(url)).content)
    assert len(feed.walk("VEVENT")) == 3
    assert feed.walk("VEVENT")[0]["DTSTART"].dt == moment("09:30")


async def test_a_venues_feed_has_no_names_and_ends_with_its_screen(api: Api, community: Organization) -> None:
    service = await create_service(community, capacity=3, max_party_size=2)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    await book(resident, service, "09:00", party_size=2, note="血压高")
    await book(await create_resident(api, community), service, "10:00", TUESDAY + timedelta(days=1))
    screen = await staff.post(f"/staff/venues/{service.venue_id}/screens", {"name": "日历"})
    path = "/" + screen["calendar_url"].split("/", 3)[3]
    answer = await api.client.get(path)
    assert answer.headers["content-type"].startswith("text/calendar")
    feed = read_calendar(answer.content)
    assert feed["X-WR-CALNAME"] == "阳光邻里中心"
    assert [(str(one["SUMMARY"]), one["DTSTART"].dt) for one in feed.walk("VEVENT")] == [
        ("家庭医生 2/3", moment("09:00")),
        ("家庭医生 1/3", moment("10:00", TUESDAY + timedelta(days=1))),
    ]
    assert not feed.walk("VALARM")
    assert "血压高" not in answer.text
    assert (await api.client.head(path)).status_code == 200
    assert (await api.client.get(path + "?nocache=1")).status_code == 200
    forged = path.replace(screen["id"], community.id)
    assert (await api.client.get(forged)).status_code == 404
    await staff.post(f"/staff/screens/{screen['id']}/end")
    assert (await api.client.get(path)).status_code == 404
    assert (await api.client.get("/api/v1/venue-calendars/x")).status_code == 404


async def test_a_rooms_booking_in_the_venues_feed(api: Api, community: Organization) -> None:
    room = await create_room(community, needs_approval=True)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    span = {"starts_at": at("15:00"), "ends_at": at("16:00"), "party_size": 8}
    await resident.post(f"/services/{room.id}/room-bookings", span)
    screen = await staff.post(f"/staff/venues/{room.venue_id}/screens", {"name": "日历"})
    feed = read_calendar((await api.client.get("/" + screen["calendar_url"].split("/", 3)[3])).content)
    event = feed.walk("VEVENT")[0]
    assert (str(event["SUMMARY"]), str(event["STATUS"])) == ("【待审核】议事厅（8人）", "TENTATIVE")
    elsewhere = await create_staff(api, await create_community())
    await elsewhere.refused("POST", f"/staff/venues/{room.venue_id}/screens", {"name": "x"}, code="not_allowed")
    set_clock("08:00")
