"""Venues, services, their hours, and when one can book."""

from datetime import timedelta
from typing import Any

from server.foundation.database import fetch_value
from server.neighbor_center.venues.models import VenueKind
from server.organizations.models import Organization
from tests.builders import create_community, create_resident, create_staff, told
from tests.clients import Api
from tests.neighbor_center.builders import (
    MONDAY,
    TUESDAY,
    at,
    book,
    create_dependant,
    create_room,
    create_service,
    create_venue,
    set_clock,
)

VENUE: dict[str, Any] = {
    "kind": "neighbor_center",
    "name": "和平邻里中心",
    "address": "和平路 8 号",
    "location": {"longitude": 122.1, "latitude": 37.5},
}
SERVICE = {"kind": "family_medicine", "name": "家庭医生", "minutes": 30, "capacity": 2}
HOURS = {"weekdays": [1, 2, 3, 4, 5], "opens": "09:00", "closes": "11:00", "days": "workdays"}
RULE = {"hours": HOURS, "valid_from": "2031-01-01"}


async def set_up(staff: Api, community: Organization, **service: Any) -> tuple[str, str]:
    """A venue and a service with weekday hours, by the API; their ids."""
    venue = await staff.post("/staff/venues", VENUE | {"organization_id": community.id}, expect=201)
    assert venue == await staff.get(f"/venues/{venue['id']}")
    made = await staff.post(f"/staff/venues/{venue['id']}/services", SERVICE | service, expect=201)
    assert made == await staff.get(f"/services/{made['id']}")
    change = await staff.post(f"/staff/services/{made['id']}/opening-rules", RULE)
    assert change == {"applied": True, "id": change["id"], "affected": []}
    return venue["id"], made["id"]


async def test_staff_set_up_a_venue(api: Api, community: Organization) -> None:
    staff = await create_staff(api, community)
    venue_id, service_id = await set_up(staff, community)
    venue = await api.get(f"/venues/{venue_id}")
    assert (venue["name"], venue["organization_name"]) == ("和平邻里中心", community.name)
    assert venue["location"] == {"longitude": 122.1, "latitude": 37.5}
    hours = venue["services"][0]["hours"][0]
    assert (hours["weekdays"], hours["opens"], hours["closes"]) == ([1, 2, 3, 4, 5], "09:00", "11:00")
    assert (await api.get(f"/services/{service_id}"))["name"] == "家庭医生"
    assert await fetch_value("SELECT count(*) FROM audit_entry WHERE actor_id = $1", staff.person_id) == 3


async def test_only_the_organizations_people_set_up(api: Api, community: Organization) -> None:
    staff, elsewhere = await create_staff(api, community), await create_staff(api, await create_community())
    venue_id, service_id = await set_up(staff, community)
    rule_id = await fetch_value("SELECT id FROM opening_rule")
    for method, path, body in (
        ("POST", "/staff/venues", VENUE | {"organization_id": community.id}),
        ("PATCH", f"/staff/venues/{venue_id}", {"version": 1}),
        ("POST", f"/staff/venues/{venue_id}/services", SERVICE),
        ("PATCH", f"/staff/services/{service_id}", {"version": 1}),
        ("POST", f"/staff/services/{service_id}/opening-rules", RULE),
        ("POST", f"/staff/opening-rules/{rule_id}/end", {"last_day": "2031-03-03"}),
        (
            "POST",
            f"/staff/venues/{venue_id}/opening-exceptions",
            {"day": str(TUESDAY), "kind": "closed", "reason": "停电"},
        ),
    ):
        await elsewhere.refused(method, path, body, code="not_allowed")


