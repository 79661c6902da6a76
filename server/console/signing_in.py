"""Signing in: the code on the screen, waiting for the phone, and signing out."""

import base64
from collections.abc import Awaitable, Callable

import httpx
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from miniprogram_api.admission import answer_within
from server.accounts import console_keys, console_sign_in
from server.accounts.console_sign_in import ConsoleCodeExpired
from server.accounts.sessions import NewSession, end_all_sessions, end_session
from server.accounts.sign_in import sign_in
from server.console.keys import site_of
from server.console.rendering import by_htmx, by_redirect, render
from server.console.visits import NONCE_COOKIE, SESSION_COOKIE, Visit, begin_visit, form_of, set_cookie
from server.foundation import rates
from server.foundation.errors import NotSignedIn, Refusal
from server.foundation.rates import Group
from server.foundation.settings import Environment, Settings
from server.media.drawing.qr import draw_qr

_DEMO_PEOPLE = (
    ("demo-staff", "社区工作者 小林"),
    ("demo-manager", "街道管理员 小陈"),
    ("demo-city-manager", "市管理员 老孙"),
    ("demo-grid", "网格员 老周"),
)


def add_sign_in(blueprint: Blueprint, settings: Settings) -> None:
    """The pages that whoever has not signed in may see."""

    @blueprint.get("/sign-in")
    async def show_sign_in(request: Request) -> HTTPResponse:
        return await _ask(request)

    @blueprint.get("/sign-in/wait")
    async def wait_for_phone(request: Request) -> HTTPResponse:
        """Asked every other second by the page: 204 while the phone has not answered."""
        return await _enter(request, by_htmx) or HTTPResponse(status=204)

    @blueprint.post("/sign-out")
    async def sign_out(request: Request) -> HTTPResponse:
        visit = await _visit_if_any(request)
        if visit:
            visit.require_own_form()
            if form_of(request).get("everywhere"):
                await end_all_sessions(visit.caller.person_id)
            else:
                await end_session(visit.caller.session_id)
        answer = by_redirect("/console/sign-in")
        set_cookie(answer, request, SESSION_COOKIE, "", seconds=0)
        return answer

    @blueprint.get("/sign-in/enter")
    async def enter(request: Request) -> HTTPResponse:
        """The same for a browser without JavaScript."""
        return await _enter(request, by_redirect) or by_redirect("/console/sign-in")

    _add_keys(blueprint)
    if settings.environment is Environment.DEMO:
        _add_simulated_phone(blueprint, settings)


async def _ask(request: Request, refusal: Refusal | None = None) -> HTTPResponse:
    await rates.count(Group.WRITE, None, request.ctx.address)
    asked = await console_sign_in.ask_to_sign_in(browser_of(request), request.ctx.address)
    picture = base64.b64encode(draw_qr(asked.text, width=320)).decode()
    site = site_of(request)
    answer = render(
        request,
        "sign_in.html",
        status=refusal.status if refusal else 200,
        asked=asked,
        picture=f"data:image/png;base64,{picture}",
        people=_DEMO_PEOPLE if request.app.ctx.settings.environment is Environment.DEMO else (),
        refusal=refusal,
        phone=form_of(request).get("phone") or "",
        offer=console_keys.ask_for_passkey(asked.nonce, site) if site else None,
    )
    set_cookie(answer, request, NONCE_COOKIE, asked.nonce, seconds=int(console_sign_in.LASTS.total_seconds()))
    return answer


async def _enter_by(request: Request, enter: Callable[[str], Awaitable[NewSession]]) -> HTTPResponse:
    """By another key, from a page of ours: whoever comes from elsewhere has not its nonce. What is refused counts
    against the address."""
    nonce = request.cookies.get(NONCE_COOKIE) or ""
    if not nonce:
        return by_redirect("/console/sign-in")
    try:
        session = await answer_within(Group.CODES, None, request.ctx.address, lambda: enter(nonce))
    except Refusal as refusal:
        return await _ask(request, refusal)
    answer = by_redirect("/console/")
    set_cookie(answer, request, SESSION_COOKIE, session.token)
    return answer


def _add_keys(blueprint: Blueprint) -> None:
    @blueprint.post("/sign-in/password")
    async def enter_with_password(request: Request) -> HTTPResponse:
        form = form_of(request)
        phone, password, code = (form.get(name) or "" for name in ("phone", "password", "code"))
        return await _enter_by(request, lambda _: console_keys.enter_with_password(phone, password, code.strip()))

    @blueprint.post("/sign-in/passkey")
    async def enter_with_passkey(request: Request) -> HTTPResponse:
        credential, site = form_of(request).get("credential") or "", site_of(request)
        if site is None:
            return by_redirect("/console/sign-in")
        return await _enter_by(request, lambda nonce: console_keys.enter_with_passkey(nonce, credential, site))


async def _enter(request: Request, go: Callable[[str], HTTPResponse]) -> HTTPResponse | None:
    """On to the console once a phone has let this browser in, or to another code; None while it waits."""
    try:
        session = await console_sign_in.enter_console(request.cookies.get(NONCE_COOKIE) or "")
    except ConsoleCodeExpired:
        return go("/console/sign-in")
    if session is None:
        return None
    answer = go("/console/")
    set_cookie(answer, request, SESSION_COOKIE, session.token)
    return answer


def _add_simulated_phone(blueprint: Blueprint, settings: Settings) -> None:
    @blueprint.post("/sign-in/demo")
    async def scan_with_simulated_phone(request: Request) -> HTTPResponse:
        """What a phone does: signs in, scans the code, types the number."""
        openid = form_of(request).get("openid")
        code, number = form_of(request).get("code") or "", form_of(request).get("number") or "0"
        if openid not in dict(_DEMO_PEOPLE):
            raise NotSignedIn()
        async with httpx.AsyncClient(base_url=settings.wechat_base, trust_env=False) as simulator:
            answer = await simulator.post(f"/admin/persons/{openid}/login-code")
        person = await sign_in(answer.json()["code"], settings.session_days)
        await console_sign_in.approve_console_sign_in(person.person_id, code, int(number))
        return by_redirect("/console/sign-in/enter")


def browser_of(request: Request) -> str:
    """Browser and system in words, as the phone shows them."""
    agent = request.headers.get("user-agent", "")
    browsers = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
    systems = (("Windows", "Windows"), ("Mac OS", "macOS"), ("Android", "Android"), ("Linux", "Linux"))
    browser = next((name for sign, name in browsers if sign in agent), "未知浏览器")
    system = next((name for sign, name in systems if sign in agent), "未知系统")
    return f"{browser}（{system}）"


async def _visit_if_any(request: Request) -> Visit | None:
    try:
        return await begin_visit(request)
    except Refusal:
        return None
