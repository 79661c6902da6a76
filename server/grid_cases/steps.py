"""One step of a case: lock it, ask the table, change it and add to its time line. Every verb goes through here."""

from datetime import date, datetime, timedelta
from typing import Any

from server.calendars.holidays import Loaded, read_loaded_years
from server.calendars.working_time import Limit, Pace, due_after
from server.foundation import clock
from server.foundation.database import fetch_one
from server.foundation.dates import today
from server.foundation.errors import NotFound
from server.foundation.rows import lock_row, write_together
from server.grid_cases.models import CaseStandard, CaseState, GridCase, GridCaseStep
from server.grid_cases.partners import tell_partners
from server.grid_cases.rules import CASE_TABLE, CHECK_WITHIN_MINUTES, HIDDEN, CaseAction, CaseActor
from server.organizations.access import GRID_WORKERS, LIAISONS, READERS, WORKERS, kinds_held, role_holders
from server.organizations.models import Level, Organization, RoleKind

_KEEPERS_STATES = (CaseState.REPORTED, CaseState.FILED, CaseState.ANSWERED)
_HANDLERS_STATES = (CaseState.DISPATCHED, CaseState.HANDLING, CaseState.SUSPENDED)


class Step:
    """A case under lock, who acts on it in which qualities, and where the action leads."""

    def __init__(
        self, case: GridCase, action: CaseAction, following: CaseState, actors: set[CaseActor], by_id: str | None
    ) -> None:
        self.case, self.action, self.following, self.actors, self.by_id = case, action, following, actors, by_id
        self.was, self.due_from = CaseState(case.state), case.due_at
        self.stage_due_at = case.stage_due_at


async def begin_step(case_id: str, action: CaseAction, person_id: str | None) -> Step:
    """Lock the case in the caller's transaction and ask the table; `person_id` None is the system.

    Raises NotFound when there is no such case for this person, NotAllowed and WrongState as the table says.
    """
    # The case's row is what people race for (two who accept, an answer against a merge): who locks it first decides,
    # and the next one reads what became of it.
    case = await lock_row(GridCase, case_id)
    if case is None:
        raise NotFound()
    actors = await actors_at(person_id, case_id)
    if not may_see(case, actors):
        raise NotFound()
    return Step(case, action, CASE_TABLE.next_state(CaseState(case.state), action, actors), actors, person_id)


async def finish_step(
    step: Step,
    *,
    words: str = "",
    picture_ids: list[str] | None = None,
    minutes: int | None = None,
    organization_id: str | None = None,
) -> GridCaseStep:
    """Write the case as the table says, whose turn it is now, by when, and the line of its time line."""
    case, now = step.case, clock.now()
    organization_id = organization_id or case.holder_id
    case.state, case.changed_at = step.following, now
    if step.following in _KEEPERS_STATES:
        case.holder_id = case.keeper_id
    elif step.following in _HANDLERS_STATES:
        case.holder_id = case.handler_id
    else:
        case.holder_id = None
    if step.following is not step.was:
        case.stage_due_at = await stage_due_at(case)
    line = GridCaseStep(
        case_id=case.id,
        action=str(step.action),
        from_state=step.was,
        to_state=step.following,
        by_id=step.by_id,
        organization_id=organization_id if step.actors & AT_WORK else None,
        due_at=step.stage_due_at,
        due_from=step.due_from if case.due_at != step.due_from else None,
        due_to=case.due_at if case.due_at != step.due_from else None,
        words=words,
        picture_ids=picture_ids or [],
        minutes=minutes,
    )
    await write_together(case, line)
    await tell_partners(case, line)
    return line


async def stage_due_at(case: GridCase) -> datetime | None:
    """By when its holder has to do their part, from now on."""
    standard = await CaseStandard.get(id=case.standard_id)
    pace = Pace.RUNNING if standard.pace is Pace.RUNNING else Pace.WORKING_HOURS
    minutes = {
        CaseState.REPORTED: standard.file_minutes,
        CaseState.FILED: standard.dispatch_minutes,
        CaseState.DISPATCHED: standard.accept_minutes,
        CaseState.ANSWERED: CHECK_WITHIN_MINUTES,
    }.get(CaseState(case.state))
    if minutes:
        return due_after(clock.now(), Limit(minutes, pace), await loaded_years())
    return {CaseState.HANDLING: case.due_at, CaseState.SUSPENDED: case.resume_at}.get(CaseState(case.state))


async def loaded_years() -> Loaded:
    """The holidays that staff loaded, of all years that a due time may lie in."""
    day = today()
    return await read_loaded_years(date(day.year - 1, 1, 1), day + timedelta(days=800))


