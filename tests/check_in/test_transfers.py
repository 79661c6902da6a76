"""Retired members are invited to move their membership to the community; they say yes or no, and staff do the rest."""

import asyncio

from server.foundation.database import fetch_value
from server.members.memberships import membership_of
from server.organizations.models import PartyOrganization
from tests.builders import create_community, create_resident, create_staff, told
from tests.check_in.builders import application, audited, create_checked_in, register
from tests.clients import Api


async def test_accepted_and_completed(api: Api) -> None:
    community = await create_community(name="竹岛社区")
    staff = await create_staff(api, community)
    member = await create_checked_in(api, staff, community, kind="retired")
    membership = await membership_of(member.person_id)
    assert (await told(member))[-2:] == ["check_in_confirmed", "transfer_offered"]
    mine = await member.get("/me/membership")
    assert (mine["transfer"]["state"], mine["transfer"]["community_name"]) == ("offered", "竹岛社区")
    complete = f"/staff/members/{membership}/transfer/complete"
    party = await PartyOrganization.create(name="竹岛社区党委", host=community, path="t1")
    await staff.refused("POST", complete, {"home_organization_id": party.id}, code="wrong_state")
    answered = await member.post("/me/membership/transfer", {"accept": True})
    assert answered["transfer"]["state"] == "accepted"
    await member.refused("POST", "/me/membership/transfer", {"accept": False}, code="wrong_state")
    assert (await told(staff))[-1] == "transfer_answered"
    assert "王**愿意转入组织关系" in (await staff.inbox())[0]["text"]
    elsewhere = await PartyOrganization.create(name="外地党委", place="上海", path="t2")
    await staff.refused("POST", complete, {"home_organization_id": elsewhere.id}, code="invalid_fields")
    card = await staff.post(complete, {"home_organization_id": party.id}, expect=200)
    assert (card["transfer_state"], card["home_organization"]) == ("completed", "竹岛社区党委")
    await staff.refused("POST", complete, {"home_organization_id": party.id}, code="wrong_state")
    mine = await member.get("/me/membership")
    assert (mine["transfer"]["state"], mine["home_organization"]) == ("completed", "竹岛社区党委")
    assert (await told(member))[-1] == "transfer_completed"
    for action in ("offer_transfer", "accept_transfer", "complete_transfer"):
        assert await audited(action, person_id=member.person_id, organization_id=community.id)


async def test_declined_and_offered_again(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    member = await create_checked_in(api, staff, community, kind="retired")
    membership = await membership_of(member.person_id)
    again = f"/staff/members/{membership}/transfer"
    await staff.refused("POST", again, code="transfer_open")
    declined = await member.post("/me/membership/transfer", {"accept": False, "reason": "老单位组织生活更方便"})
    assert (declined["transfer"]["state"], declined["transfer"]["reason"]) == ("declined", "老单位组织生活更方便")
    assert await audited("decline_transfer", person_id=member.person_id)
    await staff.post(again, expect=201)
    assert (await member.post("/me/membership/transfer", {"accept": True}))["transfer"]["state"] == "accepted"
    assert await fetch_value("SELECT count(*) FROM membership_transfer") == 2


async def test_who_is_invited(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    party = await PartyOrganization.create(name="竹岛社区党委", host=community, path="t3")
    at_home = await create_checked_in(api, staff, community, kind="retired", home_organization_id=party.id)
    in_service = await create_checked_in(api, staff, community)
    for member in (at_home, in_service):
        assert (await member.get("/me/membership"))["transfer"] is None
        await member.refused("POST", "/me/membership/transfer", {"accept": True}, code="not_found")
    await (await create_resident(api, community)).refused(
        "POST", "/me/membership/transfer", {"accept": True}, code="not_found"
    )
    membership = await membership_of(in_service.person_id)
    await staff.refused("POST", f"/staff/members/{membership}/transfer", code="wrong_state")
    await register(staff, community, kind="retired")
    assert await fetch_value("SELECT count(*) FROM membership_transfer WHERE state = 'offered'") == 1


async def test_moving_house_cancels_the_invitation_and_brings_another(api: Api) -> None:
    old, new = await create_community(), await create_community()
    old_staff, new_staff = await create_staff(api, old), await create_staff(api, new)
    member = await create_checked_in(api, old_staff, old, kind="retired")
    await member.post("/me/membership/transfer", {"accept": True})
    moving = (await member.post("/check-ins", application(new, kind="retired"), expect=201))["id"]
    await new_staff.post(f"/staff/check-ins/{moving}/confirm", {}, expect=200)
    states = await fetch_value("SELECT array_agg(state ORDER BY id) FROM membership_transfer")
    assert states == ["cancelled", "offered"]
    back = (await member.post("/check-ins", application(old, kind="retired"), expect=201))["id"]
    await old_staff.post(f"/staff/check-ins/{back}/confirm", {}, expect=200)
    assert await fetch_value("SELECT count(*) FROM membership_transfer") == 2, "nobody is asked twice by themselves"


async def test_two_answers_at_once(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    member = await create_checked_in(api, staff, community, kind="retired")
    answers = await asyncio.gather(
        *(member.send("POST", "/me/membership/transfer", {"accept": yes}) for yes in (True, False) * 3)
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
