"""The table of states is what happens: every (state, action, actor) does what the table says, or is refused."""

import itertools
from collections.abc import Collection
from typing import Any

import pytest
from tortoise.exceptions import IntegrityError

from server.accounts.models import Person
from server.check_in.reports.models import HalfYearReport, ReportState
from server.check_in.reports.rules import REPORT_TABLE, ReportAction, ReportActor, may_see
from server.foundation.audit import AuditEntry
from server.foundation.database import execute
from server.organizations.models import RoleKind
from tests.builders import create_community, grant, move_clock_to
from tests.check_in.reports.builders import (
    OPINION,
    WEEK,
    Cast,
    create_cast,
    create_home,
    create_worker,
    put_state,
    shanghai,
)
from tests.clients import Api
from tests.state_tables import Outcome, check_shown, check_table, outcome, try_every_combination

PATHS = {
    ReportAction.ASSESS: "/staff/reports/{}/assessment",
    ReportAction.AGREE: "/reports/{}/agree",
    ReportAction.ASK_CORRECTION: "/reports/{}/correction",
    ReportAction.ACCEPT_CORRECTION: "/staff/reports/{}/correction/decision",
    ReportAction.DECLINE_CORRECTION: "/staff/reports/{}/correction/decision",
    ReportAction.RELEASE: "/staff/reports/{}/release",
    ReportAction.ACKNOWLEDGE: "/reports/{}/acknowledge",
}
BODIES: dict[ReportAction, Any] = {
    ReportAction.ASSESS: OPINION,
    ReportAction.ASK_CORRECTION: {"request": "时长不对"},
    ReportAction.ACCEPT_CORRECTION: {"accept": True, "answer": "已更正"},
    ReportAction.DECLINE_CORRECTION: {"accept": False, "answer": "无误"},
}


async def callers(api: Api, cast: Cast) -> dict[str, tuple[Api, set[ReportActor]]]:
    """Everybody who might try, and what they are to the report. A manager does the staff's work too."""
    other = await create_community()
    far_home = await create_home(other, "市交通局")
    return {
        "member": (cast.member.api, {ReportActor.MEMBER}),
        "staff": (cast.staff, {ReportActor.STAFF}),
        "manager": (cast.manager, {ReportActor.STAFF, ReportActor.MANAGER}),
        "liaison": (cast.liaison, {ReportActor.LIAISON}),
        "observer": (await create_worker(api, cast.community, RoleKind.OBSERVER), set()),
        "staff elsewhere": (await create_worker(api, other), set()),
        "manager elsewhere": (await create_worker(api, other, RoleKind.MANAGER), set()),
        "liaison elsewhere": (await create_worker(api, far_home.unit, RoleKind.LIAISON), set()),
    }


async def test_every_combination_over_http(api: Api) -> None:
    cast = await create_cast(api)
    everybody = await callers(api, cast)

    async def attempt(state: ReportState, action: ReportAction, who: str) -> Outcome:
        caller, actors = everybody[who]
        move_clock_to(shanghai(7, 1, 1))
        await put_state(cast.report_id, state)
        if action is ReportAction.RELEASE:
            move_clock_to(shanghai(7, 1, 1) + WEEK)
        method = "PUT" if action is ReportAction.ASSESS else "POST"
        response = await caller.send(method, PATHS[action].format(cast.report_id), BODIES.get(action))
        if not response.is_success and not may_see(state, actors):
            assert response.status_code == 404 or not actors or ReportActor.MEMBER in actors, (state, action, who)
        return outcome(response, (await HalfYearReport.get(id=cast.report_id)).state)

    def refusals(state: ReportState, action: ReportAction, actors: Collection[ReportActor]) -> tuple[str, ...]:
        # What is not for their eyes does not exist for them (or they have no role at all).
        return ("wrong_state" if may_see(state, actors) else "not_found", "not_allowed")

    parts = {who: actors for who, (_, actors) in everybody.items()}
    tried = await try_every_combination(REPORT_TABLE, PATHS, parts, attempt, refusals=refusals)
    assert tried == len(ReportState) * len(PATHS) * len(everybody)


async def test_who_sees_a_report_in_which_state(api: Api) -> None:
    cast = await create_cast(api)
    everybody = await callers(api, cast)
    for state, (name, (caller, actors)) in itertools.product(ReportState, everybody.items()):
        await put_state(cast.report_id, state)
        for path in ("", "/pdf", "/xlsx"):
            response = await caller.send("GET", f"/reports/{cast.report_id}{path}")
            assert response.status_code == (200 if may_see(state, actors) else 404), f"{state} {name} {path}"
        if actors == {ReportActor.MEMBER}:
            assert len(await caller.get("/me/reports")) == (state is not ReportState.DRAFT)


async def test_a_released_report_cannot_be_changed_even_in_the_database(api: Api) -> None:
    cast = await create_cast(api)
    await put_state(cast.report_id, ReportState.RELEASED)
    for change in (
        "minutes = 1",
        "points = 1",
        "content = ''",
        "words = ''",
        "grade = 'excellent'",
        "released_at = NULL",
    ):
        with pytest.raises(IntegrityError):
            await execute(f"UPDATE half_year_report SET {change} WHERE id = $1", cast.report_id)
    with pytest.raises(IntegrityError):
        await execute("DELETE FROM half_year_report WHERE id = $1", cast.report_id)


async def test_a_member_who_is_their_units_liaison_may_acknowledge(api: Api) -> None:
    cast = await create_cast(api)
    await grant(await Person.get(id=cast.member.person_id), cast.home.unit, RoleKind.LIAISON)
    await put_state(cast.report_id, ReportState.RELEASED)
    assert (await cast.member.api.post(f"/reports/{cast.report_id}/acknowledge"))["state"] == "acknowledged"


async def test_every_step_leaves_an_audit_row(api: Api) -> None:
    cast = await create_cast(api)
    people = {
        ReportActor.MEMBER: cast.member.api,
        ReportActor.STAFF: cast.staff,
        ReportActor.MANAGER: cast.manager,
        ReportActor.LIAISON: cast.liaison,
    }
    for (state, action, actor), following in REPORT_TABLE.transitions.items():
        move_clock_to(shanghai(7, 1, 1))
        await put_state(cast.report_id, state)
        if action is ReportAction.RELEASE:
            move_clock_to(shanghai(7, 1, 1) + WEEK)
        method = "PUT" if action is ReportAction.ASSESS else "POST"
        await people[actor].send(method, PATHS[action].format(cast.report_id), BODIES.get(action))
        changes = AuditEntry.filter(subject_id=cast.report_id, action__not_in=["view_report", "freeze_report"])
        entry = await changes.order_by("-id").first()
        assert entry, action
        assert (entry.actor_id, entry.person_id, entry.organization_id, entry.details["state"]) == (
            people[actor].person_id,
            cast.member.person_id,
            cast.community.id,
            str(following),
        ), (state, action)


def test_the_table_is_whole() -> None:
    check_table(REPORT_TABLE, first=ReportState.DRAFT, final={ReportState.ACKNOWLEDGED})
    assert set(PATHS) == set(REPORT_TABLE.actions)


def test_the_readme_shows_the_table() -> None:
    check_shown(REPORT_TABLE, "report")
