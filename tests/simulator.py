"""WeChat's simulator in the test's own process, and what tests do with it."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from asgi_lifespan import LifespanManager
from sanic import Sanic

from server.background.relay import drain_outbox
from server.foundation import clock
from server.foundation.database import execute
from server.foundation.settings import Settings
from server.wechat import connection
from server.wechat.simulator import create_simulator
from server.wechat.simulator.state import Person, make_session_key
from tests.clients import Api

SEND = "/cgi-bin/message/subscribe/send"


class _Everybody(dict[str, Person]):
    """The simulator's people: everybody whom a builder made (`openid-…`) has WeChat without being introduced first."""

    def __contains__(self, openid: object) -> bool:
        return self.get(openid) is not None

    def get(self, openid: Any, default: Any = None) -> Any:
        if not super().__contains__(openid) and str(openid).startswith("openid-"):
            self[openid] = Person(openid, "居民", f"139{len(self):08}", make_session_key(), clock.now())
        return super().get(openid, default)


class Simulator:
    """The platform's admin side. `who` is an Api of a person from builders, or an openid."""

    def __init__(self, app: Any, client: httpx.AsyncClient) -> None:
        self.app, self.client = app, client

    async def admin(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        answer = await self.client.request(method, f"/admin/{path}", json=body, params=params or None)
        assert answer.is_success, answer.text
        return answer.json()

    async def person(self, openid: str = "", *, phone_number: str = "") -> str:
        """A person who has WeChat; their openid."""
        made = await self.admin("POST", "persons", {"openid": openid, "phone_number": phone_number})
        return str(made["openid"])

    async def login_code(self, openid: str) -> str:
        return str((await self.admin("POST", f"persons/{openid}/login-code", {}))["code"])

    async def phone_code(self, openid: str) -> str:
        return str((await self.admin("POST", f"persons/{openid}/phone-code", {}))["code"])

    async def accept(self, who: Api | str, *templates: str, times: int = 1) -> None:
        """The person accepts templates (by name); WeChat's pushes of it have arrived and taken effect on return."""
        for _ in range(times):
            await self.admin("POST", f"persons/{openid(who)}/subscriptions", {"accept": list(templates)})
            await self.settle()
            # Nobody answers twice within a second, and by that the pushes of two answers are told apart.
            await execute("UPDATE stored_push SET key = id::text WHERE key LIKE 'popup:%'")
            await execute("UPDATE grant_entry SET dedupe_key = id::text WHERE dedupe_key LIKE 'popup:%'")

    async def reject(self, who: Api | str, *templates: str) -> None:
        await self.admin("POST", f"persons/{openid(who)}/subscriptions", {"reject": list(templates)})
        await self.settle()

    async def turn_off(self, who: Api | str, *templates: str) -> None:
        """The person turns templates off in WeChat's settings."""
        await self.admin("POST", f"persons/{openid(who)}/refusals", {"templates": list(templates)})
        await self.settle()

    async def outbox(self, who: Api | str | None = None) -> list[dict[str, Any]]:
        """The subscribe messages that arrived, in order; each has template, page, data and fields."""
        params = {"openid": openid(who)} if who else {}
        items: list[dict[str, Any]] = (await self.admin("GET", "outbox", **params))["items"]
        return items

    async def fault(self, path: str = SEND, **fault: Any) -> None:
        """The next call of `path` goes wrong: errcode=…, status=…, garbage=…, disconnect=…, when="after", times=…."""
        await self.admin("POST", "faults", {"path": path, **fault})

    async def calls(self, path: str = SEND) -> int:
        """How often the platform was called at `path`."""
        counters: dict[str, int] = await self.admin("GET", "counters")
        return counters.get(f"calls {path}", 0)

    async def settle(self) -> None:
        """Until nothing is due: outbox rows are carried out, and the platform's pushes have arrived."""
        await self.app.ctx.pushes.drain()
        while await drain_outbox():
            await self.app.ctx.pushes.drain()


def openid(who: Api | str) -> str:
    """The openid that builders.create_person gives."""
    return who if isinstance(who, str) else f"openid-{who.person_id}"


@asynccontextmanager
async def run_simulator(settings: Settings, server_app: Any) -> AsyncIterator[Simulator]:
    """The simulator, pushing to `server_app`."""
    app = create_simulator(settings, persist=False, push_transport=httpx.ASGITransport(server_app))
    async with (
        LifespanManager(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=settings.wechat_base) as client,
    ):
        yield Simulator(app, client)


@asynccontextmanager
async def connect_to(simulator: Simulator, settings: Settings) -> AsyncIterator[None]:
    """For one test: an empty platform that this process is connected to."""
    state = simulator.app.ctx.state
    state.reset()
    state.saved.persons = _Everybody()
    state.pushes.retry_pause_seconds = 0.05
    await connection.disconnect()
    connection.connect(settings, httpx.ASGITransport(simulator.app))
    try:
        yield
    finally:
        await simulator.app.ctx.pushes.drain()
        await connection.disconnect()
        connection.connect(settings)


@asynccontextmanager
async def listening(app: Sanic[Any, Any], listener: socket.socket) -> AsyncIterator[None]:
    """A Sanic application on a real socket, in this process: for what only a connection can do, such as break."""
    server = await app.create_server(sock=listener, return_asyncio_server=True, access_log=False)
    assert server is not None
    await server.startup()
    await server.before_start()
    await server.start_serving()
    try:
        yield
    finally:
        await server.before_stop()
        await server.close()
        for connection in list(server.connections):
            connection.abort()
        await server.after_stop()
