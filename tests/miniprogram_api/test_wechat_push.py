"""The address that WeChat pushes to: stored first, answered at once, each event once, and closed to everyone else."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from server.background.relay import drain_outbox
from server.background.retention import RULES
from server.foundation import clock
from server.foundation.database import fetch_value
from server.foundation.settings import Settings
from server.notifications.grants import balance_of
from server.wechat.connection import template_ids
from server.wechat.simulator.pushes import build_push, sign
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.simulator import Simulator

TEMPLATE = "wish_progress"
PATH = "/wechat/push"


def accepted(who: Api, *templates: str, list_as: type = list) -> dict[str, Any]:
    items = [
        {"TemplateId": template_ids()[name], "SubscribeStatusString": "accept", "PopupScene": "0"} for name in templates
    ]
    return {
        "ToUserName": "gh_1",
        "FromUserName": f"openid-{who.person_id}",
        "CreateTime": int(clock.now().timestamp()),
        "MsgType": "event",
        "Event": "subscribe_msg_popup_event",
        "List": items if list_as is list else items[0],
    }


async def push(
    api: Api,
    settings: Settings,
    message: dict[str, Any],
    *,
    encrypted: bool = True,
    forged: dict[str, str] | None = None,
) -> httpx.Response:
    query, body = build_push(settings, message["FromUserName"], msgspec.json.encode(message).decode(), encrypted)
    return await api.client.post(PATH, params={**query, **(forged or {})}, content=body)


async def stored() -> int:
    return int(await fetch_value("SELECT count(*) FROM stored_push"))


async def test_the_platform_checks_the_address(api: Api, settings: Settings) -> None:
    timestamp, nonce = str(int(clock.now().timestamp())), "42"
    query = {"timestamp": timestamp, "nonce": nonce, "echostr": "echo-17"}
    signature = sign(settings.wechat_push_token, timestamp, nonce)
    answer = await api.client.get(PATH, params={**query, "signature": signature})
    assert (answer.status_code, answer.text) == (200, "echo-17")
    assert answer.headers["content-type"].startswith("text/plain")
    for forged in ("", "0" * 40, signature[:-1]):
        answer = await api.client.get(PATH, params={**query, "signature": forged})
        assert answer.status_code == 403
        assert "echo-17" not in answer.text


@pytest.mark.parametrize("shape", [list, dict])
async def test_a_push_is_stored_answered_and_then_takes_effect(
    api: Api, simulator: Simulator, settings: Settings, shape: type
) -> None:
    me = await create_resident(api, await create_community())
    answer = await push(api, settings, accepted(me, TEMPLATE, list_as=shape))
    assert (answer.status_code, answer.text) == (200, "success")
    assert await balance_of(me.person_id, TEMPLATE) == 0, "nothing but storing happens before the answer"
    await drain_outbox()
    assert await balance_of(me.person_id, TEMPLATE) == 1


async def test_several_answers_in_one_push_all_count(api: Api, simulator: Simulator, settings: Settings) -> None:
    me = await create_resident(api, await create_community())
    await push(api, settings, accepted(me, TEMPLATE, "review_result", "place_free"))
    await drain_outbox()
    for template in (TEMPLATE, "review_result", "place_free"):
        assert await balance_of(me.person_id, template) == 1


async def test_a_replay_changes_nothing(api: Api, simulator: Simulator, settings: Settings) -> None:
    me = await create_resident(api, await create_community())
    message = accepted(me, TEMPLATE)
    answers = await asyncio.gather(*(push(api, settings, message) for _ in range(5)))
    await drain_outbox()
    answers.append(await push(api, settings, message))
    await drain_outbox()
    assert {answer.text for answer in answers} == {"success"}
    assert await stored() == 1
    assert await balance_of(me.person_id, TEMPLATE) == 1


async def test_repetitions_with_their_events_in_another_order_do_not_deadlock(
    api: Api, simulator: Simulator, settings: Settings
) -> None:
    me = await create_resident(api, await create_community())
    names = [TEMPLATE, "review_result", "place_free", "booking_notice"]
    forward, backward = accepted(me, *names), accepted(me, *reversed(names))
    answers = await asyncio.gather(*(push(api, settings, one) for one in [forward, backward] * 6))
    assert {answer.status_code for answer in answers} == {200}
    assert await stored() == 4


async def test_what_cannot_be_stored_in_time_is_left_to_the_repetition(
    api: Api, simulator: Simulator, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WeChat waits 5 seconds, whatever the database does."""
    me = await create_resident(api, await create_community())
    message = accepted(me, TEMPLATE)
    monkeypatch.setattr("miniprogram_api.wechat._STORED_WITHIN", 0.1)
    blocker = await asyncpg.connect(settings.database_url)
    try:
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE stored_push")
            answer = await push(api, settings, message)
    finally:
        await blocker.close()
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert await stored() == 0
    assert (await push(api, settings, message)).text == "success"
    assert await stored() == 1


