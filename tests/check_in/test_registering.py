"""Members whom staff register: what is kept, who sees it, and how it ends."""

import asyncio
from typing import Any

from server.accounts.consents import withdraw_consent
from server.accounts.merging import merge_persons
from server.accounts.models import ConsentKind, Person
from server.accounts.persons import give_phone
from server.check_in.endings import follow_successor
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value, transaction
from server.members.memberships import membership_of, open_memberships
from server.members.models import MemberKind, Membership
from server.organizations.models import Organization, PartyOrganization, RoleKind
from tests.builders import agree, create_community, create_person, create_resident, create_staff, sign_in, told
from tests.check_in.builders import (
    application,
    audited,
    create_checked_in,
    create_holder,
    create_known_person,
    create_member,
    create_post,
    create_unit,
    register,
    registration,
)
from tests.clients import Api


async def test_staff_register_a_member(api: Api) -> None:
    community = await create_community(name="竹岛社区")
    staff = await create_staff(api, community)
    membership = await register(staff, community, note="常年在外")
    (card,) = (await staff.get("/staff/members", organization_id=community.id))["items"]
    assert (card["membership_id"], card["name"], card["kind"]) == (membership, "孙**", "floating")
    assert (card["home_organization"], card["home_is_matched"]) == ("某县某镇党委", False)
    seen = await staff.get(f"/staff/members/{membership}")
    assert (seen["real_name"], seen["note"]) == ("孙秀兰", "常年在外")
    assert seen["residence"] == {"estate": "海悦小区", "building": "2号楼"}
    assert await audited("view_member", actor_id=staff.person_id, person_id=seen["person_id"])
    assert await audited("register_member", organization_id=community.id, person_id=seen["person_id"])
    assert await told(seen["person_id"]) == ["member_registered"]
    word = await fetch("SELECT given_by_id FROM consent WHERE person_id = $1", seen["person_id"])
    assert [row["given_by_id"] for row in word] == [staff.person_id]
    sealed = bytes(await fetch_value("SELECT sealed FROM membership"))
    assert "常年在外".encode() not in sealed


