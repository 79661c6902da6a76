"""The simulator, in this process, and clients that speak to it."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager
from redis import asyncio as aioredis
from sanic import Sanic

from server.embedded.valkey import start_valkey
from server.foundation import clock
from server.foundation.settings import Environment, Settings
from server.wechat import WeChat
from server.wechat.simulator import create_simulator
from server.wechat.templates import TemplateIds
from tests.simulator import listening as serving


class Simulator:
    """A simulator and what a test asks of it."""

    def __init__(self, app: Sanic[Any, Any], settings: Settings, transport: httpx.AsyncBaseTransport | None) -> None:
        self.app = app
        self.settings = settings
        self.transport = transport
        self.ids = TemplateIds(settings)
        self._clients: list[WeChat] = []

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """As it is; closes the clients that the test has opened."""
        address = self.settings.wechat_base
        async with httpx.AsyncClient(transport=self.transport, base_url=address, trust_env=False) as self.http:
            yield
        while self._clients:
            await self._clients.pop().aclose()

    @asynccontextmanager
    async def one_test(self) -> AsyncIterator[None]:
        """Empty, without pushes."""
        async with self.kept():
            await self.admin("reset")
            await self.admin("pushes", {"enabled": False})
            yield

    def wechat(self, redis: "aioredis.Redis | None" = None) -> WeChat:
        client = WeChat(self.settings, redis, self.transport)
        self._clients.append(client)
        return client

    async def admin(self, path: str, body: object = None) -> Any:
        answer = await self.http.post(f"/admin/{path}", json=body if body is not None else {})
        assert answer.is_success, answer.text
        return answer.json()

    async def look(self, path: str, **query: str | int) -> Any:
        answer = await self.http.get(f"/admin/{path}", params=query or None)
        assert answer.is_success, answer.text
        return answer.json()

    async def person(self, *accepts: str, **person: str) -> str:
        """A new person's openid, who has accepted these templates once each."""
        openid: str = (await self.admin("persons", person))["openid"]
        if accepts:
            await self.accept(openid, *accepts)
        return openid

    async def accept(self, openid: str, *templates: str, times: int = 1) -> None:
        await self.admin(f"persons/{openid}/subscriptions", {"accept": list(templates), "times": times})

    async def login_code(self, openid: str) -> str:
        return str((await self.admin(f"persons/{openid}/login-code"))["code"])

    async def phone_code(self, openid: str) -> str:
        return str((await self.admin(f"persons/{openid}/phone-code"))["code"])

    async def outbox(self, openid: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.look("outbox", openid=openid))["items"]
        return items

    def counter(self, name: str) -> int:
        return int(self.app.ctx.state.counters[name])


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Valkey of its own."""
    valkey = start_valkey(tmp_path_factory.mktemp("valkey"))
    yield valkey.url
    valkey.stop()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator["aioredis.Redis"]:
    client = aioredis.from_url(redis_url)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest.fixture(autouse=True)
def real_time(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The clock can be moved, and is right again after each test."""
    if not clock.is_movable():
        clock.use_movable_clock(tmp_path_factory.mktemp("clock"))
    yield
    clock.move_clock(timedelta())


@pytest.fixture(scope="session")
async def quiet_simulator(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulator]:
    settings = Settings(environment=Environment.TEST, data_dir=tmp_path_factory.mktemp("simulator"))
    app = create_simulator(settings, persist=False)
    async with LifespanManager(app):
        yield Simulator(app, settings, httpx.ASGITransport(app))


@pytest.fixture
async def simulator(quiet_simulator: Simulator) -> AsyncIterator[Simulator]:
    """An empty simulator, called without a socket. It pushes nothing."""
    async with quiet_simulator.one_test():
        yield quiet_simulator


@pytest.fixture(scope="session")
async def listening_simulator(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulator]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    settings = Settings(
        environment=Environment.TEST,
        data_dir=tmp_path_factory.mktemp("simulator"),
        simulator_port=listener.getsockname()[1],
    )
    app = create_simulator(settings, persist=False)
    async with serving(app, listener):
        yield Simulator(app, settings, None)


@pytest.fixture
async def listening(listening_simulator: Simulator) -> AsyncIterator[Simulator]:
    """An empty simulator on a real socket, for what only a socket can do: break."""
    async with listening_simulator.one_test():
        yield listening_simulator


MESSAGE = {"thing1": "想要一台轮椅", "phrase2": "已认领", "time3": "2026年10月1日 15:01", "thing4": "李同志认领了"}
"""A message of the template wish_progress."""
