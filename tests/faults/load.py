"""People who post wishes all the time, never give up, and remember what they were answered."""

import asyncio
import secrets
import time
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from string import ascii_letters
from typing import Any, NamedTuple

import httpx

from server.foundation import clock
from tests.faults.deployment import Deployment

STEPS = {"draft": 0, "submitted": 1, "withdrawn": 2}
_PATIENCE = 15.0
_PAUSE = 0.1


class Look(NamedTuple):
    """When /readyz was asked and answered, its status (0: nobody there), what it says of the database, and how much
    later it answered than /healthz, which asks nobody: what a busy machine takes, it takes of both."""

    asked_at: float
    answered_at: float
    status: int
    told: str
    seconds: float


class Load:
    """`people` clients; each writes a wish, hands it in and takes it back, again and again.

    A tap that is not answered well is tapped again with the same Idempotency-Key, as the mini-program does.
    """

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.tokens: list[str] = []
        self.acknowledged: dict[str, str] = {}
        """Title of a wish → the last state that was answered."""
        self.taps = 0
        self.answered_at: list[tuple[float, bool]] = []
        self.refused: Counter[str] = Counter()
        self.looks: list[Look] = []
        self._stopping = False

    async def prepare(self, people: int) -> None:
        simulator = httpx.AsyncClient(base_url=self.deployment.simulator_url, timeout=_PATIENCE)
        server = httpx.AsyncClient(base_url=f"{self.deployment.url}/api/v1", timeout=_PATIENCE)
        async with simulator, server:
            staff = await _sign_in(simulator, server, "demo-staff")
            community = (await _call(server, staff, "GET", "/me"))["roles"][0]["organization_id"]
            texts = {text["kind"]: text["version"] for text in await _call(server, staff, "GET", "/consent-texts")}
            for number in range(people):
                openid = f"load-{number}-{secrets.token_hex(4)}"
                body = {"openid": openid, "phone_number": f"135{secrets.randbelow(10**8):08}"}
                (await simulator.post("/admin/persons", json=body)).raise_for_status()
                token = await _sign_in(simulator, server, openid)
                consent = {"kind": "privacy", "text_version": texts["privacy"]}
                await _call(server, token, "POST", "/me/consents", consent)
                await _call(server, token, "PUT", "/me/community", {"community_id": community})
                self.tokens.append(token)

    async def run(self) -> None:
        """Until `stop`; what has begun is brought to its end."""
        await asyncio.gather(self._watch(), *(self._wish(token) for token in self.tokens))

    def stop(self) -> None:
        self._stopping = True

    async def _wish(self, token: str) -> None:
        day = clock.shanghai(clock.real_now() + timedelta(days=30)).date()
        wish = {"kind": "thing", "audience": "elderly", "text": "借用即可", "wished_by": day.isoformat()}
        async with httpx.AsyncClient(base_url=f"{self.deployment.url}/api/v1", timeout=_PATIENCE) as client:
            while not self._stopping:
                title = f"想要一把轮椅 {''.join(secrets.choice(ascii_letters) for _ in range(12))}"
                made = await self._tap(client, token, "/wishes", wish | {"title": title})
                self.acknowledged[title] = made["state"]
                for step in ("submit", "withdraw"):
                    made = await self._tap(client, token, f"/wishes/{made['id']}/{step}", None)
                    self.acknowledged[title] = made["state"]

    async def _tap(self, client: httpx.AsyncClient, token: str, path: str, body: Any) -> Any:
        headers = {"authorization": f"Bearer {token}", "idempotency-key": secrets.token_urlsafe(12)}
        while True:
            self.taps += 1
            try:
                response = await client.post(path, json=body, headers=headers)
            except httpx.TransportError as error:
                self.refused[type(error).__name__] += 1
            else:
                if response.is_success:
                    self.answered_at.append((time.monotonic(), True))
                    return response.json()
                self.refused[str(response.status_code)] += 1
                assert response.status_code >= 500, response.text
            self.answered_at.append((time.monotonic(), False))
            await asyncio.sleep(_PAUSE)

    async def _watch(self) -> None:
        async with httpx.AsyncClient(base_url=self.deployment.url, timeout=_PATIENCE) as client:
            while not self._stopping:
                asked_at = time.monotonic()
                ready, health = await asyncio.gather(_ask(client, "/readyz"), _ask(client, "/healthz"))
                told = ready.answer.json()["database"] if ready.answer else ""
                status = ready.answer.status_code if ready.answer else 0
                self.looks.append(Look(asked_at, ready.at, status, told, ready.at - health.at))
                await asyncio.sleep(0.2)


class _Asked(NamedTuple):
    answer: httpx.Response | None
    at: float


async def _ask(client: httpx.AsyncClient, path: str) -> _Asked:
    answer = None
    with suppress(httpx.TransportError):
        answer = await client.get(path, headers={"connection": "close"})
    return _Asked(answer, time.monotonic())


async def _sign_in(simulator: httpx.AsyncClient, server: httpx.AsyncClient, openid: str) -> str:
    code = (await simulator.post(f"/admin/persons/{openid}/login-code", json={})).json()["code"]
    return str((await _call(server, "", "POST", "/sessions", {"code": code}))["token"])


async def _call(server: httpx.AsyncClient, token: str, method: str, path: str, body: Any = None) -> Any:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    response = await server.request(method, path, json=body, headers=headers)
    assert response.is_success, response.text
    return response.json() if response.content else None
