"""The table of states is what happens: every (state, action, actor) does what the table says, or is refused."""

import itertools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec

from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.database import execute, fetch_value, undone
from server.foundation.dates import today
from server.foundation.errors import Refusal
from server.foundation.rating import NewRating
from server.moderation.models import Verdict
from server.wishes import claiming, fulfilling, posting, review
from server.wishes.fulfilling import settle_report_check
from server.wishes.leaving import settle_wishes_of_leaver
from server.wishes.models import HOLDING, Escalation, Wish, WishClaim, WishShare, WishState
from server.wishes.posting import WishContent, settle_wish_check
from server.wishes.rules import HOLDER_BECOMES, WISH_TABLE, WishAction, WishActor
from server.wishes.sweeps import ESCALATE_UNCLAIMED_WISHES, EXPIRE_WISHES, RETURN_IDLE_CLAIMS
from tests.clients import Api
from tests.state_tables import Outcome, check_shown, check_table, try_every_combination
from tests.wishes.builders import (
    HOLDER_STATES,
    Cast,
    content,
    create_cast,
    put_picture,
    put_team_wish,
    put_verdict,
)

REFUSED = {"wrong_state", "not_allowed", "not_found", "own_wish", "wish_taken"}


class Given(NamedTuple):
    """What an action may need: whom else it concerns, a picture, a code."""

    helper_id: str
    picture_id: str
    code: str


async def _decide(decision: review.DisputeDecision, person_id: str, wish_id: str) -> None:
    await review.decide_wish_dispute(person_id, wish_id, decision, "核实")


WRITTEN = msgspec.convert(content(), WishContent)

ACTS: dict[WishAction, Callable[[str, str, Given], Awaitable[Any]]] = {
    WishAction.EDIT: lambda who, wish, _: posting.edit_wish(who, wish, 1, WRITTEN),
    WishAction.SUBMIT: lambda who, wish, _: posting.submit_wish(who, wish),
    WishAction.WITHDRAW: lambda who, wish, _: posting.withdraw_wish(who, wish),
    WishAction.RENEW: lambda who, wish, _: posting.renew_wish(who, wish, today() + timedelta(days=20)),
    WishAction.PUBLISH: lambda who, wish, _: review.publish_wish(who, wish, 1),
    WishAction.RETURN: lambda who, wish, _: review.return_wish(who, wish, "原因"),
    WishAction.REFUSE: lambda who, wish, _: review.refuse_wish(who, wish, "原因"),
    WishAction.CLAIM: lambda who, wish, _: claiming.claim_wish(who, wish),
    WishAction.RELEASE: lambda who, wish, _: claiming.release_claim(who, wish, "原因"),
    WishAction.TAKE_BACK: lambda who, wish, _: review.take_back_wish(who, wish, "原因"),
    WishAction.ASSIGN: lambda who, wish, given: review.assign_wish(who, wish, given.helper_id, "原因"),
    WishAction.TAKE_SHARE: lambda who, wish, _: claiming.take_share(who, wish, 0),
    WishAction.END_SHARE: lambda who, wish, given: claiming.end_share(who, wish, given.helper_id),
    WishAction.ADD_NOTE: lambda who, wish, _: fulfilling.add_wish_note(who, wish, "进展", []),
    WishAction.REPORT_DONE: lambda who, wish, given: fulfilling.report_wish_done(who, wish, "", [given.picture_id]),
    WishAction.HAND_OVER: lambda who, wish, given: fulfilling.hand_over_wish(who, wish, given.code, "", []),
    WishAction.TAKE_IN: lambda who, wish, _: review.take_in_wish(who, wish, "代收"),
    WishAction.CONFIRM: lambda who, wish, _: fulfilling.confirm_wish(who, wish, NewRating(stars=4), []),
    WishAction.CONFIRM_FOR_WISHER: lambda who, wish, _: review.confirm_wish_for_wisher(who, wish, "电话核实"),
    WishAction.DISPUTE: lambda who, wish, _: fulfilling.dispute_wish(who, wish, "原因"),
    WishAction.UPHOLD_REPORT: lambda who, wish, _: _decide(review.DisputeDecision.UPHOLD, who, wish),
    WishAction.REJECT_REPORT: lambda who, wish, _: _decide(review.DisputeDecision.REJECT, who, wish),
    WishAction.LET_REDO: lambda who, wish, _: _decide(review.DisputeDecision.REDO, who, wish),
    WishAction.AGREE_TO_SHOW: lambda who, wish, _: fulfilling.agree_to_show_wish(who, wish, True),
}
"""What people do; the rest is the system's."""


