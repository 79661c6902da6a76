"""Half-year reports after they were frozen: the community's opinion, the member's answer, release, acknowledgement.

Each verb locks the report, asks REPORT_TABLE, and leaves an audit row and a message.
"""

from typing import Annotated, Any, NamedTuple

import msgspec

from server.check_in.belonging import unit_of
from server.check_in.reports import messages
from server.check_in.reports.access import admit, member_of_report
from server.check_in.reports.freezing import freeze, open_words, seal_content, seal_words
from server.check_in.reports.models import Grade, HalfYearReport, ReportState
from server.check_in.reports.queries import ReportView, view_report
from server.check_in.reports.rules import REPORT_TABLE, ReportAction, ReportActor, correction_ends_at
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.bounds import RequiredText, Version
from server.foundation.database import execute, fetch, fetch_value, transaction
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotFound, Refusal
from server.foundation.ids import Id
from server.members.memberships import MemberFacts, membership_of
from server.members.queries import homes_of_members
from server.notifications.telling import notify
from server.organizations.access import LIAISONS, holds_role, require_role, role_holders
from server.organizations.models import RoleKind
from server.service_record.periods import read_half_year

_Statement = Annotated[RequiredText, msgspec.Meta(max_length=500)]


class CorrectionClosed(Refusal):
    code, title, status = "correction_closed", "申请更正的期限已过", 409


class CorrectionOpen(Refusal):
    """The member may still ask for a correction."""

    code, title, status = "correction_open", "本人核对期未满，暂不能反馈", 409


class Step(NamedTuple):
    """A report under lock, whose it is, and where the action leads."""

    report: HalfYearReport
    member: MemberFacts
    following: ReportState


class Released(msgspec.Struct):
    """How many reports went out, and how many of the period's are not ready yet."""

    released: int
    waiting: int


class Acknowledged(msgspec.Struct):
    """How many reports a unit's liaison has just received."""

    acknowledged: int


class Assessment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The community's opinion and grade for one report, as it was read."""

    report_id: Id
    version: Version
    opinion: _Statement
    grade: Grade


class Assessed(msgspec.Struct):
    """How many reports were assessed."""

    assessed: int


class CorrectionDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`opinion` and `grade` may change only where the request is accepted."""

    accept: bool
    answer: _Statement
    opinion: _Statement | None = None
    grade: Grade | None = None


async def assess_report(actor_id: str, report_id: str, version: int, *, opinion: str, grade: Grade) -> ReportView:
    """Staff write the community's opinion and grade, and the member is asked to look at them.

    Written anew, the member's time to answer begins again. Raises NotFound, NotAllowed, WrongState, EditedMeanwhile.
    """
    async with transaction():
        await _assess(actor_id, Assessment(report_id=report_id, version=version, opinion=opinion, grade=grade))
        return await view_report(actor_id, report_id)


async def assess_reports(actor_id: str, assessments: list[Assessment]) -> Assessed:
    """The same of many at once: all of them or none. A refusal says of which (`report_id`). Raises InvalidFields where
    one report is there twice."""
    by_id = {each.report_id: each for each in assessments}
    if len(by_id) < len(assessments):
        raise InvalidFields.of("assessments", "同一份反馈出现了两次")
    async with transaction():
        for report_id in sorted(by_id):
            try:
                await _assess(actor_id, by_id[report_id])
            except Refusal as refusal:
                refusal.facts["report_id"] = report_id
                raise
    return Assessed(len(assessments))


async def _assess(actor_id: str, assessment: Assessment) -> None:
    report, member, state = await _begin(assessment.report_id, ReportAction.ASSESS, actor_id)
    if report.version != assessment.version:
        raise EditedMeanwhile()
    now = clock.now()
    report.state, report.grade, report.assessed_at, report.assessed_by_id = state, assessment.grade, now, actor_id
    _write(report, opinion=assessment.opinion)
    await _finish("assess_report", actor_id, report, member, grade=str(assessment.grade))
    until = correction_ends_at(now)
    await notify(member.person_id, messages.ASSESSED, half_year_report=report.id, at=now, until=until)


async def agree_to_report(person_id: str, report_id: str) -> ReportView:
    """The member has seen the report and asks for nothing. Raises NotFound, WrongState."""
    async with transaction():
        report, member, state = await _begin(report_id, ReportAction.AGREE, person_id)
        report.state, report.settled_at, report.settled_by_id = state, clock.now(), person_id
        await _finish("agree_to_report", person_id, report, member)
        await notify(await role_holders(report.community_id), messages.AGREED, half_year_report=report_id)
        return await view_report(person_id, report_id)


async def ask_correction(person_id: str, report_id: str, request: str) -> ReportView:
    """The member says what is not right, within the time for it. Raises NotFound, WrongState, CorrectionClosed."""
    async with transaction():
        report, member, state = await _begin(report_id, ReportAction.ASK_CORRECTION, person_id)
        if report.assessed_at and clock.now() >= correction_ends_at(report.assessed_at):
            raise CorrectionClosed()
        report.state, report.correction_asked_at = state, clock.now()
        _write(report, request=request)
        await _finish("ask_correction", person_id, report, member)
        await notify(await role_holders(report.community_id), messages.CORRECTION_ASKED, half_year_report=report_id)
        return await view_report(person_id, report_id)


async def decide_correction(actor_id: str, report_id: str, decision: CorrectionDecision) -> ReportView:
    """Staff answer the member's request. Where they accept it, what they have put right in the ledger by now goes into
    the report, which is frozen anew, and they may change opinion and grade. Raises NotFound, NotAllowed, WrongState.
    """
    accept = decision.accept
    action = ReportAction.ACCEPT_CORRECTION if accept else ReportAction.DECLINE_CORRECTION
    async with transaction():
        if accept:
            await _lock_membership(report_id)
        report, member, state = await _begin(report_id, action, actor_id)
        now = clock.now()
        report.state, report.settled_at, report.settled_by_id = state, now, actor_id
        _write(report, answer=decision.answer)
        if accept:
            frozen = await freeze(member, read_half_year(report.period))
            report.content = seal_content(report.id, frozen.lines)
            report.minutes, report.points, report.frozen_at = frozen.minutes, frozen.points, now
            report.grade = decision.grade or report.grade
            if decision.opinion is not None:
                _write(report, opinion=decision.opinion)
        await _finish(str(action), actor_id, report, member)
        outcome = "accepted" if accept else "declined"
        await notify(member.person_id, messages.CORRECTION_DECIDED, half_year_report=report_id, outcome=outcome, at=now)
        return await view_report(actor_id, report_id)


async def release_report(actor_id: str, report_id: str) -> ReportView:
    """The manager sends the report to the member's unit. Raises NotFound, NotAllowed, WrongState, CorrectionOpen."""
    async with transaction():
        step = await _begin(report_id, ReportAction.RELEASE, actor_id)
        _ensure_answer_time_over(step.report)
        await _release(actor_id, step)
        await _tell_units([step.report])
        return await view_report(actor_id, report_id)


