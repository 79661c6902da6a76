"""When a warning is raised and when it is over; and the rules that come with the program. Pure: no database."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from server.figures.cells import ENOUGH, cell_of
from server.figures.definitions import BY_CODE
from server.figures.definitions.definition import Definition, Kind
from server.figures.warnings.models import Measured, WarnedSide, WarningState
from server.foundation.state_table import StateTable
from server.foundation.words import Worded


class WarningAction(Worded):
    ACKNOWLEDGE = "acknowledge", "知悉"
    ACT = "act", "着手处理"
    DISMISS = "dismiss", "撤销（写明原因）"


class WarningActor(StrEnum):
    WORKER = "worker"


_OPEN = (WarningState.RAISED, WarningState.ACKNOWLEDGED, WarningState.ACTING)

WARNING_TABLE = StateTable(
    {
        (WarningAction.ACKNOWLEDGE, WarningActor.WORKER): {WarningState.RAISED: WarningState.ACKNOWLEDGED},
        (WarningAction.ACT, WarningActor.WORKER): dict.fromkeys(_OPEN, WarningState.ACTING),
        (WarningAction.DISMISS, WarningActor.WORKER): dict.fromkeys(_OPEN, WarningState.DISMISSED),
    }
)


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as one of its versions has it (models.WarningRule says what for). `figure` is the figure's code: a state
    is looked at now, anything else once the month is over."""

    code: str
    words: str
    figure: str
    measured: Measured = Measured.NUMERATOR
    warns_when: WarnedSide = WarnedSide.ABOVE
    raise_at: float
    clear_at: float
    for_days: int = 0
    least_residents: int = 0
    is_on: bool = True
    version: int = 0

    @property
    def definition(self) -> Definition:
        return BY_CODE[self.figure]


DEFAULT_RULES = (
    Rule(code="check_ins_unconfirmed", words="报到久未确认", figure="check_ins_overdue", raise_at=1, clear_at=0),
    Rule(
        code="wishes_unclaimed",
        words="心愿久无人认领",
        figure="wishes_unclaimed",
        raise_at=3,
        clear_at=1,
        for_days=2,
    ),
    Rule(
        code="floating_uncontacted",
        words="流动党员逾期未联系",
        figure="floating_overdue",
        raise_at=1,
        clear_at=0,
        for_days=7,
    ),
    Rule(
        code="slots_unused",
        words="邻里中心使用偏低",
        figure="slot_use",
        measured=Measured.VALUE,
        warns_when=WarnedSide.BELOW,
        raise_at=20,
        clear_at=30,
    ),
    Rule(
        code="slots_overfull",
        words="邻里中心供不应求",
        figure="slot_use",
        measured=Measured.VALUE,
        raise_at=95,
        clear_at=85,
    ),
    Rule(code="complaints_late", words="意见逾期未答复", figure="complaints_overdue", raise_at=1, clear_at=0),
    Rule(
        code="no_activity",
        words="整月没有活动",
        figure="shifts",
        warns_when=WarnedSide.BELOW,
        raise_at=0,
        clear_at=1,
        least_residents=10,
    ),
    Rule(
        code="no_party_day",
        words="整月没有主题党日",
        figure="party_days",
        warns_when=WarnedSide.BELOW,
        raise_at=0,
        clear_at=1,
        least_residents=10,
    ),
    Rule(code="reports_late", words="半年评价逾期", figure="reports_overdue", raise_at=1, clear_at=0),
    Rule(
        code="hours_unapproved",
        words="服务时长久未审批",
        figure="hours_waiting",
        raise_at=1,
        clear_at=0,
        for_days=2,
    ),
    Rule(
        code="many_no_shows",
        words="爽约偏多",
        figure="no_shows",
        measured=Measured.VALUE,
        raise_at=30,
        clear_at=20,
    ),
    Rule(
        code="shifts_empty",
        words="活动到场不足",
        figure="shift_use",
        measured=Measured.VALUE,
        warns_when=WarnedSide.BELOW,
        raise_at=30,
        clear_at=50,
    ),
)
BY_RULE = {rule.code: rule for rule in DEFAULT_RULES}


class Step(StrEnum):
    """What becomes of what a rule sees at a place."""

    WATCH = "watch"
    RAISE = "raise"
    FORGET = "forget"
    CLEAR = "clear"
    STAY = "stay"


def measure(rule: Rule, numerator: int, denominator: int) -> float | None:
    """What the rule looks at; None where there is too little to say anything."""
    if rule.measured is Measured.NUMERATOR:
        return numerator
    if rule.definition.kind is not Kind.COUNT and denominator < ENOUGH:
        return None
    return cell_of(rule.definition, (numerator, denominator, 0)).value


def step(rule: Rule, state: WarningState | None, since: datetime | None, seen: float | None, now: datetime) -> Step:
    """`state` and `since` are of the warning that there is, if any."""
    if state is None or state is WarningState.WATCHED:
        if not rule.is_on or seen is None or not _reaches(rule, seen):
            return Step.STAY if state is None else Step.FORGET
        begun = since or now
        if now - begun >= timedelta(days=rule.for_days):
            return Step.RAISE
        return Step.WATCH if state is None else Step.STAY
    if not rule.is_on or (seen is not None and _has_come_back(rule, seen)):
        return Step.CLEAR
    return Step.STAY


def reason(rule: Rule, numerator: int, denominator: int) -> str:
    """Why, in words with its facts; of few people without the number."""
    cell = cell_of(rule.definition, (numerator, denominator, 0))
    told = "" if cell.numerator is None else f"（{cell.numerator}）"
    if rule.definition.kind is Kind.SHARE and cell.numerator is not None:
        told = f"（{cell.numerator}/{cell.denominator}）"
    lasted = f"，持续 {rule.for_days} 天" if rule.for_days else ""
    unit = rule.definition.unit if rule.measured is Measured.VALUE else "件"
    return f"{rule.definition.words}{told}，{rule.warns_when.word}预警线 {rule.raise_at:g} {unit}{lasted}"


def _reaches(rule: Rule, seen: float) -> bool:
    return seen >= rule.raise_at if rule.warns_when is WarnedSide.ABOVE else seen <= rule.raise_at


def _has_come_back(rule: Rule, seen: float) -> bool:
    return seen <= rule.clear_at if rule.warns_when is WarnedSide.ABOVE else seen >= rule.clear_at
