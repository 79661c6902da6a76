"""Claiming both ways over HTTP: parts, answers, what lapses, what ends with the pairing; and no more than there is."""

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.check_in.units import unit_check_in
from server.co_building.claims import claiming
from server.co_building.claims.claiming import LAPSE_CLAIMS, NotEnoughLeft
from server.co_building.claims.models import ListClaim, ListClaimState
from server.co_building.claims.rules import CLAIM_TABLE
from server.co_building.leaving import move_entries_of_closed
from server.co_building.lists.entries import LAPSE_ENTRIES
from server.co_building.lists.models import ListEntry
from server.foundation.audit import AuditEntry
from server.foundation.database import undone
from server.foundation.errors import Refusal
from tests.builders import move_clock_to, told
from tests.check_in.builders import create_pair, create_unit
from tests.clients import Api
from tests.co_building.builders import Scene, at, create_scene, ids
from tests.held import while_held
from tests.state_tables import check_shown


async def claim(scene: Scene, entry_id: str, quantity: int = 2, who: Api | None = None, claimant: str = "") -> Any:
    body = {"claimant_id": claimant or scene.unit.id, "quantity": quantity, "words": "我们来"}
    return await (who or scene.liaison).post(f"/staff/list-entries/{entry_id}/claims", body, expect=201)


async def test_a_unit_claims_a_need_in_parts(api: Api) -> None:
    scene = await create_scene(api)
    need, bystander = await scene.open(), await scene.open()
    first = await claim(scene, need["id"])
    assert (first["state"], first["claimant_name"], first["owner_name"]) == ("proposed", "市人民医院", "幸福社区")
    assert (await told(scene.writer))[-1] == "list_claim_proposed"
    assert (await scene.writer.inbox())[0]["text"] == "市人民医院希望认领“急救培训”（2 场），请在 10 天内答复。"
    (waiting,) = (await scene.writer.get("/staff/desk/items", kind="list_claim_to_answer"))["items"]
    assert waiting["id"] == first["id"]
    path = f"/staff/list-entries/{need['id']}"
    body = {"claimant_id": scene.unit.id, "quantity": 1}
    await scene.liaison.refused("POST", f"{path}/claims", body, code="already_claiming")
    await scene.liaison.refused("GET", f"{path}/contact", code="not_found")
    await scene.liaison.refused("POST", f"/staff/list-claims/{first['id']}/accept", {}, code="not_allowed")
    await scene.elsewhere.refused("POST", f"/staff/list-claims/{first['id']}/accept", {}, code="not_found")
    more = {"quantity": 3}
    await scene.writer.refused("POST", f"/staff/list-claims/{first['id']}/accept", more, code="invalid_fields")

    taken = await scene.writer.post(f"/staff/list-claims/{first['id']}/accept", {"quantity": 1})
    assert (taken["state"], taken["quantity"]) == ("accepted", 1), "a part of it"
    assert (await told(scene.liaison))[-1] == "list_claim_accepted"
    assert (await scene.liaison.get(f"{path}/contact"))["name"] == "李主任"
    left = {"claimant_id": scene.unit.id, "quantity": 3}
    problem = await scene.liaison.refused("POST", f"{path}/claims", left, code="not_enough_left")
    assert problem["left"] == 2
    second = await claim(scene, need["id"])
    await scene.writer.post(f"/staff/list-claims/{second['id']}/accept", {})
    seen = await scene.resident.get(f"/list-entries/{need['id']}")
    assert (seen["state"], seen["left"]) == ("matched", 0)
    await scene.liaison.refused("POST", f"{path}/claims", body, code="wrong_state")

    given_up = await scene.liaison.post(f"/staff/list-claims/{second['id']}/withdraw", {"reason": "人手不够"})
    assert given_up["state"] == "withdrawn"
    seen = await scene.resident.get(f"/list-entries/{need['id']}")
    assert (seen["state"], seen["left"]) == ("open", 2)
    assert (await told(scene.writer))[-1] == "list_claim_withdrawn"
    assert (await ListEntry.get(id=bystander["id"])).accepted == 0
    for who, place in ((scene.writer, scene.community.id), (scene.liaison, scene.unit.id)):
        assert await ids(who, "/staff/list-claims", organization_id=place) == [second["id"], first["id"]]
        assert await ids(who, "/staff/list-claims", organization_id=place, state="accepted") == [first["id"]]
    await scene.stranger.liaison.refused(
        "GET", f"/staff/list-claims?organization_id={scene.unit.id}", code="not_allowed"
    )
    assert await AuditEntry.filter(action="accept_list_claim").count() == 4, "two, each read by both sides"


