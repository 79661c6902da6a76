"""What the keeper does with a case: file or refuse it, give it to somebody, pass it up, put two together."""

from typing import Any

from server.calendars.working_time import due_after
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import execute, fetch, fetch_one, transaction
from server.foundation.errors import InvalidFields
from server.grid_cases import messages
from server.grid_cases.errors import LastMustTake, NobodyHandles
from server.grid_cases.models import CaseStandard, GridCase, GridCaseFollower
from server.grid_cases.queries import CaseView, get_visible_case
from server.grid_cases.rules import CaseAction
from server.grid_cases.steps import (
    Step,
    begin_step,
    finish_step,
    handler_people,
    handlers_of,
    handling_limit,
    loaded_years,
)
from server.notifications.telling import notify
from server.organizations.access import role_holders
from server.organizations.models import LEVEL_RANK, Level, Organization
from server.organizations.queries import hold_organization
from server.organizations.tree import is_within

HANDLING_LEVELS = (Level.GRID, Level.COMMUNITY, Level.SUBDISTRICT, Level.DISTRICT, Level.UNIT)
"""Whom a case can be given to."""


async def file_case(actor_id: str, case_id: str) -> CaseView:
    """It is a case: by when it is to be handled is computed now, once. Raises NotFound, NotAllowed, WrongState."""
    async with transaction():
        step = await begin_step(case_id, CaseAction.FILE, actor_id)
        step.case.filed_at = clock.now()
        await set_due(step.case)
        await finish_step(step)
        await tell_reporter(step.case, messages.FILED)
        return await conclude("file_case", actor_id, step)


async def refuse_case(actor_id: str, case_id: str, reason: str, responsible: str = "") -> CaseView:
    """It is none of ours, for a reason that is told; `responsible` says whose it is.

    Raises NotFound, NotAllowed, WrongState.
    """
    async with transaction():
        step = await begin_step(case_id, CaseAction.REFUSE, actor_id)
        await finish_step(step, words=f"{reason}（责任单位：{responsible}）" if responsible else reason)
        await tell_reporter(step.case, messages.REFUSED)
        return await conclude("refuse_case", actor_id, step)


async def dispatch_case(actor_id: str, case_id: str, organization_id: str, note: str = "") -> CaseView:
    """Give the case to a grid, a unit or an office within the keeper's area, whose people are told.

    Raises NobodyHandles, InvalidFields, NotFound, NotAllowed, WrongState.
    """
    async with transaction():
        step = await begin_step(case_id, CaseAction.DISPATCH, actor_id)
        case = step.case
        keeper = await Organization.get(id=case.keeper_id)
        target = await Organization.get_or_none(id=organization_id)
        if target is None or target.level not in HANDLING_LEVELS or not is_within(target.path, keeper.path):
            raise InvalidFields.of("organization_id", "请选择本辖区内的网格、单位或部门")
        await hold_organization(organization_id)
        people = await handler_people(target.id, Level(target.level))
        if not people or (target.level is Level.UNIT and not await _has_liaison(target.id)):
            raise NobodyHandles()
        case.handler_id = target.id
        await finish_step(step, words=note)
        await notify(people, messages.DISPATCHED, grid_case=case_id, due=case.stage_due_at)
        return await conclude("dispatch_case", actor_id, step, handler=target.id)


async def escalate_case(actor_id: str, case_id: str, reason: str) -> CaseView:
    """It fits nobody here: who is above dispatches it from now on, up to the district, which must find somebody. Its
    due times stay as they are. Raises LastMustTake, NotFound, NotAllowed, WrongState."""
    async with transaction():
        step = await begin_step(case_id, CaseAction.ESCALATE, actor_id)
        above_id = await keeper_above(step.case)
        if above_id is None:
            raise LastMustTake()
        organization_id = step.case.holder_id
        step.case.keeper_id = above_id
        await finish_step(step, words=reason, organization_id=organization_id)
        await notify(await role_holders(above_id), messages.ESCALATED, grid_case=case_id)
        return await conclude("escalate_case", actor_id, step, keeper=above_id)


