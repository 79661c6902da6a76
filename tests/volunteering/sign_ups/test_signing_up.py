"""Signing up, waiting, giving up: every answer and every refusal."""

import asyncio
from datetime import datetime, timedelta

from server.accounts.merging import merge_persons
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.ids import new_id
from server.places.models import Block, NoShow, Place
from server.places.taking import SETTLE_DUE_PLACES
from server.volunteering.models import SignUp
from tests.builders import create_community, create_resident, told
from tests.clients import Api
from tests.volunteering.builders import (
    create_people,
    create_residents,
    draft,
    publish,
    publish_shift,
    shift,
    sign_up,
)


async def test_confirmed_then_waiting_then_moved_up(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people)
    mine, second, third = [await sign_up(person, shift_id) for person in (people.first, people.second, people.third)]
    assert [answer["sign_up"]["state"] for answer in (mine, second, third)] == ["confirmed", "confirmed", "waiting"]
    assert third["sign_up"]["position"] == 1
    assert (third["title"], third["role_name"]) == ("清洁家园", "志愿者")

    cancelled = await people.first.post(f"/sign-ups/{mine['sign_up']['id']}/cancel")
    assert (cancelled["sign_up"]["state"], cancelled["sign_up"]["end_reason"]) == ("cancelled", "cancelled")
    moved = await people.third.get(f"/sign-ups/{third['sign_up']['id']}")
    assert (moved["sign_up"]["state"], moved["sign_up"]["position"]) == ("confirmed", None)
    assert await told(people.first) == ["shift_confirmed", "sign_up_cancelled"]
    assert await told(people.third) == ["shift_waiting", "shift_moved_up"]
    inbox = await people.third.inbox()
    assert any("候补成功" in item["title"] and "清洁家园" in item["text"] for item in inbox)


async def test_the_same_tap_twice_gives_the_same_answer(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people)
    answers = await asyncio.gather(*(sign_up(people.first, shift_id) for _ in range(4)))
    assert len({answer["sign_up"]["id"] for answer in answers}) == 1
    keyed = [
        await people.second.post(f"/shifts/{shift_id}/sign-ups", {}, expect=201, key="same-key-1") for _ in range(2)
    ]
    assert keyed[0] == keyed[1]
    assert await SignUp.all().count() == 2
    assert await told(people.first) == ["shift_confirmed"]
    # Leaving twice is leaving once, and coming back is a new sign-up at the end of the line.
    mine = answers[0]["sign_up"]["id"]
    for _ in range(2):
        await people.first.post(f"/sign-ups/{mine}/cancel")
    assert await told(people.first) == ["shift_confirmed", "sign_up_cancelled"]
    assert (await sign_up(people.first, shift_id))["sign_up"]["id"] != mine


async def test_full_without_a_waiting_list(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, roles=[{"name": "护士", "capacity": 1, "may_wait": False}])
    await sign_up(people.first, shift_id)
    await people.second.refused("POST", f"/shifts/{shift_id}/sign-ups", {}, code="shift_full")


async def test_outside_the_sign_up_time(api: Api) -> None:
    people = await create_people(api)
    opens, closes = clock.now() + timedelta(days=1), clock.now() + timedelta(days=2)
    shift_id = await publish_shift(people, sign_up_opens_at=opens, sign_up_closes_at=closes)
    path = f"/shifts/{shift_id}/sign-ups"
    problem = await people.first.refused("POST", path, {}, code="sign_up_not_open")
    assert "报名将于" in problem["detail"]
    assert problem["opens_at"]
    clock.move_clock(timedelta(days=1, minutes=1))
    await sign_up(people.first, shift_id)
    clock.move_clock(timedelta(days=2, minutes=1))
    await people.second.refused("POST", path, {}, code="sign_up_closed")
    # Who is in already gets the same answer as before.
    await sign_up(people.first, shift_id)


async def test_what_is_not_published_or_not_there_is_not_found(api: Api) -> None:
    people = await create_people(api)
    made = await draft(people.staff, people.community.id, shift())
    shift_id = made["shifts"][0]["id"]
    await people.first.refused("POST", f"/shifts/{shift_id}/sign-ups", {}, code="not_found")
    await people.first.refused("POST", f"/shifts/{new_id()}/sign-ups", {}, code="not_found")
    stranger = await create_resident(api, await create_community())
    published = await publish_shift(people)
    await stranger.refused("POST", f"/shifts/{published}/sign-ups", {}, code="not_found")
    await api.refused("POST", f"/shifts/{published}/sign-ups", {}, code="not_signed_in")


