"""Whatever people, staff and the clock do, and in whatever order: no illegal state, no second holder, no lost wish, and
points that add up."""

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest

from server import clock
from server.database import execute, fetch, fetch_value
from server.moderation.models import Verdict
from server.wishes import jobs
from server.wishes.models import WishState
from server.wishes.rules import TRANSITIONS, Action
from tests.clients import Api
from tests.wishes.builders import HOLDER_STATES, People, content, create_people, put_picture, put_verdict, put_wish
from tests.wishes.test_state_table import PATHS, body_of

REFUSALS = {403, 404, 409, 422}
ENDINGS = (Action.REFUSE, Action.WITHDRAW, Action.TAKE_BACK, Action.RELEASE, Action.RETURN)
SWEEPS = (jobs.expire_wishes, jobs.return_idle_claims, jobs.remind_claimers, jobs.tell_staff_of_unanswered)


@pytest.mark.parametrize("seed", range(2))
async def test_random_deeds(api: Api, seed: int) -> None:
    await walk(api, random.Random(seed), rounds=30)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(100, 110))
async def test_many_random_deeds(api: Api, seed: int) -> None:
    await walk(api, random.Random(seed), rounds=300)
    assert await fetch_value("SELECT count(*) FROM service_entry") > 0, "the walk comes as far as the points"


async def walk(api: Api, chance: random.Random, rounds: int) -> None:
    people = await create_people(api)
    wishes = [await put_wish(people, WishState.SUBMITTED) for _ in range(4)]
    for wish_id in wishes:
        await put_verdict("wish", wish_id, people, Verdict.PASSED)
    for _ in range(rounds):
        # Several at once, so that deeds really meet.
        await asyncio.gather(*(do_something(people, chance.choice(wishes), chance) for _ in range(4)))
        if chance.random() < 0.1:
            clock.move_clock(clock.offset() + timedelta(days=chance.choice([1, 3, 8]) if days_moved() < 20 else 0))
        if chance.random() < 0.3:
            await chance.choice(SWEEPS)()
        await check_everything(people, wishes)


def days_moved() -> int:
    return clock.offset().days


async def do_something(people: People, wish_id: str, chance: random.Random) -> None:
    state = await fetch_value("SELECT state FROM wish WHERE id = $1", wish_id)
    possible = [action for at, action, _ in TRANSITIONS if at == state and action in PATHS and action not in ENDINGS]
    # Mostly something that leads on, so that the walk comes far; else anything at all.
    action = chance.choice(possible if possible and chance.random() < 0.8 else list(PATHS))
    residents = [people.wisher, people.claimer, people.stranger]
    who = people.staff if PATHS[action].startswith("/staff") else chance.choice(residents)
    body: Any = body_of(action, people, await put_picture(who))
    if action in (Action.EDIT, Action.PUBLISH):
        version = await fetch_value("SELECT version FROM wish WHERE id = $1", wish_id)
        body = {**(content() if action is Action.EDIT else {}), "version": version}
        await execute("UPDATE checked_subject SET verdict = 'passed' WHERE subject_id = $1", wish_id)
    method = "PUT" if action is Action.EDIT else "POST"
    response = await who.send(method, PATHS[action].format(wish_id), body)
    assert response.is_success or response.status_code in REFUSALS, f"{action}: {response.status_code} {response.text}"


async def check_everything(people: People, wishes: list[str]) -> None:
    rows = await fetch(
        "SELECT w.id, w.state, array_remove(array_agg(c.state) FILTER (WHERE c.ended_at IS NULL), NULL) AS holders "
        "FROM wish w LEFT JOIN wish_claim c ON c.wish_id = w.id WHERE w.id = ANY($1) GROUP BY w.id",
        wishes,
    )
    assert len(rows) == len(wishes)
    for row in rows:
        holder = HOLDER_STATES.get(WishState(row["state"]))
        assert (row["holders"] or []) == ([holder] if holder else []), dict(row)
    for who in (people.claimer, people.stranger):
        fulfilled = await fetch_value(
            "SELECT count(*) FROM wish_claim WHERE claimer_id = $1 AND (state = 'fulfilled' "
            # A confirmed wish in dispute keeps its points until staff decide.
            "OR state = 'reported' AND confirmed_at IS NOT NULL)",
            who.person_id,
        )
        points = "SELECT COALESCE(sum(points), 0)::int FROM service_entry WHERE person_id = $1"
        assert await fetch_value(points, who.person_id) == 10 * fulfilled
