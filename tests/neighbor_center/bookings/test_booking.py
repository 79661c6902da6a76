"""Booking, moving, cancelling: one test for each thing that works and for each refusal."""

from datetime import timedelta

from server.background.relay import drain_outbox
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value
from server.neighbor_center.venues.models import WhoMayBook
from server.organizations.models import Organization
from tests.builders import create_community, create_resident, create_staff, told
from tests.clients import Api
from tests.neighbor_center.builders import (
    MONDAY,
    TUESDAY,
    at,
    book,
    create_dependant,
    create_service,
    moment,
    set_clock,
)


async def test_a_resident_books_moves_and_cancels(api: Api, community: Organization) -> None:
    service = await create_service(community)
    resident = await create_resident(api, community)
    booking = await book(resident, service, "09:00", note="血压高")
    assert (booking["state"], booking["note"]) == ("booked", "血压高")
    assert booking["starts_at"] == "2031-03-04T01:00:00Z"
    assert booking["change_until"] == "2031-03-03T23:00:00Z"

    moved = await resident.post(f"/bookings/{booking['id']}/move", {"starts_at": at("14:30")})
    assert (moved["id"], moved["state"], moved["starts_at"]) == (booking["id"], "booked", "2031-03-04T06:30:00Z")
    # The old slot is free again.
    other = await create_resident(api, community)
    assert (await book(other, service, "09:00"))["state"] == "booked"

    cancelled = await resident.post(f"/bookings/{booking['id']}/cancel", {})
    assert (cancelled["state"], cancelled["end_reason"]) == ("cancelled", "cancelled")
    assert await resident.post(f"/bookings/{booking['id']}/cancel", {}) == cancelled
    assert await told(resident) == ["slot_booked", "slot_moved", "slot_cancelled"]
    await drain_outbox()
    inbox = await resident.get("/me/inbox")
    texts = [message["text"] for message in inbox["items"]]
    assert texts[1] == "您的预约“家庭医生”已由3月4日 09:00改到3月4日 14:30，阳光邻里中心。"


async def test_the_note_is_stored_encrypted(api: Api, community: Organization) -> None:
    service = await create_service(community)
    resident = await create_resident(api, community)
    booking = await book(resident, service, note="糖尿病")
    stored = await fetch_value("SELECT note FROM booking WHERE id = $1", booking["id"])
    assert "糖尿病".encode() not in bytes(stored)


async def test_the_same_tap_twice_gives_the_same_booking(api: Api, community: Organization) -> None:
    service = await create_service(community)
    resident = await create_resident(api, community)
    first = await book(resident, service)
    assert (await book(resident, service))["id"] == first["id"]
    assert await told(resident) == ["slot_booked"]


async def test_nothing_begins_outside_the_slots(api: Api, community: Organization) -> None:
    service = await create_service(community)
    resident = await create_resident(api, community)
    for wall_clock in ("08:30", "09:10", "12:00", "16:45", "17:00"):
        body = {"starts_at": at(wall_clock)}
        await resident.refused("POST", f"/services/{service.id}/bookings", body, code="slot_not_offered")
    body = {"starts_at": at("09:00", MONDAY)}
    set_clock("09:00")
    await resident.refused("POST", f"/services/{service.id}/bookings", body, code="slot_not_offered")


async def test_too_far_ahead_names_the_last_day(api: Api, community: Organization) -> None:
    service = await create_service(community, days_ahead=1)
    resident = await create_resident(api, community)
    body = {"starts_at": at("09:00", TUESDAY + timedelta(days=1))}
    problem = await resident.refused("POST", f"/services/{service.id}/bookings", body, code="too_far_ahead")
    assert problem["until"] == "2031-03-04"
    await book(resident, service)


async def test_a_time_needs_its_zone(api: Api, community: Organization) -> None:
    service = await create_service(community)
    resident = await create_resident(api, community)
    body = {"starts_at": "2031-03-04T09:00:00"}
    await resident.refused("POST", f"/services/{service.id}/bookings", body, code="invalid_fields")


async def test_who_may_book(api: Api, community: Organization) -> None:
    stranger = await create_resident(api, await create_community())
    resident = await create_resident(api, community)
    for_residents = await create_service(community, who_may_book=WhoMayBook.RESIDENTS)
    for_members = await create_service(community, who_may_book=WhoMayBook.MEMBERS)
    body = {"starts_at": at("09:00")}
    await stranger.refused("POST", f"/services/{for_residents.id}/bookings", body, code="not_eligible")
    await resident.refused("POST", f"/services/{for_members.id}/bookings", body, code="not_eligible")
    await book(resident, for_residents)