async def test_a_role_must_be_named_where_there_are_several(api: Api) -> None:
    people = await create_people(api)
    roles = [{"name": "护士", "capacity": 1}, {"name": "帮手", "capacity": 5}]
    made = await publish(people.staff, people.community.id, shift(roles=roles))
    one = made["shifts"][0]
    path = f"/shifts/{one['id']}/sign-ups"
    await people.first.refused("POST", path, {}, code="role_needed")
    await people.first.refused("POST", path, {"shift_role_id": new_id()}, code="not_found")
    nurse, helper = [{"shift_role_id": role["id"]} for role in one["roles"]]
    assert (await people.first.post(path, nurse))["role_name"] == "护士"
    # The other part of the same shift is at the same time.
    await people.first.refused("POST", path, helper, code="shifts_overlap")
    seen = await people.first.get(f"/activities/{made['id']}")
    assert [role["free"] for role in seen["shifts"][0]["roles"]] == [0, 5]
    assert seen["shifts"][0]["mine"]["shift_role_id"] == nurse["shift_role_id"]


async def test_overlap_is_half_open(api: Api) -> None:
    people = await create_people(api)
    day = timedelta(days=3)
    now = clock.now()

    def at(begin: int, end: int) -> dict[str, object]:
        times = {"starts_at": now + day + timedelta(minutes=begin), "ends_at": now + day + timedelta(minutes=end)}
        return shift() | {name: moment.isoformat() for name, moment in times.items()}

    made = await publish(
        people.staff, people.community.id, at(0, 60), at(60, 120), at(30, 90), at(-30, 0), at(-60, 300)
    )
    ids = {one["starts_at"]: one["id"] for one in made["shifts"]}
    by_begin = [ids[key] for key in sorted(ids)]  # -60, -30, 0, 30, 60
    await sign_up(people.first, by_begin[2])
    await sign_up(people.first, by_begin[4])
    await sign_up(people.first, by_begin[1])
    for overlapping in (by_begin[3], by_begin[0]):
        problem = await people.first.refused("POST", f"/shifts/{overlapping}/sign-ups", {}, code="shifts_overlap")
        assert "清洁家园" in problem["detail"]
        assert problem["sign_up_id"]


async def test_two_overlapping_sign_ups_at_the_same_time_are_one(api: Api) -> None:
    people = await create_people(api)
    ids = [await publish_shift(people, timedelta(days=3)) for _ in range(4)]
    answers = await asyncio.gather(*(people.first.send("POST", f"/shifts/{shift_id}/sign-ups", {}) for shift_id in ids))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "shifts_overlap"}
    assert await Place.all().count() == 1


async def test_a_late_cancellation_counts_and_the_second_blocks(api: Api) -> None:
    people = await create_people(api)
    ids = [await publish_shift(people, timedelta(hours=hours), minutes=60) for hours in (3, 5)]
    later = await publish_shift(people, timedelta(days=9))
    mine = [(await sign_up(people.first, shift_id))["sign_up"]["id"] for shift_id in ids]
    waiting = await sign_up(people.second, later)
    clock.move_clock(timedelta(hours=1, minutes=30))
    answer = await people.first.post(f"/sign-ups/{mine[0]}/cancel")
    assert answer["sign_up"]["end_reason"] == "cancelled_late"
    assert (await told(people.first))[-1] == "sign_up_cancelled_late"
    assert await Block.all().count() == 0
    clock.move_clock(timedelta(hours=4))
    await people.first.post(f"/sign-ups/{mine[1]}/cancel")
    problem = await people.first.refused("POST", f"/shifts/{later}/sign-ups", {}, code="blocked")
    assert "之前不能报名" in problem["detail"]
    assert problem["until"]
    # In good time it costs nothing.
    await people.second.post(f"/sign-ups/{waiting['sign_up']['id']}/cancel")
    assert await NoShow.all().count() == 2


async def test_giving_up_a_wait_never_counts_and_after_the_start_nothing_is_cancelled(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, timedelta(hours=3), capacity=1)
    mine, waiting = await sign_up(people.first, shift_id), await sign_up(people.second, shift_id)
    clock.move_clock(timedelta(hours=2))
    await people.second.post(f"/sign-ups/{waiting['sign_up']['id']}/cancel")
    assert await NoShow.all().count() == 0
    clock.move_clock(timedelta(hours=3, minutes=1))
    await people.first.refused("POST", f"/sign-ups/{mine['sign_up']['id']}/cancel", code="shift_started")


