"""Reading one case: as those see it whom it concerns, those who handle it, and everybody else."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from server.accounts.queries import describe_persons
from server.foundation import clock
from server.foundation.database import exists, fetch, fetch_one
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.location import Location
from server.foundation.rating import Rating
from server.foundation.rows import columns_of, row_as
from server.grid_cases.models import (
    CaseKind,
    CaseOutcome,
    CaseSource,
    CaseState,
    DelayKind,
    GridCase,
)
from server.grid_cases.rules import CASE_TABLE, SHOWN_WORDS, CaseAction, CaseActor
from server.grid_cases.steps import AT_WORK, CONCERNED, STAKES, actors_of, may_see, reads_as_staff
from server.media.uploads.queries import PictureView, in_order, picture_views


class StepView(msgspec.Struct, kw_only=True):
    """A line of the time line. `by_name`, `words` and `minutes` are there for those who may read them; `in_time` tells
    whether it was done by when it was due, null where nothing was."""

    action: CaseAction
    at: datetime
    organization_name: str
    by_name: str
    to_state: CaseState
    words: str
    pictures: list[PictureView]
    in_time: bool | None
    due_to: datetime | None
    """When the case itself is due since then, where the step said so."""
    minutes: int | None


class AskedView(msgspec.Struct, kw_only=True):
    """What the handler asks for: more time (`amount`, in the standard's unit), or a stop until a day."""

    kind: DelayKind
    amount: int | None
    until: datetime | None
    reason: str


class CaseView(msgspec.Struct, kw_only=True):
    """A case as the caller sees it: never who reported it. What is the staff's alone is empty for others."""

    id: Id
    category_id: Id
    category_name: str
    kind: CaseKind
    state: CaseState
    source: CaseSource
    is_private: bool
    is_shown: bool
    """The content check has passed it: until then only those see it whom it concerns."""
    text: str
    place: str
    location: Location | None
    community_id: Id
    community_name: str
    grid_id: Id | None
    keeper_id: Id
    handler_id: Id | None
    holder_name: str
    """Whose turn it is; empty once it is nobody's."""
    responsible_name: str
    """Who accepted it first, and remains responsible."""
    pictures: list[PictureView]
    reported_at: datetime
    answer_due_at: datetime
    due_at: datetime | None
    stage_due_at: datetime | None
    overdue: bool
    resume_at: datetime | None
    outcome: CaseOutcome | None
    answer: str
    answer_pictures: list[PictureView]
    followers: int
    rating: Rating | None
    reached: bool | None
    """Whether somebody was in touch, in the word of who reported it; so is `solved`."""
    solved: bool | None
    reopenings: int
    extensions: int
    asked: AskedView | None
    merged_into_id: Id | None
    steps: list[StepView]
    actors: list[CaseActor]
    actions: list[CaseAction]


_NAMES = (
    "k.name AS category_name, k.kind AS kind, o.name AS community_name, h.name AS holder_name, "
    "r.name AS responsible_name, "
    "(SELECT count(*)::int FROM grid_case_follower f WHERE f.case_id = c.id AND f.ended_at IS NULL) AS followers"
)
JOINED = (
    "FROM grid_case c JOIN case_category k ON k.id = c.category_id JOIN organization o ON o.id = c.community_id "
    "LEFT JOIN organization h ON h.id = c.holder_id LEFT JOIN organization r ON r.id = c.responsible_id"
)
"""SQL: case `c` with category `k`, community `o`, holder `h` and who is responsible `r`."""


async def get_visible_case(person_id: str, case_id: str) -> CaseView:
    """One case as this person sees it. Raises NotFound, also for others' private ones."""
    row = await fetch_one(
        f"SELECT {columns_of(GridCase, 'c', 'c_')}, {_NAMES}, {STAKES} {JOINED} WHERE c.id = $1", case_id, person_id
    )
    if row is None:
        raise NotFound()
    case = row_as(GridCase, row, "c_")
    actors = actors_of(person_id, row)
    at_work = bool(actors & AT_WORK) or reads_as_staff(row) or row["recorded_by_id"] == person_id
    if not at_work and not may_see(case, actors):
        raise NotFound()
    return await _view(case, row, actors, at_work=at_work)


async def _view(case: GridCase, row: Any, actors: set[CaseActor], *, at_work: bool) -> CaseView:
    state = CaseState(case.state)
    is_told = at_work or bool(actors & CONCERNED)
    # Nothing is an answer before somebody else has looked at it.
    is_answered = at_work or state in (CaseState.CHECKED, CaseState.CLOSED)
    steps = await _steps_of(case.id, at_work=at_work, is_told=is_told)
    # Others see the pictures once staff have looked at the case, and blurred what is nobody's business.
    own_ids = case.picture_ids if at_work or CaseActor.REPORTER in actors or case.filed_at else []
    shown = [*own_ids, *(case.answer_picture_ids if is_answered else [])]
    pictures = await picture_views([*shown, *(each for step in steps for each in step["picture_ids"])])
    return CaseView(
        id=case.id,
        category_id=case.category_id,
        category_name=row["category_name"],
        kind=row["kind"],
        state=state,
        source=CaseSource(case.source),
        is_private=case.is_private,
        is_shown=case.is_shown,
        text=case.text,
        place=case.place,
        location=Location(*case.location) if case.location else None,
        community_id=case.community_id,
        community_name=row["community_name"],
        grid_id=case.grid_id,
        keeper_id=case.keeper_id,
        handler_id=case.handler_id,
        holder_name=row["holder_name"] or "",
        responsible_name=row["responsible_name"] or "",
        pictures=in_order(pictures, own_ids),
        reported_at=case.created_at,
        answer_due_at=case.answer_due_at,
        due_at=case.due_at,
        stage_due_at=case.stage_due_at,
        overdue=case.stage_due_at is not None and case.stage_due_at < clock.now(),
        resume_at=case.resume_at,
        outcome=case.outcome if is_answered else None,
        answer=case.answer if is_answered else "",
        answer_pictures=in_order(pictures, case.answer_picture_ids) if is_answered else [],
        followers=row["followers"],
        rating=_rating_of(case, with_text=at_work or CaseActor.REPORTER in actors) if is_told else None,
        reached=case.reached if is_told else None,
        solved=case.solved if is_told else None,
        reopenings=case.reopenings,
        extensions=case.extensions,
        asked=_asked_of(case) if at_work else None,
        merged_into_id=case.merged_into_id if is_told else None,
        steps=[_step_view(step, pictures, at_work=at_work) for step in steps],
        actors=sorted(actors),
        actions=offered_actions(state, actors),
    )


def offered_actions(state: CaseState, actors: set[CaseActor]) -> list[CaseAction]:
    """What the table lets them do, without joining again what they follow."""
    idle = {CaseAction.JOIN} if CaseActor.FOLLOWER in actors else set()
    return [action for action in CASE_TABLE.possible_actions(state, actors) if action not in idle]


async def _steps_of(case_id: str, *, at_work: bool, is_told: bool) -> list[Any]:
    rows = await fetch(
        "SELECT s.action, s.created_at, s.by_id, s.to_state, s.words, s.picture_ids, s.due_at, s.due_to, s.minutes, "
        "o.name AS organization_name FROM grid_case_step s LEFT JOIN organization o ON o.id = s.organization_id "
        "WHERE s.case_id = $1 ORDER BY s.id",
        case_id,
    )
    named = await describe_persons({row["by_id"] for row in rows if row["by_id"]}) if at_work else {}
    steps = []
    for row in rows:
        step = dict(row)
        is_staffs = row["organization_name"] is not None
        # Who did it at work; who reported or follows it is nobody's business.
        step["by_name"] = named[row["by_id"]]["nickname"] if is_staffs and row["by_id"] in named else ""
        if not at_work and not (is_told and row["action"] in SHOWN_WORDS):
            step["words"], step["picture_ids"] = "", []
        steps.append(step)
    return steps


def _step_view(step: dict[str, Any], pictures: dict[str, PictureView], *, at_work: bool) -> StepView:
    due_at = step["due_at"]
    return StepView(
        action=CaseAction(step["action"]),
        at=step["created_at"],
        organization_name=step["organization_name"] or "",
        by_name=step["by_name"],
        to_state=CaseState(step["to_state"]),
        words=step["words"],
        pictures=in_order(pictures, step["picture_ids"]),
        in_time=step["created_at"] <= due_at if due_at else None,
        due_to=step["due_to"],
        minutes=step["minutes"] if at_work else None,
    )


def _rating_of(case: GridCase, *, with_text: bool) -> Rating | None:
    """The words are between who reported it and those at work: no content check has read them."""
    if case.rated_at is None:
        return None
    return Rating(stars=case.stars or 1, text=case.rating_text if with_text else "", rated_at=case.rated_at)


def _asked_of(case: GridCase) -> AskedView | None:
    if case.asked is None:
        return None
    return AskedView(kind=case.asked, amount=case.asked_amount, until=case.asked_until, reason=case.asked_reason)


async def describe_cases(case_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The words by which messages tell of cases: never who reported it."""
    rows = await fetch(
        "SELECT c.id, k.name AS category, c.place, c.outcome FROM grid_case c "
        "JOIN case_category k ON k.id = c.category_id WHERE c.id = ANY($1)",
        list(case_ids),
    )
    return {
        row["id"]: {
            "id": row["id"],
            "title": f"{row['category']}（{row['place']}）" if row["place"] else row["category"],
            "outcome": CaseOutcome(row["outcome"]).word if row["outcome"] else "",
        }
        for row in rows
    }


async def has_reported(person_id: str, path: str) -> bool:
    """Whether the person reported or follows a case of a community whose path is `path` or below."""
    return await exists(
        "SELECT 1 FROM grid_case c JOIN organization o ON o.id = c.community_id "
        "WHERE c.reporter_id = $1 AND o.path <@ $2::ltree",
        person_id,
        path,
    )
