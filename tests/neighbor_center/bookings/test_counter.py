"""What staff do with bookings."""

from datetime import datetime, timedelta

from server.accounts.details import save_details
from server.foundation.database import execute, fetch_value
from server.organizations.models import Organization, RoleKind
from tests.builders import create_community, create_person, create_resident, create_staff, register, told
from tests.clients import Api
from tests.neighbor_center.builders import MONDAY, TUESDAY, at, book, create_room, create_service, moment, set_clock


def is_at(told: str, wall_clock: str) -> bool:
    return datetime.fromisoformat(told) == moment(wall_clock)


async def audited(action: str, person_id: str) -> int:
    return int(
        await fetch_value("SELECT count(*) FROM audit_entry WHERE action = $1 AND person_id = $2", action, person_id)
    )


async def test_a_request_is_approved(api: Api, community: Organization) -> None:
    service = await create_service(community, needs_approval=True)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    booking = await book(resident, service)
    assert booking["state"] == "requested"
    assert await told(staff) == ["slot_to_approve"]
    for _ in range(2):
        seen = await staff.post(f"/staff/bookings/{booking['id']}/approve")
        assert (seen["id"], seen["state"], seen["person_id"]) == (booking["id"], "booked", resident.person_id)
    assert (await resident.get(f"/bookings/{booking['id']}"))["state"] == "booked"
    assert await told(resident) == ["slot_requested", "slot_approved"]
    assert await audited("approve_booking", resident.person_id)
    # Moved, it has to be approved again.
    assert (await resident.post(f"/bookings/{booking['id']}/move", {"starts_at": at("10:00")}))["state"] == "requested"


async def test_the_page_that_a_message_opens(api: Api, community: Organization) -> None:
    service, room = await create_service(community, needs_approval=True), await create_room(community)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    await save_details(resident.person_id, real_name="王建国", phone="13800000001")
    booking = await book(resident, service, note="轮椅")
    span = {"starts_at": at("15:00"), "ends_at": at("16:00"), "note": "读书会"}
    held = await resident.post(f"/services/{room.id}/room-bookings", span)
    await resident.post(f"/room-bookings/{held['id']}/cancel")
    observer = await create_staff(api, community, RoleKind.OBSERVER)
    elsewhere = await create_staff(api, await create_community())
    for path, state, note in (
        (f"/staff/bookings/{booking['id']}", "requested", "轮椅"),
        (f"/staff/room-bookings/{held['id']}", "cancelled", "读书会"),
    ):
        before = await audited("view_day_booking", resident.person_id)
        seen = await staff.get(path)
        assert (seen["name"], seen["state"], seen["note"]) == ("王建国", state, note)
        assert await audited("view_day_booking", resident.person_id) == before + 1
        looked = await observer.get(path)
        assert (looked["name"], looked["note"]) == ("王**", "")
        await elsewhere.refused("GET", path, code="not_found")
        await resident.refused("GET", path, code="not_allowed")
    await staff.refused("GET", f"/staff/bookings/{held['id']}", code="not_found")
    await staff.refused("GET", f"/staff/room-bookings/{booking['id']}", code="not_found")


async def test_a_request_is_refused_and_its_place_goes_on(api: Api, community: Organization) -> None:
    service = await create_service(community, needs_approval=True)
    first, second = [await create_resident(api, community) for _ in range(2)]
    staff = await create_staff(api, community)
    booking = await book(first, service)
    waiting = await book(second, service, wait=True)
    await staff.post(f"/staff/bookings/{booking['id']}/refuse", {"reason": "请先到社区登记"})
    refused = await first.get(f"/bookings/{booking['id']}")
    assert (refused["state"], refused["end_reason"], refused["staff_reason"]) == (
        "cancelled",
        "refused",
        "请先到社区登记",
    )
    # Who moved up has a place now, and still needs to be approved.
    assert (await second.get(f"/bookings/{waiting['id']}"))["state"] == "requested"
    assert await told(second) == ["slot_waiting", "slot_requested"]
    assert "请先到社区登记" in (await first.inbox())[0]["text"]
    await staff.refused("POST", f"/staff/bookings/{booking['id']}/approve", code="wrong_state")


async def test_what_needs_no_approval_is_not_approved(api: Api, community: Organization) -> None:
    booking = await book(await create_resident(api, community), await create_service(community))
    staff = await create_staff(api, community)
    await staff.refused("POST", f"/staff/bookings/{booking['id']}/approve", code="wrong_state")
    await staff.refused("POST", f"/staff/bookings/{booking['id']}/refuse", {"reason": "无"}, code="wrong_state")


