"""The table of states is what happens: every (state, action, actor) does what it says, or is refused."""

from datetime import timedelta
from typing import Any, NamedTuple

from server.check_in.rules import CheckInAction, CheckInActor
from server.check_in.units.contact import UnitContact, seal_contact
from server.check_in.units.models import UnitCheckIn, UnitCheckInState, UnitKind
from server.check_in.units.rules import UNIT_TABLE
from server.check_in.units.unit_check_in import LAPSE_UNIT_CHECK_INS
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.database import execute, fetch_value
from server.foundation.dates import today
from server.foundation.ids import new_id
from server.organizations.models import Organization
from tests.builders import create_community, create_resident, create_staff, told
from tests.check_in.builders import (
    Unit,
    create_unit,
    unit_application,
)
from tests.check_in.builders import today as day
from tests.clients import Api
from tests.state_tables import Outcome, check_shown, check_table, outcome, try_every_combination

REASON = {"reason": "原因"}
PARTS = {"liaison": {CheckInActor.LIAISON}, "staff": {CheckInActor.STAFF}}


class Step(NamedTuple):
    method: str
    path: str
    body: Any


UNIT_STEPS = {
    CheckInAction.CHANGE: ("PUT", "/unit-check-ins/{}"),
    CheckInAction.WITHDRAW: ("POST", "/unit-check-ins/{}/withdraw"),
    CheckInAction.CONFIRM: ("POST", "/staff/unit-check-ins/{}/accept"),
    CheckInAction.RETURN: ("POST", "/staff/unit-check-ins/{}/return"),
    CheckInAction.REFUSE: ("POST", "/staff/unit-check-ins/{}/refuse"),
    CheckInAction.CHANGE_DETAILS: ("PUT", "/unit-check-ins/{}/contact"),
    CheckInAction.CHANGE_TERMS: ("PUT", "/staff/unit-check-ins/{}/dates"),
    CheckInAction.END: ("POST", "/unit-check-ins/{}/end"),
}


def unit_step(action: CheckInAction, actor: CheckInActor, unit: Unit) -> Step:
    method, path = UNIT_STEPS[action]
    if action is CheckInAction.END and actor is not CheckInActor.LIAISON:
        path = f"/staff{path}"
    contact = {"contact": {"name": "吴新", "phone": "13800001111"}, "member_count": 90, "version": 1}
    bodies = {
        CheckInAction.CHANGE: unit_application(unit, version=1),
        CheckInAction.CONFIRM: {"starts_on": day(), "ends_on": day(30)},
        CheckInAction.CHANGE_DETAILS: contact,
        CheckInAction.CHANGE_TERMS: {"ends_on": day(60), "version": 1},
    }
    return Step(method, path, bodies.get(action, REASON))


async def put_unit_check_in(unit: Unit, area: Organization, state: UnitCheckInState, **values: Any) -> str:
    """A unit check-in straight into a state."""
    await execute("DELETE FROM unit_check_in")
    unit_check_in_id = new_id()
    began = state in (UnitCheckInState.ACCEPTED, UnitCheckInState.ENDED)
    told: dict[str, Any] = {
        "id": unit_check_in_id,
        "unit_id": unit.id,
        "area_id": area.id,
        "party_organization_id": unit.party.id,
        "unit_kind": UnitKind.AGENCY,
        "state": state,
        "member_count": 5,
        "contact": seal_contact(unit_check_in_id, UnitContact("周联络", "13800000000")),
        "applied_by_id": unit.liaison.person_id,
        "applied_at": clock.now(),
        "starts_on": today() if began else None,
        "ended_at": clock.now() if state is UnitCheckInState.ENDED else None,
    }
    await UnitCheckIn.create(**told | values)
    return unit_check_in_id


async def test_unit_check_ins_do_what_the_table_says(api: Api) -> None:
    community = await create_community()
    unit, other_unit = await create_unit(api), await create_unit(api)
    staff, elsewhere = await create_staff(api, community), await create_staff(api, await create_community())
    resident = await create_resident(api, community)
    callers = {
        "liaison": unit.liaison,
        "staff": staff,
        "liaison of another unit": other_unit.liaison,
        "staff elsewhere": elsewhere,
        "resident": resident,
    }
    parts = {who: PARTS.get(who, set()) for who in callers}

    async def attempt(state: UnitCheckInState, action: CheckInAction, who: str) -> Outcome:
        actor = next(iter(parts[who]), None)
        step = unit_step(action, actor or CheckInActor.LIAISON, unit)
        unit_check_in = await put_unit_check_in(unit, community, state)
        response = await callers[who].send(step.method, step.path.format(unit_check_in), step.body)
        now = await UnitCheckIn.get(id=unit_check_in)
        if response.is_success:
            assert (now.version, await AuditEntry.filter(subject_id=unit_check_in).count()) == (2, 1), (state, action)
        return outcome(response, now.state)

    assert await try_every_combination(UNIT_TABLE, UNIT_STEPS, parts, attempt) == 6 * 8 * 5


async def test_unit_check_ins_lapse_as_the_table_says(api: Api) -> None:
    community = await create_community()
    unit, staff = await create_unit(api), await create_staff(api, community)
    for state in UnitCheckInState:
        began = state in (UnitCheckInState.ACCEPTED, UnitCheckInState.ENDED)
        values = {"starts_on": today() - timedelta(days=9), "ends_on": today() - timedelta(days=1)} if began else {}
        unit_check_in = await put_unit_check_in(unit, community, state, **values)
        done = await LAPSE_UNIT_CHECK_INS.run()
        ends = state is UnitCheckInState.ACCEPTED
        now = await UnitCheckIn.get(id=unit_check_in)
        assert (done, now.state) == ((1, UnitCheckInState.ENDED) if ends else (0, state))
    assert await told(unit.liaison) == ["unit_check_in_ended"]
    assert await told(staff) == ["unit_check_in_ended_for_staff"]
    assert await fetch_value("SELECT actor_id FROM audit_entry WHERE action = 'end_unit_check_in'") is None


def test_the_table_is_whole() -> None:
    check_table(
        UNIT_TABLE,
        first=UnitCheckInState.APPLIED,
        final={UnitCheckInState.WITHDRAWN, UnitCheckInState.REFUSED, UnitCheckInState.ENDED},
    )


def test_the_readme_shows_the_table() -> None:
    check_shown(UNIT_TABLE, "unit-check-in")
