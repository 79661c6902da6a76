"""Unit check-in over HTTP: who applies, who decides, what it lets members do, and what each one sees."""

import asyncio
from datetime import timedelta
from typing import Any

from server.check_in.endings import follow_successor
from server.check_in.feature import FEATURE
from server.check_in.units.unit_check_in import LAPSE_UNIT_CHECK_INS
from server.foundation import clock
from server.foundation.database import execute, fetch_value, transaction
from server.organizations.models import Level, Organization, PartyOrganization, RoleKind
from server.service_record.recording import record_service, reverse_service
from tests.builders import create_community, create_organization, create_resident, create_staff, told
from tests.check_in.builders import (
    application,
    apply_for_unit,
    audited,
    create_checked_in,
    create_member,
    create_pair,
    create_unit,
    today,
    unit_application,
)
from tests.clients import Api
from tests.simulator import Simulator


async def test_a_unit_checks_in(api: Api, simulator: Simulator) -> None:
    community = await create_community(name="竹岛社区")
    unit, staff = await create_unit(api, "市教育局"), await create_staff(api, community)
    unit_check_in = await apply_for_unit(unit, community)
    assert await told(staff) == ["unit_check_in_to_review"]
    (card,) = (await staff.get("/staff/unit-check-ins", organization_id=community.id))["items"]
    assert (card["id"], card["unit_name"], card["member_count"]) == (unit_check_in, "市教育局", 86)
    seen = await staff.get(f"/staff/unit-check-ins/{unit_check_in}")
    assert seen["contact"] == {"name": "周联络", "phone": "0631-5201234"}
    assert seen["party_organization_name"] == "市教育局机关党委"
    assert await audited("view_unit_check_in", actor_id=staff.person_id, subject_id=unit_check_in)
    assert (await staff.get(f"/units/{unit.id}"))["pairs"] == [], "nothing is public before it is accepted"

    accept = {"starts_on": today(), "ends_on": today(365)}
    await staff.post(f"/staff/unit-check-ins/{unit_check_in}/accept", accept, expect=200)
    resident = await create_resident(api, community)
    (pair,) = (await resident.get(f"/units/{unit.id}"))["pairs"]
    assert pair["offers"] == [], "not yet checked"
    await simulator.settle()
    page = await resident.get(f"/units/{unit.id}")
    assert page["name"] == "市教育局"
    assert page["pairs"] == await resident.get(f"/communities/{community.id}/units")
    assert page["pairs"] == [
        {
            "unit_id": unit.id,
            "unit_name": "市教育局",
            "area_id": community.id,
            "area_name": "竹岛社区",
            "unit_kind": "agency",
            "offers": ["会议室周末开放", "政策宣讲员 3 名"],
            "starts_on": today(),
            "ends_on": today(365),
        }
    ]
    assert await told(unit.liaison) == ["unit_check_in_accepted"]
    (message,) = await unit.liaison.inbox()
    assert "竹岛社区已接受市教育局的报到，自20" in message["text"]
    assert "周联络" not in await fetch_value("SELECT string_agg(encode(contact, 'escape'), '') FROM unit_check_in")
    await resident.refused("GET", f"/units/{community.id}", code="not_found")


async def test_offers_are_public_when_they_have_passed_the_check(api: Api, simulator: Simulator) -> None:
    community = await create_community()
    unit, staff = await create_unit(api), await create_staff(api, community)
    unit_check_in = await apply_for_unit(unit, community, offers=["【复核】周末补课"])
    accept = {"starts_on": today(), "ends_on": None}
    await staff.post(f"/staff/unit-check-ins/{unit_check_in}/accept", accept, expect=200)
    await simulator.settle()
    page = f"/units/{unit.id}"
    assert (await staff.get(page))["pairs"][0]["offers"] == []
    assert (await staff.get(f"/staff/unit-check-ins/{unit_check_in}"))["offers"] == ["【复核】周末补课"]
    (held,) = (await staff.get("/staff/moderation/held", organization_id=community.id))["items"]
    assert (held["kind"], held["texts"]) == ("unit_offers", ["【复核】周末补课"])
    await staff.post(f"/staff/moderation/{held['id']}/decide", {"decision": "pass"})
    assert (await staff.get(page))["pairs"][0]["offers"] == ["【复核】周末补课"]


