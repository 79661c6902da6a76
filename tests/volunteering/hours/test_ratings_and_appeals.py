"""Both sides rate after real attendance; no-shows can be appealed against, and staff decide."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from server.accounts.models import Person
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.settings import Settings, SettingsInvalid, load_settings
from server.places.models import Block, NoShow, Purpose
from server.places.rules import NO_SHOW_RULES, NoShowRule, use_no_show_rules
from server.volunteering.hours.models import ShiftRating
from server.volunteering.hours.rules import APPEAL_WITHIN, RATE_WITHIN
from tests.builders import create_community, create_resident, create_staff, sign_in, told
from tests.clients import Api
from tests.simulator import Simulator
from tests.volunteering.attendance.builders import DAYS, confirm
from tests.volunteering.builders import People, create_people, publish_shift, sign_up


async def attended(api: Api) -> tuple[People, str, str]:
    """The first was there, the second was not; the third leads. (people, shift, the first's sign-up)"""
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS, leader_id=people.third.person_id)
    mine, other = [(await sign_up(person, shift_id))["sign_up"]["id"] for person in (people.first, people.second)]
    clock.move_clock(DAYS + timedelta(hours=2, minutes=1))
    await confirm(people.third, shift_id, {"sign_up_id": mine, "minutes": 90}, {"sign_up_id": other, "is_absent": True})
    return people, shift_id, mine


# Ratings


async def test_both_sides_rate(api: Api, simulator: Simulator) -> None:
    people, shift_id, mine = await attended(api)
    given = await people.first.post(f"/sign-ups/{mine}/rating", {"stars": 5, "text": "组织得很好"})
    assert (given["side"], given["stars"], given["text"]) == ("volunteer", 5, "组织得很好")
    await people.third.post(f"/staff/sign-ups/{mine}/rating", {"stars": 4, "text": "认真负责"})
    assert (await told(people.first))[-1] == "volunteer_rated"
    assert await AuditEntry.filter(action="rate_volunteer", person_id=people.first.person_id).count() == 1
    # Words are shown once the content check has let them pass; stars at once.
    seen = await people.second.get(f"/shifts/{shift_id}/ratings")
    assert (seen["average_stars"], seen["rating_count"]) == (5.0, 1)
    assert [row["text"] for row in seen["ratings"]["items"]] == [""]
    await simulator.settle()
    seen = await people.second.get(f"/shifts/{shift_id}/ratings")
    assert [(row["stars"], row["text"]) for row in seen["ratings"]["items"]] == [(5, "组织得很好")]
    [received] = (await people.first.get("/me/ratings"))["items"]
    assert (received["stars"], received["text"], received["title"]) == (4, "认真负责", "清洁家园")
    for_staff = await people.staff.get(f"/staff/shifts/{shift_id}/ratings")
    assert [row["text"] for row in for_staff["ratings"]["items"]] == ["认真负责"]


async def test_what_staff_write_needs_no_check(api: Api) -> None:
    people, _, mine = await attended(api)
    await people.staff.post(f"/staff/sign-ups/{mine}/rating", {"stars": 5, "text": "感谢"})
    assert (await people.first.get("/me/ratings"))["items"][0]["text"] == "感谢"


async def test_refused_words_are_not_shown(api: Api, simulator: Simulator) -> None:
    people, shift_id, mine = await attended(api)
    await people.first.post(f"/sign-ups/{mine}/rating", {"stars": 1, "text": "【违规】"})
    await simulator.settle()
    seen = await people.second.get(f"/shifts/{shift_id}/ratings")
    assert [(row["stars"], row["text"]) for row in seen["ratings"]["items"]] == [(1, "")]


async def test_rated_once_and_the_same_twice_is_the_same(api: Api) -> None:
    people, shift_id, mine = await attended(api)
    path, body = f"/sign-ups/{mine}/rating", {"stars": 3, "text": "还行"}
    await people.first.refused("POST", path, body | {"text": "加我 138.0000.1111"}, code="invalid_fields")
    answers = await asyncio.gather(*(people.first.post(path, body) for _ in range(3)))
    assert len({answer["id"] for answer in answers}) == 1
    await people.first.refused("POST", path, {"stars": 4}, code="already_rated")
    for wrong in ({"stars": 0}, {"stars": 6}, {"stars": 3, "text": "长" * 501}):
        await people.first.refused("POST", path, wrong, code="invalid_fields")
    assert await ShiftRating.all().count() == 1
    assert (await people.staff.get(f"/staff/shifts/{shift_id}/ratings"))["average_stars"] is None


