"""Each way in which a sending can end."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from server.accounts.models import PersonOrigin
from server.background.relay import MAX_ATTEMPTS, drain_outbox
from server.foundation import clock
from server.foundation.database import execute, fetch_value
from server.foundation.settings import Settings
from server.notifications.delivery import note_delivery
from server.notifications.grants import balance_of
from server.notifications.models import InboxMessage
from server.wechat import connection
from server.wechat.push import SubscribeSent
from server.wechat.push_storage import store_pushes
from tests.builders import create_community, create_person, create_resident, sign_in
from tests.clients import Api
from tests.notifications.builders import (
    TEMPLATE,
    THING_EXPIRING,
    THING_SEEN,
    THING_UNSENDABLE,
    Things,
    ledger_of,
    outcome_of,
    pause_of,
    tell,
)
from tests.simulator import Simulator


async def granted(api: Api, simulator: Simulator, times: int = 1) -> Api:
    me = await create_resident(api, await create_community(), "小王")
    await simulator.accept(me, TEMPLATE, times=times)
    return me


async def test_a_message_arrives_and_spends_one_accept(api: Api, simulator: Simulator, things: Things) -> None:
    me = await granted(api, simulator, times=2)
    thing = things.add("陪李奶奶买菜")
    message = await tell(me, thing)
    await simulator.admin("POST", "pushes", {"enabled": False})
    await drain_outbox()
    assert await outcome_of(message) == ("done", "sent", 1)
    (received,) = await simulator.outbox(me)
    assert received["template"] == TEMPLATE
    assert received["page"] == f"pages/thing/thing?id={thing}"
    assert received["data"]["thing1"] == "陪李奶奶买菜"
    assert received["data"]["thing4"] == "长期没有进展"
    assert (await ledger_of(me))[-1] == ("send", -1)
    await simulator.admin("POST", "pushes", {"enabled": True})
    message = await tell(me, thing)
    await simulator.settle()
    assert await outcome_of(message) == ("done", "delivered", 0), "WeChat's push says that it arrived"


async def test_without_an_accept_it_stays_in_the_inbox_without_a_call(
    api: Api, simulator: Simulator, things: Things
) -> None:
    me = await create_resident(api, await create_community())
    message = await tell(me, things.add())
    await simulator.settle()
    assert await outcome_of(message) == ("done", "inbox_only", 0)
    assert (await InboxMessage.get(id=message)).delivery_note == "no accept left"
    assert await simulator.calls() == 0


async def test_an_event_without_a_template_queues_nothing(api: Api, simulator: Simulator, things: Things) -> None:
    me = await granted(api, simulator)
    await tell(me, things.add(), THING_SEEN)
    assert await fetch_value("SELECT count(*) FROM outbox WHERE kind = 'subscribe_message'") == 0


async def test_a_person_without_wechat_has_the_inbox_only(api: Api, simulator: Simulator, things: Things) -> None:
    me = await granted(api, simulator)
    await execute("DELETE FROM wechat_identity WHERE person_id = $1", me.person_id)
    message = await tell(me, things.add())
    await simulator.settle()
    assert await outcome_of(message) == ("done", "inbox_only", 1)
    assert await simulator.calls() == 0


async def test_a_thing_that_is_gone_is_not_sent(api: Api, simulator: Simulator, things: Things) -> None:
    me = await granted(api, simulator)
    thing = things.add()
    message = await tell(me, thing)
    del things[thing]
    await simulator.settle()
    assert await outcome_of(message) == ("done", "inbox_only", 1)
    assert await simulator.calls() == 0


async def test_an_accept_that_comes_while_wechat_refuses_is_kept(
    api: Api, simulator: Simulator, things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was given after the one that WeChat knew nothing of, so what WeChat said does not mean it."""
    me = await granted(api, simulator)
    message = await tell(me, things.add())
    await simulator.fault(errcode=43101)
    send = connection.platform().send_subscribe_message

    async def send_while_they_tap(*arguments: Any) -> str:
        try:
            return await send(*arguments)
        finally:
            await simulator.accept(me, TEMPLATE)

    with monkeypatch.context() as patch:
        patch.setattr(connection.platform(), "send_subscribe_message", send_while_they_tap)
        await drain_outbox()
    assert await outcome_of(message) == ("done", "inbox_only", 1)
    assert await ledger_of(me) == [("push", 1), ("push", 1), ("correction", -1)]


