"""Messages over real connections to a platform that refuses, is slow, breaks off and forgets to answer: each ends, none
is sent twice, and what nobody can know is counted as unknown."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from server.background.relay import run_relay
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value, transaction
from server.foundation.settings import Settings
from server.notifications.telling import notify
from server.wechat import connection
from server.wechat.connection import template_ids
from server.wechat.simulator import create_simulator
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.notifications.builders import TEMPLATE, THING_CHANGED, Things
from tests.operations.test_health import metrics
from tests.simulator import SEND, Simulator, listening

TIMEOUT = 0.15
"""Seconds; 5 in earnest."""
LATE: dict[str, Any] = {"latency": 3 * TIMEOUT}
FAULTS: list[tuple[dict[str, Any], float]] = [
    # what goes wrong, and how often
    ({"errcode": -1}, 0.08),
    ({"errcode": 45009}, 0.03),
    ({"errcode": 43108}, 0.05),
    ({"disconnect": True, "when": "after"}, 0.05),
    ({"disconnect": True}, 0.03),
    (LATE | {"when": "after"}, 0.02),
    (LATE, 0.02),
]


@pytest.fixture
async def far_away(app: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Simulator]:
    """The platform behind real sockets, which this process is connected to. It pushes nothing."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    chosen = msgspec.structs.replace(settings, simulator_port=listener.getsockname()[1])
    monkeypatch.setattr("server.wechat.client.TIMEOUT_SECONDS", TIMEOUT)
    platform = create_simulator(chosen, persist=False)
    platform.ctx.state.pushes.enabled = False
    await connection.disconnect()
    async with listening(platform, listener), httpx.AsyncClient(base_url=chosen.wechat_base, trust_env=False) as http:
        connection.connect(chosen)
        yield Simulator(platform, http)
        await connection.disconnect()
    connection.connect(settings)


async def test_messages_over_bad_connections_end_and_none_comes_twice(
    api: Api, far_away: Simulator, things: Things
) -> None:
    ended = await send_all(api, far_away, things, people=12, messages=12)
    assert ended["unknown"] >= 6, "of each kind of fault some were certain"


@pytest.mark.full
async def test_ten_thousand_messages_over_bad_connections(api: Api, far_away: Simulator, things: Things) -> None:
    ended = await send_all(api, far_away, things, people=200, messages=50)
    assert ended["unknown"] > 500


async def send_all(api: Api, simulator: Simulator, things: Things, *, people: int, messages: int) -> Counter[str]:
    """Tell each of the people of each of the things; how many messages ended as what."""
    await give_accepts(api, simulator, people, messages)
    persons = [row["person_id"] for row in await fetch("SELECT person_id FROM grant_balance")]
    for number in range(messages):
        async with transaction():
            facts: dict[str, Any] = {"thing": things.add(f"第{number}条"), "at": clock.now(), "reason": "idle"}
            for person_id in persons:
                await notify(person_id, THING_CHANGED, doer=person_id, **facts)
    for fault, _ in FAULTS:
        await simulator.fault(SEND, times=2, **fault)
    for fault, probability in FAULTS:
        await simulator.fault(SEND, times=-1, probability=probability, **fault)
    await carry_all_out()

    rows = await fetch("SELECT delivery FROM inbox_message")
    ended = Counter(row["delivery"] for row in rows)
    states = {row["state"]: row["n"] for row in await fetch("SELECT state, count(*) AS n FROM outbox GROUP BY state")}
    received = await simulator.outbox()
    assert sum(ended.values()) == sum(states.values()) == people * messages
    # Some wait so many times for the next day's quota that their time has passed.
    assert set(ended) <= {"sent", "unknown", "failed", "expired"}
    assert states == +Counter({"done" if state == "sent" else state: count for state, count in ended.items()})
    assert max(Counter((message["openid"], message["page"]) for message in received).values()) == 1, "none twice"
    assert ended["sent"] <= len(received) <= ended["sent"] + ended["unknown"]
    told = await metrics(api)
    unknown = 'linli_outbox_rows{kind="subscribe_message",priority="normal",state="unknown"}'
    assert told[unknown] == ended["unknown"]
    left = await fetch_value("SELECT sum(balance) FROM grant_balance")
    assert left == people * messages - ended["sent"] - ended["unknown"], "sent and unknown ones have spent an accept"
    return ended


async def give_accepts(api: Api, simulator: Simulator, people: int, times: int) -> None:
    """New residents who have accepted the template so often, here and at WeChat."""
    community = await create_community()
    state = simulator.app.ctx.state
    for _ in range(people):
        person_id = (await create_resident(api, community)).person_id
        openid = f"openid-{person_id}"
        await simulator.person(openid)
        state.saved.grants[f"{openid} {template_ids()[TEMPLATE]}"] = times
        await execute(
            "INSERT INTO grant_balance (id, created_at, person_id, template, balance, answer) "
            "VALUES ($1, $2, $1, $3, $4, 'accept')",
            person_id,
            clock.now(),
            TEMPLATE,
            times,
        )


async def carry_all_out() -> None:
    """Two relays until every row has ended; whenever only pauses are left, the clock moves to the end of the first."""
    stop = asyncio.Event()
    relays = [asyncio.create_task(run_relay(stop, at_once=16, idle_seconds=0.01)) for _ in range(2)]
    while await fetch_value("SELECT count(*) FROM outbox WHERE finished_at IS NULL"):
        await asyncio.sleep(0.05)
        # The first row of each lane: those behind it wait for it.
        next_due = await fetch_value(
            "SELECT CASE WHEN bool_or(state = 'in_flight') THEN NULL ELSE min(due_at) END FROM "
            "(SELECT DISTINCT ON (lane) state, due_at FROM outbox WHERE finished_at IS NULL "
            "ORDER BY lane, state = 'in_flight' DESC, id) AS first_ones"
        )
        if next_due and next_due > clock.now():
            clock.move_clock(clock.offset() + (next_due - clock.now()) + timedelta(seconds=1))
    stop.set()
    await asyncio.gather(*relays)
