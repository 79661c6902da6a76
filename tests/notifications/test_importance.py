"""Who gets a person's last accept, and what is no longer worth sending."""

from datetime import timedelta

import pytest

from server.foundation import clock
from server.notifications.events import AskMoment
from server.notifications.models import Delivery, InboxMessage
from server.notifications.queries import list_templates_to_ask
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.notifications.builders import TEMPLATE, THING_MINOR, THING_URGENT, Things, give_accepts, outcome_of, tell
from tests.simulator import Simulator


async def resident(api: Api, simulator: Simulator, accepts: int) -> Api:
    me = await create_resident(api, await create_community())
    await give_accepts(simulator, [me.person_id], accepts)
    return me


async def titles(simulator: Simulator, who: Api) -> list[str]:
    return [message["data"]["thing1"] for message in await simulator.outbox(who)]


async def test_the_urgent_one_gets_the_last_accept(api: Api, simulator: Simulator, things: Things) -> None:
    me = await resident(api, simulator, 1)
    first, urgent = await tell(me, things.add("先")), await tell(me, things.add("急"), THING_URGENT)
    await simulator.settle()
    assert await titles(simulator, me) == ["急"]
    assert (await outcome_of(first))[1] == "inbox_only"
    assert (await outcome_of(urgent))[1] == "delivered"


async def test_an_urgent_one_that_waits_for_its_next_try_keeps_its_accept(
    api: Api, simulator: Simulator, things: Things
) -> None:
    me = await resident(api, simulator, 1)
    urgent = await tell(me, things.add("急"), THING_URGENT)
    await simulator.fault(errcode=-1)
    await simulator.settle()
    normal = await tell(me, things.add("平"))
    await simulator.settle()
    assert (await InboxMessage.get(id=normal)).delivery_note == "the last accept is kept for something more important"
    clock.move_clock(timedelta(minutes=1))
    await simulator.settle()
    assert (await outcome_of(urgent))[1] == "delivered"
    assert await titles(simulator, me) == ["急"]


async def test_with_two_accepts_both_are_sent(api: Api, simulator: Simulator, things: Things) -> None:
    me = await resident(api, simulator, 2)
    await tell(me, things.add("急"), THING_URGENT)
    await simulator.fault(errcode=-1)
    await simulator.settle()
    await tell(me, things.add("平"))
    await simulator.settle()
    assert await titles(simulator, me) == ["平"]


async def test_what_only_confirms_leaves_the_last_accept(api: Api, simulator: Simulator, things: Things) -> None:
    me = await resident(api, simulator, 2)
    first = await tell(me, things.add("一"), THING_MINOR)
    second = await tell(me, things.add("二"), THING_MINOR)
    await simulator.settle()
    assert (await outcome_of(first))[1] == "delivered"
    assert await outcome_of(second) == ("done", "inbox_only", 1)
    await tell(me, things.add("三"))
    await simulator.settle()
    assert await titles(simulator, me) == ["一", "三"]


@pytest.mark.parametrize("left", [Delivery.SENT, Delivery.DELIVERED, Delivery.UNDELIVERED, Delivery.UNKNOWN])
async def test_an_old_message_about_the_same_thing_does_not_come_after_a_newer_one(
    api: Api, simulator: Simulator, things: Things, left: Delivery
) -> None:
    """ "Booked" after "cancelled" would mislead, whatever became of the one that left."""
    me = await resident(api, simulator, 5)
    thing, other = things.add("同一件"), things.add("另一件")
    stale, unrelated = await tell(me, thing), await tell(me, other)
    await simulator.fault(errcode=-1)
    await simulator.settle()
    newer = await tell(me, thing, THING_URGENT)
    await simulator.settle()
    await InboxMessage.filter(id=newer).update(delivery=left)
    clock.move_clock(timedelta(minutes=1))
    await simulator.settle()
    assert await titles(simulator, me) == ["同一件", "另一件"]
    assert (await InboxMessage.get(id=stale)).delivery_note == "a later one was sent before it"
    assert (await outcome_of(unrelated))[1] == "delivered"


async def test_what_was_missed_lately_is_asked_for_first(api: Api, simulator: Simulator, things: Things) -> None:
    me = await create_resident(api, await create_community())

    async def to_ask() -> list[str]:
        found = await list_templates_to_ask(me.person_id, AskMoment.INBOX_OPENED)
        return [item.template for item in found.items]

    assert (await to_ask())[0] == "inbox_digest"
    await tell(me, things.add())
    await simulator.settle()
    assert (await to_ask())[0] == TEMPLATE
    clock.move_clock(timedelta(days=31))
    assert (await to_ask())[0] == "inbox_digest", "and what was missed long ago no longer counts"
