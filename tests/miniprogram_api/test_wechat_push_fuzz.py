"""The push address under fire, over HTTP and on the real database: no 5xx, and without a valid signature no change."""

import contextlib
import hmac
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from asgi_lifespan import LifespanManager
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sanic import Sanic

from miniprogram_api.wechat import PUSH_PATH, add_push
from server.accounts.models import WeChatIdentity
from server.background.relay import drain_outbox
from server.foundation import clock
from server.foundation.database import fetch_one, fetch_value
from server.foundation.http import prepare_app
from server.foundation.ids import new_id
from server.foundation.settings import PLAIN_PUSHES, Settings
from server.moderation.models import CheckedSubject, ContentCheck, Part
from server.notifications.models import GrantBalance
from server.wechat.push import PushDecoder, PushRefused
from server.wechat.simulator.pushes import build_push
from server.wechat.templates import TemplateIds
from tests.builders import create_community, create_person
from tests.clients import Api
from tests.simulator import Simulator
from tests.wechat.test_push_fuzz import contents, json_values, kinds, names, xml

OURS = Settings()
OPENID = "o-under-fire"
TRACE = "60f96f1d-3845297a-1976a3ae"
often = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

text = st.text(st.characters(codec="utf-8"), max_size=30)
queries = st.dictionaries(
    st.sampled_from(["signature", "msg_signature", "timestamp", "nonce", "encrypt_type", "openid", "echostr"]) | text,
    text | st.sampled_from(["aes", "0" * 40]),
    max_size=6,
)
bodies = st.binary(max_size=300) | contents.map(str.encode) | xml.map(str.encode)


items = st.fixed_dictionaries(
    {
        "TemplateId": st.sampled_from([*TemplateIds(Settings()).all().values(), ""]) | text,
        "SubscribeStatusString": st.sampled_from(["accept", "reject", "ban", ""]) | text,
        "MsgID": st.integers() | text,
        "ErrorCode": st.sampled_from(["0", "1", ""]) | json_values,
    }
)
meaningful = st.builds(
    lambda more, base: {**more, **base},
    st.dictionaries(names, json_values, max_size=3),
    st.fixed_dictionaries(
        {
            "Event": kinds,
            "FromUserName": st.sampled_from([OPENID, "o-unknown"]) | text,
            "CreateTime": st.integers(-(10**12), 10**12) | st.sampled_from(["1", "", None]) | text,
            "List": items | st.lists(items, max_size=3) | json_values,
            "trace_id": st.sampled_from([TRACE, ""]) | text,
            "result": st.sampled_from([{"suggest": "pass", "label": 100}, {"suggest": "risky"}, None]) | json_values,
            "errcode": st.sampled_from([0, -1008]) | json_values,
        }
    ),
)
"""Messages about a person, a template and a picture that are there, and broken ones."""


async def everything() -> dict[str, Any]:
    """What a push can change."""
    row = await fetch_one(
        "SELECT (SELECT count(*) FROM stored_push) AS pushes, (SELECT count(*) FROM outbox) AS outbox, "
        "(SELECT count(*) FROM grant_entry) AS entries, (SELECT sum(balance) FROM grant_balance) AS balance, "
        "(SELECT string_agg(state || coalesce(trace_id, ''), ',' ORDER BY id) FROM content_check) AS checks, "
        "(SELECT string_agg(delivery, ',' ORDER BY id) FROM inbox_message) AS messages"
    )
    assert row
    return dict(row)


@pytest.fixture
async def target(api: Api, simulator: Simulator) -> dict[str, Any]:
    """Somebody with accepts and with a picture that is being checked; everything that a push can change, before any."""
    person = await create_person(community=await create_community())
    await WeChatIdentity.filter(person_id=person.id).update(openid=OPENID)
    await GrantBalance.create(person_id=person.id, template="wish_progress", balance=3, answer="accept")
    subject = await CheckedSubject.create(kind="nickname", subject_id=person.id, author_id=person.id)
    await ContentCheck.create(subject=subject, revision=1, part=Part.PICTURE, picture_id=new_id(), trace_id=TRACE)
    return await everything()


