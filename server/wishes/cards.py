"""Wishes on lists: the card, the SQL that every list of cards begins with, and conditions with their values."""

import math
from datetime import date
from typing import Any

import msgspec

from server.accounts.queries import describe_persons
from server.foundation.ids import Id
from server.media.uploads.queries import picture_views
from server.organizations.tree import within
from server.wishes.models import WishAudience, WishKind, WishState
from server.wishes.rules import days_left

CARD = (
    "SELECT w.id, w.title, w.kind, w.audience, w.state, w.place, w.quantity, w.community_id, "
    "o.name AS community_name, o.location, w.beneficiary_id, w.wished_by, w.picture_ids[1] AS picture_id, "
    "w.submitted_at, w.version, w.escalation FROM wish w JOIN organization o ON o.id = w.community_id "
)

SUBTREE = f"w.community_id IN (SELECT s.id FROM organization s WHERE {within('s.path', '{}')})"

Point = tuple[float, float]
"""Longitude and latitude, gcj02 degrees."""


class WishCard(msgspec.Struct, kw_only=True):
    """A wish on a list, without anything private. `days_left` counts to the wished-by date, that day not included;
    `meters` is how far its community is, where the list knows from where."""

    id: Id
    title: str
    kind: WishKind
    audience: WishAudience
    quantity: int
    state: WishState
    place: str
    community_id: Id
    community_name: str
    meters: int | None
    beneficiary_name: str
    wished_by: date | None
    days_left: int | None
    thumbnail_url: str | None


class Where:
    """Conditions joined by AND; `{}` in one stands for a value, which PostgreSQL gets beside the text."""

    def __init__(self, condition: str) -> None:
        self.conditions, self.values = [condition], []  # type: list[str], list[Any]

    def add(self, condition: str, *given: Any) -> None:
        numbers = range(len(self.values) + 1, len(self.values) + len(given) + 1)
        self.conditions.append(condition.format(*(f"${number}" for number in numbers)))
        self.values += given

    def __str__(self) -> str:
        return " AND ".join(self.conditions)


async def make_cards(rows: list[Any], seen_from: Point | None = None) -> list[WishCard]:
    """Rows of CARD as they are shown, in the same order."""
    people = await describe_persons({row["beneficiary_id"] for row in rows})
    pictures = await picture_views([row["picture_id"] for row in rows if row["picture_id"]])
    cards = []
    for row in rows:
        picture = pictures.get(row["picture_id"])
        cards.append(
            WishCard(
                id=row["id"],
                title=row["title"],
                kind=WishKind(row["kind"]),
                audience=WishAudience(row["audience"]),
                quantity=row["quantity"],
                state=WishState(row["state"]),
                place=row["place"],
                community_id=row["community_id"],
                community_name=row["community_name"],
                meters=_meters(seen_from, row["location"]) if seen_from and row["location"] else None,
                beneficiary_name=people[row["beneficiary_id"]]["name"],
                wished_by=row["wished_by"],
                days_left=days_left(row["wished_by"]) if row["wished_by"] else None,
                thumbnail_url=picture.thumbnail_url if picture else None,
            )
        )
    return cards


def _meters(here: Point, there: Point) -> int:
    """Along a straight line over the ground (haversine)."""
    (longitude, latitude), (other_longitude, other_latitude) = here, there
    north, east = math.radians(other_latitude - latitude), math.radians(other_longitude - longitude)
    chord = (
        math.sin(north / 2) ** 2
        + math.cos(math.radians(latitude)) * math.cos(math.radians(other_latitude)) * math.sin(east / 2) ** 2
    )
    return round(12_742_000 * math.asin(math.sqrt(chord)))
