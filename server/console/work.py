"""Lists and things: what `declared/` declares, shown."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import msgspec
from sanic.response import HTTPResponse

from miniprogram_api.routes import BY_OPERATION
from server.console.choosing import choices_for
from server.console.declaring import Act, Link, WorkPage
from server.console.forms import Field, build_form
from server.console.labels import value_at
from server.console.pages import BY_SLUG
from server.console.rendering import render
from server.console.visits import ROWS, Visit
from server.foundation import clock
from server.foundation.actions import ActionView
from server.foundation.dates import today
from server.foundation.errors import NotFound
from server.foundation.pages import Page
from server.neighbor_center.venues.queries import VenueName, name_venues
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


def _links(links: Iterable[Link], parts: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(each.words, each.to.format_map(parts)) for each in links]


class Offer(NamedTuple):
    """An act, and why it cannot be done now; empty where it can."""

    act: Act
    why: str = ""


async def show_list(visit: Visit, slug: str) -> HTTPResponse:
    """A work page: its rows, filters, and what can be done to each."""
    page = page_of(slug)
    path, query, scopes = await scope_of(visit, page)
    query |= _filters(visit, page) | {"limit": ROWS} | visit.given("cursor")
    items, cursor = await _rows(visit, page, path, query) if path is not None else ([], None)
    return render(
        visit.request,
        "list.html",
        visit=visit,
        page=page,
        items=items,
        next_page=_next_page(visit, cursor) if cursor else "",
        filters=await _filter_fields(visit, page, query),
        scopes=scopes,
        offers_of=lambda item: [Offer(one) for one in page.acts if _fits(one, item)],
        link=_link_with,
        prints=_links(page.prints, {"area_id": visit.area_id, **query, **(path or {})}) if path is not None else [],
    )


async def export_list(visit: Visit, slug: str) -> HTTPResponse:
    """The same rows as a workbook."""
    page = page_of(slug)
    if not page.exports:
        raise NotFound()
    path, query, _ = await scope_of(visit, page)
    if path is None:
        raise NotFound()
    takes = {field.encode_name for field in msgspec.structs.fields(BY_OPERATION[page.exports].query_type)}
    last = today()
    known = {"first_day": (last - _EXPORTED).isoformat(), "last_day": last.isoformat()} | query | _filters(visit, page)
    answer: HTTPResponse = await visit.perform(
        page.exports, path, {name: value for name, value in known.items() if name in takes}
    )
    return answer


async def send_file(visit: Visit, operation: str) -> HTTPResponse:
    """A file that an operation gives: a poster, a sheet, a workbook. The address has what it is of."""
    route = BY_OPERATION.get(operation)
    if route is None or route.method != "GET" or route.response_type is not HTTPResponse:
        raise NotFound()
    given = {name: values[0] for name, values in visit.request.args.items()}
    path = {name: given.pop(name, "") for name in route.path_parameters}
    answer: HTTPResponse = await visit.perform(operation, path, given)
    return answer


async def show_thing(visit: Visit, slug: str, thing_id: str) -> HTTPResponse:
    """One thing, all that is known of it, and what can be done to it."""
    page = page_of(slug)
    thing = await _thing(visit, page, thing_id)
    return render(
        visit.request,
        "thing.html",
        visit=visit,
        page=page,
        thing=thing,
        thing_id=thing_id,
        offers=await _offers(visit, page, thing, thing_id),
        details=[
            (BY_OPERATION[each].summary, await visit.perform(each, path_of(each, thing_id))) for each in page.details
        ],
        link=_link_with,
        links=_links((each for each in page.links if not each.actor or each.actor in thing.actors), _Parts(thing)),
        headline=value_at(thing, page.headline),
    )


async def _thing(visit: Visit, page: WorkPage, thing_id: str) -> Any:
    """One thing; where no operation shows it alone, its row of the list."""
    if page.shows:
        return await visit.perform(page.shows, path_of(page.shows, thing_id))
    path, query, _ = await scope_of(visit, page)
    query |= _filters(visit, page) | {"limit": _MOST_ROWS}
    cursor: str | None = ""
    while path is not None and cursor is not None:
        items, cursor = await _rows(visit, page, path, query | ({"cursor": cursor} if cursor else {}))
        for item in items:
            if value_at(item, page.id) == thing_id:
                return item
    raise NotFound()


async def _rows(
    visit: Visit, page: WorkPage, path: dict[str, str], query: dict[str, Any]
) -> tuple[list[Any], str | None]:
    """What a list's operation gives, and the cursor of what follows: a page of rows, all of them, rows that are a part
    of something, or the only one."""
    kind = BY_OPERATION[page.lists].query_type
    takes = {field.encode_name for field in msgspec.structs.fields(kind)} if kind else set()
    answer = await visit.perform(page.lists, path, {name: value for name, value in query.items() if name in takes})
    if page.rows:
        return list(value_at(answer, page.rows)), None
    if isinstance(answer, Page):
        return list(answer.items), answer.next_cursor
    return (answer if isinstance(answer, list) else [answer]), None


async def _offers(visit: Visit, page: WorkPage, thing: Any, thing_id: str) -> list[Offer]:
    """What can be done to a thing, and what cannot, with the reason."""
    told: dict[str, list[ActionView]] = {}
    if page.offers:
        for each in await visit.perform(page.offers, path_of(page.offers, thing_id)):
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


def page_of(slug: str) -> WorkPage:
    """The page of this name. Raises NotFound."""
    if slug not in BY_SLUG:
        raise NotFound()
    return BY_SLUG[slug]


def _next_page(visit: Visit, cursor: str) -> str:
    """The same address, further on."""
    given = [(name, value) for name, value in visit.request.query_args if name != "cursor"]
    return f"{visit.request.path}?{urlencode([*given, ('cursor', cursor)])}"


def path_of(operation: str, thing_id: str) -> dict[str, str]:
    """The path's parameter of an operation on one thing; none where there is but one such thing."""
    return dict.fromkeys(BY_OPERATION[operation].path_parameters, thing_id)


