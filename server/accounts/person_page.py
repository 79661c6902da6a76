"""A person on one page 居民一页通, for staff: all that concerns them in the area of whoever asks, and nothing else.

Each feature gives `PersonSection`s. Name and phone are masked, as wherever somebody is found; who needs them in clear
asks for that by itself (`view_person_details`). The page and the view of details each leave an audit entry.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from server.accounts.power import areas_of, require_power_over
from server.accounts.registry import PersonFound, record_viewing, show_person
from server.foundation.database import fetch, transaction
from server.foundation.ids import Id
from server.foundation.words import Worded

MOST = 20
"""Lines of a section at most."""


class PersonSection(msgspec.Struct, frozen=True, kw_only=True):
    """What a feature knows of somebody.

    `sql` selects `id`, `page_id` (what fills `{id}` of `page`), `title`, `at` and `state` (one of `states`, or empty)
    for the person $1, or what `key` makes of their id, in the organizations at or below the paths $2. `has_minutes`: it
    selects `minutes` too. `page` opens a line in the staff's part of the mini-program; empty where none does.
    """

    kind: str
    words: str
    sql: str
    states: type[Worded] | None = None
    page: str = ""
    key: Callable[[str], Any] = str
    has_minutes: bool = False


class PersonLine(msgspec.Struct, kw_only=True):
    """One thing. `at` is its own time, or when it was begun; `minutes` are what was served, where that is counted;
    `state_word` is what people read for its state; `page` opens it."""

    id: Id
    title: str
    at: datetime
    state: str
    state_word: str
    minutes: int | None
    page: str


class PersonPart(msgspec.Struct, kw_only=True):
    """The latest lines of one kind, and how many there are in all."""

    kind: str
    words: str
    count: int
    items: list[PersonLine]


class PersonPage(msgspec.Struct, kw_only=True):
    """Somebody, masked, and what concerns them here; no part is empty."""

    person: PersonFound
    parts: list[PersonPart]


SECTIONS: list[PersonSection] = []
"""What all features give; filled by wiring.py."""


async def view_person(actor_id: str, person_id: str) -> PersonPage:
    """What concerns the person where the actor works. Raises NotFound where they have no business there."""
    organization_id = await require_power_over(actor_id, person_id)
    paths = [area.path for area in await areas_of(actor_id)]
    async with transaction():
        await record_viewing("view_person", actor_id, person_id, organization_id)
        parts = [await _part(section, person_id, paths) for section in SECTIONS]
        return PersonPage(person=await show_person(person_id), parts=[part for part in parts if part.count])


async def _part(section: PersonSection, person_id: str, paths: list[str]) -> PersonPart:
    rows = await fetch(
        f"SELECT s.*, count(*) OVER () AS count FROM ({section.sql}) s ORDER BY s.at DESC, s.id DESC LIMIT {MOST}",
        section.key(person_id),
        paths,
    )
    items = [
        PersonLine(
            id=row["id"],
            title=row["title"],
            at=row["at"],
            state=row["state"],
            state_word=section.states(row["state"]).word if section.states else "",
            minutes=row["minutes"] if section.has_minutes else None,
            page=section.page.format(id=row["page_id"]),
        )
        for row in rows
    ]
    return PersonPart(kind=section.kind, words=section.words, count=rows[0]["count"] if rows else 0, items=items)


REGISTERED = PersonSection(
    kind="registration",
    words="现场登记",
    sql=(
        "SELECT r.id, r.id AS page_id, o.name AS title, r.created_at AS at, '' AS state FROM registration r "
        "JOIN organization o ON o.id = r.organization_id WHERE r.person_id = $1 AND o.path <@ ANY($2::text[]::ltree[])"
    ),
)
