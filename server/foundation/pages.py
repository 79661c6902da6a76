"""Keyset pages: a list continues after the last row's sort key, so its cost does not grow with the table."""

import base64
import binascii
from collections.abc import Mapping
from types import GenericAlias
from typing import Annotated, Any, Generic, TypeVar

import asyncpg
import msgspec

from server.foundation.bounds import check_bounds
from server.foundation.database import StructT, fetch
from server.foundation.errors import InvalidFields
from server.foundation.ids import Id

ItemT = TypeVar("ItemT")
KeyT = TypeVar("KeyT")

Limit = Annotated[int, msgspec.Meta(ge=1, le=100, description="how many rows at most")]
Cursor = Annotated[str, msgspec.Meta(max_length=512, description="`next_cursor` of the page before")]
Key = Mapping[str, Any]
"""Which columns a list is sorted by, the last one unique, and of which types they are."""
BY_ID: Key = {"id": Id}


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
        key = msgspec.json.decode(data, type=key_type)
        check_bounds(key)
        return key
    except (msgspec.DecodeError, binascii.Error, ValueError, InvalidFields):
        raise InvalidFields.of("cursor", "翻页位置无效") from None


def last_id(cursor: str | None) -> str | None:
    """The id of the last row of the page before, in a list sorted by it; None on the first page."""
    return decode_cursor(cursor, tuple[Id])[0] if cursor else None


def cut_page(rows: list[ItemT], limit: int, key: Any) -> Page[ItemT]:
    """`limit` + 1 fetched rows → a page; `key(row)` is the tuple that the list is sorted by."""
    if len(rows) <= limit:
        return Page(rows)
    kept = rows[:limit]
    return Page(kept, encode_cursor(*key(kept[-1])))


async def fetch_page(sql: str, *values: Any, page: PageQuery, key: Key = BY_ID) -> Page[asyncpg.Record]:
    """One page of a query's rows, which have the columns of `key`. Raises InvalidFields for what is no cursor of it.

    The SQL's last values are those of the row before, one for each column of `key` (null on the first page), and the
    LIMIT: `AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3`.
    """
    key_type: Any = GenericAlias(tuple, tuple(key.values()))
    last = decode_cursor(page.cursor, key_type) if page.cursor else [None] * len(key)
    rows = await fetch(sql, *values, *last, page.limit + 1)
    return cut_page(rows, page.limit, lambda row: [row[column] for column in key])


async def fetch_struct_page(
    struct: type[StructT], sql: str, *values: Any, page: PageQuery, key: Key = BY_ID
) -> Page[StructT]:
    """The same, its rows as Structs, as `fetch_structs` makes them."""
    rows = await fetch_page(sql, *values, page=page, key=key)
    return Page([struct(**dict(row)) for row in rows.items], rows.next_cursor)
