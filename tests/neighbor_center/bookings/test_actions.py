"""What one could do with a booking is told before the tap, and comes true: every state, everybody it may concern."""

from datetime import timedelta

from server.neighbor_center.venues.models import ServiceMode
from server.organizations.models import Level, Organization, RoleKind
from tests.actions import Tries, try_actions
from tests.builders import create_community, create_organization, create_resident, create_staff
from tests.builders import told as told_of
from tests.clients import Api
from tests.neighbor_center.builders import TUESDAY, at, book, create_dependant, create_room, create_service, set_clock

MINE: Tries = {
    "accept": ("POST", "accept", None),
    "decline": ("POST", "decline", None),
    "move": ("POST", "move", {"starts_at": at("11:00")}),
    "cancel": ("POST", "cancel", {}),
    "rate": ("POST", "rating", {"stars": 4}),
}
LATE: Tries = MINE | {"cancel_as_no_show": ("POST", "cancel", {"accept_no_show": True})}
"""Past the deadline, where it makes a difference."""
STAFFS: Tries = {
    "approve": ("POST", "approve", None),
    "refuse": ("POST", "refuse", {"reason": "材料不全"}),
    "mark_attended": ("POST", "attended", None),
    "mark_no_show": ("POST", "no-show", None),
    "move": ("POST", "move", {"starts_at": at("11:00")}),
    "cancel": ("POST", "cancel", {"reason": "停诊"}),
}


def of_room(tries: Tries) -> Tries:
    """The same for a room, which has no waiting list."""
    kept = {name: each for name, each in tries.items() if name not in ("accept", "decline")}
    return kept | {"move": ("POST", "move", {"starts_at": at("11:00"), "ends_at": at("12:00")})}


async def test_of_a_slots_booking(api: Api, community: Organization) -> None:
    service = await create_service(community, cancel_until_minutes=60)
    resident, second, guardian = [await create_resident(api, community) for _ in range(3)]
    staff, observer = await create_staff(api, community), await create_staff(api, community, RoleKind.OBSERVER)
    mine = f"/bookings/{(await book(resident, service))['id']}"
    staffs = f"/staff{mine}"
    theirs = f"/bookings/{(await book(second, service, wait=True))['id']}"

    async def told(tries: Tries = MINE) -> tuple[str, str]:
        return await try_actions(resident, mine, tries), await try_actions(staff, staffs, STAFFS)

    too_early = "mark_attended:wrong_state mark_no_show:wrong_state"
    assert await told() == ("move cancel rate:wrong_state", f"{too_early} move cancel")
    assert await try_actions(second, theirs, MINE) == "move cancel rate:wrong_state"
    assert await try_actions(staff, f"/staff{theirs}", STAFFS) == "move cancel"
    assert await try_actions(observer, staffs, STAFFS) == ""
    for who in (second, guardian, await create_staff(api, await create_community())):
        await who.refused("GET", f"{mine}/actions", code="not_found")
    await second.refused("GET", f"{staffs}/actions", code="not_allowed")
    # Nobody was told of anything, and nothing has become of anything.
    assert await told_of(resident) == ["slot_booked"]
    set_clock("08:10", TUESDAY)
    assert await told(LATE) == (
        "move:change_too_late cancel:change_too_late cancel_as_no_show rate:wrong_state",
        f"{too_early} move:change_too_late cancel",
    )
    set_clock("09:05", TUESDAY)
    assert await told(LATE) == (
        "move:change_too_late cancel:change_too_late cancel_as_no_show:change_too_late rate:wrong_state",
        "mark_attended mark_no_show move:change_too_late cancel",
    )
    await staff.post(f"{staffs}/no-show")
    assert await told() == ("", "mark_attended")
    await staff.post(f"{staffs}/attended")
    assert await told() == ("rate", "")
    await resident.post(f"{mine}/rating", {"stars": 5})
    assert await told() == ("rate:wrong_state", "")


async def test_of_an_offer(api: Api, community: Organization) -> None:
    service = await create_service(community)
    first, second = [await create_resident(api, community) for _ in range(2)]
    staff = await create_staff(api, community)
    booking, waiting = [(await book(each, service, wait=True))["id"] for each in (first, second)]
    set_clock("10:00")
    await first.post(f"/bookings/{booking}/cancel")
    assert await try_actions(first, f"/bookings/{booking}", MINE) == ""
    assert await try_actions(staff, f"/staff/bookings/{booking}", STAFFS) == ""
    path = f"/bookings/{waiting}"
    assert (await second.get(path))["offered_until"]
    assert await try_actions(second, path, MINE) == "accept decline move cancel rate:wrong_state"
    assert await try_actions(staff, f"/staff{path}", STAFFS) == "move cancel"
    set_clock("12:30")
    assert "accept:offer_expired" in await try_actions(second, path, MINE)
    set_clock("10:00")
    await second.post(f"{path}/accept")
    assert await try_actions(second, path, MINE) == "move cancel rate:wrong_state"


