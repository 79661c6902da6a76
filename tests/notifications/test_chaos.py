"""Workers are killed with -9 while messages and due jobs pass and WeChat fails a third of the time.

Everything ends: each message in a final state and at most once at the platform, each job done once, no order broken.
Counted from the simulator's outbox and the database.
"""

import asyncio
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from server.announcements.models import Announcement, AnnouncementAudience, AnnouncementState
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value, transaction
from server.foundation.dates import today
from server.foundation.ids import new_id
from server.foundation.settings import Settings
from server.notifications import events
from server.notifications.telling import notify
from server.organizations.models import Organization
from server.wishes.models import Wish, WishAudience, WishKind, WishState
from tests.builders import create_community
from tests.clients import Api
from tests.notifications.builders import CHAOS_EVENTS, CHAOS_TEMPLATE, at_shanghai
from tests.notifications.processes import Note, SimulatorProcess, Workers, running
from tests.wishes.builders import put_persons

FAULTS: list[dict[str, Any]] = [
    {"errcode": -1, "probability": 0.08},
    {"errcode": 43108, "probability": 0.06},
    {"errcode": 45011, "probability": 0.05},
    {"errcode": 45009, "probability": 0.02},
    {"disconnect": True, "when": "after", "probability": 0.05},
    {"disconnect": True, "probability": 0.04},
    {"status": 502, "when": "after", "probability": 0.03},
]
SEND = "/cgi-bin/message/subscribe/send"
WORKERS = 3
PRIORITIES = ("normal", "urgent", "normal", "bulk", "normal")


async def test_killed_workers_lose_nothing_and_repeat_nothing(
    api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch, record_testsuite_property: Note
) -> None:
    await chaos(
        api, settings, monkeypatch, record_testsuite_property, people=60, messages=5, jobs=100, kills=5, lease_seconds=2
    )


@pytest.mark.full
async def test_twenty_thousand_messages_and_five_thousand_jobs(
    api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch, record_testsuite_property: Note
) -> None:
    await chaos(
        api,
        settings,
        monkeypatch,
        record_testsuite_property,
        people=400,
        messages=50,
        jobs=5000,
        kills=60,
        lease_seconds=4,
    )


async def chaos(
    api: Api,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    note: Note,
    *,
    people: int,
    messages: int,
    jobs: int,
    kills: int,
    lease_seconds: float,
) -> None:
    for name, event in CHAOS_EVENTS.items():
        monkeypatch.setitem(events.EVENTS, name, event)
    at_shanghai(10)
    community = await create_community()
    persons = [person.person_id for person in await put_persons(api, community, *["居民"] * people)]
    await add_jobs(community, persons, jobs)
    async with running(settings, workers=0, lease_seconds=lease_seconds) as (simulator, workers):
        await simulator.add_people([f"openid-{person}" for person in persons], CHAOS_TEMPLATE, messages)
        await execute(
            "INSERT INTO grant_balance (id, created_at, person_id, template, balance, answer) "
            "SELECT p, $2, p, $3, $4, 'accept' FROM unnest($1::uuid[]) AS p",
            persons,
            clock.now(),
            CHAOS_TEMPLATE,
            messages,
        )
        for fault in FAULTS:
            await simulator.admin("POST", "faults", {"path": SEND, "times": -1, **fault})
        for _ in range(WORKERS):
            await workers.start()
        killing = asyncio.create_task(kill_now_and_then(workers, people * messages + jobs, kills))
        await write_messages(persons, messages)
        await until_nothing_is_left()
        killing.cancel()
        await workers.stop()
        assert workers.killed >= kills / 2
        note("chaos_killed", workers.killed)
        note("chaos_ended", dict(await check_messages(persons, messages, simulator)))
    await check_jobs(persons, jobs)


async def add_jobs(community: Organization, persons: list[str], jobs: int) -> None:
    """Wishes whose day has passed, each to be closed and its wisher told; and an announcement to everybody."""
    now = clock.now()
    await Wish.bulk_create(
        [
            Wish(
                id=new_id(),
                author_id=persons[number % len(persons)],
                beneficiary_id=persons[number % len(persons)],
                community_id=community.id,
                state=WishState.PUBLISHED,
                kind=WishKind.THING,
                audience=next(iter(WishAudience)),
                title=f"心愿{number}",
                wished_by=today() - timedelta(days=1),
                submitted_at=now,
                published_at=now,
            )
            for number in range(jobs)
        ],
        batch_size=500,
    )
    await Announcement.create(
        organization_id=community.id,
        audience=AnnouncementAudience.RESIDENTS,
        title="公告",
        text="公告",
        state=AnnouncementState.SENDING,
        written_by_id=new_id(),
        sent_at=now,
    )