async def test_only_who_was_really_there(api: Api) -> None:
    people, shift_id, mine = await attended(api)
    other = (await people.second.get("/me/sign-ups", past=True))["items"][0]["sign_up"]["id"]
    await people.second.refused("POST", f"/sign-ups/{other}/rating", {"stars": 5}, code="not_attended")
    await people.third.refused("POST", f"/staff/sign-ups/{other}/rating", {"stars": 1}, code="not_attended")
    await people.second.refused("POST", f"/sign-ups/{mine}/rating", {"stars": 5}, code="not_found")
    await people.second.refused("POST", f"/staff/sign-ups/{mine}/rating", {"stars": 5}, code="not_found")
    await people.second.refused("GET", f"/staff/shifts/{shift_id}/ratings", code="not_found")
    stranger = await create_resident(api, await create_community())
    await stranger.refused("GET", f"/shifts/{shift_id}/ratings", code="not_found")
    clock.move_clock(DAYS + timedelta(hours=3) + RATE_WITHIN)
    late = await sign_in(api, await person_of(people.first))
    await late.refused("POST", f"/sign-ups/{mine}/rating", {"stars": 5}, code="rating_closed")


async def test_a_leader_does_not_rate_themselves(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS, leader_id=people.first.person_id)
    mine = (await sign_up(people.first, shift_id))["sign_up"]["id"]
    clock.move_clock(DAYS + timedelta(hours=3))
    await confirm(people.staff, shift_id, {"sign_up_id": mine, "minutes": 90})
    await people.first.refused("POST", f"/staff/sign-ups/{mine}/rating", {"stars": 5}, code="own_matter")


async def person_of(api: Api) -> Person:
    return await Person.get(id=api.person_id)


# No-shows and appeals


async def missed(people: People, person: Api, times: int) -> list[str]:
    """Shifts that the person did not come to, one after the other; the no-shows' ids, the first first."""
    for _ in range(times):
        shift_id = await publish_shift(people, DAYS, capacity=2)
        mine = (await sign_up(person, shift_id))["sign_up"]["id"]
        clock.move_clock(clock.offset() + DAYS + timedelta(hours=3))
        await confirm(people.staff, shift_id, {"sign_up_id": mine, "is_absent": True})
    return [no_show.id for no_show in await NoShow.filter(person_id=person.person_id).order_by("id")]


async def test_two_no_shows_block_and_an_appeal_lifts_the_block(api: Api) -> None:
    people = await create_people(api)
    ids = await missed(people, people.first, 2)
    assert (await told(people.first))[-2:] == ["places_blocked", "shift_missed"]
    next_shift = await publish_shift(people, DAYS)
    await people.first.refused("POST", f"/shifts/{next_shift}/sign-ups", {}, code="blocked")
    shown = await people.first.get("/me/no-shows")
    assert shown["blocked_until"]
    assert [row["counts"] for row in shown["no_shows"]["items"]] == [True, True]
    # The first of the two: with it, the block has nothing to stand on.
    made = await people.first.post(f"/no-shows/{ids[0]}/appeal", {"text": "当天在医院陪护，有病历"}, expect=201)
    row = made["no_shows"]["items"][1]
    assert (row["id"], row["appeal_state"]) == (ids[0], "submitted")
    assert "no_show_appealed" in await told(people.staff)
    [appeal] = (await people.staff.get("/staff/no-show-appeals", organization_id=people.community.id))["items"]
    assert (appeal["text"], appeal["state"], appeal["reason"]) == ("当天在医院陪护，有病历", "submitted", "absent")
    path = f"/staff/no-show-appeals/{appeal['id']}/decide"
    decided = {"accept": True, "decision": "情况属实"}
    answers = await asyncio.gather(*(people.staff.post(path, decided) for _ in range(2)))
    assert [answer["state"] for answer in answers] == ["accepted", "accepted"]
    await people.staff.refused("POST", path, {"accept": False, "decision": "x"}, code="wrong_state")
    assert (await people.first.get("/me/no-shows"))["blocked_until"] is None
    await sign_up(people.first, next_shift)
    inbox = await people.first.inbox()
    assert any("已通过，该次不再计入：情况属实" in message["text"] for message in inbox)
    assert await AuditEntry.filter(action="decide_no_show_appeal").count() == 1


async def test_a_refused_appeal_changes_nothing(api: Api) -> None:
    people = await create_people(api)
    ids = await missed(people, people.first, 2)
    await people.first.post(f"/no-shows/{ids[1]}/appeal", {"text": "记错了"}, expect=201)
    query = f"/staff/no-show-appeals?organization_id={people.community.id}&state=submitted"
    [appeal] = (await people.staff.get(query))["items"]
    path = f"/staff/no-show-appeals/{appeal['id']}/decide"
    await people.staff.post(path, {"accept": False, "decision": "未提供证明"})
    assert (await people.staff.get(query))["items"] == []
    shown = await people.first.get("/me/no-shows")
    assert shown["blocked_until"]
    first = shown["no_shows"]["items"][0]
    assert (first["appeal_state"], first["appeal_decision"], first["counts"]) == ("refused", "未提供证明", True)
    await people.first.refused("POST", f"/no-shows/{ids[1]}/appeal", {"text": "再来"}, code="already_appealed")


