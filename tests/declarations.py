"""What a route answers is what it declares: an answer that a route's declaration does not tell fails the test.

`@pytest.mark.broken` is for tests that break something on purpose: there, any route may answer 500 and 503.
"""

from typing import Any

import msgspec
import pytest
from sanic import Request, Sanic
from sanic.response import BaseHTTPResponse, HTTPResponse

from miniprogram_api.openapi import is_schema
from miniprogram_api.routes import BY_OPERATION, ROUTES
from miniprogram_api.routing import Route
from server.foundation.errors import InternalError, Unavailable
from server.foundation.http import PROBLEM_TYPE
from tests.reached import REACHED

_BROKEN = {InternalError.code, Unavailable.code}
_PROBLEM = msgspec.json.Decoder(dict[str, Any])


class Answers:
    """Looks at every answer of an application, and keeps what its routes have not declared."""

    def __init__(self, app: Sanic[Any, Any]) -> None:
        self._routes = BY_OPERATION
        self._decoders = {
            route.operation_id: msgspec.json.Decoder(route.response_type)
            for route in ROUTES
            if is_schema(route.response_type)
        }
        self._undeclared: dict[str, bool] = {}
        app.on_response(self._look)

    def check(self, test: pytest.Item) -> None:
        """Fail where an answer since the last check was not declared."""
        may_break = test.get_closest_marker("broken") is not None
        undeclared = [told for told, is_broken in self._undeclared.items() if not (is_broken and may_break)]
        self._undeclared.clear()
        if undeclared:
            pytest.fail("answers that their routes have not declared:\n" + "\n".join(undeclared), pytrace=False)

    async def _look(self, request: Request, response: BaseHTTPResponse) -> None:
        route = self._routes.get(request.ctx.operation)
        if route is None:
            return
        if response.content_type == PROBLEM_TYPE:
            code = _PROBLEM.decode(response.body or b"")["code"]
            REACHED.add(code)
            if code not in {error.code for error in route.errors}:
                self._undeclared[f"{route.operation_id}: {code}"] = code in _BROKEN
        elif response.status == route.status:
            REACHED.add(f"{route.operation_id} {response.status}")
            if isinstance(response, HTTPResponse) and (problem := self._mismatch(route, response.body or b"")):
                self._undeclared[f"{route.operation_id}: {problem}"] = False
        elif not (
            # A page for people tells a refusal in its own words.
            route.response_type is HTTPResponse and response.status in {error.status for error in route.errors}
        ):
            self._undeclared[f"{route.operation_id}: status {response.status}, not {route.status}"] = False

    def _mismatch(self, route: Route, body: bytes) -> str:
        """What in an answer's content is not of the declared type."""
        decoder = self._decoders.get(route.operation_id)
        if decoder is None:
            return ""
        try:
            decoder.decode(body)
        except msgspec.DecodeError as error:
            return str(error)
        return ""
