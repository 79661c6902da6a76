"""工作台 the staff's desk: everything that waits for somebody of the staff, in one statement however many features.

Each feature gives `DeskQueue`s; what a role reaches is the organization where it is held, and what lies below.
"""

from datetime import datetime, timedelta
from functools import cache

import msgspec

from server.foundation import clock
from server.foundation.database import fetch
from server.foundation.errors import NotAllowed
from server.organizations.access import WORKERS, holds_role_anywhere
from server.organizations.models import RoleKind

DECIDED_WITHIN = timedelta(days=3)
"""After which what waits for a decision is overdue, where nothing else was promised."""


class DeskQueue(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of thing that waits for staff.

    `sql` selects, at the moment $2, `organization_id` (whose staff), `since` (when it began to wait) and `due` (by when
    it was promised, or null: then it is overdue after three days). `roles` are those who may deal with it. `path` is
    where they are listed in the API.
    """

    kind: str
    words: str
    path: str
    sql: str
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


@cache
def _statement() -> str:
    waiting = " UNION ALL ".join(
        f"SELECT {number} AS queue, w.organization_id, w.since, COALESCE(w.due, w.since + $3::interval) AS due, "
        f"ARRAY[{', '.join(repr(str(role)) for role in queue.roles)}] AS roles FROM ({queue.sql}) w"
        for number, queue in enumerate(QUEUES)
    )
    return (
        "WITH held AS MATERIALIZED (SELECT o.path, array_agg(g.kind::text) AS kinds "
        "FROM role_grant g JOIN organization o ON o.id = g.organization_id "
        "WHERE g.person_id = $1 AND g.ended_at IS NULL GROUP BY o.path) "
        "SELECT * FROM (SELECT w.queue, count(*)::int AS count, "
        "count(*) FILTER (WHERE w.due < $2::timestamptz)::int AS overdue, "
        f"min(w.since) AS oldest_at FROM ({waiting}) w JOIN organization o ON o.id = w.organization_id "
        "WHERE EXISTS (SELECT 1 FROM held WHERE held.path @> o.path AND held.kinds && w.roles::text[]) "
        "GROUP BY w.queue) counted ORDER BY overdue = 0, oldest_at"
    )
