"""/console: the staff's web pages, a door beside the API with the same operations behind it."""

import hashlib
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from sanic import Blueprint, Request, Sanic
from sanic.response import HTTPResponse, redirect

from miniprogram_api.routing import Route
from server.accounts.queries import describe_persons
from server.console import figures
from server.console.choosing import choices_for
from server.console.forms import Field, build_form, read_form
from server.console.labels import value_at
from server.console.pages import BY_SLUG, OPERATIONS, WHERE, Act, WorkPage
from server.console.rendering import render
from server.console.signing_in import add_sign_in
from server.console.visits import AREA_COOKIE, DONE_COOKIE, Visit, begin_visit, form_of, set_cookie
from server.foundation import cache, clock
from server.foundation.dates import today
from server.foundation.errors import NotFound, NotSignedIn, Refusal
from server.foundation.http import as_refusal
from server.foundation.settings import Settings
from server.service_record.periods import half_year_of

_FOLDER = Path(__file__).parent
_FOREVER = "public, max-age=31536000, immutable"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_TAKEN_SECONDS = 300
"""How long what somebody has opened is marked as theirs, unless they go on with it."""
_ROWS = "30"

_EXPORTED = timedelta(days=90)
"""How far back a sheet goes where it is of some days."""
_BEGINS = {"day": lambda: today().isoformat(), "period": lambda: half_year_of(clock.now()).code}
"""What a list is of at first."""

Page = Callable[..., Coroutine[Any, Any, HTTPResponse]]


def add_console(app: Sanic[Any, Any], settings: Settings) -> None:
    """Register the pages under /console."""
    assets = _read_assets()
    app.ctx.console_version = hashlib.sha256(b"".join(content for _, content in assets.values())).hexdigest()[:12]
    blueprint = Blueprint("console", url_prefix="/console")
    add_sign_in(blueprint, settings)
    for path, methods, page in (
        ("/", ("GET",), show_today),
        ("/items/<kind>/<thing_id>", ("GET",), open_item),
        ("/work/<slug>", ("GET",), show_list),
        ("/work/<slug>/export", ("GET",), export_list),
        ("/work/<slug>/bulk/<operation>", ("POST",), act_in_bulk),
        ("/work/<slug>/new/<operation>", ("GET", "POST"), make_new),
        ("/work/<slug>/<thing_id>", ("GET",), show_thing),
        ("/work/<slug>/<thing_id>/<operation>", ("GET", "POST"), act),
        ("/shifts/<shift_id>", ("GET",), show_shift),
        ("/shifts/<shift_id>/code", ("GET",), show_big_code),
        ("/shifts/<shift_id>/attendance", ("POST",), confirm_attendance),
        ("/people", ("GET", "POST"), find_people),
        ("/people/<person_id>", ("GET", "POST"), show_person),
        ("/organization", ("GET",), show_organization),
        ("/organization/<organization_id>/work-here", ("POST",), work_here),
        ("/figures", ("GET",), figures.show_figures),
        ("/system", ("GET",), show_system),
    ):
        blueprint.add_route(_guarded(page), path, methods=list(methods), name=page.__name__)

    @blueprint.get("/static/<version>/<name>")
    async def asset(request: Request, version: str, name: str) -> HTTPResponse:
        request.ctx.operation = "console"
        if name not in assets or version != app.ctx.console_version:
            raise NotFound()
        kind, content = assets[name]
        return HTTPResponse(content, content_type=kind, headers={"cache-control": _FOREVER})

    app.blueprint(blueprint)


def _read_assets() -> dict[str, tuple[str, bytes]]:
    files = [*(_FOLDER / "static").iterdir(), *(_FOLDER / "vendor").glob("*.js")]
    return {path.name: (_TYPES[path.suffix], path.read_bytes()) for path in sorted(files)}