async def scope_of(
    visit: Visit, page: WorkPage
) -> tuple[dict[str, str] | None, dict[str, Any], list[tuple[str, str, bool]]]:
    """Path and query of the place that a list is of, and the places to choose from; no path where there is none."""
    if page.scope != "venue":
        return {}, {f"{page.scope}_id": visit.area_id}, []
    chosen, venues = await choose_venue(visit)
    if not chosen:
        return None, {}, []
    return {"venue_id": chosen}, {}, [(venue.id, venue.name, venue.id == chosen) for venue in venues]


async def choose_venue(visit: Visit) -> tuple[str, list[VenueName]]:
    """The venue that was chosen, or the first of where one works, empty where there is none; and all there are."""
    venues = await name_venues(visit.area_id)
    return visit.request.args.get("venue_id") or (venues[0].id if venues else ""), venues


def _filters(visit: Visit, page: WorkPage) -> dict[str, str]:
    """What was chosen; where a list needs something, the first there is, or today."""
    found: dict[str, str] = {}
    kind = BY_OPERATION[page.lists].query_type
    for field in msgspec.structs.fields(kind) if kind else ():
        if field.encode_name not in page.filters:
            continue
        value = visit.request.args.get(field.encode_name)
        if not value and field.required:
            value = page.begins.get(field.encode_name) or _BEGINS[field.encode_name]()
        if value:
            found[field.encode_name] = value
    return found


async def _filter_fields(visit: Visit, page: WorkPage, query: dict[str, Any]) -> list[Field]:
    """The controls of a list's filters."""
    if not page.filters:
        return []
    choices = await choices_for(visit, page.filters, {})
    fields = build_form(BY_OPERATION[page.lists].query_type, given=query, choices=choices, hidden={})
    return [field for field in fields if field.name in page.filters]


def flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A value as the fields of a form: what has parts by their paths."""
    if isinstance(value, dict):
        for part, inner in value.items():
            yield from flat(f"{name}.{part}", inner)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, inner in enumerate(value):
            yield from flat(f"{name}.{number}", inner)
    elif value not in (None, []):
        yield name, value


def _link_with(page: WorkPage, one: Act, thing: Any, thing_id: str, back: str) -> str:
    """The address of an act's form, with what the form needs to know of the thing."""
    known = {**one.fills, **one.begins}
    parts = {name: msgspec.to_builtins(value_at(thing, path)) for name, path in known.items()}
    values = dict(each for name, value in parts.items() for each in flat(name, value))
    area = value_at(thing, "community_id") or value_at(thing, "wish.community_id")
    query = {**values, **({"area_id": area} if area else {}), "back": back}
    return f"/console/pages/{page.slug}/{thing_id}/{one.operation}?{urlencode(query, doseq=True)}"
