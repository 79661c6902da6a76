"""The simulated platform holds to the documented rules."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.foundation import clock
from server.foundation.settings import Environment, Settings
from server.wechat.simulator import create_simulator
from server.wechat.simulator.field_rules import find_problem
from tests.wechat.conftest import MESSAGE, Simulator

SEND = "/cgi-bin/message/subscribe/send"


class Phone:
    """Speaks to the platform as a server would, with nothing in between."""

    def __init__(self, simulator: Simulator) -> None:
        self.http = simulator.http
        self.settings = simulator.settings
        self.credentials = {"appid": simulator.settings.wechat_appid, "secret": simulator.settings.wechat_secret}

    async def stable_token(self, force: bool = False, **changes: str) -> dict[str, Any]:
        body = {"grant_type": "client_credential", **self.credentials, "force_refresh": force, **changes}
        return await self.post("/cgi-bin/stable_token", body, token="")

    async def token(self) -> str:
        return str((await self.stable_token())["access_token"])

    async def post(self, path: str, body: object, token: str | None = None) -> dict[str, Any]:
        token = await self.token() if token is None else token
        answer = await self.http.post(path, params={"access_token": token} if token else None, json=body)
        assert answer.status_code == 200
        return _checked(answer)

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        answer = await self.http.get(path, params=query)
        assert answer.status_code == 200
        return _checked(answer)


def _checked(answer: httpx.Response) -> dict[str, Any]:
    if not answer.headers["content-type"].startswith("application/json"):
        return {"picture": answer.content}
    found: dict[str, Any] = answer.json()
    if found.get("errcode"):
        assert " rid: " in found["errmsg"]
    return found


@pytest.fixture
def phone(simulator: Simulator) -> Phone:
    return Phone(simulator)


def message(simulator: Simulator, openid: str, **changes: Any) -> dict[str, Any]:
    data = {key: {"value": value} for key, value in MESSAGE.items()}
    return {
        "touser": openid,
        "template_id": simulator.ids["wish_progress"],
        "page": "pages/a",
        "data": data,
        "miniprogram_state": "formal",
        "lang": "zh_CN",
        **changes,
    }


async def test_it_does_not_run_in_production(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="production"):
        create_simulator(Settings(environment=Environment.PRODUCTION, data_dir=tmp_path))


async def test_credentials(phone: Phone) -> None:
    assert (await phone.stable_token(appid="wx"))["errcode"] == 40013
    assert (await phone.stable_token(secret="x"))["errcode"] == 40125
    assert (await phone.stable_token(grant_type="x"))["errcode"] == 40002
    query = {**phone.credentials, "js_code": "x"}
    assert (await phone.get("/sns/jscode2session", **query))["errcode"] == 40002
    query["grant_type"] = "authorization_code"
    assert (await phone.get("/sns/jscode2session", **query))["errcode"] == 40029
    assert (await phone.get("/sns/jscode2session", **{**query, "secret": "x"}))["errcode"] == 40125


async def test_the_stable_token_stays_until_five_minutes_before_its_end(phone: Phone, simulator: Simulator) -> None:
    first = await phone.stable_token()
    assert first["expires_in"] == 7200
    clock.move_clock(timedelta(seconds=6890))
    again = await phone.stable_token()
    assert again["access_token"] == first["access_token"]
    assert 300 <= again["expires_in"] <= 310
    clock.move_clock(timedelta(seconds=6910))
    second = await phone.stable_token()
    assert second["access_token"] != first["access_token"]
    openid = await simulator.person()
    check = {"version": 2, "openid": openid, "scene": 2, "content": "好"}
    assert (await phone.post("/wxa/msg_sec_check", check, first["access_token"]))["errcode"] == 0
    clock.move_clock(timedelta(seconds=7201))
    assert (await phone.post("/wxa/msg_sec_check", check, first["access_token"]))["errcode"] == 42001
    assert (await phone.post("/wxa/msg_sec_check", check, second["access_token"]))["errcode"] == 0
    assert (await phone.post("/wxa/msg_sec_check", check, "made up"))["errcode"] == 40001
    assert (await phone.post("/wxa/msg_sec_check", check, ""))["errcode"] == 41001


async def test_forced_tokens_end_the_one_before_and_are_limited(phone: Phone) -> None:
    first = await phone.token()
    forced = await phone.stable_token(force=True)
    assert forced["access_token"] != first
    assert (await phone.post("/wxa/msg_sec_check", {}, first))["errcode"] == 40001
    assert (await phone.stable_token(force=True))["errcode"] == 45011
    for number in range(1, 20):
        clock.move_clock(timedelta(seconds=31 * number))
        assert "access_token" in await phone.stable_token(force=True)
    clock.move_clock(timedelta(seconds=31 * 21))
    assert (await phone.stable_token(force=True))["errcode"] == 45009
    assert "access_token" in await phone.stable_token()


async def test_legacy_tokens_are_apart_from_the_stable_one(phone: Phone) -> None:
    stable = await phone.token()
    query = {"grant_type": "client_credential", **phone.credentials}
    legacy = await phone.get("/cgi-bin/token", **query)
    assert legacy["expires_in"] == 7200
    assert await phone.token() == stable
    for token in (stable, legacy["access_token"]):
        assert (await phone.post("/wxa/msg_sec_check", {}, token))["errcode"] == 40097
    assert (await phone.get("/cgi-bin/token", **{**query, "grant_type": "x"}))["errcode"] == 40002


async def test_a_revoked_token_sticks_until_it_is_forced(phone: Phone, simulator: Simulator) -> None:
    first = await phone.token()
    await simulator.admin("token/revoke", {"sticky": True})
    assert await phone.token() == first
    assert (await phone.post("/wxa/msg_sec_check", {}, first))["errcode"] == 40001
    second = (await phone.stable_token(force=True))["access_token"]
    assert await phone.token() == second
    assert (await phone.post("/wxa/msg_sec_check", {}, second))["errcode"] == 40097


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"touser": "nobody"}, 40003),
        ({"touser": None}, 40003),
        ({"template_id": "nothing"}, 40037),
        ({"template_id": None}, 40037),
        ({"page": "/pages/a"}, 41030),
        ({"page": "elsewhere"}, 41030),
        ({"miniprogram_state": "release"}, 40097),
        ({"lang": "fr"}, 40097),
        ({"data": None}, 47003),
        ({"data": {}}, 47003),
    ],
)
async def test_messages_that_are_refused(
    phone: Phone, simulator: Simulator, changes: dict[str, Any], errcode: int
) -> None:
    openid = await simulator.person("wish_progress")
    assert (await phone.post(SEND, message(simulator, openid, **changes)))["errcode"] == errcode
    assert (await phone.post(SEND, message(simulator, openid)))["errcode"] == 0


async def test_sensitive_words_and_bodies_that_are_none(phone: Phone, simulator: Simulator) -> None:
    openid = await simulator.person("wish_progress")
    body = message(simulator, openid)
    body["data"]["thing4"]["value"] = "【敏感】"
    assert (await phone.post(SEND, body))["errcode"] == 45168
    token = await phone.token()
    for content, errcode in ((b"", 44002), (b"{", 47001), (b"[]", 47001)):
        answer = await simulator.http.post(SEND, params={"access_token": token}, content=content)
        assert answer.json()["errcode"] == errcode


@pytest.mark.parametrize(
    ("key", "value", "fits"),
    [
        ("thing1", "一" * 20, True),
        ("thing1", "一" * 21, False),
        ("thing1", "", False),
        ("thing1", "两\n行", False),
        ("character_string1", "A-1", True),
        ("character_string1", "甲", False),
        ("number1", "1.5", True),
        ("number1", "1a", False),
        ("letter1", "Ab", True),
        ("letter1", "A1", False),
        ("symbol1", "！", True),
        ("symbol1", "字", False),
        ("phrase1", "已通过", True),
        ("phrase1", "审核没有通过", False),
        ("phrase1", "OK", False),
        ("name1", "一二三四五六七八九十", True),
        ("name1", "一二三四五六七八九十一", False),
        ("name1", "A" * 20, True),
        ("name1", "A" * 21, False),
        ("amount1", "¥12.50元", True),
        ("amount1", "12345678901", False),
        ("phone_number1", "+86-0766-66888866", True),
        ("phone_number1", "1" * 18, False),
        ("car_number1", "粤A8Z888挂", True),
        ("car_number1", "粤A8Z888888", False),
        ("time1", "15:01", True),
        ("time1", "2026年10月1日 15:01~16:01", True),
        ("time1", "2026年10月1日", False),
        ("date1", "2026年10月1日", True),
        ("date1", "2026-10-01 15:01", True),
        ("date1", "下周", False),
        ("mystery1", "x", False),
    ],
)
def test_field_rules(key: str, value: str, fits: bool) -> None:
    assert (find_problem({key: {"value": value}}, [key]) == "") is fits


def test_every_keyword_is_needed_and_no_other() -> None:
    data = {"thing1": {"value": "a"}, "thing2": {"value": "b"}}
    assert find_problem(data, ["thing1", "thing2"]) == ""
    assert "thing2" in find_problem(data, ["thing1"])
    assert "thing3" in find_problem(data, ["thing1", "thing2", "thing3"])


async def test_messages_to_one_person_go_one_at_a_time(phone: Phone, simulator: Simulator) -> None:
    one, other = await simulator.person("wish_progress"), await simulator.person("wish_progress")
    await simulator.accept(one, "wish_progress")
    token = await phone.token()
    answers = await asyncio.gather(
        *(phone.post(SEND, message(simulator, openid), token) for openid in (one, one, other))
    )
    assert sorted(answer["errcode"] for answer in answers) == [0, 0, 43108]
    assert (await phone.post(SEND, message(simulator, one), token))["errcode"] == 0
    assert (await phone.post(SEND, message(simulator, one), token))["errcode"] == 43101


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"scene": ""}, 40169),
        ({"scene": "x" * 33}, 40169),
        ({"scene": None}, 40169),
        ({"scene": "中文"}, 40129),
        ({"scene": "a b"}, 40129),
        ({"width": 279}, 40097),
        ({"width": 1281}, 40097),
        ({"env_version": "formal"}, 40097),
        ({"page": "/pages/a"}, 41030),
        ({"page": "pages/a?b=1"}, 41030),
        ({"page": "nowhere"}, 41030),
    ],
)
async def test_codes_that_are_refused(phone: Phone, changes: dict[str, Any], errcode: int) -> None:
    body = {"scene": "a=1", "page": "pages/a", "width": 430, "env_version": "release", **changes}
    assert (await phone.post("/wxa/getwxacodeunlimit", body))["errcode"] == errcode


async def test_a_page_that_does_not_exist_is_fine_when_it_is_not_checked(phone: Phone) -> None:
    answer = await phone.post("/wxa/getwxacodeunlimit", {"scene": "a", "page": "nowhere", "check_path": False})
    assert answer["picture"].startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("path", "body", "errcode"),
    [
        ("/wxa/msg_sec_check", {"version": 1}, 40097),
        ("/wxa/msg_sec_check", {"scene": 5}, 40097),
        ("/wxa/msg_sec_check", {"content": ""}, 40097),
        ("/wxa/msg_sec_check", {"content": "长" * 2501}, 40097),
        ("/wxa/msg_sec_check", {"content": 1}, 40097),
        ("/wxa/msg_sec_check", {"openid": "nobody"}, 40003),
        ("/wxa/media_check_async", {"media_type": 3}, 40004),
        ("/wxa/media_check_async", {"media_url": None}, 40097),
        ("/wxa/media_check_async", {"openid": "nobody"}, 40003),
    ],
)
async def test_content_checks_that_are_refused(
    phone: Phone, simulator: Simulator, path: str, body: dict[str, Any], errcode: int
) -> None:
    whole = {"version": 2, "scene": 1, "content": "好", "media_type": 2, "media_url": "http://127.0.0.1/a"}
    openid = await simulator.person()
    assert (await phone.post(path, {**whole, "openid": openid, **body}))["errcode"] == errcode


async def test_limits_of_the_minute_and_the_day(phone: Phone, simulator: Simulator) -> None:
    openid = await simulator.person()
    body = {"version": 2, "openid": openid, "scene": 1, "content": "好"}
    await simulator.admin("limits", {"path": "/wxa/msg_sec_check", "minute": 2, "day": 3})
    token = await phone.token()
    answers = [(await phone.post("/wxa/msg_sec_check", body, token))["errcode"] for _ in range(3)]
    assert answers == [0, 0, 44991]
    clock.move_clock(timedelta(minutes=1))
    assert (await phone.post("/wxa/msg_sec_check", body, token))["errcode"] == 45009
    clock.move_clock(timedelta(days=1))
    token = await phone.token()
    await simulator.admin(f"persons/{openid}/active")
    assert (await phone.post("/wxa/msg_sec_check", body, token))["errcode"] == 0


async def test_sessions(phone: Phone, simulator: Simulator) -> None:
    openid = await simulator.person()
    token = await phone.token()
    query = {"access_token": token, "openid": openid, "signature": "x", "sig_method": "hmac_sha256"}
    assert (await phone.get("/wxa/checksession", **query))["errcode"] == 87009
    assert (await phone.get("/wxa/checksession", **{**query, "openid": "nobody"}))["errcode"] == 40003


async def test_faults_come_as_often_as_they_should(phone: Phone, simulator: Simulator) -> None:
    openid = await simulator.person()
    body = {"version": 2, "openid": openid, "scene": 1, "content": "好"}
    token = await phone.token()
    await simulator.admin("faults", {"path": "/wxa/msg_sec_check", "errcode": -1, "times": 2})
    await simulator.admin("faults", {"path": SEND, "errcode": -1, "times": -1})
    await simulator.admin("faults", {"path": "/wxa/msg_sec_check", "errcode": 1, "times": -1, "probability": 0})
    answers = [(await phone.post("/wxa/msg_sec_check", body, token))["errcode"] for _ in range(3)]
    assert answers == [-1, -1, 0]
    assert len((await simulator.look("faults"))["items"]) == 2
    await simulator.http.delete("/admin/faults")
    assert (await simulator.look("faults"))["items"] == []


async def test_a_fault_after_the_fact_hides_what_has_happened(phone: Phone, simulator: Simulator) -> None:
    openid = await simulator.person("wish_progress")
    await simulator.admin("faults", {"path": SEND, "errcode": -1, "when": "after"})
    assert (await phone.post(SEND, message(simulator, openid)))["errcode"] == -1
    assert len(await simulator.outbox(openid)) == 1