async def release_reports(actor_id: str, community_id: str, period: str) -> Released:
    """Release whatever of a community's reports is ready, the manager's own excepted. Raises NotAllowed."""
    await require_role(actor_id, community_id, (RoleKind.MANAGER,))
    async with transaction():
        rows = await fetch(
            "SELECT id FROM half_year_report WHERE community_id = $1 AND period = $2 "
            "AND (state = 'settled' OR state = 'assessed') ORDER BY id FOR UPDATE",
            community_id,
            period,
        )
        released = []
        for row in rows:
            report = await HalfYearReport.get(id=row["id"])
            if report.state is ReportState.ASSESSED and not _is_answer_time_over(report):
                continue
            member = await member_of_report(report)
            if member.person_id == actor_id:
                continue
            state = REPORT_TABLE.next_state(report.state, ReportAction.RELEASE, [ReportActor.MANAGER])
            await _release(actor_id, Step(report, member, state))
            released.append(report)
        await _tell_units(released)
        waiting = await fetch_value(
            "SELECT count(*) FROM half_year_report WHERE community_id = $1 AND period = $2 AND released_at IS NULL",
            community_id,
            period,
        )
    return Released(len(released), waiting)


async def acknowledge_report(person_id: str, report_id: str) -> ReportView:
    """The unit's liaison has received the report. Raises NotFound, WrongState."""
    async with transaction():
        step = await _begin(report_id, ReportAction.ACKNOWLEDGE, person_id)
        await _acknowledge(person_id, step)
        await _tell_communities([step.report])
        return await view_report(person_id, report_id)


async def acknowledge_reports(person_id: str, unit_id: str, period: str) -> Acknowledged:
    """The liaison has received all that the unit got for the period. Raises NotFound."""
    if not await holds_role(person_id, unit_id, LIAISONS):
        raise NotFound()
    async with transaction():
        rows = await fetch(
            "SELECT id FROM half_year_report WHERE unit_id = $1 AND period = $2 AND state = 'released' "
            "ORDER BY id FOR UPDATE",
            unit_id,
            period,
        )
        steps = [await _begin(row["id"], ReportAction.ACKNOWLEDGE, person_id) for row in rows]
        for step in steps:
            await _acknowledge(person_id, step)
        await _tell_communities([step.report for step in steps])
    return Acknowledged(len(rows))