TABLE: list[tuple[dict[str, Any], str, str, int]] = [
    # fault, what the platform did, state, delivery, accepts left of 1
    ({"errcode": 43101}, "done", "inbox_only", 0),
    ({"errcode": -1}, "waiting", "queued", 1),
    ({"errcode": 45009}, "waiting", "queued", 1),
    ({"errcode": 45011}, "waiting", "queued", 1),
    ({"errcode": 43108}, "waiting", "queued", 1),
    ({"errcode": 40001, "times": 2}, "waiting", "queued", 1),
    ({"errcode": 40014, "times": 2}, "waiting", "queued", 1),
    ({"errcode": 42001, "times": 2}, "waiting", "queued", 1),
    ({"errcode": 40003}, "failed", "failed", 1),
    ({"errcode": 40037}, "failed", "failed", 1),
    ({"errcode": 41001}, "failed", "failed", 1),
    ({"errcode": 41030}, "failed", "failed", 1),
    ({"errcode": 43107}, "failed", "failed", 1),
    ({"errcode": 45168}, "failed", "failed", 1),
    ({"errcode": 47003}, "failed", "failed", 1),
    ({"errcode": 48001}, "failed", "failed", 1),
    ({"errcode": 50002}, "failed", "failed", 1),
    ({"errcode": 99999}, "failed", "failed", 1),
    ({"disconnect": True, "when": "after"}, "unknown", "unknown", 0),
    ({"disconnect": True}, "unknown", "unknown", 0),
    ({"garbage": True}, "unknown", "unknown", 0),
    ({"status": 500}, "unknown", "unknown", 0),
]


@pytest.mark.parametrize(("fault", "state", "delivery", "left"), TABLE, ids=[str(row[0]) for row in TABLE])
async def test_each_answer_of_the_platform_has_its_end(
    api: Api, simulator: Simulator, things: Things, fault: dict[str, Any], state: str, delivery: str, left: int
) -> None:
    me = await granted(api, simulator)
    message = await tell(me, things.add())
    await simulator.fault(**fault)
    await drain_outbox()
    assert await outcome_of(message) == (state, delivery, left)
    # Whatever is tried again arrives then, once; whatever has ended stays as it is.
    calls = await simulator.calls()
    clock.move_clock(timedelta(days=1, minutes=1))
    await simulator.settle()
    if state == "waiting":
        assert await outcome_of(message) == ("done", "delivered", 0)
        assert len(await simulator.outbox(me)) == 1
    else:
        assert await outcome_of(message) == (state, delivery, left)
        assert await simulator.calls() == calls
        assert len(await simulator.outbox(me)) == (fault.get("when") == "after")


async def test_a_connection_that_was_never_made_is_tried_again(
    api: Api, simulator: Simulator, things: Things, settings: Settings
) -> None:
    me = await granted(api, simulator)
    message = await tell(me, things.add())

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    working = connection._platform
    connection.connect(settings, httpx.MockTransport(refuse))
    await drain_outbox()
    assert await outcome_of(message) == ("waiting", "queued", 1)
    await connection.disconnect()
    connection._platform = working
    clock.move_clock(timedelta(minutes=1))
    await simulator.settle()
    assert await outcome_of(message) == ("done", "delivered", 0)


async def test_a_token_that_cannot_be_fetched_leaves_the_message_unsent(
    api: Api, simulator: Simulator, things: Things
) -> None:
    me = await granted(api, simulator)
    message = await tell(me, things.add())
    await simulator.fault("/cgi-bin/stable_token", disconnect=True)
    await drain_outbox()
    assert await outcome_of(message) == ("waiting", "queued", 1)
    clock.move_clock(timedelta(minutes=2))
    await simulator.settle()
    assert await outcome_of(message) == ("done", "delivered", 0)


@pytest.mark.parametrize(("errcode", "least", "most"), [(43108, 1, 4), (45011, 55, 65), (-1, 0.9, 2.1)])
async def test_the_pause_depends_on_the_refusal(
    api: Api, simulator: Simulator, things: Things, errcode: int, least: float, most: float
) -> None:
    me = await granted(api, simulator)
    message = await tell(me, things.add())
    await simulator.fault(errcode=errcode)
    await drain_outbox()
    assert least < await pause_of(message) < most


async def test_the_days_quota_waits_for_midnight_in_shanghai(api: Api, simulator: Simulator, things: Things) -> None:
    me = await granted(api, simulator)
    message = await tell(me, things.add())
    await simulator.fault(errcode=45009)
    await drain_outbox()
    again = clock.shanghai(clock.now() + timedelta(seconds=await pause_of(message)))
    assert again.hour == 0
    assert again.minute <= 1


async def test_after_the_last_try_it_has_failed_and_says_so(api: Api, simulator: Simulator, things: Things) -> None:
    me = await granted(api, simulator)
    message = await tell(me, things.add())
    await simulator.fault(errcode=-1, times=-1)
    for attempt in range(MAX_ATTEMPTS):
        clock.move_clock(timedelta(hours=attempt))
        await drain_outbox()
    assert await outcome_of(message) == ("failed", "failed", 1)
    assert await simulator.calls() == MAX_ATTEMPTS
    assert await simulator.outbox(me) == []


