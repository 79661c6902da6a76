"""Where something is, in the one form that every request and answer has."""

import struct
from math import asin, cos, radians, sin, sqrt
from typing import Annotated

import msgspec

Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180, description="gcj02")]
Latitude = Annotated[float, msgspec.Meta(ge=-85, le=85, description="gcj02")]
"""Nearer to the poles a degree of longitude is no distance."""

_EARTH_METERS = 6_371_000
_BYTES = struct.Struct("!dd")


class Location(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A point in gcj02 degrees, as wx.getLocation gives it."""

    longitude: Longitude
    latitude: Latitude

    def meters_to(self, other: "Location") -> int:
        """Along a straight line over the ground (haversine). gcj02 shifts neighbouring points alike, so that distances
        of some hundred metres come out right in it."""
        north, east = radians(other.latitude - self.latitude), radians(other.longitude - self.longitude)
        chord = sin(north / 2) ** 2 + cos(radians(self.latitude)) * cos(radians(other.latitude)) * sin(east / 2) ** 2
        return round(2 * _EARTH_METERS * asin(sqrt(min(1.0, chord))))

    def __getitem__(self, place: int) -> float:
        """As a pair too: what the columns of models are made of."""
        return (self.longitude, self.latitude)[place]


def encode_location(pair: Location | tuple[float, float]) -> bytes:
    """For PostgreSQL's `point`."""
    return _BYTES.pack(pair[0], pair[1])


def decode_location(data: bytes) -> Location:
    return Location(*_BYTES.unpack(data))
