"""More time 延期, and a clock that stands still 挂账: asked for by the handler, decided by somebody else, each with a
line that says who and why. Nothing else moves a due time."""

from datetime import datetime, timedelta
from typing import Any

from server.background.sweeps import due_sweep
from server.calendars.working_time import Pace, due_after, moved_by_pause
from server.foundation import clock
from server.foundation.database import fetch_value, transaction
from server.foundation.errors import InvalidFields, WrongState
from server.grid_cases import messages
from server.grid_cases.dispatching import conclude, tell_reporter
from server.grid_cases.errors import DelayAsked, DelayedTooOften, DelayTooLate
from server.grid_cases.models import CaseStandard, DelayKind, GridCase
from server.grid_cases.queries import CaseView
from server.grid_cases.rules import LONGEST_SUSPENSION, MAX_EXTENSIONS, CaseAction
from server.grid_cases.steps import (
    Step,
    begin_step,
    finish_step,
    forget_asked,
    handlers_of,
    handling_limit,
    loaded_years,
)
from server.notifications.telling import notify
from server.organizations.access import role_holders

RESUMED = "挂账期满，恢复处置"


async def ask_extension(actor_id: str, case_id: str, amount: int, reason: str) -> CaseView:
    """Ask for more time, in the standard's unit, at most as much as it gives: twice, and before it is late.

    Raises DelayTooLate, DelayedTooOften, DelayAsked, InvalidFields, NotFound, NotAllowed, WrongState.
    """
    async with transaction():
        step = await begin_step(case_id, CaseAction.ASK_DELAY, actor_id)
        standard = await CaseStandard.get(id=step.case.standard_id)
        if not 1 <= amount <= standard.amount:
            raise InvalidFields.of("amount", f"延期不能超过原定时限（{standard.amount}）")
        _require_may_delay(step.case, DelayKind.EXTENSION)
        step.case.asked_amount = amount
        return await _ask(step, DelayKind.EXTENSION, actor_id, reason)


async def ask_suspension(actor_id: str, case_id: str, until: datetime, reason: str) -> CaseView:
    """Ask that the clock stands still until then: once, a year at most, and before it is late.

    Raises DelayTooLate, DelayedTooOften, DelayAsked, InvalidFields, NotFound, NotAllowed, WrongState.
    """
    async with transaction():
        step = await begin_step(case_id, CaseAction.ASK_DELAY, actor_id)
        if not clock.now() < until <= clock.now() + LONGEST_SUSPENSION:
            raise InvalidFields.of("until", "挂账须在一年以内")
        _require_may_delay(step.case, DelayKind.SUSPENSION)
        step.case.asked_until = until
        return await _ask(step, DelayKind.SUSPENSION, actor_id, reason)


async def grant_delay(actor_id: str, case_id: str, words: str = "") -> CaseView:
    """What was asked for is granted, by somebody who had no hand in the case, and before it is late.

    Raises DelayTooLate, NotFound, NotAllowed, WrongState.
    """
    async with transaction():
        # Which of the two it is decides where it leads, so it is asked before the lock, and looked at again under it.
        asked = await fetch_value("SELECT asked FROM grid_case WHERE id = $1", case_id)
        action = CaseAction.SUSPEND if asked == DelayKind.SUSPENSION else CaseAction.EXTEND
        step = await begin_step(case_id, action, actor_id)
        case = _require_asked(step, asked)
        _require_may_delay(case, DelayKind(case.asked))
        standard = await CaseStandard.get(id=case.standard_id)
        why = f"{case.asked_reason}（{words}）" if words else case.asked_reason
        if case.asked is DelayKind.EXTENSION:
            assert case.due_at
            assert case.asked_amount
            limit = handling_limit(standard)._replace(amount=case.asked_amount)
            case.due_at = case.stage_due_at = due_after(case.due_at, limit, await loaded_years())
            case.extensions += 1
        else:
            case.suspended_at, case.resume_at = clock.now(), case.asked_until
            case.suspensions += 1
        forget_asked(case)
        await finish_step(step, words=why)
        await notify(await handlers_of(case), messages.DELAY_GRANTED, grid_case=case_id)
        await tell_reporter(case, messages.DELAYED)
        return await conclude("grant_case_delay", actor_id, step)


async def deny_delay(actor_id: str, case_id: str, reason: str) -> CaseView:
    """What was asked for is not granted. Raises NotFound, NotAllowed, WrongState."""
    async with transaction():
        step = await begin_step(case_id, CaseAction.DENY_DELAY, actor_id)
        forget_asked(_require_asked(step, step.case.asked))
        await finish_step(step, words=reason)
        await notify(await handlers_of(step.case), messages.DELAY_DENIED, grid_case=case_id)
        return await conclude("deny_case_delay", actor_id, step)


async def resume_case(actor_id: str, case_id: str, reason: str) -> CaseView:
    """The clock goes on, with what was left when it was stopped. Raises NotFound, NotAllowed, WrongState."""
    async with transaction():
        step = await begin_step(case_id, CaseAction.RESUME, actor_id)
        await _resume(step, reason)
        return await conclude("resume_case", actor_id, step)


async def _resume_by_itself(row: Any) -> None:
    await _resume(await begin_step(row["id"], CaseAction.RESUME, None), RESUMED)


async def _resume(step: Step, words: str) -> None:
    case = step.case
    assert case.due_at
    assert case.suspended_at
    standard = await CaseStandard.get(id=case.standard_id)
    case.due_at = moved_by_pause(case.due_at, case.suspended_at, clock.now(), Pace(standard.pace), await loaded_years())
    case.suspended_at = case.resume_at = None
    await finish_step(step, words=words)
    await notify(await handlers_of(case), messages.RESUMED, grid_case=case.id, due=case.due_at)


async def _ask(step: Step, kind: DelayKind, actor_id: str, reason: str) -> CaseView:
    case = step.case
    if case.asked:
        raise DelayAsked()
    case.asked, case.asked_by_id, case.asked_reason = kind, actor_id, reason
    await finish_step(step, words=f"{kind.word}：{reason}")
    await notify(await role_holders(case.keeper_id, besides=actor_id), messages.DELAY_ASKED, grid_case=case.id)
    return await conclude("ask_case_delay", actor_id, step, kind=str(kind))


def _require_asked(step: Step, asked: str | None) -> GridCase:
    if asked is None or step.case.asked != asked:
        raise WrongState("没有等待决定的申请", state=str(step.case.state))
    return step.case


def _require_may_delay(case: GridCase, kind: DelayKind) -> None:
    """Raises DelayTooLate, DelayedTooOften."""
    assert case.due_at
    if clock.now() >= case.due_at:
        raise DelayTooLate()
    limit = MAX_EXTENSIONS if kind is DelayKind.EXTENSION else 1
    if (case.extensions if kind is DelayKind.EXTENSION else case.suspensions) >= limit:
        raise DelayedTooOften(limit=limit)


RESUME_CASES = due_sweep(
    "grid_cases_resume",
    timedelta(minutes=1),
    rows="grid_case",
    where="resume_at IS NOT NULL AND state = 'suspended'",
    due="resume_at",
    do=_resume_by_itself,
)
"""Cases whose clock was stopped until now."""
