"""The table of states is what happens: every (state, action, actor) does what the table says, or is refused."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from server import clock
from server.audit import AuditEntry
from server.database import execute, fetch_value, transaction
from server.errors import NotAllowed, WrongState
from server.ids import new_id
from server.moderation.models import Verdict
from server.service_record.service import record_service
from server.wishes.claiming import settle_report_check
from server.wishes.jobs import expire_wishes, return_idle_claims
from server.wishes.models import HOLDING, ClaimState, Wish, WishClaim, WishState
from server.wishes.posting import settle_wish_check
from server.wishes.rules import HOLDER_BECOMES, TRANSITIONS, Action, Actor, next_state, today
from tests.clients import Api
from tests.wishes.builders import HOLDER_STATES, People, content, create_people, put_picture, put_verdict, put_wish

PATHS = {
    Action.EDIT: "/wishes/{}",
    Action.SUBMIT: "/wishes/{}/submit",
    Action.WITHDRAW: "/wishes/{}/withdraw",
    Action.RENEW: "/wishes/{}/renew",
    Action.PUBLISH: "/staff/wishes/{}/publish",
    Action.RETURN: "/staff/wishes/{}/return",
    Action.REFUSE: "/staff/wishes/{}/refuse",
    Action.CLAIM: "/wishes/{}/claim",
    Action.RELEASE: "/wishes/{}/release",
    Action.TAKE_BACK: "/staff/wishes/{}/take-back",
    Action.ASSIGN: "/staff/wishes/{}/assign",
    Action.REPORT_DONE: "/wishes/{}/report",
    Action.CONFIRM: "/wishes/{}/confirm",
    Action.CONFIRM_FOR_WISHER: "/staff/wishes/{}/confirm",
    Action.DISPUTE: "/wishes/{}/dispute",
    Action.UPHOLD_REPORT: "/staff/wishes/{}/dispute/decision",
    Action.REJECT_REPORT: "/staff/wishes/{}/dispute/decision",
    Action.LET_REDO: "/staff/wishes/{}/dispute/decision",
}
"""What people do; the rest is the system's."""

REFUSED = {"wrong_state", "not_allowed", "not_found", "own_wish", "wish_taken"}


def body_of(action: Action, people: People, picture_id: str) -> Any:
    reason = {"reason": "原因"}
    return {
        Action.EDIT: content(version=1),
        Action.RENEW: {"wished_by": (today() + timedelta(days=20)).isoformat()},
        Action.PUBLISH: {"version": 1},
        Action.RETURN: reason,
        Action.REFUSE: reason,
        Action.RELEASE: reason,
        Action.TAKE_BACK: reason,
        Action.ASSIGN: {"claimer_id": people.stranger.person_id, **reason},
        Action.REPORT_DONE: {"picture_ids": [picture_id]},
        Action.CONFIRM: {"rating": 4},
        Action.CONFIRM_FOR_WISHER: {"note": "电话核实"},
        Action.DISPUTE: reason,
        Action.UPHOLD_REPORT: {"decision": "uphold", "note": "核实"},
        Action.REJECT_REPORT: {"decision": "reject", "note": "核实"},
        Action.LET_REDO: {"decision": "redo", "note": "核实"},
    }.get(action)


def callers(people: People) -> dict[Actor, Api]:
    return {
        Actor.WISHER: people.wisher,
        Actor.CLAIMER: people.claimer,
        Actor.STAFF: people.staff,
        Actor.RESIDENT: people.stranger,
    }


async def test_every_combination_over_http(api: Api) -> None:
    people = await create_people(api)
    # Staff are residents too; here they have no phone, so that they never claim: that is the stranger's part.
    tried = 0
    for state in WishState:
        wish_id = await put_wish(people, state)
        await put_verdict("wish", wish_id, people, Verdict.PASSED)
        for action, (actor, caller) in itertools.product(PATHS, callers(people).items()):
            if actor is Actor.CLAIMER and state not in HOLDER_STATES:
                continue
            if (action, actor) == (Action.CLAIM, Actor.STAFF):
                continue
            tried += 1
            expected = TRANSITIONS.get((state, action, actor))
            await put_credit(people, wish_id, state)
            method = "PUT" if action is Action.EDIT else "POST"
            picture_id = await put_picture(caller) if expected else new_id()
            response = await caller.send(method, PATHS[action].format(wish_id), body_of(action, people, picture_id))
            told = f"{state} {action} {actor}: {response.status_code} {response.text[:200]}"
            now = await Wish.get(id=wish_id)
            if expected is None:
                assert response.status_code in (403, 404, 409) and response.json()["code"] in REFUSED, told
                assert now.state is state, told
                continue
            assert response.is_success, told
            assert now.state is expected, told
            await check_holder(wish_id, expected, told)
            await put_wish(people, state, wish_id=wish_id)
            await put_verdict("wish", wish_id, people, Verdict.PASSED)
    assert tried > 700


