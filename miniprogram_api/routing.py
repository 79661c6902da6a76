"""A route is declared once: method, path, who may call, and a function whose annotations are its request and response.

The same declaration decodes the request, encodes the answer, keeps idempotency and writes the OpenAPI document:

    routes = Routes("微心愿 wishes")

    @routes.post("/wishes/<wish_id>/claim", status=201, errors=[WishTaken, TooManyClaims])
    async def claim_wish(caller: Caller, wish_id: Id, body: ClaimWish) -> ClaimView:
        \"\"\"认领微心愿\"\"\"
        return await claiming.claim_wish(caller.person_id, wish_id, body.note)

`body` is decoded from JSON, `query` from the query string, both strictly: unknown fields are refused.
"""

import inspect
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Concatenate, ParamSpec, TypeVar, get_args, get_origin

import msgspec
from sanic import Blueprint, Request
from sanic.response import BaseHTTPResponse, HTTPResponse, ResponseStream

from miniprogram_api.admission import answer_within
from server.accounts.sessions import Caller, find_caller, hold_caller
from server.foundation.bounds import check_bounds
from server.foundation.database import transaction, write
from server.foundation.errors import (
    BadRequest,
    IdempotencyKeyReused,
    InvalidFields,
    NotAllowed,
    NotFound,
    NotSignedIn,
    Refusal,
    TooLarge,
    TooManyRequests,
    Unavailable,
    UnsupportedType,
)
from server.foundation.http import JsonAnswer, invalid_fields
from server.foundation.idempotency import claim_key, keep_answer
from server.foundation.ids import is_id
from server.foundation.rates import Group
from server.foundation.replica import may_lag_for, note_written, reading_from_replica
from server.organizations.access import OwnMatter

Handler = Callable[..., Awaitable[Any]]
P = ParamSpec("P")
AnswerT = TypeVar("AnswerT")
_PARAMETER = re.compile(r"<(\w+)>")
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{8,64}")
_BEGINS_WITH_A_DAY = re.compile(r"[0-9]{4}-")
_encoder = msgspec.json.Encoder()


