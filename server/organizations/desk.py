"""工作台 the staff's desk: everything that waits for somebody of the staff, in one statement however many features.

Each feature gives `DeskQueue`s; what a role reaches is the organization where it is held, and what lies below.
"""

from datetime import datetime, timedelta
from functools import cache

import msgspec

from server.foundation import clock
from server.foundation.database import fetch
from server.foundation.errors import NotAllowed
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.notifications.rendering import SUBJECTS
from server.organizations.access import WORKERS, holds_role_anywhere
from server.organizations.models import RoleKind

DECIDED_WITHIN = timedelta(days=3)
"""After which what waits for a decision is overdue, where nothing else was promised."""


class DeskQueue(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of thing that waits for staff.

    `sql` selects, at the moment $2, `id` (of what is acted upon), `organization_id` (whose staff), `since` (when it
    began to wait), `due` (by when it was promised, or null: then it is overdue after three days) and `subject_id`, the
    one whose word tells it apart: `subject` is its kind and the word (notifications/rendering.py). `roles` are those
    who may deal with it. `path` is where they are listed in the API.
    """

    kind: str
    words: str
    path: str
    sql: str
    subject: tuple[str, str] = ("", "")
    roles: tuple[RoleKind, ...] = WORKERS


class DeskItem(msgspec.Struct, kw_only=True):
    """How many of a kind wait, since when the oldest does, and how many are overdue. `path`: the API's list of them."""

    kind: str
    words: str
    count: int
    overdue: int
    oldest_at: datetime
    path: str


class DeskView(msgspec.Struct, kw_only=True):
    """What waits, the kinds with something overdue first, then the longest waiting; nothing that is empty."""

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
    if not await holds_role_anywhere(actor_id, RoleKind):
        raise NotAllowed()
    rows = await fetch(_statement(), actor_id, clock.now(), DECIDED_WITHIN)
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
    if not await holds_role_anywhere(actor_id, RoleKind):
        raise NotAllowed()
    now = clock.now()
    rows = await fetch_page(
        f"{_waiting()} SELECT * FROM waiting WHERE ($4::int IS NULL OR queue = $4) "
        "AND ($5::timestamptz IS NULL OR (due, id) > ($5, $6::uuid)) ORDER BY due, id LIMIT $7",
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


@cache
def _statement() -> str:
    return (
        f"{_waiting()} SELECT * FROM (SELECT queue, count(*)::int AS count, "
        "count(*) FILTER (WHERE due < $2::timestamptz)::int AS overdue, "
        "min(since) AS oldest_at FROM waiting GROUP BY queue) counted ORDER BY overdue = 0, oldest_at"
    )


@cache
def _waiting() -> str:
    """All that waits for the person $1 at the moment $2, $3 being within what is decided."""
    everything = " UNION ALL ".join(
        f"SELECT {number} AS queue, w.id, w.subject_id, w.organization_id, w.since, "
        "COALESCE(w.due, w.since + $3::interval) AS due, "
        f"ARRAY[{', '.join(repr(str(role)) for role in queue.roles)}] AS roles FROM ({queue.sql}) w"
        for number, queue in enumerate(QUEUES)
    )
    return (
        "WITH held AS MATERIALIZED (SELECT o.path, array_agg(g.kind::text) AS kinds "
        "FROM role_grant g JOIN organization o ON o.id = g.organization_id "
        "WHERE g.person_id = $1 AND g.ended_at IS NULL GROUP BY o.path), "
        "waiting AS (SELECT w.queue, w.id, w.subject_id, o.name AS organization_name, w.since, w.due "
        f"FROM ({everything}) w JOIN organization o ON o.id = w.organization_id "
        "WHERE EXISTS (SELECT 1 FROM held WHERE held.path @> o.path AND held.kinds && w.roles::text[]))"
    )
