"""Nasty values in every field of every route, sent by people who may call it, in a city with a past.

Whatever comes, the answer is one that the route declares, and never a failure of ours. In every run ids of nothing
there is, and a draw of the rest (by pytest-randomly's seed, which the run prints); with --full all.
"""

import os
from collections.abc import Iterator
from typing import Any

import msgspec
import msgspec.inspect as kinds
import pytest

from miniprogram_api.routing import Route, Who
from server.foundation.ids import new_id
from tests.clients import Api
from tests.demo.plausible import ROUTES, Attempt, City, play_city
from tests.simulator import Simulator

DRAWN = 3000
BLANKS = ["", " ", "　", "\u200b", "\u3164", "\u2800", "\x07"]
TEXTS = [*BLANKS, "\0", "a\0b", "\ud800", "x" * 5000, "𠮷" * 40, "'; --", "%", "\\", "<b>", "\u202e文", "e\u0301" * 30]
NUMBERS = [0, -1, 1, 2**31 - 1, 2**31, -(2**31) - 1, 2**63, 2**64, 10**400, 0.5, 5e-324, 1e308, -0.0, "1", True]
MOMENTS = [
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "1900-01-01T00:00:00Z",
    "2200-12-31T23:59:59Z",
    "2026-01-01T00:00:00",
    "2026-01-01",
    "1795692678",
    1795692678,
    "2026-13-01T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T23:59:60Z",
]
DAYS = ["0001-01-01", "9999-12-31", "1900-01-01", "2200-12-31", "2026-02-30", "1582-10-10", 0]
UNKNOWN = "0" * 22
IDS = ["", "x", UNKNOWN, "6" + "z" * 21, "7" + "z" * 21, "0" * 21 + "\n", "0" * 22 + "\n", "é" * 22]
OF_ANY_TYPE: list[Any] = [None, [], {}, [[]], {"": ""}, False, "x", 3]
HEADERS = [
    (b"x-request-id", b"\xff\xfe\xfd"),
    (b"idempotency-key", b"\xff" * 12),
    (b"authorization", b"Bearer \xff\xff"),
    (b"authorization", b"Bearer " + b"x" * 5000),
    (b"x-forwarded-for", b"\xff, 1.2.3.4"),
    (b"content-type", b"application/\xff"),
    (b"accept-language", "中文".encode("gbk")),
]


def nasty(kind: kinds.Type) -> list[Any]:
    """What might be sent where `kind` is expected."""
    match kind:
        case kinds.Metadata():
            return nasty(kind.type)
        case kinds.UnionType():
            return [value for part in kind.types for value in nasty(part)]
        case kinds.StrType():
            return [*TEXTS, *(IDS if (kind.pattern or "").startswith("^[0-6]") else []), *OF_ANY_TYPE]
        case kinds.IntType() | kinds.FloatType():
            return [*NUMBERS, *OF_ANY_TYPE]
        case kinds.DateTimeType():
            return [*MOMENTS, *OF_ANY_TYPE]
        case kinds.DateType():
            return [*DAYS, *OF_ANY_TYPE]
        case kinds.ListType():
            return [[value] for value in nasty(kind.item_type)] + [[new_id()] * 300, *OF_ANY_TYPE]
        case kinds.DictType():
            return [{"x\0": value} for value in nasty(kind.value_type)] + [{"": "x"}, *OF_ANY_TYPE]
        case _:
            return OF_ANY_TYPE


def mutated(value: Any, kind: kinds.Type) -> Iterator[Any]:
    """`value` with one field, at any depth, made nasty or left out."""
    if isinstance(kind, kinds.Metadata):
        kind = kind.type
    if isinstance(kind, kinds.UnionType) and value is not None:
        kind = next(part for part in kind.types if not isinstance(part, kinds.NoneType))
    match kind:
        case kinds.StructType():
            for field in kind.fields:
                name = field.encode_name
                yield {key: part for key, part in value.items() if key != name}
                for part in mutated(value[name], field.type):
                    yield value | {name: part}
        case kinds.ListType(item_type=kinds.StructType()):
            yield from OF_ANY_TYPE
            for part in mutated(value[0], kind.item_type):
                yield [part, *value[1:]]
        case _:
            yield from nasty(kind)


@pytest.fixture
async def city(app: Any, api: Api, simulator: Simulator) -> City:
    return await play_city(app, api, simulator)


async def _first_attempt(city: City, route: Route) -> Attempt:
    """A plausible request by somebody whom the route does not turn away at the door, where there is one."""
    attempt = Attempt(route, city.callers[0], "")
    for caller in city.draw.sample(city.callers, len(city.callers)):
        path = route.path
        for name in route.path_parameters:
            value = city.id_for(name) if name.endswith("_id") else "2026H1"
            path = path.replace(f"<{name}>", value)
        attempt = Attempt(route, caller, path)
        if route.body_type:
            attempt.body = city.plausible(kinds.type_info(route.body_type))
        if route.query_type:
            attempt.query = city.plausible(kinds.type_info(route.query_type))
            attempt.query.pop("cursor", None)
        if (await attempt.send()).status_code not in (401, 403, 404):
            break
    return attempt


def _variants(attempt: Attempt) -> Iterator[Attempt]:
    route, change = attempt.route, msgspec.structs.replace
    for header in HEADERS:
        yield change(attempt, headers=[header])
    if route.body_type:
        for body in mutated(attempt.body, kinds.type_info(route.body_type)):
            yield change(attempt, body=body)
    if route.query_type:
        whole = dict.fromkeys(f.encode_name for f in msgspec.structs.fields(route.query_type)) | attempt.query
        for query in mutated(whole, kinds.type_info(route.query_type)):
            yield change(attempt, query=query)
    for name in route.path_parameters:
        for value in (UNKNOWN, "", "x", "é", "%00", "%ff", "..%2f", "7" + "z" * 21, "0" * 22 + "%0a"):
            parts = route.path.split("/")
            parts[parts.index(f"<{name}>")] = value
            filled = [
                given if part.startswith("<") else part
                for part, given in zip(parts, attempt.path.split("/"), strict=True)
            ]
            yield change(attempt, path="/".join(filled))


def _names_nothing(attempt: Attempt) -> bool:
    """Whether an id in it is one that could be, and is of nothing."""
    return UNKNOWN in attempt.path.split("/") or repr(UNKNOWN) in f"{attempt.query} {attempt.body}"


@pytest.mark.timeout(600)
async def test_nothing_that_is_sent_makes_us_fail(city: City) -> None:
    everything = bool(os.environ.get("LINLI_FULL_TESTS"))
    chosen: list[Attempt] = []
    for route in ROUTES:
        chosen += _variants(await _first_attempt(city, route))
    if not everything:
        chosen = [*filter(_names_nothing, chosen), *city.draw.sample(chosen, DRAWN)]
    failed: dict[str, str] = {}
    reached = set()
    for attempt in chosen:
        answer = await attempt.send()
        reached.add(answer.status_code)
        if answer.status_code >= 500:
            sent = f"{attempt.route.method} {attempt.path} {attempt.query or ''} {attempt.body or ''} {attempt.headers}"
            failed.setdefault(attempt.route.operation_id, sent[:500])
        elif answer.status_code >= 400 and not attempt.headers and attempt.route.who is not Who.ANYONE:
            assert answer.json()["code"], attempt
    assert not failed, "\n".join(f"{operation}: {sent}" for operation, sent in failed.items())
    assert {200, 400, 404, 422} <= reached
