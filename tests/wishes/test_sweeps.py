"""Where time runs out: unclaimed wishes, idle claims, unanswered reports."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, time, timedelta
from types import ModuleType

import pytest

from server.background.sweeps import FAILURES, RowsFailed
from server.foundation import clock
from server.foundation.dates import end_of, today
from server.moderation.models import Verdict
from server.organizations.models import Level, Organization, RoleKind
from server.wishes import claiming, sweeps
from server.wishes.contact import seal_contact
from server.wishes.feature import FEATURE
from server.wishes.models import Escalation, Wish, WishClaim, WishState
from server.wishes.rules import claim_due_at, escalate_at
from tests.breaking import break_once
from tests.builders import create_organization, create_staff, told
from tests.clients import Api
from tests.simulator import Simulator, openid
from tests.wishes.builders import create_people, put_verdict, put_wish


async def test_a_wish_that_nobody_claimed_expires_and_can_be_renewed(api: Api, simulator: Simulator) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.PUBLISHED)
    assert await sweeps.EXPIRE_WISHES.run() == 0
    # The whole wished-by day still counts.
    clock.move_clock(end_of(today() + timedelta(days=10)) - clock.now() - timedelta(minutes=1))
    assert await sweeps.EXPIRE_WISHES.run() == 0
    clock.move_clock(clock.offset() + timedelta(minutes=2))
    assert await sweeps.EXPIRE_WISHES.run() == 1
    assert (await told(people.wisher))[-1] == "wish_expired"
    assert "还没有人认领" in (await people.wisher.inbox())[0]["text"]
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


def morning(days_before: int) -> timedelta:
    """How far to move the real clock to the morning that many days before the wished-by date of put_wish."""
    at = datetime.combine(real_today() + timedelta(days=10 - days_before), time(9, 0, 30), clock.SHANGHAI)
    return at - clock.real_now()


def real_today() -> date:
    return clock.shanghai(clock.real_now()).date()


async def test_the_unclaimed_are_escalated_from_below_each_once(api: Api) -> None:
    people = await create_people(api)
    grid = await create_organization(Level.GRID, parent=people.community)
    other_grid = await create_organization(Level.GRID, parent=people.community)
    grid_worker = await create_staff(api, grid, RoleKind.GRID_WORKER)
    elsewhere = await create_staff(api, other_grid, RoleKind.GRID_WORKER)
    subdistrict = await Organization.get(id=people.community.parent_id)
    above = await create_staff(api, subdistrict)
    wish_id = await put_wish(people, WishState.PUBLISHED, grid_id=grid.id)
    claimed_id = await put_wish(people, WishState.CLAIMED)

    async def asked() -> list[int]:
        return [(await told(who)).count("wish_unclaimed") for who in (grid_worker, elsewhere, people.staff, above)]

    clock.move_clock(morning(days_before=5) - timedelta(minutes=1))
    assert await sweeps.ESCALATE_UNCLAIMED_WISHES.run() == 0
    assert await asked() == [0, 0, 0, 0]
    for days_before, expected in ((5, [1, 0, 0, 0]), (3, [1, 0, 1, 0]), (1, [1, 0, 1, 1])):
        clock.move_clock(morning(days_before))
        assert await sweeps.ESCALATE_UNCLAIMED_WISHES.run() == 1
        assert await sweeps.ESCALATE_UNCLAIMED_WISHES.run() == 0
        assert await asked() == expected
    message = (await above.inbox())[0]
    assert "还剩 1 天" in message["text"]
    wish = await Wish.get(id=wish_id)
    assert (wish.escalation, wish.escalate_at) == (Escalation.SUBDISTRICT, None)
    assert (await Wish.get(id=claimed_id)).escalation == Escalation.NOBODY
    # Back on the wall after a claim, nobody is asked again; renewed for another day, all are.
    await people.claimer.post(f"/wishes/{wish_id}/claim")
    await people.claimer.post(f"/wishes/{wish_id}/release", {"reason": "没时间"})
    assert await sweeps.ESCALATE_UNCLAIMED_WISHES.run() == 0
    day = (today() + timedelta(days=10)).isoformat()
    body = {"title": "收音机", "kind": "thing", "audience": "elderly", "text": "想听戏", "wished_by": day, "version": 1}
    await people.wisher.put(f"/wishes/{wish_id}", body)
    await put_verdict("wish", wish_id, people, Verdict.PASSED)
    await people.staff.post(f"/staff/wishes/{wish_id}/publish", {"version": 2})
    wish = await Wish.get(id=wish_id)
    assert wish.escalation == Escalation.NOBODY
    assert wish.escalate_at == escalate_at(today() + timedelta(days=10), Escalation.GRID)


async def test_where_nobody_is_there_to_ask_the_next_are(api: Api) -> None:
    people = await create_people(api)
    await put_wish(people, WishState.PUBLISHED)
    clock.move_clock(morning(days_before=5))
    await sweeps.ESCALATE_UNCLAIMED_WISHES.run()
    # There are no grid workers, so the community is asked at once, and not again when its day comes.
    assert (await told(people.staff)).count("wish_unclaimed") == 1
    clock.move_clock(morning(days_before=3))
    assert await sweeps.ESCALATE_UNCLAIMED_WISHES.run() == 0


async def test_a_late_wish_asks_everybody_whose_day_has_come(api: Api) -> None:
    people = await create_people(api)
    grid = await create_organization(Level.GRID, parent=people.community)
    grid_worker = await create_staff(api, grid, RoleKind.GRID_WORKER)
    # Nobody said in which grid the wish is: all grid workers of the community are asked.
    await put_wish(people, WishState.PUBLISHED)
    clock.move_clock(morning(days_before=2))
    assert await sweeps.ESCALATE_UNCLAIMED_WISHES.run() == 1
    for who in (grid_worker, people.staff):
        assert (await told(who)).count("wish_unclaimed") == 1


async def test_two_workers_escalate_each_wish_once(api: Api) -> None:
    people = await create_people(api)
    for _ in range(20):
        await put_wish(people, WishState.PUBLISHED)
    clock.move_clock(morning(days_before=4))
    done = await asyncio.gather(*(sweeps.ESCALATE_UNCLAIMED_WISHES.run() for _ in range(3)))
    assert sum(done) == 20
    assert (await told(people.staff)).count("wish_unclaimed") == 20


async def test_who_looks_after_the_unclaimed_sees_them(api: Api) -> None:
    people = await create_people(api)
    grid = await create_organization(Level.GRID, parent=people.community)
    other_grid = await create_organization(Level.GRID, parent=people.community)
    grid_worker = await create_staff(api, grid, RoleKind.GRID_WORKER)
    later = await put_wish(people, WishState.SUBMITTED)
    await put_verdict("wish", later, people, Verdict.PASSED)
    path = f"/staff/wishes/{later}/publish"
    wrong = {"version": 1, "grid_id": people.community.id}
    await people.staff.refused("POST", path, wrong, code="invalid_fields")
    published = await people.staff.post(path, {"version": 1, "grid_id": grid.id})
    assert published["grid_id"] == grid.id
    sooner = await put_wish(people, WishState.PUBLISHED, wished_by=today() + timedelta(days=2))
    elsewhere = await put_wish(people, WishState.PUBLISHED, grid_id=other_grid.id)
    listed = "/staff/wishes/unclaimed"
    seen = (await grid_worker.get(listed, organization_id=grid.id))["items"]
    assert [item["wish"]["id"] for item in seen] == [sooner, later]
    assert [item["escalation"] for item in seen] == [0, 0]
    first = await people.staff.get(listed, organization_id=people.community.id, limit=1)
    rest = await people.staff.get(listed, organization_id=people.community.id, cursor=first["next_cursor"])
    assert [item["wish"]["id"] for item in first["items"] + rest["items"]] == [sooner, later, elsewhere]
    path = f"{listed}?organization_id={people.community.id}"
    await grid_worker.refused("GET", path, code="not_allowed")
    await people.stranger.refused("GET", path, code="not_allowed")


@pytest.mark.parametrize(
    ("sweep", "telling", "state", "days"),
    [
        (sweeps.EXPIRE_WISHES.run, sweeps, WishState.PUBLISHED, 12),
        (sweeps.RETURN_IDLE_CLAIMS.run, claiming, WishState.CLAIMED, 20),
        (sweeps.REMIND_CLAIMERS.run, sweeps, WishState.CLAIMED, 10),
        (sweeps.TELL_STAFF_OF_UNANSWERED.run, sweeps, WishState.REPORTED, 8),
    ],
)
async def test_one_that_cannot_be_done_does_not_keep_the_others_waiting(
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    sweep: Callable[[], Awaitable[int]],
    telling: ModuleType,
    state: WishState,
    days: int,
) -> None:
    people = await create_people(api)
    for _ in range(3):
        await put_wish(people, state)
    clock.move_clock(timedelta(days=days))
    break_once(monkeypatch, telling, "notify")
    with pytest.raises(RowsFailed) as failed:
        await sweep()
    assert failed.value.done == 2
    with pytest.raises(RowsFailed) as failed:
        await sweep()
    assert failed.value.done == 0, "not at once again"
    FAILURES.clear()
    assert await sweep() == 1, "nothing of it was kept"


async def test_one_that_cannot_be_escalated_does_not_keep_the_others_waiting(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = await create_people(api)
    for _ in range(3):
        await put_wish(people, WishState.PUBLISHED)
    clock.move_clock(morning(days_before=4))
    break_once(monkeypatch, sweeps, "finish_step")
    with pytest.raises(RowsFailed) as failed:
        await sweeps.ESCALATE_UNCLAIMED_WISHES.run()
    assert failed.value.done == 2
    FAILURES.clear()
    assert await sweeps.ESCALATE_UNCLAIMED_WISHES.run() == 1
    assert (await told(people.staff)).count("wish_unclaimed") == 3, "each once"


async def test_claimed_wishes_do_not_expire(api: Api) -> None:
    people = await create_people(api)
    for state in WishState:
        await put_wish(people, state)
    clock.move_clock(timedelta(days=12))
    assert await sweeps.EXPIRE_WISHES.run() == 3
    assert await Wish.filter(state=WishState.CLAIMED).count() == 1


async def test_an_idle_claim_is_reminded_once_and_then_returned(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.CLAIMED)
    claim = await WishClaim.get(wish_id=wish_id)
    assert await sweeps.REMIND_CLAIMERS.run() == 0
    clock.move_clock(claim.due_at - clock.now() - timedelta(hours=20))
    assert await sweeps.REMIND_CLAIMERS.run() == 1
    assert await sweeps.REMIND_CLAIMERS.run() == 0
    assert (await told(people.claimer))[-1] == "wish_claim_due"
    assert await sweeps.RETURN_IDLE_CLAIMS.run() == 0
    clock.move_clock(clock.offset() + timedelta(hours=21))
    assert await sweeps.RETURN_IDLE_CLAIMS.run() == 1
    assert (await told(people.claimer))[-1] == "wish_claim_overdue"
    assert (await told(people.wisher))[-1] == "wish_back_on_wall"
    assert (await Wish.get(id=wish_id)).state is WishState.PUBLISHED
    assert (await people.claimer.get("/wishes/claims"))["items"][0]["state"] == "idle_returned"


async def test_a_sweep_in_two_workers_does_each_once(api: Api) -> None:
    people = await create_people(api)
    for _ in range(20):
        await put_wish(people, WishState.CLAIMED)
    clock.move_clock(timedelta(days=20))
    done = await asyncio.gather(*(sweeps.RETURN_IDLE_CLAIMS.run() for _ in range(4)))
    assert sum(done) == 20
    assert (await told(people.claimer)).count("wish_claim_overdue") == 20


async def test_staff_are_asked_to_call_once(api: Api) -> None:
    people = await create_people(api)
    wish_id = await put_wish(people, WishState.REPORTED)
    assert await sweeps.TELL_STAFF_OF_UNANSWERED.run() == 0
    clock.move_clock(timedelta(days=7, minutes=1))
    assert await sweeps.TELL_STAFF_OF_UNANSWERED.run() == 1
    assert await sweeps.TELL_STAFF_OF_UNANSWERED.run() == 0
    assert (await told(people.staff))[-1] == "wish_unanswered"
    await people.wisher.post(f"/wishes/{wish_id}/confirm", {"stars": 3})


def test_how_long_a_claimer_has() -> None:
    now = clock.now()
    assert claim_due_at(now, today() + timedelta(days=8)) == end_of(today() + timedelta(days=8))
    assert claim_due_at(now, today() + timedelta(days=100)) == end_of(today() + timedelta(days=14))
    assert claim_due_at(now, today()) == end_of(today() + timedelta(days=3))


async def test_lags_are_told(api: Api) -> None:
    people = await create_people(api)
    await put_wish(people, WishState.PUBLISHED)
    await put_wish(people, WishState.CLAIMED)
    await put_wish(people, WishState.REPORTED)
    withdrawn = await Wish.get(id=await put_wish(people, WishState.WITHDRAWN))
    seal_contact(withdrawn, address="幸福路 7 号", phone="")
    await withdrawn.save()
    lags = {sweep.name: sweep.lag for sweep in FEATURE.sweeps}
    assert set(lags) == {sweep.name for sweep in FEATURE.sweeps}
    assert {await lag() for lag in lags.values()} == {0}
    clock.move_clock(timedelta(days=200))
    assert {name: await lag() > 86_400 for name, lag in lags.items()} == dict.fromkeys(lags, True)
