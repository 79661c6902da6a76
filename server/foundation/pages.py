"""Keyset pages: a list continues after the last row's sort key, so its cost does not grow with the table."""

import base64
import binascii
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from server.foundation.errors import InvalidFields

ItemT = TypeVar("ItemT")
KeyT = TypeVar("KeyT")

Limit = Annotated[int, msgspec.Meta(ge=1, le=100, description="how many rows at most")]
Cursor = Annotated[str, msgspec.Meta(max_length=512, description="`next_cursor` of the page before")]


class Page(msgspec.Struct, Generic[ItemT]):
    """Rows and where the next ones begin; `next_cursor` is null on the last page."""

    items: list[ItemT]
    next_cursor: str | None = None


class PageQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What every list takes."""

    cursor: Cursor | None = None
    limit: Limit = 20


def encode_cursor(*key: Any) -> str:
    """The sort key of a page's last row, opaque to clients."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def decode_cursor(cursor: str, key_type: type[KeyT]) -> KeyT:
    """The sort key back, as `key_type` (a tuple type). Raises InvalidFields for what is no cursor of this list."""
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(data, type=key_type)
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise InvalidFields.of("cursor", "翻页位置无效") from None


def cut_page(rows: list[ItemT], limit: int, key: Any) -> Page[ItemT]:
    """`limit` + 1 fetched rows → a page; `key(row)` is the tuple that the list is sorted by."""
    if len(rows) <= limit:
        return Page(rows)
    kept = rows[:limit]
    return Page(kept, encode_cursor(*key(kept[-1])))
