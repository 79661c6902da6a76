"""Signing in: the code on the screen, waiting for the phone, and signing out."""

import base64
from collections.abc import Callable

import httpx
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from server.accounts import console_sign_in
from server.accounts.console_sign_in import ConsoleCodeExpired
from server.accounts.sessions import end_all_sessions, end_session
from server.accounts.sign_in import sign_in
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
    is_demo = settings.environment is Environment.DEMO

    @blueprint.get("/sign-in")
    async def show_sign_in(request: Request) -> HTTPResponse:
        await rates.count(Group.WRITE, None, request.ctx.address)
        asked = await console_sign_in.ask_to_sign_in(browser_of(request), request.ctx.address)
        picture = base64.b64encode(draw_qr(asked.text, width=320)).decode()
        answer = render(
            request,
            "sign_in.html",
            asked=asked,
            picture=f"data:image/png;base64,{picture}",
            people=_DEMO_PEOPLE if is_demo else (),
        )
        set_cookie(answer, request, NONCE_COOKIE, asked.nonce, seconds=int(console_sign_in.LASTS.total_seconds()))
        return answer

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

    if is_demo:
        _add_simulated_phone(blueprint, settings)


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
