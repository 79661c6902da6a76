"""What the ceiling answers, and whether two answers say the same."""

import json
import re
from typing import Any

import msgspec
from sanic.response import HTTPResponse

_encode = msgspec.json.Encoder().encode
_OWN = re.compile(r"[0-9A-Za-z]{22}|\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)")
"""An id or an instant: those of two writes are never the same."""


def as_json(value: Any, status: int = 200) -> HTTPResponse:
    return HTTPResponse(_encode(value), status=status, content_type="application/json")


def shape_of(body: bytes) -> Any:
    """What an answer to a write says, without its ids, instants and names."""
    return _plain(json.loads(body))


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: "…" if name.endswith("name") else _plain(each) for name, each in sorted(value.items())}
        case list():
            return [_plain(each) for each in value]
        case str() if _OWN.fullmatch(value):
            return "…"
    return value
