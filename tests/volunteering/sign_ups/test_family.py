"""Families: together in line as one party, and single persons once they are in."""

import asyncio
from datetime import timedelta
from typing import Any

from server.accounts.details import save_details
from server.accounts.merging import merge_persons
from server.accounts.models import ConsentKind, Dependant, Person
from server.foundation import clock
from server.foundation.database import fetch
from server.foundation.ids import new_id
from server.organizations.models import RoleKind
from server.places.models import Allotment, NoShow, Place
from server.places.taking import SETTLE_DUE_PLACES
from server.volunteering.models import SignUp
from tests.builders import agree, create_resident, create_staff, told
from tests.clients import Api
from tests.volunteering.attendance.builders import confirm
from tests.volunteering.builders import (
    People,
    create_family,
    create_people,
    create_residents,
    publish_shift,
    sign_up,
)


async def mine(person: Api) -> list[Any]:
    """The person's and the family's sign-ups, as the person sees them."""
    views: list[Any] = [view["sign_up"] for view in (await person.get("/me/sign-ups"))["items"]]
    return views


async def taken() -> int:
    return (await Allotment.all())[0].taken


async def fill(api: Api, people: People, shift_id: str, count: int) -> list[tuple[Api, str]]:
    """So many single people who have signed up: (who, sign-up)."""
    residents = await create_residents(api, people.community, count)
    return [(resident, (await sign_up(resident, shift_id))["sign_up"]["id"]) for resident in residents]


async def test_a_family_gets_in_together_and_each_has_a_place(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, capacity=5)
    child, elder = await create_family(people.first, None, None)
    answer = await sign_up(people.first, shift_id, child, elder)
    assert (answer["sign_up"]["state"], answer["sign_up"]["party_size"]) == ("confirmed", 1)
    assert {each["person_id"] for each in answer["sign_up"]["family"]} == {child, elder}
    assert {each["state"] for each in answer["sign_up"]["family"]} == {"confirmed"}
    assert sorted(await Place.all().values_list("party_size", flat=True)) == [1, 1, 1]
    assert await taken() == 3
    # The same tap gives the same answer; the family's own are seen, too.
    assert await sign_up(people.first, shift_id, child, elder) == answer
    assert await sign_up(people.first, shift_id) == answer
    assert {view["person_id"] for view in await mine(people.first)} == {people.first.person_id, child, elder}
    assert await told(people.first) == ["shift_confirmed"]
    # One stays at home; then the rest does.
    one = next(each for each in answer["sign_up"]["family"] if each["person_id"] == child)
    await people.second.refused("POST", f"/sign-ups/{one['sign_up_id']}/cancel", {}, code="not_found")
    await people.first.post(f"/sign-ups/{one['sign_up_id']}/cancel", {})
    assert await taken() == 2
    await people.first.post(f"/sign-ups/{answer['sign_up']['id']}/cancel", {"with_family": True})
    assert await taken() == 0
    assert {view["state"] for view in await mine(people.first)} == {"cancelled"}


async def test_who_may_come_along(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, capacity=5)
    path = f"/shifts/{shift_id}/sign-ups"
    [theirs] = await create_family(people.second, None)
    for nobody in (theirs, people.second.person_id, new_id()):
        await people.first.refused("POST", path, {"family_ids": [nobody]}, code="not_found")
    five = await create_family(people.first, *[None] * 5)
    await people.first.refused("POST", path, {"family_ids": five}, code="invalid_fields")
    await Dependant.filter(person_id=five[0]).update(ended_at=clock.now())
    await people.first.refused("POST", path, {"family_ids": five[:2]}, code="not_found")
    small = await publish_shift(people, timedelta(days=4), capacity=2)
    problem = await people.first.refused(
        "POST", f"/shifts/{small}/sign-ups", {"family_ids": five[1:3]}, code="shift_full"
    )
    assert "总名额" in problem["detail"]
    assert await SignUp.all().count() == 0


async def test_a_family_member_who_is_elsewhere_at_that_time(api: Api) -> None:
    people = await create_people(api)
    shift_id, same_time = [await publish_shift(people, capacity=5) for _ in range(2)]
    [child] = await create_family(people.first, None)
    await sign_up(people.first, shift_id, child)
    other_parent = await create_resident(api, people.community)
    await Dependant.create(
        guardian_id=other_parent.person_id, person_id=child, relation="child", accepted_at=clock.now()
    )
    problem = await other_parent.refused(
        "POST", f"/shifts/{same_time}/sign-ups", {"family_ids": [child]}, code="shifts_overlap"
    )
    assert problem["detail"].startswith("家人 ")
    assert problem["person_id"] == child
    # The other parent sees it, and may cancel it.
    [view] = await mine(other_parent)
    await other_parent.post(f"/sign-ups/{view['id']}/cancel", {})
    await sign_up(other_parent, same_time, child)


