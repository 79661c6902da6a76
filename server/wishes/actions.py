"""What somebody could do with a wish now, told before the tap."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any

from server.foundation.actions import ActionView, try_each, try_out
from server.foundation.dates import today
from server.foundation.rating import NewRating
from server.wishes.claiming import claim_wish, end_share, release_claim, take_share
from server.wishes.fulfilling import add_wish_note, agree_to_show_wish, confirm_wish, dispute_wish
from server.wishes.models import Wish, WishKind, WishState
from server.wishes.posting import WishContent, edit_wish, renew_wish, submit_wish, withdraw_wish
from server.wishes.queries import WishView, get_visible_wish
from server.wishes.review import (
    DisputeDecision,
    confirm_wish_for_wisher,
    decide_wish_dispute,
    publish_wish,
    refuse_wish,
    return_wish,
    take_back_wish,
    take_in_wish,
)
from server.wishes.rules import WishAction, WishActor
from server.wishes.steps import begin_step

_WORDS = "试算"
"""Where a verb asks for words that are then undone."""


async def list_wish_actions(person_id: str, wish_id: str) -> list[ActionView]:
    """What the reader can do with the wish now, each tried, and, while it waits for somebody, whether they could claim
    it. `end_share` says whose (`of`). Raises NotFound."""
    wish = await get_visible_wish(person_id, wish_id)
    found = []
    if wish.state is WishState.PUBLISHED:
        found.append(await try_out(str(WishAction.CLAIM), lambda: claim_wish(person_id, wish_id)))
    for action in wish.actions:
        if action is WishAction.END_SHARE:
            found += await _endings(person_id, wish)
        elif action is WishAction.TAKE_SHARE:
            found += await _taking(person_id, wish)
        elif action is not WishAction.CLAIM:
            found += await try_each(wish, {str(action): partial(_VERBS[action], person_id, wish)})
    return found


async def _endings(person_id: str, wish: WishView) -> list[ActionView]:
    """A helper ends their own share, the leader that of each."""
    assert wish.claim
    name, found = str(WishAction.END_SHARE), []
    for share in wish.claim.shares:
        if WishActor.CLAIMER in wish.actors or share.person_id == person_id:
            ending = {name: partial(end_share, person_id, wish.id, share.person_id)}
            found += await try_each(wish, ending, of=share.person_id)
    return found


async def _taking(person_id: str, wish: WishView) -> list[ActionView]:
    """A hand lent, or another number of things; who lends a hand already, and could not bring things, has no more to
    take."""
    assert wish.claim
    own = next((share for share in wish.claim.shares if share.person_id == person_id), None)
    number = 1 if own and not own.quantity else 0
    if number and wish.kind != WishKind.THING:
        return []
    return await try_each(wish, {str(WishAction.TAKE_SHARE): lambda: take_share(person_id, wish.id, number)})


async def _edit(person_id: str, wish: WishView) -> WishView:
    known = await Wish.get(id=wish.id)
    same = WishContent(
        title=known.title,
        kind=known.kind,
        audience=known.audience,
        text=known.text,
        place=known.place,
        picture_ids=known.picture_ids,
        wished_by=known.wished_by,
        quantity=known.quantity,
    )
    return await edit_wish(person_id, wish.id, wish.version, same)


async def _agree(person_id: str, wish: WishView) -> WishView:
    assert wish.claim
    is_wisher = WishActor.WISHER in wish.actors
    agrees = wish.claim.wisher_agrees_to_show if is_wisher else wish.claim.claimer_agrees_to_show
    return await agree_to_show_wish(person_id, wish.id, not agrees)


def _begin(action: WishAction) -> Callable[[str, WishView], Awaitable[Any]]:
    """What asks for more than can be made up (a photo, a code, a person): as far as that."""
    return lambda who, wish: begin_step(wish.id, action, who)


def _decide(decision: DisputeDecision) -> Callable[[str, WishView], Awaitable[Any]]:
    return lambda who, wish: decide_wish_dispute(who, wish.id, decision, _WORDS)


_VERBS: dict[WishAction, Callable[[str, WishView], Awaitable[Any]]] = {
    WishAction.EDIT: _edit,
    WishAction.SUBMIT: lambda who, wish: submit_wish(who, wish.id),
    WishAction.WITHDRAW: lambda who, wish: withdraw_wish(who, wish.id),
    WishAction.RENEW: lambda who, wish: renew_wish(who, wish.id, today() + timedelta(days=1)),
    WishAction.PUBLISH: lambda who, wish: publish_wish(who, wish.id, wish.version),
    WishAction.RETURN: lambda who, wish: return_wish(who, wish.id, _WORDS),
    WishAction.REFUSE: lambda who, wish: refuse_wish(who, wish.id, _WORDS),
    WishAction.RELEASE: lambda who, wish: release_claim(who, wish.id, _WORDS),
    WishAction.TAKE_BACK: lambda who, wish: take_back_wish(who, wish.id, _WORDS),
    WishAction.ASSIGN: _begin(WishAction.ASSIGN),
    WishAction.ADD_NOTE: lambda who, wish: add_wish_note(who, wish.id, _WORDS, []),
    WishAction.REPORT_DONE: _begin(WishAction.REPORT_DONE),
    WishAction.HAND_OVER: _begin(WishAction.HAND_OVER),
    WishAction.TAKE_IN: lambda who, wish: take_in_wish(who, wish.id, _WORDS),
    WishAction.CONFIRM: lambda who, wish: confirm_wish(who, wish.id, NewRating(stars=5), []),
    WishAction.CONFIRM_FOR_WISHER: lambda who, wish: confirm_wish_for_wisher(who, wish.id, _WORDS),
    WishAction.DISPUTE: lambda who, wish: dispute_wish(who, wish.id, _WORDS),
    WishAction.UPHOLD_REPORT: _decide(DisputeDecision.UPHOLD),
    WishAction.REJECT_REPORT: _decide(DisputeDecision.REJECT),
    WishAction.LET_REDO: _decide(DisputeDecision.REDO),
    WishAction.AGREE_TO_SHOW: _agree,
}
