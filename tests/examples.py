"""The examples of the OpenAPI document, recorded from what people sent and the app answered.

    python3 -m pytest tests/demo --record-examples     the tour's, which the document prefers
    python3 -m pytest --record-examples [PATH…]        then what the tour does not play

An example that is still right is kept, so that a recording changes only what it must.
"""

import fcntl
import os
from pathlib import Path
from typing import Any

import msgspec
from sanic import Request, Sanic
from sanic.response import BaseHTTPResponse

from miniprogram_api.openapi import EXAMPLES, Example, is_schema
from miniprogram_api.routes import BY_OPERATION
from miniprogram_api.routing import Route

LONGEST = 3000
_NOT_PLAUSIBLE = (
    *(f"tests/miniprogram_api/test_{name}" for name in ("bounds", "nasty_values", "schemathesis", "wechat_push")),
    *("tests/faults", "tests/pairs", "tests/performance", "tests/wechat_push"),
)
"""Where values are chosen to be hard, not to be like life."""


def is_request(route: Route, value: Any) -> bool:
    """Whether the route would take this as its body."""
    try:
        msgspec.json.decode(msgspec.json.encode(value), type=route.body_type)
    except msgspec.ValidationError:
        return False
    return True


def is_answer(route: Route, value: Any) -> bool:
    """Whether the route could answer this, with no field more and none less."""
    try:
        answer = msgspec.json.decode(msgspec.json.encode(value), type=route.response_type)
    except msgspec.ValidationError:
        return False
    return bool(msgspec.json.decode(msgspec.json.encode(answer)) == value)


def only_right(route: Route, example: Example) -> Example:
    """The example without what has become wrong since it was recorded."""
    request = example.request if route.body_type and is_request(route, example.request) else None
    response = example.response if is_schema(route.response_type) and is_answer(route, example.response) else None
    return Example(request, response)


class Recorder:
    """Looks at every answer of an application, and keeps the one of each route that shows most on a page."""

    def __init__(self, app: Sanic[Any, Any]) -> None:
        self._routes = BY_OPERATION
        self._found: dict[str, Example] = {}
        app.on_response(self._look)

    async def _look(self, request: Request, response: BaseHTTPResponse) -> None:
        route = self._routes.get(request.ctx.operation)
        is_like_life = not os.environ["PYTEST_CURRENT_TEST"].startswith(_NOT_PLAUSIBLE)
        if route is None or response.status != route.status or not is_like_life:
            return
        body = msgspec.json.decode(request.body or b"{}") if route.body_type else None
        answer = _shortened(msgspec.json.decode(response.body or b"null")) if is_schema(route.response_type) else None
        if isinstance(answer, dict) and "token" in answer:
            answer["token"] = "…"
        self._found[route.operation_id] = max(
            self._found.get(route.operation_id, Example()), only_right(route, Example(body, answer)), key=_worth
        )

    def save(self, path: Path = EXAMPLES) -> None:
        """Add what was missing. Several test processes may save at once."""
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            kept = msgspec.json.decode(file.read() or b"{}", type=dict[str, Example])
            examples = {}
            for name, route in sorted(self._routes.items()):
                known, found = only_right(route, kept.get(name, Example())), self._found.get(name, Example())
                examples[name] = Example(
                    found.request if known.request is None else known.request,
                    found.response if known.response is None else known.response,
                )
            shown = {name: example for name, example in examples.items() if example != Example()}
            file.seek(0)
            file.write(msgspec.json.format(msgspec.json.encode(shown), indent=1) + b"\n")
            file.truncate()


def _worth(example: Example) -> tuple[bool, int]:
    """What fits on a page is better than what does not; then the more the better."""
    length = len(msgspec.json.encode(example))
    return (length <= LONGEST, length if length <= LONGEST else -length)


def _shortened(value: Any) -> Any:
    """With two of each list: enough to see what is in it."""
    if isinstance(value, dict):
        return {key: _shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item) for item in value[:2]]
    return value
