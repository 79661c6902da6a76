"""What our client does with every answer, and what it never shows."""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable

import httpx
import msgspec
import pytest

from server.wechat import ContentScene, WeChat, errors
from tests.wechat.conftest import MESSAGE, Simulator

OPENID, LOGIN_CODE, SESSION_KEY = "o" + "private" * 3, "0" + "private" * 4, "private" * 5


async def log_in(wechat: WeChat) -> object:
    return await wechat.code_to_session(LOGIN_CODE)


async def get_phone(wechat: WeChat) -> object:
    return await wechat.get_phone_number(LOGIN_CODE)


async def send(wechat: WeChat) -> object:
    return await wechat.send_subscribe_message(OPENID, "template", "pages/a", MESSAGE)


async def check_text(wechat: WeChat) -> object:
    return await wechat.check_text(OPENID, ContentScene.COMMENT, "你好")


async def check_picture(wechat: WeChat) -> object:
    return await wechat.check_picture_async(OPENID, ContentScene.FORUM, "http://127.0.0.1/a")


async def make_code(wechat: WeChat) -> object:
    return await wechat.make_code("a=1", "pages/a")


async def check_session(wechat: WeChat) -> object:
    return await wechat.check_session(OPENID, SESSION_KEY)


Call = Callable[[WeChat], Awaitable[object]]
PATHS: dict[Call, str] = {
    log_in: "/sns/jscode2session",
    get_phone: "/wxa/business/getuserphonenumber",
    send: "/cgi-bin/message/subscribe/send",
    check_text: "/wxa/msg_sec_check",
    check_picture: "/wxa/media_check_async",
    make_code: "/wxa/getwxacodeunlimit",
    check_session: "/wxa/checksession",
}
SEND_PATH = PATHS[send]
TOKEN_PATH = "/cgi-bin/stable_token"

DOCUMENTED: list[tuple[Call, int, type[errors.WeChatError]]] = [
    (log_in, 40029, errors.CodeInvalid),
    (log_in, 40163, errors.CodeUsed),
    (log_in, 40226, errors.UserBlocked),
    (log_in, 45011, errors.TooOften),
    (log_in, -1, errors.TryAgain),
    (log_in, 40013, errors.NotAllowed),
    (log_in, 40125, errors.NotAllowed),
    (get_phone, 40013, errors.NotAllowed),
    (get_phone, 40029, errors.CodeInvalid),
    (get_phone, 45011, errors.TooOften),
    (get_phone, -1, errors.TryAgain),
    (send, 40003, errors.OpenidInvalid),
    (send, 40037, errors.TemplateUnknown),
    (send, 43101, errors.NoGrant),
    (send, 43107, errors.NotAllowed),
    (send, 43108, errors.UserBusy),
    (send, 45168, errors.WordingRefused),
    (send, 47003, errors.FieldRejected),
    (send, 41030, errors.PageInvalid),
    (send, 45009, errors.QuotaReached),
    (send, -1, errors.TryAgain),
    (send, 41001, errors.NotAllowed),
    (send, 48001, errors.NotAllowed),
    (send, 50002, errors.NotAllowed),
    (send, 99999, errors.WeChatError),
    (make_code, 40097, errors.RequestInvalid),
    (make_code, 40129, errors.RequestInvalid),
    (make_code, 40169, errors.RequestInvalid),
    (make_code, 41030, errors.PageInvalid),
    (make_code, 45011, errors.TooOften),
    (check_text, 44991, errors.TooOften),
    (check_text, 45009, errors.QuotaReached),
    (check_text, 61010, errors.UserInactive),
    (check_text, 40003, errors.OpenidInvalid),
    (check_text, 43104, errors.OpenidInvalid),
    (check_picture, 61010, errors.UserInactive),
    (check_picture, 40004, errors.RequestInvalid),
    (check_session, 40003, errors.OpenidInvalid),
]
REFUSED_TOKENS = [
    (40001, errors.NotAllowed),
    (40002, errors.NotAllowed),
    (40013, errors.NotAllowed),
    (40125, errors.NotAllowed),
    (40164, errors.NotAllowed),
    (45009, errors.QuotaReached),
    (45011, errors.TooOften),
    (-1, errors.TryAgain),
]