def _guarded(page: Page) -> Page:
    """Only for whoever has signed in; what is refused is told on a page."""

    async def answer(request: Request, **path: str) -> HTTPResponse:
        request.ctx.operation = f"console_{page.__name__}"
        visit = None
        try:
            visit = await begin_visit(request)
            if request.method == "POST":
                visit.require_own_form()
            return await page(visit, **path)
        except NotSignedIn:
            if request.headers.get("hx-request"):
                return HTTPResponse(status=200, headers={"hx-redirect": "/console/sign-in"})
            return redirect("/console/sign-in", status=303)
        except Exception as error:
            refusal = as_refusal(error)
            return render(request, "refused.html", status=refusal.status, visit=visit, refusal=refusal)

    answer.__name__ = page.__name__
    return answer


# 今日 Today


async def show_today(visit: Visit) -> HTTPResponse:
    """Everything that waits for this person, the most urgent first."""
    kind = visit.request.args.get("kind")
    query = {"limit": _ROWS, **_given(visit, "cursor"), **({"kind": kind} if kind else {})}
    desk = await visit.perform("get_desk")
    rows = await visit.perform("list_desk", {}, query)
    taken = await _taken_by_others(visit, [row.id for row in rows.items])
    return render(visit.request, "today.html", visit=visit, desk=desk, rows=rows, kind=kind, taken=taken, where=WHERE)


async def open_item(visit: Visit, kind: str, thing_id: str) -> HTTPResponse:
    """Take an item, so that colleagues see that somebody is at it, and go to where it is dealt with."""
    slug = WHERE.get(kind)
    if slug is None:
        raise NotFound()
    await _take(visit, thing_id)
    if slug == "shifts":
        return await show_shift(visit, thing_id)
    if BY_SLUG[slug].shows:
        return await show_thing(visit, slug, thing_id)
    return await show_list(visit, slug, only=thing_id)


async def _take(visit: Visit, thing_id: str) -> None:
    """It only tells colleagues: what two do at once is decided by the thing itself. So the cache will do."""
    await cache.attempt(
        lambda client: client.set(f"console:taken:{thing_id}", visit.caller.person_id, ex=_TAKEN_SECONDS, nx=True)
    )


async def _taken_by_others(visit: Visit, ids: list[str]) -> dict[str, str]:
    """Which of these a colleague has opened a moment ago, and the colleague's name."""
    if not ids:
        return {}
    found = await cache.attempt(lambda client: client.mget([f"console:taken:{id}" for id in ids])) or []
    holders = {id: value.decode() for id, value in zip(ids, found, strict=False) if isinstance(value, bytes)}
    others = {id: holder for id, holder in holders.items() if holder != visit.caller.person_id}
    names = await describe_persons(set(others.values())) if others else {}
    return {id: names.get(holder, {}).get("nickname") or "同事" for id, holder in others.items()}


# Lists, things, and what can be done to them


async def show_list(visit: Visit, slug: str, only: str = "") -> HTTPResponse:
    """A work page: its rows, filters, and what can be done to each."""
    page = _page(slug)
    path, query, scopes = await _scope(visit, page)
    query |= _filters(visit, page) | {"limit": _ROWS} | _given(visit, "cursor")
    rows = await visit.perform(page.lists, path, query) if path is not None else None
    items = list(rows.items) if rows else []
    if only:
        items = [item for item in items if value_at(item, page.id) == only]
    return render(
        visit.request,
        "list.html",
        visit=visit,
        page=page,
        items=items,
        next_cursor=rows.next_cursor if rows and not only else None,
        filters=_filter_fields(page, query),
        scopes=scopes,
        acts_of=lambda item: _acts_of(page, item),
        value_at=value_at,
        link=_link_with,
    )


async def export_list(visit: Visit, slug: str) -> HTTPResponse:
    """The same rows as a workbook."""
    page = _page(slug)
    if not page.exports:
        raise NotFound()
    path, query, _ = await _scope(visit, page)
    if path is None:
        raise NotFound()
    takes = {field.encode_name for field in msgspec.structs.fields(OPERATIONS[page.exports].query_type)}
    last = today()
    known = {"first_day": (last - _EXPORTED).isoformat(), "last_day": last.isoformat()} | query | _filters(visit, page)
    answer: HTTPResponse = await visit.perform(
        page.exports, path, {name: value for name, value in known.items() if name in takes}
    )
    return answer


