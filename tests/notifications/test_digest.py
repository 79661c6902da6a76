"""Those whose messages could not be sent learn once a day that something waits for them."""

import asyncio
from typing import Any

import pytest

from server.background.sweeps import RowsFailed
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value
from server.foundation.ids import new_id
from server.notifications.digest import SEND_DIGESTS
from server.notifications.models import InboxMessage
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.notifications.builders import TEMPLATE, THING_MINOR, THING_SEEN, Things, at_shanghai, give_accepts, tell
from tests.simulator import Simulator


async def reader(api: Api, simulator: Simulator, digests: int = 1) -> Api:
    me = await create_resident(api, await create_community())
    await give_accepts(simulator, [me.person_id], digests, "inbox_digest")
    return me


async def evening(simulator: Simulator, days: int = 1) -> None:
    at_shanghai(19, 1, days=days)
    while await SEND_DIGESTS.run():
        pass
    await simulator.settle()


async def digests(simulator: Simulator, who: Api) -> list[dict[str, Any]]:
    return [message["data"] for message in await simulator.outbox(who) if message["template"] == "inbox_digest"]


async def test_in_the_evening_one_digest_counts_what_could_not_be_sent(
    api: Api, simulator: Simulator, things: Things
) -> None:
    me = await reader(api, simulator)
    at_shanghai(10)
    for _ in range(3):
        await tell(me, things.add())
    await tell(me, things.add(), THING_SEEN)
    await simulator.settle()
    assert await SEND_DIGESTS.run() == 0, "not before the evening"
    assert await SEND_DIGESTS.lag() == 0
    at_shanghai(19, 1)
    assert 0 < await SEND_DIGESTS.lag() < 120
    await evening(simulator)
    (digest,) = await digests(simulator, me)
    assert digest["number1"] == "3"
    assert await SEND_DIGESTS.run() == 0
    assert (await simulator.outbox(me))[0]["page"] == "pages/me/inbox"


async def test_the_digest_is_not_in_the_inbox(api: Api, simulator: Simulator, things: Things) -> None:
    me = await reader(api, simulator)
    at_shanghai(10)
    await tell(me, things.add())
    await simulator.settle()
    await evening(simulator)
    inbox = await me.get("/me/inbox")
    assert (len(inbox["items"]), inbox["unread"]) == (1, 1)
    assert (await me.post("/me/inbox/read-all"))["count"] == 1


async def test_what_was_read_meanwhile_is_not_counted(api: Api, simulator: Simulator, things: Things) -> None:
    me = await reader(api, simulator)
    at_shanghai(10)
    await tell(me, things.add())
    await simulator.settle()
    await me.post("/me/inbox/read-all")
    await evening(simulator)
    assert await digests(simulator, me) == []


async def test_without_an_accept_or_with_the_digest_turned_off_there_is_none(
    api: Api, simulator: Simulator, things: Things
) -> None:
    poor, deaf = await reader(api, simulator, digests=0), await reader(api, simulator)
    await deaf.put("/me/notification-preferences", {"version": 0, "muted": ["digest"]})
    at_shanghai(10)
    for person in (poor, deaf):
        await tell(person, things.add())
    await simulator.settle()
    await evening(simulator)
    assert await simulator.outbox() == []
    assert await fetch_value("SELECT count(*) FROM inbox_message WHERE digest_due_at IS NOT NULL") == 0


async def test_what_only_confirms_is_no_reason_for_a_digest(api: Api, simulator: Simulator, things: Things) -> None:
    me = await reader(api, simulator)
    at_shanghai(10)
    await tell(me, things.add(), THING_MINOR)
    await simulator.settle()
    await evening(simulator)
    assert await digests(simulator, me) == []


async def test_nor_is_it_where_only_wechat_knows_that_there_is_no_accept(
    api: Api, simulator: Simulator, things: Things
) -> None:
    me = await reader(api, simulator)
    at_shanghai(10)
    await simulator.accept(me, TEMPLATE, times=2)
    message = await tell(me, things.add(), THING_MINOR)
    await simulator.fault(errcode=43101)
    await simulator.settle()
    assert (await InboxMessage.get(id=message)).delivery_note == "WeChat knows of no accept"
    await evening(simulator)
    assert await digests(simulator, me) == []


async def test_a_digest_counts_each_message_once(api: Api, simulator: Simulator, things: Things) -> None:
    me = await reader(api, simulator, digests=3)
    at_shanghai(10)
    await tell(me, things.add())
    await simulator.settle()
    await evening(simulator)
    await evening(simulator, days=2)
    assert len(await digests(simulator, me)) == 1
    await tell(me, things.add())
    await simulator.settle()
    await evening(simulator, days=3)
    assert [digest["number1"] for digest in await digests(simulator, me)] == ["1", "1"]


async def test_many_workers_send_each_digest_once(api: Api, simulator: Simulator, things: Things) -> None:
    people = [await reader(api, simulator, digests=5) for _ in range(6)]
    at_shanghai(10)
    for person in people:
        for _ in range(3):
            await tell(person, things.add())
    await simulator.settle()
    at_shanghai(19, 1)
    await asyncio.gather(*(SEND_DIGESTS.run() for _ in range(5)))
    await simulator.settle()
    for person in people:
        assert [digest["number1"] for digest in await digests(simulator, person)] == ["3"]
    assert len(await fetch("SELECT id FROM inbox_message WHERE hidden")) == 6


async def test_one_whose_digest_fails_does_not_keep_the_others_waiting(
    api: Api, simulator: Simulator, things: Things
) -> None:
    people = [await reader(api, simulator) for _ in range(3)]
    at_shanghai(10)
    for person in people:
        await tell(person, things.add())
    await simulator.settle()
    await execute(
        "INSERT INTO notification_preferences (id, created_at, person_id, muted, version) VALUES ($1, $2, $3, '7', 1)",
        new_id(),
        clock.now(),
        min(people, key=lambda who: who.person_id).person_id,
    )
    at_shanghai(19, 1)
    with pytest.raises(RowsFailed) as failed:
        await SEND_DIGESTS.run()
    assert failed.value.done == 2
    await simulator.settle()
    assert sorted([len(await digests(simulator, who)) for who in people]) == [0, 1, 1]
    assert await SEND_DIGESTS.lag() > 0
