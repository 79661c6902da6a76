"""The side that the real platform does not have: people, codes, accepts, faults, the clock, and what was sent."""

import base64
import os
import time
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from server.foundation import clock
from server.wechat.simulator.platform import Platform, phone_info
from server.wechat.simulator.state import Fault, Person, PictureVerdict, Pushes, make_session_key

T = TypeVar("T")


class NewPerson(msgspec.Struct, forbid_unknown_fields=True):
    openid: str = ""
    nickname: str = ""
    phone_number: str = ""


class LoginCodeWish(msgspec.Struct, forbid_unknown_fields=True):
    new_session_key: bool = False


class Answers(msgspec.Struct, forbid_unknown_fields=True):
    """Names or ids of templates."""

    accept: list[str] = []
    reject: list[str] = []
    times: int = 1


class Refused(msgspec.Struct, forbid_unknown_fields=True):
    templates: list[str]


class ClockMove(msgspec.Struct, forbid_unknown_fields=True):
    offset_seconds: float | None = None
    by_seconds: float | None = None
    to: datetime | None = None


class Revocation(msgspec.Struct, forbid_unknown_fields=True):
    sticky: bool = False


class Limit(msgspec.Struct, forbid_unknown_fields=True):
    path: str
    minute: int = 10**9
    day: int = 10**9


class Rules(msgspec.Struct, forbid_unknown_fields=True):
    pages: list[str] | None = None
    """The pages that exist; none given: every path under pages/."""
    send_seconds: float | None = None


class Resetting(msgspec.Struct, forbid_unknown_fields=True):
    rules_only: bool = False


