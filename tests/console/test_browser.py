"""The console in a real browser: by mouse and by keyboard, on a desk and on a phone, for people who cannot see it too.

Needs Chromium (Debian: apt install chromium).
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, ViewportSize

from server.accounts.models import ConsolePasskey
from server.console.pages import PAGES
from server.foundation.audit import AuditEntry
from server.foundation.settings import Settings
from server.organizations.models import Level, RoleKind
from server.wishes.models import WishState
from tests.builders import create_community, create_organization, create_staff
from tests.check_in.builders import application, create_member
from tests.chromium import CHROMIUM, MISSING, find_faults
from tests.clients import Api
from tests.console.visiting import asked_last
from tests.neighbor_center.builders import create_service
from tests.servers import Server
from tests.wishes.builders import create_people, put_wish

DESK, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)


class Desk:
    """A tab of a browser, and all that went wrong in it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url, self.wrong = page, url, list[str]()
        page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda asked: self._look(asked.url))

    def _look(self, address: str) -> None:
        if not address.startswith((self.url, "data:")):
            self.wrong.append(f"asks {address}")

    async def open(self, path: str) -> None:
        await self.page.goto(self.url + path)
        await self.page.wait_for_load_state("networkidle")

    async def sign_in(self, staff: Api) -> None:
        """The staff's phone reads the code off the screen and types the number."""
        await self.open("/console/sign-in")
        number = await self.page.inner_text(".number")
        code = await asked_last()
        await staff.post("/console-sign-ins/approve", {"code": code, "number": int(number)}, expect=204)
        await self.page.wait_for_url("**/console/", timeout=15000)
        await self.page.wait_for_load_state("networkidle")


@pytest.fixture
async def desk(chromium: Browser, settings: Settings, tmp_path: Path) -> AsyncIterator[Desk]:
    with Server(settings, tmp_path) as server:
        # By a name, since browsers keep passkeys for no number.
        url = server.environment["LINLI_PUBLIC_URL"] = server.url.replace("127.0.0.1", "localhost")
        await server.start()
        context = await chromium.new_context(viewport=DESK, locale="zh-CN")
        yield Desk(await context.new_page(), url)
        await context.close()


@pytest.mark.timeout(300)
async def test_a_morning_at_the_desk_by_keyboard_alone(api: Api, desk: Desk) -> None:
    community = await create_community()
    grid = await create_organization(Level.GRID, parent=community)
    staff = await create_staff(api, community)
    members = [await create_member(api, community) for _ in range(2)]
    for member in members:
        await member.post("/check-ins", application(community), expect=201)
    page = desk.page
    await desk.sign_in(staff)
    # The first is open; 1 is its first button.
    await page.wait_for_selector("#panel .acts a")
    await page.keyboard.press("1")
    await page.wait_for_selector("select[name=grid_id]")
    await page.focus("select[name=grid_id]")
    await page.select_option("select[name=grid_id]", grid.id)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("[role=status]")
    assert "已确认报到" in await page.inner_text("[role=status]")
    # The next is there at once; j and k walk, and the second is refused with a reason.
    await page.wait_for_selector("#panel .acts a")
    await page.keyboard.press("j")
    await page.keyboard.press("k")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#panel .acts a")
    await page.keyboard.press("3")
    await page.wait_for_selector("textarea[name=reason], input[name=reason]")
    await page.focus("[name=reason]")
    await page.keyboard.type("不住在本社区")
    await page.click("form.card button")
    await page.wait_for_selector("text=都处理完了")
    states = [(await member.get("/me/check-ins")) for member in members]
    assert [(each["active"] or each["history"][0])["state"] for each in states] == ["confirmed", "refused"]
    assert desk.wrong == []


@pytest.mark.timeout(400)
async def test_every_page_is_sound_on_a_desk_and_on_a_phone(api: Api, desk: Desk) -> None:
    people = await create_people(api)
    await put_wish(people, WishState.SUBMITTED)
    await put_wish(people, WishState.PUBLISHED)
    member = await create_member(api, people.community)
    await member.post("/check-ins", application(people.community), expect=201)
    service = await create_service(people.community)
    await desk.sign_in(await create_staff(api, people.community, RoleKind.MANAGER))
    paths = [
        *(f"/console/pages/{page.slug}" for page in PAGES),
        *("/console/week", "/console/counters", "/console/roster", "/console/keys", "/console/wall", "/screen"),
        *("/console/", "/console/figures", "/console/organization", "/console/people", "/console/system"),
        *("/console/pages/announcements/new/create_announcement", "/console/pages/activities/new/create_activity"),
        f"/console/pages/bookings?venue_id={service.venue_id}",
    ]
    wrong = []
    for path in paths:
        await desk.page.set_viewport_size(DESK)
        await desk.open(path)
        wrong += [f"{path}: {fault}" for fault in await find_faults(desk.page)]
        await desk.page.set_viewport_size(PHONE)
        wide = await desk.page.evaluate("document.documentElement.scrollWidth")
        if wide > PHONE["width"]:
            wrong.append(f"{path}: {wide} pixels wide on a phone")
    assert wrong == []
    assert desk.wrong == []


@pytest.mark.timeout(300)
async def test_a_manager_enters_by_passkey(api: Api, desk: Desk) -> None:
    manager = await create_staff(api, await create_community(), RoleKind.MANAGER)
    page = desk.page
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    abilities = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options = abilities | {"isUserVerified": True, "automaticPresenceSimulation": True}
    await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    await desk.sign_in(manager)
    await desk.open("/console/keys")
    await page.fill("#name", "办公室电脑")
    await page.click("text=添加通行密钥")
    await page.wait_for_selector("text=已添加通行密钥")
    assert "办公室电脑" in await page.inner_text("main")
    await page.click("text=退出 >> nth=0")
    for _ in range(2):
        await page.wait_for_url("**/console/sign-in")
        await page.click("text=管理员的其他登录方式")
        await page.click("text=用通行密钥登录")
        await page.wait_for_url("**/console/")
        await page.click("text=退出 >> nth=0")
    assert await ConsolePasskey.filter(person_id=manager.person_id, sign_count__gt=1).count() == 1
    await desk.sign_in(manager)
    await desk.open("/console/keys")
    await page.click("text=移除")
    await page.wait_for_selector("text=已移除通行密钥")
    await page.click("text=退出 >> nth=0")
    await page.wait_for_url("**/console/sign-in")
    await page.click("text=管理员的其他登录方式")
    await page.click("text=用通行密钥登录")
    await page.wait_for_selector("text=通行密钥没有通过验证")
    for action, times in (("add_console_passkey", 1), ("enter_console_by_passkey", 2), ("remove_console_passkey", 1)):
        assert await AuditEntry.filter(action=action, person_id=manager.person_id).count() == times
    assert [said for said in desk.wrong if "422" not in said] == []


@pytest.mark.timeout(300)
async def test_a_list_as_it_is_filtered_is_kept_as_a_view(api: Api, desk: Desk) -> None:
    await desk.sign_in(await create_staff(api, await create_community()))
    page = desk.page
    await desk.open("/console/pages/check-ins?state=applied")
    await page.click("text=存为视图")
    await page.fill("[name=view]", "待确认的<b>报到</b>")
    await page.click("text=存下")
    await desk.open("/console/people")
    await page.click("text=待确认的<b>报到</b>")
    await page.wait_for_url("**/console/pages/check-ins?state=applied")
    await page.click("text=移除这个视图")
    await desk.open("/console/people")
    assert not await page.is_visible("text=待确认的<b>报到</b>")
    assert desk.wrong == []
