"""The three tables of states are what happens: every (state, action, actor) does what its table says, or is refused."""

import itertools
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from server.check_in.checking_in import Residence, seal_residence
from server.check_in.endings import leave_everything
from server.check_in.models import CheckIn, CheckInState
from server.check_in.posts.holding import END_TERMS
from server.check_in.posts.models import HoldingState, PostHolding
from server.check_in.rules import CHECK_IN_TABLE, HOLDING_TABLE, UNIT_TABLE, Action, Actor, next_state
from server.check_in.units.models import UnitCheckIn, UnitCheckInState, UnitKind
from server.check_in.units.unit_check_in import LAPSE_UNIT_CHECK_INS, UnitContact
from server.check_in.units.unit_check_in import _seal as seal_contact
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.database import execute, fetch_value, transaction
from server.foundation.dates import today
from server.foundation.errors import WrongState
from server.foundation.ids import new_id
from server.members.service import membership_of
from server.organizations.models import Organization
from server.places.service import leave_place, take_place
from tests.builders import create_community, create_resident, create_staff
from tests.check_in.builders import (
    Unit,
    application,
    create_checked_in,
    create_member,
    create_post,
    create_unit,
    inbox_events,
    unit_application,
)
from tests.check_in.builders import today as day
from tests.clients import Api

REASON = {"reason": "原因"}


class Step(NamedTuple):
    method: str
    path: str
    body: Any


UNIT_STEPS = {
    Action.CHANGE: ("PUT", "/unit-check-ins/{}"),
    Action.WITHDRAW: ("POST", "/unit-check-ins/{}/withdraw"),
    Action.CONFIRM: ("POST", "/staff/unit-check-ins/{}/accept"),
    Action.RETURN: ("POST", "/staff/unit-check-ins/{}/return"),
    Action.REFUSE: ("POST", "/staff/unit-check-ins/{}/refuse"),
    Action.CHANGE_DETAILS: ("PUT", "/unit-check-ins/{}/contact"),
    Action.CHANGE_TERMS: ("PUT", "/staff/unit-check-ins/{}/dates"),
    Action.END: ("POST", "/unit-check-ins/{}/end"),
}


