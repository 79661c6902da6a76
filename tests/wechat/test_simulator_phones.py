"""The simulator's phone: its pages, and the way from there to the server."""

import json
from typing import Any

import httpx
from asgi_lifespan import LifespanManager
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from tests.wechat.conftest import Simulator


async def test_it_serves_the_phone(simulator: Simulator) -> None:
    for path, part in (
        ("/phone", "再拿一部手机"),
        ("/phone/app", "/phone/app.js"),
        ("/phone/app.js", "Sources"),
        ("/phone/app.css", "--rpx"),
    ):
        answer = await simulator.http.get(path)
        assert answer.status_code == 200, path
        assert part in answer.text, path


async def test_what_the_phone_asks_is_handed_on(simulator: Simulator) -> None:
    """Method, query, body and what matters of the headers; nothing else, and the answer as it is."""
    server: Sanic[Any, Any] = Sanic("handed-on", configure_logging=False)
    server.config.TOUCHUP = False

    @server.route("/api/v1/<path:path>", methods=["PUT"])
    async def answer(request: Request, path: str) -> HTTPResponse:
        told = {"path": path, "query": request.query_string, "body": request.body.decode()}
        told |= {name: request.headers.get(name, "") for name in ("authorization", "idempotency-key", "cookie")}
        return HTTPResponse(json.dumps(told), status=409, content_type="application/problem+json")

    async with (
        LifespanManager(server),
        httpx.AsyncClient(transport=httpx.ASGITransport(server), base_url="http://linli.test") as client,
    ):
        kept, simulator.app.ctx.client = simulator.app.ctx.client, client
        try:
            got = await simulator.http.put(
                "/api/v1/me?a=%E9%82%BB",
                content="{}",
                headers={"authorization": "Bearer t", "idempotency-key": "key-key-key", "cookie": "no=no"},
            )
        finally:
            simulator.app.ctx.client = kept
    assert got.status_code == 409
    assert got.headers["content-type"] == "application/problem+json"
    assert got.json() == {
        "path": "me",
        "query": "a=%E9%82%BB",
        "body": "{}",
        "authorization": "Bearer t",
        "idempotency-key": "key-key-key",
        "cookie": "",
    }


async def test_without_a_server_it_says_so(simulator: Simulator) -> None:
    assert (await simulator.http.get("/api/v1/me")).status_code == 502