async def test_attendance(api: Api, community: Organization) -> None:
    service = await create_service(community, capacity=2)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    booking = await book(resident, service)
    path = f"/staff/bookings/{booking['id']}"
    early = f"/staff/bookings/{(await book(await create_resident(api, community), service))['id']}"
    set_clock("08:29", TUESDAY)
    await staff.refused("POST", f"{early}/attended", code="wrong_state")
    set_clock("08:30", TUESDAY)
    await staff.post(f"{early}/attended")
    set_clock("08:59", TUESDAY)
    await staff.refused("POST", f"{path}/no-show", code="wrong_state")
    set_clock("09:05", TUESDAY)
    await staff.post(f"{path}/no-show")
    assert (await resident.get(f"/bookings/{booking['id']}"))["state"] == "no_show"
    assert await fetch_value("SELECT count(*) FROM no_show WHERE forgiven_at IS NULL") == 1
    # They came late: the no-show no longer counts.
    await staff.post(f"{path}/attended")
    attended = await resident.get(f"/bookings/{booking['id']}")
    assert (attended["state"], bool(attended["arrived_at"])) == ("attended", True)
    assert await fetch_value("SELECT count(*) FROM no_show WHERE forgiven_at IS NULL") == 0
    await resident.refused("POST", f"/bookings/{booking['id']}/cancel", {}, code="wrong_state")
    await staff.refused("POST", f"{path}/no-show", code="wrong_state")


async def test_staff_cancel_one_booking(api: Api, community: Organization) -> None:
    booking_service = await create_service(community)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    booking = await book(resident, booking_service)
    await staff.post(f"/staff/bookings/{booking['id']}/cancel", {"reason": "医生临时出诊"})
    cancelled = await resident.get(f"/bookings/{booking['id']}")
    assert (cancelled["state"], cancelled["staff_reason"]) == ("cancelled", "医生临时出诊")
    assert await told(resident) == ["slot_booked", "slot_closed"]
    assert await audited("cancel_booking_by_staff", resident.person_id)


async def test_a_walk_in_takes_a_free_place_of_a_slot_that_has_begun(api: Api, community: Organization) -> None:
    service = await create_service(community)
    staff = await create_staff(api, community)
    set_clock("09:10", MONDAY)
    path = f"/staff/services/{service.id}/walk-ins"
    body = {"starts_at": at("09:00", MONDAY), "real_name": "王小明", "phone": "13800000001"}
    made = await staff.post(path, body, expect=201)
    assert (made["state"], made["name"], made["walk_in"]) == ("booked", "王小明", True)
    # Two counters, one person: one booking.
    assert await staff.post(path, body, expect=201) == made
    await staff.refused("POST", path, body | {"real_name": "李红", "phone": "13800000002"}, code="places_full")
    day = await staff.get(f"/staff/venues/{service.venue_id}/bookings", day=str(MONDAY))
    assert [(one["name"], one["phone"], one["walk_in"]) for one in day["items"]] == [("王小明", "138****0001", True)]
    # The service's slots become longer meanwhile: this one is still the one that they have.
    await execute("UPDATE service SET minutes = 60 WHERE id = $1", service.id)
    assert (await staff.post(path, body, expect=201))["id"] == made["id"]
    await execute("UPDATE service SET minutes = 30 WHERE id = $1", service.id)
    set_clock("09:30", MONDAY)
    await staff.refused("POST", path, body, code="slot_not_offered")


async def test_a_walk_in_by_id(api: Api, community: Organization) -> None:
    service = await create_service(community)
    staff = await create_staff(api, community)
    person = await create_person()
    path = f"/staff/services/{service.id}/walk-ins"
    body = {"starts_at": at("09:00", MONDAY), "person_id": person.id}
    # Whoever never was here is not booked, or their name could be read in the day's list.
    await staff.refused("POST", path, body, code="invalid_fields")
    await register(person.id, community)
    await staff.post(path, body, expect=201)
    nobody = {"starts_at": at("09:30", MONDAY), "person_id": community.id}
    await staff.refused("POST", path, nobody, code="invalid_fields")
    many = {"starts_at": at("09:30", MONDAY), "person_id": person.id, "party_size": 2}
    await staff.refused("POST", path, many, code="invalid_fields")
    unnamed = {"starts_at": at("09:30", MONDAY), "phone": "13800000003"}
    await staff.refused("POST", path, unnamed, code="invalid_fields")
    resident = await create_resident(api, community)
    elsewhere = await create_staff(api, await create_community())
    await resident.refused("POST", path, many, code="not_allowed")
    await elsewhere.refused("POST", path, many, code="not_allowed")