async def write_messages(persons: list[str], messages: int) -> None:
    for number in range(messages):
        for person in persons:
            async with transaction():
                event = CHAOS_EVENTS[f"numbered_{PRIORITIES[number % len(PRIORITIES)]}"]
                await notify(person, event, n=number, doer=person, at=clock.now())


async def kill_now_and_then(workers: Workers, rows: int, kills: int) -> None:
    """By the work that is done and not by the clock: a worker that never came to do anything proves nothing."""
    next_at = 0.0
    while True:
        next_at += rows / kills * random.uniform(0.5, 1.2)
        while await fetch_value("SELECT count(*) FROM outbox WHERE finished_at IS NOT NULL") < next_at:
            await asyncio.sleep(random.uniform(0, 0.1))
        await workers.kill_one()


async def until_nothing_is_left() -> None:
    """Lets pauses pass where nothing else is left to do; the workers read the same clock."""
    while True:
        await asyncio.sleep(0.05)
        jobs = await fetch_value(
            "SELECT (SELECT count(*) FROM wish WHERE state = 'published') "
            "+ (SELECT count(*) FROM announcement WHERE state = 'sending')"
        )
        open_rows = await fetch_value("SELECT count(*) FROM outbox WHERE finished_at IS NULL")
        if not jobs and not open_rows:
            return
        due = await fetch_value(
            "SELECT count(*) FROM outbox o WHERE state = 'in_flight' OR finished_at IS NULL AND due_at <= $1 "
            "AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.lane = o.lane AND e.state <> 'in_flight' "
            "AND e.finished_at IS NULL AND (-e.priority, e.id) < (-o.priority, o.id))",
            clock.now(),
        )
        if not jobs and not due:
            soonest = await fetch_value(
                "SELECT min(due_at) FROM outbox WHERE finished_at IS NULL AND due_at > $1", clock.now()
            )
            if soonest:
                clock.move_clock(clock.offset() + max(soonest - clock.now(), timedelta()) + timedelta(seconds=10))


async def check_messages(persons: list[str], messages: int, simulator: SimulatorProcess) -> Counter[str]:
    """How many ended as what."""
    rows = await fetch("SELECT person_id, delivery FROM inbox_message WHERE event LIKE 'numbered%'")
    received = [message for message in await simulator.outbox() if message["template"] == CHAOS_TEMPLATE]
    arrived = Counter((message["openid"], message["page"]) for message in received)
    assert len(rows) == len(persons) * messages
    assert max(arrived.values()) == 1, "none twice"
    ended = Counter(row["delivery"] for row in rows)
    assert set(ended) <= {"sent", "unknown", "failed"}, ended
    assert ended["unknown"], "and some are counted as unknown"
    assert ended["sent"] <= len(received) <= ended["sent"] + ended["unknown"]
    left = await fetch_value("SELECT sum(balance) FROM grant_balance WHERE template = $1", CHAOS_TEMPLATE)
    assert left == len(rows) - ended["sent"] - ended["unknown"], "each sent or unknown one has spent an accept"
    of_person: dict[str, list[int]] = {}
    for message in received:
        of_person.setdefault(message["openid"], []).append(int(message["data"]["thing1"][1:-1]))
    for numbers in of_person.values():
        for priority in set(PRIORITIES):
            order = [number for number in numbers if PRIORITIES[number % len(PRIORITIES)] == priority]
            assert order == sorted(order), "each person's of one priority in order"
    final = {row["state"] for row in await fetch("SELECT DISTINCT state FROM outbox")}
    assert final <= {"done", "unknown", "failed", "expired"}, "the clock was moved, so some came too late"
    return ended


async def check_jobs(persons: list[str], jobs: int) -> None:
    assert await fetch_value("SELECT count(*) FROM wish WHERE state = 'expired'") == jobs
    told = await fetch(
        "SELECT event, count(*) AS messages, count(DISTINCT (person_id, facts)) AS different FROM inbox_message "
        "WHERE event IN ('wish_expired', 'announcement') GROUP BY event ORDER BY event"
    )
    assert [(row["event"], row["messages"], row["different"]) for row in told] == [
        ("announcement", len(persons), len(persons)),
        ("wish_expired", jobs, jobs),
    ]