async def test_what_cannot_be_set_up(api: Api, community: Organization) -> None:
    staff = await create_staff(api, community)
    venue_id, service_id = await set_up(staff, community)
    services, rules = f"/staff/venues/{venue_id}/services", f"/staff/services/{service_id}/opening-rules"
    exceptions = f"/staff/venues/{venue_id}/opening-exceptions"
    closing = {"day": str(TUESDAY), "kind": "closed", "reason": "停电"}
    for path, body in (
        ("/staff/venues", VENUE | {"organization_id": venue_id}),
        (services, SERVICE | {"max_party_size": 3}),
        (services, SERVICE | {"kind": "room"}),
        (services, SERVICE | {"kind": "room", "minutes": 20, "longest_minutes": 60}),
        (services, SERVICE | {"longest_minutes": 60}),
        (rules, RULE | {"hours": HOURS | {"opens": "11:00"}}),
        (rules, RULE | {"hours": HOURS | {"opens": "9:00"}}),
        (rules, RULE | {"hours": HOURS | {"weekdays": [8]}}),
        (rules, RULE | {"hours": HOURS | {"weekdays": []}}),
        (rules, RULE | {"valid_until": "2030-12-31"}),
        (exceptions, closing | {"day": "2031-03-02"}),
        (exceptions, closing | {"service_id": venue_id}),
    ):
        code = "not_found" if body.get("service_id") else "invalid_fields"
        await staff.refused("POST", path, body, code=code)


async def test_editing_needs_the_current_version(api: Api, community: Organization) -> None:
    staff = await create_staff(api, community)
    venue_id, service_id = await set_up(staff, community)
    there = {"longitude": 122, "latitude": 37}
    await staff.patch(f"/staff/venues/{venue_id}", {"version": 1, "name": "新名字", "location": there})
    await staff.refused("PATCH", f"/staff/venues/{venue_id}", {"version": 1}, code="edited_meanwhile")
    half = {"version": 2, "location": {"longitude": 122}}
    await staff.refused("PATCH", f"/staff/venues/{venue_id}", half, code="invalid_fields")
    assert (await api.get(f"/venues/{venue_id}"))["name"] == "新名字"
    await staff.patch(f"/staff/services/{service_id}", {"version": 1, "price": 500})
    await staff.refused("PATCH", f"/staff/services/{service_id}", {"version": 1}, code="edited_meanwhile")


async def test_my_communitys_venues_and_those_near_me(api: Api, community: Organization) -> None:
    resident = await create_resident(api, community)
    here = [await create_venue(community, location=(122.12 + number / 1000, 37.51)) for number in range(3)]
    station = await create_venue(community, kind=VenueKind.STATION, location=(122.20, 37.51))
    await create_venue(community, state="closed")
    other = await create_venue(await create_community(), location=(122.119, 37.51))
    page = await resident.get("/venues", limit=2)
    rest = await resident.get("/venues", limit=2, cursor=page["next_cursor"])
    listed = [venue["id"] for venue in page["items"] + rest["items"]]
    assert listed == [station.id, here[2].id, here[1].id, here[0].id]
    assert [venue["id"] for venue in (await resident.get("/venues", kind="station"))["items"]] == [station.id]
    point: dict[str, Any] = {"longitude": 122.12, "latitude": 37.51}
    near = await api.get("/venues/nearby", **point, limit=3)
    more = await api.get("/venues/nearby", **point, limit=3, cursor=near["next_cursor"])
    found = [(venue["id"], venue["meters"]) for venue in near["items"] + more["items"]]
    # A thousandth of a degree of longitude is 88 m up here.
    assert found == [(here[0].id, 0), *sorted([(here[1].id, 88), (other.id, 88)]), (here[2].id, 177)]
    assert (await api.get("/venues/nearby", **point, kind="station"))["items"] == []
    # Who has not said where they live finds the whole city's.
    homeless = await create_resident(api, None)  # type: ignore[arg-type]
    everywhere = {venue["id"] for venue in (await homeless.get("/venues"))["items"]}
    assert everywhere == {other.id, station.id, *(venue.id for venue in here)}


async def test_venues_are_found_by_words(api: Api, community: Organization) -> None:
    resident = await create_resident(api, community)
    tailor = (await create_service(community, name="裁缝修补", description="改裤脚、换拉链")).venue_id
    doctor = (await create_service(community, name="家庭医生")).venue_id
    await create_service(await create_community(), name="裁缝修补")

    async def found(words: str) -> list[str]:
        return [venue["id"] for venue in (await resident.get("/venues", search=words))["items"]]

    assert await found("裁缝") == await found("拉链 修补") == [tailor]
    assert await found("家庭医生") == [doctor]
    assert await found("裁缝 医生") == await found("%%") == []
    assert set(await found("  ")) == {tailor, doctor}
    await resident.refused("GET", "/venues?search=缝", code="invalid_fields")