async def move_reports(from_id: str, into_id: str) -> None:
    """Two persons who both are members turn out to be one: reports of the membership that goes are the other's.

    Before members.memberships.take_over_membership. Where both have one for the same half-year, each stays as it is.
    """
    gone_id, kept_id = await membership_of(from_id), await membership_of(into_id)
    if gone_id is None or kept_id is None:
        return
    # The guard lets a released report change hands only where this is said, for this transaction.
    await execute("SELECT set_config('linli.merge', 'on', true)")
    await execute(
        "UPDATE half_year_report SET membership_id = $2 WHERE membership_id = $1 AND NOT EXISTS (SELECT 1 "
        "FROM half_year_report own WHERE own.membership_id = $2 AND own.period = half_year_report.period)",
        gone_id,
        kept_id,
    )
    await execute("SELECT set_config('linli.merge', 'off', true)")
    await execute(
        "UPDATE due_report SET membership_id = $2 WHERE membership_id = $1 AND NOT EXISTS (SELECT 1 "
        "FROM due_report own WHERE own.membership_id = $2 AND own.period = due_report.period)",
        gone_id,
        kept_id,
    )


async def _begin(report_id: str, action: ReportAction, person_id: str) -> Step:
    # The member asks for a correction while the manager releases: the one who locks the row first decides.
    report = await HalfYearReport.filter(id=report_id).select_for_update(no_key=True).get_or_none()
    if report is None:
        raise NotFound()
    member, actors = await admit(person_id, report)
    return Step(report, member, REPORT_TABLE.next_state(report.state, action, actors))


async def _finish(action: str, actor_id: str, report: HalfYearReport, member: MemberFacts, **details: Any) -> None:
    report.version += 1
    await report.save()
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("half_year_report", report.id),
        person_id=member.person_id,
        organization_id=report.community_id,
        state=str(report.state),
        **details,
    )


async def _release(actor_id: str, step: Step) -> None:
    report, member, state = step
    # Staff may have matched the home organization since it was frozen, or the member may have changed jobs.
    report.unit_id = await unit_of(member)
    _write(report, home=(await homes_of_members([member]))[member.membership_id])
    report.state, report.released_at, report.released_by_id = state, clock.now(), actor_id
    await _finish("release_report", actor_id, report, member, unit=report.unit_id)
    await notify(member.person_id, messages.RELEASED, half_year_report=report.id)


async def _acknowledge(person_id: str, step: Step) -> None:
    report, member, state = step
    report.state, report.acknowledged_at, report.acknowledged_by_id = state, clock.now(), person_id
    await _finish("acknowledge_report", person_id, report, member)
    await notify(member.person_id, messages.ACKNOWLEDGED, half_year_report=report.id)


async def _tell_units(reports: list[HalfYearReport]) -> None:
    """Tell each unit's liaisons how many reports came, and when these are the last ones of the half-year."""
    by_unit: dict[str, list[HalfYearReport]] = {}
    for report in reports:
        if report.unit_id:
            by_unit.setdefault(report.unit_id, []).append(report)
    for unit_id, received in sorted(by_unit.items()):
        period = read_half_year(received[0].period)
        liaisons = await role_holders(unit_id, LIAISONS)
        facts: dict[str, Any] = {"unit": unit_id, "year": period.year, "half": period.half}
        await notify(
            liaisons,
            messages.REPORTS_RECEIVED,
            organization=received[0].community_id,
            count=len(received),
            at=clock.now(),
            **facts,
        )
        # Two communities release a unit's last reports at once: each would still see the other's as missing.
        await fetch("SELECT pg_advisory_xact_lock(hashtextextended($1, 4))", f"{unit_id}{period.code}")
        missing = await fetch_value(
            "SELECT count(*) FROM half_year_report WHERE unit_id = $1 AND period = $2 AND released_at IS NULL",
            unit_id,
            period.code,
        )
        if not missing:
            await notify(liaisons, messages.UNIT_SUMMARY_READY, **facts)


async def _tell_communities(reports: list[HalfYearReport]) -> None:
    """Tell each community how many of its reports a unit acknowledged."""
    for community_id in sorted({report.community_id for report in reports}):
        acknowledged = [report for report in reports if report.community_id == community_id]
        period = read_half_year(acknowledged[0].period)
        await notify(
            await role_holders(community_id),
            messages.REPORTS_ACKNOWLEDGED,
            unit=acknowledged[0].unit_id,
            year=period.year,
            half=period.half,
            count=len(acknowledged),
        )


def _write(report: HalfYearReport, **words: str) -> None:
    known = open_words(report.id, bytes(report.words))
    report.words = seal_words(report.id, msgspec.structs.replace(known, **words))


def _is_answer_time_over(report: HalfYearReport) -> bool:
    return report.assessed_at is not None and clock.now() >= correction_ends_at(report.assessed_at)


def _ensure_answer_time_over(report: HalfYearReport) -> None:
    if report.state is ReportState.ASSESSED and not _is_answer_time_over(report):
        assert report.assessed_at
        raise CorrectionOpen(until=correction_ends_at(report.assessed_at))


async def _lock_membership(report_id: str) -> None:
    # Before the report's own lock, as the sweep has it: a new report of the member must not take the same late entry.
    await fetch(
        "SELECT 1 FROM membership m JOIN half_year_report r ON r.membership_id = m.id WHERE r.id = $1 FOR UPDATE OF m",
        report_id,
    )