async def test_the_days_list_is_audited_and_for_the_venues_people(api: Api, community: Organization) -> None:
    service = await create_service(community)
    first, second = [await create_resident(api, community) for _ in range(2)]
    await save_details(first.person_id, real_name="李小明")
    booked = [await book(first, service, "10:00", note="过敏"), await book(second, service, "09:00")]
    gone = await book(await create_resident(api, community), service, "11:00")
    observer = await create_staff(api, community, RoleKind.OBSERVER)
    staff = await create_staff(api, community)
    await staff.post(f"/staff/bookings/{gone['id']}/cancel", {"reason": "停诊"})
    path = f"/staff/venues/{service.venue_id}/bookings"
    page = await observer.get(path, day=str(TUESDAY), limit=1)
    assert [one["id"] for one in page["items"]] == [booked[1]["id"]]
    assert not await audited("view_day_booking", first.person_id)
    rest = await observer.get(path, day=str(TUESDAY), cursor=page["next_cursor"])
    # Observers see masks and no notes.
    assert [(one["id"], one["name"], one["note"]) for one in rest["items"]] == [(booked[0]["id"], "李**", "")]
    assert await audited("view_day_booking", first.person_id) == 1
    shown = (await staff.get(path, day=str(TUESDAY)))["items"][1]
    assert (shown["id"], shown["name"], shown["note"]) == (booked[0]["id"], "李小明", "过敏")
    assert (await staff.get(path, day=str(MONDAY)))["items"] == []
    elsewhere = await create_staff(api, await create_community())
    await elsewhere.refused("GET", f"{path}?day={TUESDAY}", code="not_allowed")
    await first.refused("GET", f"{path}?day={TUESDAY}", code="not_allowed")
    await staff.refused("GET", f"/staff/venues/{community.id}/bookings?day={TUESDAY}", code="not_found")


async def test_staff_move_a_booking_for_a_caller(api: Api, community: Organization) -> None:
    service = await create_service(community)
    resident, bystander = [await create_resident(api, community) for _ in range(2)]
    staff = await create_staff(api, community)
    booking, other = await book(resident, service), await book(bystander, service, "10:00")
    path = f"/staff/bookings/{booking['id']}/move"
    await staff.refused("POST", path, {"starts_at": at("10:00")}, code="places_full")
    await staff.refused("POST", path, {"starts_at": at("12:30")}, code="slot_not_offered")
    await staff.refused("POST", path, {"starts_at": at("09:00", MONDAY + timedelta(days=40))}, code="too_far_ahead")
    assert (await resident.get(f"/bookings/{booking['id']}"))["starts_at"] == booking["starts_at"]
    for _ in range(2):
        moved = await staff.post(path, {"starts_at": at("11:00")})
        assert (moved["id"], moved["state"]) == (booking["id"], "booked")
        assert is_at(moved["starts_at"], "11:00")
    assert await told(resident) == ["slot_booked", "slot_moved_at_request"]
    assert await told(bystander) == ["slot_booked"]
    message = (await resident.inbox())[0]["text"]
    assert "09:00改到" in message
    assert "11:00" in message
    assert await audited("move_booking_by_staff", resident.person_id) == 2
    assert is_at((await bystander.get(f"/bookings/{other['id']}"))["starts_at"], "10:00")
    # The deadline is the person's own.
    set_clock("09:01", TUESDAY)
    await staff.refused("POST", path, {"starts_at": at("16:00")}, code="change_too_late")


async def test_who_moves_for_others(api: Api, community: Organization) -> None:
    service, room = await create_service(community), await create_room(community)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    booking = await book(resident, service)
    span = {"starts_at": at("15:00"), "ends_at": at("16:00")}
    held = await resident.post(f"/services/{room.id}/room-bookings", span)
    for path, body in (
        (f"/staff/bookings/{booking['id']}/move", {"starts_at": at("11:00")}),
        (f"/staff/room-bookings/{held['id']}/move", {"starts_at": at("10:00"), "ends_at": at("11:00")}),
    ):
        observer = await create_staff(api, community, RoleKind.OBSERVER)
        elsewhere = await create_staff(api, await create_community())
        await observer.refused("POST", path, body, code="not_found")
        await elsewhere.refused("POST", path, body, code="not_found")
        await resident.refused("POST", path, body, code="not_allowed")
    own = await book(staff, service, "10:00")
    await staff.refused("POST", f"/staff/bookings/{own['id']}/move", {"starts_at": at("11:00")}, code="own_matter")
    await staff.post(f"/staff/bookings/{booking['id']}/cancel", {"reason": "停诊"})
    path = f"/staff/bookings/{booking['id']}/move"
    await staff.refused("POST", path, {"starts_at": at("11:00")}, code="wrong_state")
    assert await told(resident) == ["slot_booked", "room_booked", "slot_closed"]