@pytest.mark.parametrize(("call", "errcode", "kind"), DOCUMENTED, ids=lambda part: getattr(part, "__name__", part))
async def test_each_errcode_is_a_typed_error_after_one_call(
    simulator: Simulator, call: Call, errcode: int, kind: type[errors.WeChatError]
) -> None:
    await simulator.admin("faults", {"path": PATHS[call], "errcode": errcode, "errmsg": "it says so", "times": -1})
    with pytest.raises(errors.WeChatError) as caught:
        await call(simulator.wechat())
    assert type(caught.value) is kind
    assert (caught.value.errcode, caught.value.errmsg) == (errcode, f"{PATHS[call]}: it says so")
    assert caught.value.rid
    assert simulator.counter(f"calls {PATHS[call]}") == 1


@pytest.mark.parametrize(("errcode", "kind"), REFUSED_TOKENS)
async def test_each_errcode_of_the_token_is_a_typed_error_and_nothing_is_sent(
    simulator: Simulator, errcode: int, kind: type[errors.WeChatError]
) -> None:
    await simulator.admin("faults", {"path": TOKEN_PATH, "errcode": errcode, "times": -1})
    with pytest.raises(errors.WeChatError) as caught:
        await send(simulator.wechat())
    assert type(caught.value) is kind
    assert simulator.counter(f"calls {TOKEN_PATH}") == 1
    assert simulator.counter(f"calls {SEND_PATH}") == 0


@pytest.mark.parametrize("fault", [{"status": 502}, {"garbage": True}, {"disconnect": True}])
@pytest.mark.parametrize("call", [send, check_text, make_code])
async def test_a_token_that_gets_no_answer_means_that_the_call_was_not_sent(
    simulator: Simulator, call: Call, fault: dict[str, object]
) -> None:
    await simulator.admin("faults", {"path": TOKEN_PATH, **fault})
    with pytest.raises(errors.NotSent) as caught:
        await call(simulator.wechat())
    assert caught.value.__context__ is None
    assert TOKEN_PATH in str(caught.value)
    assert simulator.counter(f"calls {PATHS[call]}") == 0


async def test_so_does_a_new_token_that_gets_no_answer(simulator: Simulator) -> None:
    openid = await simulator.person("wish_progress")
    wechat = simulator.wechat()
    await wechat.tokens.get()
    await simulator.admin("token/revoke")
    await simulator.admin("faults", {"path": TOKEN_PATH, "status": 502})
    with pytest.raises(errors.NotSent):
        await wechat.send_subscribe_message(openid, simulator.ids["wish_progress"], "pages/a", MESSAGE)
    assert await simulator.outbox(openid) == []
    await wechat.send_subscribe_message(openid, simulator.ids["wish_progress"], "pages/a", MESSAGE)
    assert len(await simulator.outbox(openid)) == 1


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
async def test_a_stale_token_is_replaced_and_the_call_made_once_more(simulator: Simulator, errcode: int) -> None:
    openid = await simulator.person("wish_progress")
    wechat = simulator.wechat()
    await wechat.tokens.get()
    await simulator.admin("token/revoke")
    await simulator.admin("faults", {"path": SEND_PATH, "errcode": errcode})
    await wechat.send_subscribe_message(openid, simulator.ids["wish_progress"], "pages/a", MESSAGE)
    assert simulator.counter(f"calls {SEND_PATH}") == 2
    assert simulator.counter("token_fetches") == 2


async def test_a_token_that_stays_stale_is_given_up_after_the_second_call(simulator: Simulator) -> None:
    await simulator.admin("faults", {"path": SEND_PATH, "errcode": 40001, "times": -1})
    with pytest.raises(errors.TokenStale):
        await send(simulator.wechat())
    assert simulator.counter(f"calls {SEND_PATH}") == 2


async def test_a_stale_session_key_is_an_answer_and_no_error(simulator: Simulator) -> None:
    await simulator.admin("faults", {"path": "/wxa/checksession", "errcode": 87009})
    assert await check_session(simulator.wechat()) is False


