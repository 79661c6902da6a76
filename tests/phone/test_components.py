"""The kit alone, in Chromium: the committed pages with answers of the API made here. No server, no database.

What every page does whatever it shows: empty, refused, offline, forms and their faults, one sign-in for all who wait.
"""

import json
from collections.abc import AsyncIterator
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, Request, Route

from server.wechat.simulator.phones import FOLDER
from tests.chromium import CHROMIUM, MISSING, find_faults

pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason=MISSING), pytest.mark.timeout(120)]

HOST = "http://phone.test"
FILES = {"/phone/app": "app.html", "/phone/app.js": "app.js", "/phone/app.css": "app.css"}
KINDS = {"html": "text/html; charset=utf-8", "js": "text/javascript", "css": "text/css"}
TEAM = {"id": "t1", "name": "海滨志愿队", "size": 3, "is_led_by_me": True}
OFFLINE = None
"""Instead of an answer: the network is gone."""

Answer: TypeAlias = tuple[int, Any] | None


def problem(status: int, code: str, title: str, **more: Any) -> Answer:
    return status, {"code": code, "title": title, "status": status, **more}


class Stage:
    """A phone, what the API answers to it, and what it asked. `answers` are used up one by one; the last one stays.
    `rest` answers what has none; without it, asking for something else fails the test."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.answers: dict[str, list[Answer]] = {
            "POST /sessions": [(201, {"token": "new"})],
            # The home page lies below the one that is tried.
            "GET /me": [(404, {})],
            "GET /me/home": [(404, {})],
        }
        self.asked: list[Request] = []
        self.wrong: list[str] = []
        self.rest: Answer | None = None

    def answer(self, operation: str, *answers: Answer) -> None:
        self.answers[operation] = list(answers)

    def sent(self, operation: str) -> list[Request]:
        return [one for one in self.asked if _operation(one) == operation]

    async def open(self, page: str, token: str = "known") -> None:
        await self.page.add_init_script(f"localStorage['me token'] ??= {json.dumps(json.dumps(token))}")
        await self.page.goto(f"{HOST}/phone/app?as=me#{page}")
        await self.page.wait_for_function("!['loading', undefined].includes(window.phone?.top?.page.data.state)")

    async def see(self, text: str) -> None:
        await self.page.get_by_text(text).locator("visible=true").last.wait_for()

    async def tap(self, text: str) -> None:
        await self.page.get_by_role("button", name=text, exact=True).locator("visible=true").last.click()

    async def words(self) -> str:
        return await self.page.locator("main").inner_text()

    async def play(self, route: Route) -> None:
        path = urlsplit(route.request.url).path
        if name := FILES.get(path):
            await route.fulfill(body=(FOLDER / name).read_text(), content_type=KINDS[name.rpartition(".")[2]])
        elif path == "/admin/persons/me/login-code":
            await route.fulfill(json={"code": "c"})
        elif path.endswith("/identity-card/picture"):
            card = '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="900"/>'
            await route.fulfill(body=card, content_type="image/svg+xml")
        elif path == "/admin/clock":
            await route.fulfill(json={"offset_seconds": 0})
        elif path.endswith("/inbox/live"):
            await route.fulfill(body="", content_type="text/event-stream")
        else:
            await self._answer(route)

    async def _answer(self, route: Route) -> None:
        self.asked.append(route.request)
        operation = _operation(route.request)
        known = self.answers.get(operation) or ([self.rest] if self.rest else [])
        if not known:
            self.wrong.append(f"{operation} has no answer here")
            await route.abort()
            return
        answer = known.pop(0) if len(known) > 1 else known[0]
        if answer is None:
            await route.abort("internetdisconnected")
            return
        status, body = answer
        await route.fulfill(status=status, body=json.dumps(body), content_type="application/json")


def _operation(request: Request) -> str:
    return f"{request.method} {urlsplit(request.url).path.removeprefix('/api/v1')}"


@pytest.fixture
async def stage(chromium: Browser) -> AsyncIterator[Stage]:
    context = await chromium.new_context(viewport={"width": 375, "height": 812}, locale="zh-CN")
    stage = Stage(await context.new_page())
    stage.page.set_default_timeout(10_000)
    stage.page.on("pageerror", lambda error: stage.wrong.append(str(error)))
    await stage.page.route("**/*", stage.play)
    yield stage
    await context.close()
    assert stage.wrong == []


async def test_an_empty_list_says_so_and_leads_on(stage: Stage) -> None:
    stage.answer("GET /tickets", (200, []))
    await stage.open("pages/venue/tickets")
    await stage.see("今天没有取号")
    assert await stage.page.locator("img[src*=svg]").locator("visible=true").count() == 1
    assert await stage.page.get_by_role("button", name="去邻里中心看看").is_visible()
    assert await find_faults(stage.page) == []


REFUSED: list[tuple[Answer, list[str], list[str]]] = [
    (problem(404, "not_found", "没有找到"), ["没有找到", "可能已经结束或撤下", "回到首页"], ["重试"]),
    (problem(403, "forbidden", "没有权限"), ["没有权限", "请联系所在社区", "回到首页"], ["重试"]),
    (problem(403, "forbidden", "没有权限", detail="请找管理员"), ["请找管理员"], ["请联系所在社区"]),
    (problem(503, "unavailable", "服务正忙"), ["服务正忙", "请稍后再试", "重试", "回到首页"], []),
    (
        problem(403, "consent_needed", "请先同意条款"),
        ["请先同意条款", "会回到这一页", "阅读条款", "回到首页"],
        ["重试", "联系所在社区"],
    ),
    ((502, "the server does not answer"), ["服务暂时不可用", "重试"], ["the server"]),
    (OFFLINE, ["连接不上网络", "请检查网络", "重试"], []),
]


@pytest.mark.parametrize(("answer", "said", "unsaid"), REFUSED)
async def test_what_is_refused_says_why_and_leads_on(
    stage: Stage, answer: Answer, said: list[str], unsaid: list[str]
) -> None:
    stage.answer("GET /teams", answer)
    await stage.open("pages/team/mine")
    words = await stage.words()
    assert [word for word in said if word not in words] == []
    assert [word for word in unsaid if word in words] == []
    assert await find_faults(stage.page) == []


async def test_trying_again_shows_the_page_once_the_network_is_back(stage: Stage) -> None:
    stage.answer("GET /teams", OFFLINE, (200, [TEAM]))
    await stage.open("pages/team/mine")
    await stage.tap("重试")
    await stage.see("海滨志愿队")


async def test_what_is_shown_stays_when_the_network_goes(stage: Stage) -> None:
    stage.answer("GET /teams", (200, [TEAM]), OFFLINE)
    await stage.open("pages/team/mine")
    await stage.page.evaluate("phone.top.page.onPullDownRefresh()")
    await stage.see("连接不上网络")
    await stage.see("海滨志愿队")


async def test_a_fault_stands_at_its_field_and_what_was_typed_stays(stage: Stage) -> None:
    stage.answer("GET /teams", (200, []))
    fault = {"field": "name", "problem": "名称里有不能用的词"}
    stage.answer("POST /teams", problem(422, "invalid", "填写的内容有误", errors=[fault]))
    await stage.open("pages/team/mine")
    await stage.tap("组建团队")
    await stage.page.get_by_label("团队名称").fill("第一队")
    await stage.tap("组建团队")
    await stage.page.get_by_role("alert").wait_for()
    assert await stage.page.get_by_role("alert").inner_text() == "名称里有不能用的词"
    assert await stage.page.get_by_label("团队名称").input_value() == "第一队"
    assert await find_faults(stage.page) == []
    # Closed, and opened again: the fault is gone.
    await stage.page.get_by_label("关闭").click()
    await stage.tap("组建团队")
    assert await stage.page.get_by_role("alert").count() == 0


async def test_the_same_thing_sent_after_a_lost_answer_has_the_same_key(stage: Stage) -> None:
    stage.answer("GET /teams", (200, []))
    stage.answer("POST /teams", OFFLINE, problem(409, "taken", "已有这个团队"), (409, {}))
    await stage.open("pages/team/mine")
    await stage.tap("组建团队")
    await stage.page.get_by_label("团队名称").fill("第一队")
    for said in ("请检查网络后重试", "已有这个团队", "服务暂时不可用"):
        await stage.tap("组建团队")
        await stage.see(said)
    lost, again, other = [one.headers["idempotency-key"] for one in stage.sent("POST /teams")]
    assert lost == again
    assert other != again


@pytest.mark.parametrize("may_sign_in", [True, False])
async def test_all_who_wait_share_one_sign_in(stage: Stage, may_sign_in: bool) -> None:
    ended = problem(401, "not_signed_in", "请先登录")
    wanted = {"version": 1, "topics": [], "quiet_from": None, "quiet_until": None}
    stage.answer("GET /me/notification-preferences", ended, (200, wanted))
    stage.answer("GET /me/subscriptions", ended, (200, {"items": []}))
    if not may_sign_in:
        stage.answer("POST /sessions", problem(503, "unavailable", "微信登录暂时不可用"))
    await stage.open("pages/me/preferences")
    await stage.see("免打扰" if may_sign_in else "微信登录暂时不可用")
    assert len(stage.sent("POST /sessions")) == 1


async def test_what_cannot_be_done_now_says_why_and_where_to_go(stage: Stage) -> None:
    post = {"id": "p1", "title": "楼道监督员", "duties": "每周巡查", "places": 3, "free_places": 3}
    stage.answer(
        "GET /posts/p1", (200, {**post, "state": "open", "category_name": "社区监督", "term_starts_on": "2026-03-01"})
    )
    why = {"action": "apply", "ok": False, "why": "not_checked_in", "words": "请先在该社区报到"}
    stage.answer("GET /posts/p1/actions", (200, [why]))
    await stage.open("pages/post/detail?id=p1")
    await stage.see("请先在该社区报到，点按钮去办")
    stage.rest = problem(403, "consent_needed", "请先同意条款")
    await stage.tap("申请这个岗位")
    await stage.page.wait_for_function("phone.top.path === 'pages/check-in/apply'")


async def test_who_has_not_agreed_to_show_who_they_are_is_asked_first(stage: Stage) -> None:
    stage.answer("GET /me/identity-card", problem(403, "consent_needed", "请先同意条款"))
    stage.rest = (404, {})
    await stage.open("pages/me/identity")
    assert not stage.sent("GET /me/identity-card/picture")
    await stage.tap("阅读并同意")
    await stage.page.wait_for_function("phone.top.path === 'pages/me/consents'")
    assert "kind=show_identity" in stage.page.url


async def test_a_card_that_is_scanned_is_shown_whole(stage: Stage) -> None:
    card = {"name": "王敏", "community": "海滨社区", "since": "2026-03-01", "posts": ["楼道监督员"]}
    stage.answer("GET /me/identity-card", (200, {**card, "expires_at": "2026-03-01T11:17:00+08:00"}))
    await stage.open("pages/me/identity")
    drawn = stage.page.get_by_alt_text("王敏").locator("visible=true")
    await drawn.wait_for()
    await stage.page.wait_for_function("image => image.naturalHeight > 0", arg=await drawn.element_handle())
    box = await drawn.bounding_box()
    assert box
    assert box["height"] == pytest.approx(box["width"] * 1.5, abs=1)
