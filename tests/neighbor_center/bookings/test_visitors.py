"""Doctors and tailors who go to people's homes without a role: named for a service, they see their own visits alone."""

from typing import Any

import pytest

from server.foundation.audit import AuditEntry
from server.foundation.ids import new_id
from server.neighbor_center.bookings.merging import merge_bookings
from server.neighbor_center.bookings.models import ServiceVisitor
from server.neighbor_center.bookings.visitors import move_visitor
from server.neighbor_center.venues.models import Service, ServiceMode
from server.organizations.models import Organization, RoleKind
from tests.builders import create_community, create_person, create_resident, create_staff, sign_in, told
from tests.clients import Api
from tests.neighbor_center.builders import TUESDAY, book, create_service, set_clock

ADDRESS = "和平路 5 号 2 单元 301"


@pytest.fixture
async def service(community: Organization) -> Service:
    return await create_service(community, mode=ServiceMode.HOME_VISIT, capacity=3)


async def visit(resident: Api, service: Service, community: Organization, time: str = "09:00") -> str:
    return str((await book(resident, service, time, address=ADDRESS, area_id=community.id))["id"])


def ids(visitors: list[dict[str, Any]]) -> list[str]:
    return [visitor["person_id"] for visitor in visitors]


async def test_a_doctor_sees_their_own_visits_alone(api: Api, community: Organization, service: Service) -> None:
    staff = await create_staff(api, community)
    doctor, tailor, first, second = [await create_resident(api, community, name) for name in ("李医生", "裁缝", "", "")]
    path = f"/staff/services/{service.id}/visitors"
    mine, others = await visit(first, service, community), await visit(second, service, community, "10:00")
    sent = {"visitor_id": doctor.person_id}
    await staff.refused("POST", f"/staff/bookings/{mine}/visitor", sent, code="invalid_fields")
    for _ in range(2):
        named = await staff.post(path, {"person_id": doctor.person_id})
        assert named == [{"person_id": doctor.person_id, "name": "李医生", "nickname": "李医生"}]
    assert ids(await staff.get(path)) == [doctor.person_id]
    await staff.post(f"/staff/bookings/{mine}/visitor", sent)
    assert (await doctor.inbox())[0]["page"] == "pages/visit/mine"
    assert [one["booking_id"] for one in await doctor.get("/staff/visits", day=str(TUESDAY))] == [mine]
    assert await tailor.get("/staff/visits", day=str(TUESDAY)) == []
    # Named for one service, they are sent for no other.
    other_service = await create_service(community, mode=ServiceMode.HOME_VISIT)
    elsewhere = await visit(first, other_service, community, "11:00")
    await staff.refused("POST", f"/staff/bookings/{elsewhere}/visitor", sent, code="invalid_fields")
    # The address is there on the day, and nothing else ever.
    await doctor.refused("GET", f"/staff/bookings/{mine}/visit", code="not_found")
    set_clock("07:00", TUESDAY)
    assert (await doctor.get(f"/staff/bookings/{mine}/visit"))["address"] == ADDRESS
    for who, booking in ((doctor, others), (tailor, mine)):
        await who.refused("GET", f"/staff/bookings/{booking}/visit", code="not_found")
    for refused in (f"/staff/bookings/{mine}", f"/staff/venues/{service.venue_id}/bookings?day={TUESDAY}", path):
        await doctor.refused("GET", refused, code="not_allowed")
    await api.refused("GET", f"/staff/visits?day={TUESDAY}", code="not_signed_in")


async def test_who_is_no_longer_sent(api: Api, community: Organization, service: Service) -> None:
    staff, doctor = await create_staff(api, community), await create_resident(api, community)
    colleague = await create_staff(api, community)
    path = f"/staff/services/{service.id}/visitors"
    await staff.post(path, {"person_id": doctor.person_id})
    booking = await visit(await create_resident(api, community), service, community)
    await staff.post(f"/staff/bookings/{booking}/visitor", {"visitor_id": doctor.person_id})
    end = f"{path}/{doctor.person_id}"
    await staff.refused("DELETE", end, code="wrong_state")
    await staff.post(f"/staff/bookings/{booking}/visitor", {"visitor_id": colleague.person_id})
    assert (await told(doctor))[-1] == "visit_cancelled"
    assert await staff.delete(end) == []
    await staff.refused("DELETE", end, code="not_found")
    body = {"visitor_id": doctor.person_id}
    await staff.refused("POST", f"/staff/bookings/{booking}/visitor", body, code="invalid_fields")
    seen = await AuditEntry.filter(person_id=doctor.person_id, action__in=["name_visitor", "end_visitor"]).order_by(
        "id"
    )
    assert [(entry.action, entry.organization_id) for entry in seen] == [
        ("name_visitor", community.id),
        ("end_visitor", community.id),
    ]


async def test_who_names_whom(api: Api, community: Organization, service: Service) -> None:
    staff, doctor = await create_staff(api, community), await create_resident(api, community)
    newcomer = await sign_in(api, await create_person(community=community, is_registered=False))
    path, body = f"/staff/services/{service.id}/visitors", {"person_id": doctor.person_id}
    for wrong in (newcomer.person_id, new_id()):
        await staff.refused("POST", path, {"person_id": wrong}, code="invalid_fields")
    at_venue = await create_service(community)
    await staff.refused("POST", f"/staff/services/{at_venue.id}/visitors", body, code="wrong_state")
    elsewhere = await create_staff(api, await create_community())
    observer = await create_staff(api, community, RoleKind.OBSERVER)
    for who in (doctor, elsewhere, observer):
        await who.refused("POST", path, body, code="not_allowed")
        await who.refused("GET", path, code="not_allowed")
        await who.refused("DELETE", f"{path}/{doctor.person_id}", code="not_allowed")
    assert not await ServiceVisitor.exists()


async def test_a_visitor_who_leaves_or_turns_out_to_be_another(
    api: Api, community: Organization, service: Service
) -> None:
    staff = await create_staff(api, community)
    old, kept, leaver = [await create_resident(api, community) for _ in range(3)]
    path = f"/staff/services/{service.id}/visitors"
    for who in (old, kept, leaver):
        await staff.post(path, {"person_id": who.person_id})
    await move_visitor(old.person_id, kept.person_id)
    await merge_bookings(old.person_id, kept.person_id)
    assert ids(await staff.get(path)) == [kept.person_id, leaver.person_id]
    booking = await visit(await create_resident(api, community), service, community)
    await staff.post(f"/staff/bookings/{booking}/visitor", {"visitor_id": leaver.person_id})
    await leaver.post("/me/cancellation")
    assert ids(await staff.get(path)) == [kept.person_id]
    assert (await staff.get(f"/staff/bookings/{booking}"))["visitor_id"] is None