async def test_limits_per_person(api: Api, community: Organization) -> None:
    service = await create_service(community, max_open_per_person=2, max_per_day=1)
    resident = await create_resident(api, community)
    await book(resident, service, "09:00", TUESDAY)
    path = f"/services/{service.id}/bookings"
    problem = await resident.refused("POST", path, {"starts_at": at("10:00")}, code="too_many_bookings")
    assert (problem["limit"], problem["allowed"]) == ("max_per_day", 1)
    await book(resident, service, "09:00", TUESDAY + timedelta(days=1))
    later = {"starts_at": at("09:00", TUESDAY + timedelta(days=2))}
    problem = await resident.refused("POST", path, later, code="too_many_bookings")
    assert problem["limit"] == "max_open_per_person"
    # Once the first is over, there is room for another.
    set_clock("10:00", TUESDAY)
    await resident.post(path, later, expect=201)


async def test_own_bookings_may_touch_and_not_overlap(api: Api, community: Organization) -> None:
    clinic = await create_service(community)
    mending = await create_service(community, hours=((540, 1020),), minutes=60)
    resident = await create_resident(api, community)
    booking = await book(resident, clinic, "09:30")
    path = f"/services/{mending.id}/bookings"
    problem = await resident.refused("POST", path, {"starts_at": at("09:00")}, code="booking_overlaps")
    assert problem["booking_id"] == booking["id"]
    await book(resident, mending, "10:00")


async def test_a_full_slot_and_its_waiting_list(api: Api, community: Organization) -> None:
    service = await create_service(community)
    first, second, third = [await create_resident(api, community) for _ in range(3)]
    far = TUESDAY + timedelta(days=3)
    held = await book(first, service, "09:00", far)
    path = f"/services/{service.id}/bookings"
    await second.refused("POST", path, {"starts_at": at("09:00", far)}, code="places_full")
    waiting = await book(second, service, "09:00", far, wait=True)
    behind = await book(third, service, "09:00", far, wait=True)
    assert [(one["state"], one["position"]) for one in (waiting, behind)] == [("waiting", 1), ("waiting", 2)]
    await first.post(f"/bookings/{held['id']}/cancel", {})
    assert (await second.get(f"/bookings/{waiting['id']}"))["state"] == "booked"
    assert (await third.get(f"/bookings/{behind['id']}"))["position"] == 1
    assert await told(second) == ["slot_waiting", "slot_moved_up"]


async def test_a_place_freed_late_is_offered(api: Api, community: Organization) -> None:
    service = await create_service(community)
    first, second, third = [await create_resident(api, community) for _ in range(3)]
    held = await book(first, service, "14:00", MONDAY)
    waiting = await book(second, service, "14:00", MONDAY, wait=True)
    behind = await book(third, service, "14:00", MONDAY, wait=True)
    await second.refused("POST", f"/bookings/{waiting['id']}/accept", code="wrong_state")
    await first.post(f"/bookings/{held['id']}/cancel", {})
    offered = await second.get(f"/bookings/{waiting['id']}")
    assert (offered["state"], offered["offered_until"]) == ("waiting", offered["offered_until"])
    assert offered["offered_until"]
    assert (await second.post(f"/bookings/{waiting['id']}/decline"))["state"] == "cancelled"
    assert (await third.post(f"/bookings/{behind['id']}/accept"))["state"] == "booked"
    assert await told(third) == ["slot_waiting", "slot_offered", "slot_booked"]


async def test_an_offer_that_nobody_takes_lapses(api: Api, community: Organization) -> None:
    from server.places.taking import SETTLE_DUE_PLACES

    service = await create_service(community)
    first, second = [await create_resident(api, community) for _ in range(2)]
    held = await book(first, service, "14:00", MONDAY)
    waiting = await book(second, service, "14:00", MONDAY, wait=True)
    await first.post(f"/bookings/{held['id']}/cancel", {})
    set_clock("10:30")
    await second.refused("POST", f"/bookings/{waiting['id']}/accept", code="offer_expired")
    await SETTLE_DUE_PLACES.run()
    ended = await second.get(f"/bookings/{waiting['id']}")
    assert (ended["state"], ended["end_reason"]) == ("cancelled", "offer_expired")
    assert (await told(second))[-1] == "slot_lapsed"


async def test_moving_keeps_the_old_place_when_the_new_slot_is_full(api: Api, community: Organization) -> None:
    service = await create_service(community)
    resident, other = await create_resident(api, community), await create_resident(api, community)
    mine = await book(resident, service, "09:00")
    await book(other, service, "10:00")
    move = f"/bookings/{mine['id']}/move"
    await resident.refused("POST", move, {"starts_at": at("10:00")}, code="places_full")
    await resident.refused("POST", move, {"starts_at": at("10:10")}, code="slot_not_offered")
    far = {"starts_at": at("09:00", TUESDAY + timedelta(days=60))}
    await resident.refused("POST", move, far, code="too_far_ahead")
    now = await resident.get(f"/bookings/{mine['id']}")
    assert (now["state"], now["starts_at"]) == ("booked", mine["starts_at"])
    # To where it is already: nothing happens.
    assert await resident.post(move, {"starts_at": at("09:00")}) == now


