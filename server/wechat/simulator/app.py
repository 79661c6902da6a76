"""The simulator as a Sanic app: the platform's endpoints, the admin side and the page with people's messages."""

import asyncio
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
from sanic import Sanic
from sanic.request import Request
from sanic.response import HTTPResponse

from server.foundation import clock
from server.foundation.http import lose_no_signal
from server.foundation.settings import Settings
from server.wechat.simulator.admin import add_admin
from server.wechat.simulator.phones import add_phones
from server.wechat.simulator.platform import Platform, add_platform
from server.wechat.simulator.pushes import PushSender
from server.wechat.simulator.state import State

SAVE_EVERY_SECONDS = 2.0
_numbers = itertools.count(1)


def create_simulator(
    settings: Settings, *, persist: bool = True, push_transport: httpx.AsyncBaseTransport | None = None
) -> Sanic[Any, Any]:
    """The app. Raises RuntimeError in production, where people's messages go to the real WeChat or nowhere."""
    if settings.is_production:
        raise RuntimeError("the WeChat simulator does not run in production")
    if not clock.is_movable():
        clock.use_movable_clock(settings.data_dir)
    app = Sanic(f"wechat-simulator-{next(_numbers)}", configure_logging=False)
    app.config.TOUCHUP = False
    app.config.ACCESS_LOG = False
    app.config.FALLBACK_ERROR_FORMAT = "json"
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = 1.0
    app.config.MOTD = False
    page = (Path(__file__).parent / "phone.html").read_bytes()
    state = State(settings.data_dir if persist else None)
    app.ctx.state = state

    @app.before_server_start
    async def start(app: Sanic[Any, Any]) -> None:
        app.ctx.pushes.open(push_transport)
        app.ctx.saver = asyncio.get_running_loop().create_task(_save_now_and_then(state)) if persist else None

    @app.after_server_stop
    async def stop(app: Sanic[Any, Any]) -> None:
        await app.ctx.pushes.aclose()
        if app.ctx.saver:
            app.ctx.saver.cancel()
            state.save()

    @app.get("/")
    async def show_page(_request: Request) -> HTTPResponse:
        return HTTPResponse(page, content_type="text/html; charset=utf-8")

    app.ctx.pushes = PushSender(settings, state)
    platform = Platform(settings, state, app.ctx.pushes)
    add_platform(app, platform)
    add_admin(app, platform)
    add_phones(app, settings)
    return app


def run_simulator(settings: Settings, people: Iterable[tuple[str, str, str]] = ()) -> None:
    """Serve until SIGTERM or Ctrl-C, in this process. `people` (openid, nickname, phone number) have WeChat already."""
    app = create_simulator(settings)
    for openid, nickname, phone_number in people:
        app.ctx.state.create_person(openid, nickname, phone_number)
    lose_no_signal(app)
    app.run(host=settings.host, port=settings.simulator_port, single_process=True, access_log=False, motd=False)


async def _save_now_and_then(state: State) -> None:
    """Put changes on disk soon, from a thread, so that no request waits."""
    while True:
        await asyncio.sleep(SAVE_EVERY_SECONDS)
        if state.dirty:
            await asyncio.to_thread(state.write, state.encode())
