"""Assessing: opened from frozen figures, said of oneself, checked and adjusted by others, told, appealed, final.

Nobody assesses themselves: whoever holds a role at the community checks nothing of it, and an appeal is answered by
somebody else than who checked.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from server.figures import messages
from server.figures.assessments.models import Assessment, AssessmentAdjustment
from server.figures.assessments.periods import months_of
from server.figures.assessments.rules import (
    ASSESSMENT_TABLE,
    AssessmentAction,
    AssessmentActor,
    Indicator,
    Line,
    residents_points,
    score,
    total_of,
)
from server.figures.assessments.schemes import MANAGERS, SchemeView, get_scheme
from server.figures.assessments.views import AssessmentView, show
from server.figures.definitions import BY_CODE
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch, fetch_one, fetch_value, transaction
from server.foundation.errors import InvalidFields, NotFound, WrongState
from server.foundation.rows import lock_row
from server.notifications.telling import notify
from server.organizations.access import (
    WORKERS,
    OwnMatter,
    holds_role,
    holds_role_at,
    require_another,
    require_role,
    role_holders,
)
from server.organizations.tree import within

APPEALED_WITHIN = timedelta(days=7)
"""How long a community has to appeal, before what it was told becomes final."""


class Opened(msgspec.Struct):
    """How many assessments were opened."""

    opened: int


async def open_assessments(actor_id: str, scheme_id: str, period: str) -> Opened:
    """Of every open community below that has none for the period yet; its months must be frozen, so that nothing of
    them changes any more. Raises NotFound, NotAllowed, InvalidFields, WrongState."""
    scheme = await get_scheme(scheme_id)
    await require_role(actor_id, scheme.organization_id, MANAGERS)
    months = months_of(period)
    if months[0].year != scheme.year:
        raise InvalidFields.of("period", "与方案的年度不符")
    frozen = await fetch_value(
        "SELECT count(*) FROM figure_month WHERE month = ANY($1::date[]) AND frozen_at IS NOT NULL", months
    )
    if frozen < len(months):
        raise WrongState("这一时段的统计数还没有全部固定")
    async with transaction():
        places = await fetch(
            f"SELECT o.id FROM organization o WHERE {within('o.path', '$1')} AND o.level = 'community' "
            "AND o.closed_at IS NULL AND NOT EXISTS (SELECT 1 FROM assessment a WHERE a.organization_id = o.id "
            "AND a.period = $2) ORDER BY o.id",
            scheme.organization_id,
            period,
        )
        ids = [row["id"] for row in places]
        sums = await _sums(ids, scheme.indicators, months)
        for place_id in ids:
            lines = [score(each, *sums.get((place_id, each.figure), (0, 0))) for each in scheme.indicators]
            await Assessment.create(
                scheme_id=scheme_id, organization_id=place_id, period=period, lines=msgspec.to_builtins(lines)
            )
        await record_audit(
            "open_assessments",
            actor_id=actor_id,
            subject=("assessment_scheme", scheme_id),
            organization_id=scheme.organization_id,
            period=period,
            opened=len(ids),
        )
    return Opened(len(ids))


async def _sums(
    place_ids: Sequence[str], indicators: Sequence[Indicator], months: Sequence[date]
) -> dict[tuple[str, str], tuple[int, int]]:
    """What each indicator came to in these months; of a state, in the last."""
    states = [each.figure for each in indicators if BY_CODE[each.figure].is_state]
    rows = await fetch(
        "SELECT f.organization_id, f.code, sum(f.numerator)::bigint AS numerator, sum(f.denominator)::bigint AS "
        "denominator FROM figure f WHERE f.month = ANY($1::date[]) AND f.organization_id = ANY($2::uuid[]) "
        "AND f.code = ANY($3::text[]) AND (f.month = $4 OR f.code <> ALL($5::text[])) "
        "GROUP BY f.organization_id, f.code",
        list(months),
        list(place_ids),
        [each.figure for each in indicators],
        months[-1],
        states,
    )
    return {(row["organization_id"], row["code"]): (row["numerator"], row["denominator"]) for row in rows}


async def assess_oneself(actor_id: str, assessment_id: str, words: str) -> AssessmentView:
    """What the community says of itself. Raises NotFound, NotAllowed, WrongState."""
    return await _do(actor_id, assessment_id, AssessmentAction.SELF, words)


async def check_assessment(actor_id: str, assessment_id: str) -> AssessmentView:
    """The residents' evaluation is counted. Raises NotFound, NotAllowed, OwnMatter, WrongState."""
    return await _do(actor_id, assessment_id, AssessmentAction.CHECK)


async def adjust_assessment(actor_id: str, assessment_id: str, given: float, reason: str) -> AssessmentView:
    """Give points or take them, with one's name and the reason. Raises the same."""
    if not given:
        raise InvalidFields.of("added", "请填写加分或减分")
    return await _do(actor_id, assessment_id, AssessmentAction.ADJUST, reason, given)


async def notify_assessment(actor_id: str, assessment_id: str) -> AssessmentView:
    """The community is told. Raises the same."""
    return await _do(actor_id, assessment_id, AssessmentAction.NOTIFY)