async def test_family_that_comes_later_is_a_party_of_its_own(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, capacity=2)
    child, elder = await create_family(people.first, None, None)
    alone = await sign_up(people.first, shift_id)
    together = await sign_up(people.first, shift_id, child, elder)
    assert together["sign_up"]["id"] == alone["sign_up"]["id"]
    states = {each["person_id"]: each["state"] for each in together["sign_up"]["family"]}
    assert states == {child: "waiting", elder: "waiting"}
    waiting = [view for view in await mine(people.first) if view["state"] == "waiting"]
    assert [(view["party_size"], view["position"]) for view in waiting] == [(2, 1), (2, 1)]
    assert waiting[0]["why"] == "目前空余 1 个名额，不够您一行 2 人，请等候更多名额"
    await people.first.post(f"/sign-ups/{alone['sign_up']['id']}/cancel", {})
    assert {view["state"] for view in await mine(people.first)} == {"cancelled", "confirmed"}


async def test_a_group_is_passed_three_times_and_then_places_are_held_for_it(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, timedelta(days=9), capacity=4)
    inside = await fill(api, people, shift_id, 4)
    child, elder = await create_family(people.first, None, None)
    group = await sign_up(people.first, shift_id, child, elder)
    assert (group["sign_up"]["position"], group["sign_up"]["party_size"]) == (1, 3)
    behind = await fill(api, people, shift_id, 6)
    path = f"/sign-ups/{group['sign_up']['id']}"
    for number in range(3):
        person, sign_up_id = inside[number]
        await person.post(f"/sign-ups/{sign_up_id}/cancel", {})
        seen = (await people.first.get(path))["sign_up"]
        assert [(each["free"], each["needed"]) for each in seen["passes"]] == [(1, 3)] * (number + 1)
        assert (await behind[number][0].get(f"/sign-ups/{behind[number][1]}"))["sign_up"]["state"] == "confirmed"
    # From now on, what becomes free is kept for the family.
    await inside[3][0].post(f"/sign-ups/{inside[3][1]}/cancel", {})
    seen = (await people.first.get(path))["sign_up"]
    assert seen["held_until"]
    assert "保留至" in seen["why"]
    next_one = (await behind[3][0].get(f"/sign-ups/{behind[3][1]}"))["sign_up"]
    assert (next_one["state"], next_one["position"]) == ("waiting", 2)
    assert "排在前面的一组" in next_one["why"]
    for person, sign_up_id in behind[:2]:
        await person.post(f"/sign-ups/{sign_up_id}/cancel", {})
    seen = (await people.first.get(path))["sign_up"]
    assert (seen["state"], seen["party_size"], seen["why"], len(seen["passes"])) == ("confirmed", 1, "", 3)
    assert {view["state"] for view in await mine(people.first)} == {"confirmed"}
    assert await taken() == 4
    assert (await told(people.first))[-1] == "shift_moved_up"


async def test_one_leaves_the_line_and_the_smaller_family_gets_in(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, capacity=3)
    await fill(api, people, shift_id, 1)
    child, elder = await create_family(people.first, None, None)
    group = await sign_up(people.first, shift_id, child, elder)
    assert (group["sign_up"]["state"], group["sign_up"]["why"][:6]) == ("waiting", "目前空余 2")
    # The head of the party leaves it, and the family keeps its turn.
    left = await people.first.post(f"/sign-ups/{group['sign_up']['id']}/cancel", {})
    assert (left["sign_up"]["state"], left["sign_up"]["family"][0]["state"]) == ("cancelled", "confirmed")
    states = {view["person_id"]: view["state"] for view in await mine(people.first)}
    assert states == {people.first.person_id: "cancelled", child: "confirmed", elder: "confirmed"}
    assert await taken() == 3
    assert len(set(await SignUp.all().values_list("place_id", flat=True))) == 4


async def test_a_companion_leaves_the_line(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, capacity=3)
    inside = await fill(api, people, shift_id, 3)
    child, elder = await create_family(people.first, None, None)
    await sign_up(people.first, shift_id, child, elder)
    views = {view["person_id"]: view for view in await mine(people.first)}
    await people.first.post(f"/sign-ups/{views[child]['id']}/cancel", {})
    await people.first.post(f"/sign-ups/{views[child]['id']}/cancel", {})
    views = {view["person_id"]: view for view in await mine(people.first)}
    assert [(views[each]["state"], views[each]["party_size"]) for each in (people.first.person_id, elder)] == [
        ("waiting", 2)
    ] * 2
    await inside[0][0].post(f"/sign-ups/{inside[0][1]}/cancel", {})
    await inside[1][0].post(f"/sign-ups/{inside[1][1]}/cancel", {})
    views = {view["person_id"]: view["state"] for view in await mine(people.first)}
    assert views == {people.first.person_id: "confirmed", elder: "confirmed", child: "cancelled"}


