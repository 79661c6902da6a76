"""工作台 the staff's desk: everything that waits for somebody of the staff, in one statement however many features, and
no more of it than is shown, however much there is.

Each feature gives `DeskQueue`s; what a role reaches is the organization where it is held, and what lies below.
"""

from datetime import datetime, timedelta
from functools import cache
from typing import Annotated

import msgspec

from server.foundation import clock
from server.foundation.database import fetch
from server.foundation.errors import NotAllowed
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.notifications.rendering import SUBJECTS
from server.organizations.access import WORKERS
from server.organizations.models import Level, RoleKind

DECIDED_WITHIN = timedelta(days=3)
"""After which what waits for a decision is overdue, where nothing else was promised."""

MOST_COUNTED = 1000
"""Of a kind: nobody needs to know how many more there are, and counting them would cost the more, the more wait."""

_WIDE = (Level.CITY, Level.DISTRICT)
"""A role here reaches so many organizations that each queue is walked once for all of them, and not for each."""


class DeskQueue(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of thing that waits for staff.

    `sql` selects, at the moment $2, `id` (of what is acted upon), `organization_id` (whose staff), `since` (when it
    began to wait) and `subject_id`, the one whose word tells it apart: `subject` is its kind and the word
    (notifications/rendering.py). Where an answer `is_promised` it selects `due` too, never null; anything else is
    overdue after three days. What waits longest, or is due soonest, is read first: an index should begin with
    `organization_id` and have that column and `id` behind it, and another do without the organization. `roles` are
    those who may deal with it. `path` is where they are listed in the API.
    """

    kind: str
    words: str
    path: str
    sql: str
    subject: tuple[str, str] = ("", "")
    roles: tuple[RoleKind, ...] = WORKERS
    is_promised: bool = False


class DeskItem(msgspec.Struct, kw_only=True):
    """How many of a kind wait, since when the oldest does, and how many are overdue. 1000 of either are 1000 or more.
    `path`: the API's list of them."""

    kind: str
    words: str
    count: Annotated[int, msgspec.Meta(le=MOST_COUNTED)]
    overdue: Annotated[int, msgspec.Meta(le=MOST_COUNTED)]
    oldest_at: datetime
    path: str


class DeskView(msgspec.Struct, kw_only=True):
    """What waits, the kinds with something overdue first, then the longest waiting; nothing that is empty. Sums of
    counts that are 1000 or more are no less."""

    count: int
    overdue: int
    items: list[DeskItem]


class DeskRow(msgspec.Struct, kw_only=True):
    """One thing that waits: `words` of its kind, `title` by which it is told apart (empty where nothing does that),
    whose staff it waits for, since when and until when."""

    kind: str
    words: str
    id: Id
    title: str
    organization_name: str
    since: datetime
    due: datetime
    overdue: bool


QUEUES: list[DeskQueue] = []
"""What all features give; filled by wiring.py."""


async def get_desk(actor_id: str) -> DeskView:
    """Everything that waits for this person's work. Raises NotAllowed for somebody without a role."""
    is_wide = await _reaches_widely(actor_id)
    rows = await fetch(_counted(is_wide), actor_id, clock.now(), DECIDED_WITHIN)
    items = [
        DeskItem(
            kind=(queue := QUEUES[row["queue"]]).kind,
            words=queue.words,
            count=row["count"],
            overdue=row["overdue"],
            oldest_at=row["oldest_at"],
            path=queue.path,
        )
        for row in rows
    ]
    return DeskView(count=sum(item.count for item in items), overdue=sum(item.overdue for item in items), items=items)


async def list_desk(actor_id: str, *, kind: str | None, page: PageQuery) -> Page[DeskRow]:
    """What waits for this person's work one by one, that which is due soonest first, perhaps of one kind. Raises
    NotAllowed for somebody without a role."""
    is_wide = await _reaches_widely(actor_id)
    now = clock.now()
    rows = await fetch_page(
        _listed(is_wide),
        actor_id,
        now,
        DECIDED_WITHIN,
        next((number for number, queue in enumerate(QUEUES) if queue.kind == kind), -1) if kind else None,
        page=page,
        key={"due": datetime, "id": Id},
    )
    titles = await _titles([(QUEUES[row["queue"]], row["subject_id"]) for row in rows.items])
    items = [
        DeskRow(
            kind=(queue := QUEUES[row["queue"]]).kind,
            words=queue.words,
            id=row["id"],
            title=titles.get((queue.subject[0], row["subject_id"]), ""),
            organization_name=row["organization_name"],
            since=row["since"],
            due=row["due"],
            overdue=row["due"] < now,
        )
        for row in rows.items
    ]
    return Page(items, rows.next_cursor)


async def _titles(wanted: list[tuple[DeskQueue, str]]) -> dict[tuple[str, str], str]:
    """The word of each subject; one query for each kind on the page."""
    ids: dict[tuple[str, str], set[str]] = {}
    for queue, subject_id in wanted:
        if queue.subject[0]:
            ids.setdefault(queue.subject, set()).add(subject_id)
    titles = {}
    for (subject, word), of in ids.items():
        for subject_id, words in (await SUBJECTS[subject](sorted(of))).items():
            titles[subject, subject_id] = words[word]
    return titles


async def _reaches_widely(person_id: str) -> bool:
    """Whether somebody's roles reach very many organizations. Raises NotAllowed for somebody without a role."""
    rows = await fetch(
        "SELECT DISTINCT o.level FROM role_grant g JOIN organization o ON o.id = g.organization_id "
        "WHERE g.person_id = $1 AND g.ended_at IS NULL",
        person_id,
    )
    if not rows:
        raise NotAllowed()
    return any(row["level"] in _WIDE for row in rows)


@cache
def _counted(is_wide: bool) -> str:
    """How many of each kind wait for the person $1 at the moment $2, $3 being within what is decided."""
    return (
        f"{_REACHED} SELECT * FROM (SELECT queue, count(*)::int AS count, "
        "count(*) FILTER (WHERE due < $2::timestamptz)::int AS overdue, "
        f"min(since) AS oldest_at FROM ({_most_urgent(is_wide, str(MOST_COUNTED))}) waiting GROUP BY queue) counted "
        "ORDER BY overdue = 0, oldest_at"
    )


@cache
def _listed(is_wide: bool) -> str:
    """The same one by one: of the queue $4 or of all, after what is due at $5 and has the id $6, as many as $7."""
    return (
        f"{_REACHED} SELECT waiting.*, o.name AS organization_name FROM ("
        f"{_most_urgent(is_wide, '$7', chosen='$4', after=('$5', '$6'))}) waiting "
        "JOIN organization o ON o.id = waiting.organization_id ORDER BY waiting.due, waiting.id LIMIT $7"
    )


_REACHED = (
    "WITH held AS MATERIALIZED (SELECT o.path, array_agg(g.kind::text) AS kinds "
    "FROM role_grant g JOIN organization o ON o.id = g.organization_id "
    "WHERE g.person_id = $1 AND g.ended_at IS NULL GROUP BY o.path), "
    "reached AS MATERIALIZED (SELECT o.id, array_agg(held_kind) AS kinds FROM held, unnest(held.kinds) held_kind, "
    "organization o WHERE o.path <@ held.path GROUP BY o.id)"
)
"""SQL: where the person $1 has roles, and all that lies below; what of the two is not read is not computed."""


def _most_urgent(is_wide: bool, limit: str, *, chosen: str = "", after: tuple[str, str] | None = None) -> str:
    """SQL: of each queue, the rows that are due soonest."""
    return " UNION ALL ".join(
        f"({_first_of(number, queue, is_wide, limit, chosen, after)})" for number, queue in enumerate(QUEUES)
    )


def _first_of(
    number: int, queue: DeskQueue, is_wide: bool, limit: str, chosen: str, after: tuple[str, str] | None
) -> str:
    order, within = ("due", "") if queue.is_promised else ("since", "$3::interval")
    due = f"w.{order} + {within}" if within else f"w.{order}"
    conditions = []
    if chosen:
        conditions.append(f"({chosen}::int IS NULL OR {chosen} = {number})")
    if after:
        last = f"{after[0]}::timestamptz" + (f" - {within}" if within else "")
        conditions.append(f"({after[0]}::timestamptz IS NULL OR (w.{order}, w.id) > ({last}, {after[1]}::uuid))")
    rows = (
        f"SELECT {number} AS queue, w.id, w.subject_id, w.organization_id, w.since, {due} AS due FROM ({queue.sql}) w"
    )
    roles = f"ARRAY[{', '.join(repr(str(role)) for role in queue.roles)}]"
    first = f"ORDER BY w.{order}, w.id LIMIT {limit}"
    if is_wide:
        conditions.append(
            "EXISTS (SELECT 1 FROM held JOIN organization o ON held.path @> o.path "
            f"WHERE o.id = w.organization_id AND held.kinds && {roles})"
        )
        return f"{rows} WHERE {' AND '.join(conditions)} {first}"
    conditions.append("w.organization_id = r.id")
    return (
        f"SELECT q.* FROM reached r CROSS JOIN LATERAL ({rows} WHERE {' AND '.join(conditions)} {first}) q "
        f"WHERE r.kinds && {roles} ORDER BY q.due, q.id LIMIT {limit}"
    )