async def test_of_a_request_and_a_home_visit(api: Api, community: Organization) -> None:
    service = await create_service(community, needs_approval=True, mode=ServiceMode.HOME_VISIT)
    grid = await create_organization(Level.GRID, parent=community)
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    booking = (await book(resident, service, address="和平路 2 号", area_id=grid.id))["id"]
    mine, staffs = f"/bookings/{booking}", f"/staff/bookings/{booking}"
    visits = STAFFS | {"assign_visitor": ("POST", "visitor", {"visitor_id": staff.person_id})}
    too_early = "mark_attended:wrong_state mark_no_show:wrong_state"
    assert await try_actions(staff, staffs, visits) == f"approve refuse {too_early} move cancel assign_visitor"
    assert await try_actions(resident, mine, MINE) == "move cancel rate:wrong_state"
    await staff.post(f"{staffs}/approve")
    assert await try_actions(staff, staffs, visits) == f"{too_early} move cancel assign_visitor"
    await staff.post(f"{staffs}/cancel", {"reason": "停诊"})
    assert await try_actions(staff, staffs, visits) == ""
    assert await try_actions(resident, mine, MINE) == ""


async def test_nobody_decides_about_their_own(api: Api, community: Organization) -> None:
    service = await create_service(community, needs_approval=True)
    staff = await create_staff(api, community)
    booking = (await book(staff, service))["id"]
    own = await try_actions(staff, f"/staff/bookings/{booking}", STAFFS)
    assert own == " ".join(f"{action}:own_matter" for action in STAFFS)


async def test_of_a_room(api: Api, community: Organization) -> None:
    room = await create_room(community, needs_approval=True, cancel_until_minutes=60)
    guardian, second = [await create_resident(api, community) for _ in range(2)]
    elder = await create_dependant(guardian)
    staff = await create_staff(api, community)
    body = {"starts_at": at("14:00"), "ends_at": at("15:00")}
    wanted = f"/services/{room.id}/room-bookings"
    booking = (await guardian.post(wanted, body | {"person_id": elder.id}, expect=201))["id"]
    other = (await second.post(wanted, body, expect=201))["id"]
    mine, staffs = f"/room-bookings/{booking}", f"/staff/room-bookings/{booking}"
    assert await try_actions(guardian, mine, of_room(MINE)) == "move cancel rate:wrong_state"
    assert await try_actions(staff, staffs, of_room(STAFFS)) == "approve refuse move cancel"
    await second.refused("GET", f"{mine}/actions", code="not_found")
    await staff.post(f"{staffs}/approve")
    assert await try_actions(guardian, mine, of_room(MINE)) == "move:wrong_state cancel rate:wrong_state"
    held = "mark_attended:wrong_state mark_no_show:wrong_state move cancel"
    assert await try_actions(staff, staffs, of_room(STAFFS)) == held
    assert await try_actions(staff, f"/staff/room-bookings/{other}", of_room(STAFFS)) == ""
    set_clock("13:30", TUESDAY)
    late = of_room(MINE) | {"cancel_as_no_show": LATE["cancel_as_no_show"]}
    assert await try_actions(guardian, mine, late) == (
        "move:wrong_state cancel:change_too_late cancel_as_no_show rate:wrong_state"
    )
    set_clock("14:10", TUESDAY)
    await staff.post(f"{staffs}/attended")
    assert await try_actions(guardian, mine, of_room(MINE)) == "rate"
    assert await try_actions(staff, staffs, of_room(STAFFS)) == ""


async def test_of_a_series(api: Api, community: Organization) -> None:
    service = await create_service(community, max_repeats=4, cancel_until_minutes=60)
    resident, second = [await create_resident(api, community) for _ in range(2)]
    made = await resident.post(
        f"/services/{service.id}/booking-series", {"starts_at": at("09:00"), "times": 2}, expect=201
    )
    path, tries = f"/booking-series/{made['id']}", {"cancel": ("POST", "cancel", None)}
    assert await try_actions(resident, path, tries) == "cancel"
    await second.refused("GET", f"{path}/actions", code="not_found")
    set_clock("08:30", TUESDAY + timedelta(weeks=1))
    # Past the deadline of the last one, nothing would become of it.
    assert await try_actions(resident, path, tries) == ""