def forget_asked(case: GridCase) -> None:
    """Nothing is asked for (any more)."""
    empty(case, "asked", "asked_amount", "asked_until", "asked_by_id")
    case.asked_reason = ""


def empty(case: GridCase, *names: str) -> None:
    """These columns hold nothing."""
    for name in names:
        setattr(case, name, None)


def handling_limit(standard: CaseStandard) -> Limit:
    return Limit(standard.amount, Pace(standard.pace))


def handlers_at(level: Level) -> tuple[RoleKind, ...]:
    """Who handles the cases of an organization of this level."""
    return LIAISONS if level is Level.UNIT else GRID_WORKERS if level is Level.GRID else WORKERS


STAKES = (
    "c.reporter_id, c.recorded_by_id, EXISTS (SELECT 1 FROM grid_case_follower f WHERE f.case_id = c.id "
    "AND f.person_id = $2 AND f.ended_at IS NULL) AS follows, "
    "EXISTS (SELECT 1 FROM grid_case_step s WHERE s.case_id = c.id AND s.by_id = $2 "
    "AND s.action IN ('accept', 'add_note', 'answer', 'ask_delay', 'hand_over')) AS had_a_hand, "
    f"{kinds_held('$2', 'c.keeper_id')} AS at_keeper, {kinds_held('$2', 'c.community_id')} AS at_community, "
    f"{kinds_held('$2', 'c.grid_id')} AS at_grid, "
    f"{kinds_held('$2', 'c.handler_id', own_liaisons=True)} AS at_handler, "
    "(SELECT level FROM organization WHERE id = c.handler_id) AS handler_level, "
    f"{kinds_held('$2', 'c.responsible_id', own_liaisons=True)} AS at_responsible, "
    "(SELECT level FROM organization WHERE id = c.responsible_id) AS responsible_level"
)
"""SQL: all by which the person $2 can be something to case `c`."""

AT_WORK = {CaseActor.KEEPER, CaseActor.CHECKER, CaseActor.HANDLER}
CONCERNED = AT_WORK | {CaseActor.REPORTER, CaseActor.FOLLOWER}


def actors_of(person_id: str | None, stakes: Any) -> set[CaseActor]:
    """In which qualities the person, or the system (None), acts on the case of a row of STAKES."""
    if person_id is None:
        return {CaseActor.SYSTEM}
    actors = set()
    is_reporter = stakes["reporter_id"] == person_id
    if is_reporter:
        actors.add(CaseActor.REPORTER)
    elif stakes["follows"]:
        actors.add(CaseActor.FOLLOWER)
    else:
        actors.add(CaseActor.RESIDENT)
    if _works_for("handler", stakes):
        actors.add(CaseActor.HANDLER)
    # Nobody decides about what they reported as a resident.
    if not is_reporter and not set(WORKERS).isdisjoint(stakes["at_keeper"]):
        actors.add(CaseActor.KEEPER)
        if not stakes["had_a_hand"]:
            actors.add(CaseActor.CHECKER)
    return actors


async def actors_at(person_id: str | None, case_id: str) -> set[CaseActor]:
    """The same of one case that there is."""
    stakes = await fetch_one(f"SELECT {STAKES} FROM grid_case c WHERE c.id = $1", case_id, person_id)
    assert stakes
    return actors_of(person_id, stakes)


def _works_for(organization: str, stakes: Any) -> bool:
    level = stakes[f"{organization}_level"]
    return bool(level) and not set(handlers_at(Level(level))).isdisjoint(stakes[f"at_{organization}"])


def reads_as_staff(stakes: Any) -> bool:
    """Whether somebody reads the case at work without acting on it: whoever works for its community, or above, its
    grid's workers, observers, and those who remain responsible for it."""
    readers = {*READERS, RoleKind.GRID_WORKER}
    if _works_for("responsible", stakes):
        return True
    return not readers.isdisjoint(stakes["at_community"]) or not readers.isdisjoint(stakes["at_grid"])


def may_see(case: GridCase, actors: set[CaseActor]) -> bool:
    """Whether the case exists for somebody who is `actors` to it: a private one for those alone whom it concerns."""
    if CaseActor.SYSTEM in actors or actors & CONCERNED:
        return True
    return case.is_shown and not case.is_private and case.state not in HIDDEN


async def handler_people(organization_id: str, level: Level) -> list[str]:
    """Who is told that there is something to handle."""
    return await role_holders(organization_id, handlers_at(level))


async def handlers_of(case: GridCase) -> list[str]:
    """Who is told of what becomes of what they have to handle; nobody, where nobody has it."""
    if case.handler_id is None:
        return []
    organization = await Organization.get(id=case.handler_id)
    return await handler_people(organization.id, Level(organization.level))
