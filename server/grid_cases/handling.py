"""What the handler does with a case: accept or return it, tell how it goes, hand it over, answer."""

from typing import Annotated

import msgspec

from server.foundation import clock
from server.foundation.database import fetch, transaction
from server.foundation.errors import InvalidFields
from server.grid_cases import messages
from server.grid_cases.dispatching import conclude, keeper_above, leave_entry, tell_reporter
from server.grid_cases.errors import LastMustTake, PhotosNeeded
from server.grid_cases.models import CaseOutcome, CaseStandard
from server.grid_cases.queries import CaseView
from server.grid_cases.rules import CaseAction
from server.grid_cases.steps import Step, begin_step, finish_step, forget_asked, handlers_of
from server.media.uploads.uploading import attach_pictures
from server.notifications.telling import notify
from server.organizations.access import role_holders

Worked = Annotated[int, msgspec.Meta(ge=0, le=1440)]
"""Minutes that somebody worked on it."""


async def accept_case(actor_id: str, case_id: str) -> CaseView:
    """Take the case on. Who accepts it first stays responsible for it 首接负责, whoever handles it later.

    Raises NotFound, NotAllowed, WrongState.
    """
    async with transaction():
        step = await begin_step(case_id, CaseAction.ACCEPT, actor_id)
        case = step.case
        case.responsible_id = case.responsible_id or case.handler_id
        case.accepted_at = case.accepted_at or clock.now()
        await finish_step(step)
        await tell_reporter(case, messages.ACCEPTED, handler=case.handler_id)
        return await conclude("accept_case", actor_id, step)


async def return_case(actor_id: str, case_id: str, reason: str) -> None:
    """It is not theirs: back to who dispatched it, with a reason, and no longer theirs to see. What the district gave
    cannot be returned.

    Raises LastMustTake, NotFound, NotAllowed, WrongState.
    """
    async with transaction():
        step = await begin_step(case_id, CaseAction.RETURN, actor_id)
        if await keeper_above(step.case) is None:
            raise LastMustTake()
        await _back_to_keeper(step, reason)
        await notify(await role_holders(step.case.keeper_id), messages.RETURNED, grid_case=case_id)
        await leave_entry("return_case", actor_id, step)


async def hand_over_case(actor_id: str, case_id: str, reason: str, whose: str) -> CaseView:
    """It turned out to be somebody else's: back to the keeper, who hands it on; the resident need not. Who accepted it
    first stays responsible for what becomes of it. Raises NotFound, NotAllowed, WrongState."""
    async with transaction():
        step = await begin_step(case_id, CaseAction.HAND_OVER, actor_id)
        await _back_to_keeper(step, f"{reason}（应由{whose}处置）")
        await notify(await role_holders(step.case.keeper_id), messages.RETURNED, grid_case=case_id)
        return await conclude("hand_over_case", actor_id, step)


async def take_back_case(actor_id: str, case_id: str, reason: str) -> CaseView:
    """Nothing comes of it there: the keeper dispatches it again, and who had it is told.

    Raises NotFound, NotAllowed, WrongState.
    """
    async with transaction():
        step = await begin_step(case_id, CaseAction.TAKE_BACK, actor_id)
        people = await handlers_of(step.case)
        await _back_to_keeper(step, reason)
        await notify(people, messages.TAKEN_BACK, grid_case=case_id)
        return await conclude("take_back_case", actor_id, step)


async def take_back_from_closed(organization_id: str) -> None:
    """The organization is closed and nobody took it over: what it had to handle is dispatched again."""
    rows = await fetch(
        "SELECT id FROM grid_case WHERE handler_id = $1 AND state IN ('dispatched', 'handling') ORDER BY id",
        organization_id,
    )
    for row in rows:
        step = await begin_step(row["id"], CaseAction.TAKE_BACK, None)
        await _back_to_keeper(step, "处置单位已撤销")
        await notify(await role_holders(step.case.keeper_id), messages.RETURNED, grid_case=row["id"])


async def add_case_note(actor_id: str, case_id: str, words: str, picture_ids: list[str]) -> CaseView:
    """How it goes, for those whom it concerns.

    Raises InvalidFields, NotFound, NotAllowed, WrongState, PictureUnusable.
    """
    words, picture_ids = words.strip(), list(dict.fromkeys(picture_ids))
    if not words and not picture_ids:
        raise InvalidFields.of("words", "请填写进展或上传照片")
    async with transaction():
        step = await begin_step(case_id, CaseAction.ADD_NOTE, actor_id)
        await attach_pictures(actor_id, picture_ids, ("grid_case_step", case_id))
        await finish_step(step, words=words, picture_ids=picture_ids)
        await tell_reporter(step.case, messages.PROGRESSED)
        return await conclude("add_case_note", actor_id, step)


async def answer_case(
    actor_id: str, case_id: str, outcome: CaseOutcome, answer: str, picture_ids: list[str], *, minutes: int = 0
) -> CaseView:
    """What became of it, in words that the resident reads once somebody else has looked; with photos of how it is now
    where the standard asks for them. `minutes`: how long the handler worked on it.

    Raises PhotosNeeded, NotFound, NotAllowed, WrongState, PictureUnusable.
    """
    picture_ids = list(dict.fromkeys(picture_ids))
    async with transaction():
        step = await begin_step(case_id, CaseAction.ANSWER, actor_id)
        case = step.case
        standard = await CaseStandard.get(id=case.standard_id)
        if standard.needs_photos and outcome is CaseOutcome.FIXED and not picture_ids:
            raise PhotosNeeded()
        await attach_pictures(actor_id, picture_ids, ("grid_case_step", case_id))
        # What was asked for is no longer of use.
        forget_asked(case)
        case.outcome, case.answer, case.answer_picture_ids = outcome, answer.strip(), picture_ids
        case.answered_at = clock.now()
        await finish_step(step, words=answer.strip(), picture_ids=picture_ids, minutes=minutes)
        await notify(await role_holders(case.keeper_id, besides=actor_id), messages.TO_CHECK, grid_case=case_id)
        return await conclude("answer_case", actor_id, step, outcome=str(outcome))


async def _back_to_keeper(step: Step, words: str) -> None:
    case = step.case
    organization_id, case.handler_id = case.handler_id, None
    forget_asked(case)
    await finish_step(step, words=words, organization_id=organization_id)
