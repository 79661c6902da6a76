"""Floating members: a contact person, a record of each contact, and a reminder when the last one grows old."""

from datetime import timedelta

import pytest

from server.accounts.sessions import open_session
from server.background.sweeps import RowsFailed
from server.check_in.contacts import REMIND_CONTACTS
from server.check_in.feature import FEATURE
from server.foundation import clock
from server.foundation.database import execute, fetch_value
from server.members.memberships import CONTACT_EVERY
from server.organizations.models import Level, RoleKind
from tests.builders import create_community, create_organization, create_resident, create_staff, told
from tests.check_in.builders import audited, create_checked_in, register
from tests.clients import Api
from tests.simulator import Simulator

PHONE = {"means": "phone", "note": "在上海务工，一切都好"}


async def test_a_contact_person_keeps_in_touch(api: Api) -> None:
    community = await create_community(name="竹岛社区")
    grid = await create_organization(Level.GRID, parent=community)
    staff, worker = await create_staff(api, community), await create_staff(api, grid, RoleKind.GRID_WORKER)
    membership = await register(staff, community, phone="13612345678")
    assert await worker.get("/me/floating-members") == []
    await worker.refused("GET", f"/floating-members/{membership}", code="not_found")
    await worker.refused("POST", f"/floating-members/{membership}/contacts", PHONE, code="not_found")
    body = {"contact_person_id": worker.person_id}
    await staff.put(f"/staff/members/{membership}/contact-person", body, expect=200)
    await staff.put(f"/staff/members/{membership}/contact-person", body, expect=200)
    assert await fetch_value("SELECT count(*) FROM audit_entry WHERE action = 'assign_contact'") == 1
    assert await told(worker) == ["member_contact_assigned"]
    assert await worker.get("/me/floating-members") == [
        {
            "membership_id": membership,
            "name": "孙**",
            "community_name": "竹岛社区",
            "last_contact_at": None,
            "overdue": False,
        }
    ]
    detail = await worker.get(f"/floating-members/{membership}")
    assert (detail["real_name"], detail["phone"], detail["contacts"]) == ("孙秀兰", "13612345678", [])
    assert await audited("view_floating_member", actor_id=worker.person_id, subject_id=membership)

    contact = await worker.post(f"/floating-members/{membership}/contacts", PHONE, expect=201)
    assert (contact["means"], contact["note"]) == ("phone", "在上海务工，一切都好")
    seen = await staff.get(f"/staff/members/{membership}")
    assert [(one["means"], one["note"]) for one in seen["contacts"]] == [("phone", "在上海务工，一切都好")]
    assert seen["contacts"][0]["recorded_by"]["person_id"] == worker.person_id
    assert seen["last_contact_at"] == seen["contacts"][0]["contacted_at"]
    assert await audited("record_contact", actor_id=worker.person_id, person_id=seen["person_id"])
    assert (await told(seen["person_id"]))[-2:] == ["member_contact_named", "member_contact_recorded"]
    stored = bytes(await fetch_value("SELECT note FROM member_contact"))
    assert "上海".encode() not in stored


async def test_who_can_be_a_contact_person(api: Api) -> None:
    community, other = await create_community(), await create_community()
    staff, elsewhere = await create_staff(api, community), await create_staff(api, other)
    membership = await register(staff, community)
    path = f"/staff/members/{membership}/contact-person"
    member_id = (await staff.get(f"/staff/members/{membership}"))["person_id"]
    for person_id in (elsewhere.person_id, (await create_resident(api, community)).person_id, member_id):
        body = {"contact_person_id": person_id}
        problem = await staff.refused("PUT", path, body, code="invalid_fields")
        assert problem["errors"][0]["field"] == "contact_person_id"
    leader = await create_checked_in(api, staff, community)
    card = await staff.put(path, {"contact_person_id": leader.person_id}, expect=200)
    assert card["contact"]["person_id"] == leader.person_id
    assert len(await leader.get("/me/floating-members")) == 1
    assert (await staff.put(path, {"contact_person_id": None}, expect=200))["contact"] is None
    assert await leader.get("/me/floating-members") == []
    await leader.refused("GET", f"/floating-members/{membership}", code="not_found")
    retired = await register(staff, community, kind="retired")
    await staff.refused(
        "PUT",
        f"/staff/members/{retired}/contact-person",
        {"contact_person_id": leader.person_id},
        code="wrong_state",
    )
    await staff.refused("POST", f"/floating-members/{retired}/contacts", PHONE, code="wrong_state")


async def test_a_contact_person_who_left_sees_nothing_more(api: Api) -> None:
    community = await create_community()
    staff, worker = await create_staff(api, community), await create_staff(api, community)
    membership = await register(staff, community)
    body = {"contact_person_id": worker.person_id}
    await staff.put(f"/staff/members/{membership}/contact-person", body, expect=200)
    await execute("UPDATE role_grant SET ended_at = $2 WHERE person_id = $1", worker.person_id, clock.now())
    await worker.refused("GET", f"/floating-members/{membership}", code="not_found")
    await worker.refused("POST", f"/floating-members/{membership}/contacts", PHONE, code="not_found")
    clock.move_clock(CONTACT_EVERY)
    await REMIND_CONTACTS.run()
    assert "member_contact_due" in await told(staff), "its staff are reminded instead"
    assert "member_contact_due" not in await told(worker)


