"""A city with phones: server, worker and simulator as processes of their own, and people who tap in Chromium."""

import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.async_api import Browser, Locator, Page
from playwright.async_api import TimeoutError as Timeout

from server.foundation.settings import Settings
from tests.clients import Api
from tests.servers import Server, free_port

PATIENCE = 20_000
"""Milliseconds for what needs the worker; two busy cores may take that long."""


class City:
    """What phones need. `wechat` is the simulator's admin side."""

    def __init__(self, url: str, server: str, wechat: httpx.AsyncClient, browser: Browser) -> None:
        self.url, self.server, self.wechat, self.browser = url, server, wechat, browser
        self.phones: list[Phone] = []

    async def admin(self, path: str, body: Any) -> Any:
        answer = await self.wechat.post(f"/admin/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def phone(self, nickname: str = "", *, of: Api | None = None) -> "Phone":
        """The phone of somebody new, or of a person from builders."""
        person = {"openid": f"openid-{of.person_id}"} if of else {"nickname": nickname}
        made = await self.admin("persons", person)
        context = await self.browser.new_context(viewport={"width": 375, "height": 812}, locale="zh-CN")
        phone = Phone(self, await context.new_page(), made["openid"])
        self.phones.append(phone)
        return phone

    async def move_clock(self, to: datetime) -> None:
        await self.admin("clock", {"to": to.isoformat()})


class Phone:
    """One phone, and all that went wrong on it. What stands on it is found by its words, as people find it."""

    def __init__(self, city: City, page: Page, openid: str) -> None:
        self.city, self.page, self.openid = city, page, openid
        self.wrong: list[str] = []
        self.loads = 0
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda said: self.wrong.append(said.text) if _is_wrong(said.type, said.text) else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))

    async def open(self, page: str = "") -> None:
        """The mini-program, begun anew at a page of it."""
        # Another hash alone begins nothing anew; loading twice would cut the first one's requests off.
        self.loads += 1
        await self.page.goto(f"{self.city.url}/phone/app?as={self.openid}&load={self.loads}#{page}")

    def words(self, text: str) -> Locator:
        return self.page.get_by_text(re.compile(text)).locator("visible=true").last

    def button(self, text: str) -> Locator:
        found = self.page.locator("[role=button], button, [role=tab], [role=radio], [role=checkbox]")
        return found.filter(has_text=re.compile(rf"^\s*{text}\s*$")).locator("visible=true").last

    async def tap(self, *texts: str) -> None:
        """Buttons, by their whole words."""
        for text in texts:
            await self._find(self.button(text), text, "click")

    async def touch(self, text: str) -> None:
        """Whatever has these words among others."""
        await self._find(self.words(text), text, "click")

    async def see(self, text: str) -> None:
        await self._find(self.words(text), text, "wait_for")

    async def wait_for(self, text: str) -> None:
        """Open the page anew until the worker has done its part."""
        for _ in range(PATIENCE // 500):
            if await self.words(text).count():
                return
            await self.page.wait_for_timeout(500)
            await self.page.evaluate("phone.top.page.onPullDownRefresh()")
        await self.see(text)

    async def _find(self, there: Locator, text: str, what: str) -> None:
        try:
            await getattr(there, what)()
        except Timeout:
            shown = await self.page.locator("body").inner_text()
            raise AssertionError(f"{text} is not on the phone: {shown}") from None

    async def fill(self, **fields: str) -> None:
        for label, value in fields.items():
            await self.page.get_by_label(label, exact=True).locator("visible=true").last.fill(value)

    async def choose_picture(self, *, add: str = "添加照片") -> None:
        """Add a picture from the album."""
        async with self.page.expect_file_chooser() as waiting:
            await self.page.get_by_label(add).locator("visible=true").last.click()
        chooser = await waiting.value
        await chooser.set_files({"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": _photo()})
        await self.page.get_by_label("移除照片").locator("visible=true").first.wait_for()

    async def reload(self) -> None:
        """Close the mini-program and open it where it was."""
        await self.page.reload()

    async def back(self) -> None:
        await self.page.get_by_label("返回").locator("visible=true").click()

    async def loaded(self) -> None:
        """The page shows what it has to show; where it asks for the place, it is told."""
        ready = "window.phone?.top?.page.data.state !== 'loading'"
        await self.page.wait_for_function(f"{ready} || document.querySelector('.cover')")
        if await self.page.locator(".cover").count():
            await self.tap("允许")
            await self.page.wait_for_function(ready)

    async def code(self) -> bytes:
        """A photo of the code that this phone shows."""
        await self.page.get_by_alt_text("二维码").locator("visible=true").wait_for()
        return await self.page.screenshot()

    async def scan(self, photo: bytes) -> None:
        """What the scanner is pointed at, once it is open."""
        async with self.page.expect_file_chooser() as waiting:
            await self.tap("扫图片")
        await (await waiting.value).set_files({"name": "code.png", "mimeType": "image/png", "buffer": photo})

    async def sign_in(self) -> None:
        """From a page that asks for it, and back to it."""
        await self.tap("(微信)?登录")
        await self.agree()

    async def agree(self) -> None:
        await self.touch("我已阅读并同意")
        await self.see("☑")
        await self.tap("微信登录")

    async def join(self, community: str) -> None:
        """A newcomer's way: sign in, agree, choose the community."""
        await self.sign_in()
        await self.see("您住在哪个社区")
        await self.page.get_by_placeholder("输入社区名称").fill(community)
        await self.page.get_by_placeholder("输入社区名称").press("Enter")
        await self.touch(f"^{community}$")

    async def told(self, template_title: str) -> dict[str, Any]:
        """The subscribe message with this title that arrived on the phone."""
        for _ in range(PATIENCE // 100):
            found = (await self.city.wechat.get("/admin/outbox", params={"openid": self.openid})).json()["items"]
            for message in found:
                if message["title"] == template_title:
                    return dict(message)
            await self.page.wait_for_timeout(100)
        raise AssertionError(f"{template_title} did not come; {[each['title'] for each in found]} did")


def _photo() -> bytes:
    """A calm picture: what is mostly red does not pass the simulator's check."""
    encoded = io.BytesIO()
    Image.new("RGB", (640, 480), "seagreen").save(encoded, "JPEG")
    return encoded.getvalue()


def _is_wrong(kind: str, text: str) -> bool:
    # What the server refuses is shown to people, and Chromium notes it too.
    return kind == "error" and "Failed to load resource" not in text


@asynccontextmanager
async def standing(settings: Settings, folder: Path, browser: Browser) -> AsyncIterator[City]:
    """A city on the test's database."""
    port = str(free_port())
    wechat = f"http://127.0.0.1:{port}"
    known = {"WECHAT_SIMULATOR_PORT": port, "WECHAT_API_BASE": wechat}
    async with httpx.AsyncClient(base_url=wechat, trust_env=False) as client:
        with Server(settings, folder, **known) as server:
            known |= {"LINLI_PORT": str(server.port)}
            with Server(settings, folder, **known) as simulator, Server(settings, folder, **known) as worker:
                simulator.program, worker.program = ("-m", "server", "simulator"), ("-m", "server", "worker")
                simulator.process, worker.process = simulator._spawn(), worker._spawn()
                await server.start()
                await _until_it_answers(client)
                city = City(wechat, server.url, client, browser)
                try:
                    yield city
                finally:
                    await city.admin("clock", {"offset_seconds": 0})
                wrong = {phone.openid: phone.wrong for phone in city.phones if phone.wrong}
                assert wrong == {}, wrong


async def _until_it_answers(client: httpx.AsyncClient) -> None:
    for _ in range(1000):
        with suppress(httpx.TransportError):
            await client.get("/admin/clock")
            return
    raise AssertionError("the simulator does not answer")
