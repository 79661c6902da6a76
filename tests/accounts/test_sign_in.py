"""Signing in with the simulator as WeChat, sessions, and the phone number."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from server.accounts.models import ConsentKind, Person, Session, WeChatIdentity
from server.foundation import cache, clock
from server.foundation.crypto import hash_token
from server.foundation.database import fetch, fetch_value
from tests.builders import agree, create_community, create_person, grant, sign_in, told
from tests.clients import Api


async def test_signing_in(api: Api, simulator: Any) -> None:
    openid = await simulator.person(phone_number="13800001111")
    first = await api.post("/sessions", {"code": await simulator.login_code(openid)}, expect=201)
    assert first["is_new"]
    me = await api.as_(first["token"]).get("/me")
    assert (me["id"], me["phone"], me["community"], me["roles"]) == (first["person_id"], "", None, [])
    second = await api.post("/sessions", {"code": await simulator.login_code(openid)}, expect=201)
    assert not second["is_new"]
    assert second["person_id"] == first["person_id"]
    assert second["token"] != first["token"]


async def test_nothing_readable_is_stored(api: Api, simulator: Any) -> None:
    openid = await simulator.person(phone_number="13800001111")
    session = await api.post("/sessions", {"code": await simulator.login_code(openid)}, expect=201)
    await agree(session["person_id"], ConsentKind.PRIVACY)
    await agree(session["person_id"], ConsentKind.SENSITIVE_DATA)
    assert await Session.filter(token_hash=hash_token(session["token"])).count() == 1
    identity = await WeChatIdentity.get(openid=openid)
    assert identity.session_key
    await api.as_(session["token"]).put("/me/phone", {"code": await simulator.phone_code(openid)})
    await api.as_(session["token"]).put("/me/details", {"real_name": "欧阳明", "address": "海滨路100号2单元301"})
    (row,) = await fetch("SELECT * FROM person_details")
    stored = b"".join(bytes(value) for value in row.values() if isinstance(value, bytes))
    for secret in ("13800001111", "欧阳明", "海滨路"):
        assert secret.encode() not in stored
    me = await api.as_(session["token"]).get("/me")
    assert (me["phone"], me["phone_is_verified"]) == ("138****1111", True)
    assert me["real_name"] == "欧**"
    assert me["address"].startswith("海滨路100*")
    assert "301" not in me["address"]


async def test_a_code_works_once(api: Api, simulator: Any) -> None:
    code = await simulator.login_code(await simulator.person())
    await api.post("/sessions", {"code": code}, expect=201)
    await api.refused("POST", "/sessions", {"code": code}, code="wechat_code_refused")
    await api.refused("POST", "/sessions", {"code": "made-up"}, code="wechat_code_refused")
    await api.refused("POST", "/sessions", {"code": ""}, code="invalid_fields")
    await api.refused("POST", "/sessions", {}, code="invalid_fields")


async def test_wechat_does_not_answer(api: Api, simulator: Any) -> None:
    code = await simulator.login_code(await simulator.person())
    for fault in ({"garbage": True}, {"disconnect": True}, {"status": 502}):
        await simulator.fault("/sns/jscode2session", **fault)
        await api.refused("POST", "/sessions", {"code": code}, code="unavailable")
    assert await Person.all().count() == 0


async def test_a_new_person_signing_in_twice_at_once_is_one_person(api: Api, simulator: Any) -> None:
    openid = await simulator.person()
    codes = [await simulator.login_code(openid) for _ in range(6)]
    answers = await asyncio.gather(*(api.post("/sessions", {"code": code}, expect=201) for code in codes))
    assert len({answer["person_id"] for answer in answers}) == 1
    assert await Person.all().count() == 1


async def test_signing_out(api: Api) -> None:
    person = await create_person()
    phone, tablet = await sign_in(api, person), await sign_in(api, person)
    await phone.get("/me")
    await phone.delete("/sessions/current", expect=204)
    await phone.refused("GET", "/me", code="not_signed_in")
    await tablet.get("/me")
    third = await sign_in(api, person)
    await third.delete("/sessions", expect=204)
    await tablet.refused("GET", "/me", code="not_signed_in")
    await third.refused("GET", "/me", code="not_signed_in")


async def test_what_is_no_token(api: Api) -> None:
    for header in ("", "Bearer", "Bearer ", "Bearer nonsense", "Basic YTpi", "Bearer a b"):
        response = await api.send("GET", "/me", headers={"authorization": header})
        assert response.status_code == 401, header
        assert response.json()["code"] == "not_signed_in"


async def test_a_session_slides_while_it_is_used_and_ends_when_not(api: Api) -> None:
    person = await create_person()
    used, idle = await sign_in(api, person), await sign_in(api, person)
    for day in (20, 40, 60):
        clock.move_clock(timedelta(days=day))
        await used.get("/me")
    await idle.refused("GET", "/me", code="not_signed_in")
    clock.move_clock(timedelta(days=91))
    await used.refused("GET", "/me", code="not_signed_in")


async def test_a_lost_cache_costs_only_speed(api: Api, monkeypatch: Any) -> None:
    caller = await sign_in(api, await create_person())
    await caller.get("/me")
    monkeypatch.setattr(cache, "_client", None)
    await caller.get("/me")
    await caller.delete("/sessions/current", expect=204)
    await caller.refused("GET", "/me", code="not_signed_in")


async def test_the_older_form_of_the_phone_number(api: Api, simulator: Any) -> None:
    openid = await simulator.person(phone_number="13900002222")
    session = await api.post("/sessions", {"code": await simulator.login_code(openid)}, expect=201)
    await agree(session["person_id"], ConsentKind.PRIVACY)
    caller = api.as_(session["token"])
    data = await simulator.admin("POST", f"persons/{openid}/encrypted-phone")
    me = await caller.put("/me/phone", data)
    assert me["phone"] == "139****2222"
    await caller.refused("PUT", "/me/phone", data | {"iv": "AAAAAAAAAAAAAAAAAAAAAA=="}, code="phone_unreadable")
    await caller.refused("PUT", "/me/phone", {}, code="invalid_fields")
    stranger = await sign_in(api, await create_person())
    await stranger.refused("PUT", "/me/phone", data, code="phone_unreadable")


SESSION_CODES = [-1, 40003, 41001, 48001, 50002]


async def test_the_older_form_needs_the_session_key_of_now(api: Api, simulator: Any) -> None:
    """What an old session_key opens proves nothing: anyone who got hold of it can make up any number."""
    openid = await simulator.person(phone_number="13900002222")
    session = await api.post("/sessions", {"code": await simulator.login_code(openid)}, expect=201)
    await agree(session["person_id"], ConsentKind.PRIVACY)
    caller = api.as_(session["token"])
    made_before = await simulator.admin("POST", f"persons/{openid}/encrypted-phone")
    code = (await simulator.admin("POST", f"persons/{openid}/login-code", {"new_session_key": True}))["code"]
    made_since = await simulator.admin("POST", f"persons/{openid}/encrypted-phone")
    for data in (made_before, made_since):
        await caller.refused("PUT", "/me/phone", data, code="wechat_session_stale")
    assert not (await caller.get("/me"))["phone"]
    await api.post("/sessions", {"code": code}, expect=201)
    await caller.refused("PUT", "/me/phone", made_before, code="phone_unreadable")
    assert (await caller.put("/me/phone", made_since))["phone"] == "139****2222"
    faults: list[dict[str, Any]] = [*({"errcode": code} for code in SESSION_CODES), {"disconnect": True}]
    for fault in faults:
        await simulator.fault("/wxa/checksession", **fault)
        await caller.refused("PUT", "/me/phone", made_since, code="unavailable")


PHONE_ANSWERS = [
    (-1, "unavailable"),
    (40013, "unavailable"),
    (40029, "wechat_code_refused"),
    (41001, "unavailable"),
    (45011, "unavailable"),
    (48001, "unavailable"),
    (50002, "unavailable"),
]
LOGIN_ANSWERS = [
    (-1, "unavailable"),
    (40013, "unavailable"),
    (40029, "wechat_code_refused"),
    (40125, "unavailable"),
    (40163, "wechat_code_refused"),
    (40226, "sign_in_blocked"),
    (45011, "unavailable"),
]


@pytest.mark.parametrize(("errcode", "code"), PHONE_ANSWERS)
async def test_what_wechat_answers_to_a_phone_code(api: Api, simulator: Any, errcode: int, code: str) -> None:
    openid = await simulator.person()
    session = await api.post("/sessions", {"code": await simulator.login_code(openid)}, expect=201)
    await agree(session["person_id"], ConsentKind.PRIVACY)
    await simulator.fault("/wxa/business/getuserphonenumber", errcode=errcode)
    body = {"code": await simulator.phone_code(openid)}
    await api.as_(session["token"]).refused("PUT", "/me/phone", body, code=code)


@pytest.mark.parametrize(("errcode", "code"), LOGIN_ANSWERS)
async def test_what_wechat_answers_to_a_login_code(api: Api, simulator: Any, errcode: int, code: str) -> None:
    body = {"code": await simulator.login_code(await simulator.person())}
    await simulator.fault("/sns/jscode2session", errcode=errcode)
    await api.refused("POST", "/sessions", body, code=code)
    assert await simulator.calls("/sns/jscode2session") == 1
    assert await Person.all().count() == 0


async def test_a_reassigned_number_changes_hands(api: Api, simulator: Any) -> None:
    callers = []
    for _ in range(2):
        openid = await simulator.person(phone_number="13700003333")
        session = await api.post("/sessions", {"code": await simulator.login_code(openid)}, expect=201)
        await agree(session["person_id"], ConsentKind.PRIVACY)
        caller = api.as_(session["token"], session["person_id"])
        await caller.put("/me/phone", {"code": await simulator.phone_code(openid)})
        callers.append(caller)
    old, new = callers
    assert not (await old.get("/me"))["phone_is_verified"]
    assert (await new.get("/me"))["phone_is_verified"]
    # Nobody calls a stranger by the name of who had it before, and they are told.
    assert ((await old.get("/me"))["phone"], await told(old), await told(new)) == ("", ["phone_lost"], [])


async def test_two_people_verify_one_number_at_once(api: Api, simulator: Any) -> None:
    calls = []
    for _ in range(4):
        openid = await simulator.person(phone_number="13600004444")
        session = await api.post("/sessions", {"code": await simulator.login_code(openid)}, expect=201)
        await agree(session["person_id"], ConsentKind.PRIVACY)
        code = await simulator.phone_code(openid)
        calls.append(api.as_(session["token"]).send("PUT", "/me/phone", {"code": code}))
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} == {200}
    verified = await fetch_value("SELECT count(*) FROM person_details WHERE phone_verified_at IS NOT NULL")
    assert verified == 1


async def test_a_role_given_is_seen_at_once(api: Api) -> None:
    community = await create_community()
    person, other = await create_person(), await create_person()
    caller = await sign_in(api, person)
    await caller.refused("GET", f"/staff/persons/{other.id}/details", code="not_allowed")
    await grant(person, community)
    await caller.refused("GET", f"/staff/persons/{other.id}/details", code="not_found")
