"""Leaving: one reads what follows, what is open is settled, and what tells who one was goes."""

from datetime import timedelta
from typing import Any

from server.accounts.models import Dependant, Person, PersonDetails, WeChatIdentity
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.database import fetch_value
from server.media.uploads.uploading import REMOVE_UNUSED_PICTURES
from server.organizations.models import RoleKind
from tests.builders import create_community, create_resident, create_staff, grant
from tests.check_in.builders import create_checked_in
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
from tests.simulator import Simulator, openid
from tests.volunteering.builders import People, publish_shift
from tests.wishes.builders import content, put_picture

CHILD = {"real_name": "李小宝", "relation": "child", "birth_date": "2024-01-02", "guardian_consents": True}


async def open_matters(caller: Api, path: str) -> list[tuple[str, str]]:
    return [(matter["kind"], matter["title"]) for matter in (await caller.get(path))["matters"]]


async def test_what_is_open_is_shown_and_settled(api: Api) -> None:
    set_clock("08:00")
    community = await create_community(name="塔山社区")
    staff, other = await create_staff(api, community), await create_resident(api, community)
    me = await create_checked_in(api, staff, community)
    child = await me.post("/me/dependants", CHILD, expect=201)
    service, room = await create_service(community), await create_room(community)
    await book(me, service)
    waiting = await book(other, service, wait=True)
    await me.post(f"/services/{room.id}/room-bookings", {"starts_at": at("09:00"), "ends_at": at("10:00")}, expect=201)
    shift_id = await publish_shift(People(community, staff, me, other, other))
    await me.post(f"/shifts/{shift_id}/sign-ups", {}, expect=201)
    await me.post("/wishes", content(title="想要一个收音机"), expect=201)
    shown = await me.get("/me/cancellation")
    assert "无法恢复" in shown["follows"]
    assert {matter["kind"] for matter in shown["matters"]} == {
        *("wish", "sign_up", "booking", "room_booking", "check_in", "dependant")
    }
    assert ("booking", "家庭医生（阳光邻里中心）") in await open_matters(me, "/me/cancellation")
    # With one consent, only what rests on it.
    assert await open_matters(me, "/me/consents/membership_data/withdrawal") == [("check_in", "塔山社区")]
    assert await open_matters(me, "/me/consents/sensitive_data/withdrawal") == []
    assert len(await open_matters(me, "/me/consents/privacy/withdrawal")) == len(shown["matters"])
    await me.refused("GET", "/me/consents/volunteer_terms/withdrawal", code="not_found")
    await me.refused("GET", "/me/consents/nothing/withdrawal", code="not_found")

    await me.post("/me/cancellation", expect=204)
    await me.refused("GET", "/me", code="not_signed_in")
    assert (await other.get(f"/bookings/{waiting['id']}"))["state"] == "booked"
    assert await fetch_value("SELECT count(*) FROM sign_up s JOIN place p ON p.id = s.place_id "
                             "WHERE s.person_id = $1 AND p.ended_at IS NULL", me.person_id) == 0  # fmt: skip
    assert await fetch_value("SELECT count(*) FROM room_booking WHERE ended_at IS NULL") == 0
    assert await fetch_value("SELECT count(*) FROM check_in WHERE state = 'confirmed'") == 0
    assert await fetch_value("SELECT count(*) FROM wish") == 0
    for gone in (me.person_id, child["person_id"]):
        person = await Person.get(id=gone)
        assert (person.nickname, person.birth_date, person.community_id) == ("", None, None)
        assert person.cancelled_at
        assert not await PersonDetails.exists(person_id=gone)
    assert not await WeChatIdentity.exists(person_id=me.person_id)
    assert not await Dependant.exists(ended_at=None)
    entry = await AuditEntry.get(action="cancel_account")
    assert (entry.actor_id, entry.organization_id) == (me.person_id, community.id)
    # Nobody brings them back; and others are as they were.
    manager = await create_staff(api, community, RoleKind.MANAGER)
    await manager.refused("POST", f"/staff/persons/{me.person_id}/unblock", code="wrong_state")
    assert (await other.get("/me"))["community"]["id"] == community.id