async def test_the_reminder_comes_once_in_each_period(api: Api, simulator: Simulator) -> None:
    community = await create_community()
    staff, worker = await create_staff(api, community), await create_staff(api, community)
    membership = await register(staff, community)
    await register(staff, community, kind="direct")
    await staff.put(f"/staff/members/{membership}/contact-person", {"contact_person_id": worker.person_id}, expect=200)
    await simulator.accept(worker, "service_report", times=2)
    assert await REMIND_CONTACTS.run() == 0
    clock.move_clock(CONTACT_EVERY - timedelta(minutes=5))
    assert await REMIND_CONTACTS.run() == 0
    clock.move_clock(CONTACT_EVERY + timedelta(minutes=1))
    staff, worker = await sign_in_again(api, staff), await sign_in_again(api, worker)
    assert await REMIND_CONTACTS.lag() > 0
    assert await REMIND_CONTACTS.run() == 1
    assert (await REMIND_CONTACTS.run(), await REMIND_CONTACTS.lag()) == (0, 0.0)
    overdue = await staff.get("/staff/members", organization_id=community.id, contact_overdue=True)
    assert [(card["membership_id"], card["contact"]) for card in overdue["items"]] == [(membership, None)]
    assert (await worker.get("/me/floating-members"))[0]["overdue"]
    message = next(m for m in await worker.inbox() if m["event"] == "member_contact_due")
    assert "孙**已有 30 天没有联系" in message["text"]
    await simulator.settle()
    (sent,) = await simulator.outbox(worker)
    for word in ("孙", "党员"):
        assert word not in str(sent["data"]), "WeChat is not told who is a member"

    clock.move_clock(CONTACT_EVERY * 2)
    assert await REMIND_CONTACTS.run() == 0
    clock.move_clock(CONTACT_EVERY * 2 + timedelta(minutes=5))
    assert await REMIND_CONTACTS.run() == 1
    staff, worker = await sign_in_again(api, staff), await sign_in_again(api, worker)
    await worker.post(f"/floating-members/{membership}/contacts", PHONE, expect=201)
    clock.move_clock(CONTACT_EVERY * 3)
    assert await REMIND_CONTACTS.run() == 0
    staff = await sign_in_again(api, staff)
    counts = await staff.get("/staff/members/counts", organization_id=community.id)
    assert {count["kind"]: count["contact_overdue"] for count in counts}["floating"] == 0
    assert REMIND_CONTACTS in FEATURE.sweeps


async def test_a_member_that_cannot_be_read_does_not_keep_the_others_from_being_reminded(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    unreadable, other = await register(staff, community), await register(staff, community, phone="13612345678")
    await execute("UPDATE membership SET sealed = $2, created_at = created_at WHERE id = $1", unreadable, b"torn")
    await execute("UPDATE membership SET contact_due_at = contact_due_at - interval '1 hour' WHERE id = $1", unreadable)
    clock.move_clock(CONTACT_EVERY + timedelta(minutes=1))
    with pytest.raises(RowsFailed) as failed:
        await REMIND_CONTACTS.run()
    assert failed.value.done == 1
    assert (
        await fetch_value("SELECT facts->>'membership' FROM inbox_message WHERE event = 'member_contact_due'") == other
    )
    assert await REMIND_CONTACTS.lag() > 3600, "it is seen to wait"


async def sign_in_again(api: Api, caller: Api) -> Api:
    """After more days than a session lives."""
    return api.as_((await open_session(caller.person_id, timedelta(days=30))).token, caller.person_id)


async def test_what_is_told_late(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    membership = await register(staff, community)
    path = f"/floating-members/{membership}/contacts"
    ago = clock.now() - timedelta(days=40)
    problem = await staff.refused(
        "POST", path, PHONE | {"contacted_at": (clock.now() + timedelta(hours=1)).isoformat()}, code="invalid_fields"
    )
    assert problem["errors"][0]["field"] == "contacted_at"
    await staff.post(path, PHONE | {"contacted_at": ago.isoformat()}, expect=201)
    assert await REMIND_CONTACTS.run() == 1, "forty days ago is too long already"
    await staff.post(path, PHONE, expect=201)
    await staff.post(path, PHONE | {"contacted_at": ago.isoformat()}, expect=201)
    assert (await staff.get(f"/staff/members/{membership}"))["last_contact_at"] > ago.isoformat()
    for wrong in ({"means": "x"}, {"means": "phone", "note": "长" * 501}):
        await staff.refused("POST", path, wrong, code="invalid_fields")
