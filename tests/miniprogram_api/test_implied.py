"""What follows from a route's declaration is declared unsaid: each route answers each of these refusals."""

import random
from collections.abc import Callable
from typing import Any

import msgspec.inspect as kinds
import pytest

from miniprogram_api.routing import Route, Who
from server.foundation import rates
from server.foundation.database import transaction
from server.foundation.errors import (
    BadRequest,
    Busy,
    IdempotencyKeyReused,
    InvalidFields,
    NotAllowed,
    NotFound,
    NotSignedIn,
    Refusal,
    TooManyRequests,
    Unavailable,
)
from server.foundation.idempotency import claim_key, keep_answer
from server.foundation.ids import new_id
from server.foundation.line import Line
from server.foundation.rates import Group, Rate
from server.organizations.models import Level, RoleKind
from tests.builders import create_organization, create_person, create_staff, sign_in
from tests.clients import Api
from tests.demo.plausible import ROUTES, City

JSON, FORM = {"content-type": "application/json"}, {"content-type": "multipart/form-data"}
KEY = "a-key-that-was-used"


def no_request(route: Route) -> dict[str, Any]:
    """What cannot be read, or a parameter that is given twice or where there are none."""
    if route.body_type:
        return {"content": b"{", "headers": JSON}
    if route.reads_raw_body and not route.query_type:
        return {"content": b"x", "headers": FORM}
    return {"params": [("limit", "1"), ("limit", "2")] if route.query_type else {"x": "1"}}


def unknown_field(route: Route) -> dict[str, Any]:
    return {"json": {"x": 1}} if route.body_type else {"params": {"x": "1"}}


def with_used_key(route: Route) -> dict[str, Any]:
    city = City([], {"thing": [new_id()]}, random.Random(1))
    body = city.plausible(kinds.type_info(route.body_type)) if route.body_type else None
    return {"headers": {"idempotency-key": KEY}, **({"json": body} if body is not None else {})}


def nothing(route: Route) -> dict[str, Any]:
    return {}


ASKED: dict[type[Refusal], tuple[str, Callable[[Route], dict[str, Any]]]] = {
    # refusal: who asks, and with what
    NotSignedIn: ("nobody", nothing),
    NotAllowed: ("resident", nothing),
    NotFound: ("manager", nothing),
    BadRequest: ("manager", no_request),
    InvalidFields: ("manager", unknown_field),
    IdempotencyKeyReused: ("manager", with_used_key),
    TooManyRequests: ("manager", nothing),
    Unavailable: ("manager", nothing),
}
BY_ITSELF: dict[type[Refusal], Callable[[Route], bool]] = {
    NotAllowed: lambda route: route.who is not Who.STAFF,
    InvalidFields: lambda route: not (route.body_type or route.query_type),
    NotFound: lambda route: not any(name.endswith("_id") for name in route.path_parameters),
    TooManyRequests: lambda route: route.group in (Group.SIGN_IN, Group.CODES) or route.operation_id == "sign_out",
}
"""Where a refusal does not follow from the declaration, and needs more (a code that was guessed)."""


@pytest.fixture
async def callers(api: Api) -> dict[str, Api]:
    city = await create_organization(Level.CITY)
    return {
        "nobody": api,
        "resident": await sign_in(api, await create_person(community=city)),
        "manager": await create_staff(api, city, RoleKind.MANAGER),
    }


@pytest.mark.parametrize("refusal", ASKED, ids=lambda refusal: refusal.code)
async def test_every_route_answers_it(
    callers: dict[str, Api], monkeypatch: pytest.MonkeyPatch, refusal: type[Refusal]
) -> None:
    who, options_of = ASKED[refusal]
    caller, is_elsewhere = callers[who], BY_ITSELF.get(refusal)
    if refusal is IdempotencyKeyReused:
        async with transaction():
            await claim_key(caller.person_id, KEY, "another request", b"")
            await keep_answer(caller.person_id, KEY, 200, b"")
    if refusal is TooManyRequests:
        monkeypatch.setattr(rates, "_rates", {group: Rate(3600, 1, 1) for group in Group})
        for group in Group:
            await rates.note(group, caller.person_id, "")
    if refusal is Unavailable:

        async def is_full(line: Line) -> None:
            raise Busy()

        monkeypatch.setattr(Line, "enter", is_full)
    asked = [route for route in ROUTES if refusal in route.errors and not (is_elsewhere and is_elsewhere(route))]
    told = {}
    for route in asked:
        path = route.path
        for name in route.path_parameters:
            value = "impossible" if refusal is NotFound else new_id()
            path = path.replace(f"<{name}>", value if name.endswith("_id") else "2026H1")
        response = await caller.send(route.method, path, **options_of(route))
        if f'"code":"{refusal.code}"' not in response.text or response.status_code != refusal.status:
            told[route.operation_id] = f"{response.status_code} {response.text[:100]}"
    assert told == {}
    assert len(asked) > 50
