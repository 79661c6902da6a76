"""What people see of assessments, and who is ahead among like communities."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from server.accounts.queries import describe_persons
from server.figures.assessments.models import AssessmentState
from server.figures.assessments.periods import months_of
from server.figures.assessments.rules import Line, residents_points
from server.figures.definitions import BY_CODE
from server.foundation.database import fetch
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.organizations.access import READERS, require_role, require_role_or_hide
from server.organizations.tree import within

LIKE = (500, 2000)
"""Communities with fewer residents than the first, than the second, and all others are like each other."""
FEWEST_LIKE = 5
AHEAD = 0.1
"""Which part of those that are like may be called 先进."""


class AssessmentLine(Line, kw_only=True):
    figure_words: str


class AdjustmentView(msgspec.Struct, kw_only=True):
    added: float
    reason: str
    by: str
    at: datetime


class AssessmentView(msgspec.Struct, kw_only=True):
    """An assessment: each line with the sums behind it, what residents said (`residents_points` is null for fewer than
    ten votes), what was adjusted by whom and why, and the `total_points` of a hundred."""

    id: Id
    organization_id: Id
    organization_name: str
    period: str
    state: AssessmentState
    scheme_version: int
    lines: list[AssessmentLine]
    votes: int
    residents_weight: float
    residents_points: float | None
    adjustments: list[AdjustmentView]
    total_points: float | None
    self_words: str
    appeal: str
    answer: str
    notified_at: datetime | None
    final_at: datetime | None


class RankedAssessment(msgspec.Struct, kw_only=True):
    """A final assessment among communities of like size. `is_ahead`: 先进, where there are enough to compare with."""

    id: Id
    organization_id: Id
    organization_name: str
    total_points: float
    like: int
    rank: int
    is_ahead: bool


_SELECT = (
    "SELECT a.*, o.name AS organization_name, s.version AS scheme_version, s.residents_weight FROM assessment a "
    "JOIN organization o ON o.id = a.organization_id JOIN assessment_scheme s ON s.id = a.scheme_id"
)


async def list_assessments(actor_id: str, organization_id: str, period: str, page: PageQuery) -> Page[AssessmentView]:
    """Of an organization and all below. Raises NotAllowed."""
    await require_role(actor_id, organization_id, READERS)
    rows = await fetch_page(
        f"{_SELECT} WHERE {within('o.path', '$1')} AND a.period = $2 AND ($3::uuid IS NULL OR a.id > $3) "
        "ORDER BY a.id LIMIT $4",
        organization_id,
        period,
        page=page,
    )
    return Page(await _views(rows.items), rows.next_cursor)


async def show_assessment(actor_id: str, assessment_id: str) -> AssessmentView:
    """Raises NotFound, also to those who have no role there."""
    view = await show(assessment_id)
    await require_role_or_hide(actor_id, view.organization_id, READERS)
    return view


async def show(assessment_id: str) -> AssessmentView:
    rows = await fetch(f"{_SELECT} WHERE a.id = $1", assessment_id)
    if not rows:
        raise NotFound()
    return (await _views(rows))[0]


async def rank_assessments(actor_id: str, organization_id: str, period: str) -> list[RankedAssessment]:
    """The final ones of a period, each among those that are like it. Raises NotAllowed, InvalidFields."""
    await require_role(actor_id, organization_id, READERS)
    rows = await fetch(
        "SELECT x.*, rank() OVER (PARTITION BY x.size ORDER BY x.total_points DESC)::int AS rank, "
        'count(*) OVER (PARTITION BY x.size)::int AS "like" FROM (SELECT a.id, a.organization_id, '
        "o.name AS organization_name, a.total AS total_points, "
        "width_bucket(COALESCE(f.numerator, 0), $4::bigint[]) AS size FROM assessment a "
        "JOIN organization o ON o.id = a.organization_id LEFT JOIN figure f ON f.organization_id = a.organization_id "
        f"AND f.month = $3 AND f.code = 'residents' WHERE {within('o.path', '$1')} AND a.period = $2 "
        "AND a.state = 'final') x ORDER BY x.size, rank, x.id",
        organization_id,
        period,
        months_of(period)[-1],
        list(LIKE),
    )
    names = [name for name in RankedAssessment.__struct_fields__ if name != "is_ahead"]
    return [
        RankedAssessment(
            is_ahead=row["like"] >= FEWEST_LIKE and row["rank"] <= max(1, int(row["like"] * AHEAD)),
            **{name: row[name] for name in names},
        )
        for row in rows
    ]


async def describe_assessments(assessment_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Words for messages: whose, and of when."""
    rows = await fetch(f"{_SELECT} WHERE a.id = ANY($1::uuid[])", list(assessment_ids))
    return {row["id"]: {"id": row["id"], "title": f"{row['organization_name']} {_said(row['period'])}"} for row in rows}


def _said(period: str) -> str:
    return f"{period[:4]}年" + {"": "", "H1": "上半年", "H2": "下半年"}[period[4:]]


async def _views(rows: Iterable[Any]) -> list[AssessmentView]:
    shown = list(rows)
    adjusted = await fetch(
        "SELECT j.* FROM assessment_adjustment j WHERE j.assessment_id = ANY($1::uuid[]) ORDER BY j.id",
        [row["id"] for row in shown],
    )
    people = await describe_persons({row["by_id"] for row in adjusted})
    return [
        AssessmentView(
            lines=[
                AssessmentLine(figure_words=BY_CODE[line.figure].words, **msgspec.structs.asdict(line))
                for line in msgspec.json.decode(row["lines"], type=list[Line])
            ],
            adjustments=[
                AdjustmentView(
                    added=each["points"],
                    reason=each["reason"],
                    by=people[each["by_id"]]["name"] if each["by_id"] in people else "",
                    at=each["created_at"],
                )
                for each in adjusted
                if each["assessment_id"] == row["id"]
            ],
            residents_points=residents_points(row["residents_weight"], row["votes"], row["stars"]),
            total_points=row["total"],
            **{name: row[name] for name in _AS_STORED},
        )
        for row in shown
    ]


_AS_STORED = (
    *("id", "organization_id", "organization_name", "period", "state", "scheme_version", "votes", "residents_weight"),
    *("self_words", "appeal", "answer", "notified_at", "final_at"),
)