async def test_a_community_claims_what_a_unit_gives(api: Api) -> None:
    scene = await create_scene(api)
    resource = await scene.resource()
    asked = await claim(scene, resource["id"], 1, scene.writer, scene.community.id)
    assert (await told(scene.liaison))[-1] == "list_claim_proposed"
    declined = await scene.liaison.post(f"/staff/list-claims/{asked['id']}/decline", {"reason": "讲师出差"})
    assert (declined["state"], declined["reason"]) == ("declined", "讲师出差")
    assert (await told(scene.writer))[-1] == "list_claim_declined"
    await scene.liaison.refused("POST", f"/staff/list-claims/{asked['id']}/accept", {}, code="wrong_state")

    path = f"/staff/list-entries/{resource['id']}/claims"
    other = {"claimant_id": scene.beside.id, "quantity": 1}
    await scene.elsewhere.refused("POST", path, other, code="unit_not_paired")
    await scene.elsewhere.refused("POST", path, {**other, "claimant_id": scene.community.id}, code="not_allowed")
    need = await scene.open()
    await scene.elsewhere.refused("POST", f"/staff/list-entries/{need['id']}/claims", other, code="invalid_fields")
    stranger = {"claimant_id": scene.stranger.id, "quantity": 1}
    await scene.stranger.liaison.refused(
        "POST", f"/staff/list-entries/{need['id']}/claims", stranger, code="unit_not_paired"
    )
    draft = await scene.draft()
    body = {"claimant_id": scene.unit.id, "quantity": 1}
    await scene.liaison.refused("POST", f"/staff/list-entries/{draft['id']}/claims", body, code="not_found")


async def test_the_subdistrict_brings_two_together(api: Api) -> None:
    scene = await create_scene(api)
    need = await scene.open()
    path, body = f"/staff/list-entries/{need['id']}/matches", {"claimant_id": scene.unit.id, "quantity": 1}
    for who in (scene.writer, scene.liaison, scene.elsewhere):
        await who.refused("POST", path, body, code="not_allowed")
    nothing = f"/staff/list-entries/{'1' * 22}"
    await scene.above.refused("POST", f"{nothing}/matches", body, code="not_found")
    await scene.liaison.refused("POST", f"{nothing}/claims", body, code="not_found")
    match = await scene.above.post(path, body, expect=201)
    assert match["is_match"]
    for who in (scene.writer, scene.liaison):
        assert (await told(who))[-1] == "list_claim_matched"
    resource = await scene.resource()
    theirs = f"/staff/list-entries/{resource['id']}/matches"
    await scene.above.post(theirs, {"claimant_id": scene.community.id, "quantity": 1}, expect=201)
    await scene.liaison.post(f"/staff/list-claims/{match['id']}/withdraw", {"reason": "排不开"})