def unit_step(action: Action, actor: Actor, unit: Unit) -> Step:
    method, path = UNIT_STEPS[action]
    if action is Action.END and actor is not Actor.LIAISON:
        path = f"/staff{path}"
    contact = {"contact": {"name": "吴新", "phone": "13800001111"}, "member_count": 90, "version": 1}
    bodies = {
        Action.CHANGE: unit_application(unit, version=1),
        Action.CONFIRM: {"starts_on": day(), "ends_on": day(30)},
        Action.CHANGE_DETAILS: contact,
        Action.CHANGE_TERMS: {"ends_on": day(60), "version": 1},
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
    callers: dict[str, tuple[Actor | None, Api]] = {
        "liaison": (Actor.LIAISON, unit.liaison),
        "staff": (Actor.STAFF, staff),
        "liaison of another unit": (None, other_unit.liaison),
        "staff elsewhere": (None, elsewhere),
        "resident": (None, resident),
    }
    tried = 0
    for state, action, who in itertools.product(UnitCheckInState, UNIT_STEPS, callers):
        actor, caller = callers[who]
        step = unit_step(action, actor or Actor.LIAISON, unit)
        expected = UNIT_TABLE.get((state, action, actor)) if actor else None
        unit_check_in = await put_unit_check_in(unit, community, state)
        response = await caller.send(step.method, step.path.format(unit_check_in), step.body)
        now = await UnitCheckIn.get(id=unit_check_in)
        told = f"{state} {action} {who}: {response.status_code} {response.text[:200]}"
        tried += 1
        if expected is None:
            ever = any((other, action, actor) in UNIT_TABLE for other in UnitCheckInState)
            codes = {"wrong_state"} if ever else {"not_found", "not_allowed"}
            assert response.json()["code"] in codes, told
            assert now.state is state, told
        else:
            assert response.is_success, told
            assert now.state is expected, told
            assert (now.version, await AuditEntry.filter(subject_id=unit_check_in).count()) == (2, 1), told
    assert tried == 6 * 8 * 5


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
    assert await inbox_events(unit.liaison.person_id) == ["unit_check_in_ended"]
    assert await inbox_events(staff.person_id) == ["unit_check_in_ended_for_staff"]
    assert await fetch_value("SELECT actor_id FROM audit_entry WHERE action = 'end_unit_check_in'") is None


CHECK_IN_STEPS = {
    Action.CHANGE: ("PUT", "/check-ins/{}"),
    Action.WITHDRAW: ("POST", "/check-ins/{}/withdraw"),
    Action.CONFIRM: ("POST", "/staff/check-ins/{}/confirm"),
    Action.RETURN: ("POST", "/staff/check-ins/{}/return"),
    Action.REFUSE: ("POST", "/staff/check-ins/{}/refuse"),
    Action.CHANGE_DETAILS: ("PUT", "/check-ins/{}/talents"),
    Action.CHANGE_TERMS: ("PUT", "/staff/check-ins/{}/grid"),
    Action.END: ("POST", "/staff/check-ins/{}/end"),
}


async def put_check_in(membership_id: str, community: Organization, state: CheckInState) -> str:
    await execute("DELETE FROM check_in")
    check_in_id = new_id()
    await CheckIn.create(
        id=check_in_id,
        membership_id=membership_id,
        community_id=community.id,
        state=state,
        residence=seal_residence(check_in_id, Residence("阳光花园")),
        applied_at=clock.now(),
        ended_at=clock.now() if state is CheckInState.ENDED else None,
    )
    return check_in_id


async def test_check_ins_do_what_the_table_says(api: Api) -> None:
    community = await create_community()
    staff, elsewhere = await create_staff(api, community), await create_staff(api, await create_community())
    member, stranger = await create_member(api), await create_member(api)
    for one in (member, stranger):
        await one.post("/check-ins", application(community), expect=201)
    membership = await membership_of(member.person_id)
    assert membership
    callers: dict[str, tuple[Actor | None, Api]] = {
        "member": (Actor.MEMBER, member),
        "staff": (Actor.STAFF, staff),
        "another member": (None, stranger),
        "staff elsewhere": (None, elsewhere),
    }
    talents = {"residence": {"estate": "海悦小区"}, "version": 1}
    bodies = {
        Action.CHANGE: application(community, version=1),
        Action.CONFIRM: {},
        Action.CHANGE_DETAILS: talents,
        Action.CHANGE_TERMS: {"grid_id": None},
    }
    tried = 0
    for state, action, who in itertools.product(CheckInState, CHECK_IN_STEPS, callers):
        actor, caller = callers[who]
        method, path = CHECK_IN_STEPS[action]
        expected = CHECK_IN_TABLE.get((state, action, actor)) if actor else None
        check_in = await put_check_in(membership, community, state)
        response = await caller.send(method, path.format(check_in), bodies.get(action, REASON))
        now = await CheckIn.get(id=check_in)
        told = f"{state} {action} {who}: {response.status_code} {response.text[:200]}"
        tried += 1
        if expected is None:
            ever = any((other, action, actor) in CHECK_IN_TABLE for other in CheckInState)
            codes = {"wrong_state"} if ever else {"not_found", "not_allowed"}
            assert response.json()["code"] in codes, told
            assert now.state is state, told
        else:
            assert response.is_success, told
            assert now.state is expected, told
            same_tap = (state, action) == (CheckInState.CONFIRMED, Action.CONFIRM)
            assert await AuditEntry.filter(subject_id=check_in).count() == (0 if same_tap else 1), told
    assert tried == 6 * 8 * 4


async def test_check_ins_lapse_as_the_table_says(api: Api) -> None:
    community = await create_community()
    member = await create_member(api)
    for state in CheckInState:
        await member.post("/check-ins", application(community), expect=201)
        membership = await membership_of(member.person_id)
        assert membership
        check_in = await put_check_in(membership, community, state)
        async with transaction():
            await leave_everything(member.person_id)
        expected = CHECK_IN_TABLE.get((state, Action.LAPSE, Actor.SYSTEM), state)
        assert (await CheckIn.get(id=check_in)).state is expected


HOLDING_STEPS = {
    Action.WITHDRAW: "/post-holdings/{}/leave",
    Action.CONFIRM: "/staff/post-holdings/{}/approve",
    Action.REFUSE: "/staff/post-holdings/{}/refuse",
    Action.END: "/staff/post-holdings/{}/end",
}


async def put_holding(post: str, membership_id: str, state: HoldingState) -> str:
    allotment = await fetch_value("SELECT allotment_id FROM post WHERE id = $1", post)
    for row in await PostHolding.filter(state=HoldingState.HELD):
        await leave_place(str(row.place_id))
    await execute("DELETE FROM post_holding")
    had = state in (HoldingState.HELD, HoldingState.LEFT, HoldingState.ENDED)
    place = await take_place(allotment, membership_id) if had else None
    if place and state is not HoldingState.HELD:
        await leave_place(place.id)
    holding = await PostHolding.create(
        post_id=post,
        membership_id=membership_id,
        state=state,
        place_id=place.id if place else None,
        applied_at=clock.now(),
    )
    return holding.id


async def test_holdings_do_what_the_table_says(api: Api) -> None:
    community = await create_community()
    staff, elsewhere = await create_staff(api, community), await create_staff(api, await create_community())
    member, stranger = [await create_checked_in(api, staff, community) for _ in range(2)]
    membership = await membership_of(member.person_id)
    assert membership
    post = await create_post(staff, community, places=2)
    callers: dict[str, tuple[Actor | None, Api]] = {
        "member": (Actor.MEMBER, member),
        "staff": (Actor.STAFF, staff),
        "another member": (None, stranger),
        "staff elsewhere": (None, elsewhere),
    }
    for state, action, who in itertools.product(HoldingState, HOLDING_STEPS, callers):
        actor, caller = callers[who]
        expected = HOLDING_TABLE.get((state, action, actor)) if actor else None
        holding = await put_holding(post, membership, state)
        body = None if action is Action.CONFIRM else REASON
        response = await caller.send("POST", HOLDING_STEPS[action].format(holding), body)
        now = await PostHolding.get(id=holding)
        told = f"{state} {action} {who}: {response.status_code} {response.text[:200]}"
        if expected is None:
            ever = any((other, action, actor) in HOLDING_TABLE for other in HoldingState)
            codes = {"wrong_state"} if ever else {"not_found", "not_allowed"}
            assert response.json()["code"] in codes, told
            assert now.state is state, told
        else:
            assert response.is_success, told
            assert now.state is expected, told
            taken = await fetch_value("SELECT taken FROM allotment")
            assert taken == (1 if expected is HoldingState.HELD else 0), told


async def test_holdings_lapse_as_the_table_says(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    member = await create_checked_in(api, staff, community)
    membership = await membership_of(member.person_id)
    assert membership
    for state in HoldingState:
        post = await create_post(staff, community, term_starts_on="2020-01-01", term_ends_on="2020-12-31")
        holding = await put_holding(post, membership, state)
        assert await END_TERMS.run() == 1
        expected = HOLDING_TABLE.get((state, Action.LAPSE, Actor.SYSTEM), state)
        assert (await PostHolding.get(id=holding)).state is expected


@pytest.mark.parametrize("table", [UNIT_TABLE, CHECK_IN_TABLE, HOLDING_TABLE])
def test_the_tables_are_whole(table: dict[tuple[Any, Action, Actor], Any]) -> None:
    states: Any = type(next(iter(table))[0])
    reachable = {states.APPLIED}
    while more := {after for (before, _, _), after in table.items() if before in reachable} - reachable:
        reachable |= more
    assert reachable == set(states)
    for state, action, actor in itertools.product(states, Action, Actor):
        if (state, action, actor) in table:
            assert next_state(table, state, action, actor) is table[state, action, actor]
        else:
            with pytest.raises(WrongState):
                next_state(table, state, action, actor)
