"""Many messages while WeChat fails a third of the time: each ends, and none is sent twice."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from server import clock
from server.database import execute, fetch, fetch_value, transaction
from server.notifications.service import notify
from server.relay import run_relay
from server.wechat.connection import template_ids
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.notifications.builders import TEMPLATE, Things
from tests.simulator import Simulator

FAULTS: list[dict[str, Any]] = [
    {"errcode": -1, "probability": 0.08},
    {"errcode": 43108, "probability": 0.06},
    {"errcode": 45011, "probability": 0.05},
    {"errcode": 45009, "probability": 0.02},
    {"disconnect": True, "when": "after", "probability": 0.05},
    {"disconnect": True, "probability": 0.04},
    {"status": 502, "when": "after", "probability": 0.03},
]


async def test_a_few_messages_end_whatever_happens(api: Api, simulator: Simulator, things: Things) -> None:
    await send_through_faults(api, simulator, things, people=10, messages=12)


@pytest.mark.full
async def test_ten_thousand_messages_end_whatever_happens(api: Api, simulator: Simulator, things: Things) -> None:
    await send_through_faults(api, simulator, things, people=200, messages=50)


async def send_through_faults(api: Api, simulator: Simulator, things: Things, *, people: int, messages: int) -> None:
    community = await create_community()
    persons = [(await create_resident(api, community)).person_id for _ in range(people)]
    state = simulator.app.ctx.state
    for person_id in persons:
        await execute(
            "INSERT INTO grant_balance (id, created_at, person_id, template, balance, answer) "
            "VALUES ($1, $2, $1, $3, $4, 'accept')",
            person_id,
            clock.now(),
            TEMPLATE,
            messages,
        )
        state.saved.grants[f"openid-{person_id} {template_ids()[TEMPLATE]}"] = messages
    for number in range(messages):
        async with transaction():
            thing = things.add(f"第{number}条")
            for person_id in persons:
                facts = {"doer": person_id, "at": clock.now(), "reason": "idle"}
                await notify(person_id, "thing_changed", thing=thing, **facts)
    for fault in FAULTS:
        await simulator.fault(times=-1, **fault)

    stop = asyncio.Event()
    relays = [asyncio.create_task(run_relay(stop, at_once=16, idle_seconds=0.01)) for _ in range(2)]
    hours = 0
    while await fetch_value("SELECT count(*) FROM outbox WHERE finished_at IS NULL"):
        await asyncio.sleep(0.05)
        due = await fetch_value(
            "SELECT count(*) FROM outbox o WHERE state = 'in_flight' OR finished_at IS NULL AND due_at <= $1 "
            "AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.lane = o.lane AND e.id < o.id AND e.finished_at IS NULL)",
            clock.now(),
        )
        if not due:
            # Only pauses are left: let them pass.
            hours += 1
            clock.move_clock(timedelta(hours=hours))
    stop.set()
    await asyncio.gather(*relays)
    await simulator.app.ctx.pushes.drain()

    rows = await fetch("SELECT id, person_id, delivery FROM inbox_message ORDER BY id")
    received = await simulator.outbox()
    arrived = Counter((message["openid"], message["page"]) for message in received)
    assert len(rows) == people * messages
    assert max(arrived.values()) == 1, "none twice"
    ended = Counter(row["delivery"] for row in rows)
    assert set(ended) <= {"sent", "delivered", "unknown", "failed"}
    assert ended["unknown"], "and some are counted as unknown"
    taken = ended["sent"] + ended["delivered"]
    assert taken <= len(received) <= taken + ended["unknown"]
    left = await fetch_value("SELECT sum(balance) FROM grant_balance")
    assert left == people * messages - taken - ended["unknown"], "each sent or unknown one has spent an accept"
    for person_id in persons:
        order = [message["data"]["thing1"] for message in received if message["openid"] == f"openid-{person_id}"]
        assert order == sorted(order, key=lambda title: int(title[1:-1])), "each person's in order"