async def show_thing(visit: Visit, slug: str, thing_id: str) -> HTTPResponse:
    """One thing, all that is known of it, and what can be done to it."""
    page = _page(slug)
    if not page.shows:
        raise NotFound()
    thing = await visit.perform(page.shows, _path_of(page.shows, thing_id))
    acts = _acts_of(page, thing)
    return render(
        visit.request,
        "thing.html",
        visit=visit,
        page=page,
        thing=thing,
        thing_id=thing_id,
        acts=acts,
        link=_link_with,
        headline=value_at(thing, page.headline),
    )


async def act(visit: Visit, slug: str, thing_id: str, operation: str) -> HTTPResponse:
    """The form of an act, and carrying it out."""
    page = _page(slug)
    chosen = next((one for one in page.acts if one.operation == operation), None)
    if chosen is None:
        raise NotFound()
    return await _carry_out(visit, page, chosen, _path_of(operation, thing_id))


async def make_new(visit: Visit, slug: str, operation: str) -> HTTPResponse:
    """The form of something new, and making it."""
    page = _page(slug)
    chosen = next((one for one in page.makes if one.operation == operation), None)
    if chosen is None:
        raise NotFound()
    wanted = OPERATIONS[operation].path_parameters
    path, _, _ = await _scope(visit, page)
    if wanted == ["service_id"]:
        # At a counter one chooses what for first; the form sends it along.
        services = await choices_for(visit, ("service_id",), (path or {}).get("venue_id", ""))
        picked = form_of(visit.request).get("service_id") or visit.request.args.get("service_id") or ""
        if picked not in dict(services["service_id"]):
            return render(
                visit.request, "choose.html", visit=visit, page=page, act=chosen, services=services["service_id"]
            )
        return await _carry_out(visit, page, chosen, {"service_id": picked})
    return await _carry_out(visit, page, chosen, {name: (path or {})[name] for name in wanted})


async def _carry_out(visit: Visit, page: WorkPage, chosen: Act, path: dict[str, str]) -> HTTPResponse:
    request, route = visit.request, OPERATIONS[chosen.operation]
    typed = {name: list(values) for name, values in form_of(request).items() if name not in ("csrf", "service_id")}
    back = _back(request, f"/console/work/{page.slug}")
    refusal: Refusal | None = None
    if request.method == "POST":
        try:
            body = read_form(route.body_type, typed) if route.body_type else None
            await visit.perform(chosen.operation, path, {}, body)
        except Refusal as error:
            if isinstance(error, NotSignedIn):
                raise
            refusal = error
        else:
            return _done(request, back, f"已{chosen.words}")
    given = {name: values[0] for name, values in typed.items()} or _begun(request)
    fields = await _form(visit, route, chosen, given) if route.body_type else []
    problems = {problem.field: problem.problem for problem in refusal.errors} if refusal else {}
    return render(
        request,
        "form.html",
        status=refusal.status if refusal else 200,
        visit=visit,
        page=page,
        act=chosen,
        route=route,
        fields=fields,
        problems=problems,
        refusal=refusal,
        back=back,
    )


async def _form(visit: Visit, route: Route, chosen: Act, given: dict[str, Any]) -> list[Field]:
    area_id = given.get("area_id") or visit.area_id
    choices = await choices_for(visit, chosen.choices, area_id)
    known = {name: given[name] for name in chosen.fills if name in given}
    names = {field.encode_name: field for field in msgspec.structs.fields(route.body_type)}
    for name in ("organization_id", "community_id", "organizer_id"):
        if name in names and name not in choices:
            known[name] = given.get(name) or visit.area_id
    return build_form(route.body_type, given=given, choices=choices, hidden=known)