class Problem(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def add_admin(app: Sanic[Any, Any], platform: Platform) -> None:
    @app.exception(Problem)
    async def show_problem(_request: Request, problem: Problem) -> HTTPResponse:
        return _json({"error": problem.text}, problem.status)

    _add_persons(app, platform)
    _add_subscriptions(app, platform)
    _add_clock(app)
    _add_faults(app, platform)
    _add_rules(app, platform)


def _add_persons(app: Sanic[Any, Any], platform: Platform) -> None:
    """People: who they are, the codes they bring, whether they are there."""
    state = platform.state

    @app.get("/admin/persons")
    async def list_persons(_request: Request) -> HTTPResponse:
        return _json({"items": [_show_person(platform, person) for person in state.saved.persons.values()]})

    @app.post("/admin/persons")
    async def create_person(request: Request) -> HTTPResponse:
        wanted = _read(request, NewPerson)
        return _json(
            _show_person(platform, state.create_person(wanted.openid, wanted.nickname, wanted.phone_number)), 201
        )

    @app.post("/admin/persons/<openid>/login-code")
    async def create_login_code(request: Request, openid: str) -> HTTPResponse:
        person = _find_person(platform, openid)
        if _read(request, LoginCodeWish).new_session_key:
            person.session_key = make_session_key()
        return _json({"code": state.create_code("login", openid)}, 201)

    @app.post("/admin/persons/<openid>/phone-code")
    async def create_phone_code(_request: Request, openid: str) -> HTTPResponse:
        _find_person(platform, openid)
        return _json({"code": state.create_code("phone", openid)}, 201)

    @app.post("/admin/persons/<openid>/encrypted-phone")
    async def encrypt_phone(_request: Request, openid: str) -> HTTPResponse:
        person = _find_person(platform, openid)
        plain = msgspec.json.encode(phone_info(person, platform.settings.wechat_appid))
        return _json(_encrypt(person.session_key, plain))

    @app.post("/admin/persons/<openid>/active")
    async def be_active(_request: Request, openid: str) -> HTTPResponse:
        _find_person(platform, openid).active_at = clock.now()
        state.dirty = True
        return _json({})


def _add_subscriptions(app: Sanic[Any, Any], platform: Platform) -> None:
    """What people accept and refuse, and what was sent to them."""
    state, pushes = platform.state, platform.pushes

    @app.post("/admin/persons/<openid>/subscriptions")
    async def answer_popup(request: Request, openid: str) -> HTTPResponse:
        _find_person(platform, openid).active_at = clock.now()
        answers = _read(request, Answers)
        accepted, rejected = [
            [_template_id(platform, name) for name in names] for names in (answers.accept, answers.reject)
        ]
        for _ in range(answers.times):
            for accepted_id in accepted:
                state.add_grant(openid, accepted_id)
            if accepted or rejected:
                pushes.answered(openid, dict.fromkeys(accepted, "accept") | dict.fromkeys(rejected, "reject"))
        return _json(_show_person(platform, _find_person(platform, openid)))

    @app.post("/admin/persons/<openid>/refusals")
    async def refuse_templates(request: Request, openid: str) -> HTTPResponse:
        _find_person(platform, openid)
        refused = [_template_id(platform, name) for name in _read(request, Refused).templates]
        for refused_id in refused:
            state.saved.grants.pop(f"{openid} {refused_id}", None)
        state.dirty = True
        if refused:
            pushes.refused(openid, refused)
        return _json(_show_person(platform, _find_person(platform, openid)))

    @app.get("/admin/templates")
    async def list_templates(_request: Request) -> HTTPResponse:
        ids = platform.templates.all()
        found = {name: platform.templates.find(one) for name, one in ids.items()}
        return _json(
            {"items": [{"name": n, "id": ids[n], "title": t.title, "fields": t.fields} for n, t in found.items() if t]}
        )

    @app.get("/admin/outbox")
    async def list_outbox(request: Request) -> HTTPResponse:
        openid, since = request.args.get("openid"), int(request.args.get("since") or 0)
        limit = int(request.args.get("limit") or 100_000)
        found = [m for m in state.saved.outbox if m.number > since and openid in (None, m.openid)]
        return _json({"items": found[-limit:], "count": len(found)})


def _add_clock(app: Sanic[Any, Any]) -> None:
    """The clock, which server, worker and simulator share."""

    @app.get("/admin/clock")
    async def show_clock(_request: Request) -> HTTPResponse:
        return _json(_clock_now())

    @app.post("/admin/clock")
    async def set_clock(request: Request) -> HTTPResponse:
        move = _read(request, ClockMove)
        seconds = _clock_offset() if move.offset_seconds is None else move.offset_seconds
        if move.to is not None:
            to = move.to if move.to.tzinfo else move.to.replace(tzinfo=clock.SHANGHAI)
            seconds = to.timestamp() - time.time()
        clock.move_clock(timedelta(seconds=seconds + (move.by_seconds or 0)))
        return _json(_clock_now())


def _add_faults(app: Sanic[Any, Any], platform: Platform) -> None:
    """What goes wrong, and when."""
    state = platform.state

    @app.post("/admin/token/revoke")
    async def revoke_token(request: Request) -> HTTPResponse:
        state.revoke_tokens(_read(request, Revocation).sticky)
        return _json({})

    @app.get("/admin/faults")
    async def list_faults(_request: Request) -> HTTPResponse:
        return _json({"items": state.faults})

    @app.post("/admin/faults")
    async def add_fault(request: Request) -> HTTPResponse:
        fault = _read(request, Fault)
        if fault.when not in ("before", "after"):
            raise Problem(400, "when is before or after")
        state.faults.append(fault)
        return _json(fault, 201)

    @app.delete("/admin/faults")
    async def clear_faults(_request: Request) -> HTTPResponse:
        state.faults.clear()
        return _json({})

    @app.get("/admin/pushes")
    async def show_pushes(_request: Request) -> HTTPResponse:
        return _json(state.pushes)

    @app.post("/admin/pushes")
    async def set_pushes(request: Request) -> HTTPResponse:
        state.pushes = _read(request, Pushes)
        return _json(state.pushes)


def _add_rules(app: Sanic[Any, Any], platform: Platform) -> None:
    """What the platform allows and decides, and how often it was asked."""
    state = platform.state

    @app.post("/admin/picture-verdicts")
    async def add_picture_verdict(request: Request) -> HTTPResponse:
        state.picture_verdicts.append(_read(request, PictureVerdict))
        return _json({"items": state.picture_verdicts}, 201)

    @app.post("/admin/limits")
    async def set_limit(request: Request) -> HTTPResponse:
        limit = _read(request, Limit)
        state.limits[limit.path] = (limit.minute, limit.day)
        return _json(limit)

    @app.post("/admin/rules")
    async def set_rules(request: Request) -> HTTPResponse:
        rules = _read(request, Rules)
        state.pages = state.pages if rules.pages is None else rules.pages
        state.send_seconds = state.send_seconds if rules.send_seconds is None else rules.send_seconds
        return _json(rules)

    @app.get("/admin/counters")
    async def show_counters(_request: Request) -> HTTPResponse:
        return _json(dict(state.counters))

    @app.post("/admin/reset")
    async def reset(request: Request) -> HTTPResponse:
        if _read(request, Resetting).rules_only:
            state.reset_rules()
        else:
            state.reset()
        return _json({})


def _find_person(platform: Platform, openid: str) -> Person:
    person = platform.state.saved.persons.get(openid)
    if person is None:
        raise Problem(404, "no such person")
    return person


def _template_id(platform: Platform, name_or_id: str) -> str:
    ids = platform.templates.all()
    found = ids.get(name_or_id) or (name_or_id if name_or_id in ids.values() else "")
    if not found:
        raise Problem(400, f"no template {name_or_id}")
    return found


def _show_person(platform: Platform, person: Person) -> dict[str, Any]:
    names = {platform_id: name for name, platform_id in platform.templates.all().items()}
    grants = {names.get(key, key): count for key, count in platform.state.grants_of(person.openid).items()}
    return {
        "openid": person.openid,
        "nickname": person.nickname,
        "phone_number": person.phone_number,
        "active_at": person.active_at,
        "grants": grants,
        "messages": platform.state.message_counts[person.openid],
    }


def _read(request: Request, kind: type[T]) -> T:
    """The body as `kind`. Only JSON is taken, so that a page of another site cannot post here."""
    if not request.body:
        return msgspec.convert({}, kind)
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise Problem(415, "send application/json")
    try:
        return msgspec.json.decode(request.body, type=kind)
    except msgspec.DecodeError as error:
        raise Problem(400, str(error)) from None


def _json(content: Any, status: int = 200) -> HTTPResponse:
    return HTTPResponse(msgspec.json.encode(content), status=status, content_type="application/json; charset=utf-8")


def _clock_now() -> dict[str, Any]:
    now = clock.now()
    return {
        "now": now,
        "shanghai": clock.shanghai(now).isoformat(timespec="seconds"),
        "offset_seconds": round(_clock_offset()),
    }


def _clock_offset() -> float:
    """How many seconds the moved clock is ahead."""
    return clock.now().timestamp() - time.time()


def _encrypt(session_key: str, plain: bytes) -> dict[str, str]:
    iv = os.urandom(16)
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(base64.b64decode(session_key)), modes.CBC(iv)).encryptor()
    sealed = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    return {"encrypted_data": base64.b64encode(sealed).decode(), "iv": base64.b64encode(iv).decode()}
