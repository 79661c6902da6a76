"""The table of states is what happens: every (state, action, actor) does what it says, or is refused."""

from server.check_in.endings import leave_everything
from server.check_in.models import CheckIn, CheckInState
from server.check_in.residence import Residence, seal_residence
from server.check_in.rules import CHECK_IN_TABLE, CheckInAction, CheckInActor
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.database import execute, transaction
from server.foundation.ids import new_id
from server.members.memberships import membership_of
from server.organizations.models import Organization
from tests.builders import create_community, create_staff
from tests.check_in.builders import (
    application,
    create_member,
)
from tests.clients import Api
from tests.state_tables import Outcome, check_shown, check_table, outcome, try_every_combination

REASON = {"reason": "原因"}
PARTS = {"member": {CheckInActor.MEMBER}, "staff": {CheckInActor.STAFF}}

CHECK_IN_STEPS = {
    CheckInAction.CHANGE: ("PUT", "/check-ins/{}"),
    CheckInAction.WITHDRAW: ("POST", "/check-ins/{}/withdraw"),
    CheckInAction.CONFIRM: ("POST", "/staff/check-ins/{}/confirm"),
    CheckInAction.RETURN: ("POST", "/staff/check-ins/{}/return"),
    CheckInAction.REFUSE: ("POST", "/staff/check-ins/{}/refuse"),
    CheckInAction.CHANGE_DETAILS: ("PUT", "/check-ins/{}/talents"),
    CheckInAction.CHANGE_TERMS: ("PUT", "/staff/check-ins/{}/grid"),
    CheckInAction.END: ("POST", "/staff/check-ins/{}/end"),
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
    callers = {"member": member, "staff": staff, "another member": stranger, "staff elsewhere": elsewhere}
    parts = {who: PARTS.get(who, set()) for who in callers}
    talents = {"residence": {"estate": "海悦小区"}, "version": 1}
    bodies = {
        CheckInAction.CHANGE: application(community, version=1),
        CheckInAction.CONFIRM: {},
        CheckInAction.CHANGE_DETAILS: talents,
        CheckInAction.CHANGE_TERMS: {"grid_id": None},
    }

    async def attempt(state: CheckInState, action: CheckInAction, who: str) -> Outcome:
        method, path = CHECK_IN_STEPS[action]
        check_in = await put_check_in(membership, community, state)
        response = await callers[who].send(method, path.format(check_in), bodies.get(action, REASON))
        if response.is_success:
            same_tap = (state, action) == (CheckInState.CONFIRMED, CheckInAction.CONFIRM)
            assert await AuditEntry.filter(subject_id=check_in).count() == (0 if same_tap else 1), (state, action)
        return outcome(response, (await CheckIn.get(id=check_in)).state)

    assert await try_every_combination(CHECK_IN_TABLE, CHECK_IN_STEPS, parts, attempt) == 6 * 8 * 4


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
        expected = CHECK_IN_TABLE.transitions.get((state, CheckInAction.LAPSE, CheckInActor.SYSTEM), state)
        assert (await CheckIn.get(id=check_in)).state is expected


def test_the_table_is_whole() -> None:
    check_table(
        CHECK_IN_TABLE,
        first=CheckInState.APPLIED,
        final={CheckInState.WITHDRAWN, CheckInState.REFUSED, CheckInState.ENDED},
    )


def test_the_readme_shows_the_table() -> None:
    check_shown(CHECK_IN_TABLE, "check-in")
