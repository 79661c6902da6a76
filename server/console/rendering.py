"""Pages from templates, and what every one of them says to the browser."""

from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sanic import Request
from sanic.response import HTTPResponse, redirect

from server.console import labels
from server.console.forms import typed
from server.console.pages import PAGES, SECTIONS
from server.console.visits import DONE_COOKIE, Visit, set_cookie
from server.foundation import clock

_FOLDER = Path(__file__).parent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_templates = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters.update(
    show=labels.show, label=labels.label, moment=labels.show_moment, clock=clock.shanghai, typed=typed
)
_templates.globals.update(
    fields_of=labels.fields_of,
    facts_of=labels.facts_of,
    is_table=labels.is_table,
    value_at=labels.value_at,
    is_struct=labels.is_struct,
    sections=[(section, [page for page in PAGES if page.section == section]) for section in SECTIONS],
    to_json=lambda value: msgspec.json.encode(value).decode(),
)


def render(request: Request, template: str, *, status: int = 200, **values: Any) -> HTTPResponse:
    """A page, or the part of it that htmx asked for: where only the panel is to be filled, only that is sent."""
    visit: Visit | None = values.get("visit")
    in_panel = request.headers.get("hx-target") == "panel"
    shown = {
        "visit": visit,
        "asset": f"/console/static/{request.app.ctx.console_version}",
        "path": request.path,
        "address": request.path + (f"?{request.query_string}" if request.query_string else ""),
        "done": unquote(request.cookies.get(DONE_COOKIE) or ""),
        "in_panel": in_panel,
        "layout": "panel.html" if in_panel else "frame.html",
        **values,
    }
    answer = HTTPResponse(
        _templates.get_template(template).render(**shown),
        status=status,
        content_type="text/html; charset=utf-8",
        headers={"content-security-policy": POLICY, "referrer-policy": "same-origin", "vary": "hx-request, hx-target"},
    )
    if shown["done"] and not in_panel:
        set_cookie(answer, request, DONE_COOKIE, "", seconds=0)
    return answer


def by_redirect(address: str) -> HTTPResponse:
    return redirect(address, status=303)


def by_htmx(address: str) -> HTTPResponse:
    """The same for what htmx asked: it follows redirects by itself, and would put the page into the panel."""
    return HTTPResponse(status=200, headers={"hx-redirect": address})


def go(request: Request, address: str) -> HTTPResponse:
    """On to another page."""
    return by_htmx(address) if request.headers.get("hx-request") else by_redirect(address)


def done(request: Request, back: str, words: str) -> HTTPResponse:
    """On to the page before, which says what was done."""
    answer = go(request, back)
    set_cookie(answer, request, DONE_COOKIE, quote(words), seconds=30)
    return answer
