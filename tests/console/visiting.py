"""A browser at the console, without a screen: it follows forms and keeps cookies."""

import re
from html import unescape
from typing import Any

import httpx

from server.accounts.models import ConsoleSignIn
from tests.clients import Api


async def asked_last() -> str:
    """What the code says that was shown last: a phone would read it off the screen."""
    made = await ConsoleSignIn.all().order_by("-id").first()
    assert made
    return f"console.{made.id}"


class Browser:
    """One browser. `text` is the page that it shows."""

    def __init__(self, app: Any, agent: str = "Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36") -> None:
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url="http://linli.test",
            headers={"user-agent": agent},
            follow_redirects=True,
        )
        self.text = ""
        self.status = 0

    async def open(self, path: str, **headers: str) -> "Browser":
        return self._shows(await self.client.get(path, headers=headers))

    async def send(self, path: str, fields: dict[str, Any], **headers: str) -> "Browser":
        """Send the form of this page, filled in: what is hidden on it goes along."""
        data = self.hidden | fields
        return self._shows(await self.client.post(path, data=data, headers=headers))

    def _shows(self, answer: httpx.Response) -> "Browser":
        self.text, self.status, self.url = answer.text, answer.status_code, answer.url
        return self

    @property
    def hidden(self) -> dict[str, str]:
        return {
            name: unescape(value)
            for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', self.text)
        }

    @property
    def links(self) -> list[str]:
        return [unescape(link) for link in re.findall(r'href="(/console[^"]*)"', self.text)]

    def link(self, part: str) -> str:
        return next(link for link in self.links if part in link)

    async def ask_to_sign_in(self) -> tuple[str, int]:
        """Open the page with the code; what the code says, and the number beside it."""
        await self.open("/console/sign-in")
        (number,) = re.findall(r'class="number"[^>]*>(\d\d)<', self.text)
        return await asked_last(), int(number)

    async def sign_in(self, staff: Api) -> "Browser":
        """The staff's phone scans the code and types the number."""
        code, number = await self.ask_to_sign_in()
        await staff.post("/console-sign-ins/approve", {"code": code, "number": number}, expect=204)
        waited = await self.client.get("/console/sign-in/wait")
        assert waited.headers["hx-redirect"] == "/console/"
        return await self.open("/console/")
