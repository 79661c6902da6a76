"""What is there for somebody now: one page from all features, read in three statements however many features there are.

Each feature gives `HomeLines`; their SQL becomes one statement.
"""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

import msgspec

from server.accounts.details import Details, read_details
from server.foundation import clock
from server.foundation.database import fetch
from server.foundation.ids import Id
from server.foundation.words import Worded
from server.notifications.queries import count_unread

AHEAD = timedelta(days=14)
"""How far the home page looks ahead."""
MOST = 5
"""Lines of one kind at most; the lists have them all."""


class HomePart(Worded):
    """The parts of the page."""

    COMING = "coming", "接下来"
    OFFERS = "offers", "待确认的名额"
    TO_CONFIRM = "to_confirm", "等您确认"
    TO_DO = "to_do", "待完成"
    TO_RATE = "to_rate", "待评价"
    WISHES_NEARBY = "wishes_nearby", "本社区的微心愿"
    NOTICES = "notices", "公告"


class HomeLines(msgspec.Struct, frozen=True, kw_only=True):
    """What a feature puts into a part of the page.

    `sql` selects `kind`, `id`, `page_id` (what fills `{id}` of `page`), `title`, `place`, `starts_at`, `until`,
    `person_id` (for whom it is, where that may be somebody of the family) and `state`, for the person $1 at the moment
    $2, up to the moment $3, the most urgent first."""

    part: HomePart
    page: str
    sql: str


class HomeItem(msgspec.Struct, kw_only=True):
    """A line of the page. `until` is when it ends, is due or lapses; `state` the thing's own; `for_whom` the name of
    somebody of the family, empty for oneself; `page` opens it."""

    kind: str
    id: Id
    title: str
    place: str
    starts_at: datetime | None
    until: datetime | None
    state: str
    for_whom: str
    page: str


class HomeView(msgspec.Struct, kw_only=True):
    """The page: at most five lines of each kind in a part, the nearest first, and the newest notices first."""

    unread: int
    coming: list[HomeItem]
    offers: list[HomeItem]
    to_confirm: list[HomeItem]
    to_do: list[HomeItem]
    to_rate: list[HomeItem]
    wishes_nearby: list[HomeItem]
    notices: list[HomeItem]


LINES: list[HomeLines] = []
"""What all features give; filled by wiring.py."""


async def get_home(person_id: str) -> HomeView:
    """What is there for the person now."""
    now = clock.now()
    rows = await fetch(_statement(), person_id, now, now + AHEAD)
    # Who looks after somebody has written their name, and reads it in clear: two children are both 李** else.
    names = await read_details({row["person_id"] for row in rows} - {person_id, None})
    parts: dict[str, list[HomeItem]] = {str(part): [] for part in HomePart}
    for row in rows:
        lines = LINES[row["line"]]
        parts[lines.part].append(_item(row, lines.page, names))
    for items in parts.values():
        items.sort(key=lambda item: item.starts_at or item.until or now)
    parts[HomePart.NOTICES].reverse()
    return HomeView(unread=await count_unread(person_id), **parts)


def _item(row: Any, page: str, names: dict[str, Details]) -> HomeItem:
    for_whom = names[row["person_id"]].real_name if row["person_id"] in names else ""
    shown = {name: row[name] for name in _SHOWN}
    return HomeItem(**shown, for_whom=for_whom, page=page.format(id=row["page_id"]))


_SHOWN = ("kind", "id", "title", "place", "starts_at", "until", "state")


@cache
def _statement() -> str:
    columns = ", ".join(("page_id", "person_id", *_SHOWN))
    return " UNION ALL ".join(
        f"(SELECT {number} AS line, {columns} FROM ({lines.sql} LIMIT {MOST}) part{number})"
        for number, lines in enumerate(LINES)
    )