async def test_an_offer_to_a_family_is_taken_as_a_whole(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, timedelta(hours=10), capacity=2)
    inside = await fill(api, people, shift_id, 2)
    [child] = await create_family(people.first, None)
    group = await sign_up(people.first, shift_id, child)
    await inside[0][0].post(f"/sign-ups/{inside[0][1]}/cancel", {})
    assert (await people.first.get(f"/sign-ups/{group['sign_up']['id']}"))["sign_up"]["state"] == "waiting"
    await inside[1][0].post(f"/sign-ups/{inside[1][1]}/cancel", {})
    assert {view["state"] for view in await mine(people.first)} == {"offered"}
    theirs = next(view for view in await mine(people.first) if view["person_id"] == child)
    await people.first.post(f"/sign-ups/{theirs['id']}/accept")
    assert {view["state"] for view in await mine(people.first)} == {"confirmed"}
    assert await Place.filter(state="confirmed", party_size=1).count() == 2
    assert await told(people.first) == ["shift_waiting", "shift_offered", "shift_confirmed"]


async def test_an_offer_to_a_family_is_declined_or_runs_out_as_a_whole(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, timedelta(hours=10), capacity=2, offer_minutes=30)
    inside = await fill(api, people, shift_id, 1)
    for person in (people.first, people.second):
        [child] = await create_family(person, None)
        await sign_up(person, shift_id, child)
    await inside[0][0].post(f"/sign-ups/{inside[0][1]}/cancel", {})
    views = await mine(people.first)
    assert {view["state"] for view in views} == {"offered"}
    await people.first.post(f"/sign-ups/{views[0]['id']}/decline")
    assert {view["state"] for view in await mine(people.first)} == {"cancelled"}
    assert {view["state"] for view in await mine(people.second)} == {"offered"}
    clock.move_clock(timedelta(minutes=31))
    await SETTLE_DUE_PLACES.run()
    assert {view["state"] for view in await mine(people.second)} == {"expired"}
    assert {view["why"] for view in await mine(people.second)} == {"候补名额未在规定时间内确认，已让给下一位"}
    assert (await told(people.second))[-1] == "shift_offer_expired"
    assert await taken() == 0


async def test_one_of_a_family_cancels_late(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, timedelta(hours=3), capacity=5)
    [child] = await create_family(people.first, None)
    await sign_up(people.first, shift_id, child)
    clock.move_clock(timedelta(hours=2))
    theirs = next(view for view in await mine(people.first) if view["person_id"] == child)
    await people.first.post(f"/sign-ups/{theirs['id']}/cancel", {})
    assert await NoShow.all().values_list("person_id", flat=True) == [child]
    assert (await told(people.first))[-1] == "sign_up_cancelled_late"


async def test_families_and_others_at_once_never_exceed_the_quota(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, capacity=7)
    residents = await create_residents(api, people.community, 12)
    families = [await create_family(resident, *[None] * (number % 3)) for number, resident in enumerate(residents)]
    answers = await asyncio.gather(
        *(sign_up(resident, shift_id, *family) for resident, family in zip(residents, families, strict=True))
    )
    # Everybody taps again, and half of them leave with their families.
    again = await asyncio.gather(
        *(sign_up(resident, shift_id, *family) for resident, family in zip(residents, families, strict=True))
    )
    assert [answer["sign_up"]["id"] for answer in again] == [answer["sign_up"]["id"] for answer in answers]
    await asyncio.gather(
        *(
            resident.post(f"/sign-ups/{answer['sign_up']['id']}/cancel", {"with_family": True})
            for resident, answer in list(zip(residents, answers, strict=True))[::2]
        )
    )
    allotment = (await Allotment.all())[0]
    confirmed = await Place.filter(state="confirmed")
    assert allotment.taken == sum(place.party_size for place in confirmed) <= 7
    for resident, family in list(zip(residents, families, strict=True))[1::2]:
        states = {view["state"] for view in await mine(resident)}
        assert len(states) == 1, "a family is in or in line as a whole"
        assert len(await mine(resident)) == len(family) + 1


async def test_merged_persons_of_one_family_stand_in_line_once(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, capacity=3)
    await fill(api, people, shift_id, 3)
    child, elder = await create_family(people.first, None, None)
    await sign_up(people.first, shift_id, child, elder)
    await sign_up(people.second, shift_id)
    # The elder, whom staff had registered, signed up alone as well.
    await Person.filter(id=elder).update(origin="walk_in")
    await merge_persons(elder, people.second.person_id, actor_id=None)
    assert await Place.filter(state="waiting").values_list("party_size", flat=True) == [3]
    waiting = await SignUp.filter(person_id=people.second.person_id, place__state="waiting").count()
    assert waiting == 1


