"""People who never pause while servers come and go: they read, write, and upload pictures."""

import asyncio
import collections
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable

import httpx

from server.demo.stage import Person
from tests.media.builders import draw

PER_SECOND = 50
_READS = ("/me", "/wishes", "/activities", "/me/home", "/me/inbox", "/consent-texts")


class Load:
    """Each person has a connection and a balancer of their own, and repeats nothing: what fails once has failed."""

    def __init__(self, people: list[Person], balancers: tuple[str, ...]) -> None:
        self.people, self.balancers = people, balancers
        self.answers: collections.Counter[str] = collections.Counter()
        self.failed: list[str] = []
        self.slowest = 0.0
        self.names: dict[str, str] = {}
        self._wanted = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Load"]:
        self._wanted = True
        running = [asyncio.create_task(self._live(number, person)) for number, person in enumerate(self.people)]
        try:
            await asyncio.sleep(1)
            yield self
            await asyncio.sleep(1)
        finally:
            self._wanted = False
            await asyncio.gather(*running)

    @property
    def total(self) -> int:
        return self.answers.total() + len(self.failed)

    async def _live(self, number: int, person: Person) -> None:
        pause, turn = len(self.people) / PER_SECOND, number
        headers = {"authorization": f"Bearer {person.token}"}
        base = f"{self.balancers[number % len(self.balancers)]}/api/v1"
        async with httpx.AsyncClient(base_url=base, headers=headers, timeout=30) as client:
            while self._wanted:
                began = time.monotonic()
                turn += 1
                await self._ask(client, person, turn)
                self.slowest = max(self.slowest, time.monotonic() - began)
                await asyncio.sleep(max(0.0, pause - (time.monotonic() - began)))

    async def _ask(self, client: httpx.AsyncClient, person: Person, turn: int) -> None:
        try:
            if turn % 10 == 0:
                await self._count(client.post("/pictures", content=draw(), headers={"content-type": "image/jpeg"}))
            elif turn % 5 == 0:
                await self._rename(client, person)
            else:
                await self._count(client.get(_READS[turn % len(_READS)]))
        except httpx.TransportError as error:
            self.failed.append(type(error).__name__)

    async def _rename(self, client: httpx.AsyncClient, person: Person) -> None:
        if (seen := await self._count(client.get("/me"))) is None:
            return
        name = f"邻居{secrets.randbelow(10**6)}"
        if await self._count(client.patch("/me", json={"version": seen.json()["version"], "nickname": name})):
            self.names[person.openid] = name

    async def _count(self, asking: Awaitable[httpx.Response]) -> httpx.Response | None:
        response = await asking
        if response.is_success:
            self.answers[response.request.method] += 1
            return response
        self.failed.append(
            f"{response.request.method} {response.url.path} {response.status_code} {response.text[:200]}"
        )
        return None

    async def kept(self, base: str) -> int:
        """How many people's last acknowledged name is the one that they have."""
        found = 0
        async with httpx.AsyncClient(base_url=f"{base}/api/v1", timeout=30) as client:
            for person in self.people:
                me = (await client.get("/me", headers={"authorization": f"Bearer {person.token}"})).json()
                found += me["nickname"] == self.names.get(person.openid, me["nickname"])
        return found
