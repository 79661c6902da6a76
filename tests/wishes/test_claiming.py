"""Claiming, giving up, reporting, confirming; who may, how many, and what happens when all want the same."""

import asyncio
import time
from datetime import timedelta
from typing import Any

from server import clock
from server.accounts.models import Person
from server.database import fetch, fetch_value
from server.wishes.models import WishState
from server.wishes.rules import MAX_OPEN_CLAIMS
from tests.builders import create_resident, grant, sign_in
from tests.clients import Api
from tests.simulator import Simulator
from tests.wishes.builders import (
    claimed_wish,
    create_helper,
    create_people,
    create_picture,
    fulfilled_wish,
    inbox_of,
    put_wish,
    report,
    reported_wish,
)

TAPS = 200


async def test_200_taps_give_one_claim_and_199_clear_answers(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    helpers = [await create_helper(api, people.community) for _ in range(20)]
    began = time.perf_counter()
    answers = await asyncio.gather(
        *(helpers[tap % len(helpers)].send("POST", f"/wishes/{wish_id}/claim") for tap in range(TAPS))
    )
    assert time.perf_counter() - began < 10
    winner_id = await fetch_value("SELECT claimer_id FROM wish_claim WHERE wish_id = $1 AND state = 'open'", wish_id)
    assert await fetch_value("SELECT count(*) FROM wish_claim WHERE wish_id = $1", wish_id) == 1
    for tap, answer in enumerate(answers):
        if helpers[tap % len(helpers)].person_id == winner_id:
            # The winner's other taps find their own claim.
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.json()["code"]) == (409, "wish_taken")


async def test_one_persons_taps_on_many_wishes_stop_at_the_limit(api: Api) -> None:
    people = await create_people(api)
    wishes = [await put_wish(people, WishState.PUBLISHED) for _ in range(12)]
    answers = await asyncio.gather(*(people.claimer.send("POST", f"/wishes/{wish_id}/claim") for wish_id in wishes))
    codes = [answer.json().get("code", "claimed") for answer in answers]
    assert sorted(set(codes)) == ["claimed", "too_many_open_claims"]
    assert codes.count("claimed") == MAX_OPEN_CLAIMS
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert refused["limit"] == MAX_OPEN_CLAIMS
    assert await fetch_value("SELECT count(*) FROM wish_claim WHERE state = 'open'") == MAX_OPEN_CLAIMS


async def test_a_reported_wish_leaves_the_hands_free(api: Api) -> None:
    people = await create_people(api)
    held = [await put_wish(people, WishState.CLAIMED) for _ in range(MAX_OPEN_CLAIMS)]
    another = await put_wish(people, WishState.PUBLISHED)
    await people.claimer.refused("POST", f"/wishes/{another}/claim", code="too_many_open_claims")
    await report(people.claimer, held[0])
    await people.claimer.post(f"/wishes/{another}/claim")