async def test_the_same_wechat_account_is_somebody_new(api: Api, simulator: Simulator) -> None:
    me = await create_resident(api, await create_community())
    await me.post("/me/cancellation", expect=204)
    signed_in = await api.post("/sessions", {"code": await simulator.login_code(openid(me))})
    assert (signed_in["is_new"], signed_in["person_id"] == me.person_id) == (True, False)


async def test_work_is_handed_over_first(api: Api) -> None:
    community = await create_community()
    me = await create_resident(api, community)
    await grant(await Person.get(id=me.person_id), community, RoleKind.OBSERVER)
    await me.refused("POST", "/me/cancellation", code="roles_held")
    assert (await me.get("/me"))["roles"]


async def test_a_dependant_whom_another_looks_after_stays(api: Api) -> None:
    community = await create_community()
    me, other = await create_resident(api, community), await create_resident(api, community)
    elder = await create_dependant(me)
    await Dependant.create(guardian_id=other.person_id, person=elder, relation="parent", accepted_at=clock.now())
    await me.delete(f"/me/dependants/{elder.id}")
    assert (await Person.get(id=elder.id)).cancelled_at is None
    await other.delete(f"/me/dependants/{elder.id}")
    assert (await Person.get(id=elder.id)).cancelled_at is not None


async def test_an_address_taken_back_ends_home_visits(api: Api) -> None:
    set_clock("08:00")
    community = await create_community()
    me = await create_resident(api, community)
    visit = await create_service(community, mode="home_visit", name="上门理发")
    at_venue = await create_service(community, name="理发")
    await me.put("/me/details", {"real_name": "李敏", "address": "幸福路 1 号 2 单元 301"})
    kept = await book(me, at_venue, "10:00")
    gone = await book(me, visit, "14:00", address="幸福路 1 号 2 单元 301", area_id=community.id)
    path = "/me/consents/sensitive_data"
    assert await open_matters(me, f"{path}/withdrawal") == [("home_visit", "上门理发（阳光邻里中心）")]
    await me.delete(path)
    assert (await me.get("/me"))["address"] == ""
    states = {one["id"]: one["state"] for one in (await me.get("/bookings"))["items"]}
    assert states == {kept["id"]: "booked", gone["id"]: "cancelled"}
    body: dict[str, Any] = {"starts_at": at("15:00", TUESDAY), "address": "别处", "area_id": community.id}
    problem = await me.refused("POST", f"/services/{visit.id}/bookings", body, code="consent_needed")
    assert problem["kind"] == "sensitive_data"


async def test_whoever_withdraws_holds_no_booking(api: Api) -> None:
    set_clock("08:00")
    community = await create_community()
    me, other = await create_resident(api, community), await create_resident(api, community)
    service = await create_service(community)
    await book(me, service)
    waiting = await book(other, service, wait=True)
    await me.delete("/me/consents/privacy")
    assert (await other.get(f"/bookings/{waiting['id']}"))["state"] == "booked"


async def test_single_data_are_emptied(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    me = await create_resident(api, community)
    await me.put("/me/details", {"real_name": "李敏", "address": "幸福路 1 号 2 单元 301", "birth_date": "1990-05-06"})
    picture = await put_picture(me)
    version = (await me.get("/me"))["version"]
    await me.patch("/me", {"version": version, "avatar_id": picture})
    for field in ("address", "birth_date", "real_name", "phone", "avatar"):
        shown = await me.delete(f"/me/details/{field}", expect=200)
        assert not shown["avatar_url" if field == "avatar" else field], field
    await me.refused("DELETE", "/me/details/nickname", code="not_found")
    clock.move_clock(timedelta(days=1, minutes=1))
    assert await REMOVE_UNUSED_PICTURES.run() == 1
    member = await create_checked_in(api, staff, community)
    for field in ("real_name", "phone"):
        await member.refused("DELETE", f"/me/details/{field}", code="wrong_state")
    await member.delete("/me/details/birth_date", expect=200)
