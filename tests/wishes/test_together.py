"""Units and teams 组团式: who may act for them, who shares in a claim, and who gets the points."""

import asyncio

import pytest

from server.foundation.database import IntegrityError, execute, fetch, fetch_value
from server.organizations.models import Level, RoleGrant, RoleKind
from server.teams import teams
from server.wishes.models import WishClaim, WishKind, WishShare, WishState
from server.wishes.rules import MAX_HELPERS
from tests.builders import create_organization, told
from tests.clients import Api
from tests.wishes.builders import create_people, points_of, put_persons, put_team, put_unit, put_wish, report


async def test_a_unit_claims_by_its_liaison(api: Api) -> None:
    people = await create_people(api)
    (colleague,) = await put_persons(api, people.community, "同事", volunteers=False)
    (liaison,) = await put_persons(api, people.community, "联络员", volunteers=False)
    unit = await put_unit(people.community, liaison, colleague)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    path = f"/wishes/{wish_id}/claim"
    await people.claimer.refused("POST", path, {"unit_id": unit.id}, code="invalid_fields")
    await liaison.refused("POST", path, {"unit_id": people.community.id}, code="invalid_fields")
    # The liaison acts for the unit, so need not be a volunteer.
    claimed = await liaison.post(path, {"unit_id": unit.id})
    assert (claimed["claim"]["unit_name"], claimed["claim"]["team_name"]) == ("供电公司", None)
    assert (await told(people.wisher))[-1] == "wish_claimed_by_unit"
    # Another liaison of the unit goes on with it, and the same tap by them changes nothing.
    assert (await colleague.get(f"/wishes/{wish_id}"))["actors"] == ["claimer"]
    assert (await colleague.post(path, {"unit_id": unit.id}))["claim"]["id"] == claimed["claim"]["id"]
    assert (await colleague.get(f"/wishes/{wish_id}/contact"))["name"] == "王秀英"
    listed = (await colleague.get("/wishes/claims", unit_id=unit.id))["items"]
    assert [(claim["wish"]["id"], claim["is_mine"]) for claim in listed] == [(wish_id, False)]
    await people.stranger.refused("GET", f"/wishes/claims?unit_id={unit.id}", code="not_found")
    await report(colleague, wish_id)
    await people.wisher.post(f"/wishes/{wish_id}/confirm", {"stars": 5})
    assert [await points_of(who) for who in (liaison, colleague)] == [10, 0]


async def test_who_left_the_unit_holds_nothing_any_more(api: Api) -> None:
    people = await create_people(api)
    unit = await put_unit(people.community, people.claimer, people.stranger)
    wish_id = await put_wish(
        people, WishState.CLAIMED, claim={"claimer_id": people.claimer.person_id, "unit_id": unit.id}
    )
    await execute("UPDATE role_grant SET ended_at = granted_at WHERE person_id = $1", people.claimer.person_id)
    await people.claimer.refused("GET", f"/wishes/{wish_id}/contact", code="not_allowed")
    assert (await people.stranger.get(f"/wishes/{wish_id}/contact"))["name"] == "王秀英"


async def test_a_units_claims_do_not_fill_its_liaisons_hands(api: Api) -> None:
    people = await create_people(api)
    unit = await put_unit(people.community, people.claimer)
    for_unit = {"claimer_id": people.claimer.person_id, "unit_id": unit.id}
    for _ in range(3):
        await put_wish(people, WishState.CLAIMED, claim=for_unit)
    own = await put_wish(people, WishState.PUBLISHED)
    await people.claimer.post(f"/wishes/{own}/claim")
    for _ in range(16):
        await put_wish(people, WishState.CLAIMED, claim=for_unit)
    body = {"unit_id": unit.id}
    wishes = [await put_wish(people, WishState.PUBLISHED) for _ in range(2)]
    answers = await asyncio.gather(
        *(people.claimer.send("POST", f"/wishes/{wish_id}/claim", body) for wish_id in wishes)
    )
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert [(problem["code"], problem["limit"]) for problem in refused] == [("too_many_open_claims", 20)]


