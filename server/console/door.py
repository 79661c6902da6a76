"""/console: the staff's web pages, a door beside the API with the same operations behind it."""

import hashlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from sanic import Blueprint, Request, Sanic
from sanic.response import HTTPResponse

from miniprogram_api.downloads import add_assets
from server.console import (
    acting,
    blurring,
    boards,
    counters,
    figures,
    keys,
    people,
    places,
    replies,
    rosters,
    shifts,
    today,
    trends,
    week,
    work,
)
from server.console.rendering import go, render
from server.console.signing_in import add_sign_in
from server.console.visits import begin_visit
from server.foundation.errors import NotSignedIn
from server.foundation.http import as_refusal
from server.foundation.settings import Settings

_FOLDER = Path(__file__).parent
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
Page = Callable[..., Coroutine[Any, Any, HTTPResponse]]


def add_console(app: Sanic[Any, Any], settings: Settings) -> None:
    """Register the pages under /console."""
    assets = _read_assets()
    app.ctx.console_version = hashlib.sha256(b"".join(content for _, content in assets.values())).hexdigest()[:12]
    blueprint = Blueprint("console", url_prefix="/console")
    blueprint.on_request(_name_operation)
    add_sign_in(blueprint, settings)
    for path, methods, page in (
        ("/", ("GET",), today.show_today),
        ("/items/<kind>/<thing_id>", ("GET",), today.open_item),
        ("/pages/<slug>", ("GET",), work.show_list),
        ("/pages/<slug>/export", ("GET",), work.export_list),
        ("/pages/<slug>/bulk/<operation>", ("POST",), acting.act_in_bulk),
        ("/pages/<slug>/new/<operation>", ("GET", "POST"), acting.make_new),
        ("/pages/<slug>/<thing_id>", ("GET",), work.show_thing),
        ("/pages/<slug>/<thing_id>/<operation>", ("GET", "POST"), acting.act),
        ("/shifts/<shift_id>", ("GET",), shifts.show_shift),
        ("/shifts/<shift_id>/code", ("GET",), shifts.show_big_code),
        ("/shifts/<shift_id>/attendance", ("POST",), shifts.confirm_attendance),
        ("/counters", ("GET",), counters.show_counters),
        ("/counters/<service_id>/call", ("POST",), counters.call_number),
        ("/counters/<service_id>/give", ("POST",), counters.give_number),
        ("/tickets/<ticket_id>/<what:again|served|missed>", ("POST",), counters.settle_number),
        ("/cases/<case_id>/pictures", ("GET",), blurring.show_case_pictures),
        ("/cases/<case_id>/pictures", ("POST",), blurring.blur_case_picture),
        ("/week", ("GET",), week.show_week),
        ("/roster", ("GET",), rosters.show_roster),
        ("/replies/<operation>", ("GET",), replies.show_replies),
        ("/replies/<operation>", ("POST",), replies.add_reply),
        ("/replies/<operation>/<reply_id>/remove", ("POST",), replies.remove_reply),
        ("/keys", ("GET",), keys.show_keys),
        ("/keys/password", ("POST",), keys.set_password),
        ("/keys/password/remove", ("POST",), keys.remove_password),
        ("/keys/passkeys", ("POST",), keys.add_passkey),
        ("/keys/passkeys/<passkey_id>/remove", ("POST",), keys.remove_passkey),
        ("/people", ("GET", "POST"), people.find_people),
        ("/people/<person_id>", ("GET", "POST"), people.show_person),
        ("/organization", ("GET",), places.show_organization),
        ("/organization/<organization_id>/work-here", ("POST",), places.work_here),
        ("/figures", ("GET",), figures.show_figures),
        ("/trends", ("GET",), trends.show_trends),
        ("/trends/rows", ("GET",), trends.show_figure_rows),
        ("/trends/export", ("GET",), trends.export_figures),
        ("/wall", ("GET",), boards.show_wall),
        ("/files/<operation>", ("GET",), work.send_file),
        ("/system", ("GET",), places.show_system),
    ):
        blueprint.add_route(_guarded(page), path, methods=list(methods), name=page.__name__)

    # Read as it comes, and looked at only then.
    upload = _guarded(rosters.upload_roster, reads_form=False)
    blueprint.add_route(upload, "/roster", methods=["POST"], name="upload_roster", stream=True)
    add_assets(blueprint, f"/static/{app.ctx.console_version}", assets, "console")
    app.blueprint(blueprint)
    boards.add_door_screen(app)


def _read_assets() -> dict[str, tuple[str, bytes]]:
    files = [*(_FOLDER / "static").iterdir(), *(_FOLDER / "vendor").glob("*.js")]
    return {path.name: (_TYPES[path.suffix], path.read_bytes()) for path in sorted(files)}


async def _name_operation(request: Request) -> None:
    """What metrics and logs call it: the page's function."""
    request.ctx.operation = f"console_{(request.name or '').rpartition('.')[2]}"


def _guarded(page: Page, *, reads_form: bool = True) -> Page:
    """Only for whoever has signed in; what is refused is told on a page. `reads_form`: it is checked here whose."""

    async def answer(request: Request, **path: str) -> HTTPResponse:
        visit = None
        try:
            visit = await begin_visit(request)
            if request.method == "POST" and reads_form:
                visit.require_own_form()
            return await page(visit, **path)
        except NotSignedIn:
            return go(request, "/console/sign-in")
        except Exception as error:
            refusal = as_refusal(error)
            return render(request, "refused.html", status=refusal.status, visit=visit, refusal=refusal)

    answer.__name__ = page.__name__
    return answer