async def test_every_combination(api: Api) -> None:
    cast = await create_cast(api)
    tried = 0
    for state, is_with_staff in itertools.product(WishState, (False, True)):
        if state is WishState.DRAFT and is_with_staff:
            continue
        tried += await try_every_action(api, cast, state, is_with_staff=is_with_staff)
    assert tried > 1500


async def try_every_action(api: Api, cast: Cast, state: WishState, *, is_with_staff: bool) -> int:
    """Everybody tries everything with a wish in this state; where it is with the staff, those who stand in."""
    wish_id = await put_team_wish(cast, state, handed_to_staff_at=clock.now() if is_with_staff else None)
    code = ""
    if state is WishState.CLAIMED:
        code = (await fulfilling.show_hand_over_code(cast.people.wisher.person_id, wish_id)).code
    parts = cast.parts(state, is_with_staff=is_with_staff)
    if is_with_staff:
        parts = {person_id: actors for person_id, actors in parts.items() if WishActor.STAND_IN in actors}

    async def attempt(state: WishState, action: WishAction, person_id: str) -> Outcome:
        if not any((state, action, actor) in WISH_TABLE.transitions for actor in parts[person_id]):
            # Nothing is undone here: what is refused changes nothing.
            try:
                await ACTS[action](person_id, wish_id, Given(cast.helper.person_id, "0" * 22, code))
            except Refusal as refused:
                return Outcome(refused.code, (await Wish.get(id=wish_id)).state)
            return Outcome(None, (await Wish.get(id=wish_id)).state)
        async with undone():
            picture_id = await put_picture(api.as_("", person_id)) if action is WishAction.REPORT_DONE else ""
            await ACTS[action](person_id, wish_id, Given(cast.helper.person_id, picture_id, code))
            now = (await Wish.get(id=wish_id)).state
            await check_holder(wish_id, now, f"{state} {action} {parts[person_id]}")
        return Outcome(None, now)

    return await try_every_combination(WISH_TABLE, ACTS, parts, attempt, states=[state], refusals=lambda *_: REFUSED)


async def check_holder(wish_id: str, state: WishState, told: str) -> None:
    """A wish has a holder exactly in the states that say so, and the holder's claim agrees."""
    holders = await WishClaim.filter(wish_id=wish_id, state__in=HOLDING)
    assert [claim.state for claim in holders] == ([HOLDER_STATES[state]] if state in HOLDER_STATES else []), told


