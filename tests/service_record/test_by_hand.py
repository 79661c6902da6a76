"""What staff record and reverse by hand, and whose records they see."""

from datetime import timedelta
from typing import Any

from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.ids import new_id
from server.organizations.models import RoleKind
from server.service_record.queries import service_totals
from server.service_record.recording import record_service
from tests.builders import create_community, create_person, create_resident, create_staff, grant, sign_in
from tests.check_in.builders import application, create_member
from tests.clients import Api


def note(organization: Any, person: Any, **changes: Any) -> dict[str, Any]:
    return {
        "organization_id": organization.id,
        "person_id": person.person_id,
        "what": "帮助独居老人搬家",
        "minutes": 90,
        "occurred_at": (clock.now() - timedelta(days=1)).isoformat(),
    } | changes


async def test_staff_record_what_nothing_else_knows_of(api: Api) -> None:
    community = await create_community(name="竹岛社区")
    staff, me = await create_staff(api, community), await create_resident(api, community)
    entry = await staff.post("/staff/service-entries", note(community, me), expect=201)
    shown = (await me.get("/me/service-record"))["items"][0]
    assert (shown["id"], shown["rule_name"], shown["source_title"], shown["minutes"], shown["points"]) == (
        entry["id"],
        "社区认定的服务",
        "帮助独居老人搬家",
        90,
        15,
    )
    assert "竹岛社区补录了您在" in (await me.inbox())[0]["text"]
    audited = await AuditEntry.get(action="note_service")
    assert (audited.actor_id, audited.person_id, audited.organization_id) == (
        staff.person_id,
        me.person_id,
        community.id,
    )


async def test_whom_staff_may_record_for(api: Api) -> None:
    community, other = await create_community(), await create_community()
    staff, elsewhere = await create_staff(api, community), await create_resident(api, other)
    me = await create_resident(api, community)
    path = "/staff/service-entries"
    await staff.refused("POST", path, note(community, elsewhere), code="invalid_fields")
    await staff.refused("POST", path, note(other, elsewhere), code="not_found")
    observer = await create_staff(api, community, RoleKind.OBSERVER)
    await observer.refused("POST", path, note(community, me), code="not_found")
    await me.refused("POST", path, note(community, me), code="not_allowed")
    own = await create_person(community=community)
    await grant(own, community)
    worker = await sign_in(api, own)
    await worker.refused("POST", path, note(community, worker), code="own_matter")
    for wrong in (
        {"occurred_at": (clock.now() + timedelta(hours=1)).isoformat()},
        {"occurred_at": (clock.now() - timedelta(days=400)).isoformat()},
        {"minutes": 0},
        {"minutes": 1441},
        {"what": ""},
    ):
        await staff.refused("POST", path, note(community, me, **wrong), code="invalid_fields")
    # Who asks to be checked in here counts, wherever they live.
    member = await create_member(api, other)
    await staff.refused("POST", path, note(community, member), code="invalid_fields")
    await member.post("/check-ins", application(community), expect=201)
    await staff.post(path, note(community, member), expect=201)


async def test_reversing_needs_a_reason_and_happens_once(api: Api) -> None:
    community = await create_community()
    staff, me = await create_staff(api, community), await create_resident(api, community)
    entry = (await staff.post("/staff/service-entries", note(community, me)))["id"]
    path = f"/staff/service-entries/{entry}/reverse"
    await staff.refused("POST", path, {"reason": ""}, code="invalid_fields")
    elsewhere = await create_staff(api, await create_community())
    await elsewhere.refused("POST", path, {"reason": "重复"}, code="not_found")
    assert (await staff.post(path, {"reason": "重复补录"}, expect=200))["is_reversed"]
    await staff.refused("POST", path, {"reason": "再来"}, code="already_reversed")
    rows = (await me.get("/me/service-record"))["items"]
    assert sorted((row["points"], row["words"]) for row in rows) == [(-15, "重复补录"), (15, "帮助独居老人搬家")]
    assert (await service_totals(me.person_id)).points == 0
    assert "冲正" in (await me.inbox())[0]["title"]
    audited = await AuditEntry.get(action="reverse_service_entry")
    assert (audited.subject_id, audited.details) == (entry, {"points": -15})


async def test_what_other_features_recorded_is_corrected_there(api: Api) -> None:
    community = await create_community()
    staff, me = await create_staff(api, community), await create_resident(api, community)
    entry = await record_service(
        me.person_id,
        rule="wish_fulfilled",
        source=("wish_claim", new_id()),
        occurred_at=clock.now(),
        organization_id=community.id,
    )
    await staff.refused("POST", f"/staff/service-entries/{entry.id}/reverse", {"reason": "x"}, code="wrong_state")
    await staff.refused("POST", f"/staff/service-entries/{new_id()}/reverse", {"reason": "x"}, code="not_found")
    own = await record_service(
        staff.person_id,
        rule="service_noted",
        source=("service_note", new_id()),
        minutes=60,
        occurred_at=clock.now(),
        organization_id=community.id,
    )
    await staff.refused("POST", f"/staff/service-entries/{own.id}/reverse", {"reason": "x"}, code="own_matter")


async def test_staff_see_what_was_done_in_their_subtree_only(api: Api) -> None:
    here, there = await create_community(), await create_community()
    staff = await create_staff(api, here)
    me = await create_resident(api, here)
    for community in (here, there, None):
        await record_service(
            me.person_id,
            rule="shift_attended",
            source=("sign_up", new_id()),
            minutes=60,
            occurred_at=clock.now(),
            organization_id=community.id if community else None,
        )
    path = f"/staff/persons/{me.person_id}/service-record"
    shown = (await staff.get(path, organization_id=here.id))["items"]
    assert [entry["organization_name"] for entry in shown] == [here.name]
    audited = await AuditEntry.get(action="view_service_record")
    assert (audited.actor_id, audited.person_id) == (staff.person_id, me.person_id)
    # There, the person has served, so that they are known there; but the staff of here see nothing of it.
    assert (await staff.send("GET", path, params={"organization_id": there.id})).status_code == 404
    assert len((await (await create_staff(api, there)).get(path, organization_id=there.id))["items"]) == 1
    stranger = await create_resident(api, there)
    response = await staff.send(
        "GET", f"/staff/persons/{stranger.person_id}/service-record", params={"organization_id": here.id}
    )
    assert response.status_code == 404
    observer = await create_staff(api, here, RoleKind.OBSERVER)
    assert (await observer.send("GET", path, params={"organization_id": here.id})).status_code == 404
    assert (await me.send("GET", path, params={"organization_id": here.id})).status_code == 403