async def test_the_database_too_allows_one_holder_only(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    rows = await fetch("SELECT indexdef FROM pg_indexes WHERE indexname = 'wish_claim_one_holder'")
    assert "UNIQUE" in rows[0]["indexdef"]
    assert await fetch_value("SELECT count(*) FROM wish_claim WHERE wish_id = $1", wish_id) == 1


async def test_the_same_tap_twice_changes_nothing(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    first = await people.claimer.post(f"/wishes/{wish_id}/claim")
    second = await people.claimer.post(f"/wishes/{wish_id}/claim")
    assert first["claim"]["id"] == second["claim"]["id"]
    assert (await inbox_of(people.wisher)).count("wish_claimed") == 1


async def test_who_may_not_claim(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    without_phone = await create_resident(api, people.community)
    await without_phone.refused("POST", f"/wishes/{wish_id}/claim", code="phone_needed")
    assert (await people.wisher.get(f"/wishes/{wish_id}"))["state"] == "published"
    await api.refused("POST", f"/wishes/{wish_id}/claim", code="not_signed_in")


async def test_nobody_claims_their_own_wish(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    own = people._replace(wisher=people.claimer)
    own_id = await put_wish(own, WishState.PUBLISHED)
    await people.claimer.refused("POST", f"/wishes/{own_id}/claim", code="own_wish")
    await people.claimer.post(f"/wishes/{wish_id}/claim")


async def test_what_was_never_on_the_wall_cannot_be_claimed(api: Api) -> None:
    people = await create_people(api)
    for state in (WishState.DRAFT, WishState.SUBMITTED, WishState.RETURNED, WishState.EXPIRED, WishState.WITHDRAWN):
        wish_id = await put_wish(people, state)
        await people.claimer.refused("POST", f"/wishes/{wish_id}/claim", code="not_found")


async def test_giving_up_puts_it_back_on_the_wall(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await claimed_wish(people, simulator)
    await people.stranger.refused("POST", f"/wishes/{wish_id}/release", {"reason": "x"}, code="not_allowed")
    await people.claimer.post(f"/wishes/{wish_id}/release", {"reason": "临时出差"}, expect=204)
    assert (await inbox_of(people.wisher))[0] == "wish_back_on_wall"
    assert [card["id"] for card in (await people.stranger.get("/wishes"))["items"]] == [wish_id]
    claim = (await people.claimer.get("/wishes/claims"))["items"][0]
    assert (claim["state"], claim["end_reason"]) == ("released", "临时出差")
    await people.stranger.post(f"/wishes/{wish_id}/claim")


async def test_a_report_needs_a_picture_of_ones_own(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await claimed_wish(people, simulator)
    await people.claimer.refused("POST", f"/wishes/{wish_id}/report", {"picture_ids": []}, code="invalid_fields")
    strangers = await create_picture(people.stranger)
    body = {"picture_ids": [strangers]}
    await people.claimer.refused("POST", f"/wishes/{wish_id}/report", body, code="picture_unusable")
    assert (await people.wisher.get(f"/wishes/{wish_id}"))["state"] == "claimed"


async def test_a_report_that_fails_the_check_is_made_anew(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await claimed_wish(people, simulator)
    await report(people.claimer, wish_id, "【违规】")
    await simulator.settle()
    seen = await people.wisher.get(f"/wishes/{wish_id}")
    assert (seen["state"], seen["claim"]["note"], seen["claim"]["pictures"]) == ("claimed", "", [])
    assert (await inbox_of(people.claimer))[0] == "wish_report_refused"
    await report(people.claimer, wish_id, "换一张")
    await simulator.settle()
    assert (await people.wisher.get(f"/wishes/{wish_id}"))["claim"]["note"] == "换一张"


async def test_rating_is_from_one_to_five(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await reported_wish(people, simulator)
    for rating in (0, 6):
        body: dict[str, Any] = {"rating": rating}
        await people.wisher.refused("POST", f"/wishes/{wish_id}/confirm", body, code="invalid_fields")
    await people.claimer.refused("POST", f"/wishes/{wish_id}/confirm", {"rating": 5}, code="not_allowed")
    await people.wisher.post(f"/wishes/{wish_id}/confirm", {"rating": 1})


async def test_thanks_that_fail_the_check_stay_hidden(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await reported_wish(people, simulator)
    await people.wisher.post(f"/wishes/{wish_id}/confirm", {"rating": 5, "words": "【违规】"})
    await simulator.settle()
    seen = await people.claimer.get(f"/wishes/{wish_id}")
    assert (seen["state"], seen["claim"]["rating"], seen["claim"]["words"]) == ("fulfilled", 5, "")


async def test_staff_confirm_only_after_seven_days(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await reported_wish(people, simulator)
    path, body = f"/staff/wishes/{wish_id}/confirm", {"note": "电话里说已收到"}
    await people.staff.refused("POST", path, body, code="too_early")
    clock.move_clock(timedelta(days=7, minutes=1))
    confirmed = await people.staff.post(path, body)
    assert confirmed["claim"]["confirmed_as"] == "staff"
    assert confirmed["claim"]["rating"] is None
    assert "wish_confirmed_by_staff" in await inbox_of(people.wisher)
    assert (await people.claimer.get("/me/service-record"))["items"][0]["points"] == 10


async def points_of(who: Api) -> int:
    return sum(entry["points"] for entry in (await who.get("/me/service-record"))["items"])


async def test_a_dispute_before_the_confirmation(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await reported_wish(people, simulator)
    await people.wisher.post(f"/wishes/{wish_id}/dispute", {"reason": "没有收到"})
    assert (await inbox_of(people.claimer))[0] == "wish_disputed"
    assert "wish_dispute_to_decide" in await inbox_of(people.staff)
    await people.wisher.refused("POST", f"/wishes/{wish_id}/confirm", {"rating": 5}, code="wrong_state")
    await people.stranger.refused("GET", f"/wishes/{wish_id}", code="not_found")
    decided = await people.staff.post(
        f"/staff/wishes/{wish_id}/dispute/decision", {"decision": "uphold", "note": "物业签收"}
    )
    assert (decided["state"], decided["claim"]["confirmed_as"]) == ("fulfilled", "staff")
    assert await points_of(people.claimer) == 10


async def test_a_dispute_afterwards_takes_the_points_back(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await fulfilled_wish(people, simulator)
    assert await points_of(people.claimer) == 10
    await people.wisher.post(f"/wishes/{wish_id}/dispute", {"reason": "收音机是坏的"})
    await people.staff.post(f"/staff/wishes/{wish_id}/dispute/decision", {"decision": "reject", "note": "确实坏了"})
    assert await points_of(people.claimer) == 0
    assert (await inbox_of(people.claimer))[0] == "wish_dispute_decided"
    # Back on the wall; the same person may make it good, and is credited for that.
    await people.claimer.post(f"/wishes/{wish_id}/claim")
    await report(people.claimer, wish_id)
    await people.wisher.post(f"/wishes/{wish_id}/confirm", {"rating": 4})
    assert await points_of(people.claimer) == 10


async def test_a_dispute_may_end_with_another_try(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await fulfilled_wish(people, simulator)
    await people.wisher.post(f"/wishes/{wish_id}/dispute", {"reason": "收音机是坏的"})
    decided = await people.staff.post(
        f"/staff/wishes/{wish_id}/dispute/decision", {"decision": "redo", "note": "请更换"}
    )
    assert (decided["state"], decided["claim"]["state"]) == ("claimed", "open")
    assert await points_of(people.claimer) == 0
    await report(people.claimer, wish_id)
    await people.wisher.post(f"/wishes/{wish_id}/confirm", {"rating": 5})
    assert await points_of(people.claimer) == 10


async def test_disputes_end_some_day(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await fulfilled_wish(people, simulator)
    clock.move_clock(timedelta(days=31))
    wisher = await sign_in(api, await Person.get(id=people.wisher.person_id))
    await wisher.refused("POST", f"/wishes/{wish_id}/dispute", {"reason": "x"}, code="wrong_state")


async def test_nobody_decides_on_themselves(api: Api, simulator: Simulator) -> None:
    """Staff who claimed a wish cannot confirm their own work, and whoever wished cannot publish their own wish."""
    people = await create_people(api)

    await grant(await Person.get(id=people.claimer.person_id), people.community)
    await grant(await Person.get(id=people.wisher.person_id), people.community)
    wish_id = await reported_wish(people, simulator)
    clock.move_clock(timedelta(days=8))
    await people.claimer.refused("POST", f"/staff/wishes/{wish_id}/confirm", {"note": "x"}, code="not_allowed")
    own = await put_wish(people, WishState.SUBMITTED)
    await people.wisher.refused("POST", f"/staff/wishes/{own}/publish", {"version": 1}, code="not_allowed")
