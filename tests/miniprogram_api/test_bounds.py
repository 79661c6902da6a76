"""What a request's types let through: all has its bounds, and required text says something."""

from datetime import datetime

import msgspec.inspect as kinds
import pytest

from miniprogram_api.routes import ROUTES
from server.foundation.bounds import SOMETHING_SEEN, check_bounds
from server.foundation.errors import InvalidFields
from server.foundation.ids import new_id
from server.foundation.pages import decode_cursor, encode_cursor
from tests.builders import create_community, create_person, create_resident, create_staff, sign_in
from tests.clients import Api

REQUESTS = {kind for route in ROUTES for kind in (route.body_type, route.query_type) if kind is not None}
BLANK = [" ", "　", "\u200b", "\u3164", "\u2800", "\x07", "\n\t", "\u202e\ufeff"]


def unbounded(kind: kinds.Type, path: str) -> list[str]:
    """The fields that take anything of their type."""
    match kind:
        case kinds.Metadata():
            return unbounded(kind.type, path)
        case kinds.StructType():
            return [problem for field in kind.fields for problem in unbounded(field.type, f"{path}.{field.name}")]
        case kinds.UnionType():
            return [problem for part in kind.types for problem in unbounded(part, path)]
        case kinds.ListType() | kinds.SetType() | kinds.VarTupleType():
            return [*([path] if kind.max_length is None else []), *unbounded(kind.item_type, f"{path}[]")]
        case kinds.DictType():
            return [*unbounded(kind.key_type, f"{path}{{}}"), *unbounded(kind.value_type, path)]
        case kinds.StrType():
            is_open = kind.max_length is None and kind.pattern in (None, SOMETHING_SEEN)
            may_be_blank = kind.min_length == 1 and kind.pattern is None
            return [path] if is_open or may_be_blank else []
        case kinds.IntType():
            return [path] if None in (kind.ge, kind.le) else []
        case kinds.FloatType():
            return [path] if kind.le is None else []
        case kinds.DateTimeType():
            return [] if kind.tz else [path]
        case _:
            return []


@pytest.mark.parametrize("request_type", sorted(REQUESTS, key=str), ids=lambda kind: kind.__name__)
def test_every_field_has_bounds(request_type: type) -> None:
    assert unbounded(kinds.type_info(request_type), request_type.__name__) == []


def lenient(kind: kinds.Type) -> list[str]:
    """The Structs in it that take unknown fields."""
    match kind:
        case kinds.Metadata():
            return lenient(kind.type)
        case kinds.StructType():
            inner = [name for field in kind.fields for name in lenient(field.type)]
            return inner if kind.forbid_unknown_fields else [kind.cls.__name__, *inner]
        case kinds.UnionType():
            return [name for part in kind.types for name in lenient(part)]
        case kinds.ListType() | kinds.SetType() | kinds.VarTupleType():
            return lenient(kind.item_type)
        case kinds.DictType():
            return lenient(kind.value_type)
        case _:
            return []


@pytest.mark.parametrize("request_type", sorted(REQUESTS, key=str), ids=lambda kind: kind.__name__)
def test_unknown_fields_are_refused_at_every_depth(request_type: type) -> None:
    assert lenient(kinds.type_info(request_type)) == []


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": ["x", "y\0"]}, "a.1"),
        ({"a\0": 1}, ""),
        ({"n": 2**31}, "n"),
        ({"n": -(2**31)}, "n"),
        ({"f": 5e-324}, "f"),
        ({"f": float("nan")}, "f"),
        ({"f": float("-inf")}, "f"),
    ],
)
def test_what_no_column_can_hold(value: object, path: str) -> None:
    with pytest.raises(InvalidFields) as refused:
        check_bounds(value)
    assert refused.value.errors[0].field == path


def test_what_columns_can_hold() -> None:
    check_bounds({"n": [2**31 - 1, -(2**31) + 1, True, None], "f": [0.0, -0.0, 1e-9, 1e300], "s": "𠮷"})


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1899-12-31T23:00:00Z"])
async def test_an_instant_beyond_every_calendar(api: Api, moment: str) -> None:
    staff = await create_staff(api, await create_community())
    note = {"organization_id": new_id(), "person_id": new_id(), "what": "打扫楼道", "minutes": 60}
    problem = await staff.refused(
        "POST", "/staff/service-entries", note | {"occurred_at": moment}, code="invalid_fields"
    )
    assert problem["errors"] == [{"field": "occurred_at", "problem": "时间超出范围"}]
    answer = await staff.send("GET", "/me/calendar", params={"since": moment, "until": moment})
    assert answer.json()["errors"] == [{"field": "since", "problem": "时间超出范围"}]
    cursor = encode_cursor(datetime.fromisoformat(moment), new_id())
    with pytest.raises(InvalidFields):
        decode_cursor(cursor, tuple[datetime, str])


async def test_an_instant_in_a_query_is_no_number(api: Api) -> None:
    caller = await sign_in(api, await create_person())
    for number in ("1795692678", "1795692678.5", "-1"):
        answer = await caller.send("GET", "/me/calendar", params={"since": number, "until": number})
        assert answer.json()["errors"] == [{"field": "since", "problem": "日期或时间格式不正确"}]


@pytest.mark.parametrize("blank", BLANK)
async def test_required_text_says_something(api: Api, blank: str) -> None:
    resident = await create_resident(api, await create_community())
    me = await resident.get("/me")
    for method, path, body, field in (
        ("PATCH", "/me", {"version": me["version"], "nickname": blank}, "nickname"),
        ("PUT", "/me/details", {"real_name": blank}, "real_name"),
        ("POST", f"/venues/{new_id()}/complaints", {"text": blank}, "text"),
    ):
        problem = await resident.refused(method, path, body, code="invalid_fields")
        assert problem["errors"] == [{"field": field, "problem": "不能为空"}]
    assert (await resident.get("/me"))["nickname"] == me["nickname"]


async def test_an_id_ends_where_it_ends(api: Api) -> None:
    caller = await sign_in(api, await create_person())
    for wrong in (new_id() + "\n", "\n" + new_id()):
        await caller.refused("PUT", "/me/community", {"community_id": wrong}, code="invalid_fields")