async def act_in_bulk(visit: Visit, slug: str, operation: str) -> HTTPResponse:
    """Do one thing to many: first what will be done to which, then each by itself, with its result."""
    page = _page(slug)
    chosen = next((one for one in page.acts if one.operation == operation and one.is_bulk), None)
    if chosen is None:
        raise NotFound()
    request = visit.request
    picked = [pick.partition("|") for pick in form_of(request).getlist("pick", [])]
    results: list[tuple[str, str, str]] = []
    if form_of(request).get("sure"):
        for thing_id, _, title in picked:
            try:
                await visit.perform(
                    operation, _path_of(operation, thing_id), {}, {} if OPERATIONS[operation].body_type else None
                )
                results.append((title, "good", f"已{chosen.words}"))
            except Refusal as error:
                results.append((title, "wrong", error.detail or error.title))
    back = _back(request, f"/console/work/{slug}")
    return render(request, "bulk.html", visit=visit, page=page, act=chosen, picked=picked, results=results, back=back)


# Shifts


async def show_shift(visit: Visit, shift_id: str) -> HTTPResponse:
    """The day board of a shift: who comes, who is there, and how long each served."""
    view = await visit.perform("show_shift_to_staff", {"shift_id": shift_id})
    roster = await visit.perform("list_shift_roster", {"shift_id": shift_id}, {"limit": "100"})
    length = int((view.shift.ends_at - view.shift.starts_at).total_seconds() // 60)
    return render(
        visit.request, "shift.html", visit=visit, view=view, roster=roster.items, shift_id=shift_id, length=length
    )


async def show_big_code(visit: Visit, shift_id: str) -> HTTPResponse:
    """The rotating code, as large as the screen; the page fetches the next one."""
    direction = visit.request.args.get("direction", "in")
    code = await visit.perform("show_shift_code", {"shift_id": shift_id}, {"direction": direction})
    return render(visit.request, "big_code.html", visit=visit, code=code, shift_id=shift_id, direction=direction)


async def confirm_attendance(visit: Visit, shift_id: str) -> HTTPResponse:
    """Who was there and for how long, from the table."""
    form = form_of(visit.request)
    persons = [
        {"sign_up_id": sign_up_id}
        | ({"is_absent": True} if form.get(f"absent.{sign_up_id}") else {})
        | ({"minutes": minutes} if (minutes := (form.get(f"minutes.{sign_up_id}") or "").strip()) else {})
        for sign_up_id in form.getlist("sign_up_id", [])
    ]
    await visit.perform("confirm_attendance", {"shift_id": shift_id}, {}, {"persons": persons})
    return _done(visit.request, f"/console/shifts/{shift_id}", "已确认出勤")


# People, the organization, the system


async def find_people(visit: Visit) -> HTTPResponse:
    """Those who have business here, by name or phone number; looking is in the audit log."""
    found: list[Any] = []
    refusal = None
    wanted = (form_of(visit.request).get("wanted") or "").strip()
    if wanted:
        try:
            if any(sign.isdigit() for sign in wanted):
                found = [await visit.perform("find_person", {}, {}, {"phone": wanted})]
            else:
                found = (await visit.perform("find_persons_by_name", {}, {}, {"real_name": wanted})).items
        except Refusal as error:
            refusal = error
    return render(
        visit.request,
        "people.html",
        status=refusal.status if refusal else 200,
        visit=visit,
        wanted=wanted,
        found=found,
        refusal=refusal,
    )


async def show_person(visit: Visit, person_id: str) -> HTTPResponse:
    """All that concerns somebody here, masked until it is asked for; both are in the audit log."""
    page = await visit.perform("view_person", {"person_id": person_id})
    details = None
    if form_of(visit.request).get("details"):
        details = await visit.perform("view_person_details", {"person_id": person_id})
    return render(visit.request, "person.html", visit=visit, page=page, details=details)


async def show_organization(visit: Visit) -> HTTPResponse:
    """Where one works, what lies below, and working there."""
    here = await visit.area()
    query = {"limit": "50", **_given(visit, "cursor")}
    below = await visit.perform("list_children", {"organization_id": here.id}, query)
    return render(visit.request, "organization.html", visit=visit, here=here, below=below)


async def work_here(visit: Visit, organization_id: str) -> HTTPResponse:
    """Choose where one works; what one may do there is decided by each operation."""
    view = await visit.perform("show_organization", {"organization_id": organization_id})
    answer = _done(visit.request, "/console/organization", f"现在的工作范围：{view.name}")
    set_cookie(answer, visit.request, AREA_COOKIE, view.id)
    return answer


async def show_system(visit: Visit) -> HTTPResponse:
    """The scheduled work and the outbox, for the operator."""
    return render(visit.request, "system.html", visit=visit, jobs=await visit.perform("list_jobs"))


# Parts of all


def _page(slug: str) -> WorkPage:
    if slug not in BY_SLUG:
        raise NotFound()
    return BY_SLUG[slug]


def _given(visit: Visit, *names: str) -> dict[str, str]:
    return {name: value for name in names if (value := visit.request.args.get(name))}


def _path_of(operation: str, thing_id: str) -> dict[str, str]:
    (name,) = OPERATIONS[operation].path_parameters
    return {name: thing_id}


async def _scope(
    visit: Visit, page: WorkPage
) -> tuple[dict[str, str] | None, dict[str, Any], list[tuple[str, str, bool]]]:
    """Path and query of the place that a list is of, and the places to choose from; no path where there is none."""
    if page.scope != "venue":
        return {}, {f"{page.scope}_id": visit.area_id}, []
    venues = (await visit.perform("list_venues", {}, {"organization_id": visit.area_id, "limit": "50"})).items
    if not venues:
        return None, {}, []
    chosen = visit.request.args.get("venue_id") or venues[0].id
    return {"venue_id": chosen}, {}, [(venue.id, venue.name, venue.id == chosen) for venue in venues]


def _filters(visit: Visit, page: WorkPage) -> dict[str, str]:
    """What was chosen; where a list needs something, the first there is, or today."""
    found = {}
    for field in msgspec.structs.fields(OPERATIONS[page.lists].query_type):
        if field.encode_name not in page.filters:
            continue
        value = visit.request.args.get(field.encode_name)
        if not value and field.required:
            value = page.begins.get(field.encode_name) or _BEGINS[field.encode_name]()
        if value:
            found[field.encode_name] = value
    return found


def _filter_fields(page: WorkPage, query: dict[str, Any]) -> list[Field]:
    """The controls of a list's filters."""
    if not page.filters:
        return []
    fields = build_form(OPERATIONS[page.lists].query_type, given=query, choices={}, hidden={})
    return [field for field in fields if field.name in page.filters]


def _acts_of(page: WorkPage, thing: Any) -> list[Act]:
    """What can be done to a thing in the state that it is in."""
    state = str(value_at(thing, "state"))
    return [one for one in page.acts if not one.states or state in one.states]


def _link_with(page: WorkPage, one: Act, thing: Any, thing_id: str, back: str) -> str:
    """The address of an act's form, with what the form needs to know of the thing."""
    known = {**one.fills, **one.begins}
    values = {name: _plain(value_at(thing, path)) for name, path in known.items()}
    area = value_at(thing, "community_id") or value_at(thing, "wish.community_id")
    query = {**values, **({"area_id": area} if area else {}), "back": back}
    return f"/console/work/{page.slug}/{thing_id}/{one.operation}?{urlencode(query)}"


def _plain(value: Any) -> str:
    return "" if value is None else str(msgspec.to_builtins(value))


def _begun(request: Request) -> dict[str, Any]:
    """What a form begins with: the address says it."""
    return {name: values[0] for name, values in request.args.items() if name != "back"}


def _back(request: Request, otherwise: str) -> str:
    """Where one came from; nowhere else than the console."""
    back = (form_of(request).get("back") if request.method == "POST" else None) or request.args.get("back") or otherwise
    return back if back.startswith("/console") and "//" not in back and "\\" not in back else otherwise


def _done(request: Request, back: str, words: str) -> HTTPResponse:
    """On to the page before, which says what was done."""
    if request.headers.get("hx-request"):
        answer = HTTPResponse(status=200, headers={"hx-redirect": back})
    else:
        answer = redirect(back, status=303)
    set_cookie(answer, request, DONE_COOKIE, quote(words), seconds=30)
    return answer
