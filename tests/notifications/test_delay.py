"""How long a message takes from its commit until WeChat has it: when nothing else happens, and behind announcements."""

import asyncio
import random
import statistics
from datetime import datetime, timedelta

import msgspec
import pytest

from server.announcements.models import Announcement, AnnouncementAudience, AnnouncementState
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value, transaction
from server.foundation.ids import new_id
from server.foundation.settings import DEMO_APPID, Settings
from server.notifications import events
from server.notifications.events import Event
from server.notifications.telling import notify
from server.wechat.simulator.state import Person, Saved
from server.wechat.templates import TemplateIds
from tests.builders import create_community
from tests.clients import Api
from tests.notifications.builders import CHAOS_EVENTS, CHAOS_TEMPLATE, NUMBERED_NORMAL, NUMBERED_URGENT, at_shanghai
from tests.notifications.processes import Note, SimulatorProcess, running


async def test_a_message_takes_a_moment_and_an_urgent_one_behind_3000_announcements_too(
    api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch, record_testsuite_property: Note
) -> None:
    await measure(settings, monkeypatch, record_testsuite_property, people=3000, idle=7, urgent=10)


@pytest.mark.full
async def test_an_urgent_message_behind_100_000_announcements(
    api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch, record_testsuite_property: Note
) -> None:
    await measure(settings, monkeypatch, record_testsuite_property, people=100_000, idle=60, urgent=200)


async def measure(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, note: Note, *, people: int, idle: int, urgent: int
) -> None:
    for name, event in CHAOS_EVENTS.items():
        monkeypatch.setitem(events.EVENTS, name, event)
    at_shanghai(10)
    community_id = (await create_community()).id
    persons = await add_people(community_id, people, settings)
    async with running(settings, workers=2, keep=True) as (simulator, _):
        await until_a_worker_runs()
        # Those who are told something urgent are among those to whom something else is announced.
        told = {}
        for number in range(idle):
            told[number] = await tell(NUMBERED_NORMAL, random.choice(persons), number)
            await asyncio.sleep(random.uniform(0.15, 0.35))
        delays = await delays_of(simulator, told)
        assert len(delays) == idle
        note("idle_median", statistics.median(delays))
        note("idle_max", max(delays))
        assert statistics.median(delays) < 1

        await announce(community_id)
        told.clear()
        for number in range(1000, 1000 + urgent):
            await asyncio.sleep(random.uniform(0.1, 0.2))
            told[number] = await tell(NUMBERED_URGENT, random.choice(persons), number)
        left = people - await fetch_value("SELECT count(*) FROM outbox WHERE priority = 0 AND finished_at IS NOT NULL")
        delays = await delays_of(simulator, told)
        note("announcements_left", left)
        note("urgent_median", statistics.median(delays))
        note("urgent_max", max(delays))
        assert left, "announcements were still going out"
        assert len(delays) == urgent
        assert max(delays) < 2


async def add_people(community_id: str, count: int, settings: Settings) -> list[str]:
    """Residents with WeChat who have accepted everything, here and at the platform."""
    rows = await fetch(
        "INSERT INTO person (id, created_at, origin, nickname, shown_nickname, community_id, version) "
        "SELECT gen_random_uuid(), $2, 'wechat', '居民', '居民', $1, 1 FROM generate_series(1, $3) RETURNING id",
        community_id,
        clock.now(),
        count,
    )
    persons = [row["id"] for row in rows]
    await execute(
        "INSERT INTO wechat_identity (id, created_at, person_id, appid, openid, signed_in_at) "
        "SELECT p, $3, p, $4, openid, $3 FROM unnest($1::uuid[], $2::text[]) AS known (p, openid)",
        persons,
        [f"openid-{person}" for person in persons],
        clock.now(),
        DEMO_APPID,
    )
    for template in ("announcement", CHAOS_TEMPLATE):
        await execute(
            "INSERT INTO grant_balance (id, created_at, person_id, template, balance, answer) "
            "SELECT gen_random_uuid(), $2, p, $3, 1000, 'accept' FROM unnest($1::uuid[]) AS p",
            persons,
            clock.now(),
            template,
        )
    ids = TemplateIds(settings)
    saved = Saved(
        persons={
            f"openid-{person}": Person(f"openid-{person}", "居民", "13900000000", "", clock.now()) for person in persons
        },
        grants={
            f"openid-{person} {ids[template]}": 1000
            for person in persons
            for template in ("announcement", CHAOS_TEMPLATE)
        },
    )
    (settings.data_dir / "wechat-simulator.json").write_bytes(msgspec.json.encode(saved))
    return persons


async def until_a_worker_runs() -> None:
    async with asyncio.timeout(60):
        while not await fetch_value("SELECT count(*) FROM job_run WHERE runs > 0"):
            await asyncio.sleep(0.05)


async def tell(event: Event, person_id: str, number: int) -> datetime:
    """When it was committed."""
    async with transaction():
        await notify(person_id, event, n=number, doer=person_id, at=clock.now())
    return clock.now()


async def announce(community_id: str) -> None:
    await Announcement.create(
        organization_id=community_id,
        audience=AnnouncementAudience.RESIDENTS,
        title="公告",
        text="公告",
        state=AnnouncementState.SENDING,
        written_by_id=new_id(),
        sent_at=clock.now(),
    )
    async with asyncio.timeout(30):
        while not await fetch_value("SELECT count(*) FROM outbox WHERE priority = 0"):
            await asyncio.sleep(0.01)


async def delays_of(simulator: SimulatorProcess, told: dict[int, datetime]) -> list[float]:
    """Seconds from the commit of each message until the platform had it."""
    waiting = "SELECT count(*) FROM inbox_message WHERE event LIKE 'numbered%' AND delivery = 'queued'"
    async with asyncio.timeout(30):
        while await fetch_value(waiting):
            await asyncio.sleep(0.05)
    received = [message for message in await simulator.outbox() if message["template"] == CHAOS_TEMPLATE]
    arrived = {int(message["data"]["thing1"][1:-1]): message["sent_at"] for message in received}
    return [
        max((datetime.fromisoformat(arrived[number]) - committed) / timedelta(seconds=1), 0.0)
        for number, committed in told.items()
        if number in arrived
    ]
