"""What no request may hold, whatever the field: no column, no calendar and no driver could take it.

A field's own limits stand in its type; these hold for all of them at once, so that none can be forgotten.
"""

import math
from datetime import UTC, date, datetime
from typing import Annotated, Any

import msgspec

from server.foundation.errors import InvalidFields

SOMETHING_SEEN = (
    r"[^\s\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u2028-\u202f\u205f-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]"
)
"""At least one character that is neither blank nor invisible: Unicode's default ignorable ones, and the fillers that
are drawn as nothing."""
RequiredText = Annotated[str, msgspec.Meta(min_length=1, pattern=SOMETHING_SEEN)]
"""Text that must say something: one blank does not."""
Version = Annotated[int, msgspec.Meta(ge=0, le=2_000_000_000)]
"""The one that was read of what is edited: what was changed since does not take effect unseen."""
Moment = Annotated[datetime, msgspec.Meta(tz=True, description="with its offset")]

_FIRST, _LAST = date(1900, 1, 1), date(2200, 12, 31)
_FIRST_AT, _LAST_AT = datetime(1900, 1, 1, tzinfo=UTC), datetime(2201, 1, 1, tzinfo=UTC)
_LARGEST = 2**31 - 1
"""What a PostgreSQL integer can hold."""
_SMALLEST = 1e-9
"""Nothing that people measure is smaller, and squares of it are still numbers."""


def check_bounds(value: Any, path: str = "") -> None:
    """Look through a decoded request. Raises InvalidFields with the path of the first thing that cannot be kept."""
    match value:
        case list() | tuple():
            parts = [(str(place), item) for place, item in enumerate(value)]
        case dict():
            parts = [(str(key), item) for key, item in value.items()]
        case msgspec.Struct():
            parts = [(name, getattr(value, name)) for name in value.__struct_fields__]
        case _:
            if problem := _problem(value):
                raise InvalidFields.of(path, problem)
            return
    for name, part in parts:
        if problem := _problem(name):
            raise InvalidFields.of(path, problem)
        check_bounds(part, f"{path}.{name}" if path else name)


def _problem(value: Any) -> str:
    match value:
        case str():
            return "含有无效字符" if "\0" in value else ""
        case int():
            return "数字过大" if abs(value) > _LARGEST else ""
        case float():
            return "" if value == 0 or _SMALLEST <= abs(value) < math.inf else "数字超出范围"
        case datetime():
            return "" if _FIRST_AT <= value < _LAST_AT else "时间超出范围"
        case date():
            return "" if _FIRST <= value <= _LAST else "日期超出范围"
        case _:
            return ""
