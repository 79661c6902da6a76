"""The platform's HTTP: every endpoint that Linli calls, with its checks. Answers have status 200; errcode tells."""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from server.foundation import clock
from server.foundation.settings import Settings
from server.wechat.simulator.content import check_content, check_media
from server.wechat.simulator.field_rules import find_problem
from server.wechat.simulator.pictures import draw_code
from server.wechat.simulator.pushes import PushSender
from server.wechat.simulator.state import CODE_LIFE, Code, Fault, Message, Person, State
from server.wechat.templates import TemplateIds

ACTIVE_FOR = timedelta(hours=2)
FORCE_PAUSE = timedelta(seconds=30)
_SCENE = set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$&'()*+,/:;=?@-._~")
_LANGUAGES = ("zh_CN", "en_US", "zh_HK", "zh_TW")

Answer = dict[str, Any] | bytes
Endpoint = Callable[[dict[str, str], dict[str, Any]], Awaitable[Answer]]


class Refusal(Exception):
    """An errcode and its errmsg, to be answered with status 200."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(errcode, errmsg)
        self.errcode = errcode
        self.errmsg = errmsg


class Platform:
    """One mini-program's corner of the platform."""

    def __init__(self, settings: Settings, state: State, pushes: PushSender) -> None:
        self.settings = settings
        self.state = state
        self.pushes = pushes
        self.templates = TemplateIds(settings)
        self.endpoints: dict[tuple[str, str], Endpoint] = {
            ("GET", "/sns/jscode2session"): self.jscode2session,
            ("POST", "/cgi-bin/stable_token"): self.stable_token,
            ("GET", "/cgi-bin/token"): self.legacy_token,
            ("POST", "/wxa/business/getuserphonenumber"): self.getuserphonenumber,
            ("POST", "/cgi-bin/message/subscribe/send"): self.subscribe_send,
            ("POST", "/wxa/getwxacodeunlimit"): self.getwxacodeunlimit,
            ("POST", "/wxa/msg_sec_check"): self.msg_sec_check,
            ("POST", "/wxa/media_check_async"): self.media_check_async,
            ("GET", "/wxa/checksession"): self.checksession,
        }

    async def jscode2session(self, query: dict[str, str], body: dict[str, Any]) -> Answer:
        self._check_credentials(query)
        if query.get("grant_type") != "authorization_code":
            raise Refusal(40002, "invalid grant_type")
        self._count("/sns/jscode2session", 100_000, 10**9)
        person = self._spend_code("login", query.get("js_code", ""))
        person.active_at = clock.now()
        answer = {"openid": person.openid, "session_key": person.session_key}
        return answer | ({"unionid": person.unionid} if person.unionid else {})

    async def stable_token(self, query: dict[str, str], body: dict[str, Any]) -> Answer:
        self.state.counters["token_fetches"] += 1
        self._check_credentials(body)
        if body.get("grant_type") != "client_credential":
            raise Refusal(40002, "invalid grant_type")
        self._count("/cgi-bin/stable_token", 10_000, 500_000)
        state, now = self.state, clock.now()
        if body.get("force_refresh") is True:
            recent = [at for at in state.saved.forced if now - timedelta(days=1) < at <= now]
            if recent and now - recent[-1] < FORCE_PAUSE:
                raise Refusal(45011, "api minute-quota reach limit, force_refresh needs an interval of 30 s")
            if len(recent) >= 20:
                raise Refusal(45009, "reach max force_refresh daily quota limit")
            state.saved.forced = [*recent, now]
            state.counters["token_forced"] += 1
            state.sticky_token = ""
            token = state.issue_token(stable=True, force=True)
        else:
            current = state.saved.stable
            lives = current is not None and current.expires_at - now > timedelta(minutes=5)
            keeps = current is not None and (lives or state.sticky_token == current.value)
            token = current if current and keeps else state.issue_token(stable=True)
        return {"access_token": token.value, "expires_in": max(1, int((token.expires_at - now).total_seconds()))}

    async def legacy_token(self, query: dict[str, str], body: dict[str, Any]) -> Answer:
        self.state.counters["legacy_token_fetches"] += 1
        self._check_credentials(query)
        if query.get("grant_type") != "client_credential":
            raise Refusal(40002, "invalid grant_type")
        self._count("/cgi-bin/token", 10_000, 2_000)
        return {"access_token": self.state.issue_token(stable=False).value, "expires_in": 7200}

    async def getuserphonenumber(self, query: dict[str, str], body: dict[str, Any]) -> Answer:
        self._check_token(query)
        self._count("/wxa/business/getuserphonenumber", 100_000, 10**9)
        person = self._spend_code("phone", body.get("code", ""))
        return {"errcode": 0, "errmsg": "ok", "phone_info": phone_info(person, self.settings.wechat_appid)}

    async def subscribe_send(self, query: dict[str, str], body: dict[str, Any]) -> Answer:
        self._check_token(query)
        self._count("/cgi-bin/message/subscribe/send", 10**9, 10_000_000)
        state = self.state
        openid, template_id, page = body.get("touser"), body.get("template_id"), body.get("page") or ""
        if not isinstance(openid, str) or openid not in state.saved.persons:
            raise Refusal(40003, "invalid openid")
        template = self.templates.find(template_id) if isinstance(template_id, str) else None
        if not isinstance(template_id, str) or template is None:
            raise Refusal(40037, "invalid template_id")
        if page and not self._page_exists(page.partition("?")[0]):
            raise Refusal(41030, "invalid page")
        if body.get("miniprogram_state", "formal") not in ("formal", "trial", "developer"):
            raise Refusal(40097, "invalid args: miniprogram_state")
        if body.get("lang", "zh_CN") not in _LANGUAGES:
            raise Refusal(40097, "invalid args: lang")
        problem = find_problem(body.get("data"), list(template.fields))
        if problem:
            raise Refusal(47003, problem)
        data = {key: str(item["value"]) for key, item in body["data"].items()}
        if any("【敏感】" in value for value in data.values()):
            raise Refusal(45168, "message contains sensitive word")
        if openid in state.sending:
            raise Refusal(43108, "concurrent sends to one user")
        state.sending.add(openid)
        try:
            await asyncio.sleep(state.send_seconds)
            if state.saved.grants.get(f"{openid} {template_id}", 0) < 1:
                raise Refusal(43101, "user refuse to accept the msg")
            state.saved.grants[f"{openid} {template_id}"] -= 1
            state.saved.messages_sent += 1
            number = state.saved.messages_sent
            msgid = str(4_000_000_000_000_000_000 + number)
            state.add_message(
                Message(
                    number=number,
                    msgid=msgid,
                    openid=openid,
                    template_id=template_id,
                    template=template.name,
                    title=template.title,
                    fields=[(label, data[key]) for key, label in template.fields.items()],
                    data=data,
                    page=page,
                    miniprogram_state=body.get("miniprogram_state", "formal"),
                    lang=body.get("lang", "zh_CN"),
                    sent_at=clock.now(),
                )
            )
        finally:
            state.sending.discard(openid)
        self.pushes.message_sent(openid, template_id, msgid)
        return {"errcode": 0, "errmsg": "ok", "msgid": int(msgid)}

    async def getwxacodeunlimit(self, query: dict[str, str], body: dict[str, Any]) -> Answer:
        self._check_token(query)
        self._count("/wxa/getwxacodeunlimit", 5000, 10**9)
        scene, page, width = body.get("scene"), body.get("page") or "", body.get("width", 430)
        if not isinstance(scene, str) or not 1 <= len(scene) <= 32:
            raise Refusal(40169, "invalid length for scene, or the data is not json string")
        if set(scene) - _SCENE:
            raise Refusal(40129, "invalid scene")
        if not isinstance(width, int) or not 280 <= width <= 1280:
            raise Refusal(40097, "invalid args: width")
        if body.get("env_version", "release") not in ("release", "trial", "develop"):
            raise Refusal(40097, "invalid args: env_version")
        if page.startswith("/") or "?" in page or (body.get("check_path", True) and not self._page_exists(page)):
            raise Refusal(41030, "invalid page")
        return draw_code(scene, page, width)

    async def msg_sec_check(self, query: dict[str, str], body: dict[str, Any]) -> Answer:
        self._check_token(query)
        self._count("/wxa/msg_sec_check", 4000, 2_000_000, minute_code=44991)
        texts = [body.get(name, "") for name in ("content", "title", "nickname", "signature")]
        if (
            body.get("version") != 2
            or body.get("scene") not in (1, 2, 3, 4)
            or not all(isinstance(t, str) for t in texts)
        ):
            raise Refusal(40097, "invalid args: version, scene or content")
        if not texts[0] or len(texts[0]) > 2500:
            raise Refusal(40097, "invalid args: content")
        self._check_active(body.get("openid"))
        suggest, label = check_content("\n".join(texts))
        return {
            "errcode": 0,
            "errmsg": "ok",
            "result": {"suggest": suggest, "label": label},
            "detail": [{"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label, "prob": 90}],
            "trace_id": self.state.next_trace_id(),
        }

    async def media_check_async(self, query: dict[str, str], body: dict[str, Any]) -> Answer:
        self._check_token(query)
        self._count("/wxa/media_check_async", 2000, 200_000, minute_code=44991)
        if body.get("media_type") not in (1, 2):
            raise Refusal(40004, "invalid media type")
        url = body.get("media_url")
        if body.get("version") != 2 or body.get("scene") not in (1, 2, 3, 4) or not isinstance(url, str):
            raise Refusal(40097, "invalid args: version, scene or media_url")
        openid = self._check_active(body.get("openid"))
        trace_id = self.state.next_trace_id()
        self.pushes.start(check_media(self.state, self.pushes, openid, url, trace_id))
        return {"errcode": 0, "errmsg": "ok", "trace_id": trace_id}

    async def checksession(self, query: dict[str, str], body: dict[str, Any]) -> Answer:
        self._check_token(query)
        person = self.state.saved.persons.get(query.get("openid", ""))
        if person is None:
            raise Refusal(40003, "invalid openid")
        expected = hmac.new(person.session_key.encode(), b"", hashlib.sha256).hexdigest()
        if query.get("sig_method") != "hmac_sha256" or query.get("signature") != expected:
            raise Refusal(87009, "invalid signature")
        return {"errcode": 0, "errmsg": "ok"}

    def _check_credentials(self, given: dict[str, Any]) -> None:
        if given.get("appid") != self.settings.wechat_appid:
            raise Refusal(40013, "invalid appid")
        if given.get("secret") != self.settings.wechat_secret:
            raise Refusal(40125, "invalid appsecret")

    def _check_token(self, query: dict[str, str]) -> None:
        value = query.get("access_token")
        if not value:
            raise Refusal(41001, "access_token missing")
        token = self.state.saved.tokens.get(value)
        if token is None:
            raise Refusal(40001, "invalid credential, access_token is invalid or not latest")
        if token.expires_at <= clock.now():
            raise Refusal(42001, "access_token expired")

    def _count(self, path: str, minute: int, day: int, minute_code: int = 45011) -> None:
        passed = self.state.count_call(path, minute, day)
        if passed == "minute":
            raise Refusal(minute_code, "api minute-quota reach limit, must slower, retry next minute")
        if passed:
            raise Refusal(45009, "reach max api daily quota limit")

    def _spend_code(self, kind: str, value: object) -> Person:
        code: Code | None = self.state.saved.codes.get(value) if isinstance(value, str) else None
        now = clock.now()
        if code is None or code.kind != kind or not now - CODE_LIFE < code.expires_at - CODE_LIFE <= now:
            raise Refusal(40029, "invalid code")
        if code.used:
            # A phone code that was used is invalid to the platform; a login code is named as used.
            raise Refusal(40163, "code been used") if kind == "login" else Refusal(40029, "invalid code")
        code.used = True
        self.state.dirty = True
        return self.state.saved.persons[code.openid]

    def _check_active(self, openid: object) -> str:
        person = self.state.saved.persons.get(openid) if isinstance(openid, str) else None
        if person is None:
            raise Refusal(40003, "invalid openid")
        if clock.now() - person.active_at > ACTIVE_FOR:
            raise Refusal(61010, "code is expired")
        return person.openid

    def _page_exists(self, page: str) -> bool:
        if self.state.pages:
            return page in self.state.pages
        return page.startswith("pages/") and len(page) > len("pages/")


def phone_info(person: Person, appid: str) -> dict[str, Any]:
    return {
        "phoneNumber": person.phone_number,
        "purePhoneNumber": person.phone_number,
        "countryCode": "86",
        "watermark": {"timestamp": int(clock.now().timestamp()), "appid": appid},
    }


def add_platform(app: Sanic[Any, Any], platform: Platform) -> None:
    """Serve the endpoints, with the injected faults around them."""

    def serve(method: str, path: str, endpoint: Endpoint) -> None:
        async def answer(request: Request) -> HTTPResponse | None:
            return await _answer(platform, endpoint, request)

        app.add_route(answer, path, methods=[method], name="platform" + path.replace("/", "_"))

    for (method, path), endpoint in platform.endpoints.items():
        serve(method, path, endpoint)


async def _answer(platform: Platform, endpoint: Endpoint, request: Request) -> HTTPResponse | None:
    state = platform.state
    state.counters[f"calls {request.path}"] += 1
    fault = _take_fault(state, request.path)
    if fault and fault.latency and fault.when == "before":
        await asyncio.sleep(fault.latency)
    if fault and fault.when == "before" and _replaces_answer(fault):
        return _faulty_answer(request, fault)
    try:
        query = {key: values[0] for key, values in request.args.items()}
        answer = await endpoint(query, _decode_body(request))
    except Refusal as refusal:
        state.counters[f"errcode {request.path} {refusal.errcode}"] += 1
        answer = {"errcode": refusal.errcode, "errmsg": _with_rid(refusal.errmsg)}
    if fault and fault.when == "after":
        await asyncio.sleep(fault.latency)
        if _replaces_answer(fault):
            return _faulty_answer(request, fault)
    if isinstance(answer, bytes):
        return HTTPResponse(answer, content_type="image/png")
    return HTTPResponse(msgspec.json.encode(answer), content_type="application/json; charset=utf-8")


def _decode_body(request: Request) -> dict[str, Any]:
    if request.method == "GET":
        return {}
    if not request.body:
        raise Refusal(44002, "empty post data")
    try:
        body = msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refusal(47001, "data format error")
    return body


def _take_fault(state: State, path: str) -> Fault | None:
    for fault in state.faults:
        if fault.path not in ("", path) or secrets.SystemRandom().random() >= fault.probability:
            continue
        if fault.times > 0:
            fault.times -= 1
            if fault.times == 0:
                state.faults.remove(fault)
        state.counters["faults"] += 1
        return fault
    return None


def _replaces_answer(fault: Fault) -> bool:
    return fault.disconnect or fault.garbage or fault.status is not None or fault.errcode is not None


def _faulty_answer(request: Request, fault: Fault) -> HTTPResponse:
    if fault.disconnect:
        abort = getattr(request.transport, "abort", None)
        if abort:
            abort()
        return HTTPResponse(b"", status=502)
    if fault.garbage:
        return HTTPResponse(b"<html>busy</html>", content_type="text/html")
    if fault.status is not None:
        return HTTPResponse(b"<html>error</html>", status=fault.status, content_type="text/html")
    answer = {"errcode": fault.errcode, "errmsg": _with_rid(fault.errmsg)}
    return HTTPResponse(msgspec.json.encode(answer), content_type="application/json; charset=utf-8")


def _with_rid(errmsg: str) -> str:
    seconds = int(clock.now().timestamp())
    return f"{errmsg} rid: {seconds:x}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"
