"""Carrying out what can be done: the form of an act, the act itself, and one act done to many."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sanic import Request
from sanic.response import HTTPResponse

from miniprogram_api.routes import BY_OPERATION
from miniprogram_api.routing import Route
from server.console.choosing import choices_for
from server.console.declaring import Act, WorkPage
from server.console.forms import Field, build_form, read_form
from server.console.rendering import done, render
from server.console.replies import replies_for
from server.console.visits import Visit, form_of
from server.console.work import page_of, path_of, scope_of
from server.foundation.errors import NotFound, NotSignedIn, Refusal
from server.neighbor_center.changes.calendars import CalendarChange


async def act(visit: Visit, slug: str, thing_id: str, operation: str) -> HTTPResponse:
    """The form of an act, and carrying it out."""
    page = page_of(slug)
    chosen, why = _chosen(page.acts, operation), ""
    if visit.request.method == "GET" and page.offers and chosen.tried:
        told = await visit.perform(page.offers, path_of(page.offers, thing_id))
        tried = [each for each in told if each.action in chosen.tried]
        why = "" if not tried or any(each.ok for each in tried) else tried[0].words
    return await _carry_out(visit, page, chosen, path_of(operation, thing_id), why)


async def make_new(visit: Visit, slug: str, operation: str) -> HTTPResponse:
    """The form of something new, and making it."""
    page = page_of(slug)
    chosen = _chosen(page.makes, operation)
    wanted = BY_OPERATION[operation].path_parameters
    path, _, _ = await scope_of(visit, page)
    if wanted == ["service_id"]:
        # At a counter one chooses what for first; the form sends it along.
        services = await choices_for(visit, ("service_id",), path or {})
        picked = form_of(visit.request).get("service_id") or visit.request.args.get("service_id") or ""
        if picked not in dict(services["service_id"]):
            return render(
                visit.request, "choose.html", visit=visit, page=page, act=chosen, services=services["service_id"]
            )
        return await _carry_out(visit, page, chosen, {"service_id": picked})
    return await _carry_out(visit, page, chosen, {name: (path or {})[name] for name in wanted})


async def _carry_out(visit: Visit, page: WorkPage, chosen: Act, path: dict[str, str], why: str = "") -> HTTPResponse:
    request, route = visit.request, BY_OPERATION[chosen.operation]
    typed = {name: list(values) for name, values in form_of(request).items() if name != "csrf"}
    back = _back(request, f"/console/pages/{page.slug}")
    refusal: Refusal | None = None
    affected: list[Any] = []
    if request.method == "POST":
        try:
            body = read_form(route.body_type, _answered(typed)) if route.body_type else None
            answer = await visit.perform(chosen.operation, path, {}, body)
        except Refusal as error:
            if isinstance(error, NotSignedIn):
                raise
            refusal = error
        else:
            if isinstance(answer, CalendarChange) and not answer.applied:
                affected = answer.affected
            elif chosen.tells:
                return render(request, "told.html", visit=visit, page=page, act=chosen, told=answer, back=back)
            else:
                return done(request, back, f"已{chosen.words}")
    given = {name: values if len(values) > 1 else values[0] for name, values in typed.items()} or _begun(request)
    fields = await _form(visit, route, chosen, given, path) if route.body_type else []
    replies, replies_to = await replies_for(visit, chosen.operation, fields) if chosen.tried else ([], "")
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
        affected=affected,
        replies=replies,
        replies_for=replies_to,
        why=why,
        back=back,
    )


def _answered(typed: dict[str, list[str]]) -> dict[str, list[str]]:
    """With what was chosen for each booking that a change affects, as the request has it."""
    answered = dict(typed)
    for number, choice in enumerate(answered.pop("affected", [])):
        booking_id, _, starts_at = choice.partition("|")
        if starts_at:
            answered[f"move_bookings.{number}.booking_id"] = [booking_id]
            answered[f"move_bookings.{number}.starts_at"] = [starts_at]
        else:
            answered["cancel_bookings"] = [*answered.get("cancel_bookings", []), booking_id]
    return answered


async def _form(visit: Visit, route: Route, chosen: Act, given: dict[str, Any], path: dict[str, str]) -> list[Field]:
    place = {"area_id": given.get("area_id") or visit.area_id} | path
    names = {field.encode_name for field in msgspec.structs.fields(route.body_type)}
    choices = await choices_for(visit, tuple(name for name in chosen.choices if name in names), place)
    known = {name: given[name] for name in chosen.fills if name in given}
    for name in ("organization_id", "community_id", "organizer_id"):
        if name in names and name not in choices:
            known[name] = given.get(name) or visit.area_id
    return build_form(route.body_type, given=given, choices=choices, hidden=known)


async def act_in_bulk(visit: Visit, slug: str, operation: str) -> HTTPResponse:
    """Do one thing to many: first what will be done to which, then each by itself, with its result."""
    page = page_of(slug)
    chosen = _chosen([one for one in page.acts if one.is_bulk], operation)
    request = visit.request
    picked = [pick.partition("|") for pick in form_of(request).getlist("pick", [])]
    results: list[tuple[str, str, str]] = []
    if form_of(request).get("sure"):
        for thing_id, _, title in picked:
            try:
                await visit.perform(operation, path_of(operation, thing_id))
                results.append((title, "good", f"已{chosen.words}"))
            except Refusal as error:
                results.append((title, "wrong", error.detail or error.title))
    back = _back(request, f"/console/pages/{slug}")
    return render(request, "bulk.html", visit=visit, page=page, act=chosen, picked=picked, results=results, back=back)


def _chosen(acts: Sequence[Act], operation: str) -> Act:
    for one in acts:
        if one.operation == operation:
            return one
    raise NotFound()


def _begun(request: Request) -> dict[str, Any]:
    """What a form begins with: the address says it."""
    return {name: values[0] for name, values in request.args.items() if name != "back"}


def _back(request: Request, otherwise: str) -> str:
    """Where one came from; nowhere else than the console."""
    back = (form_of(request).get("back") if request.method == "POST" else None) or request.args.get("back") or otherwise
    return back if back.startswith("/console") and "//" not in back and "\\" not in back else otherwise