async def test_moving_respects_the_limits_of_the_other_day(api: Api, community: Organization) -> None:
    service = await create_service(community)
    resident = await create_resident(api, community)
    mine = await book(resident, service, "09:00")
    await book(resident, service, "09:00", TUESDAY + timedelta(days=1))
    body = {"starts_at": at("14:00", TUESDAY + timedelta(days=1))}
    await resident.refused("POST", f"/bookings/{mine['id']}/move", body, code="too_many_bookings")
    # Within the same day the booking does not stand in its own way.
    await resident.post(f"/bookings/{mine['id']}/move", {"starts_at": at("09:30")})


async def test_moving_wakes_the_old_slots_waiting_list(api: Api, community: Organization) -> None:
    service = await create_service(community)
    first, second = [await create_resident(api, community) for _ in range(2)]
    far = TUESDAY + timedelta(days=3)
    held = await book(first, service, "09:00", far)
    waiting = await book(second, service, "09:00", far, wait=True)
    await first.post(f"/bookings/{held['id']}/move", {"starts_at": at("10:00", far)})
    assert (await second.get(f"/bookings/{waiting['id']}"))["state"] == "booked"


async def test_the_deadline_for_changes(api: Api, community: Organization) -> None:
    service = await create_service(community, cancel_until_minutes=120)
    resident = await create_resident(api, community)
    booking = await book(resident, service, "09:00")
    set_clock("07:01", TUESDAY)
    problem = await resident.refused("POST", f"/bookings/{booking['id']}/cancel", {}, code="change_too_late")
    assert problem["deadline"] == "2031-03-03T23:00:00Z"
    move = {"starts_at": at("14:00")}
    await resident.refused("POST", f"/bookings/{booking['id']}/move", move, code="change_too_late")
    # Knowing that it counts as a no-show, one can still give the place back, until the slot begins.
    late = await resident.post(f"/bookings/{booking['id']}/cancel", {"accept_no_show": True})
    assert late["state"] == "cancelled"
    assert await fetch_value("SELECT reason FROM no_show WHERE person_id = $1", resident.person_id) == "cancelled_late"


async def test_what_has_begun_cannot_be_cancelled(api: Api, community: Organization) -> None:
    service = await create_service(community)
    resident = await create_resident(api, community)
    booking = await book(resident, service, "09:00")
    set_clock("09:00", TUESDAY)
    body = {"accept_no_show": True}
    await resident.refused("POST", f"/bookings/{booking['id']}/cancel", body, code="change_too_late")


async def test_a_cancelled_booking_cannot_be_moved(api: Api, community: Organization) -> None:
    service = await create_service(community)
    resident = await create_resident(api, community)
    booking = await book(resident, service)
    await resident.post(f"/bookings/{booking['id']}/cancel", {})
    body = {"starts_at": at("14:00")}
    await resident.refused("POST", f"/bookings/{booking['id']}/move", body, code="wrong_state")
    # The slot can be booked anew: that is another booking.
    assert (await book(resident, service))["id"] != booking["id"]


async def test_who_is_blocked_books_nothing(api: Api, community: Organization) -> None:
    service = await create_service(community)
    resident = await create_resident(api, community)
    staff = await create_staff(api, community)
    for days in (1, 2, 3):
        day = MONDAY + timedelta(days=days)
        booking = await book(resident, service, "09:00", day)
        set_clock("09:40", day)
        await staff.post(f"/staff/bookings/{booking['id']}/no-show")
    body = {"starts_at": at("14:00", MONDAY + timedelta(days=4))}
    problem = await resident.refused("POST", f"/services/{service.id}/bookings", body, code="blocked")
    assert problem["until"]


async def test_for_somebody_one_looks_after(api: Api, community: Organization) -> None:
    service = await create_service(community)
    guardian = await create_resident(api, community)
    elder = await create_dependant(guardian)
    booking = await book(guardian, service, person_id=elder.id)
    assert booking["person_id"] == elder.id
    assert [one["id"] for one in (await guardian.get("/bookings"))["items"]] == [booking["id"]]
    # The limits are the elder's: the guardian may still book.
    await book(guardian, service, "09:30")
    assert (await guardian.post(f"/bookings/{booking['id']}/move", {"starts_at": at("10:00")}))["state"] == "booked"
    stranger = await create_resident(api, community)
    body = {"starts_at": at("11:00"), "person_id": elder.id}
    await stranger.refused("POST", f"/services/{service.id}/bookings", body, code="not_found")