async def test_a_place_freed_shortly_before_the_start_is_offered(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, timedelta(hours=10), capacity=1)
    mine, second, third = [await sign_up(person, shift_id) for person in (people.first, people.second, people.third)]
    await people.first.post(f"/sign-ups/{mine['sign_up']['id']}/cancel")
    offered = await people.second.get(f"/sign-ups/{second['sign_up']['id']}")
    assert (offered["sign_up"]["state"], bool(offered["sign_up"]["offered_until"])) == ("offered", True)
    await people.second.post(f"/sign-ups/{second['sign_up']['id']}/decline")
    path = f"/sign-ups/{third['sign_up']['id']}"
    for _ in range(2):
        assert (await people.third.post(f"{path}/accept"))["sign_up"]["state"] == "confirmed"
    await people.third.refused("POST", f"{path}/decline", code="wrong_state")
    assert await told(people.second) == ["shift_waiting", "shift_offered", "sign_up_cancelled"]
    assert await told(people.third) == ["shift_waiting", "shift_offered", "shift_confirmed"]


async def test_an_offer_that_nobody_takes_goes_on_and_the_start_ends_the_wait(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, timedelta(hours=3), capacity=1)
    mine, second, third = [await sign_up(person, shift_id) for person in (people.first, people.second, people.third)]
    fourth = await create_resident(api, people.community)
    await sign_up(fourth, shift_id)
    await people.first.post(f"/sign-ups/{mine['sign_up']['id']}/cancel")
    clock.move_clock(timedelta(hours=2, minutes=5))
    await people.second.refused("POST", f"/sign-ups/{second['sign_up']['id']}/accept", code="offer_expired")
    await SETTLE_DUE_PLACES.run()
    assert (await told(people.second))[-1] == "shift_offer_expired"
    assert (await people.third.get(f"/sign-ups/{third['sign_up']['id']}"))["sign_up"]["state"] == "offered"
    clock.move_clock(timedelta(hours=3, minutes=1))
    await SETTLE_DUE_PLACES.run()
    assert (await told(people.third))[-1] == "shift_offer_expired"
    assert (await told(fourth))[-1] == "shift_not_reached"


async def test_someone_elses_sign_up_does_not_exist(api: Api) -> None:
    people = await create_people(api)
    mine = await sign_up(people.first, await publish_shift(people))
    path = f"/sign-ups/{mine['sign_up']['id']}"
    await people.second.refused("GET", path, code="not_found")
    for verb in ("cancel", "accept", "decline"):
        await people.second.refused("POST", f"{path}/{verb}", code="not_found")


async def test_my_sign_ups_to_come_and_past(api: Api) -> None:
    people = await create_people(api)
    ids = [await publish_shift(people, timedelta(hours=hours), minutes=60) for hours in (30, 10, 20)]
    for shift_id in ids:
        await sign_up(people.first, shift_id)
    await sign_up(people.second, ids[0])
    page = await people.first.get("/me/sign-ups", limit=2)
    rest = await people.first.get("/me/sign-ups", limit=2, cursor=page["next_cursor"])
    assert [item["shift_id"] for item in page["items"] + rest["items"]] == [ids[1], ids[2], ids[0]]
    clock.move_clock(timedelta(hours=22))
    assert [item["shift_id"] for item in (await people.first.get("/me/sign-ups"))["items"]] == [ids[0]]
    past = await people.first.get("/me/sign-ups", past=True)
    assert [item["shift_id"] for item in past["items"]] == [ids[2], ids[1]]


async def test_thirty_people_at_once_for_two_places(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, capacity=2)
    residents = await create_residents(api, people.community, 30)
    answers = await asyncio.gather(*(sign_up(resident, shift_id) for resident in residents))
    states = sorted(answer["sign_up"]["state"] for answer in answers)
    assert states == ["confirmed"] * 2 + ["waiting"] * 28
    # The positions told are those of the moment; the order is the queue numbers'.
    numbers = await Place.all().order_by("number").values_list("person_id", flat=True)
    in_line = [resident for number in numbers[2:] for resident in residents if resident.person_id == number]
    shown = [(await resident.get("/me/sign-ups"))["items"][0]["sign_up"]["position"] for resident in in_line[:4]]
    assert shown == [1, 2, 3, 4]
    # Both confirmed leave at once: exactly the first two in line move up.
    confirmed = [
        (resident, answer)
        for resident, answer in zip(residents, answers, strict=True)
        if answer["sign_up"]["state"] == "confirmed"
    ]
    await asyncio.gather(
        *(resident.post(f"/sign-ups/{answer['sign_up']['id']}/cancel") for resident, answer in confirmed)
    )
    moved = await Place.filter(state="confirmed").order_by("number").values_list("person_id", flat=True)
    assert moved == [resident.person_id for resident in in_line[:2]]


