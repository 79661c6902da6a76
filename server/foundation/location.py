"""Where something is, in the one form that every request and answer has."""

import struct
from typing import Annotated

import msgspec

Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180, description="gcj02")]
Latitude = Annotated[float, msgspec.Meta(ge=-85, le=85, description="gcj02")]
"""Nearer to the poles a degree of longitude is no distance."""

_BYTES = struct.Struct("!dd")


class Location(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A point in gcj02 degrees, as wx.getLocation gives it."""

    longitude: Longitude
    latitude: Latitude

    def __getitem__(self, place: int) -> float:
        """As a pair too: what the columns of models are made of."""
        return (self.longitude, self.latitude)[place]


def encode_location(pair: Location | tuple[float, float]) -> bytes:
    """For PostgreSQL's `point`."""
    return _BYTES.pack(pair[0], pair[1])


def decode_location(data: bytes) -> Location:
    return Location(*_BYTES.unpack(data))
