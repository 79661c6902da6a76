"""Nobody decides about themselves, whatever role they hold: another one has to."""

from server.accounts.models import Person
from server.organizations.models import Organization, RoleKind
from tests.builders import agree, create_community, create_resident, create_staff, grant
from tests.check_in import builders as members
from tests.clients import Api
from tests.neighbor_center.builders import (
    TUESDAY,
    at,
    book,
    create_dependant,
    create_room,
    create_service,
    set_clock,
)


async def make_staff(person: Api, community: Organization) -> None:
    await grant(await Person.get(id=person.person_id), community)


async def refused(caller: Api, path: str, body: object = None, method: str = "POST") -> None:
    await caller.refused(method, path, body, code="own_matter")


async def test_ones_own_check_in(api: Api) -> None:
    community = await create_community()
    staff, member = await create_staff(api, community), await members.create_member(api, community)
    check_in = (await member.post("/check-ins", members.application(community), expect=201))["id"]
    await make_staff(member, community)
    path, reason = f"/staff/check-ins/{check_in}", {"reason": "本人"}
    for action, body in (("confirm", {}), ("return", reason), ("refuse", reason), ("end", reason)):
        await refused(member, f"{path}/{action}", body)
    await refused(member, f"{path}/grid", {"grid_id": None}, "PUT")
    assert (await staff.post(f"{path}/confirm", {}, expect=200))["state"] == "confirmed"


async def test_ones_own_post(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    post, member = await members.create_post(staff, community), await members.create_checked_in(api, staff, community)
    holding = (await member.post(f"/posts/{post}/apply", expect=201))["id"]
    await make_staff(member, community)
    path, reason = f"/staff/post-holdings/{holding}", {"reason": "本人"}
    for action, body in (("approve", None), ("refuse", reason), ("end", reason)):
        await refused(member, f"{path}/{action}", body)
    await staff.post(f"{path}/approve", expect=200)


async def test_ones_own_membership(api: Api) -> None:
    community = await create_community()
    manager = await create_staff(api, community, RoleKind.MANAGER)
    person, phone = await members.create_known_person(api)
    await agree(person.person_id)
    await make_staff(person, community)
    body = members.registration(community, real_name="李敏", phone=phone)
    await refused(person, "/staff/members", body)
    membership = (await manager.post("/staff/members", body, expect=201))["membership_id"]
    path = f"/staff/members/{membership}"
    await refused(person, path, {"version": 1, "kind": "retired", "home_text": "某支部"}, "PUT")
    await refused(person, f"{path}/end", {"reason": "本人"})
    await refused(person, f"{path}/contact-person", {"contact_person_id": None}, "PUT")
    await refused(person, f"{path}/transfer")
    assert (await manager.get(path))["kind"] == "floating"


async def test_ones_own_booking_and_ones_childs(api: Api) -> None:
    set_clock("09:00")
    community = await create_community()
    service, room = await create_service(community, needs_approval=True, capacity=5), await create_room(community)
    caller, staff = await create_resident(api, community), await create_staff(api, community)
    child = await create_dependant(caller)
    await make_staff(caller, community)
    own = await book(caller, service)
    childs = await book(caller, service, "10:00", person_id=child.id)
    asked = {"starts_at": at("09:00"), "ends_at": at("10:00")}
    held = await caller.post(f"/services/{room.id}/room-bookings", asked, expect=201)
    reason = {"reason": "本人"}
    for path in (f"bookings/{own['id']}", f"bookings/{childs['id']}", f"room-bookings/{held['id']}"):
        for action, body in (("approve", None), ("refuse", reason), ("cancel", reason), ("attended", None)):
            await refused(caller, f"/staff/{path}/{action}", body)
        await refused(caller, f"/staff/{path}/no-show")
    visitor = {"visitor_id": caller.person_id}
    await refused(caller, f"/staff/bookings/{own['id']}/visitor", visitor)
    walk_in = {"starts_at": at("11:00", TUESDAY), "person_id": caller.person_id}
    await refused(caller, f"/staff/services/{service.id}/walk-ins", walk_in)
    await staff.post(f"/staff/bookings/{own['id']}/approve", expect=200)
    # What they book for others at the counter is not their own.
    others = {"starts_at": at("11:00", TUESDAY), "real_name": "孙大爷", "phone": "13500001111"}
    made = await caller.post(f"/staff/services/{service.id}/walk-ins", others, expect=201)
    await caller.post(f"/staff/bookings/{made['id']}/cancel", reason, expect=200)


async def test_ones_own_complaint(api: Api) -> None:
    community = await create_community()
    service = await create_service(community)
    caller, staff = await create_resident(api, community), await create_staff(api, community)
    made = await caller.post(f"/venues/{service.venue_id}/complaints", {"text": "无人接待"}, expect=201)
    await make_staff(caller, community)
    path, body = f"/staff/complaints/{made['id']}/answer", {"answer": "已核实", "is_upheld": False}
    await refused(caller, path, body)
    await staff.post(path, body, expect=200)