async def test_returned_mended_ended_and_the_history(api: Api) -> None:
    subdistrict = await create_organization(Level.SUBDISTRICT)
    unit, staff = await create_unit(api), await create_staff(api, subdistrict)
    first = await apply_for_unit(unit, subdistrict)
    assert "市教育局" in (await staff.inbox())[0]["text"], "what has no dates yet has its words"
    await staff.post(f"/staff/unit-check-ins/{first}/return", {"reason": "请写明可提供的资源"}, expect=200)
    (view,) = (await unit.liaison.get(f"/units/{unit.id}/check-ins"))["items"]
    assert (view["state"], view["reason"]) == ("returned", "请写明可提供的资源")
    again = unit_application(unit, offers=["法律咨询"], version=view["version"])
    await unit.liaison.refused("PUT", f"/unit-check-ins/{first}", again | {"version": 1}, code="edited_meanwhile")
    await unit.liaison.put(f"/unit-check-ins/{first}", again, expect=200)
    await staff.post(f"/staff/unit-check-ins/{first}/refuse", {"reason": "已有同类单位"}, expect=200)
    second = await apply_for_unit(unit, subdistrict)
    await unit.liaison.post(f"/unit-check-ins/{second}/withdraw", {"reason": "填错了"}, expect=200)
    third = await create_pair(unit, staff, subdistrict)
    body = unit_application(unit, unit_id=unit.id, area_id=subdistrict.id)
    await unit.liaison.refused("POST", "/unit-check-ins", body, code="already_paired")
    contact = {"contact": {"name": "吴新", "phone": "13800001111"}, "member_count": 90, "version": 2}
    await unit.liaison.put(f"/unit-check-ins/{third}/contact", contact, expect=200)
    await unit.liaison.refused("PUT", f"/unit-check-ins/{third}/contact", contact, code="edited_meanwhile")
    await staff.put(f"/staff/unit-check-ins/{third}/dates", {"ends_on": today(90), "version": 3}, expect=200)
    await unit.liaison.post(f"/unit-check-ins/{third}/end", {"reason": "单位搬迁"}, expect=200)
    await create_pair(unit, staff, subdistrict)
    history = (await unit.liaison.get(f"/units/{unit.id}/check-ins"))["items"]
    assert [view["state"] for view in history] == ["accepted", "ended", "withdrawn", "refused"]
    assert (history[1]["reason"], history[1]["contact"]["name"]) == ("单位搬迁", "吴新")
    assert history[1]["ends_on"] == today(90)
    assert [view["id"] for view in history[2:]] == [second, first]
    events = await told(unit.liaison)
    assert events == [
        "unit_check_in_returned",
        "unit_check_in_refused",
        "unit_check_in_accepted",
        "unit_check_in_dates_changed",
        "unit_check_in_ended",
        "unit_check_in_accepted",
    ]
    assert set(await told(staff)) == {
        "unit_check_in_to_review",
        "unit_check_in_withdrawn",
        "unit_check_in_changed",
        "unit_check_in_ended_for_staff",
    }


