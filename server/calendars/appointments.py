"""我的预约: everything that somebody, or the family, has booked, drawn or signed up for, in one list from all features.

Each feature gives `AppointmentLines`; their SQL becomes one statement.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from server.accounts.details import Details, read_details
from server.foundation import clock
from server.foundation.database import fetch
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, cut_page, decode_cursor
from server.foundation.words import Worded


class When(Worded):
    """Which part of the list: what is still to come, or what is over or was called off."""

    COMING = "coming", "未结束"
    PAST = "past", "已结束"


class AppointmentLines(msgspec.Struct, frozen=True, kw_only=True):
    """What a feature has in the list.

    `sql` selects, for the person $1 at the moment $2, the `kind` and `id`, `page_id` (what fills `{id}` of `page`), all
    of `_SHOWN` below, `person_id`, and `is_coming`. `states` has the words of `state`."""

    page: str
    sql: str
    states: Mapping[str, str]


class Appointment(msgspec.Struct, kw_only=True):
    """A line of the list.

    `kind` and `id` say what it is, `page` opens it; `detail` is the part in a shift, or the number drawn; `state` is
    the thing's own and `state_word` how people read it; `for_whom` the name of somebody of the family, empty for
    oneself. `position` in the waiting list or the counter's line, from 1; `offered_until`: a place is kept until then;
    `change_until`: the deadline for cancelling without a no-show. `reason` is what staff wrote; `may_rate`: it was
    attended and has no rating yet.
    """

    kind: str
    id: Id
    title: str
    detail: str
    place: str
    starts_at: datetime
    ends_at: datetime | None
    state: str
    state_word: str
    party_size: int
    for_whom: str
    position: int | None
    offered_until: datetime | None
    change_until: datetime | None
    reason: str
    may_rate: bool
    page: str


class AppointmentsQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    when: When = When.COMING


LINES: list[AppointmentLines] = []
"""What all features give; filled by wiring.py."""


async def list_my_appointments(person_id: str, query: AppointmentsQuery) -> Page[Appointment]:
    """One's own and the family's: what comes, the soonest first; or what is over or was called off, the latest first.
    Raises InvalidFields for what is no cursor of this list."""
    after = decode_cursor(query.cursor, tuple[datetime, Id]) if query.cursor else (None, None)
    rows = await fetch(_statement(query.when), person_id, clock.now(), *after, query.limit + 1)
    page = cut_page(rows, query.limit, lambda row: (row["starts_at"], row["id"]))
    # Who looks after somebody has written their name, and reads it in clear.
    names = await read_details({row["person_id"] for row in page.items} - {person_id})
    return Page([_appointment(row, names) for row in page.items], page.next_cursor)


def _appointment(row: Any, names: dict[str, Details]) -> Appointment:
    lines = LINES[row["line"]]
    person = names.get(row["person_id"])
    return Appointment(
        **{name: row[name] for name in _SHOWN},
        state_word=lines.states[row["state"]],
        for_whom=person.real_name if person else "",
        page=lines.page.format(id=row["page_id"]),
    )


_SHOWN = tuple(name for name in Appointment.__struct_fields__ if name not in ("state_word", "for_whom", "page"))


@cache
def _statement(when: When) -> str:
    """Each feature's own part is cut to a page before they are put in order together."""
    compare, order, part = (">", "ASC", "is_coming") if when is When.COMING else ("<", "DESC", "NOT is_coming")
    columns = ", ".join(("page_id", "person_id", *_SHOWN))
    cut = f"ORDER BY starts_at {order}, id {order} LIMIT $5"
    parts = " UNION ALL ".join(
        f"(SELECT {number} AS line, {columns} FROM ({lines.sql}) part{number} WHERE {part} "
        f"AND ($3::timestamptz IS NULL OR (starts_at, id) {compare} ($3, $4::uuid)) {cut})"
        for number, lines in enumerate(LINES)
    )
    return f"SELECT * FROM ({parts}) every {cut}"