@pytest.fixture
async def plain(app: Any, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The same address where WeChat pushes in the plain mode."""
    chosen = msgspec.structs.replace(settings, wechat_push_aes_key=PLAIN_PUSHES)
    other: Sanic[Any, Any] = Sanic(f"plain_{new_id()}", configure_logging=False)
    other.config.update(TOUCHUP=False, FALLBACK_ERROR_FORMAT="json")
    prepare_app(other, chosen)
    add_push(other, chosen)
    async with (
        LifespanManager(other),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(other, raise_app_exceptions=False), base_url="http://x"
        ) as client,
    ):
        yield client


@often
@given(query=queries, fresh=st.booleans(), body=bodies, message=meaningful, forge=st.sampled_from("abcd"))
async def test_without_a_valid_signature_nothing_changes(
    api: Api,
    plain: httpx.AsyncClient,
    target: dict[str, Any],
    query: dict[str, str],
    fresh: bool,
    body: bytes,
    message: Any,
    forge: str,
) -> None:
    if fresh:
        query = {**query, "timestamp": str(int(clock.now().timestamp()))}
    if forge != "a":
        # A good push of something that matters, signed by somebody who does not know the token.
        content = msgspec.json.encode(message).decode()
        query, sealed = build_push(Settings(wechat_push_token="guess"), OPENID, content, encrypted=forge == "b")
        body = sealed.encode()
        if forge == "d":
            query = {**query, "signature": "", "msg_signature": ""}
    for client in (api.client, plain):
        for method in ("POST", "GET"):
            answer = await client.request(method, PUSH_PATH, params=query, content=body)
            assert answer.status_code == 403, answer.text
            assert answer.json()["code"] == "not_allowed"
    assert await everything() == target
    assert await drain_outbox() == 0


@often
@given(heard=meaningful, message=meaningful, swap=st.sampled_from(["body", "nonce", "timestamp"]))
async def test_the_signature_of_an_overheard_push_signs_nothing_else(
    api: Api, target: dict[str, Any], heard: Any, message: Any, swap: str
) -> None:
    query, body = build_push(OURS, OPENID, msgspec.json.encode(heard).decode())
    if swap == "body":
        _, body = build_push(OURS, OPENID, msgspec.json.encode(message).decode())
    elif swap == "nonce":
        query = {**query, "nonce": query["nonce"] + "1"}
    else:
        query = {**query, "timestamp": str(int(query["timestamp"]) + 1)}
    assert (await api.client.post(PUSH_PATH, params=query, content=body)).status_code == 403
    assert await everything() == target


@often
@given(message=meaningful.map(lambda one: msgspec.json.encode(one).decode()) | contents | xml, encrypted=st.booleans())
async def test_whatever_is_signed_is_answered_and_counts_once(
    api: Api, plain: httpx.AsyncClient, target: dict[str, Any], message: str, encrypted: bool
) -> None:
    query, body = build_push(OURS, OPENID, message, encrypted)
    client = api.client if encrypted else plain
    stored = []
    for _ in range(2):
        answer = await client.post(PUSH_PATH, params=query, content=body.encode(errors="replace"))
        assert answer.status_code in (200, 403), answer.text
        assert (answer.text == "success") == (answer.status_code == 200)
        stored.append((await everything())["pushes"])
    assert stored[0] == stored[1], "the repetition changes nothing"
    await drain_outbox()
    assert await fetch_value("SELECT count(*) FROM outbox WHERE state = 'failed'") == 0


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    real = hmac.compare_digest

    def compare(a: bytes, b: bytes) -> bool:
        compared.append((a, b))
        return real(a, b)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    query, body = build_push(OURS, "o", "{}")
    for signature in (query["msg_signature"], "x"):
        with contextlib.suppress(PushRefused):
            PushDecoder(OURS).decode({**query, "msg_signature": signature}, body.encode())
    assert [pair[1] for pair in compared] == [query["msg_signature"].encode(), b"x"]