class Who(StrEnum):
    """Who may call a route at all. What exactly they may do there is decided by the service, from their roles."""

    ANYONE = "anyone"
    SIGNED_IN = "signed_in"
    STAFF = "staff"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a route says of itself beyond its method, its path and its function."""

    who: Who = Who.SIGNED_IN
    status: int = 200
    """Of the answer that was asked for, where it has content; without content it is 204."""
    errors: list[type[Refusal]] = []
    """What the service refuses with. What follows from the declaration itself is in `Route.errors` unsaid."""
    idempotent: bool | None = None
    """Every POST takes an Idempotency-Key unless it is False (it spends a WeChat code) or the route is raw."""
    group: Group | None = None
    """What its calls are counted with; unsaid, those that read or those that write."""
    raw: tuple[str, ...] = ()
    """The media types of a route that reads the request's body or writes the answer's itself (pictures)."""
    raced_for: str | None = None
    """The parameter of its path that names what many may want in the same moment."""
    may_lag: bool = False
    """What it reads may be a few seconds old, for all but who has just written: a replica of the database does."""
    is_subscribed: bool = False
    """Other programs fetch it at an address that they were given (calendars): they ask by HEAD whether it is there, and
    what people append to have it fetched anew is ignored."""


class Route:
    """One declared route; see the module's docstring."""

    def __init__(self, function: Handler, tag: str, method: str, path: str, options: Options) -> None:
        self.function, self.tag, self.method, self.path, self.options = function, tag, method, path, options
        self.who = options.who
        self.group = options.group or (Group.READ if method == "GET" else Group.WRITE)
        self.operation_id = function.__name__
        self.summary, _, self.description = inspect.cleandoc(function.__doc__ or "").partition("\n")
        signature = inspect.signature(function, eval_str=True)
        self.parameters = {name: parameter.annotation for name, parameter in signature.parameters.items()}
        self.path_parameters = _PARAMETER.findall(path)
        self.body_type: Any = self.parameters.get("body")
        self.query_type: Any = self.parameters.get("query")
        self.response_type: Any = signature.return_annotation
        self.status = 204 if self.response_type is None else options.status
        self.idempotent = self.who is not Who.ANYONE and (
            (method == "POST" and not options.raw) if options.idempotent is None else options.idempotent
        )
        self.errors = list(dict.fromkeys([*self.implied_errors(), *options.errors]))
        self._decoder = msgspec.json.Decoder(self.body_type) if self.body_type else None
        missing = [name for name in self.path_parameters if name not in self.parameters]
        if missing or not self.summary:
            raise TypeError(f"{self.operation_id}: needs a docstring and the path's parameters {missing}")
        is_file = isinstance(self.response_type, type) and issubclass(self.response_type, BaseHTTPResponse)
        if is_file and not options.raw:
            raise TypeError(f"{self.operation_id}: a file's media types are to be declared")

    @property
    def reads_raw_body(self) -> bool:
        return bool(self.options.raw) and self.method in ("POST", "PUT")

    def implied_errors(self) -> list[type[Refusal]]:
        """What follows from the declaration, so that no list of errors repeats it."""
        errors: list[type[Refusal]] = [TooManyRequests, Unavailable]
        if not self.options.is_subscribed:
            errors.append(BadRequest)
        if self.who is not Who.ANYONE:
            errors.append(NotSignedIn)
        if self.who is Who.STAFF:
            errors.append(NotAllowed)
            if self.method != "GET":
                errors.append(OwnMatter)
        if self.path_parameters:
            errors.append(NotFound)
        if self.body_type or self.query_type:
            errors.append(InvalidFields)
        if self.reads_raw_body:
            errors += [TooLarge, UnsupportedType]
        if self.idempotent:
            errors.append(IdempotencyKeyReused)
        return errors

    async def __call__(self, request: Request, **path: str) -> HTTPResponse | ResponseStream:
        request.ctx.operation = self.operation_id
        header = request.headers.get("authorization", "")
        scheme, _, token = header.partition(" ")
        caller = None
        if scheme.lower() == "bearer" and token:
            # What staff may do is as it is now: a role given or ended a moment ago counts in every process.
            caller = await find_caller(token.strip(), afresh=self.who is Who.STAFF)
        return await self._within(caller, request, path, lambda: self._answer(request, caller, path))

    async def perform(
        self, caller: Caller | None, request: Request, path: dict[str, str], query: dict[str, Any], body: Any = None
    ) -> Any:
        """What the operation gives, for the other door: the same limits, checks and locks, with plain values.

        `query` and `body` hold text as people typed it. Raises what the route refuses with.
        """

        async def answer() -> Any:
            self._admit(caller)
            arguments: dict[str, Any] = {**_admitted(path), "caller": caller, "request": request}
            if self.query_type:
                arguments["query"] = _converted(query, self.query_type)
            if self.body_type:
                arguments["body"] = _converted(body or {}, self.body_type)
            arguments = {name: value for name, value in arguments.items() if name in self.parameters}
            if self.method == "GET" or caller is None:
                return await self.function(**arguments)
            return await _write(caller, lambda: self.function(**arguments))

        return await self._within(caller, request, path, answer)

    async def _within(
        self, caller: Caller | None, request: Request, path: dict[str, str], answer: Callable[[], Awaitable[AnswerT]]
    ) -> AnswerT:
        """What `answer` gives, within the limits that this route has through either door."""
        raced_for = path.get(self.options.raced_for or "", "")
        return await answer_within(self.group, caller, request.ctx.address, answer, raced_for)

    async def _answer(
        self, request: Request, caller: Caller | None, path: dict[str, str]
    ) -> HTTPResponse | ResponseStream:
        self._admit(caller)
        arguments: dict[str, Any] = _admitted(path)
        if "caller" in self.parameters:
            arguments["caller"] = caller
        if "request" in self.parameters:
            arguments["request"] = request
        if self.query_type:
            arguments["query"] = _decode_query(request, self.query_type)
        elif request.query_string and not self.options.is_subscribed and "request" not in self.parameters:
            raise BadRequest("此接口不接受查询参数")
        if self._decoder:
            arguments["body"] = self._decode_body(request)
        if self.options.may_lag and await may_lag_for(caller.person_id if caller else None):
            with reading_from_replica():
                return await self._carry_out(caller, request, arguments)
        if caller is None or self.method == "GET":
            return await self._carry_out(caller, request, arguments)
        return await _write(caller, lambda: self._carry_out(caller, request, arguments))

    async def _carry_out(
        self, caller: Caller | None, request: Request, arguments: dict[str, Any]
    ) -> HTTPResponse | ResponseStream:
        key = request.headers.get("idempotency-key")
        if key is not None and self.idempotent and caller is not None:
            return await self._answer_once(caller, key, request, arguments)
        result = await self.function(**arguments)
        return result if isinstance(result, ResponseStream) else self._respond(result)

    def _admit(self, caller: Caller | None) -> None:
        if self.who is Who.ANYONE:
            return
        if caller is None:
            raise NotSignedIn()
        if self.who is Who.STAFF and not caller.is_staff:
            raise NotAllowed()

    def _decode_body(self, request: Request) -> Any:
        assert self._decoder
        try:
            body = self._decoder.decode(request.body or b"{}")
        except msgspec.ValidationError as error:
            raise invalid_fields(error) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise BadRequest("请求内容不是有效的 JSON") from None
        check_bounds(body)
        return body

    async def _answer_once(self, caller: Caller, key: str, request: Request, arguments: dict[str, Any]) -> HTTPResponse:
        if not _IDEMPOTENCY_KEY.fullmatch(key):
            raise BadRequest("Idempotency-Key 应为 8 至 64 个可见字符")
        async with transaction():
            first = await claim_key(caller.person_id, key, f"{self.method} {request.path}", request.body)
            if first:
                status, content = first
                return HTTPResponse(content or None, status=status, content_type="application/json")
            response = self._respond(await self.function(**arguments))
            await keep_answer(caller.person_id, key, response.status, response.body or b"")
        return response

    def _respond(self, result: Any) -> HTTPResponse:
        if isinstance(result, HTTPResponse):
            return result
        if result is None:
            return HTTPResponse(status=204)
        return JsonAnswer(_encoder.encode(result), status=self.status, content_type="application/json")


