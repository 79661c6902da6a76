"""Staff find somebody's bookings by name."""

from typing import Any

from server.accounts.details import save_details
from server.foundation.audit import AuditEntry
from server.organizations.models import Organization, RoleKind
from tests.builders import create_community, create_resident, create_staff
from tests.clients import Api
from tests.neighbor_center.builders import TUESDAY, at, book, create_dependant, create_room, create_service, set_clock


async def find(staff: Api, organization: Organization, name: str = "阿里木·买买提") -> Any:
    return await staff.post("/staff/bookings/find", {"organization_id": organization.id, "real_name": name})


async def test_what_comes_first_then_what_is_past(api: Api) -> None:
    set_clock("08:00")
    here, there = await create_community(), await create_community()
    staff = await create_staff(api, here)
    me, namesake, bystander = [await create_resident(api, here) for _ in range(3)]
    for who, name in ((me, "阿里木·买买提"), (namesake, "阿里木•买买提"), (bystander, "阿里木")):
        await save_details(who.person_id, real_name=name, phone="13800001111")
    child = await create_dependant(me)
    await save_details(child.id, real_name="小明")
    service, room = await create_service(here, capacity=9, max_per_day=9), await create_room(here)
    past, first, second = [await book(me, service, time) for time in ("09:00", "11:00", "14:00")]
    childs, theirs = await book(me, service, "11:30", person_id=child.id), await book(namesake, service, "15:00")
    span = {"starts_at": at("15:30"), "ends_at": at("16:00")}
    in_room = await me.post(f"/services/{room.id}/room-bookings", span, expect=201)
    await me.post(f"/bookings/{second['id']}/cancel")
    await book(bystander, service, "16:30")
    await book(me, await create_service(there), "16:00")

    set_clock("10:00", TUESDAY)
    found = await find(staff, here, "阿里木 · 买买提")
    assert [item["booking_id"] for item in found["items"]] == [
        first["id"],
        childs["id"],
        second["id"],
        theirs["id"],
        in_room["id"],
        past["id"],
    ]
    assert found["has_more"] is False
    assert [item["kind"] for item in found["items"]] == ["slot", "slot", "slot", "slot", "room", "slot"]
    assert found["items"][0] == {
        "kind": "slot",
        "booking_id": first["id"],
        "venue_id": service.venue_id,
        "venue_name": "阳光邻里中心",
        "service_id": service.id,
        "service_name": "家庭医生",
        "starts_at": "2031-03-04T03:00:00Z",
        "ends_at": "2031-03-04T03:30:00Z",
        "state": "booked",
        "person_id": me.person_id,
        "name": "阿里木·买买提",
        "phone": "138****1111",
        "party_size": 1,
    }
    assert [found["items"][i]["state"] for i in (2, 1)] == ["cancelled", "booked"]
    assert found["items"][1]["name"] == "小明"
    seen = await AuditEntry.filter(action="view_day_booking", actor_id=staff.person_id)
    assert {entry.person_id for entry in seen} == {me.person_id, child.id, namesake.person_id}
    assert (await find(staff, here, "买买提"))["items"] == []


async def test_what_the_counter_booked_is_not_the_counters(api: Api) -> None:
    set_clock("08:00")
    here = await create_community()
    staff = await create_staff(api, here)
    await save_details(staff.person_id, real_name="赵工作")
    service = await create_service(here)
    walk_in = {"starts_at": at("09:00"), "real_name": "孙大爷"}
    booking = await staff.post(f"/staff/services/{service.id}/walk-ins", walk_in, expect=201)
    assert (await find(staff, here, "赵工作"))["items"] == []
    assert [item["booking_id"] for item in (await find(staff, here, "孙大爷"))["items"]] == [booking["id"]]


async def test_who_may_find(api: Api) -> None:
    here = await create_community()
    body = {"organization_id": here.id, "real_name": "孙大爷"}
    resident, elsewhere = await create_resident(api, here), await create_staff(api, await create_community())
    for who in (resident, elsewhere, await create_staff(api, here, RoleKind.OBSERVER)):
        await who.refused("POST", "/staff/bookings/find", body, code="not_allowed")
    staff = await create_staff(api, here)
    await staff.refused("POST", "/staff/bookings/find", body | {"real_name": "\u200b"}, code="invalid_fields")
    above = await create_staff(api, await Organization.get(id=here.parent_id), RoleKind.MANAGER)
    assert (await find(above, here))["items"] == []


async def test_of_very_many_the_first(api: Api) -> None:
    set_clock("08:00")
    here = await create_community()
    staff, me = await create_staff(api, here), await create_resident(api, here)
    await save_details(me.person_id, real_name="王伟")
    service = await create_service(here, capacity=99)
    for _ in range(51):
        walk_in = {"starts_at": at("09:00"), "person_id": me.person_id}
        booking = await staff.post(f"/staff/services/{service.id}/walk-ins", walk_in, expect=201)
        await staff.post(f"/staff/bookings/{booking['id']}/cancel", {"reason": "来电取消"})
    found = await find(staff, here, "王伟")
    assert (len(found["items"]), found["has_more"]) == (50, True)
