"""What a tour is played with: persons who have WeChat, requests that are printed with their answers, and a clock."""

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import httpx

from server.foundation import clock

WAIT_SECONDS = 20


class TourFailed(Exception):
    """A step is not as it should be."""


class Person:
    """Somebody on the tour: signs in through the simulator, and calls the API."""

    def __init__(self, stage: "Stage", name: str, openid: str, phone: str = "") -> None:
        self.stage, self.name, self.openid, self.phone = stage, name, openid, phone
        self.token, self.id = "", ""

    async def sign_in(self) -> None:
        code = await self.stage.wechat("POST", f"persons/{self.openid}/login-code", {})
        session = await self.post("/sessions", {"code": code["code"]}, status=201, show="token")
        self.token, self.id = session["token"], session["person_id"]

    async def get(self, path: str, **query: Any) -> Any:
        return await self.stage.call(self, "GET", path, query=query)

    async def post(self, path: str, body: Any = None, *, status: int | None = None, show: str = "") -> Any:
        return await self.stage.call(self, "POST", path, body, status=status, show=show)

    async def put(self, path: str, body: Any) -> Any:
        return await self.stage.call(self, "PUT", path, body)

    async def agree(self, *kinds: str) -> None:
        """Read texts as they are now, and agree to them."""
        texts = {text["kind"]: text for text in await self.get("/consent-texts")}
        for kind in kinds:
            await self.post("/me/consents", {"kind": kind, "text_version": texts[kind]["version"]})
        self.stage.say(f"{self.name} agrees to 《{'》《'.join(texts[kind]['title'] for kind in kinds)}》")

    async def accept(self, *templates: str) -> None:
        """Tap "allow" on subscribe messages. The client reports it and WeChat pushes it too: it counts once."""
        await self.stage.wechat("POST", f"persons/{self.openid}/subscriptions", {"accept": list(templates)})
        known = (await self.stage.wechat("GET", "templates"))["items"]
        ids = {template["name"]: template["id"] for template in known}
        await self.post("/me/subscriptions", {"answers": {ids[name]: "accept" for name in templates}})
        self.stage.say(f"{self.name} allows one message each of: {', '.join(templates)}")

    async def told(self, title: str) -> None:
        """There is an inbox message with this title."""

        async def has_message() -> bool:
            inbox = await self.stage.call(self, "GET", "/me/inbox", quiet=True)
            return any(message["title"] == title for message in inbox["items"])

        await self.stage.wait_for(has_message, f"{self.name} has the inbox message “{title}”")

    async def told_on_wechat(self, template: str) -> None:
        """A subscribe message of this template has arrived on the person's phone."""

        async def has_arrived() -> bool:
            outbox = await self.stage.wechat("GET", "outbox", query={"openid": self.openid})
            return any(message["template"] == template for message in outbox["items"])

        await self.stage.wait_for(has_arrived, f"WeChat delivered “{template}” to {self.name}")


class Stage:
    """Where one tour is played. `write` takes its lines."""

    def __init__(self, server: httpx.AsyncClient, simulator: httpx.AsyncClient, write: Callable[[str], None]) -> None:
        self.server, self.simulator, self.write = server, simulator, write
        self.number = 0
        self.on_tick: Callable[[], Awaitable[None]] | None = None

    def step(self, title: str) -> None:
        self.number += 1
        self.write(f"\n{self.number}. {title}\n")

    def say(self, text: str) -> None:
        self.write(f"   ✓ {text}")

    def expect(self, holds: bool, text: str) -> None:
        if not holds:
            raise TourFailed(text)
        self.say(text)

    async def call(
        self,
        person: Person,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, Any] | None = None,
        status: int | None = None,
        refusal: str = "",
        show: str = "",
        quiet: bool = False,
        content: tuple[str, bytes] | None = None,
    ) -> Any:
        """One request, printed with its answer; raises TourFailed on an unexpected status, or where it is not refused
        with the code `refusal`."""
        headers = {"authorization": f"Bearer {person.token}"} if person.token else {}
        if method == "POST" and content is None and person.token:
            headers["idempotency-key"] = secrets.token_urlsafe(12)
        options: dict[str, Any] = {"params": query} if query else {}
        if content:
            headers["content-type"] = content[0]
            options["content"] = content[1]
        elif body is not None:
            options["json"] = body
        response = await self.server.request(method, f"/api/v1{path}", headers=headers, **options)
        is_json = response.headers.get("content-type", "").startswith(("application/json", "application/problem+json"))
        answer: Any = response.json() if is_json else f"{len(response.content)} bytes" if response.content else None
        if not quiet:
            self.write(f"   {person.name}: {method} {path}{' ' + _short(body) if body else ''}")
            hidden = {**answer, show: "…"} if show and isinstance(answer, dict) else answer
            self.write(f"     {response.status_code} {_short(hidden)}")
        as_wished = answer and answer.get("code") == refusal if refusal else response.is_success
        if not as_wished or (status and response.status_code != status):
            raise TourFailed(f"{method} {path} answered {response.status_code}: {_short(answer, 600)}")
        return answer

    async def refused(
        self, person: Person, method: str, path: str, body: Any, code: str, *, within: float = 0.0
    ) -> None:
        """A request that must be refused with this code, at the latest after `within` seconds: what one process of
        several has been told, the others hear of a little later."""
        deadline = time.monotonic() + within
        while True:
            try:
                problem = await self.call(person, method, path, body, refusal=code)
                break
            except TourFailed:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.2)
        self.say(f"refused in words: {problem['title']}")

    async def wechat(self, method: str, path: str, body: Any = None, *, query: dict[str, Any] | None = None) -> Any:
        """The simulator's admin side."""
        response = await self.simulator.request(method, f"/admin/{path}", json=body, params=query)
        if not response.is_success:
            raise TourFailed(f"the simulator answered {response.status_code} to {path}: {response.text[:200]}")
        return response.json()

    async def move_clock_to(self, moment: datetime) -> None:
        await self.wechat("POST", "clock", {"to": moment.isoformat()})
        self.say(f"the clock moves to {clock.shanghai(moment):%Y-%m-%d %H:%M} (Shanghai)")

    async def now(self) -> datetime:
        return datetime.fromisoformat((await self.wechat("GET", "clock"))["now"])

    async def wait_for(self, holds: Callable[[], Awaitable[bool]], text: str) -> None:
        """What the worker does takes a moment."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not await holds():
            if time.monotonic() > deadline:
                raise TourFailed(f"not within {WAIT_SECONDS} s: {text}")
            if self.on_tick:
                await self.on_tick()
            else:
                await asyncio.sleep(0.1)
        self.say(text)

    async def newcomer(self, name: str) -> Person:
        """Somebody new who has WeChat."""
        phone = f"199{secrets.randbelow(10**8):08d}"
        made = await self.wechat("POST", "persons", {"nickname": name, "phone_number": phone})
        person = Person(self, name, made["openid"], phone)
        await person.sign_in()
        await person.agree("privacy", "sensitive_data")
        code = (await self.wechat("POST", f"persons/{person.openid}/phone-code", {}))["code"]
        me = await person.put("/me/phone", {"code": code})
        self.expect(me["phone"] == f"{phone[:3]}****{phone[-4:]}", f"a verified phone number, masked: {me['phone']}")
        return person


def _short(value: Any, length: int = 160) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= length else text[: length - 1] + "…"