async def test_who_appeals_and_who_decides(api: Api) -> None:
    people = await create_people(api)
    [mine] = await missed(people, people.first, 1)
    await people.second.refused("POST", f"/no-shows/{mine}/appeal", {"text": "x"}, code="not_found")
    await people.first.refused("POST", f"/no-shows/{mine}/appeal", {"text": ""}, code="invalid_fields")
    answers = await asyncio.gather(
        *(people.first.send("POST", f"/no-shows/{mine}/appeal", {"text": f"说明{n}"}) for n in range(3))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    [appeal] = (await people.staff.get("/staff/no-show-appeals", organization_id=people.community.id))["items"]
    path, body = f"/staff/no-show-appeals/{appeal['id']}/decide", {"accept": True, "decision": "x"}
    stranger = await create_staff(api, await create_community())
    await stranger.refused("POST", path, body, code="not_found")
    await stranger.refused("GET", f"/staff/no-show-appeals?organization_id={people.community.id}", code="not_allowed")
    await people.second.refused("POST", path, body, code="not_allowed")


async def test_staff_do_not_decide_their_own(api: Api) -> None:
    people = await create_people(api)
    await Person.filter(id=people.staff.person_id).update(community_id=people.community.id)
    colleague = await create_staff(api, people.community)
    shift_id = await publish_shift(people, DAYS)
    mine = (await sign_up(people.staff, shift_id))["sign_up"]["id"]
    clock.move_clock(DAYS + timedelta(hours=3))
    await confirm(colleague, shift_id, {"sign_up_id": mine, "is_absent": True})
    no_show = await NoShow.get(person_id=people.staff.person_id)
    await people.staff.post(f"/no-shows/{no_show.id}/appeal", {"text": "我在"}, expect=201)
    [appeal] = (await people.staff.get("/staff/no-show-appeals", organization_id=people.community.id))["items"]
    path = f"/staff/no-show-appeals/{appeal['id']}/decide"
    await people.staff.refused("POST", path, {"accept": True, "decision": "x"}, code="own_matter")
    await colleague.post(path, {"accept": True, "decision": "属实"})


async def test_an_appeal_has_its_time_and_a_forgiven_no_show_needs_none(api: Api) -> None:
    people = await create_people(api)
    [mine] = await missed(people, people.first, 1)
    sign_up_id = (await people.first.get("/me/no-shows"))["no_shows"]["items"][0]["sign_up_id"]
    shift_id = (await people.first.get(f"/sign-ups/{sign_up_id}"))["shift_id"]
    await confirm(people.staff, shift_id, {"sign_up_id": sign_up_id, "minutes": 30})
    await people.first.refused("POST", f"/no-shows/{mine}/appeal", {"text": "x"}, code="wrong_state")
    [_, second] = await missed(people, people.first, 1)
    clock.move_clock(clock.offset() + APPEAL_WITHIN + timedelta(minutes=1))
    late = await sign_in(api, await person_of(people.first))
    await late.refused("POST", f"/no-shows/{second}/appeal", {"text": "x"}, code="appeal_closed")


async def test_cancelling_late_can_be_appealed_too(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, timedelta(hours=1))
    mine = (await sign_up(people.first, shift_id))["sign_up"]["id"]
    await people.first.post(f"/sign-ups/{mine}/cancel", {})
    [row] = (await people.first.get("/me/no-shows"))["no_shows"]["items"]
    assert (row["reason"], row["sign_up_id"], row["counts"]) == ("cancelled_late", mine, True)
    await people.first.post(f"/no-shows/{row['id']}/appeal", {"text": "孩子发烧"}, expect=201)


@pytest.fixture
def other_rules(settings: Settings) -> Any:
    """Three within ten days block for five."""
    before = dict(NO_SHOW_RULES)
    use_no_show_rules(load_settings({"LINLI_NO_SHOW_RULES": "shift_role=3/10/5"}))
    yield
    NO_SHOW_RULES.update(before)


async def test_a_city_may_want_other_limits(api: Api, other_rules: None) -> None:
    people = await create_people(api)
    await missed(people, people.first, 2)
    assert await Block.all().count() == 0
    await missed(people, people.first, 1)
    [block] = await Block.all()
    assert timedelta(days=4, hours=23) < block.until - clock.now() <= timedelta(days=5)


def test_wrong_limits_are_told_at_the_start() -> None:
    good = load_settings({"LINLI_NO_SHOW_RULES": "shift_role=2/90/30, slot=3/90/30"})
    assert good.no_show_rules
    for wrong in ("shift_role=2/90", "bed=1/2/3", "slot=0/90/30", "slot=a/b/c", "slot=1/1/1,slot=1/1/1"):
        with pytest.raises(SettingsInvalid, match="LINLI_NO_SHOW_RULES"):
            load_settings({"LINLI_NO_SHOW_RULES": wrong})
    assert NO_SHOW_RULES[Purpose.SHIFT_ROLE] == NoShowRule(2, timedelta(days=90), timedelta(days=30))
