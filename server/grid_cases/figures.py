"""How well it works: whether people have an answer in time, whether it is solved, how often it had to be done
again; each share with what it is made of and what was left out."""

from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from server.foundation import clock
from server.foundation.database import fetch, fetch_one
from server.foundation.dates import end_of, instant, today
from server.foundation.errors import InvalidFields
from server.foundation.ids import Id
from server.foundation.location import Location
from server.grid_cases.models import OPEN_STATES
from server.grid_cases.rules import CaseAction
from server.organizations.access import READERS, require_role
from server.organizations.tree import within

LONGEST_PERIOD = timedelta(days=366)
STAGES = (CaseAction.FILE, CaseAction.DISPATCH, CaseAction.ACCEPT, CaseAction.ANSWER, CaseAction.PASS)
"""Steps that are due by a time."""
REPEATED = 3
"""Cases at one place, from which on it is told."""
MOST_PLACES = 50


class Share(msgspec.Struct, kw_only=True):
    """`numerator` of `denominator`; `left_out` are those of which nothing can be said (yet)."""

    numerator: int
    denominator: int
    left_out: int


class StageInTime(msgspec.Struct, kw_only=True):
    """How many steps of a kind were done by when they were due."""

    action: CaseAction
    numerator: int
    denominator: int


class CaseCounts(msgspec.Struct, kw_only=True):
    """Of the cases reported in a period. `answered_in_time`: of those that were due or are answered, refused and merged
    ones left out with those that are not due yet; `solved`, `satisfied` (four stars or five) and `reached`: of those
    rated, the others left out."""

    reported: int
    refused: int
    merged: int
    open: int
    overdue: int
    answered_in_time: Share
    reached: Share
    solved: Share
    satisfied: Share
    sent_back: int
    extended: int
    suspended: int
    reopened: int


class CaseFigures(CaseCounts, kw_only=True):
    """The whole of an organization's subtree; `stages` are in time or not, `open_days` how many open ones are younger
    than a day, a week, a month, and older."""

    stages: list[StageInTime]
    open_days: list[int]


class CategoryFigures(CaseCounts, kw_only=True):
    category_id: Id
    category_name: str


class GridFigures(CaseCounts, kw_only=True):
    """`grid_id` is null for what nobody said the grid of."""

    community_name: str
    grid_id: Id | None
    grid_name: str


class RepeatPlace(msgspec.Struct, kw_only=True):
    """A place of some hundred metres across where things were reported again and again, latest at `last_at`."""

    location: Location
    place: str
    category_name: str
    count: int
    last_at: datetime


_RATED = "count(*) FILTER (WHERE c.rated_at IS NOT NULL)::int AS rated"
_COUNTS = (
    "count(*)::int AS reported, count(*) FILTER (WHERE c.state = 'refused')::int AS refused, "
    "count(*) FILTER (WHERE c.state = 'merged')::int AS merged, "
    f"count(*) FILTER (WHERE c.state IN ({OPEN_STATES}))::int AS open, "
    "count(*) FILTER (WHERE c.stage_due_at < $4)::int AS overdue, "
    "count(*) FILTER (WHERE c.state NOT IN ('refused', 'merged') AND c.checked_at <= c.answer_due_at)::int AS in_time, "
    "count(*) FILTER (WHERE c.state NOT IN ('refused', 'merged') "
    "AND (c.checked_at IS NOT NULL OR c.answer_due_at < $4))::int AS to_answer, "
    f"{_RATED}, count(*) FILTER (WHERE c.state IN ('checked', 'closed') AND c.rated_at IS NULL)::int AS unrated, "
    "count(*) FILTER (WHERE c.reached)::int AS reached, count(*) FILTER (WHERE c.solved)::int AS solved, "
    "count(*) FILTER (WHERE c.stars >= 4)::int AS satisfied, "
    "COALESCE(sum(c.extensions), 0)::int AS extended, COALESCE(sum(c.suspensions), 0)::int AS suspended, "
    "count(*) FILTER (WHERE c.reopenings > 0)::int AS reopened, "
    "count(*) FILTER (WHERE EXISTS (SELECT 1 FROM grid_case_step s WHERE s.case_id = c.id "
    "AND s.action = 'send_back'))::int AS sent_back"
)
_OF_AREA = (
    f"c.community_id IN (SELECT b.id FROM organization b WHERE {within('b.path', '$1')}) "
    "AND c.created_at >= $2 AND c.created_at < $3"
)


