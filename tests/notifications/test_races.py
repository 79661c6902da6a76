"""Exactly once: several relays at once, and relays that die."""

import asyncio
from datetime import timedelta

import pytest

from server.background.relay import EXPIRED_LEASES, carry_out, claim_rows, drain_outbox, run_relay
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value
from server.notifications.grants import balance_of
from server.wechat.connection import platform
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.notifications.builders import TEMPLATE, Things, outcome_of, tell
from tests.simulator import Simulator


async def test_two_relays_send_each_message_once_and_in_order(api: Api, simulator: Simulator, things: Things) -> None:
    community = await create_community()
    people = [await create_resident(api, community) for _ in range(4)]
    for person in people:
        await simulator.accept(person, TEMPLATE, times=5)
    for number in range(5):
        for person in people:
            await tell(person, things.add(f"第{number}条"))
    stop = asyncio.Event()
    relays = [asyncio.create_task(run_relay(stop, at_once=4, idle_seconds=0.01)) for _ in range(3)]
    open_messages = "SELECT count(*) FROM outbox WHERE finished_at IS NULL AND kind = 'subscribe_message'"
    async with asyncio.timeout(20):
        while await fetch_value(open_messages):
            await asyncio.sleep(0.02)
    stop.set()
    await asyncio.gather(*relays)
    for person in people:
        titles = [message["data"]["thing1"] for message in await simulator.outbox(person)]
        assert titles == [f"第{number}条" for number in range(5)]
        assert await balance_of(person.person_id, TEMPLATE) == 0
    counters = await simulator.admin("GET", "counters")
    assert not any("43108" in name for name in counters), "two at once to one person"


async def test_a_row_is_claimed_by_one_of_many(api: Api, simulator: Simulator, things: Things) -> None:
    me = await create_resident(api, await create_community())
    await simulator.accept(me, TEMPLATE)
    await tell(me, things.add())
    claims = await asyncio.gather(*(claim_rows(10) for _ in range(8)))
    rows = [row for claimed in claims for row in claimed]
    assert len(rows) == 1
    await carry_out(rows[0])
    assert len(await simulator.outbox(me)) == 1


async def test_a_relay_that_dies_while_it_sends_leaves_an_unknown_message_that_is_never_repeated(
    api: Api, simulator: Simulator, things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = await create_resident(api, await create_community())
    await simulator.accept(me, TEMPLATE)
    message = await tell(me, things.add())
    (row,) = await claim_rows(10)

    async def die(*arguments: object) -> str:
        await send(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    send = platform().send_subscribe_message
    monkeypatch.setattr(platform(), "send_subscribe_message", die)
    with pytest.raises(KeyboardInterrupt):
        await carry_out(row)
    past = clock.real_now() - timedelta(seconds=1)
    await execute("UPDATE outbox SET lease_until = $2 WHERE id = $1", row.id, past)
    assert await EXPIRED_LEASES.run() == 1
    assert await outcome_of(message) == ("unknown", "unknown", 0), "it has been sent, so the accept is spent"
    clock.move_clock(timedelta(days=1))
    await drain_outbox()
    assert len(await simulator.outbox(me)) == 1
    assert [dict(row) for row in await fetch("SELECT change FROM grant_entry WHERE source = 'send'")] == [
        {"change": -1}
    ]


async def test_a_relay_that_was_only_slow_records_nothing_twice(api: Api, simulator: Simulator, things: Things) -> None:
    me = await create_resident(api, await create_community())
    await simulator.accept(me, TEMPLATE)
    message = await tell(me, things.add())
    (row,) = await claim_rows(10)
    past = clock.real_now() - timedelta(seconds=1)
    await execute("UPDATE outbox SET lease_until = $2 WHERE id = $1", row.id, past)
    assert await EXPIRED_LEASES.run() == 1
    await simulator.settle()
    assert await outcome_of(message) == ("done", "delivered", 0), "it had not begun, so another one has sent it"
    await carry_out(row)
    assert len(await simulator.outbox(me)) == 1
    assert await outcome_of(message) == ("done", "delivered", 0)


async def test_a_push_whose_relay_dies_still_counts_once(api: Api, simulator: Simulator) -> None:
    me = await create_resident(api, await create_community())
    body = {"accept": [TEMPLATE]}
    await simulator.admin("POST", f"persons/openid-{me.person_id}/subscriptions", body)
    await simulator.app.ctx.pushes.drain()
    (row,) = await claim_rows(10)
    past = clock.real_now() - timedelta(seconds=1)
    await execute("UPDATE outbox SET lease_until = $2 WHERE id = $1", row.id, past)
    await EXPIRED_LEASES.run()
    await carry_out(row)
    await simulator.settle()
    assert await balance_of(me.person_id, TEMPLATE) == 1
