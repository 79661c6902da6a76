"""People who sign up together: oneself and up to four of the family. They stand in line as one, and come as single
persons."""

from collections.abc import Iterable
from typing import Any

from server.foundation.database import execute, fetch
from server.notifications.events import Event
from server.notifications.telling import notify
from server.places.models import Place
from server.places.taking import split_party

MOST_FAMILY = 4
"""Family members who may come along."""


async def part_party(place: Place) -> None:
    """The party got in, in the caller's transaction: each of them has a place of their own from now on.

    One can then stay at home, or be missed, without the others.
    """
    if place.party_size == 1:
        return
    rows = await fetch(
        "SELECT person_id FROM sign_up WHERE place_id = $1 AND person_id <> $2 ORDER BY id", place.id, place.person_id
    )
    parted = await split_party(place.id, [row["person_id"] for row in rows])
    for person_id, own in parted.items():
        await execute(
            "UPDATE sign_up SET place_id = $3 WHERE place_id = $1 AND person_id = $2", place.id, person_id, own.id
        )


async def people_of(place_ids: Iterable[str]) -> dict[str, set[str]]:
    """Place → whom it concerns: those who signed up with it, and who did it for them and still looks after them."""
    rows = await fetch(
        "SELECT s.place_id, s.person_id, d.guardian_id FROM sign_up s LEFT JOIN dependant d "
        "ON d.guardian_id = s.signed_up_by_id AND d.person_id = s.person_id AND d.ended_at IS NULL "
        "WHERE s.place_id = ANY($1::uuid[])",
        list(place_ids),
    )
    people: dict[str, set[str]] = {}
    for row in rows:
        people.setdefault(row["place_id"], set()).update({row["person_id"], row["guardian_id"]} - {None})
    return people


async def people_coming(shift_ids: list[str], *, in_line: bool = False) -> set[str]:
    """Whom the confirmed places of these shifts concern; with `in_line` also those who wait or have an offer."""
    states = ["confirmed", "waiting", "offered"] if in_line else ["confirmed"]
    rows = await fetch(
        "SELECT DISTINCT s.place_id FROM sign_up s JOIN place p ON p.id = s.place_id "
        "WHERE s.shift_id = ANY($1::uuid[]) AND p.state = ANY($2)",
        shift_ids,
        states,
    )
    people = await people_of(row["place_id"] for row in rows)
    return {person_id for concerned in people.values() for person_id in concerned}


async def tell_all(places: list[Place], event: Event, **facts: Any) -> None:
    """Tell everyone whom these places concern, each once."""
    people = await people_of(place.id for place in places)
    await notify({person_id for concerned in people.values() for person_id in concerned}, event, **facts)