async def merge_case(actor_id: str, case_id: str, into_id: str, reason: str) -> CaseView:
    """The case is the same as another, which goes on: who reported and who follows it follow that one.

    Raises InvalidFields, NotFound, NotAllowed, WrongState.
    """
    async with transaction():
        # Both in the order of ids: two merges that each look innocent would make a circle together, or wait for ever.
        await fetch(
            "SELECT 1 FROM grid_case WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE", [case_id, into_id]
        )
        step = await begin_step(case_id, CaseAction.MERGE, actor_id)
        case, into = step.case, await GridCase.get_or_none(id=into_id)
        if (
            into is None
            or into.id == case.id
            or into.community_id != case.community_id
            or into.holder_id is None
            or into.category_id != case.category_id
        ):
            raise InvalidFields.of("into_id", "请选择本社区同一类别、尚未办结的另一事项")
        if case.is_private != into.is_private:
            # A private case's follower would see, or be seen at, what is not theirs.
            raise InvalidFields.of("into_id", "公开与不公开的事项不能并案")
        organization_id = case.holder_id
        case.merged_into_id = into.id
        was_handled_by = await handlers_of(case)
        await finish_step(step, words=reason, organization_id=organization_id)
        await _move_followers(case, into)
        await notify(was_handled_by, messages.CALLED_OFF, grid_case=case_id)
        await tell_reporter(case, messages.MERGED, into=into.id)
        return await conclude("merge_case", actor_id, step, into=into.id)


async def _move_followers(case: GridCase, into: GridCase) -> None:
    """Nobody is lost: who reported the merged case, and all who follow it, follow the other one, each once."""
    rows = await fetch("SELECT person_id FROM grid_case_follower WHERE case_id = $1 AND ended_at IS NULL", case.id)
    known = {
        row["person_id"]
        for row in await fetch(
            "SELECT person_id FROM grid_case_follower WHERE case_id = $1 AND ended_at IS NULL", into.id
        )
    }
    moving = {row["person_id"] for row in rows} | {case.reporter_id}
    await GridCaseFollower.bulk_create(
        [
            GridCaseFollower(case_id=into.id, person_id=person_id)
            for person_id in sorted(each for each in moving - known - {into.reporter_id} if each)
        ]
    )
    await execute(
        "UPDATE grid_case_follower SET ended_at = $2 WHERE case_id = $1 AND ended_at IS NULL", case.id, clock.now()
    )


async def set_due(case: GridCase) -> None:
    """By when it is to be handled, counted from now on by the standard that it was reported under."""
    standard = await CaseStandard.get(id=case.standard_id)
    case.due_at = due_after(clock.now(), handling_limit(standard), await loaded_years())


async def keeper_above(case: GridCase) -> str | None:
    """Who dispatches what fits nobody at its keeper; None at the district, or where nobody is above."""
    row = await fetch_one(
        "SELECT p.id, p.level FROM organization o JOIN organization p ON p.id = o.parent_id "
        "WHERE o.id = $1 AND p.closed_at IS NULL",
        case.keeper_id,
    )
    return row["id"] if row and LEVEL_RANK[Level(row["level"])] >= LEVEL_RANK[Level.DISTRICT] else None


async def _has_liaison(unit_id: str) -> bool:
    return (
        await fetch_one(
            "SELECT 1 FROM role_grant WHERE organization_id = $1 AND kind = 'liaison' AND ended_at IS NULL", unit_id
        )
        is not None
    )


async def tell_reporter(case: GridCase, event: Any, **facts: Any) -> None:
    """Who reported it is told, where they can be."""
    if case.reporter_id:
        await notify(case.reporter_id, event, grid_case=case.id, at=clock.now(), **facts)


async def conclude(action: str, actor_id: str, step: Step, **details: Any) -> CaseView:
    """Leave the audit entry, and show staff the case as it is now."""
    await leave_entry(action, actor_id, step, **details)
    return await get_visible_case(actor_id, step.case.id)


async def leave_entry(action: str, actor_id: str, step: Step, **details: Any) -> None:
    """Whose case it is does not stand in the entry: who reads the log may not be who may know."""
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("grid_case", step.case.id),
        organization_id=step.case.community_id,
        state=str(step.following),
        **details,
    )