async def test_a_closed_unit_or_one_that_is_no_unit(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    grid = await create_organization(Level.GRID, parent=people.community)
    await RoleGrant.create(
        person_id=people.claimer.person_id, organization=grid, kind=RoleKind.LIAISON, granted_at=grid.created_at
    )
    path = f"/wishes/{wish_id}/claim"
    await people.claimer.refused("POST", path, {"unit_id": grid.id}, code="invalid_fields")
    unit = await put_unit(people.community, people.claimer)
    await execute("UPDATE organization SET closed_at = created_at WHERE id = $1", unit.id)
    await people.claimer.refused("POST", path, {"unit_id": unit.id}, code="invalid_fields")


async def test_a_team_shares_the_things_and_the_points(api: Api) -> None:
    people = await create_people(api)
    helpers = await put_persons(api, people.community, "小海", "小风", "小浪")
    team = await put_team(people.claimer, *helpers, community=people.community)
    wish_id = await put_wish(people, WishState.PUBLISHED, quantity=10)
    path = f"/wishes/{wish_id}"
    body = {"team_id": team.id}
    await people.stranger.refused("POST", f"{path}/claim", body, code="invalid_fields")
    await helpers[0].refused("POST", f"{path}/claim", body, code="invalid_fields")
    unit = await put_unit(people.community, people.claimer)
    await people.claimer.refused("POST", f"{path}/claim", body | {"unit_id": unit.id}, code="invalid_fields")
    claimed = await people.claimer.post(f"{path}/claim", body)
    assert (claimed["claim"]["team_name"], claimed["claim"]["quantity"]) == ("海风志愿队", 10)
    assert (await told(people.wisher))[-1] == "wish_claimed_by_team"
    assert (await told(helpers[0]))[-1] == "wish_to_share"
    assert [card["wish"]["id"] for card in (await helpers[0].get("/wishes/claims", team_id=team.id))["items"]] == [
        wish_id
    ]
    await people.stranger.refused("GET", f"/wishes/claims?team_id={team.id}", code="not_found")

    # Who is not of the team shares in nothing, and only the leader sees where to go.
    await people.stranger.refused("PUT", f"{path}/share", {"quantity": 1}, code="not_allowed")
    await helpers[0].refused("GET", f"{path}/contact", code="not_allowed")
    assert (await people.claimer.get(f"{path}/contact"))["name"] == "王秀英"

    assert (await helpers[0].put(f"{path}/share", {"quantity": 4}))["claim"]["pledged"] == 4
    assert (await told(people.claimer))[-1] == "wish_share_taken"
    refused = await helpers[1].refused("PUT", f"{path}/share", {"quantity": 7}, code="share_too_large")
    assert refused["left"] == 6
    await helpers[1].put(f"{path}/share", {"quantity": 6})
    # A share can be changed; what one had oneself is free again.
    changed = await helpers[1].put(f"{path}/share", {"quantity": 5})
    assert changed["claim"]["pledged"] == 9
    assert {share["nickname"]: share["quantity"] for share in changed["claim"]["shares"]} == {"小海": 4, "小风": 5}
    await helpers[2].put(f"{path}/share", {"quantity": 0})
    assert (await helpers[2].get("/wishes/claims"))["items"][0]["is_mine"] is False
    # The leader ends the share of one who did nothing; others cannot.
    await helpers[0].refused("DELETE", f"{path}/shares/{helpers[1].person_id}", code="not_allowed")
    ended = await people.claimer.delete(f"{path}/shares/{helpers[1].person_id}", expect=200)
    assert (ended["state"], ended["is_mine"], ended["wish"]["id"]) == ("open", True, wish_id)
    await people.claimer.refused("DELETE", f"{path}/shares/{helpers[1].person_id}", code="not_found")
    assert (await told(helpers[1]))[-1] == "wish_share_ended"
    await helpers[0].refused("POST", f"{path}/report", {"picture_ids": ["0" * 22]}, code="not_allowed")

    await report(people.claimer, wish_id)
    await helpers[0].refused("PUT", f"{path}/share", {"quantity": 1}, code="wrong_state")
    await people.wisher.post(f"{path}/confirm", {"stars": 5})
    assert "wish_confirmed" in await told(helpers[0])
    assert [await points_of(who) for who in (people.claimer, *helpers)] == [5, 5, 0, 5]
    await people.wisher.post(f"{path}/dispute", {"reason": "有的书缺页"})
    decision = f"/staff/wishes/{wish_id}/dispute/decision"
    decided = await people.staff.post(decision, {"decision": "redo", "note": "请更换"})
    # All points are taken back, and those who shared share again.
    assert [await points_of(who) for who in (people.claimer, *helpers)] == [0, 0, 0, 0]
    assert (decided["claim"]["team_name"], decided["claim"]["pledged"]) == ("海风志愿队", 4)
    await report(people.claimer, wish_id)
    await people.wisher.post(f"{path}/confirm", {"stars": 4})
    assert [await points_of(who) for who in (people.claimer, *helpers)] == [5, 5, 0, 5]


async def test_a_leader_who_did_it_alone_gets_all(api: Api) -> None:
    people = await create_people(api)
    team = await put_team(people.claimer, people.stranger, community=people.community)
    wish_id = await put_wish(people, WishState.CLAIMED, claim={"team_id": team.id})
    await people.stranger.put(f"/wishes/{wish_id}/share")
    await people.stranger.delete(f"/wishes/{wish_id}/shares/{people.stranger.person_id}")
    assert (await told(people.claimer))[-1] == "wish_share_ended"
    await report(people.claimer, wish_id)
    await people.wisher.post(f"/wishes/{wish_id}/confirm", {"stars": 5})
    assert [await points_of(who) for who in (people.claimer, people.stranger)] == [10, 0]


async def test_only_things_are_counted(api: Api) -> None:
    people = await create_people(api)
    team = await put_team(people.claimer, people.stranger, community=people.community)
    wish_id = await put_wish(people, WishState.CLAIMED, kind=WishKind.COMPANY, claim={"team_id": team.id})
    await people.stranger.refused("PUT", f"/wishes/{wish_id}/share", {"quantity": 1}, code="invalid_fields")
    await people.stranger.put(f"/wishes/{wish_id}/share", {"quantity": 0})


async def test_shares_taken_at_once_are_never_more_than_is_wished_for(api: Api) -> None:
    people = await create_people(api)
    helpers = await put_persons(api, people.community, *(f"队员{number}" for number in range(MAX_HELPERS)))
    team = await put_team(people.claimer, *helpers, community=people.community)
    wish_id = await put_wish(people, WishState.CLAIMED, quantity=20, claim={"team_id": team.id})
    answers = await asyncio.gather(
        *(helper.send("PUT", f"/wishes/{wish_id}/share", {"quantity": 3}) for helper in helpers)
    )
    taken = [answer for answer in answers if answer.status_code == 200]
    assert len(taken) == 6
    assert {answer.json()["code"] for answer in answers if answer not in taken} == {"share_too_large"}
    claim = await WishClaim.get(wish_id=wish_id)
    assert claim.pledged == 18 == sum(share.quantity for share in await WishShare.filter(claim_id=claim.id))
    with pytest.raises(IntegrityError, match="wish_claim_not_overpledged"):
        await execute("UPDATE wish_claim SET pledged = 21 WHERE id = $1", claim.id)


async def test_no_more_than_nine_help(api: Api) -> None:
    people = await create_people(api)
    helpers = await put_persons(api, people.community, *(f"队员{number}" for number in range(MAX_HELPERS)))
    team = await put_team(people.claimer, *helpers, community=people.community)
    wish_id = await put_wish(people, WishState.CLAIMED, claim={"team_id": team.id})
    claim_id = await fetch_value("SELECT id FROM wish_claim WHERE wish_id = $1", wish_id)
    await WishShare.bulk_create([WishShare(claim_id=claim_id, person_id=helper.person_id) for helper in helpers])
    # One leaves the team but keeps the share; anyone who takes the place in the team finds none in the wish.
    await teams.leave_team(helpers[0].person_id, team.id)
    await teams.join_team(
        people.stranger.person_id, (await teams.show_team_code(people.claimer.person_id, team.id)).code
    )
    await people.stranger.refused("PUT", f"/wishes/{wish_id}/share", code="too_many_helpers")
    assert (await helpers[0].get(f"/wishes/{wish_id}"))["actors"] == ["helper", "resident"]


async def test_the_wisher_is_not_helped_by_themselves(api: Api) -> None:
    people = await create_people(api)
    team = await put_team(people.claimer, people.wisher, community=people.community)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    await people.claimer.refused("POST", f"/wishes/{wish_id}/claim", {"team_id": team.id}, code="own_wish")
    claimed = await put_wish(people, WishState.CLAIMED, claim={"team_id": team.id})
    await people.wisher.refused("PUT", f"/wishes/{claimed}/share", code="not_allowed")


async def test_staff_of_the_team_do_not_decide(api: Api) -> None:
    people = await create_people(api)
    team = await put_team(people.claimer, people.staff, community=people.community)
    wish_id = await put_wish(people, WishState.DISPUTED, claim={"team_id": team.id})
    body = {"decision": "uphold", "note": "我们做完了"}
    await people.staff.refused("POST", f"/staff/wishes/{wish_id}/dispute/decision", body, code="not_allowed")


async def test_a_smaller_quantity_must_not_undo_a_promise(api: Api) -> None:
    people = await create_people(api)
    team = await put_team(people.claimer, people.stranger, community=people.community)
    wish_id = await put_wish(people, WishState.CLAIMED, quantity=10, claim={"team_id": team.id})
    await people.stranger.put(f"/wishes/{wish_id}/share", {"quantity": 4})
    body = {
        "title": "想要图书",
        "kind": "thing",
        "audience": "child",
        "text": "课外书",
        "wished_by": (await people.wisher.get(f"/wishes/{wish_id}"))["wished_by"],
        "version": 1,
    }
    await people.wisher.refused("PUT", f"/wishes/{wish_id}", body | {"quantity": 3}, code="invalid_fields")
    edited = await people.wisher.put(f"/wishes/{wish_id}", body | {"quantity": 4})
    assert (edited["quantity"], edited["claim"]["quantity"]) == (4, 4)


async def test_a_team_is_told_when_the_claim_ends(api: Api) -> None:
    people = await create_people(api)
    team = await put_team(people.claimer, people.stranger, community=people.community)
    for path, who, body in (
        ("/wishes/{}/release", people.claimer, {"reason": "出差"}),
        ("/wishes/{}/withdraw", people.wisher, None),
        ("/staff/wishes/{}/take-back", people.staff, {"reason": "无法联系"}),
        ("/staff/wishes/{}/refuse", people.staff, {"reason": "不属于微心愿"}),
    ):
        wish_id = await put_wish(people, WishState.CLAIMED, claim={"team_id": team.id})
        await people.stranger.put(f"/wishes/{wish_id}/share")
        await who.post(path.format(wish_id), body)
        told = await fetch(
            "SELECT event FROM inbox_message WHERE person_id = $1 AND facts->>'wish' = $2",
            people.stranger.person_id,
            wish_id,
        )
        assert [row["event"] for row in told] == ["wish_claim_ended"], path


async def test_staff_assign_to_a_team_or_a_unit(api: Api) -> None:
    people = await create_people(api)
    team = await put_team(people.claimer, people.stranger, community=people.community)
    unit = await put_unit(people.community, people.stranger)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    path, reason = f"/staff/wishes/{wish_id}/assign", "愿意完成"
    wrong = {"claimer_id": people.stranger.person_id, "team_id": team.id, "reason": reason}
    await people.staff.refused("POST", path, wrong, code="invalid_fields")
    right = {"claimer_id": people.claimer.person_id, "team_id": team.id, "reason": reason}
    assert (await people.staff.post(path, right))["claim"]["team_name"] == "海风志愿队"
    other = {"claimer_id": people.stranger.person_id, "unit_id": unit.id, "reason": reason}
    assert (await people.staff.post(path, other))["claim"]["unit_name"] == "供电公司"
