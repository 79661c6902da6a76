"""The phone: the mini-program itself in a browser, beside the messages that arrive. Its bundle is made by
miniprogram_api/client; what it asks of the API is handed on to the server, so that all has one address."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from server.foundation.settings import Settings

FOLDER = Path(__file__).parent / "phone"
_FILES = {
    "": ("phones.html", "text/html"),
    "/app": ("app.html", "text/html"),
    "/app.js": ("app.js", "text/javascript"),
    "/app.css": ("app.css", "text/css"),
}
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_ASKED = ("authorization", "content-type", "idempotency-key", "accept", "user-agent")
_ANSWERED = ("content-type", "retry-after", "x-request-id", "content-disposition")


def add_phones(app: Sanic[Any, Any], settings: Settings) -> None:
    """`/phone` and its files, and `/api/…`."""
    server = f"http://{'127.0.0.1' if settings.host == '0.0.0.0' else settings.host}:{settings.port}"  # noqa: S104

    @app.before_server_start
    async def open_client(app: Sanic[Any, Any]) -> None:
        # The inbox's events come when something happens: between them is as long as it takes.
        app.ctx.client = httpx.AsyncClient(base_url=server, timeout=httpx.Timeout(30, read=None), trust_env=False)

    @app.after_server_stop
    async def close_client(app: Sanic[Any, Any]) -> None:
        await app.ctx.client.aclose()

    for path, (name, kind) in _FILES.items():
        _add_file(app, "/phone" + path, FOLDER / name, kind)

    @app.route("/api/<path:path>", methods=_METHODS)
    async def hand_on(request: Request, path: str) -> HTTPResponse | None:
        asked = app.ctx.client.build_request(
            request.method,
            f"/api/{path}" + (f"?{request.query_string}" if request.query_string else ""),
            headers=_only(request.headers.items(), _ASKED),
            content=request.body,
        )
        try:
            answer = await app.ctx.client.send(asked, stream=True)
        except httpx.HTTPError:
            return HTTPResponse("the server does not answer", status=502)
        try:
            headers = _only(answer.headers.items(), _ANSWERED)
            kind = headers.pop("content-type", None)
            if kind is None or not kind.startswith("text/event-stream"):
                body = await answer.aread()
                return HTTPResponse(body, status=answer.status_code, headers=headers, content_type=kind)
            response = await request.respond(status=answer.status_code, headers=headers, content_type=kind)
            assert response
            async for chunk in answer.aiter_raw():
                await response.send(chunk)
            await response.eof()
        except httpx.HTTPError:
            return HTTPResponse("the server broke off", status=502)
        finally:
            await answer.aclose()
        return None


def _add_file(app: Sanic[Any, Any], path: str, file: Path, kind: str) -> None:
    @app.get(path, name=f"show_{file.stem}_{file.suffix[1:]}")
    async def show_file(_request: Request) -> HTTPResponse:
        return HTTPResponse(
            await asyncio.to_thread(file.read_bytes),
            content_type=f"{kind}; charset=utf-8",
            headers={"cache-control": "no-cache"},
        )


def _only(headers: Iterable[tuple[str, str]], names: tuple[str, ...]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers if name.lower() in names}
