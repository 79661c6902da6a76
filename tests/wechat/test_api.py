"""Signing in, phone numbers, messages, content checks and codes, against the simulator."""

import base64
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.foundation import clock
from server.wechat import ContentScene, PhoneNumber, Suggest, WeChat, errors
from server.wechat.api import TEXT_LIMIT, read_phone_number
from server.wechat.message_fields import FieldInvalid
from server.wechat.simulator.pictures import read_code
from server.wechat.verdicts import read_result
from tests.wechat.conftest import MESSAGE, Simulator


async def test_a_login_code_works_once(simulator: Simulator) -> None:
    openid = await simulator.person()
    code = await simulator.login_code(openid)
    wechat = simulator.wechat()
    session = await wechat.code_to_session(code)
    assert session.openid == openid
    assert len(base64.b64decode(session.session_key)) == 16
    assert session.session_key not in repr(session)
    with pytest.raises(errors.CodeUsed):
        await wechat.code_to_session(code)
    assert simulator.counter("token_fetches") == 0


@pytest.mark.parametrize("minutes", [6, -1])
async def test_a_login_code_lives_five_minutes(simulator: Simulator, minutes: int) -> None:
    code = await simulator.login_code(await simulator.person())
    clock.move_clock(timedelta(minutes=minutes))
    with pytest.raises(errors.CodeInvalid):
        await simulator.wechat().code_to_session(code)


async def test_codes_are_for_one_purpose(simulator: Simulator) -> None:
    openid = await simulator.person()
    wechat = simulator.wechat()
    with pytest.raises(errors.CodeInvalid):
        await wechat.code_to_session(await simulator.phone_code(openid))
    with pytest.raises(errors.CodeInvalid):
        await wechat.get_phone_number(await simulator.login_code(openid))


async def test_a_session_key_is_checked(simulator: Simulator) -> None:
    openid = await simulator.person()
    wechat = simulator.wechat()
    session = await wechat.code_to_session(await simulator.login_code(openid))
    assert await wechat.check_session(openid, session.session_key)
    await simulator.admin(f"persons/{openid}/login-code", {"new_session_key": True})
    assert not await wechat.check_session(openid, session.session_key)


async def test_a_phone_number(simulator: Simulator) -> None:
    openid = await simulator.person(phone_number="13812345678")
    code = await simulator.phone_code(openid)
    wechat = simulator.wechat()
    number = await wechat.get_phone_number(code)
    assert number == PhoneNumber(number="13812345678", pure_number="13812345678", country_code="86")
    assert "13812345678" not in repr(number)
    with pytest.raises(errors.CodeInvalid):
        await wechat.get_phone_number(code)


def test_phone_info_in_all_its_forms() -> None:
    info = {"phoneNumber": "+85251234567", "purePhoneNumber": "51234567", "countryCode": 852}
    assert read_phone_number({**info, "watermark": {"appid": "wx1"}}, "wx1").country_code == "852"
    for foreign in ({**info}, {**info, "watermark": {"appid": "wx2"}}):
        with pytest.raises(errors.EncryptedDataInvalid):
            read_phone_number(foreign, "wx1")
    nothing: list[object] = [None, {}, [], {"phoneNumber": ""}]
    for missing in nothing:
        with pytest.raises(errors.OutcomeUnknown):
            read_phone_number(missing, "wx1")


async def test_encrypted_data_opens_with_its_session_key_only(simulator: Simulator) -> None:
    openid = await simulator.person(phone_number="13812345678")
    wechat = simulator.wechat()
    key = (await wechat.code_to_session(await simulator.login_code(openid))).session_key
    sealed = await simulator.admin(f"persons/{openid}/encrypted-phone")
    opened = wechat.decrypt_data(key, sealed["encrypted_data"], sealed["iv"])
    assert opened["purePhoneNumber"] == "13812345678"
    other = base64.b64encode(b"another key 1234").decode()
    for wrong in (
        (other, sealed["encrypted_data"], sealed["iv"]),
        (key, sealed["encrypted_data"][:-8], sealed["iv"]),
        (key, "", sealed["iv"]),
        (key, sealed["encrypted_data"], ""),
        (key, "not base64!", "neither"),
        ("", sealed["encrypted_data"], sealed["iv"]),
    ):
        with pytest.raises(errors.EncryptedDataInvalid):
            wechat.decrypt_data(*wrong)
    clock.move_clock(timedelta(minutes=11))
    with pytest.raises(errors.EncryptedDataInvalid, match="old"):
        wechat.decrypt_data(key, sealed["encrypted_data"], sealed["iv"])