async def test_who_leaves_the_system_leaves_their_places_to_others(api: Api) -> None:
    people = await create_people(api)
    manager = await create_staff(api, people.community, RoleKind.MANAGER)
    for_all = await publish_shift(people, capacity=2)
    for_volunteers = await publish_shift(
        people, timedelta(days=5), capacity=2, activity={"who": {"audience": "volunteers"}}
    )
    [child] = await create_family(people.first, None)
    for person_id in (people.first.person_id, people.second.person_id, child):
        await agree(person_id, ConsentKind.VOLUNTEER_TERMS)
    for shift_id in (for_all, for_volunteers):
        await sign_up(people.first, shift_id, child)
        await sign_up(people.second, shift_id)

    async def states() -> list[str]:
        return sorted([view["state"] for view in await mine(people.second)])

    assert await states() == ["waiting", "waiting"]
    # No longer a volunteer: what is for everyone stays.
    await people.first.delete("/me/consents/volunteer_terms")
    assert await states() == ["confirmed", "waiting"]
    # Blocked: everything is given up, without a no-show; the child's place is the child's.
    await manager.post(f"/staff/persons/{people.first.person_id}/block", {"reason": "own_request"})
    assert await states() == ["confirmed", "confirmed"]
    ended = await SignUp.filter(person_id=people.first.person_id, place__ended_at=None).count()
    assert (ended, await SignUp.filter(person_id=child, place__state="confirmed").count()) == (0, 2)
    assert await NoShow.all().count() == 0


async def test_whoever_may_not_be_known_any_more_comes_nowhere(api: Api) -> None:
    """Without the privacy text nothing goes on, whatever else they still agree to."""
    people = await create_people(api)
    shift_id = await publish_shift(people)
    for person in (people.first, people.second):
        await agree(person.person_id, ConsentKind.VOLUNTEER_TERMS)
        await sign_up(person, shift_id)
    await people.first.delete("/me/consents/privacy")
    places = await fetch("SELECT s.person_id, p.state FROM sign_up s JOIN place p ON p.id = s.place_id ORDER BY s.id")
    assert {row["person_id"]: row["state"] for row in places} == {
        people.first.person_id: "removed",
        people.second.person_id: "confirmed",
    }


async def test_who_of_the_family_was_taken_out_is_said(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, capacity=3)
    child, other = await create_family(people.first, None, None)
    await save_details(child, real_name="李小红")
    family = (await sign_up(people.first, shift_id, child, other))["sign_up"]["family"]
    (hers,) = [each["sign_up_id"] for each in family if each["person_id"] == child]
    await people.staff.post(f"/staff/sign-ups/{hers}/remove", {"reason": "请先参加安全培训"})
    (message,) = [item for item in await people.first.inbox() if "主办方" in item["title"]]
    assert message["text"].startswith("您在“清洁家园”（李小红，")
    (his,) = [each["sign_up_id"] for each in family if each["person_id"] == other]
    await save_details(other, real_name="李小明")
    await people.first.post(f"/sign-ups/{his}/cancel")
    assert (await people.first.inbox())[0]["text"].startswith("您已取消“清洁家园”（李小明，")
    (own,) = [each["id"] for each in await mine(people.first) if each["person_id"] == people.first.person_id]
    await people.first.post(f"/sign-ups/{own}/cancel")
    assert "（李" not in (await people.first.inbox())[0]["text"]


async def test_who_looks_after_somebody_reads_that_they_were_missed(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, timedelta(days=3), capacity=3)
    (child,) = await create_family(people.first, None)
    await save_details(child, real_name="李小红")
    own = (await sign_up(people.first, shift_id, child))["sign_up"]
    family = own["family"]
    clock.move_clock(timedelta(days=3, hours=3))
    await confirm(people.staff, shift_id, {"sign_up_id": family[0]["sign_up_id"], "is_absent": True})
    text = (await people.first.inbox())[0]["text"]
    assert text.startswith("您报名的“清洁家园”（李小红，")
    assert "被记为缺席" in text
    (missed,) = (await people.first.get("/me/no-shows"))["no_shows"]["items"]
    assert (missed["person_id"], missed["person_name"]) == (child, "李小红")
    hers = {"sign_up_id": family[0]["sign_up_id"], "minutes": 90}
    await confirm(people.staff, shift_id, hers, {"sign_up_id": own["id"], "minutes": 90})
    told_of = {message["text"].split("的服务时长")[0] for message in (await people.first.inbox())[:2]}
    assert told_of == {"您参加“清洁家园”（李小红）", "您参加“清洁家园”"}