async def test_availability_shows_limits_before_the_click(api: Api, community: Organization) -> None:
    service = await create_service(community, hours=((540, 660),), days_ahead=2, max_open_per_person=2)
    elsewhere = await create_service(community, hours=((540, 660),))
    resident, other = await create_resident(api, community), await create_resident(api, community)
    await book(other, service, "09:00")
    mine = await book(resident, service, "10:00")
    await book(resident, elsewhere, "09:30", TUESDAY + timedelta(days=1))
    set_clock("09:10", MONDAY)
    answer = await resident.get(f"/services/{service.id}/availability", days=4)
    limits = answer["limits"]
    assert (limits["open_now"], limits["max_open_per_person"]) == (1, 2)
    assert (limits["last_bookable_day"], limits["not_eligible"]) == ("2031-03-05", "")
    shown = [[slot["availability"] for slot in day["slots"]] for day in answer["days"]]
    assert shown == [
        ["over", "free", "free", "free"],
        ["limit", "limit", "mine", "limit"],
        ["free", "overlap", "free", "free"],
        ["not_yet", "not_yet", "not_yet", "not_yet"],
    ]
    assert answer["days"][1]["slots"][2]["booking_id"] == mine["id"]
    tuesday = (await other.get(f"/services/{service.id}/availability", first_day=str(TUESDAY), days=1))["days"][0]
    assert [slot["free"] for slot in tuesday["slots"]] == [0, 1, 0, 1]
    # Somebody new may wait for what is full; what each slot promises is what booking it answers.
    newcomer = await create_resident(api, community)
    answer = await newcomer.get(f"/services/{service.id}/availability", first_day=str(TUESDAY), days=1)
    assert [slot["availability"] for slot in answer["days"][0]["slots"]] == ["waiting_list", "free"] * 2


async def test_days_out_of_all_reason(api: Api, community: Organization) -> None:
    service, room = await create_service(community), await create_room(community)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    for day in ("0001-01-01", "9999-12-31"):
        body = {"starts_at": f"{day}T00:00:00+08:00"}
        for path in (f"/services/{service.id}/bookings", f"/staff/services/{service.id}/walk-ins"):
            await staff.refused("POST", path, body, code="invalid_fields")
        range_ = body | {"ends_at": body["starts_at"]}
        await resident.refused("POST", f"/services/{room.id}/room-bookings", range_, code="invalid_fields")
        rule = RULE | {"valid_from": day}
        await staff.refused("POST", f"/staff/services/{service.id}/opening-rules", rule, code="invalid_fields")
        for path in (
            f"/services/{service.id}/availability?first_day={day}",
            f"/services/{room.id}/room-day?day={day}",
            f"/staff/venues/{service.venue_id}/bookings?day={day}",
            f"/staff/venues/{service.venue_id}/room-bookings?day={day}",
        ):
            await staff.refused("GET", path, code="invalid_fields")


async def test_availability_for_a_dependant_only_by_who_looks_after_them(api: Api, community: Organization) -> None:
    service = await create_service(community)
    guardian, stranger = await create_resident(api, community), await create_resident(api, community)
    elder = await create_dependant(guardian)
    await book(guardian, service, "09:00", person_id=elder.id)
    path = f"/services/{service.id}/availability"
    slots = (await guardian.get(path, person_id=elder.id, first_day=str(TUESDAY)))["days"][0]["slots"]
    assert slots[0]["availability"] == "mine"
    await stranger.refused("GET", f"{path}?person_id={elder.id}", code="not_found")
    await guardian.refused("GET", f"{path}?days=32", code="invalid_fields")