async def test_someone_elses_booking_does_not_exist(api: Api, community: Organization) -> None:
    service = await create_service(community)
    resident, stranger = await create_resident(api, community), await create_resident(api, community)
    staff_elsewhere = await create_staff(api, await create_community())
    booking = await book(resident, service)
    for method, action, body in (
        ("GET", "", None),
        ("POST", "/move", {"starts_at": at("14:00")}),
        ("POST", "/cancel", {}),
        ("POST", "/accept", None),
        ("POST", "/decline", None),
    ):
        await stranger.refused(method, f"/bookings/{booking['id']}{action}", body, code="not_found")
    for action, body in (
        ("approve", None),
        ("refuse", {"reason": "无"}),
        ("cancel", {"reason": "无"}),
        ("attended", None),
        ("no-show", None),
        ("visitor", {"visitor_id": staff_elsewhere.person_id}),
    ):
        await staff_elsewhere.refused("POST", f"/staff/bookings/{booking['id']}/{action}", body, code="not_found")
    assert (await stranger.get("/bookings"))["items"] == []


async def test_the_party_is_counted(api: Api, community: Organization) -> None:
    service = await create_service(community, capacity=5, max_party_size=3)
    first, second = [await create_resident(api, community) for _ in range(2)]
    path = f"/services/{service.id}/bookings"
    await first.refused("POST", path, {"starts_at": at("09:00"), "party_size": 4}, code="invalid_fields")
    await book(first, service, party_size=3)
    await second.refused("POST", path, {"starts_at": at("09:00"), "party_size": 3}, code="places_full")
    await book(second, service, party_size=2)


async def test_my_bookings_in_pages(api: Api, community: Organization) -> None:
    service = await create_service(community, max_open_per_person=10)
    resident = await create_resident(api, community)
    made = [await book(resident, service, "09:00", TUESDAY + timedelta(days=number)) for number in (3, 1, 2)]
    page = await resident.get("/bookings", limit=2)
    rest = await resident.get("/bookings", limit=2, cursor=page["next_cursor"])
    shown = [one["id"] for one in page["items"] + rest["items"]]
    assert shown == [made[1]["id"], made[2]["id"], made[0]["id"]]
    assert rest["next_cursor"] is None
    set_clock("08:00", TUESDAY + timedelta(days=3))
    past = await resident.get("/bookings", when="past")
    assert [one["id"] for one in past["items"]] == [made[2]["id"], made[1]["id"]]
    assert [one["id"] for one in (await resident.get("/bookings"))["items"]] == [made[0]["id"]]


async def test_merged_persons_keep_their_bookings(api: Api, community: Organization) -> None:
    from server.neighbor_center.bookings.merging import merge_bookings

    service = await create_service(community)
    old, kept = await create_resident(api, community), await create_resident(api, community)
    elder = await create_dependant(old)
    booking, for_elder = await book(old, service), await book(old, service, "10:00", person_id=elder.id)
    await merge_bookings(old.person_id, kept.person_id)
    assert (await kept.get(f"/bookings/{booking['id']}"))["person_id"] == kept.person_id
    rows = await fetch("SELECT id, person_id, booked_by_id FROM booking ORDER BY id")
    assert [tuple(row) for row in rows] == [
        (booking["id"], kept.person_id, kept.person_id),
        (for_elder["id"], elder.id, kept.person_id),
    ]


async def test_an_ended_guardianship_shows_nothing_more(api: Api, community: Organization) -> None:
    service = await create_service(community)
    guardian = await create_resident(api, community)
    elder = await create_dependant(guardian)
    booking = await book(guardian, service, person_id=elder.id)
    assert await told(guardian) == ["slot_booked"]
    await execute("UPDATE dependant SET ended_at = $1", clock.now())
    staff = await create_staff(api, community)
    await staff.post(f"/staff/bookings/{booking['id']}/cancel", {"reason": "停诊"})
    assert await told(guardian) == ["slot_booked"]
    await guardian.refused("GET", f"/bookings/{booking['id']}", code="not_found")
    assert (await guardian.get("/bookings"))["items"] == []


async def test_every_move_is_kept(api: Api, community: Organization) -> None:
    service = await create_service(community)
    resident = await create_resident(api, community)
    booking = await book(resident, service, "09:00")
    for wall_clock in ("10:00", "11:00"):
        await resident.post(f"/bookings/{booking['id']}/move", {"starts_at": at(wall_clock)})
    rows = await fetch(
        "SELECT f.starts_at AS before, t.starts_at AS after FROM booking_move m JOIN slot f ON f.id = m.from_slot_id "
        "JOIN slot t ON t.id = m.to_slot_id WHERE m.booking_id = $1 ORDER BY m.id",
        booking["id"],
    )
    assert [(row["before"], row["after"]) for row in rows] == [
        (moment("09:00"), moment("10:00")),
        (moment("10:00"), moment("11:00")),
    ]