async def test_what_the_system_does_in_every_state(api: Api) -> None:
    cast = await create_cast(api)
    past = today() - timedelta(days=1)

    async def expire(wish: Wish) -> None:
        await execute("UPDATE wish SET wished_by = $2 WHERE id = $1", wish.id, past)
        await EXPIRE_WISHES.run()

    async def return_idle(wish: Wish) -> None:
        await execute("UPDATE wish_claim SET due_at = $2 WHERE wish_id = $1", wish.id, clock.now())
        await RETURN_IDLE_CLAIMS.run()

    async def fail_check(wish: Wish) -> None:
        await put_verdict("wish", wish.id, cast.people, Verdict.REFUSED)
        await settle_wish_check(wish.id)

    async def fail_report_check(wish: Wish) -> None:
        if holder := await WishClaim.get_or_none(wish_id=wish.id):
            await put_verdict("wish_report", holder.id, cast.people, Verdict.REFUSED)
            await settle_report_check(holder.id)

    async def escalate(wish: Wish) -> None:
        await execute("UPDATE wish SET escalate_at = $2 WHERE id = $1 AND state = 'published'", wish.id, clock.now())
        await execute("UPDATE wish SET wished_by = $2 WHERE id = $1 AND state = 'published'", wish.id, today())
        await ESCALATE_UNCLAIMED_WISHES.run()
        asked = Escalation.SUBDISTRICT if wish.state is WishState.PUBLISHED else Escalation.NOBODY
        assert (await Wish.get(id=wish.id)).escalation == asked

    async def wisher_leaves(wish: Wish) -> None:
        await settle_wishes_of_leaver(cast.people.wisher.person_id)
        is_handed = (wish.state, WishAction.HAND_TO_STAFF, WishActor.SYSTEM) in WISH_TABLE.transitions
        assert ((await Wish.get(id=wish.id)).handed_to_staff_at is not None) is is_handed

    async def claimer_leaves(wish: Wish) -> None:
        await settle_wishes_of_leaver(cast.people.claimer.person_id)

    async def helper_leaves(wish: Wish) -> None:
        await settle_wishes_of_leaver(cast.helper.person_id)
        is_open = wish.state in (WishState.CLAIMED, WishState.AMENDED)
        assert await WishShare.filter(ended_at=None).count() == (0 if is_open or wish.state not in HOLDER_STATES else 1)

    happenings: dict[tuple[WishAction, ...], Callable[[Wish], Awaitable[None]]] = {
        (WishAction.EXPIRE,): expire,
        (WishAction.RETURN_IDLE,): return_idle,
        (WishAction.FAIL_CHECK,): fail_check,
        (WishAction.FAIL_REPORT_CHECK,): fail_report_check,
        (WishAction.ESCALATE,): escalate,
        (WishAction.WITHDRAW, WishAction.HAND_TO_STAFF): wisher_leaves,
        (WishAction.RELEASE,): claimer_leaves,
        (WishAction.END_SHARE,): helper_leaves,
    }
    assert {action for actions in happenings for action in actions} == {
        action for _, action, actor in WISH_TABLE.transitions if actor is WishActor.SYSTEM
    }
    for state, (actions, happen) in itertools.product(WishState, happenings.items()):
        async with undone():
            wish_id = await put_team_wish(cast, state)
            await happen(await Wish.get(id=wish_id))
            keys = [(state, action, WishActor.SYSTEM) for action in actions]
            expected = next((WISH_TABLE.transitions[key] for key in keys if key in WISH_TABLE.transitions), state)
            now = await Wish.get(id=wish_id)
            assert now.state is expected, f"{state} {actions}: {now.state}"
            await check_holder(wish_id, expected, f"{state} {actions}")


def test_the_table_is_whole() -> None:
    check_table(WISH_TABLE, first=WishState.DRAFT, final={WishState.REFUSED, WishState.WITHDRAWN})
    assert set(ACTS) == {action for action, actor in WISH_TABLE.moves if actor is not WishActor.SYSTEM}
    for (state, action, _), after in WISH_TABLE.transitions.items():
        if action in (WishAction.ASSIGN, WishAction.LET_REDO):
            continue  # these open a claim of their own
        before_claim = HOLDER_STATES.get(state)
        if before_claim is None:
            continue
        claim = HOLDER_BECOMES.get(action, before_claim)
        assert HOLDER_STATES.get(after) == (claim if claim in HOLDING else None), (state, action, after)


def test_the_readme_shows_the_table() -> None:
    check_shown(WISH_TABLE, "wish")


async def test_every_action_of_staff_is_in_the_audit_log(api: Api) -> None:
    cast = await create_cast(api)
    staff_id = cast.people.staff.person_id
    for state, action, actor in WISH_TABLE.transitions:
        if actor is not WishActor.STAFF:
            continue
        async with undone():
            wish_id = await put_team_wish(cast, state)
            await ACTS[action](staff_id, wish_id, Given(cast.people.stranger.person_id, "", ""))
            entry = await AuditEntry.get(subject_id=wish_id)
            assert (entry.actor_id, entry.person_id, entry.organization_id) == (
                staff_id,
                cast.people.wisher.person_id,
                cast.people.community.id,
            ), action
            assert await fetch_value("SELECT state FROM wish WHERE id = $1", wish_id) == entry.details["state"]