async def appeal_assessment(actor_id: str, assessment_id: str, words: str) -> AssessmentView:
    """The community says what is wrong. Raises NotFound, NotAllowed, WrongState."""
    return await _do(actor_id, assessment_id, AssessmentAction.APPEAL, words)


async def answer_assessment_appeal(actor_id: str, assessment_id: str, words: str) -> AssessmentView:
    """By somebody else than who checked; the days for an appeal begin anew. Raises the same as checking."""
    return await _do(actor_id, assessment_id, AssessmentAction.ANSWER, words)


async def finish_assessment(actor_id: str, assessment_id: str) -> AssessmentView:
    """It is final, once the days for an appeal are over, and never changes. Raises the same as checking."""
    return await _do(actor_id, assessment_id, AssessmentAction.FINISH)


async def _do(
    actor_id: str, assessment_id: str, action: AssessmentAction, words: str = "", given: float = 0
) -> AssessmentView:
    async with transaction():
        # Two who act at once: the second sees what the first made of it.
        assessment = await lock_row(Assessment, assessment_id)
        if assessment is None:
            raise NotFound()
        scheme = await get_scheme(assessment.scheme_id)
        actors = await _actors(actor_id, assessment.organization_id, scheme)
        if not actors:
            raise NotFound()
        following = ASSESSMENT_TABLE.next_state(assessment.state, action, actors)
        if action in _BY_OTHERS and await holds_role_at(actor_id, assessment.organization_id):
            raise OwnMatter()
        await _change(assessment, scheme, action, actor_id, words, given)
        assessment.state = following
        await assessment.save()
        await record_audit(
            f"{action}_assessment",
            actor_id=actor_id,
            subject=("assessment", assessment.id),
            organization_id=assessment.organization_id,
            period=assessment.period,
        )
        return await show(assessment_id)


_BY_OTHERS = {action for action, actor in ASSESSMENT_TABLE.moves if actor is AssessmentActor.ASSESSOR}


async def _actors(actor_id: str, organization_id: str, scheme: SchemeView) -> list[AssessmentActor]:
    actors = []
    if await holds_role_at(actor_id, organization_id, WORKERS):
        actors.append(AssessmentActor.ASSESSED)
    if await holds_role(actor_id, scheme.organization_id, MANAGERS):
        actors.append(AssessmentActor.ASSESSOR)
    return actors


async def _change(
    assessment: Assessment,
    scheme: SchemeView,
    action: AssessmentAction,
    actor_id: str,
    words: str,
    given: float,
) -> None:
    now = clock.now()
    match action:
        case AssessmentAction.SELF:
            assessment.self_words, assessment.self_by_id = words, actor_id
        case AssessmentAction.CHECK:
            row = await fetch_one(
                "SELECT count(*)::int AS votes, COALESCE(sum(stars), 0)::int AS stars FROM community_evaluation "
                "WHERE organization_id = $1 AND period = ANY($2::text[])",
                assessment.organization_id,
                _halves(assessment.period),
            )
            assert row
            assessment.votes, assessment.stars, assessment.checked_by_id = row["votes"], row["stars"], actor_id
            assessment.total = await _total(assessment, scheme)
        case AssessmentAction.ADJUST:
            await AssessmentAdjustment.create(assessment_id=assessment.id, points=given, reason=words, by_id=actor_id)
            assessment.total = await _total(assessment, scheme)
        case AssessmentAction.NOTIFY | AssessmentAction.ANSWER:
            if action is AssessmentAction.ANSWER:
                require_another(actor_id, assessment.checked_by_id)
                assessment.answer, assessment.answered_by_id = words, actor_id
            assessment.notified_at = now
            told = await role_holders(assessment.organization_id)
            await notify(told, messages.ASSESSMENT_NOTIFIED, assessment=assessment.id)
        case AssessmentAction.APPEAL:
            assessment.appeal, assessment.appeal_by_id = words, actor_id
            told = await role_holders(scheme.organization_id, MANAGERS, besides=assessment.checked_by_id)
            await notify(told, messages.ASSESSMENT_APPEALED, assessment=assessment.id)
        case AssessmentAction.FINISH:
            assert assessment.notified_at
            if now < assessment.notified_at + APPEALED_WITHIN:
                raise WrongState(f"告知后 {APPEALED_WITHIN.days} 天内社区可以申诉，之后才能定案")
            assessment.final_at = now


def _halves(period: str) -> list[str]:
    return [period] if "H" in period else [f"{period}H1", f"{period}H2"]


async def _total(assessment: Assessment, scheme: SchemeView) -> float:
    lines = msgspec.convert(assessment.lines, list[Line])
    residents = residents_points(scheme.residents_weight, assessment.votes, assessment.stars)
    rows: list[Any] = await fetch(
        "SELECT points FROM assessment_adjustment WHERE assessment_id = $1 ORDER BY id", assessment.id
    )
    return total_of(lines, scheme.residents_weight, residents, [row["points"] for row in rows])
