"""Points, and who may do what to an assessment. Pure: no database."""

from enum import StrEnum
from typing import Annotated

import msgspec

from server.figures.assessments.models import AssessmentState
from server.figures.cells import ENOUGH, cell_of
from server.figures.definitions import BY_CODE
from server.foundation.state_table import StateTable
from server.foundation.words import Worded


class AssessmentAction(Worded):
    SELF = "self_assess", "自评"
    CHECK = "check", "核定"
    ADJUST = "adjust", "加分或减分"
    NOTIFY = "notify", "告知"
    APPEAL = "appeal", "申诉"
    ANSWER = "answer", "答复申诉"
    FINISH = "finish", "定案"


class AssessmentActor(StrEnum):
    ASSESSED = "assessed"
    ASSESSOR = "assessor"


_A = AssessmentState
ASSESSMENT_TABLE = StateTable(
    {
        (AssessmentAction.SELF, AssessmentActor.ASSESSED): {_A.OPEN: _A.SELF},
        (AssessmentAction.CHECK, AssessmentActor.ASSESSOR): {_A.SELF: _A.CHECKED},
        (AssessmentAction.ADJUST, AssessmentActor.ASSESSOR): {_A.CHECKED: _A.CHECKED, _A.APPEALED: _A.APPEALED},
        (AssessmentAction.NOTIFY, AssessmentActor.ASSESSOR): {_A.CHECKED: _A.NOTIFIED},
        (AssessmentAction.APPEAL, AssessmentActor.ASSESSED): {_A.NOTIFIED: _A.APPEALED},
        (AssessmentAction.ANSWER, AssessmentActor.ASSESSOR): {_A.APPEALED: _A.NOTIFIED},
        (AssessmentAction.FINISH, AssessmentActor.ASSESSOR): {_A.NOTIFIED: _A.FINAL},
    }
)


class Indicator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure, what it weighs, at which value it earns nothing and at which all; `floor` is the least share of its
    weight that it earns. Fewer is better where `full_at` is below `zero_at`."""

    figure: Annotated[str, msgspec.Meta(pattern=r"^[a-z_]+$", max_length=32)]
    weight: Annotated[float, msgspec.Meta(gt=0, le=80)]
    zero_at: Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]
    full_at: Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]
    floor: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0


class Line(msgspec.Struct, kw_only=True):
    """What an indicator came to: the sums of the period's months, or of the last one where it is a state. Without
    enough to say anything it earns nothing, and its weight does not count."""

    figure: str
    weight: float
    numerator: int
    denominator: int
    earned: float | None


def score(indicator: Indicator, numerator: int, denominator: int) -> Line:
    value = cell_of(BY_CODE[indicator.figure], (numerator, denominator, 0)).value
    points = None
    if value is not None:
        reached = (value - indicator.zero_at) / (indicator.full_at - indicator.zero_at)
        points = round(indicator.weight * max(indicator.floor, min(1.0, reached)), 2)
    return Line(
        figure=indicator.figure, weight=indicator.weight, numerator=numerator, denominator=denominator, earned=points
    )


def residents_points(weight: float, votes: int, stars: int) -> float | None:
    """One star earns nothing, five all; of fewer than ten votes nothing is said."""
    return round(weight * (stars / votes - 1) / 4, 2) if votes >= ENOUGH else None


def total_of(lines: list[Line], residents_weight: float, residents: float | None, adjustments: list[float]) -> float:
    """Of a hundred, from 0 to 100: what was earned of the weights that count, and what was added by hand."""
    earned = [(line.earned, line.weight) for line in lines if line.earned is not None]
    if residents is not None:
        earned.append((residents, residents_weight))
    weights = sum(weight for _, weight in earned)
    base = 100 * sum(points for points, _ in earned) / weights if weights else 0.0
    return round(max(0.0, min(100.0, base + sum(adjustments))), 2)
