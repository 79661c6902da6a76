"""A person on one page: found by name or phone, all that concerns them here, each look audited."""

from datetime import timedelta
from typing import Any

from server.accounts import person_page
from server.accounts.details import save_details
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.database import fetch, transaction
from server.foundation.ids import new_id
from server.organizations.models import Organization, RoleKind
from server.places.models import NoShow, NoShowReason, Purpose
from server.wishes.models import WishState
from tests.builders import (
    create_community,
    create_person,
    create_resident,
    create_staff,
    give_phone,
    grant,
    sign_in,
)
from tests.check_in.builders import application, create_holder, create_member, create_post
from tests.clients import Api
from tests.neighbor_center.builders import at, book, create_room, create_service, set_clock
from tests.volunteering.attendance.builders import served
from tests.volunteering.builders import People, create_family, publish_shift, sign_up
from tests.wishes import builders as wishes


def counts(page: Any) -> dict[str, int]:
    return {part["kind"]: part["count"] for part in page["parts"]}


def lines(page: Any, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = next(part["items"] for part in page["parts"] if part["kind"] == kind)
    return found


async def page_of(staff: Api, person: Api) -> Any:
    return await staff.get(f"/staff/persons/{person.person_id}")


async def absent(person: Api, purpose: Purpose, **of: Any) -> None:
    """A no-show of the person's, of a place or a subject."""
    await NoShow.create(
        person_id=person.person_id, purpose=purpose, reason=NoShowReason.ABSENT, happened_at=clock.now(), **of
    )


async def place_of(table: str, id_: str) -> str:
    return str((await fetch(f"SELECT place_id FROM {table} WHERE id = $1", id_))[0]["place_id"])


async def test_a_member_and_volunteer(api: Api) -> None:
    community, elsewhere = await create_community(name="竹岛社区"), await create_community(name="海源社区")
    staff, outsider = await create_staff(api, community), await create_staff(api, elsewhere)
    member, bystander = await create_member(api, community), await create_resident(api, community)
    # Who is registered nowhere else is nobody's there.
    await outsider.refused("GET", f"/staff/persons/{member.person_id}", code="not_found")
    check_in = await member.post("/check-ins", application(community), expect=201)
    assert [line["state_word"] for line in lines(await page_of(staff, member), "check_in")] == ["待社区确认"]
    await staff.post(f"/staff/check-ins/{check_in['id']}/confirm", {}, expect=200)
    await create_holder(staff, member, await create_post(staff, community, title="楼道安全员"))
    people = People(community, staff, member, bystander, bystander)
    await served(people, member, clock.now() + timedelta(days=2), 90)
    shift_id = await publish_shift(people)
    sign_up_id = (await sign_up(member, shift_id))["sign_up"]["id"]
    await absent(member, Purpose.SHIFT_ROLE, place_id=await place_of("sign_up", sign_up_id))
    await member.put("/me/community", {"community_id": elsewhere.id})
    there = People(elsewhere, outsider, member, bystander, bystander)
    await sign_up(member, await publish_shift(there, timedelta(days=9)))

    page = await page_of(staff, member)
    assert counts(page) == {
        "registration": 1,
        "check_in": 1,
        "holding": 1,
        "service": 3,
        "sign_up": 2,
        "hours": 1,
        "shift_no_show": 1,
    }
    assert page["person"] == {
        "person_id": member.person_id,
        "name": "王**",
        "phone": page["person"]["phone"],
        "nickname": page["person"]["nickname"],
        "is_blocked": False,
    }
    assert "****" in page["person"]["phone"]
    [checked_in] = lines(page, "check_in")
    assert (checked_in["title"], checked_in["state"], checked_in["page"]) == (
        "竹岛社区",
        "confirmed",
        f"pages/staff/check-in?id={check_in['id']}",
    )
    assert [(line["title"], line["state_word"]) for line in lines(page, "holding")] == [("楼道安全员", "在岗")]
    assert [(line["minutes"], line["state_word"]) for line in lines(page, "hours")] == [(90, "有效")]
    assert ("参加志愿服务", 90) in [(line["title"], line["minutes"]) for line in lines(page, "service")]
    assert lines(page, "sign_up")[0]["page"] == f"pages/staff/shift?id={shift_id}", "the latest first"
    assert lines(page, "shift_no_show")[0]["state_word"] == "未到场"
    # Elsewhere they see what concerns them there; and of the bystander there is nothing but the registration.
    assert counts(await page_of(outsider, member)) == {"sign_up": 1}
    assert counts(await page_of(staff, bystander)) == {"registration": 1}
    above = await create_staff(api, await Organization.get(id=community.parent_id), RoleKind.MANAGER)
    assert counts(await page_of(above, member)) == counts(page)


async def test_a_resident_of_wishes_and_neighbor_centers(api: Api) -> None:
    set_clock("08:00")
    people = await wishes.create_people(api)
    staff, wisher, claimer = people.staff, people.wisher, people.claimer
    wish = await wishes.put_wish(people, WishState.CLAIMED)
    await wishes.put_wish(people, WishState.DRAFT, submitted_at=None)
    service, room = await create_service(people.community), await create_room(people.community)
    booking = await book(wisher, service)
    span = {"starts_at": at("15:00"), "ends_at": at("16:00")}
    in_room = await wisher.post(f"/services/{room.id}/room-bookings", span, expect=201)
    complaint = await wisher.post(f"/venues/{service.venue_id}/complaints", {"text": "无人接待"}, expect=201)
    await absent(wisher, Purpose.SLOT, place_id=await place_of("booking", booking["id"]))
    await absent(wisher, Purpose.SLOT, subject_id=in_room["id"])

    page = await page_of(staff, wisher)
    assert counts(page) == {
        "registration": 1,
        "wish": 1,
        "booking": 1,
        "room_booking": 1,
        "booking_no_show": 1,
        "room_booking_no_show": 1,
        "complaint": 1,
    }, "drafts are the wisher's alone"
    pages = {kind: lines(page, kind)[0]["page"] for kind in counts(page)}
    assert pages == {
        "registration": "",
        "wish": f"pages/staff/wish?id={wish}",
        "booking": f"pages/staff/booking?id={booking['id']}",
        "room_booking": f"pages/staff/room-booking?id={in_room['id']}",
        "booking_no_show": f"pages/staff/booking?id={booking['id']}",
        "room_booking_no_show": f"pages/staff/room-booking?id={in_room['id']}",
        "complaint": f"pages/staff/complaint?id={complaint['id']}",
    }
    assert lines(page, "booking")[0]["title"] == "阳光邻里中心 家庭医生"
    assert "无人接待" not in str(page)
    claims = await page_of(staff, claimer)
    assert [(line["title"], line["state_word"]) for line in lines(claims, "wish_claim")]
    assert lines(claims, "wish_claim")[0]["page"] == f"pages/staff/wish?id={wish}"
    assert "wish" not in counts(claims)


async def test_of_many_things_the_latest(api: Api) -> None:
    set_clock("08:00")
    community = await create_community()
    staff, me = await create_staff(api, community), await create_resident(api, community)
    venue_id = (await create_service(community)).venue_id
    for number in range(person_page.MOST + 2):
        await me.post(f"/venues/{venue_id}/complaints", {"text": f"第 {number} 次"}, expect=201)
    [part] = [part for part in (await page_of(staff, me))["parts"] if part["kind"] == "complaint"]
    assert part["count"] == person_page.MOST + 2
    assert len(part["items"]) == person_page.MOST
    assert [item["at"] for item in part["items"]] == sorted((item["at"] for item in part["items"]), reverse=True)


async def test_who_may_look(api: Api) -> None:
    community = await create_community()
    staff, me = await create_staff(api, community), await create_resident(api, community)
    newcomer = await sign_in(api, await create_person(community=community, is_registered=False))
    path = f"/staff/persons/{me.person_id}"
    await staff.refused("GET", f"/staff/persons/{newcomer.person_id}", code="not_found")
    await staff.refused("GET", f"/staff/persons/{new_id()}", code="not_found")
    await (await create_staff(api, community, RoleKind.OBSERVER)).refused("GET", path, code="not_found")
    await me.refused("GET", path, code="not_allowed")
    await api.refused("GET", path, code="not_signed_in")
    assert not await AuditEntry.exists(action="view_person")
    await staff.get(path)
    entry = await AuditEntry.get(action="view_person")
    assert (entry.actor_id, entry.person_id, entry.organization_id) == (staff.person_id, me.person_id, community.id)


async def find(staff: Api, name: str) -> list[str]:
    found = await staff.post("/staff/persons/find-by-name", {"real_name": name})
    assert found["has_more"] is False
    return [item["person_id"] for item in found["items"]]


async def test_finding_by_name(api: Api) -> None:
    community, elsewhere = await create_community(), await create_community()
    staff, outsider = await create_staff(api, community), await create_staff(api, elsewhere)
    first, second, unknown, theirs = [
        await create_person(community=place, is_registered=known)
        for place, known in ((community, True), (community, True), (community, False), (elsewhere, True))
    ]
    guardian = await sign_in(api, first)
    [child] = await create_family(guardian, None)
    async with transaction():
        for person_id in (first.id, second.id, unknown.id, theirs.id):
            await save_details(person_id, real_name="阿依古丽·买买提")
        await save_details(child, real_name="买买提·小明")
    await give_phone(first.id, "13800001111")
    assert await find(staff, "阿依古丽•买买提") == [second.id, first.id], "the latest first, whatever the dot"
    assert await find(outsider, "阿依古丽 · 买买提") == [theirs.id]
    assert await find(staff, "阿依古丽") == await find(staff, "王小明") == []
    # A child has no business here until something is done for it.
    assert await find(staff, "买买提·小明") == [child]
    shown = (await staff.post("/staff/persons/find-by-name", {"real_name": "阿依古丽·买买提"}))["items"][1]
    assert (shown["name"], shown["phone"]) == ("阿*******", "138****1111")
    # Nobody of those found is named in the log; that nobody was found is.
    assert {e.person_id for e in await AuditEntry.filter(action="find_person", actor_id=staff.person_id)} == {
        first.id,
        second.id,
        child,
        None,
    }
    for bad in ("", " ", "\u200b", "长" * 41):
        await staff.refused("POST", "/staff/persons/find-by-name", {"real_name": bad}, code="invalid_fields")
    for who in (guardian, await create_staff(api, community, RoleKind.OBSERVER)):
        await who.refused("POST", "/staff/persons/find-by-name", {"real_name": "王小明"}, code="not_allowed")


async def test_of_very_many_namesakes_only_some(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    async with transaction():
        for _ in range(21):
            await save_details((await create_person(community=community)).id, real_name="王伟")
    found = await staff.post("/staff/persons/find-by-name", {"real_name": "王伟"})
    assert (len(found["items"]), found["has_more"]) == (20, True)


async def test_a_role_below_a_role_counts_once(api: Api) -> None:
    """Who works in a street and in a community of its finds each thing once."""
    set_clock("08:00")
    community = await create_community()
    both = await create_person()
    await grant(both, community)
    await grant(both, await Organization.get(id=community.parent_id), RoleKind.MANAGER)
    staff, me = await sign_in(api, both), await create_resident(api, community)
    await book(me, await create_service(community))
    assert counts(await page_of(staff, me)) == {"registration": 1, "booking": 1}
