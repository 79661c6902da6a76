"""微信 WeChat: the address that WeChat pushes to. It lies at the server's root, as the platform's console has it."""

import asyncio
from typing import Any

import structlog
from sanic import Request, Sanic
from sanic.response import HTTPResponse, text

from miniprogram_api.routing import Routes
from server.foundation.errors import NotAllowed, Unavailable
from server.foundation.settings import Settings
from server.wechat.push import PushDecoder, PushRefused
from server.wechat.push_storage import store_pushes

log = structlog.get_logger()

routes = Routes("微信 WeChat")

PUSH_PATH = "/wechat/push"
_STORED_WITHIN = 4.0
"""Seconds. WeChat waits for 5; what could not be stored by then is undone, and WeChat pushes it again."""


def add_push(app: Sanic[Any, Any], settings: Settings) -> None:
    """`GET` (the platform checks the address) and `POST` (it pushes events), both answered 403 to anyone else."""
    decoder = PushDecoder(settings)

    @app.get(PUSH_PATH, name="check_push_address")
    async def check_push_address(request: Request) -> HTTPResponse:
        request.ctx.operation = "check_push_address"
        try:
            return text(decoder.check_url(_query(request)))
        except PushRefused as refused:
            raise _refusal(refused) from None

    @app.post(PUSH_PATH, name="receive_push")
    async def receive_push(request: Request) -> HTTPResponse:
        request.ctx.operation = "receive_push"
        try:
            events = decoder.decode(_query(request), request.body)
        except PushRefused as refused:
            raise _refusal(refused) from None
        try:
            async with asyncio.timeout(_STORED_WITHIN):
                await store_pushes(events)
        except TimeoutError:
            log.error("push_not_stored", events=len(events))
            raise Unavailable() from None
        return text("success")


def _query(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in request.get_args(keep_blank_values=True).items()}


def _refusal(refused: PushRefused) -> NotAllowed:
    log.warning("push_refused", reason=refused.reason)
    return NotAllowed()