@settings(max_examples=200, deadline=None)
@given(sealed=st.binary(max_size=96), key=st.binary(min_size=16, max_size=16), iv=st.binary(max_size=20))
def test_noise_is_refused_as_encrypted_data(sealed: bytes, key: bytes, iv: bytes) -> None:
    session_key, data, vector = (base64.b64encode(part).decode() for part in (key, sealed, iv))
    with pytest.raises(errors.EncryptedDataInvalid):
        DECRYPTING.decrypt_data(session_key, data, vector)


DECRYPTING = WeChat.__new__(WeChat)
DECRYPTING.appid = "wx1"


async def test_a_message_arrives_with_its_fields(simulator: Simulator) -> None:
    openid = await simulator.person("wish_progress")
    msgid = await simulator.wechat().send_subscribe_message(
        openid, simulator.ids["wish_progress"], "/pages/wish/wish?id=1", {**MESSAGE, "time3": clock.now()}
    )
    (message,) = await simulator.outbox(openid)
    assert message["msgid"] == msgid
    assert message["page"] == "pages/wish/wish?id=1"
    assert message["miniprogram_state"] == "formal"
    assert message["fields"][0] == ["心愿", "想要一台轮椅"]


async def test_one_accept_is_one_message(simulator: Simulator) -> None:
    openid = await simulator.person("wish_progress")
    wechat = simulator.wechat()
    await wechat.send_subscribe_message(openid, simulator.ids["wish_progress"], "", MESSAGE)
    with pytest.raises(errors.NoGrant):
        await wechat.send_subscribe_message(openid, simulator.ids["wish_progress"], "", MESSAGE)
    assert len(await simulator.outbox(openid)) == 1


async def test_what_cannot_be_a_message_is_not_sent(simulator: Simulator) -> None:
    openid = await simulator.person("wish_progress")
    wechat, template_id = simulator.wechat(), simulator.ids["wish_progress"]
    with pytest.raises(FieldInvalid):
        await wechat.send_subscribe_message(openid, template_id, "", {**MESSAGE, "phrase2": ""})
    with pytest.raises(ValueError, match="page"):
        await wechat.send_subscribe_message(openid, template_id, "https://elsewhere", MESSAGE)
    with pytest.raises(ValueError, match="miniprogram_state"):
        await wechat.send_subscribe_message(openid, template_id, "", MESSAGE, miniprogram_state="release")
    with pytest.raises(ValueError, match="lang"):
        await wechat.send_subscribe_message(openid, template_id, "", MESSAGE, lang="zh")
    assert simulator.counter("calls /cgi-bin/message/subscribe/send") == 0


@pytest.mark.parametrize(
    ("text", "suggest", "reason"),
    [
        ("楼道灯坏了", Suggest.PASS, "正常"),
        ("【违规】", Suggest.RISKY, "违法犯罪"),
        ("买【广告】", Suggest.RISKY, "广告"),
        ("请【复核】一下", Suggest.REVIEW, "其他"),
    ],
)
async def test_texts_are_judged(simulator: Simulator, text: str, suggest: Suggest, reason: str) -> None:
    verdict = await simulator.wechat().check_text(await simulator.person(), ContentScene.COMMENT, text)
    assert (verdict.suggest, verdict.reason) == (suggest, reason)
    assert verdict.trace_id


async def test_title_and_nickname_are_judged_too(simulator: Simulator) -> None:
    wechat, openid = simulator.wechat(), await simulator.person()
    for parts in ({"title": "【违规】"}, {"nickname": "【违规】"}, {"signature": "【违规】"}):
        verdict = await wechat.check_text(openid, ContentScene.PROFILE, "好", **parts)
        assert verdict.suggest is Suggest.RISKY


@pytest.mark.parametrize("text", ["", "长" * (TEXT_LIMIT + 1)])
async def test_texts_that_cannot_be_checked(simulator: Simulator, text: str) -> None:
    with pytest.raises(ValueError, match="2500"):
        await simulator.wechat().check_text(await simulator.person(), ContentScene.COMMENT, text)


@pytest.mark.parametrize(
    "result",
    [
        None,
        "pass",
        [],
        {},
        {"suggest": None},
        {"suggest": "PASS"},
        {"suggest": "block"},
        {"suggest": ["pass"]},
        {"suggest": "review", "label": "nonsense"},
    ],
)
def test_doubt_never_passes(result: Any) -> None:
    assert read_result(result)[0] is Suggest.REVIEW


async def test_only_people_who_are_there_are_checked(simulator: Simulator) -> None:
    wechat, openid = simulator.wechat(), await simulator.person()
    clock.move_clock(timedelta(hours=2, minutes=1))
    with pytest.raises(errors.UserInactive):
        await wechat.check_text(openid, ContentScene.COMMENT, "好")
    await wechat.code_to_session(await simulator.login_code(openid))
    assert (await wechat.check_text(openid, ContentScene.COMMENT, "好")).suggest is Suggest.PASS