async def test_what_might_fit_is_suggested_with_its_reason(api: Api) -> None:
    scene = await create_scene(api)
    need = await scene.open(available_from="2040-03-01", available_until=None)
    other = await scene.resource(category="law")
    late = await scene.resource(available_until="2040-02-01")
    fits = await scene.resource(quantity=5)
    path = f"/staff/list-entries/{need['id']}/suggestions"

    async def suggested(who: Api) -> list[tuple[str, list[str]]]:
        return [(each["entry_id"], each["why"]) for each in await who.get(path)]

    found = await suggested(scene.writer)
    assert found == [(fits["id"], ["类别相同", "时间合适"]), (late["id"], ["类别相同"])]
    assert other["id"] not in str(found)
    accepted = await claim(scene, need["id"], 1)
    await scene.writer.post(f"/staff/list-claims/{accepted['id']}/accept", {})
    assert (await suggested(scene.writer))[0] == (fits["id"], ["类别相同", "时间合适", "曾经共建"])
    (back,) = await scene.liaison.get(f"/staff/list-entries/{fits['id']}/suggestions")
    assert (back["entry_id"], back["owner_name"], back["left"]) == (need["id"], "幸福社区", 2)
    draft = await scene.draft()
    await scene.writer.refused("GET", f"/staff/list-entries/{draft['id']}/suggestions", code="not_found")


async def test_what_nobody_answers_lapses_after_ten_days(api: Api) -> None:
    move_clock_to(at(3, 1))
    scene = await create_scene(api)
    need = await scene.open()
    waiting = await claim(scene, need["id"], 1)
    taken = await claim_and_accept(scene, await scene.open())
    move_clock_to(at(3, 11, 8))
    assert await LAPSE_CLAIMS.run() == 0
    move_clock_to(at(3, 11, 10))
    assert await LAPSE_CLAIMS.run() == 1
    assert [(await ListClaim.get(id=each)).state for each in (waiting["id"], taken)] == ["lapsed", "accepted"]
    for who in (scene.liaison, scene.writer):
        assert (await told(who))[-1] == "list_claim_lapsed"
    assert await LAPSE_CLAIMS.run() == 0


async def claim_and_accept(scene: Scene, entry: dict[str, Any]) -> str:
    made = await claim(scene, entry["id"], 1)
    await scene.writer.post(f"/staff/list-claims/{made['id']}/accept", {})
    return str(made["id"])


async def test_open_claims_end_with_the_pairing_and_with_the_entry(api: Api) -> None:
    move_clock_to(at(6, 29))
    scene = await create_scene(api)
    other = await create_unit(api, "市气象局")
    await create_pair(other, scene.writer, scene.community)
    entries = [await scene.open() for _ in range(3)]
    open_one = await claim(scene, entries[0]["id"], 1)
    theirs = await claim(scene, entries[0]["id"], 1, other.liaison, other.id)
    taken = await claim_and_accept(scene, entries[1])
    await scene.liaison.post(f"/unit-check-ins/{scene.pair}/end", {"reason": "人手不足"})
    states = [(await ListClaim.get(id=each)).state for each in (open_one["id"], theirs["id"], taken)]
    assert states == ["lapsed", "proposed", "accepted"]
    assert (await ListClaim.get(id=open_one["id"])).reason == "结对已结束"
    body = {"claimant_id": scene.unit.id, "quantity": 1}
    await scene.liaison.refused("POST", f"/staff/list-entries/{entries[2]['id']}/claims", body, code="unit_not_paired")

    closing = await claim(scene, entries[2]["id"], 1, other.liaison, other.id)
    await scene.writer.post(f"/staff/list-entries/{entries[2]['id']}/close", {"reason": "不再需要"})
    assert (await ListClaim.get(id=closing["id"])).state == "lapsed"
    move_clock_to(at(7, 1))
    await LAPSE_ENTRIES.run()
    assert (await ListClaim.get(id=theirs["id"])).reason == "该条目已到期"


async def test_a_claim_and_the_end_of_its_pairing_wait_for_each_other(api: Api) -> None:
    scene = await create_scene(api)
    need = await scene.open()
    await while_held(
        lambda: claiming.claim_entry(scene.liaison.person_id, need["id"], scene.unit.id, 1, ""),
        lambda: unit_check_in.end_unit_check_in(scene.liaison.person_id, scene.pair, "人手不足"),
    )
    (made,) = await ListClaim.filter(entry_id=need["id"])
    assert made.state is ListClaimState.LAPSED