async def _write(caller: Caller, do: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
    """What `do` gives; what the caller reads next has what it wrote."""
    try:
        return await write(lambda: hold_caller(caller.person_id), do)
    finally:
        await note_written(caller.person_id)


def _declares(
    method: str, options: Callable[P, Options]
) -> Callable[Concatenate["Routes", str, P], Callable[[Handler], Handler]]:
    """A decorator of `Routes` that takes a path and exactly what `options` takes."""

    def declare(routes: "Routes", path: str, /, *given: P.args, **named: P.kwargs) -> Callable[[Handler], Handler]:
        def add(function: Handler) -> Handler:
            route = Route(function, routes.tag, method, routes.prefix + path, options(*given, **named))
            routes.declared.append(route)
            return function

        return add

    return declare


class Routes:
    """The routes of one file, under one tag of the documentation."""

    def __init__(self, tag: str, prefix: str = "") -> None:
        self.tag, self.prefix = tag, prefix
        self.declared: list[Route] = []

    get = _declares("GET", Options)
    post = _declares("POST", Options)
    put = _declares("PUT", Options)
    patch = _declares("PATCH", Options)
    delete = _declares("DELETE", Options)


def add_routes(blueprint: Blueprint, routes: list[Route]) -> None:
    """Register every declared route."""
    for route in routes:
        # Sanic takes a ResponseStream too; its annotations have not heard of it.
        blueprint.add_route(
            route,  # type: ignore[arg-type]
            route.path,
            methods=[route.method, "HEAD"] if route.options.is_subscribed else [route.method],
            name=route.operation_id,
            stream=route.reads_raw_body,
        )


def _decode_query(request: Request, query_type: Any) -> Any:
    """The query string as a Struct. A repeated name is a list; a single value for a list field is a list of one."""
    lists, moments = _query_shape(query_type)
    values: dict[str, Any] = {}
    for name, given in request.get_args(keep_blank_values=True).items():
        if name in lists:
            values[name] = list(given)
        elif len(given) == 1:
            values[name] = given[0]
        else:
            raise BadRequest(f"参数 {name} 重复")
        if name in moments and not _BEGINS_WITH_A_DAY.match(given[0]):
            raise InvalidFields.of(name, "日期或时间格式不正确")
    return _converted(values, query_type)


def _admitted(path: dict[str, str]) -> dict[str, str]:
    """The path's parameters. An impossible id is a thing that does not exist."""
    if any(name.endswith("_id") and not is_id(value) for name, value in path.items()):
        raise NotFound()
    return dict(path)


def _converted(values: Any, kind: Any) -> Any:
    """Text as it was typed, as a Struct. Raises InvalidFields."""
    try:
        converted = msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise invalid_fields(error) from None
    check_bounds(converted)
    return converted


@cache
def _query_shape(query_type: Any) -> tuple[set[str], set[str]]:
    """The names of what is a list, and of what is an instant, which msgspec would take as seconds since 1970 too."""
    types = {field.name: field.type for field in msgspec.structs.fields(query_type)}
    return (
        {name for name, annotation in types.items() if _holds(annotation, list)},
        {name for name, annotation in types.items() if _holds(annotation, datetime)},
    )


def _holds(annotation: Any, kind: type) -> bool:
    return kind in (annotation, get_origin(annotation)) or any(_holds(part, kind) for part in get_args(annotation))