@pytest.mark.parametrize("fault", [{"status": 502}, {"status": 302}, {"garbage": True}])
async def test_an_answer_that_is_none_leaves_the_outcome_unknown(
    simulator: Simulator, fault: dict[str, object]
) -> None:
    await simulator.admin("faults", {"path": SEND_PATH, **fault})
    with pytest.raises(errors.OutcomeUnknown):
        await send(simulator.wechat())
    assert simulator.counter(f"calls {SEND_PATH}") == 1


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b"null", b"{", b"\xff", b'{"errcode": "x"}', b'{"errcode": null}', b"[" * 100_000]
)
async def test_strange_answers_leave_the_outcome_unknown(simulator: Simulator, answer: bytes) -> None:
    def answer_strangely(request: httpx.Request) -> httpx.Response:
        if request.url.path == TOKEN_PATH:
            return httpx.Response(200, json={"access_token": "t", "expires_in": 7200})
        return httpx.Response(200, content=answer)

    wechat = WeChat(simulator.settings, transport=httpx.MockTransport(answer_strangely))
    for call in (log_in, send, make_code):
        with pytest.raises(errors.OutcomeUnknown):
            await call(wechat)
    await wechat.aclose()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_connection_that_breaks_leaves_the_outcome_unknown(listening: Simulator, when: str) -> None:
    openid = await listening.person("wish_progress")
    await listening.admin("faults", {"path": SEND_PATH, "disconnect": True, "when": when})
    with pytest.raises(errors.OutcomeUnknown):
        await listening.wechat().send_subscribe_message(openid, listening.ids["wish_progress"], "pages/a", MESSAGE)
    assert len(await listening.outbox(openid)) == (1 if when == "after" else 0)
    assert listening.counter(f"calls {SEND_PATH}") == 1


async def test_an_answer_that_takes_too_long_leaves_the_outcome_unknown(
    listening: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.wechat.client.TIMEOUT_SECONDS", 0.05)
    openid = await listening.person("wish_progress")
    await listening.admin("faults", {"path": SEND_PATH, "latency": 0.3, "when": "after"})
    with pytest.raises(errors.OutcomeUnknown):
        await listening.wechat().send_subscribe_message(openid, listening.ids["wish_progress"], "pages/a", MESSAGE)
    assert len(await listening.outbox(openid)) == 1


async def test_a_platform_that_cannot_be_reached_was_not_sent_anything(simulator: Simulator) -> None:
    wechat = WeChat(simulator.settings)  # Nothing listens on that port.
    for call in (log_in, send):
        with pytest.raises(errors.NotSent):
            await call(wechat)
    await wechat.aclose()


async def test_more_calls_than_connections_wait_for_each_other(listening: Simulator) -> None:
    openid = await listening.person()
    wechat = listening.wechat()
    verdicts = await asyncio.gather(
        *(wechat.check_text(openid, ContentScene.COMMENT, f"第{number}条") for number in range(100))
    )
    assert {verdict.suggest for verdict in verdicts} == {"pass"}
    assert listening.counter("token_fetches") == 1


async def test_wechatpys_own_methods_can_be_awaited(simulator: Simulator) -> None:
    openid = await simulator.person("wish_progress")
    data = {key: {"value": value} for key, value in MESSAGE.items()}
    answer = await simulator.wechat().client.wxa.send_subscribe_message(openid, simulator.ids["wish_progress"], data)
    assert answer["msgid"]
    assert len(await simulator.outbox(openid)) == 1


@pytest.mark.parametrize("call", [log_in, get_phone, send, check_text, check_session])
async def test_nothing_private_is_in_logs_or_exceptions(
    listening: Simulator, call: Call, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("", "httpx", "httpcore", "httpcore.http11", "httpcore.connection"):
        caplog.set_level(logging.DEBUG, logger=name)
    wechat, shown = listening.wechat(), ""
    token = await wechat.tokens.get()
    private = OPENID if call in (send, check_text, check_session) else LOGIN_CODE
    faults: list[dict[str, object]] = [
        {"errcode": -1, "errmsg": f"busy with {private}"},
        {"disconnect": True},
        {"garbage": True},
        {"status": 500},
    ]
    unreachable = WeChat(msgspec.structs.replace(listening.settings, simulator_port=1))
    for fault in [*faults, None]:
        if fault:
            await listening.admin("faults", fault)
        with pytest.raises(errors.WeChatError) as caught:
            await call(wechat if fault else unreachable)
        assert caught.value.__context__ is None
        assert caught.value.__cause__ is None
        shown += "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    await unreachable.aclose()
    shown += caplog.text + "".join(capsys.readouterr())
    for text in (listening.settings.wechat_secret, token, OPENID, LOGIN_CODE, SESSION_KEY, "access_token="):
        assert text not in shown


def test_every_errcode_has_one_class() -> None:
    kinds = errors._subclasses(errors.WeChatError)
    codes = [code for kind in kinds for code in kind.codes]
    assert len(codes) == len(set(codes))


def test_errors_know_whether_to_try_again() -> None:
    again = {kind.__name__ for kind in errors._subclasses(errors.WeChatError) if kind.retriable}
    assert again == {"NotSent", "TryAgain", "TooOften", "QuotaReached", "UserBusy", "TokenStale"}