async def test_two_who_accept_do_not_give_more_than_there_is(api: Api) -> None:
    """The first acceptance is held open: the second waits, and reads what is left."""
    scene = await create_scene(api)
    other = await create_unit(api, "市气象局")
    await create_pair(other, scene.writer, scene.community)
    need = await scene.open(quantity=3)
    first, second = await claim(scene, need["id"]), await claim(scene, need["id"], 2, other.liaison, other.id)

    async def late() -> Any:
        try:
            await claiming.accept_claim(scene.reviewer.person_id, second["id"], None)
        except NotEnoughLeft as refused:
            return refused.facts["left"]
        return "accepted"

    told_left = await while_held(lambda: claiming.accept_claim(scene.writer.person_id, first["id"], None), late)
    assert told_left == 1
    assert (await ListEntry.get(id=need["id"])).accepted == 2


async def test_many_accept_at_once(api: Api) -> None:
    scene = await create_scene(api)
    need = await scene.open(quantity=7)
    claims = []
    for number in range(6):
        unit = await create_unit(api, f"第{number}中学")
        await create_pair(unit, scene.writer, scene.community)
        claims.append((await claim(scene, need["id"], 2, unit.liaison, unit.id))["id"])
    answers = await asyncio.gather(
        *(
            who.send("POST", f"/staff/list-claims/{each}/accept", {})
            for each in claims
            for who in (scene.writer, scene.reviewer)
        )
    )
    assert [answer.status_code for answer in answers].count(200) == 3
    accepted = [made.quantity for made in await ListClaim.filter(state="accepted")]
    assert (await ListEntry.get(id=need["id"])).accepted == sum(accepted) == 6


STEPS = st.lists(
    st.tuples(st.sampled_from(("accept", "decline", "withdraw", "claim")), st.integers(0, 2), st.integers(1, 5)),
    max_size=12,
)


async def test_whatever_happens_what_is_accepted_adds_up(api: Api) -> None:
    """A property of all sequences: the entry's count is the sum of its accepted claims, and never more than it has."""
    scene = await create_scene(api)
    units = [scene.unit]
    for name in ("市气象局", "市档案馆"):
        units.append(await create_unit(api, name))
        await create_pair(units[-1], scene.writer, scene.community)
    need = await scene.open(quantity=5)
    loop = asyncio.get_running_loop()

    async def play(steps: list[tuple[str, int, int]]) -> None:
        async with undone():
            for action, number, quantity in steps:
                unit = units[number]
                last = await ListClaim.filter(entry_id=need["id"], claimant_id=unit.id).order_by("-id").first()
                try:
                    if action == "claim":
                        await claiming.claim_entry(unit.liaison.person_id, need["id"], unit.id, quantity, "")
                    elif last and action == "accept":
                        await claiming.accept_claim(scene.writer.person_id, last.id, min(quantity, last.quantity))
                    elif last and action == "decline":
                        await claiming.decline_claim(scene.writer.person_id, last.id, "不合适")
                    elif last:
                        await claiming.withdraw_claim(unit.liaison.person_id, last.id, "排不开")
                except Refusal:
                    pass
                entry = await ListEntry.get(id=need["id"])
                accepted = await ListClaim.filter(entry_id=need["id"], state="accepted")
                assert entry.accepted == sum(each.quantity for each in accepted) <= 5
                assert (entry.state == "matched") == (entry.accepted == 5)

    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(STEPS)
    def check(steps: list[tuple[str, int, int]]) -> None:
        asyncio.run_coroutine_threadsafe(play(steps), loop).result(60)

    await asyncio.to_thread(check)


async def test_a_closed_unit_takes_its_claims_along(api: Api) -> None:
    scene = await create_scene(api)
    resource = await scene.resource()
    asked = await claim(scene, resource["id"], 1, scene.writer, scene.community.id)
    async with undone():
        await move_entries_of_closed(scene.unit.id, None)
        assert (await ListClaim.get(id=asked["id"])).state is ListClaimState.LAPSED


def test_the_readme_shows_the_table() -> None:
    check_shown(CLAIM_TABLE, "claim")