async def test_a_message_whose_time_has_passed_expires(api: Api, simulator: Simulator, things: Things) -> None:
    me = await granted(api, simulator)
    message = await tell(me, things.add(), THING_EXPIRING)
    clock.move_clock(timedelta(hours=3))
    await simulator.settle()
    assert await outcome_of(message) == ("expired", "expired", 1)
    assert await simulator.calls() == 0
    assert (await me.get("/me/inbox"))["unread"] == 1


async def test_a_field_that_cannot_be_made_to_fit_fails_before_any_call(
    api: Api, simulator: Simulator, things: Things
) -> None:
    me = await granted(api, simulator)
    message = await tell(me, things.add(), THING_UNSENDABLE)
    await simulator.settle()
    assert await outcome_of(message) == ("failed", "failed", 1)
    assert await simulator.calls() == 0


async def test_what_wechat_could_not_deliver_is_noted(api: Api, simulator: Simulator, things: Things) -> None:
    me = await granted(api, simulator)
    await simulator.admin("POST", "pushes", {"enabled": False})
    message = await tell(me, things.add())
    await simulator.settle()
    (received,) = await simulator.outbox(me)
    push = SubscribeSent(
        key="sent:1",
        openid=received["openid"],
        created_at=clock.now(),
        template_id=received["template_id"],
        msgid=received["msgid"],
        error_code=1,
        error_status="user refuse to accept the msg",
    )
    record = await note_delivery(push)
    assert record
    await record()
    assert (await InboxMessage.get(id=message)).delivery == "undelivered"


@pytest.mark.parametrize(("late", "delivery"), [(timedelta(minutes=9), "delivered"), (timedelta(minutes=20), "sent")])
async def test_a_push_about_what_is_recorded_late(
    api: Api, simulator: Simulator, things: Things, late: timedelta, delivery: str
) -> None:
    """An outage of the database: WeChat has told of the message before we could note that it was sent. However many
    looks that takes, the push ends as done, and counts where it waited for the record."""
    me = await granted(api, simulator)
    message = await tell(me, things.add())
    await simulator.admin("POST", "pushes", {"enabled": False})
    await simulator.settle()
    msgid = (await InboxMessage.get(id=message)).msgid
    assert msgid
    await InboxMessage.filter(id=message).update(msgid=None)
    push = SubscribeSent(
        key="sent:1", openid="o", created_at=clock.now(), template_id="t", msgid=msgid, error_code=0, error_status=""
    )
    await store_pushes([push])
    passed, each = timedelta(), timedelta(seconds=20)
    while passed < late:
        clock.move_clock(passed)
        await drain_outbox()
        passed += each
    assert passed / each > 3 * MAX_ATTEMPTS
    await InboxMessage.filter(id=message).update(msgid=msgid)
    clock.move_clock(2 * late)
    await drain_outbox()
    assert await fetch_value("SELECT state FROM outbox WHERE kind = 'wechat_push'") == "done"
    assert (await InboxMessage.get(id=message)).delivery == delivery


async def test_messages_to_one_person_keep_their_order(api: Api, simulator: Simulator, things: Things) -> None:
    me = await granted(api, simulator, times=4)
    for title in ("一", "二", "三"):
        await tell(me, things.add(title))
    # The first one is put off: those behind it wait for it.
    await simulator.fault(errcode=-1)
    await drain_outbox()
    assert await simulator.outbox(me) == []
    clock.move_clock(timedelta(minutes=1))
    await simulator.settle()
    assert [message["data"]["thing1"] for message in await simulator.outbox(me)] == ["一", "二", "三"]


async def test_the_last_accept_goes_to_the_first_message(api: Api, simulator: Simulator, things: Things) -> None:
    me = await granted(api, simulator)
    first, second = await tell(me, things.add("一")), await tell(me, things.add("二"))
    await simulator.settle()
    assert (await outcome_of(first))[1] == "delivered"
    assert (await outcome_of(second))[1] == "inbox_only"
    assert await simulator.calls() == 1


async def test_a_long_title_is_cut_to_what_wechat_takes(api: Api, simulator: Simulator, things: Things) -> None:
    me = await granted(api, simulator)
    await tell(me, things.add("一" * 60))
    await simulator.settle()
    (received,) = await simulator.outbox(me)
    assert received["data"]["thing1"] == "一" * 19 + "…"


async def test_a_dependant_without_wechat_blocks_nobody(api: Api, simulator: Simulator, things: Things) -> None:
    me = await granted(api, simulator)
    child = await sign_in(api, await create_person(origin=PersonOrigin.DEPENDANT))
    await tell(child, things.add())
    await tell(me, things.add())
    await simulator.settle()
    assert len(await simulator.outbox()) == 1
    assert await balance_of(me.person_id, TEMPLATE) == 0
