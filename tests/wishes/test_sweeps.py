"""Where time runs out: unclaimed wishes, idle claims, unanswered reports."""

import asyncio
from datetime import timedelta

from server import clock
from server.wishes import jobs
from server.wishes.models import Wish, WishClaim, WishState
from server.wishes.rules import claim_due_at, day_ends, today
from tests.clients import Api
from tests.simulator import Simulator, openid
from tests.wishes.builders import claimed_wish, create_people, inbox_of, publish_wish, put_wish, reported_wish


async def test_a_wish_that_nobody_claimed_expires_and_can_be_renewed(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await publish_wish(people, simulator)
    assert await jobs.expire_wishes() == 0
    # The whole wished-by day still counts.
    clock.move_clock(day_ends(today() + timedelta(days=10)) - clock.now() - timedelta(minutes=1))
    assert await jobs.expire_wishes() == 0
    clock.move_clock(clock.offset() + timedelta(minutes=2))
    assert await jobs.expire_wishes() == 1
    assert (await inbox_of(people.wisher))[0] == "wish_expired"
    told = (await people.wisher.get("/me/inbox"))["items"][0]["text"]
    assert "还没有人认领" in told
    await people.stranger.refused("GET", f"/wishes/{wish_id}", code="not_found")

    day = today() + timedelta(days=5)
    await people.wisher.refused(
        "POST", f"/wishes/{wish_id}/renew", {"wished_by": today().isoformat()}, code="invalid_fields"
    )
    renewed = await people.wisher.post(f"/wishes/{wish_id}/renew", {"wished_by": day.isoformat()})
    assert (renewed["state"], renewed["days_left"]) == ("submitted", 5)
    # WeChat checks texts only of people who were there within the last two hours.
    await simulator.login_code(openid(people.wisher))
    await simulator.settle()
    await people.staff.post(f"/staff/wishes/{wish_id}/publish", {"version": renewed["version"]})


async def test_claimed_wishes_do_not_expire(api: Api) -> None:
    people = await create_people(api)
    for state in WishState:
        await put_wish(people, state)
    clock.move_clock(timedelta(days=12))
    assert await jobs.expire_wishes() == 3
    assert await Wish.filter(state=WishState.CLAIMED).count() == 1


async def test_an_idle_claim_is_reminded_once_and_then_returned(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await claimed_wish(people, simulator)
    claim = await WishClaim.get(wish_id=wish_id)
    assert await jobs.remind_claimers() == 0
    clock.move_clock(claim.due_at - clock.now() - timedelta(hours=20))
    assert await jobs.remind_claimers() == 1
    assert await jobs.remind_claimers() == 0
    assert (await inbox_of(people.claimer))[0] == "wish_claim_due"
    assert await jobs.return_idle_claims() == 0
    clock.move_clock(clock.offset() + timedelta(hours=21))
    assert await jobs.return_idle_claims() == 1
    assert (await inbox_of(people.claimer))[0] == "wish_claim_overdue"
    assert (await inbox_of(people.wisher))[0] == "wish_back_on_wall"
    assert (await Wish.get(id=wish_id)).state is WishState.PUBLISHED
    assert (await people.claimer.get("/wishes/claims"))["items"][0]["state"] == "idle_returned"


async def test_a_sweep_in_two_workers_does_each_once(api: Api) -> None:
    people = await create_people(api)
    for _ in range(20):
        await put_wish(people, WishState.CLAIMED)
    clock.move_clock(timedelta(days=20))
    done = await asyncio.gather(*(jobs.return_idle_claims() for _ in range(4)))
    assert sum(done) == 20
    assert (await inbox_of(people.claimer)).count("wish_claim_overdue") == 20


async def test_staff_are_asked_to_call_once(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await reported_wish(people, simulator)
    assert await jobs.tell_staff_of_unanswered() == 0
    clock.move_clock(timedelta(days=7, minutes=1))
    assert await jobs.tell_staff_of_unanswered() == 1
    assert await jobs.tell_staff_of_unanswered() == 0
    assert (await inbox_of(people.staff))[0] == "wish_unanswered"
    await people.wisher.post(f"/wishes/{wish_id}/confirm", {"rating": 3})


def test_how_long_a_claimer_has() -> None:
    now = clock.now()
    assert claim_due_at(now, today() + timedelta(days=8)) == day_ends(today() + timedelta(days=8))
    assert claim_due_at(now, today() + timedelta(days=100)) == day_ends(today() + timedelta(days=14))
    assert claim_due_at(now, today()) == day_ends(today() + timedelta(days=3))


async def test_lags_are_told(api: Api) -> None:
    people = await create_people(api)
    await put_wish(people, WishState.PUBLISHED)
    await put_wish(people, WishState.CLAIMED)
    lags = [sweep.lag for sweep in jobs.SWEEPS if sweep.lag]
    assert [await lag() for lag in lags] == [0, 0]
    clock.move_clock(timedelta(days=20))
    assert all([await lag() > 86_400 for lag in lags])