async def test_closing_a_day_lists_first_and_cancels_on_confirmation(api: Api, community: Organization) -> None:
    staff = await create_staff(api, community)
    venue_id, service_id = await set_up(staff, community, capacity=1)
    first, second, untouched = [await create_resident(api, community) for _ in range(3)]
    path = f"/services/{service_id}/bookings"
    held = await first.post(path, {"starts_at": at("09:00")})
    waiting = await second.post(path, {"starts_at": at("09:00"), "wait": True})
    other_day = await untouched.post(path, {"starts_at": at("09:00", TUESDAY + timedelta(days=1))})
    closing = {"day": str(TUESDAY), "kind": "closed", "reason": "设备检修"}
    exceptions = f"/staff/venues/{venue_id}/opening-exceptions"

    listed = await staff.post(exceptions, closing)
    assert (listed["applied"], listed["id"]) == (False, None)
    assert {booking["booking_id"] for booking in listed["affected"]} == {held["id"], waiting["id"]}
    assert listed["affected"][0]["service_name"] == "家庭医生"
    # Nothing has changed, and naming only some of them is not enough.
    partly = await staff.post(exceptions, closing | {"cancel_bookings": [held["id"]]})
    assert not partly["applied"]
    assert (await first.get(f"/bookings/{held['id']}"))["state"] == "booked"
    assert await fetch_value("SELECT count(*) FROM opening_exception") == 0

    done = await staff.post(exceptions, closing | {"cancel_bookings": [held["id"], waiting["id"]]})
    assert done["applied"]
    for resident, booking in ((first, held), (second, waiting)):
        ended = await resident.get(f"/bookings/{booking['id']}")
        assert (ended["state"], ended["end_reason"], ended["staff_reason"]) == ("cancelled", "closed", "设备检修")
    # Nobody was told to come to a closed door in between.
    assert await told(second) == ["slot_waiting", "slot_closed"]
    assert "设备检修" in (await first.inbox())[0]["text"]
    assert (await untouched.get(f"/bookings/{other_day['id']}"))["state"] == "booked"
    await first.refused("POST", path, {"starts_at": at("09:00")}, code="slot_not_offered")

    reopened = await staff.post(f"/staff/opening-exceptions/{done['id']}/end", {})
    assert reopened["applied"]
    assert (await first.post(path, {"starts_at": at("09:00")}))["state"] == "booked"


async def test_extra_hours_and_taking_them_back(api: Api, community: Organization) -> None:
    staff = await create_staff(api, community)
    venue_id, service_id = await set_up(staff, community)
    resident = await create_resident(api, community)
    saturday = MONDAY + timedelta(days=5)
    path = f"/services/{service_id}/bookings"
    await resident.refused("POST", path, {"starts_at": at("14:00", saturday)}, code="slot_not_offered")
    extra = {"day": str(saturday), "kind": "extra", "reason": "义诊", "opens": "14:00", "closes": "15:00"}
    change = await staff.post(f"/staff/venues/{venue_id}/opening-exceptions", extra | {"service_id": service_id})
    booking = await resident.post(path, {"starts_at": at("14:30", saturday)})
    end = f"/staff/opening-exceptions/{change['id']}/end"
    listed = await staff.post(end, {"reason": "医生请假"})
    assert [one["booking_id"] for one in listed["affected"]] == [booking["id"]]
    await staff.post(end, {"reason": "医生请假", "cancel_bookings": [booking["id"]]})
    assert (await resident.get(f"/bookings/{booking['id']}"))["state"] == "cancelled"


async def test_other_hours_from_a_day_on(api: Api, community: Organization) -> None:
    """Summer hours: the old rule ends, a new one begins."""
    staff = await create_staff(api, community)
    _, service_id = await set_up(staff, community)
    rule_id = await fetch_value("SELECT id FROM opening_rule")
    resident = await create_resident(api, community)
    wednesday = TUESDAY + timedelta(days=1)
    booking = await resident.post(f"/services/{service_id}/bookings", {"starts_at": at("09:00", wednesday)})
    end = {"last_day": str(TUESDAY), "reason": "改为夏令时间"}
    listed = await staff.post(f"/staff/opening-rules/{rule_id}/end", end)
    assert not listed["applied"]
    # With the new hours first, nobody loses anything: 9 o'clock is in both.
    summer = RULE | {"valid_from": str(wednesday), "hours": HOURS | {"opens": "08:00", "closes": "10:00"}}
    change = await staff.post(f"/staff/services/{service_id}/opening-rules", summer)
    assert change["applied"]
    change = await staff.post(f"/staff/opening-rules/{rule_id}/end", end)
    assert change == {"applied": True, "id": rule_id, "affected": []}
    answer = await resident.get(f"/services/{service_id}/availability", first_day=str(TUESDAY), days=2)
    assert [slot["starts_at"][11:16] for slot in answer["days"][0]["slots"]] == ["01:00", "01:30", "02:00", "02:30"]
    assert [slot["starts_at"][11:16] for slot in answer["days"][1]["slots"]] == ["00:00", "00:30", "01:00", "01:30"]
    assert (await resident.get(f"/bookings/{booking['id']}"))["state"] == "booked"