async def put_credit(people: People, wish_id: str, state: WishState) -> None:
    """A fulfilled wish has been credited."""
    if state is WishState.FULFILLED:
        claim = await WishClaim.get(wish_id=wish_id, state=ClaimState.FULFILLED)
        await record_service(
            people.claimer.person_id, rule="wish_fulfilled", source=("wish_claim", claim.id), occurred_at=clock.now()
        )


async def check_holder(wish_id: str, state: WishState, told: str) -> None:
    """A wish has a holder exactly in the states that say so, and the holder's claim agrees."""
    holders = await WishClaim.filter(wish_id=wish_id, state__in=HOLDING)
    assert [claim.state for claim in holders] == ([HOLDER_STATES[state]] if state in HOLDER_STATES else []), told


async def test_what_the_system_does_in_every_state(api: Api) -> None:
    people = await create_people(api)
    past = today() - timedelta(days=1)
    for state in WishState:
        for action in (Action.EXPIRE, Action.RETURN_IDLE, Action.FAIL_CHECK, Action.FAIL_REPORT_CHECK):
            expected = TRANSITIONS.get((state, action, Actor.SYSTEM), state)
            wish_id = await put_wish(people, state)
            holder = await WishClaim.get_or_none(wish_id=wish_id)
            if action is Action.EXPIRE:
                await execute("UPDATE wish SET wished_by = $2 WHERE id = $1", wish_id, past)
                await expire_wishes()
            elif action is Action.RETURN_IDLE:
                await execute("UPDATE wish_claim SET due_at = $2 WHERE wish_id = $1", wish_id, clock.now())
                await return_idle_claims()
            elif action is Action.FAIL_CHECK:
                await put_verdict("wish", wish_id, people, Verdict.REFUSED)
                async with transaction():
                    await settle_wish_check(wish_id)
            elif holder:
                await put_verdict("wish_report", holder.id, people, Verdict.REFUSED)
                async with transaction():
                    await settle_report_check(holder.id)
            now = await Wish.get(id=wish_id)
            told = f"{state} {action}: {now.state}"
            assert now.state is expected, told
            if expected is not state:
                await check_holder(wish_id, expected, told)


def test_the_table_is_whole() -> None:
    reachable = {WishState.DRAFT}
    while more := {after for (before, _, _), after in TRANSITIONS.items() if before in reachable} - reachable:
        reachable |= more
    assert reachable == set(WishState)
    assert {action for _, action, _ in TRANSITIONS} == set(Action)
    assert {actor for _, _, actor in TRANSITIONS} == set(Actor)
    final = set(WishState) - {state for state, _, _ in TRANSITIONS}
    assert final == {WishState.REFUSED, WishState.WITHDRAWN}
    for (state, action, _), after in TRANSITIONS.items():
        if action in (Action.ASSIGN, Action.LET_REDO):
            continue  # these open a claim of their own
        before_claim = HOLDER_STATES.get(state)
        if before_claim is None:
            continue
        claim = HOLDER_BECOMES.get(action, before_claim)
        assert HOLDER_STATES.get(after) == (claim if claim in HOLDING else None), (state, action, after)


@pytest.mark.parametrize("state", WishState)
def test_refusals_tell_wrong_state_from_never(state: WishState) -> None:
    for action, actor in itertools.product(Action, Actor):
        if (state, action, actor) in TRANSITIONS:
            assert next_state(state, action, [actor]) is TRANSITIONS[state, action, actor]
            continue
        ever = any((other, action, actor) in TRANSITIONS for other in WishState)
        with pytest.raises(WrongState if ever else NotAllowed):
            next_state(state, action, [actor])


async def test_every_deed_of_staff_is_in_the_audit_log(api: Api) -> None:
    people = await create_people(api)
    for state, action, actor in TRANSITIONS:
        if actor is not Actor.STAFF:
            continue
        wish_id = await put_wish(people, state)
        await put_verdict("wish", wish_id, people, Verdict.PASSED)
        await put_credit(people, wish_id, state)
        await people.staff.post(PATHS[action].format(wish_id), body_of(action, people, ""))
        entry = await AuditEntry.get(subject_id=wish_id)
        assert (entry.actor_id, entry.person_id, entry.organization_id) == (
            people.staff.person_id,
            people.wisher.person_id,
            people.community.id,
        ), action
        assert await fetch_value("SELECT state FROM wish WHERE id = $1", wish_id) == entry.details["state"]
