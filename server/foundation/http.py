"""What both doors share: the request id, the caller's address, problems as RFC 9457, and each request's log line."""

import asyncio
import random
import re
import signal
import threading
import time
from functools import cache
from typing import Annotated, Any

import msgspec
import structlog
from prometheus_client import Counter, Histogram
from sanic import Request, Sanic
from sanic.exceptions import MethodNotAllowed as SanicMethodNotAllowed
from sanic.exceptions import NotFound as SanicNotFound
from sanic.exceptions import PayloadTooLarge, SanicException, ServiceUnavailable
from sanic.response import HTTPResponse

from server.foundation.audit import RequestContext, request_context
from server.foundation.bounds import SOMETHING_SEEN
from server.foundation.database import is_unreachable
from server.foundation.errors import (
    BadRequest,
    FieldProblem,
    InternalError,
    InvalidFields,
    MethodNotAllowed,
    NotFound,
    Refusal,
    TooLarge,
    Unavailable,
)
from server.foundation.hops import caller_address
from server.foundation.line import arrive
from server.foundation.logs import log_request
from server.foundation.settings import Settings

log = structlog.get_logger()

PROBLEM_TYPE = "application/problem+json"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")

_requests = Counter("linli_requests_total", "Requests answered", ["operation", "status"])
_seconds = Histogram(
    "linli_request_seconds",
    "Time to answer a request",
    ["operation"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


@cache
def _metrics_of(operation: str, status: int) -> tuple[Counter, Histogram]:
    return _requests.labels(operation, status), _seconds.labels(operation)


def _new_request_id() -> str:
    """It is told apart from others, and opens nothing: no need for the kernel's randomness."""
    return f"{random.getrandbits(96):024x}"


class JsonAnswer(HTTPResponse):
    """An answer as JSON. Its headers are our own constants and numbers, which Sanic need not search for line breaks."""

    @property
    def processed_headers(self) -> Any:
        if self.body:
            self.headers.setdefault("content-type", self.content_type)
        return [(name.encode(), f"{value}".encode()) for name, value in self.headers.items()]


class Problem(msgspec.Struct, omit_defaults=True):
    """RFC 9457. `code` is stable and for programs; `title` and `detail` are Chinese and for people."""

    code: Annotated[str, msgspec.Meta(description="错误码，不会改变，供程序判断")]
    title: Annotated[str, msgspec.Meta(description="给人看的一句话")]
    status: Annotated[int, msgspec.Meta(description="HTTP 状态码")]
    type: Annotated[str, msgspec.Meta(description="总是 about:blank（RFC 9457）")] = "about:blank"
    detail: Annotated[str, msgspec.Meta(description="这一次的具体情况，可能为空")] = ""
    errors: Annotated[list[FieldProblem], msgspec.Meta(description="哪一项填写有误、为什么")] = []
    request_id: Annotated[str, msgspec.Meta(description="请求编号，反馈问题时请提供，日志里也有它")] = ""


def prepare_app(app: Sanic[Any, Any], settings: Settings) -> None:
    """Install the request id, the request log, the error answers and a stop that loses no request on `app`."""
    trusted = settings.proxies
    app.ctx.is_stopping = False

    @app.on_request
    async def begin(request: Request) -> None:
        given = request.headers.get("x-request-id", "")
        request.ctx.request_id = given if _REQUEST_ID.fullmatch(given) else _new_request_id()
        request.ctx.began = time.perf_counter()
        arrive()
        request.ctx.operation = "unknown"
        address = caller_address(request, trusted)
        request.ctx.address = address
        request_context.set(RequestContext(address, request.ctx.request_id))
        # The only one that is ever bound, so it takes the place of the connection's last request.
        structlog.contextvars.bind_contextvars(request_id=request.ctx.request_id)
        # Sanic keeps bytes that are not UTF-8 as lone surrogates, which nothing behind could encode again.
        if any(not value.isascii() and _LONE_SURROGATE.search(value) for value in request.headers.values()):
            raise BadRequest("请求头不是有效的 UTF-8")

    @app.on_response
    async def finish(request: Request, response: HTTPResponse) -> None:
        if not hasattr(request.ctx, "began"):
            return  # The connection was closed before its request was complete: nobody reads this.
        response.headers["x-request-id"] = request.ctx.request_id
        response.headers.setdefault("cache-control", "no-store")
        response.headers["x-content-type-options"] = "nosniff"
        if app.ctx.is_stopping and request.stream is not None:
            request.stream.keep_alive = False  # type: ignore[attr-defined]
        seconds = time.perf_counter() - request.ctx.began
        operation = request.ctx.operation
        counted, timed = _metrics_of(operation, response.status)
        counted.inc()
        timed.observe(seconds)
        log_request(request.ctx.request_id, request.method, operation, response.status, seconds)

    @app.before_server_stop
    async def say_farewell(app: Sanic[Any, Any]) -> None:
        """From now on every answer is its connection's last one."""
        app.ctx.is_stopping = True

    @app.exception(Exception)
    async def refuse(request: Request, error: Exception) -> HTTPResponse:
        return problem_response(request, as_refusal(error))


def lose_no_signal(app: Sanic[Any, Any]) -> None:
    """Keep a request to stop that arrives while the server starts.

    Sanic ignores SIGTERM and SIGINT for a moment before it installs its handlers, and one that came then would be lost.
    So both wait from the end of the preparations until the loop runs.
    """
    signals = {signal.SIGTERM, signal.SIGINT}

    @app.before_server_start
    async def hold(_: Sanic[Any, Any]) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.pthread_sigmask(signal.SIG_BLOCK, signals)

    @app.after_server_start
    async def deliver(_: Sanic[Any, Any]) -> None:
        if threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().call_later(0.05, signal.pthread_sigmask, signal.SIG_UNBLOCK, signals)


def as_refusal(error: Exception) -> Refusal:
    """Any exception as an answer that shows nothing internal; unexpected ones are logged with their traceback."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, SanicNotFound):
        return NotFound()
    if isinstance(error, SanicMethodNotAllowed):
        return MethodNotAllowed()
    if isinstance(error, PayloadTooLarge):
        return TooLarge()
    if isinstance(error, SanicException) and error.status_code < 500:
        return BadRequest()
    # Sanic's ServiceUnavailable: the answer took too long.
    if is_unreachable(error) or isinstance(error, ServiceUnavailable):
        log.error("request_unavailable", error=type(error).__name__, exc_info=error)
        return Unavailable()
    log.error("request_failed", exc_info=error)
    return InternalError()


def problem_response(request: Request, refusal: Refusal) -> HTTPResponse:
    problem = {
        **{name: value for name, value in refusal.facts.items() if value is not None},
        **msgspec.to_builtins(
            Problem(
                code=refusal.code,
                title=refusal.title,
                status=refusal.status,
                detail=refusal.detail,
                errors=refusal.errors,
                request_id=getattr(request.ctx, "request_id", ""),
            )
        ),
        "type": "about:blank",
    }
    headers = {"retry-after": str(refusal.retry_after)} if refusal.retry_after else {}
    return JsonAnswer(msgspec.json.encode(problem), status=refusal.status, headers=headers, content_type=PROBLEM_TYPE)


_PROBLEM_TEXTS: list[tuple[re.Pattern[str], str]] = [
    (re.compile(r"missing required field `(?P<field>[^`]+)`"), "必填"),
    (re.compile(r"contains unknown field `(?P<field>[^`]+)`"), "不认识的字段"),
    (re.compile(r"of length >= 1$|" + re.escape(repr(SOMETHING_SEEN))), "不能为空"),
    (re.compile(r"of length >= (\d+)"), "长度不能少于 {0}"),
    (re.compile(r"of length <= (\d+)"), "长度不能超过 {0}"),
    (re.compile(r"(?:`int`|`float`|number) >= ([-\d.]+)"), "不能小于 {0}"),
    (re.compile(r"(?:`int`|`float`|number) <= ([-\d.]+)"), "不能大于 {0}"),
    (re.compile(r"(?:`int`|`float`|number) > ([-\d.]+)"), "必须大于 {0}"),
    (re.compile(r"(?:`int`|`float`|number) < ([-\d.]+)"), "必须小于 {0}"),
    (re.compile(r"matching regex"), "格式不正确"),
    (re.compile(r"[Ii]nvalid enum value (?P<value>.+)$"), "不是可选的值"),
    (re.compile(r"timezone component"), "时间必须带时区"),
    (re.compile(r"Invalid RFC3339|Invalid date|Invalid time"), "日期或时间格式不正确"),
    (re.compile(r"Expected `object`"), "应为对象"),
    (re.compile(r"Expected `array`"), "应为列表"),
    (re.compile(r"Expected `str"), "应为文字"),
    (re.compile(r"Expected `int"), "应为整数"),
    (re.compile(r"Expected `float"), "应为数字"),
    (re.compile(r"Expected `bool"), "应为 true 或 false"),
]


def invalid_fields(error: msgspec.ValidationError) -> InvalidFields:
    """msgspec's English sentence as a field and a Chinese reason."""
    message, _, path = str(error).partition(" - at `")
    # `[...]` stands for some key of a mapping, which msgspec does not tell.
    path = path.rstrip("`").replace("[...]", "")
    field = re.sub(r"\[(\w+)\]", r".\1", path).removeprefix("$").removeprefix(".")
    for pattern, text in _PROBLEM_TEXTS:
        if found := pattern.search(message):
            named = found.groupdict().get("field")
            if named:
                field = f"{field}.{named}" if field else named
            return InvalidFields.of(field, text.format(*found.groups()))
    return InvalidFields.of(field, "内容不正确")