async def test_merged_persons_keep_the_better_place(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, capacity=1)
    await sign_up(people.first, shift_id)
    await sign_up(people.second, shift_id)
    await sign_up(people.third, shift_id)
    await merge_persons(people.first.person_id, people.second.person_id, actor_id=None)
    states = {item["sign_up"]["state"] for item in (await people.second.get("/me/sign-ups"))["items"]}
    assert states == {"confirmed", "removed"}
    assert (await people.third.get("/me/sign-ups"))["items"][0]["sign_up"]["position"] == 1


async def test_staff_take_somebody_out_with_a_reason(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, capacity=1)
    mine, waiting = await sign_up(people.first, shift_id), await sign_up(people.second, shift_id)
    path = f"/staff/sign-ups/{mine['sign_up']['id']}/remove"
    for caller in (people.first, people.second):
        await caller.refused("POST", path, {"reason": "x"}, code="not_found")
    await people.staff.refused("POST", f"/staff/sign-ups/{new_id()}/remove", {"reason": "x"}, code="not_found")
    await people.staff.refused("POST", path, {"reason": ""}, code="invalid_fields")
    for _ in range(2):
        shown = await people.staff.post(path, {"reason": "请先参加安全培训"})
    assert shown["shifts"][0]["roles"][0]["taken"] == 1
    seen = (await people.first.get(f"/sign-ups/{mine['sign_up']['id']}"))["sign_up"]
    assert (seen["state"], seen["why"]) == ("removed", "主办方取消了您的报名：请先参加安全培训")
    assert (await people.second.get(f"/sign-ups/{waiting['sign_up']['id']}"))["sign_up"]["state"] == "confirmed"
    [message] = [item for item in await people.first.inbox() if "主办方" in item["title"]]
    assert "请先参加安全培训" in message["text"]
    problem = await people.first.refused("POST", f"/shifts/{shift_id}/sign-ups", {}, code="removed_from_shift")
    assert "安全培训" in problem["detail"]
    [entry] = await AuditEntry.filter(action="remove_sign_up")
    assert (entry.actor_id, entry.details["person"]) == (people.staff.person_id, people.first.person_id)
    # Other shifts are open to them; and nobody is taken out of what has begun.
    other = await publish_shift(people, timedelta(days=5))
    again = await sign_up(people.first, other)
    clock.move_clock(timedelta(days=5, minutes=1))
    path = f"/staff/sign-ups/{again['sign_up']['id']}/remove"
    await people.staff.refused("POST", path, {"reason": "x"}, code="shift_started")


async def test_people_see_why_they_have_no_place(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, capacity=1)
    answers = [await sign_up(person, shift_id) for person in (people.first, people.second, people.third)]
    assert [answer["sign_up"]["why"] for answer in answers] == [
        "",
        "名额已满，您排在候补第一位，有名额时最先轮到您",
        "名额已满，前面还有 1 组候补，有名额时按顺序递补",
    ]
    await people.second.post(f"/sign-ups/{answers[1]['sign_up']['id']}/cancel")
    clock.move_clock(timedelta(days=3, minutes=1))
    await SETTLE_DUE_PLACES.run()
    whys = [
        (await person.get(f"/sign-ups/{answer['sign_up']['id']}"))["sign_up"]["why"]
        for person, answer in zip((people.first, people.second, people.third), answers, strict=True)
    ]
    assert whys == ["", "您取消了报名", "直到活动开始也没有轮到您"]


async def test_how_long_an_offer_stands_is_the_organizers_choice(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, timedelta(hours=10), capacity=1, offer_minutes=30)
    mine, second = await sign_up(people.first, shift_id), await sign_up(people.second, shift_id)
    await people.first.post(f"/sign-ups/{mine['sign_up']['id']}/cancel")
    offered = (await people.second.get(f"/sign-ups/{second['sign_up']['id']}"))["sign_up"]
    left = datetime.fromisoformat(offered["offered_until"]) - clock.now()
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)
