"""Identifiers: UUIDv7 inside the database, 22 base62 characters everywhere else.

Python, JSON, addresses, logs and QR scenes all show the same short form (a hex id alone would fill a QR scene's 32
characters). The alphabet is in ASCII order, so ids sort by the time they were made in either form.
"""

import os
import time
from functools import lru_cache
from typing import Annotated
from uuid import UUID

import msgspec

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
ID_LENGTH = 22

Id = Annotated[str, msgspec.Meta(pattern=r"^[0-6][0-9A-Za-z]{21}$(?!\n)", description="22 base62 characters")]
"""An identifier in a request or a response. (A UUIDv7 starts with 0 to 6 for millennia; 7 may exceed 128 bits.)"""


_last = (0, 0)


def new_id() -> str:
    """A new UUIDv7 (RFC 9562) in its short form; those of one process are strictly increasing (method 1: a counter).

    Made from real time even where the clock is moved: it only orders.
    """
    global _last
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    if milliseconds > _last[0]:
        # Start in the lower half, so that the counter has room within one millisecond.
        counter = random >> 64 & 0x7FF
    else:
        milliseconds, counter = _last[0], _last[1] + 1
        if counter > 0xFFF:
            milliseconds, counter = milliseconds + 1, 0
    _last = (milliseconds, counter)
    value = (
        (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | counter << 64 | 0x2 << 62 | random & 0x3FFF_FFFF_FFFF_FFFF
    )
    return _shorten(value)


def new_id_sql(moment: str) -> str:
    """SQL for a new UUIDv7 of each row of an INSERT … SELECT; `moment` is SQL for a timestamptz."""
    milliseconds = f"lpad(to_hex((extract(epoch FROM {moment}) * 1000)::bigint), 12, '0')"
    return f"({milliseconds} || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid"


@lru_cache(16_384)
def encode_id(data: bytes) -> str:
    """16 bytes → the short form. A page has the same few communities in all its rows, and people look at the same
    pages: remembered, since it takes as long as all else of a row."""
    return _shorten(int.from_bytes(data, "big"))


def decode_id(text: str | UUID) -> bytes:
    """The short form (or a UUID) → 16 bytes. Raises ValueError when `text` is no id."""
    if isinstance(text, UUID):
        return text.bytes
    if len(text) != ID_LENGTH:
        raise ValueError("an id has 22 base62 characters")
    value = 0
    try:
        for character in text:
            value = value * 62 + _VALUES[character]
    except KeyError:
        raise ValueError("an id has 22 base62 characters") from None
    if value >> 128:
        raise ValueError("an id has 22 base62 characters")
    return value.to_bytes(16, "big")


def is_id(text: str) -> bool:
    """Whether `text` could be an id: what a path segment is checked with before the database sees it."""
    try:
        decode_id(text)
    except ValueError:
        return False
    return True


_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_TWO, _TEN = 62**2, 62**10


def _shorten(value: int) -> str:
    # Two characters at a time, in pieces that fit a machine's word: every list shows dozens of ids.
    high, low = divmod(value, _TEN)
    top, middle = divmod(high, _TEN)
    middle, f = divmod(middle, _TWO)
    middle, e = divmod(middle, _TWO)
    middle, d = divmod(middle, _TWO)
    b, c = divmod(middle, _TWO)
    low, k = divmod(low, _TWO)
    low, j = divmod(low, _TWO)
    low, i = divmod(low, _TWO)
    g, h = divmod(low, _TWO)
    pairs = _PAIRS
    return "".join(
        (
            pairs[top], pairs[b], pairs[c], pairs[d], pairs[e], pairs[f],
            pairs[g], pairs[h], pairs[i], pairs[j], pairs[k],
        )
    )  # fmt: skip
