"""The table of states is what happens: every (state, action, actor) does what it says, or is refused."""

from server.check_in.posts.holding import END_TERMS
from server.check_in.posts.models import HoldingState, PostHolding
from server.check_in.posts.rules import HOLDING_TABLE
from server.check_in.rules import CheckInAction, CheckInActor
from server.foundation import clock
from server.foundation.database import execute, fetch_value
from server.members.memberships import membership_of
from server.places.taking import leave_place, take_place
from tests.builders import create_community, create_staff
from tests.check_in.builders import (
    create_checked_in,
    create_post,
)
from tests.clients import Api
from tests.state_tables import Outcome, check_shown, check_table, outcome, try_every_combination

REASON = {"reason": "原因"}
PARTS = {"member": {CheckInActor.MEMBER}, "staff": {CheckInActor.STAFF}}

HOLDING_STEPS = {
    CheckInAction.WITHDRAW: "/post-holdings/{}/leave",
    CheckInAction.CONFIRM: "/staff/post-holdings/{}/approve",
    CheckInAction.REFUSE: "/staff/post-holdings/{}/refuse",
    CheckInAction.END: "/staff/post-holdings/{}/end",
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
    callers = {"member": member, "staff": staff, "another member": stranger, "staff elsewhere": elsewhere}
    parts = {who: PARTS.get(who, set()) for who in callers}

    async def attempt(state: HoldingState, action: CheckInAction, who: str) -> Outcome:
        holding = await put_holding(post, membership, state)
        body = None if action is CheckInAction.CONFIRM else REASON
        response = await callers[who].send("POST", HOLDING_STEPS[action].format(holding), body)
        now = await PostHolding.get(id=holding)
        if response.is_success:
            taken = await fetch_value("SELECT taken FROM allotment")
            assert taken == (1 if now.state is HoldingState.HELD else 0), (state, action)
        return outcome(response, now.state)

    assert await try_every_combination(HOLDING_TABLE, HOLDING_STEPS, parts, attempt) == 6 * 4 * 4


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
        expected = HOLDING_TABLE.transitions.get((state, CheckInAction.LAPSE, CheckInActor.SYSTEM), state)
        assert (await PostHolding.get(id=holding)).state is expected


def test_the_table_is_whole() -> None:
    check_table(
        HOLDING_TABLE,
        first=HoldingState.APPLIED,
        final={HoldingState.WITHDRAWN, HoldingState.REFUSED, HoldingState.LEFT, HoldingState.ENDED},
    )


def test_the_readme_shows_the_table() -> None:
    check_shown(HOLDING_TABLE, "holding")