async def test_what_was_agreed_to_stays_so_when_staff_move_it(api: Api, community: Organization) -> None:
    service, room = (
        await create_service(community, needs_approval=True),
        await create_room(community, needs_approval=True),
    )
    first, second = [await create_resident(api, community) for _ in range(2)]
    staff = await create_staff(api, community)
    booking = await book(first, service)
    path = f"/staff/bookings/{booking['id']}"
    # A request that was moved is still one, and is promised an answer anew.
    set_clock("09:00")
    moved = await staff.post(f"{path}/move", {"starts_at": at("10:00")})
    assert moved["state"] == "requested"
    assert moved["answer_by"] > booking["answer_by"]
    await staff.post(f"{path}/approve")
    assert (await staff.post(f"{path}/move", {"starts_at": at("11:00")}))["state"] == "booked"
    assert (await first.get(f"/bookings/{booking['id']}"))["approval"] == "approved"

    span = {"starts_at": at("15:00"), "ends_at": at("16:00")}
    later = {"starts_at": at("13:00"), "ends_at": at("14:00")}
    held = await first.post(f"/services/{room.id}/room-bookings", span)
    asked = await second.post(f"/services/{room.id}/room-bookings", later)
    path = f"/staff/room-bookings/{held['id']}"
    assert (await staff.post(f"{path}/move", {"starts_at": at("15:00"), "ends_at": at("16:30")}))[
        "state"
    ] == "requested"
    assert (await second.get(f"/room-bookings/{asked['id']}"))["state"] == "requested"
    await staff.post(f"{path}/approve")
    await first.refused("POST", f"/room-bookings/{held['id']}/move", later, code="wrong_state")
    assert (await staff.post(f"{path}/move", later))["state"] == "booked"
    # Who had asked for that time is told that the room is given.
    assert (await second.get(f"/room-bookings/{asked['id']}"))["state"] == "refused"
    assert await told(first) == [
        "slot_requested",
        "slot_moved_at_request",
        "slot_approved",
        "slot_moved_at_request",
        "room_requested",
        "room_moved_at_request",
        "room_booked",
        "room_moved_at_request",
    ]
    assert await told(second) == ["room_requested", "room_refused"]
    assert await audited("move_room_booking_by_staff", first.person_id) == 2


async def test_a_walk_in_has_a_room_at_once(api: Api, community: Organization) -> None:
    room = await create_room(community, needs_approval=True)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    asked = await resident.post(
        f"/services/{room.id}/room-bookings", {"starts_at": at("10:30", MONDAY), "ends_at": at("11:30", MONDAY)}
    )
    set_clock("10:10", MONDAY)
    path = f"/staff/services/{room.id}/room-walk-ins"
    body = {
        "starts_at": at("10:00", MONDAY),
        "ends_at": at("11:00", MONDAY),
        "real_name": "王小明",
        "phone": "13800000001",
        "party_size": 4,
    }
    made = await staff.post(path, body, expect=201)
    assert (made["state"], made["name"], made["walk_in"], made["party_size"]) == ("booked", "王小明", True, 4)
    assert await staff.post(path, body, expect=201) == made
    assert (await resident.get(f"/room-bookings/{asked['id']}"))["state"] == "refused"
    taken = body | {"real_name": "李红", "phone": "13800000002"}
    await staff.refused("POST", path, taken, code="room_taken")
    await staff.refused("POST", path, taken | {"starts_at": at("08:00", MONDAY)}, code="slot_not_offered")
    over = taken | {"starts_at": at("09:00", MONDAY), "ends_at": at("10:00", MONDAY)}
    await staff.refused("POST", path, over, code="slot_not_offered")
    await staff.refused("POST", path, taken | {"party_size": 21}, code="invalid_fields")
    elsewhere = await create_staff(api, await create_community())
    await elsewhere.refused("POST", path, body, code="not_allowed")
    await resident.refused("POST", path, body, code="not_allowed")
    own = taken | {"person_id": staff.person_id, "starts_at": at("14:00", MONDAY), "ends_at": at("15:00", MONDAY)}
    await register(staff.person_id, community)
    await staff.refused("POST", path, own, code="own_matter")
    service = await create_service(community)
    await staff.refused("POST", f"/staff/services/{service.id}/room-walk-ins", body, code="invalid_fields")
    await staff.refused("POST", f"/staff/services/{room.id}/walk-ins", body | {"ends_at": None}, code="invalid_fields")
    # They booked as staff, not for a relative: the same staff note who came.
    assert (await staff.post(f"/staff/room-bookings/{made['id']}/attended"))["state"] == "attended"
    assert await audited("book_walk_in", made["person_id"]) == 1