async def get_case_figures(actor_id: str, organization_id: str, since: date | None, until: date | None) -> CaseFigures:
    """An organization's subtree as a whole, of the cases reported from day to day, both included (by default the year
    so far). Raises NotAllowed, InvalidFields."""
    values = await _asked(actor_id, organization_id, since, until)
    row = await fetch_one(f"SELECT {_COUNTS} FROM grid_case c WHERE {_OF_AREA}", *values)
    assert row
    stages = await fetch(
        "SELECT s.action, count(*) FILTER (WHERE s.created_at <= s.due_at)::int AS in_time, count(*)::int AS done "
        f"FROM grid_case c JOIN grid_case_step s ON s.case_id = c.id WHERE {_OF_AREA} AND s.due_at IS NOT NULL "
        "AND s.action = ANY($4) GROUP BY s.action",
        *values[:3],
        [str(action) for action in STAGES],
    )
    found = {each["action"]: each for each in stages}
    ages = await fetch_one(
        "SELECT count(*) FILTER (WHERE days < 1)::int AS day, "
        "count(*) FILTER (WHERE days >= 1 AND days < 7)::int AS week, "
        "count(*) FILTER (WHERE days >= 7 AND days < 30)::int AS month, "
        "count(*) FILTER (WHERE days >= 30)::int AS older "
        "FROM (SELECT EXTRACT(epoch FROM $4::timestamptz - c.created_at) / 86400 AS days FROM grid_case c "
        f"WHERE {_OF_AREA} AND c.state IN ({OPEN_STATES})) aged",
        *values,
    )
    assert ages
    return CaseFigures(
        **_counts(row),
        stages=[
            StageInTime(action=action, numerator=found[action]["in_time"], denominator=found[action]["done"])
            for action in STAGES
            if action in found
        ],
        open_days=list(ages.values()),
    )


async def list_category_figures(
    actor_id: str, organization_id: str, since: date | None, until: date | None
) -> list[CategoryFigures]:
    """The same of each category of which there were any, by code. Raises the same."""
    values = await _asked(actor_id, organization_id, since, until)
    rows = await fetch(
        f"SELECT k.id AS category_id, k.name AS category_name, k.code, {_COUNTS} FROM grid_case c "
        f"JOIN case_category k ON k.id = c.category_id WHERE {_OF_AREA} GROUP BY k.id, k.name, k.code ORDER BY k.code",
        *values,
    )
    return [
        CategoryFigures(**_counts(row), category_id=row["category_id"], category_name=row["category_name"])
        for row in rows
    ]


async def list_grid_figures(
    actor_id: str, organization_id: str, since: date | None, until: date | None
) -> list[GridFigures]:
    """The same of each grid of which there were any, by community and code. Raises the same."""
    values = await _asked(actor_id, organization_id, since, until)
    rows = await fetch(
        f"SELECT c.grid_id, g.name AS grid_name, o.name AS community_name, {_COUNTS} FROM grid_case c "
        f"JOIN organization o ON o.id = c.community_id LEFT JOIN organization g ON g.id = c.grid_id WHERE {_OF_AREA} "
        "GROUP BY c.grid_id, g.name, g.code, o.name, o.code ORDER BY o.code, g.code",
        *values,
    )
    return [
        GridFigures(
            **_counts(row),
            community_name=row["community_name"],
            grid_id=row["grid_id"],
            grid_name=row["grid_name"] or "",
        )
        for row in rows
    ]


async def list_repeat_places(
    actor_id: str, organization_id: str, since: date | None, until: date | None
) -> list[RepeatPlace]:
    """Where things of one category were reported again and again, the most often first. Raises the same."""
    values = await _asked(actor_id, organization_id, since, until)
    rows = await fetch(
        "SELECT point(avg(c.location[0]), avg(c.location[1])) AS location, max(c.place) AS place, "
        "k.name AS category_name, count(*)::int AS count, max(c.created_at) AS last_at FROM grid_case c "
        f"JOIN case_category k ON k.id = c.category_id WHERE {_OF_AREA} AND c.location IS NOT NULL "
        "AND c.state NOT IN ('refused', 'merged') "
        "GROUP BY floor(c.location[0] * 1000)::int, floor(c.location[1] * 1000)::int, k.id, k.name "
        "HAVING count(*) >= $4 ORDER BY count(*) DESC, max(c.created_at) DESC, k.id LIMIT $5",
        *values[:3],
        REPEATED,
        MOST_PLACES,
    )
    return [RepeatPlace(**dict(row)) for row in rows]


def _counts(row: Any) -> dict[str, Any]:
    counted = row["reported"] - row["refused"] - row["merged"]
    plain = ("reported", "refused", "merged", "open", "overdue", "sent_back", "extended", "suspended", "reopened")
    values: dict[str, Any] = {name: row[name] for name in plain}
    values["answered_in_time"] = Share(
        numerator=row["in_time"], denominator=row["to_answer"], left_out=counted - row["to_answer"]
    )
    for name in ("reached", "solved", "satisfied"):
        values[name] = Share(numerator=row[name], denominator=row["rated"], left_out=row["unrated"])
    return values


async def _asked(
    actor_id: str, organization_id: str, since: date | None, until: date | None
) -> tuple[str, datetime, datetime, datetime]:
    await require_role(actor_id, organization_id, READERS)
    until = until or today()
    since = since or until.replace(month=1, day=1)
    if not since <= until <= since + LONGEST_PERIOD:
        raise InvalidFields.of("since", "起止日期应先后有序，且不超过一年")
    return organization_id, instant(since), end_of(until), clock.now()
