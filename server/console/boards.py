"""Pages for screens that nobody sits at: a venue's door, and a wall with the figures."""

from datetime import timedelta
from typing import Any

from sanic import Blueprint, Request, Sanic
from sanic.response import HTTPResponse

from miniprogram_api.routes import BY_OPERATION
from server.console.figures import gather, period_of
from server.console.rendering import by_redirect, render
from server.console.visits import Visit, form_of, set_cookie
from server.foundation.errors import Refusal

SCREEN_COOKIE = "linli_screen"
_KEPT = timedelta(days=400)
"""As long as browsers keep a cookie: a screen that is switched off over a holiday need not be set up anew."""


def add_door_screen(app: Sanic[Any, Any]) -> None:
    """Register /screen, where the browser of a venue's screen shows its board; its token is all that it has."""
    blueprint = Blueprint("screen", url_prefix="/screen")

    @blueprint.get("/")
    async def show_door_screen(request: Request) -> HTTPResponse:
        request.ctx.operation = "screen"
        token = request.cookies.get(SCREEN_COOKIE)
        if not token:
            return render(request, "screen_set_up.html", refusal=None)
        try:
            board = await BY_OPERATION["show_screen"].perform(None, request, {}, {"token": token})
        except Refusal as refusal:
            return render(request, "screen_set_up.html", status=refusal.status, refusal=refusal)
        return render(request, "screen.html", board=board)

    @blueprint.post("/")
    async def set_up_screen(request: Request) -> HTTPResponse:
        """This browser is a venue's screen from now on."""
        request.ctx.operation = "screen"
        answer = by_redirect("/screen")
        token = (form_of(request).get("token") or "").strip()
        set_cookie(answer, request, SCREEN_COOKIE, token, seconds=int(_KEPT.total_seconds()), path="/screen")
        return answer

    app.blueprint(blueprint)


async def show_wall(visit: Visit) -> HTTPResponse:
    """The figures of where one works, as large as a wall; nobody's name."""
    return render(visit.request, "wall.html", visit=visit, **await gather(visit, *period_of(visit)))
