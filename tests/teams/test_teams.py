"""Teams: made by a leader, joined by the leader's code, at most ten."""

import asyncio
from datetime import timedelta

import pytest

from server.accounts.merging import merge_persons
from server.foundation import clock
from server.foundation.database import IntegrityError, execute
from server.teams.models import Team, TeamMember
from server.teams.teams import MAX_LED, UNNAMED
from tests.builders import create_community, create_person, sign_in, told
from tests.clients import Api
from tests.simulator import Simulator
from tests.wishes.builders import put_persons, put_team


async def test_a_team_is_made_and_joined(api: Api, simulator: Simulator) -> None:
    leader, other, third = await put_persons(api, await create_community(), "队长", "小海", "小风")
    made = await leader.post("/teams", {"name": "海风 志愿队"}, expect=201)
    assert (made["name"], made["own_name"], made["size"]) == (UNNAMED, "海风 志愿队", 1)
    await simulator.settle()
    path = f"/teams/{made['id']}"
    assert (await leader.get(path))["name"] == "海风 志愿队"
    code = (await leader.get(f"{path}/code"))["code"]
    joined = await other.post("/teams/join", {"code": code})
    assert [(member["nickname"], member["is_leader"]) for member in joined["members"]] == [
        ("队长", True),
        ("小海", False),
    ]
    assert (joined["own_name"], joined["is_led_by_me"]) == ("", False)
    assert (await other.post("/teams/join", {"code": code}))["size"] == 2, "joining twice changes nothing"
    assert (await told(leader)).count("team_joined") == 1
    assert await other.get("/teams") == [{"id": made["id"], "name": "海风 志愿队", "size": 2, "is_led_by_me": False}]
    for who, wanted in ((third, "not_found"), (other, "not_allowed")):
        await who.refused("GET", f"{path}/code", code=wanted)
        await who.refused("POST", f"{path}/end", code=wanted)
        await who.refused("PUT", path, {"version": 1, "name": "别的名字"}, code=wanted)
    await third.refused("GET", path, code="not_found")


async def test_who_may_not_make_or_join_one(api: Api) -> None:
    community = await create_community()
    (resident,) = await put_persons(api, community, "居民", volunteers=False)
    await resident.refused("POST", "/teams", {"name": "队伍"}, code="consent_needed")
    (leader,) = await put_persons(api, community, "队长")
    for wrong in ("", " ", "长" * 21, "x", "热线 13800001111"):
        await leader.refused("POST", "/teams", {"name": wrong}, code="invalid_fields")
    team = await put_team(leader, community=community)
    code = (await leader.get(f"/teams/{team.id}/code"))["code"]
    await resident.refused("POST", "/teams/join", {"code": code}, code="consent_needed")
    homeless = await sign_in(api, await create_person())
    await homeless.post("/me/consents", {"kind": "volunteer_terms", "text_version": "1"})
    await homeless.refused("POST", "/teams", {"name": "队伍"}, code="community_needed")
    for _ in range(MAX_LED - 1):
        await put_team(leader, community=community)
    refused = await leader.refused("POST", "/teams", {"name": "又一队"}, code="too_many_teams")
    assert refused["limit"] == MAX_LED


async def test_a_code_is_good_for_a_day_or_two(api: Api) -> None:
    community = await create_community()
    leader, other = await put_persons(api, community, "队长", "队员")
    team = await put_team(leader, community=community)
    shown = await leader.get(f"/teams/{team.id}/code")
    code = shown["code"]
    for wrong in ("x", code[:-1] + "!", code.replace("team.", "wish."), "team." + "0" * 22 + ".20000.x"):
        await other.refused("POST", "/teams/join", {"code": wrong}, code="team_code_invalid")
    clock.move_clock(timedelta(days=1))
    await other.post("/teams/join", {"code": code})
    await other.post(f"/teams/{team.id}/leave")
    clock.move_clock(timedelta(days=2))
    await other.refused("POST", "/teams/join", {"code": code}, code="team_code_invalid")


async def test_ten_at_most_however_many_tap(api: Api) -> None:
    community = await create_community()
    leader, *others = await put_persons(api, community, *(f"队员{number}" for number in range(15)))
    team = await put_team(leader, community=community)
    code = (await leader.get(f"/teams/{team.id}/code"))["code"]
    answers = await asyncio.gather(*(who.send("POST", "/teams/join", {"code": code}) for who in others))
    codes = [answer.json().get("code", "joined") for answer in answers]
    assert (codes.count("joined"), codes.count("team_full")) == (9, 5)
    assert (await Team.get(id=team.id)).size == 10 == await TeamMember.filter(team_id=team.id, left_at=None).count()
    with pytest.raises(IntegrityError, match="team_size"):
        await execute("UPDATE team SET size = 11 WHERE id = $1", team.id)


async def test_leaving_removing_and_ending(api: Api) -> None:
    community = await create_community()
    leader, other, third = await put_persons(api, community, "队长", "小海", "小风")
    team = await put_team(leader, other, third, community=community)
    path = f"/teams/{team.id}"
    await leader.refused("POST", f"{path}/leave", code="wrong_state")
    await leader.refused("DELETE", f"{path}/members/{leader.person_id}", code="wrong_state")
    await other.refused("DELETE", f"{path}/members/{third.person_id}", code="not_allowed")
    old = (await leader.get(f"{path}/code"))["code"]
    await other.post(f"{path}/leave", expect=204)
    await leader.refused("DELETE", f"{path}/members/{other.person_id}", code="not_found")
    # Who left by themselves may come back with it; who was taken out, may not.
    await other.post("/teams/join", {"code": old})
    await other.post(f"{path}/leave", expect=204)
    assert (await leader.delete(f"{path}/members/{third.person_id}"))["size"] == 1
    assert (await told(third))[-1] == "team_left"
    await third.refused("POST", "/teams/join", {"code": old}, code="team_code_invalid")
    code = (await leader.get(f"{path}/code"))["code"]
    await other.post("/teams/join", {"code": code})
    await leader.post(f"{path}/end", expect=204)
    assert (await told(other))[-1] == "team_left"
    await third.refused("POST", "/teams/join", {"code": code}, code="wrong_state")
    await leader.refused("GET", path, code="not_found")
    assert await leader.get("/teams") == []


async def test_a_name_is_shown_only_as_it_passed(api: Api, simulator: Simulator) -> None:
    community = await create_community()
    (leader,) = await put_persons(api, community, "队长")
    team = await put_team(leader, community=community, name="海风志愿队")
    path = f"/teams/{team.id}"
    renamed = await leader.put(path, {"version": 1, "name": "【违规】"})
    assert (renamed["name"], renamed["own_name"], renamed["version"]) == ("海风志愿队", "【违规】", 2)
    await leader.refused("PUT", path, {"version": 1, "name": "别的名字"}, code="edited_meanwhile")
    await simulator.settle()
    assert (await leader.get(path))["name"] == "海风志愿队"
    assert (await told(leader))[-1] == "team_name_refused"


async def test_teams_move_with_a_merged_person(api: Api) -> None:
    community = await create_community()
    leader, other, third = await put_persons(api, community, "队长", "小海", "小风")
    both = await put_team(leader, other, third, community=community)
    one = await put_team(other, community=community)
    await merge_persons(other.person_id, third.person_id, actor_id=None)
    assert (await third.get(f"/teams/{both.id}"))["size"] == 2
    assert (await third.get(f"/teams/{one.id}"))["is_led_by_me"] is True
