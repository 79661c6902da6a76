"""Lists, things, and what can be done to them: what `pages.py` declares, shown and carried out."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import msgspec
from sanic import Request
from sanic.response import HTTPResponse

from miniprogram_api.routes import BY_OPERATION
from miniprogram_api.routing import Route
from server.console.choosing import choices_for
from server.console.declaring import Act, WorkPage
from server.console.forms import Field, build_form, read_form
from server.console.labels import value_at
from server.console.pages import BY_SLUG
from server.console.rendering import done, render
from server.console.visits import ROWS, Visit, form_of
from server.foundation import clock
from server.foundation.actions import ActionView
from server.foundation.dates import today
from server.foundation.errors import NotFound, NotSignedIn, Refusal
from server.neighbor_center.venues.queries import name_venues
from server.service_record.periods import half_year_of

_MOST_ROWS = "100"
"""Of a list in one call, where one of them is sought."""
_EXPORTED = timedelta(days=90)
"""How far back a sheet goes where it is of some days."""
_BEGINS = {"day": lambda: today().isoformat(), "period": lambda: half_year_of(clock.now()).code}
"""What a list is of at first."""


class _Parts(dict[str, str]):
    """The attributes of a thing, for an address."""

    def __init__(self, thing: Any) -> None:
        super().__init__()
        self._thing = thing

    def __missing__(self, name: str) -> str:
        return quote(str(value_at(self._thing, name)))


class Offer(NamedTuple):
    """An act, and why it cannot be done now; empty where it can."""

    act: Act
    why: str = ""


async def show_list(visit: Visit, slug: str) -> HTTPResponse:
    """A work page: its rows, filters, and what can be done to each."""
    page = _page(slug)
    path, query, scopes = await _scope(visit, page)
    query |= _filters(visit, page) | {"limit": ROWS} | visit.given("cursor")
    rows = await visit.perform(page.lists, path, query) if path is not None else None
    return render(
        visit.request,
        "list.html",
        visit=visit,
        page=page,
        items=rows.items if rows else [],
        next_page=_next_page(visit, rows.next_cursor) if rows and rows.next_cursor else "",
        filters=_filter_fields(page, query),
        scopes=scopes,
        offers_of=lambda item: [Offer(one) for one in page.acts if _fits(one, item)],
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
    takes = {field.encode_name for field in msgspec.structs.fields(BY_OPERATION[page.exports].query_type)}
    last = today()
    known = {"first_day": (last - _EXPORTED).isoformat(), "last_day": last.isoformat()} | query | _filters(visit, page)
    answer: HTTPResponse = await visit.perform(
        page.exports, path, {name: value for name, value in known.items() if name in takes}
    )
    return answer


async def show_thing(visit: Visit, slug: str, thing_id: str) -> HTTPResponse:
    """One thing, all that is known of it, and what can be done to it."""
    page = _page(slug)
    thing = await _thing(visit, page, thing_id)
    return render(
        visit.request,
        "thing.html",
        visit=visit,
        page=page,
        thing=thing,
        thing_id=thing_id,
        offers=await _offers(visit, page, thing, thing_id),
        link=_link_with,
        links=[(each.words, each.to.format_map(_Parts(thing))) for each in page.links],
        headline=value_at(thing, page.headline),
    )


async def _thing(visit: Visit, page: WorkPage, thing_id: str) -> Any:
    """One thing; where no operation shows it alone, its row of the list."""
    if page.shows:
        return await visit.perform(page.shows, _path_of(page.shows, thing_id))
    path, query, _ = await _scope(visit, page)
    query |= _filters(visit, page) | {"limit": _MOST_ROWS}
    cursor: str | None = ""
    while path is not None and cursor is not None:
        rows = await visit.perform(page.lists, path, query | ({"cursor": cursor} if cursor else {}))
        for item in rows.items:
            if value_at(item, page.id) == thing_id:
                return item
        cursor = rows.next_cursor
    raise NotFound()


async def _offers(visit: Visit, page: WorkPage, thing: Any, thing_id: str) -> list[Offer]:
    """What can be done to a thing, and what cannot, with the reason."""
    told: dict[str, list[ActionView]] = {}
    if page.offers:
        for each in await visit.perform(page.offers, _path_of(page.offers, thing_id)):
            told.setdefault(each.action, []).append(each)
    found = []
    for one in page.acts:
        tried = [each for name in one.tried for each in told.get(name, ())]
        if tried:
            found.append(Offer(one, "" if any(each.ok for each in tried) else tried[0].words))
        elif not (page.offers and one.tried) and _fits(one, thing):
            found.append(Offer(one))
    return found


def _fits(one: Act, thing: Any) -> bool:
    """Whether an act makes sense in the state that a thing is in."""
    return not one.states or str(value_at(thing, "state")) in one.states


async def act(visit: Visit, slug: str, thing_id: str, operation: str) -> HTTPResponse:
    """The form of an act, and carrying it out."""
    page = _page(slug)
    chosen, why = _chosen(page.acts, operation), ""
    if visit.request.method == "GET" and page.offers and chosen.tried:
        told = await visit.perform(page.offers, _path_of(page.offers, thing_id))
        tried = [each for each in told if each.action in chosen.tried]
        why = "" if not tried or any(each.ok for each in tried) else tried[0].words
    return await _carry_out(visit, page, chosen, _path_of(operation, thing_id), why)


async def make_new(visit: Visit, slug: str, operation: str) -> HTTPResponse:
    """The form of something new, and making it."""
    page = _page(slug)
    chosen = _chosen(page.makes, operation)
    wanted = BY_OPERATION[operation].path_parameters
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


async def _carry_out(visit: Visit, page: WorkPage, chosen: Act, path: dict[str, str], why: str = "") -> HTTPResponse:
    request, route = visit.request, BY_OPERATION[chosen.operation]
    typed = {name: list(values) for name, values in form_of(request).items() if name not in ("csrf", "service_id")}
    back = _back(request, f"/console/pages/{page.slug}")
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
            return done(request, back, f"已{chosen.words}")
    given = {name: values if len(values) > 1 else values[0] for name, values in typed.items()} or _begun(request)
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
        why=why,
        back=back,
    )


async def _form(visit: Visit, route: Route, chosen: Act, given: dict[str, Any]) -> list[Field]:
    area_id = given.get("area_id") or visit.area_id
    names = {field.encode_name for field in msgspec.structs.fields(route.body_type)}
    choices = await choices_for(visit, tuple(name for name in chosen.choices if name in names), area_id)
    known = {name: given[name] for name in chosen.fills if name in given}
    for name in ("organization_id", "community_id", "organizer_id"):
        if name in names and name not in choices:
            known[name] = given.get(name) or visit.area_id
    return build_form(route.body_type, given=given, choices=choices, hidden=known)


async def act_in_bulk(visit: Visit, slug: str, operation: str) -> HTTPResponse:
    """Do one thing to many: first what will be done to which, then each by itself, with its result."""
    page = _page(slug)
    chosen = _chosen([one for one in page.acts if one.is_bulk], operation)
    request = visit.request
    picked = [pick.partition("|") for pick in form_of(request).getlist("pick", [])]
    results: list[tuple[str, str, str]] = []
    if form_of(request).get("sure"):
        for thing_id, _, title in picked:
            try:
                await visit.perform(operation, _path_of(operation, thing_id))
                results.append((title, "good", f"已{chosen.words}"))
            except Refusal as error:
                results.append((title, "wrong", error.detail or error.title))
    back = _back(request, f"/console/pages/{slug}")
    return render(request, "bulk.html", visit=visit, page=page, act=chosen, picked=picked, results=results, back=back)


def _page(slug: str) -> WorkPage:
    if slug not in BY_SLUG:
        raise NotFound()
    return BY_SLUG[slug]


def _chosen(acts: Sequence[Act], operation: str) -> Act:
    for one in acts:
        if one.operation == operation:
            return one
    raise NotFound()


def _next_page(visit: Visit, cursor: str) -> str:
    """The same address, further on."""
    given = [(name, value) for name, value in visit.request.query_args if name != "cursor"]
    return f"{visit.request.path}?{urlencode([*given, ('cursor', cursor)])}"


def _path_of(operation: str, thing_id: str) -> dict[str, str]:
    (name,) = BY_OPERATION[operation].path_parameters
    return {name: thing_id}


async def _scope(
    visit: Visit, page: WorkPage
) -> tuple[dict[str, str] | None, dict[str, Any], list[tuple[str, str, bool]]]:
    """Path and query of the place that a list is of, and the places to choose from; no path where there is none."""
    if page.scope != "venue":
        return {}, {f"{page.scope}_id": visit.area_id}, []
    venues = await name_venues(visit.area_id)
    if not venues:
        return None, {}, []
    chosen = visit.request.args.get("venue_id") or venues[0].id
    return {"venue_id": chosen}, {}, [(venue.id, venue.name, venue.id == chosen) for venue in venues]


def _filters(visit: Visit, page: WorkPage) -> dict[str, str]:
    """What was chosen; where a list needs something, the first there is, or today."""
    found = {}
    for field in msgspec.structs.fields(BY_OPERATION[page.lists].query_type):
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
    fields = build_form(BY_OPERATION[page.lists].query_type, given=query, choices={}, hidden={})
    return [field for field in fields if field.name in page.filters]


def _link_with(page: WorkPage, one: Act, thing: Any, thing_id: str, back: str) -> str:
    """The address of an act's form, with what the form needs to know of the thing."""
    known = {**one.fills, **one.begins}
    values = {name: msgspec.to_builtins(value_at(thing, path)) for name, path in known.items()}
    area = value_at(thing, "community_id") or value_at(thing, "wish.community_id")
    query = {**values, **({"area_id": area} if area else {}), "back": back}
    return f"/console/pages/{page.slug}/{thing_id}/{one.operation}?{urlencode(query)}"


def _begun(request: Request) -> dict[str, Any]:
    """What a form begins with: the address says it."""
    return {name: values[0] for name, values in request.args.items() if name != "back"}


def _back(request: Request, otherwise: str) -> str:
    """Where one came from; nowhere else than the console."""
    back = (form_of(request).get("back") if request.method == "POST" else None) or request.args.get("back") or otherwise
    return back if back.startswith("/console") and "//" not in back and "\\" not in back else otherwise