async def test_several_communities_and_paging(api: Api) -> None:
    subdistrict = await create_organization(Level.SUBDISTRICT)
    communities = [await create_community(parent=subdistrict) for _ in range(3)]
    unit, staff = await create_unit(api), await create_staff(api, subdistrict)
    pairs = [await create_pair(unit, staff, community) for community in communities]
    assert len((await unit.liaison.get(f"/units/{unit.id}"))["pairs"]) == 3
    seen, cursor = [], None
    while True:
        query: dict[str, Any] = {"organization_id": subdistrict.id, "state": "accepted", "limit": 2}
        page = await staff.get("/staff/unit-check-ins", **query | ({"cursor": cursor} if cursor else {}))
        seen += [card["id"] for card in page["items"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == pairs
    first = await unit.liaison.get(f"/units/{unit.id}/check-ins", limit=2)
    rest = await unit.liaison.get(f"/units/{unit.id}/check-ins", limit=2, cursor=first["next_cursor"])
    assert [view["id"] for view in first["items"] + rest["items"]] == pairs[::-1]


async def test_what_an_application_needs(api: Api) -> None:
    community = await create_community()
    grid = await create_organization(Level.GRID, parent=community)
    unit, other = await create_unit(api), await create_unit(api)
    body = unit_application(unit, unit_id=unit.id, area_id=community.id)
    for changes, field in (
        ({"area_id": grid.id}, "area_id"),
        ({"party_organization_id": other.party.id}, "party_organization_id"),
        ({"party_organization_id": community.id}, "party_organization_id"),
        ({"member_count": 0}, "member_count"),
        ({"contact": {"name": "周", "phone": "没有电话吧"}}, "contact.phone"),
        ({"offers": [""]}, "offers.0"),
        ({"unit_kind": "x"}, "unit_kind"),
    ):
        problem = await unit.liaison.refused("POST", "/unit-check-ins", body | changes, code="invalid_fields")
        assert problem["errors"][0]["field"].startswith(field.split(".")[0]), changes
    for caller in (other.liaison, await create_staff(api, community), await create_resident(api, community)):
        await caller.refused("POST", "/unit-check-ins", body, code="not_allowed")
    branch = await PartyOrganization.create(name="第二支部", parent=unit.party, path=f"{unit.party.path}.b")
    await unit.liaison.post("/unit-check-ins", body | {"party_organization_id": branch.id}, expect=201)
    await unit.liaison.refused("POST", "/unit-check-ins", body, code="unit_check_in_pending")


async def test_what_accepting_needs(api: Api) -> None:
    community = await create_community()
    unit, staff = await create_unit(api), await create_staff(api, community)
    unit_check_in = await apply_for_unit(unit, community)
    path = f"/staff/unit-check-ins/{unit_check_in}/accept"
    for ends_on in (today(-1), today(4)):
        wrong = {"starts_on": today(5), "ends_on": ends_on}
        problem = await staff.refused("POST", path, wrong, code="invalid_fields")
        assert problem["errors"][0]["field"] == "ends_on"
    observer = await create_staff(api, community, RoleKind.OBSERVER)
    await observer.refused("POST", path, {"starts_on": today()}, code="not_found")
    assert len((await observer.get("/staff/unit-check-ins", organization_id=community.id))["items"]) == 1
    await observer.refused("GET", f"/staff/unit-check-ins/{unit_check_in}", code="not_found")
    elsewhere = await create_staff(api, await create_community())
    response = await elsewhere.send("GET", "/staff/unit-check-ins", params={"organization_id": community.id})
    assert response.status_code == 404
    await execute("UPDATE organization SET closed_at = $2 WHERE id = $1", unit.id, clock.now())
    await staff.refused("POST", path, {"starts_on": today()}, code="wrong_state")


async def test_a_pairing_that_has_not_begun_or_is_over_does_not_count(api: Api) -> None:
    community = await create_community()
    unit, staff = await create_unit(api), await create_staff(api, community)
    unit_check_in = await apply_for_unit(unit, community)
    accept = {"starts_on": today(3), "ends_on": today(10)}
    await staff.post(f"/staff/unit-check-ins/{unit_check_in}/accept", accept, expect=200)
    assert (await staff.get(f"/units/{unit.id}"))["pairs"] == []
    clock.move_clock(timedelta(days=4))
    assert len((await staff.get(f"/units/{unit.id}"))["pairs"]) == 1
    assert await LAPSE_UNIT_CHECK_INS.run() == 0
    clock.move_clock(timedelta(days=11))
    assert (await staff.get(f"/units/{unit.id}"))["pairs"] == [], "though no sweep has come by yet"
    assert 0 <= await LAPSE_UNIT_CHECK_INS.lag() < 86400 * 2
    assert await LAPSE_UNIT_CHECK_INS.run() == 1
    assert await LAPSE_UNIT_CHECK_INS.run() == 0
    assert await LAPSE_UNIT_CHECK_INS.lag() == 0.0
    (view,) = (await unit.liaison.get(f"/units/{unit.id}/check-ins"))["items"]
    assert (view["state"], view["reason"]) == ("ended", "结对期限已满")
    assert {sweep.run for sweep in FEATURE.sweeps} >= {LAPSE_UNIT_CHECK_INS.run}


async def test_somebody_who_lives_elsewhere_checks_in_through_the_unit(api: Api) -> None:
    community, other = await create_community(), await create_community()
    unit, other_unit = await create_unit(api), await create_unit(api)
    staff = await create_staff(api, community)
    await create_pair(unit, staff, community)
    member = await create_member(api)
    body = application(community, via_unit_id=unit.id, home_text="", home_organization_id=unit.party.id)
    for changes in (
        {"home_organization_id": None, "home_text": "市教育局机关党委"},
        {"home_organization_id": other_unit.party.id},
        {"via_unit_id": other_unit.id},
        {"via_unit_id": other_unit.id, "home_organization_id": other_unit.party.id},
        {"community_id": other.id},
    ):
        await member.refused("POST", "/check-ins", body | changes, code="not_paired")
    check_in = (await member.post("/check-ins", body, expect=201))["id"]
    assert (await staff.get(f"/staff/check-ins/{check_in}"))["via_unit_id"] == unit.id
    mine = (await member.get("/me/check-ins"))["pending"]
    assert mine["via_unit_name"] == unit.organization.name
    again = body | {"version": mine["version"], "community_id": other.id}
    await member.refused("PUT", f"/check-ins/{check_in}", again, code="not_paired")

    pair = await fetch_value("SELECT id FROM unit_check_in")
    await staff.post(f"/staff/unit-check-ins/{pair}/end", {"reason": "到期"}, expect=200)
    await staff.refused("POST", f"/staff/check-ins/{check_in}/confirm", {}, code="not_paired")
    await create_pair(unit, staff, community)
    await staff.post(f"/staff/check-ins/{check_in}/confirm", {}, expect=200)
    assert (await member.get("/me/check-ins"))["active"]["community_id"] == community.id


async def test_the_liaison_sees_the_units_members_and_nobody_elses(api: Api) -> None:
    community = await create_community(name="竹岛社区")
    staff = await create_staff(api, community)
    unit, other_unit = await create_unit(api, "市教育局"), await create_unit(api, "市立医院")
    branch = await PartyOrganization.create(name="第二支部", parent=unit.party, path=f"{unit.party.path}.b")
    mine = await create_checked_in(api, staff, community, home_organization_id=unit.party.id)
    await create_checked_in(api, staff, community, home_organization_id=branch.id)
    await create_checked_in(api, staff, community, home_organization_id=other_unit.party.id)
    await create_checked_in(api, staff, community, home_text="教育局")
    applied = await create_member(api)
    await applied.post("/check-ins", application(community, home_organization_id=unit.party.id), expect=201)
    listed = (await unit.liaison.get(f"/units/{unit.id}/members"))["items"]
    assert [(card["name"], card["community_name"], card["state"]) for card in listed] == [
        ("王**", "竹岛社区", "confirmed")
    ] * 2
    (check_in,) = (await staff.get("/staff/members", organization_id=community.id, unmatched=True))["items"]
    match = {"home_organization_id": unit.party.id}
    await staff.post(f"/staff/check-ins/{check_in['check_in_id']}/match-home", match, expect=200)
    listed = (await unit.liaison.get(f"/units/{unit.id}/members"))["items"]
    assert len(listed) == 3
    first = await unit.liaison.get(f"/units/{unit.id}/members", limit=2)
    rest = await unit.liaison.get(f"/units/{unit.id}/members", limit=2, cursor=first["next_cursor"])
    assert first["items"] + rest["items"] == listed

    membership = listed[0]["membership_id"]
    detail = await unit.liaison.get(f"/units/{unit.id}/members/{membership}")
    assert (detail["real_name"], detail["kind"], detail["posts"]) == ("王小明", "in_service", [])
    assert detail["check_ins"][0]["community_name"] == "竹岛社区"
    assert "phone" not in detail
    assert "residence" not in detail
    assert await audited("view_unit_member", actor_id=unit.liaison.person_id, subject_id=membership)

    theirs = (await other_unit.liaison.get(f"/units/{other_unit.id}/members"))["items"][0]["membership_id"]
    await unit.liaison.refused("GET", f"/units/{unit.id}/members/{theirs}", code="not_found")
    for caller in (other_unit.liaison, staff, mine, await create_resident(api, community)):
        for path in ("members", f"members/{membership}", "check-ins"):
            await caller.refused("GET", f"/units/{unit.id}/{path}", code="not_found")


async def test_the_units_page_counts_service(api: Api) -> None:
    community = await create_community()
    staff, unit = await create_staff(api, community), await create_unit(api)
    member = await create_checked_in(api, staff, community, home_organization_id=unit.party.id)
    for days, minutes in ((200, 60), (3, 90), (2, 30)):
        await record_service(
            member.person_id,
            rule="shift_attended",
            source=("shift", (await create_organization()).id),
            minutes=minutes,
            occurred_at=clock.now() - timedelta(days=days),
            organization_id=community.id,
        )
    undone = ("shift", (await create_organization()).id)
    await record_service(member.person_id, rule="shift_attended", source=undone, minutes=45, occurred_at=clock.now())
    await reverse_service(member.person_id, rule="shift_attended", source=undone, reason="mistake")
    (card,) = (await unit.liaison.get(f"/units/{unit.id}/members"))["items"]
    assert (card["times"], card["minutes"]) == (4, 180), "the check-in itself counts as one"
    since = (clock.now() - timedelta(days=30)).isoformat()
    (card,) = (await unit.liaison.get(f"/units/{unit.id}/members", since=since))["items"]
    assert (card["times"], card["minutes"]) == (3, 120)
    path = f"/units/{unit.id}/members/{card['membership_id']}"
    assert (await unit.liaison.get(path))["service"]["minutes"] == 180
    assert (await unit.liaison.get(path, since=since))["service"]["minutes"] == 120


async def test_a_liaison_whose_role_ended_sees_nothing(api: Api) -> None:
    community = await create_community()
    unit, staff = await create_unit(api), await create_staff(api, community)
    unit_check_in = await create_pair(unit, staff, community)
    await execute("UPDATE role_grant SET ended_at = $2 WHERE person_id = $1", unit.liaison.person_id, clock.now())
    await unit.liaison.refused("GET", f"/units/{unit.id}/members", code="not_found")
    await unit.liaison.refused("POST", f"/unit-check-ins/{unit_check_in}/end", {"reason": "x"}, code="not_found")


async def test_two_liaisons_apply_at_once(api: Api) -> None:
    community = await create_community()
    unit = await create_unit(api)
    second = await create_staff(api, unit.organization, RoleKind.LIAISON)
    body = unit_application(unit, unit_id=unit.id, area_id=community.id)
    answers = await asyncio.gather(
        *(liaison.send("POST", "/unit-check-ins", body) for liaison in (unit.liaison, second) * 4)
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert await fetch_value("SELECT count(*) FROM unit_check_in") == 1


async def test_one_decision_of_many_at_once(api: Api) -> None:
    community = await create_community()
    unit = await create_unit(api)
    staff = [await create_staff(api, community) for _ in range(3)]
    unit_check_in = await apply_for_unit(unit, community)
    path = f"/staff/unit-check-ins/{unit_check_in}"
    answers = await asyncio.gather(
        *(one.send("POST", f"{path}/accept", {"starts_on": today()}) for one in staff),
        *(one.send("POST", f"{path}/refuse", {"reason": "x"}) for one in staff),
        unit.liaison.send("POST", f"/unit-check-ins/{unit_check_in}/withdraw", {"reason": "x"}),
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 6
    decided = await fetch_value(
        "SELECT count(*) FROM audit_entry WHERE action IN "
        "('accept_unit_check_in', 'refuse_unit_check_in', 'withdraw_unit_check_in')"
    )
    assert decided == 1


async def test_two_applications_accepted_at_once_give_one_pairing(api: Api) -> None:
    """The application can be open only once, so the second is made possible against the rules: the index holds."""
    community = await create_community()
    unit = await create_unit(api)
    staff = [await create_staff(api, community) for _ in range(2)]
    await execute("DROP INDEX unit_check_in_one_open")
    try:
        open_ones = [await apply_for_unit(unit, community) for _ in range(2)]
        answers = await asyncio.gather(
            *(
                one.send("POST", f"/staff/unit-check-ins/{unit_check_in}/accept", {"starts_on": today()})
                for one, unit_check_in in zip(staff, open_ones, strict=True)
            )
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert {answer.json()["code"] for answer in answers if not answer.is_success} == {"already_paired"}
        assert await fetch_value("SELECT count(*) FROM unit_check_in WHERE state = 'accepted'") == 1
    finally:
        await execute("DELETE FROM unit_check_in")
        await execute(
            "CREATE UNIQUE INDEX unit_check_in_one_open ON unit_check_in (unit_id, area_id) "
            "WHERE state IN ('applied', 'returned')"
        )


async def test_a_unit_that_is_closed_has_no_pairs(api: Api) -> None:
    community, successor = await create_community(), await create_community()
    unit, other = await create_unit(api), await create_unit(api)
    staff = await create_staff(api, community)
    await create_pair(unit, staff, community)
    await create_pair(other, staff, community)
    async with transaction():
        await Organization.filter(id=community.id).update(closed_at=clock.now(), successor_id=successor.id)
        await follow_successor(unit.id, None)
        await follow_successor(community.id, successor.id)
    assert (await staff.get(f"/units/{unit.id}"))["pairs"] == []
    assert [pair["area_id"] for pair in (await staff.get(f"/units/{other.id}"))["pairs"]] == [successor.id]