async def test_another_length_moves_the_slots(api: Api, community: Organization) -> None:
    staff = await create_staff(api, community)
    _, service_id = await set_up(staff, community)
    resident = await create_resident(api, community)
    path = f"/services/{service_id}/bookings"
    booking = await resident.post(path, {"starts_at": at("09:00")})
    longer = {"version": 1, "minutes": 60, "reason": "每次时间延长"}
    listed = await staff.patch(f"/staff/services/{service_id}", longer)
    assert [one["booking_id"] for one in listed["affected"]] == [booking["id"]]
    assert (await api.get(f"/services/{service_id}"))["minutes"] == 30
    await staff.patch(f"/staff/services/{service_id}", longer | {"cancel_bookings": [booking["id"]]})
    again = await resident.post(path, {"starts_at": at("09:00")})
    assert again["ends_at"] == "2031-03-04T02:00:00Z"


async def test_ending_a_service_or_closing_a_venue_ends_its_bookings(api: Api, community: Organization) -> None:
    staff = await create_staff(api, community)
    venue_id, service_id = await set_up(staff, community)
    room = await create_room(community)
    resident = await create_resident(api, community)
    booking = await resident.post(f"/services/{service_id}/bookings", {"starts_at": at("09:00")})
    ended = {"version": 1, "state": "ended", "reason": "服务停办"}
    assert not (await staff.patch(f"/staff/services/{service_id}", ended))["applied"]
    done = await staff.patch(f"/staff/services/{service_id}", ended | {"cancel_bookings": [booking["id"]]})
    assert done["applied"]
    body = {"starts_at": at("09:00")}
    await resident.refused("POST", f"/services/{service_id}/bookings", body, code="slot_not_offered")
    assert (await api.get(f"/venues/{venue_id}"))["services"] == []

    body = {"starts_at": at("09:00"), "ends_at": at("10:00")}
    booked = await resident.post(f"/services/{room.id}/room-bookings", body)
    closed = {"version": 1, "state": "closed", "reason": "装修"}
    listed = await staff.patch(f"/staff/venues/{room.venue_id}", closed)
    assert [(one["kind"], one["booking_id"]) for one in listed["affected"]] == [("room", booked["id"])]
    await staff.patch(f"/staff/venues/{room.venue_id}", closed | {"cancel_bookings": [booked["id"]]})
    ended_booking = await resident.get(f"/room-bookings/{booked['id']}")
    assert (ended_booking["state"], ended_booking["staff_reason"]) == ("cancelled", "装修")
    assert (await told(resident))[-1] == "room_closed"
    await staff.refused("POST", f"/staff/venues/{room.venue_id}/services", SERVICE, code="wrong_state")


async def test_another_capacity_holds_for_slots_to_come(api: Api, community: Organization) -> None:
    staff = await create_staff(api, community)
    _, service_id = await set_up(staff, community, capacity=1)
    first, second = [await create_resident(api, community) for _ in range(2)]
    path = f"/services/{service_id}/bookings"
    far = TUESDAY + timedelta(days=3)
    await first.post(path, {"starts_at": at("09:00", far)})
    waiting = await second.post(path, {"starts_at": at("09:00", far), "wait": True})
    assert waiting["state"] == "waiting"
    await staff.patch(f"/staff/services/{service_id}", {"version": 1, "capacity": 2})
    assert (await second.get(f"/bookings/{waiting['id']}"))["state"] == "booked"
