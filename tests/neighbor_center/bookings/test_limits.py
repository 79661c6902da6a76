"""How often, how early and how late one may book: limits, release, notice, consent."""

from datetime import timedelta

from server.accounts.models import Consent
from server.foundation import clock
from server.neighbor_center.venues.models import WhoMayBook
from server.organizations.models import Organization
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.neighbor_center.builders import MONDAY, TUESDAY, at, book, create_dependant, create_service, set_clock


async def test_a_months_bookings_are_counted_past_ones_too(api: Api, community: Organization) -> None:
    service = await create_service(community, max_per_month=2, days_ahead=40)
    resident = await create_resident(api, community)
    await book(resident, service, "09:00", TUESDAY)
    set_clock("08:00", TUESDAY + timedelta(days=2))
    second = await book(resident, service, "09:00", TUESDAY + timedelta(days=7))
    path = f"/services/{service.id}/bookings"
    third = {"starts_at": at("09:00", TUESDAY + timedelta(days=14))}
    problem = await resident.refused("POST", path, third, code="too_many_bookings")
    assert (problem["limit"], problem["allowed"]) == ("max_per_month", 2)
    # April is another month.
    await book(resident, service, "09:00", TUESDAY + timedelta(days=35))
    limits = (await resident.get(f"/services/{service.id}/availability"))["limits"]
    assert limits["max_per_month"] == 2
    assert limits["used_by_month"] == [{"month": "2031-03", "used": 2}, {"month": "2031-04", "used": 1}]
    answer = await resident.get(f"/services/{service.id}/availability", first_day="2031-03-25", days=1)
    assert answer["days"][0]["slots"][0]["availability"] == "limit"
    # What is cancelled does not count.
    await resident.post(f"/bookings/{second['id']}/cancel", {})
    await resident.post(path, third, expect=201)


async def test_a_new_day_is_released_at_eight(api: Api, community: Organization) -> None:
    service = await create_service(community, days_ahead=7, released_at=480)
    resident = await create_resident(api, community)
    path = f"/services/{service.id}/bookings"
    last = MONDAY + timedelta(days=7)
    set_clock("07:59")
    problem = await resident.refused("POST", path, {"starts_at": at("09:00", last)}, code="too_far_ahead")
    assert problem["until"] == str(last - timedelta(days=1))
    limits = (await resident.get(f"/services/{service.id}/availability"))["limits"]
    assert (limits["last_bookable_day"], limits["next_release_at"]) == ("2031-03-09", "2031-03-03T00:00:00Z")
    set_clock("08:00")
    await book(resident, service, "09:00", last)
    limits = (await resident.get(f"/services/{service.id}/availability"))["limits"]
    assert (limits["last_bookable_day"], limits["next_release_at"]) == ("2031-03-10", "2031-03-04T00:00:00Z")


async def test_what_needs_notice_closes_before_it_begins(api: Api, community: Organization) -> None:
    instant = await create_service(community)
    with_notice = await create_service(community, book_until_minutes=24 * 60)
    resident = await create_resident(api, community)
    set_clock("09:01")
    body = {"starts_at": at("09:00", TUESDAY)}
    problem = await resident.refused("POST", f"/services/{with_notice.id}/bookings", body, code="too_short_notice")
    assert problem["deadline"] == "2031-03-03T01:00:00Z"
    answer = await resident.get(f"/services/{with_notice.id}/availability", first_day=str(TUESDAY), days=1)
    assert [slot["availability"] for slot in answer["days"][0]["slots"]][:2] == ["too_late", "free"]
    booked = await book(resident, with_notice, "09:30")
    move = {"starts_at": at("09:00")}
    await resident.refused("POST", f"/bookings/{booked['id']}/move", move, code="too_short_notice")
    # 即时预约: until the minute it begins.
    await book(resident, instant, "09:30", MONDAY)


async def test_consent_that_was_withdrawn_ends_booking_for_somebody(api: Api, community: Organization) -> None:
    service = await create_service(community)
    guardian = await create_resident(api, community)
    elder = await create_dependant(guardian)
    booking = await book(guardian, service, person_id=elder.id)
    await Consent.filter(person_id=elder.id, kind="on_behalf").update(withdrawn_at=clock.now())
    body = {"starts_at": at("10:00"), "person_id": elder.id}
    await guardian.refused("POST", f"/services/{service.id}/bookings", body, code="consent_needed")
    # What was booked can still be given up.
    assert (await guardian.post(f"/bookings/{booking['id']}/cancel", {}))["state"] == "cancelled"


async def test_whom_a_service_is_for_is_told_before_the_click(api: Api, community: Organization) -> None:
    service = await create_service(community, who_may_book=WhoMayBook.RESIDENTS)
    resident, stranger = await create_resident(api, community), await create_resident(api, await create_community())
    path = f"/services/{service.id}/availability"
    assert (await resident.get(path))["limits"]["not_eligible"] == ""
    assert "本辖区" in (await stranger.get(path))["limits"]["not_eligible"]