async def test_an_old_push_is_refused(api: Api, simulator: Simulator, settings: Settings) -> None:
    me = await create_resident(api, await create_community())
    message = accepted(me, TEMPLATE)
    query, body = build_push(settings, message["FromUserName"], msgspec.json.encode(message).decode())
    clock.move_clock(timedelta(minutes=11))
    assert (await api.client.post(PATH, params=query, content=body)).status_code == 403
    assert await stored() == 0


@pytest.mark.parametrize(
    "changes",
    [{"msg_signature": "0" * 40}, {"msg_signature": ""}, {"nonce": "1"}, {"timestamp": "1"}, {"timestamp": "abc"}],
)
async def test_a_forged_push_stores_nothing(
    api: Api, simulator: Simulator, settings: Settings, changes: dict[str, str]
) -> None:
    me = await create_resident(api, await create_community())
    answer = await push(api, settings, accepted(me, TEMPLATE), forged=changes)
    assert answer.status_code == 403
    assert answer.json()["code"] == "not_allowed"
    assert await stored() == 0


async def test_a_plain_push_is_refused_in_aes_mode(api: Api, simulator: Simulator, settings: Settings) -> None:
    me = await create_resident(api, await create_community())
    assert (await push(api, settings, accepted(me, TEMPLATE), encrypted=False)).status_code == 403
    assert await stored() == 0


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"<xml>", b"\xff\xfe", b'{"Encrypt": 1}', b"{" * 5000, b"x" * 300_000]
)
async def test_nonsense_is_refused_and_stores_nothing(api: Api, settings: Settings, body: bytes) -> None:
    timestamp, nonce = str(int(clock.now().timestamp())), "42"
    query = {"timestamp": timestamp, "nonce": nonce, "signature": sign(settings.wechat_push_token, timestamp, nonce)}
    assert (await api.client.post(PATH, params=query, content=body)).status_code == 403
    assert await stored() == 0


async def test_events_that_nobody_waits_for_are_answered_and_forgotten(
    api: Api, simulator: Simulator, settings: Settings
) -> None:
    message = {"FromUserName": "o1", "CreateTime": 1, "MsgType": "text", "Content": "你好"}
    answer = await push(api, settings, message)
    assert answer.text == "success"
    assert await stored() == 0


async def test_stored_pushes_are_kept_30_days(api: Api, simulator: Simulator, settings: Settings) -> None:
    me = await create_resident(api, await create_community())
    await push(api, settings, accepted(me, TEMPLATE))
    await drain_outbox()
    (rule,) = (rule for rule in RULES if rule.table == "stored_push")
    assert await rule.purge() == 0
    clock.move_clock(timedelta(days=31))
    assert await rule.purge() == 1


async def test_xml_pushes_count_too(api: Api, simulator: Simulator) -> None:
    me = await create_resident(api, await create_community())
    await simulator.admin("POST", "pushes", {"format": "xml"})
    await simulator.accept(me, TEMPLATE, "review_result")
    assert await balance_of(me.person_id, TEMPLATE) == 1
    assert await balance_of(me.person_id, "review_result") == 1