async def test_somebody_signed_in_is_found_by_verified_phone_and_name(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    caller, phone = await create_known_person(api, "李敏")
    await register(staff, community, real_name="李敏", phone=phone, kind="in_service")
    assert (await caller.get("/me/check-ins"))["active"]["community_id"] == community.id
    mine = await caller.get("/me/membership")
    assert (mine["kind"], mine["home_organization"], mine["shows_identity"]) == ("in_service", "某县某镇党委", False)
    namesake, phone = await create_known_person(api, "赵大海")
    await register(staff, community, real_name="李敏", phone=phone)
    await namesake.refused("GET", "/me/membership", code="not_found")
    assert await Person.filter(origin="roster").count() == 1


async def test_the_same_registration_again_changes_nothing(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    body = registration(community)
    first = await staff.post("/staff/members", body, expect=201)
    again = await staff.post("/staff/members", body, expect=201)
    assert first == again
    (row,) = await fetch("SELECT version FROM membership")
    moved = body | {"residence": {"estate": "阳光花园"}, "kind": "retired"}
    assert (await staff.post("/staff/members", moved, expect=201))["check_in_id"] == first["check_in_id"]
    (member,) = (await staff.get("/staff/members", organization_id=community.id))["items"]
    assert (member["kind"], member["transfer_state"]) == ("retired", "offered")
    (changed,) = await fetch("SELECT version FROM membership")
    assert changed["version"] > row["version"]


async def test_what_registering_needs(api: Api) -> None:
    community, other = await create_community(), await create_community()
    staff = await create_staff(api, community)
    for changes, field in (
        ({"member_agreed": False}, "members_agreed"),
        ({"phone": "1234567x"}, "phone"),
        ({"home_text": " "}, "home_text"),
        ({"home_organization_id": community.id}, "home_organization_id"),
        ({"kind": "x"}, "kind"),
    ):
        body = registration(community, **changes)
        problem = await staff.refused("POST", "/staff/members", body, code="invalid_fields")
        assert problem["errors"][0]["field"] == field
    await staff.refused("POST", "/staff/members", registration(other), code="not_allowed")
    await (await create_resident(api, community)).refused(
        "POST", "/staff/members", registration(community), code="not_allowed"
    )
    assert await fetch_value("SELECT count(*) FROM membership") == 0


async def test_staff_do_not_move_a_member_who_is_active_elsewhere_or_left(api: Api) -> None:
    """And the two, and somebody unknown to us, cannot be told apart by who is no staff of theirs."""
    community, other = await create_community(), await create_community()
    staff, other_staff = await create_staff(api, community), await create_staff(api, other)
    caller, phone = await create_known_person(api, "李敏")
    await register(other_staff, other, real_name="李敏", phone=phone)
    body = registration(community, real_name="李敏", phone=phone)
    active = await staff.refused("POST", "/staff/members", body, code="own_application_needed")
    assert (await caller.get("/me/check-ins"))["active"]["community_id"] == other.id
    await caller.delete("/me/consents/membership_data")
    left = await staff.refused("POST", "/staff/members", body, code="own_application_needed")
    assert {**active, "request_id": ""} == {**left, "request_id": ""}
    await agree(caller.person_id)
    await staff.post("/staff/members", body, expect=201)


async def test_the_members_own_application_is_confirmed_with_it(api: Api) -> None:
    community, other = await create_community(), await create_community()
    staff = await create_staff(api, community)
    caller, phone = await create_known_person(api, "李敏")
    await agree(caller.person_id)
    check_in = (await caller.post("/check-ins", application(community), expect=201))["id"]
    body = registration(community, real_name="李敏", phone=phone, kind="in_service")
    assert (await staff.post("/staff/members", body, expect=201))["check_in_id"] == check_in
    moving = (await caller.post("/check-ins", application(other), expect=201))["id"]
    assert (await staff.post("/staff/members", body, expect=201))["check_in_id"] == check_in
    assert (await caller.get("/me/check-ins"))["pending"]["id"] == moving


async def test_counts_lists_and_pages(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    kinds = ["floating", "floating", "retired", "direct"]
    made = [await register(staff, community, kind=kind) for kind in kinds]
    counts = {count["kind"]: count for count in await staff.get("/staff/members/counts", organization_id=community.id)}
    assert {kind: counts[kind]["members"] for kind in MemberKind} == {
        "direct": 1,
        "in_service": 0,
        "floating": 2,
        "retired": 1,
    }
    assert counts["floating"]["unmatched"] == 2
    unit = await create_unit(api)
    made.append(await register(staff, community, kind="direct", home_organization_id=unit.party.id, home_text=""))
    (direct, *_) = await staff.get("/staff/members/counts", organization_id=community.id)
    assert direct == {"kind": "direct", "members": 2, "unmatched": 1, "contact_overdue": 0}
    first = await staff.get("/staff/members", organization_id=community.id, limit=3)
    rest = await staff.get("/staff/members", organization_id=community.id, limit=3, cursor=first["next_cursor"])
    assert [card["membership_id"] for card in first["items"] + rest["items"]] == made
    floating = await staff.get("/staff/members", organization_id=community.id, kind="floating")
    assert [card["membership_id"] for card in floating["items"]] == made[:2]
    observer = await create_staff(api, community, RoleKind.OBSERVER)
    assert len((await observer.get("/staff/members", organization_id=community.id))["items"]) == 5
    await observer.refused("GET", f"/staff/members/{made[0]}", code="not_found")
    await execute("UPDATE membership SET ended_at = $2, contact_due_at = NULL WHERE id = $1", made[1], clock.now())
    await staff.refused("GET", f"/staff/members/{made[1]}", code="not_found")
    assert not await audited("view_member"), "nobody has been shown"


async def test_staff_see_their_own_subtree_only(api: Api) -> None:
    community, other = await create_community(), await create_community()
    staff, elsewhere = await create_staff(api, community), await create_staff(api, other)
    membership = await register(staff, community)
    for path in ("members", "members/counts"):
        response = await elsewhere.send("GET", f"/staff/{path}", params={"organization_id": community.id})
        assert response.status_code == 403
    change = {"version": 2, "kind": "retired", "home_text": "x"}
    for method, path, body in (
        ("GET", "", None),
        ("PUT", "", change),
        ("POST", "/end", {"reason": "x"}),
        ("PUT", "/contact-person", {"contact_person_id": None}),
        ("POST", "/transfer", None),
        ("POST", "/transfer/complete", {"home_organization_id": other.id}),
    ):
        await elsewhere.refused(method, f"/staff/members/{membership}{path}", body, code="not_found")
    resident = await create_resident(api, community)
    await resident.refused("GET", f"/staff/members/{membership}", code="not_allowed")
    assert (await elsewhere.get("/staff/members", organization_id=other.id))["items"] == []


async def test_nobody_can_tell_a_member_from_anybody_else(api: Api) -> None:
    """The same questions about a member and about a resident get the same answers."""
    community = await create_community()
    staff = await create_staff(api, community)
    member = await create_checked_in(api, staff, community)
    resident = await create_resident(api, community)
    stranger = await create_resident(api, community)
    liaison_like = await create_staff(api, await create_community())
    membership = await membership_of(member.person_id)
    for asking in (stranger, liaison_like):
        for path in (f"/floating-members/{membership}", f"/floating-members/{resident.person_id}"):
            await asking.refused("GET", path, code="not_found")
    assert await stranger.get("/me/floating-members") == []
    assert await stranger.get(f"/communities/{community.id}/post-holders") == []
    await stranger.refused("GET", "/me/membership", code="not_found")
    tables = ("check_in", "membership", "post_holding", "place", "member_contact", "membership_transfer")
    for table in tables:
        stored = await fetch_value(f"SELECT string_agg(t::text, '') FROM {table} t WHERE t::text LIKE $1", "%")
        raw = await fetch_value("SELECT $1::uuid::text", member.person_id)
        assert raw not in (stored or ""), table


async def test_staff_correct_what_is_known(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    membership = await register(staff, community)
    seen = await staff.get(f"/staff/members/{membership}")
    party = await PartyOrganization.create(name="竹岛社区党委", host=community, path="p1")
    change: dict[str, Any] = {
        "version": seen["version"],
        "kind": "direct",
        "home_organization_id": party.id,
        "note": "已转入",
    }
    await staff.refused(
        "PUT", f"/staff/members/{membership}", change | {"home_organization_id": community.id}, code="invalid_fields"
    )
    await staff.refused(
        "PUT", f"/staff/members/{membership}", change | {"home_organization_id": None}, code="invalid_fields"
    )
    await staff.put(f"/staff/members/{membership}", change, expect=200)
    await staff.refused("PUT", f"/staff/members/{membership}", change, code="edited_meanwhile")
    seen = await staff.get(f"/staff/members/{membership}")
    assert (seen["kind"], seen["home_organization"], seen["note"]) == ("direct", "竹岛社区党委", "已转入")
    assert await told(seen["person_id"]) == ["member_registered", "member_changed"]
    assert await audited("change_member", subject_id=membership)
    assert (await Membership.get(id=membership)).contact_due_at is None


async def test_staff_match_the_home_organization(api: Api) -> None:
    community = await create_community()
    staff, elsewhere = await create_staff(api, community), await create_staff(api, await create_community())
    party = await PartyOrganization.create(name="市教育局机关党委", place="本市", path="p2")
    member = await create_member(api)
    check_in = (await member.post("/check-ins", application(community), expect=201))["id"]
    path = f"/staff/check-ins/{check_in}/match-home"
    match = {"home_organization_id": party.id}
    await elsewhere.refused("POST", path, match, code="not_found")
    await staff.refused("POST", path, {"home_organization_id": community.id}, code="invalid_fields")
    assert (await staff.post(path, match, expect=200))["home_is_matched"]
    await staff.post(path, match, expect=200)
    assert await fetch_value("SELECT count(*) FROM audit_entry WHERE action = 'match_home'") == 1
    assert (await told(member))[-1] == "home_matched"
    seen = await staff.get(f"/staff/check-ins/{check_in}")
    assert (seen["home_organization"], seen["home_text"]) == ("市教育局机关党委", "市教育局机关党委第二支部")
    version = (await member.get("/me/check-ins"))["pending"]["version"]
    await member.put(f"/check-ins/{check_in}", application(community, version=version))
    assert (await staff.get(f"/staff/check-ins/{check_in}"))["home_organization_id"] == party.id, "the same words again"
    other_words = application(community, version=version + 1, home_text="某企业党支部")
    await member.put(f"/check-ins/{check_in}", other_words)
    assert (await staff.get(f"/staff/check-ins/{check_in}"))["home_organization_id"] is None
    await staff.post(f"/staff/check-ins/{check_in}/refuse", {"reason": "x"}, expect=200)
    await staff.refused("POST", path, match, code="not_found")


async def test_staff_end_a_membership(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    member = await create_checked_in(api, staff, community)
    post = await create_post(staff, community)
    await create_holder(staff, member, post)
    membership = await membership_of(member.person_id)
    await staff.post(f"/staff/members/{membership}/end", {"reason": "登记有误"}, expect=204)
    await staff.refused("POST", f"/staff/members/{membership}/end", {"reason": "x"}, code="not_found")
    await member.refused("GET", "/me/membership", code="not_found")
    assert await fetch_value("SELECT taken FROM allotment") == 0
    events = await told(member)
    assert events[-2:] == ["post_ended", "member_ended"]
    await member.post("/check-ins", application(community), expect=201)


async def test_withdrawing_the_consent_ends_everything(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    member = await create_checked_in(api, staff, community)
    post = await create_post(staff, community)
    holding = await create_holder(staff, member, post)
    await member.delete("/me/consents/membership_data")
    await member.refused("GET", "/me/membership", code="not_found")
    assert (await staff.get("/staff/members", organization_id=community.id))["items"] == []
    states = await fetch("SELECT c.state, h.state AS holding FROM check_in c JOIN post_holding h ON true")
    assert [(row["state"], row["holding"]) for row in states] == [("ended", "ended")]
    assert await audited("end_holding", subject_id=holding, actor_id=None)
    assert (await told(staff))[-1] == "check_in_withdrawn"
    await member.refused("POST", "/check-ins", application(community), code="consent_needed")
    resident = await create_resident(api, community)
    await agree(resident.person_id)
    await resident.delete("/me/consents/membership_data")


async def test_a_roster_entry_becomes_the_person_who_signs_in(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    body = registration(community, real_name="孙秀兰")
    await staff.post("/staff/members", body, expect=201)
    person = await create_person()
    caller = await sign_in(api, person)
    await give_phone(person.id, body["phone"])
    await caller.refused("GET", "/me/membership", code="not_found")
    await caller.put("/me/details", {"real_name": "孙 秀兰"})
    # A number and a name are not enough: staff ask the person first.
    await caller.refused("GET", "/me/membership", code="not_found")
    (link,) = (await staff.get("/staff/roster-links", organization_id=community.id))["items"]
    assert (link["person_id"], link["name"], link["organization_name"]) == (person.id, "孙**", community.name)
    assert (await told(staff))[-1] == "roster_link_to_confirm"
    await staff.post(f"/staff/roster-links/{link['id']}/confirm", expect=200)
    mine = await caller.get("/me/membership")
    assert (mine["kind"], mine["community_id"]) == ("floating", community.id)
    assert (await caller.get("/me/check-ins"))["active"]["residence"]["estate"] == "海悦小区"
    assert "社区已为您登记" in [message["title"] for message in await caller.inbox()]
    assert [view["kind"] for view in await caller.get("/me/consents")] == ["privacy", "sensitive_data"]
    await caller.delete("/me/consents/membership_data")


async def test_two_members_turn_out_to_be_one(api: Api) -> None:
    community, other = await create_community(), await create_community()
    staff, other_staff = await create_staff(api, community), await create_staff(api, other)
    kept = await create_checked_in(api, staff, community)
    gone = await create_checked_in(api, other_staff, other)
    posts = [await create_post(staff, community), await create_post(other_staff, other)]
    holding = await create_holder(other_staff, gone, posts[1])
    await merge_persons(gone.person_id, kept.person_id, actor_id=None)
    mine = await kept.get("/me/check-ins")
    assert mine["active"]["community_id"] == community.id
    assert [(entry["community_id"], entry["state"]) for entry in mine["history"]] == [(other.id, "ended")]
    assert [(post["id"], post["state"]) for post in await kept.get("/me/posts")] == [(holding, "ended")]
    assert await fetch_value("SELECT count(*) FROM membership WHERE ended_at IS NULL") == 1

    applied = await create_member(api)
    await applied.post("/check-ins", application(other), expect=201)
    await merge_persons(applied.person_id, kept.person_id, actor_id=None)
    assert (await kept.get("/me/check-ins"))["pending"]["community_id"] == other.id


async def test_one_with_an_active_check_in_brings_it_along(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    kept = await create_member(api)
    check_in = (await kept.post("/check-ins", application(await create_community()), expect=201))["id"]
    await kept.post(f"/check-ins/{check_in}/withdraw", {"reason": "x"})
    gone = await create_checked_in(api, staff, community)
    post = await create_post(staff, community)
    await create_holder(staff, gone, post)
    await merge_persons(gone.person_id, kept.person_id, actor_id=None)
    assert (await kept.get("/me/check-ins"))["active"]["community_id"] == community.id
    assert (await kept.get("/me/membership"))["community_id"] == community.id
    (holding,) = await kept.get("/me/posts")
    assert holding["state"] == "held"
    await kept.post(f"/post-holdings/{holding['id']}/leave", {"reason": "x"}, expect=200)
    assert await fetch_value("SELECT taken FROM allotment") == 0


async def test_a_post_that_both_hold_is_held_once(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    kept, gone = [await create_checked_in(api, staff, community) for _ in range(2)]
    post = await create_post(staff, community, places=2)
    for member in (kept, gone):
        await create_holder(staff, member, post)
    await merge_persons(gone.person_id, kept.person_id, actor_id=None)
    assert sorted(holding["state"] for holding in await kept.get("/me/posts")) == ["ended", "held"]
    assert await fetch_value("SELECT taken FROM allotment") == 1


async def test_a_communitys_members_follow_its_successor(api: Api) -> None:
    community, successor = await create_community(), await create_community()
    staff, new_staff = await create_staff(api, community), await create_staff(api, successor)
    member = await create_checked_in(api, staff, community)
    waiting = await create_member(api)
    await waiting.post("/check-ins", application(community), expect=201)
    post = await create_post(staff, community)
    async with transaction():
        await Organization.filter(id=community.id).update(closed_at=clock.now(), successor_id=successor.id)
        await follow_successor(community.id, successor.id)
    assert (await member.get("/me/check-ins"))["active"]["community_id"] == successor.id
    await create_holder(new_staff, member, post)
    assert len((await new_staff.get("/staff/members", organization_id=successor.id))["items"]) == 1
    assert len((await new_staff.get("/staff/check-ins", organization_id=successor.id))["items"]) == 1


async def test_registering_the_same_person_twice_at_once(api: Api) -> None:
    community = await create_community()
    staff = [await create_staff(api, community) for _ in range(4)]
    body = registration(community)
    answers = await asyncio.gather(*(one.send("POST", "/staff/members", body) for one in staff))
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json()["check_in_id"] for answer in answers}) == 1
    assert await fetch_value("SELECT count(*) FROM person WHERE origin = 'roster'") == 1


async def test_a_merge_moves_the_recorded_word_and_the_contact_person(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    membership = await register(staff, community)
    contact = await create_staff(api, community)
    await staff.put(f"/staff/members/{membership}/contact-person", {"contact_person_id": contact.person_id}, expect=200)
    other = await create_staff(api, community)
    await merge_persons(contact.person_id, other.person_id, actor_id=None)
    assert len(await other.get("/me/floating-members")) == 1
    facts = (await open_memberships([membership]))[membership]
    person = await create_person()
    await merge_persons(facts.person_id, person.id, actor_id=None)
    await withdraw_consent(person.id, ConsentKind.MEMBERSHIP_DATA)
    assert await membership_of(person.id) is None


async def test_withdrawing_from_the_privacy_text_ends_the_membership_too(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    member = await create_checked_in(api, staff, community)
    await member.delete("/me/consents/privacy")
    assert await membership_of(member.person_id) is None