async def test_a_code_opens_its_page(simulator: Simulator) -> None:
    picture = await simulator.wechat().make_code("s=4fJk2~1", "/pages/shift/shift", 300)
    assert picture.startswith(b"\x89PNG")
    assert read_code(picture) == "pages/shift/shift?scene=s=4fJk2~1"


@pytest.mark.parametrize(("state", "version"), [("formal", "release"), ("trial", "trial"), ("developer", "develop")])
async def test_messages_and_codes_open_the_version_of_the_settings(
    simulator: Simulator, state: str, version: str
) -> None:
    asked: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/cgi-bin/stable_token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 7200})
        asked.append(msgspec.json.decode(request.content))
        if request.url.path == "/wxa/getwxacodeunlimit":
            return httpx.Response(200, content=b"\xff\xd8\xff", headers={"content-type": "image/jpeg"})
        return httpx.Response(200, json={"errcode": 0, "msgid": 1})

    chosen = msgspec.structs.replace(simulator.settings, wechat_miniprogram_state=state)
    wechat = WeChat(chosen, transport=httpx.MockTransport(answer))
    await wechat.send_subscribe_message("o", "template", "pages/a", MESSAGE, lang="en_US")
    await wechat.make_code("s=1", "pages/a")
    await wechat.aclose()
    message, code = asked
    assert (message["miniprogram_state"], message["lang"], message["page"]) == (state, "en_US", "pages/a")
    assert (code["env_version"], code["check_path"]) == (version, state == "formal")


@pytest.mark.parametrize("scene", ["", "x" * 33, "a b", "中文", "a%b", 'a"b', "a\n"])
async def test_scenes_that_no_code_can_hold(simulator: Simulator, scene: str) -> None:
    with pytest.raises(ValueError, match="scene"):
        await simulator.wechat().make_code(scene, "pages/a")


@pytest.mark.parametrize(("page", "width", "version"), [("pages/a?b=1", 430, "release"), ("pages/a", 200, "release")])
async def test_codes_that_cannot_be_made(simulator: Simulator, page: str, width: int, version: str) -> None:
    with pytest.raises(ValueError, match=r"page|width"):
        await simulator.wechat().make_code("a", page, width, version)


async def test_a_page_that_is_not_published(simulator: Simulator) -> None:
    await simulator.admin("rules", {"pages": ["pages/home/home"]})
    wechat = simulator.wechat()
    with pytest.raises(errors.PageInvalid):
        await wechat.make_code("a", "pages/other/other")
    assert await wechat.make_code("a", "pages/other/other", env_version="develop")
    assert await wechat.make_code("a", "pages/home/home")


@pytest.mark.parametrize(
    ("content_type", "content", "kind"),
    [
        ("image/jpeg", b"\xff\xd8\xff picture", None),
        ("image/png", b"", errors.OutcomeUnknown),
        ("text/html", b"<html>", errors.OutcomeUnknown),
        ("image/jpeg", b'{"errcode": 45011, "errmsg": "slower"}', errors.TooOften),
        ("application/json", b'{"errcode": 0}', errors.OutcomeUnknown),
    ],
)
async def test_a_picture_is_known_by_its_type_and_first_byte(
    simulator: Simulator, content_type: str, content: bytes, kind: type[errors.WeChatError] | None
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/cgi-bin/stable_token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 7200})
        return httpx.Response(200, content=content, headers={"content-type": content_type})

    wechat = WeChat(simulator.settings, transport=httpx.MockTransport(answer))
    if kind:
        with pytest.raises(kind):
            await wechat.make_code("a", "pages/a")
    else:
        assert await wechat.make_code("a", "pages/a") == content
    await wechat.aclose()


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/sns/jscode2session", {"openid": "o"}),
        ("/sns/jscode2session", {"openid": 1, "session_key": "k"}),
        ("/cgi-bin/stable_token", {"access_token": "", "expires_in": 7200}),
        ("/cgi-bin/stable_token", {"access_token": "t"}),
        ("/wxa/media_check_async", {"errcode": 0}),
        ("/wxa/business/getuserphonenumber", {"errcode": 0}),
    ],
)
async def test_answers_that_lack_what_was_asked(simulator: Simulator, path: str, answer: dict[str, Any]) -> None:
    def answer_all(request: httpx.Request) -> httpx.Response:
        token = {"access_token": "t", "expires_in": 7200}
        return httpx.Response(200, json=answer if request.url.path == path else token)

    wechat = WeChat(simulator.settings, transport=httpx.MockTransport(answer_all))
    with pytest.raises(errors.NotSent if path == "/cgi-bin/stable_token" else errors.OutcomeUnknown):
        if path == "/sns/jscode2session":
            await wechat.code_to_session("code")
        elif path == "/wxa/media_check_async":
            await wechat.check_picture_async("o", ContentScene.FORUM, "http://127.0.0.1/a")
        else:
            await wechat.get_phone_number("code")
    await wechat.aclose()
