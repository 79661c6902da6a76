"""What somebody could do with a case now, told before the tap."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from server.foundation import clock
from server.foundation.actions import ActionView, try_each
from server.grid_cases import checking, delays, dispatching, handling, reporting
from server.grid_cases.checking import NewCaseRating
from server.grid_cases.models import CaseOutcome
from server.grid_cases.queries import CaseView, get_visible_case
from server.grid_cases.rules import LONGEST_SUSPENSION, CaseAction
from server.grid_cases.steps import begin_step

_WORDS = "试算"
"""Where a verb asks for words that are then undone."""


async def list_case_actions(person_id: str, case_id: str) -> list[ActionView]:
    """What the reader can do with the case now, each tried. Asking for a delay is told as the two things that it is.
    Raises NotFound."""
    case = await get_visible_case(person_id, case_id)
    found = []
    for action in case.actions:
        verbs = _VERBS[action]
        if isinstance(verbs, dict):
            found += await try_each(case, {name: partial(verb, person_id, case) for name, verb in verbs.items()})
        else:
            found += await try_each(case, {str(action): partial(verbs, person_id, case)})
    return found


def _begin(action: CaseAction) -> Callable[[str, CaseView], Awaitable[Any]]:
    """What asks for more than can be made up (a photo, a unit, another case): as far as that."""
    return lambda who, case: begin_step(case.id, action, who)


async def _leave(who: str, case: CaseView) -> Any:
    await reporting.leave_case(who, case.id)


_Verb = Callable[[str, CaseView], Awaitable[Any]]

_VERBS: dict[CaseAction, _Verb | dict[str, _Verb]] = {
    CaseAction.FILE: lambda who, case: dispatching.file_case(who, case.id),
    CaseAction.REFUSE: lambda who, case: dispatching.refuse_case(who, case.id, _WORDS),
    CaseAction.DISPATCH: _begin(CaseAction.DISPATCH),
    CaseAction.ESCALATE: lambda who, case: dispatching.escalate_case(who, case.id, _WORDS),
    CaseAction.MERGE: _begin(CaseAction.MERGE),
    CaseAction.ACCEPT: lambda who, case: handling.accept_case(who, case.id),
    CaseAction.RETURN: lambda who, case: handling.return_case(who, case.id, _WORDS),
    CaseAction.TAKE_BACK: lambda who, case: handling.take_back_case(who, case.id, _WORDS),
    CaseAction.ADD_NOTE: lambda who, case: handling.add_case_note(who, case.id, _WORDS, []),
    CaseAction.HAND_OVER: lambda who, case: handling.hand_over_case(who, case.id, _WORDS, _WORDS),
    CaseAction.ANSWER: lambda who, case: handling.answer_case(who, case.id, CaseOutcome.EXPLAINED, _WORDS, []),
    CaseAction.ASK_DELAY: {
        "ask_extension": lambda who, case: delays.ask_extension(who, case.id, 1, _WORDS),
        "ask_suspension": lambda who, case: delays.ask_suspension(
            who, case.id, clock.now() + LONGEST_SUSPENSION / 2, _WORDS
        ),
    },
    # What was asked for decides which of the two it is.
    CaseAction.EXTEND: {"grant_delay": lambda who, case: delays.grant_delay(who, case.id)},
    CaseAction.SUSPEND: {},
    CaseAction.DENY_DELAY: lambda who, case: delays.deny_delay(who, case.id, _WORDS),
    CaseAction.RESUME: lambda who, case: delays.resume_case(who, case.id, _WORDS),
    CaseAction.PASS: lambda who, case: checking.pass_case(who, case.id),
    CaseAction.SEND_BACK: lambda who, case: checking.send_back_case(who, case.id, _WORDS),
    CaseAction.RATE: lambda who, case: checking.rate_case(
        who, case.id, NewCaseRating(reached=True, solved=True, stars=5)
    ),
    CaseAction.REOPEN: lambda who, case: checking.reopen_case(who, case.id, _WORDS),
    CaseAction.FILE_AGAIN: lambda who, case: checking.file_case_again(who, case.id, _WORDS),
    CaseAction.JOIN: lambda who, case: reporting.join_case(who, case.id),
    CaseAction.LEAVE: _leave,
}
