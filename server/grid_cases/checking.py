"""After the answer: somebody else looks, the resident says how it was, and has it done again where it was not."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from server.background.sweeps import due_sweep
from server.foundation import clock
from server.foundation.database import fetch, transaction
from server.foundation.rating import NewRating
from server.grid_cases import messages
from server.grid_cases.dispatching import conclude, set_due, tell_reporter
from server.grid_cases.errors import ReopenedTooLate, ReopenedTooOften
from server.grid_cases.models import CaseState, GridCase, GridCaseFollower
from server.grid_cases.queries import CaseView, get_visible_case
from server.grid_cases.rules import (
    CLOSED_AFTER,
    MAX_REOPENINGS,
    REOPEN_WITHIN,
    CaseAction,
)
from server.grid_cases.steps import Step, begin_step, empty, finish_step, handlers_of
from server.notifications.telling import notify
from server.organizations.access import role_holders
from server.service_record.recording import AlreadyReversed, record_service, reverse_service

RULE = "grid_case_handled"
"""The service record's rule by which handling earns points."""


class NewCaseRating(NewRating, kw_only=True):
    """Was somebody in touch, is it solved, how satisfied are they."""

    reached: bool
    solved: bool


async def pass_case(actor_id: str, case_id: str, words: str = "") -> CaseView:
    """It is as the handler says: the resident has the answer, and is asked; followers are told, once. What the handlers
    worked goes into their record.

    Raises NotFound, NotAllowed (also to whoever had a hand in it), WrongState.
    """
    async with transaction():
        step = await begin_step(case_id, CaseAction.PASS, actor_id)
        case, now = step.case, clock.now()
        case.checked_at = now
        case.close_at = now + CLOSED_AFTER if case.reporter_id else now
        await finish_step(step, words=words)
        await tell_reporter(case, messages.ANSWERED)
        await _tell_followers(case)
        await _credit(case)
        return await conclude("pass_case", actor_id, step)


async def send_back_case(actor_id: str, case_id: str, reason: str) -> CaseView:
    """It is not done: the same handler goes on, and is due when they were. Raises NotFound, NotAllowed, WrongState."""
    async with transaction():
        step = await begin_step(case_id, CaseAction.SEND_BACK, actor_id)
        await finish_step(step, words=reason)
        await notify(await handlers_of(step.case), messages.SENT_BACK, grid_case=case_id)
        return await conclude("send_back_case", actor_id, step)


async def rate_case(person_id: str, case_id: str, new: NewCaseRating) -> CaseView:
    """The resident's word, once, with which the case is closed. Raises NotFound, NotAllowed, WrongState."""
    async with transaction():
        step = await begin_step(case_id, CaseAction.RATE, person_id)
        case, now = step.case, clock.now()
        case.reached, case.solved, case.stars = new.reached, new.solved, new.stars
        case.rating_text, case.rated_at = new.text.strip(), now
        case.closed_at, case.close_at = now, None
        await finish_step(step)
        return await get_visible_case(person_id, case_id)


async def reopen_case(person_id: str, case_id: str, reason: str) -> CaseView:
    """It is not solved: who reported it has it done again, twice, within 15 days of the answer.

    Raises ReopenedTooLate, ReopenedTooOften, NotFound, NotAllowed, WrongState.
    """
    async with transaction():
        step = await begin_step(case_id, CaseAction.REOPEN, person_id)
        case = step.case
        if case.checked_at and clock.now() > case.checked_at + REOPEN_WITHIN:
            raise ReopenedTooLate()
        if case.reopenings >= MAX_REOPENINGS:
            raise ReopenedTooOften(limit=MAX_REOPENINGS)
        case.reopenings += 1
        await _begin_again(step, reason)
        await notify(await role_holders(case.keeper_id), messages.REOPENED, grid_case=case_id)
        return await get_visible_case(person_id, case_id)


async def file_case_again(actor_id: str, case_id: str, reason: str) -> CaseView:
    """Staff find that it is not done, or that it is a case after all. Raises NotFound, NotAllowed, WrongState."""
    async with transaction():
        step = await begin_step(case_id, CaseAction.FILE_AGAIN, actor_id)
        await _begin_again(step, reason)
        await tell_reporter(step.case, messages.FILED_AGAIN)
        return await conclude("file_case_again", actor_id, step)


async def _begin_again(step: Step, reason: str) -> None:
    """It waits to be dispatched, and is due anew; what was answered no longer counts."""
    case = step.case
    if step.was is not CaseState.REFUSED:
        await _take_back_credit(case)
    case.filed_at = case.filed_at or clock.now()
    empty(case, "handler_id", "checked_at", "closed_at", "close_at", "outcome")
    empty(case, "reached", "solved", "stars", "rated_at")
    case.answer, case.answer_picture_ids, case.rating_text = "", [], ""
    await set_due(case)
    await finish_step(step, words=reason)


async def _tell_followers(case: GridCase) -> None:
    rows = await fetch(
        "SELECT person_id FROM grid_case_follower WHERE case_id = $1 AND ended_at IS NULL AND told_at IS NULL", case.id
    )
    await notify({row["person_id"] for row in rows}, messages.FOLLOWED_ANSWERED, grid_case=case.id, at=clock.now())
    await GridCaseFollower.filter(case_id=case.id, ended_at=None, told_at=None).update(told_at=clock.now())


async def _credit(case: GridCase) -> None:
    """Each who answered it has the minutes that they said, once a round."""
    for answered in await _answers_of(case):
        await record_service(
            answered["by_id"],
            rule=RULE,
            source=("grid_case_step", answered["id"]),
            minutes=answered["minutes"] or 0,
            occurred_at=answered["created_at"],
            organization_id=case.community_id,
        )


async def _take_back_credit(case: GridCase) -> None:
    for answered in await _answers_of(case):
        # Staff may have taken it back themselves.
        with suppress(AlreadyReversed):
            source = ("grid_case_step", answered["id"])
            await reverse_service(answered["by_id"], rule=RULE, source=source, reason="reopened")


async def _answers_of(case: GridCase) -> list[Any]:
    """The answer that was found to be so: the last one."""
    return await fetch(
        "SELECT id, by_id, minutes, created_at FROM grid_case_step WHERE case_id = $1 AND action = 'answer' "
        "ORDER BY id DESC LIMIT 1",
        case.id,
    )


async def _close(row: Any) -> None:
    step = await begin_step(row["id"], CaseAction.CLOSE, None)
    step.case.closed_at, step.case.close_at = clock.now(), None
    await finish_step(step)


CLOSE_CASES = due_sweep(
    "grid_cases_close",
    timedelta(minutes=1),
    rows="grid_case",
    where="close_at IS NOT NULL AND state = 'checked'",
    due="close_at",
    do=_close,
)
"""Cases whose answer was checked, and of which nobody has said anything since."""
