"""Claiming both ways. Locks: the pairing, then the entry's row, which everybody races for, then the claim's.

What is accepted of an entry is counted in its row under its lock, and a constraint stands behind it.
"""

from datetime import timedelta
from typing import Annotated, Any

import msgspec

from server.background.sweeps import due_sweep
from server.co_building.access import level_of, people_of, require_works_for, works_for
from server.co_building.claims import messages, queries
from server.co_building.claims.models import ListClaim, ListClaimState
from server.co_building.claims.queries import ListClaimView
from server.co_building.claims.rules import CLAIM_TABLE, LAPSES_AFTER, ListClaimAction, ListClaimActor
from server.co_building.lists.models import EntryState, ListEntry
from server.co_building.lists.rules import ENTRY_TABLE, EntryAction, EntryActor
from server.co_building.pairings import require_pair
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch, fetch_value, transaction
from server.foundation.errors import InvalidFields, NotAllowed, NotFound, Refusal, WrongState
from server.foundation.rows import lock_row, write_together
from server.notifications.telling import notify
from server.organizations.access import WORKERS, holds_role
from server.organizations.models import Level
from server.organizations.queries import hold_organization

Quantity = Annotated[int, msgspec.Meta(ge=1, le=100_000)]


class NotEnoughLeft(Refusal):
    """`left`: what can still be had of it."""

    code, title, status = "not_enough_left", "余下的数量不够", 409


class AlreadyClaiming(Refusal):
    code, title, status = "already_claiming", "已有一份待答复的认领", 409


async def claim_entry(actor_id: str, entry_id: str, claimant_id: str, quantity: int, words: str) -> ListClaimView:
    """A unit's liaison claims what a place lists, a place's staff what a unit does, or a part of it.

    Raises NotFound, NotAllowed, InvalidFields, WrongState, UnitNotPaired, NotEnoughLeft, AlreadyClaiming.
    """
    await require_works_for(actor_id, claimant_id)
    return await _propose(actor_id, entry_id, claimant_id, quantity, words, is_match=False)


async def match_entry(actor_id: str, entry_id: str, claimant_id: str, quantity: int, words: str) -> ListClaimView:
    """The staff above the place bring two together: the owner decides, and the claimant may withdraw. The same refusals
    as of claim_entry."""
    owner = await fetch_value("SELECT owner_id FROM list_entry WHERE id = $1", entry_id)
    if owner is None:
        raise NotFound()
    place = claimant_id if await level_of(owner) is Level.UNIT else owner
    above = await fetch_value("SELECT parent_id FROM organization WHERE id = $1", place)
    if above is None or not await holds_role(actor_id, above, WORKERS):
        raise NotAllowed("由街道（上级）工作人员对接")
    return await _propose(actor_id, entry_id, claimant_id, quantity, words, is_match=True)


async def accept_claim(actor_id: str, claim_id: str, quantity: int | None) -> ListClaimView:
    """The owner takes the offer, or a part of it. Raises NotFound, NotAllowed, WrongState, NotEnoughLeft."""
    async with transaction():
        entry, claim = await _begin(actor_id, claim_id, ListClaimAction.ACCEPT)
        if entry.state is not EntryState.OPEN:
            raise WrongState(f"该条目{EntryState(entry.state).word}，不能进行此操作")
        if quantity is not None:
            if quantity > claim.quantity:
                raise InvalidFields.of("quantity", "不能多于认领的数量")
            claim.quantity = quantity
        _require_left(entry, claim.quantity)
        entry.accepted += claim.quantity
        if entry.accepted == entry.quantity:
            _move(entry, EntryAction.FILL)
        return await _finish("accept_list_claim", actor_id, entry, claim, messages.ACCEPTED, claim.claimant_id)


async def decline_claim(actor_id: str, claim_id: str, reason: str) -> ListClaimView:
    """Raises NotFound, NotAllowed, WrongState."""
    async with transaction():
        entry, claim = await _begin(actor_id, claim_id, ListClaimAction.DECLINE)
        claim.reason = reason
        return await _finish("decline_list_claim", actor_id, entry, claim, messages.DECLINED, claim.claimant_id)


async def withdraw_claim(actor_id: str, claim_id: str, reason: str) -> ListClaimView:
    """The claimant takes it back; what was accepted is free again. Raises NotFound, NotAllowed, WrongState."""
    async with transaction():
        entry, claim = await _begin(actor_id, claim_id, ListClaimAction.WITHDRAW)
        if claim.was and claim.was["state"] is ListClaimState.ACCEPTED:
            entry.accepted -= claim.quantity
            if entry.state is EntryState.MATCHED:
                _move(entry, EntryAction.FREE)
        claim.reason = reason
        return await _finish("withdraw_list_claim", actor_id, entry, claim, messages.WITHDRAWN, entry.owner_id)


async def end_claims_of_pairing(pairing_id: str) -> None:
    """In the transaction in which a pairing ends: what nobody has answered yet ends with it."""
    await _end_all("pairing_id = $1", pairing_id, "结对已结束")


async def end_claims_of_entry(entry_id: str, reason: str) -> None:
    """The same where an entry ends; it is locked."""
    await _end_all("entry_id = $1", entry_id, reason)


async def _end_all(condition: str, of: str, reason: str) -> None:
    rows = await fetch(
        f"SELECT id, entry_id FROM list_claim WHERE {condition} AND state = 'proposed' ORDER BY entry_id, id", of
    )
    for row in rows:
        await _lapse(row["id"], row["entry_id"], reason)


async def _lapse(claim_id: str, entry_id: str, reason: str) -> None:
    entry = await lock_row(ListEntry, entry_id)
    claim = await lock_row(ListClaim, claim_id)
    assert entry
    assert claim
    if claim.state is not ListClaimState.PROPOSED:
        return
    claim.state = CLAIM_TABLE.next_state(ListClaimState(claim.state), ListClaimAction.LAPSE, [ListClaimActor.SYSTEM])
    claim.reason, claim.decided_at = reason, clock.now()
    await write_together(claim)
    await _audit("lapse_list_claim", None, entry, claim)
    told = {*await people_of(claim.claimant_id), *await people_of(entry.owner_id)}
    await notify(sorted(told), messages.LAPSED, list_claim=claim.id)


async def _lapse_due(row: Any) -> None:
    async with transaction():
        await _lapse(row["id"], row["entry_id"], "10 天内没有答复")


LAPSE_CLAIMS = due_sweep(
    "list_claims_lapse",
    timedelta(minutes=5),
    rows="list_claim",
    columns="entry_id",
    where="state = 'proposed'",
    due="lapses_at",
    do=_lapse_due,
    # The entry is locked before the claim, as everywhere.
    lock="",
)
"""Claims that nobody has answered for ten days end."""


async def _propose(
    actor_id: str, entry_id: str, claimant_id: str, quantity: int, words: str, *, is_match: bool
) -> ListClaimView:
    async with transaction(list_claim_one_open=AlreadyClaiming):
        owner_id = await fetch_value("SELECT owner_id FROM list_entry WHERE id = $1", entry_id)
        if owner_id is None:
            raise NotFound()
        await hold_organization(claimant_id)
        sides = [owner_id, claimant_id]
        units = [each for each in sides if await level_of(each) is Level.UNIT]
        if len(units) != 1:
            raise InvalidFields.of("claimant_id", "社区（街道）与单位之间才能相互认领")
        sides.remove(units[0])
        # The race: the pairing ends meanwhile. It waits, and then ends this claim too.
        pairing_id = await require_pair(units[0], sides[0])
        # Locked: an entry that its owner ends meanwhile takes this claim along.
        entry = await lock_row(ListEntry, entry_id)
        assert entry
        if entry.state is not EntryState.OPEN:
            if entry.opened_at is None:
                raise NotFound()
            raise WrongState(f"该条目{EntryState(entry.state).word}，不能认领")
        _require_left(entry, quantity)
        claim = ListClaim(
            entry_id=entry_id,
            claimant_id=claimant_id,
            pairing_id=pairing_id,
            quantity=quantity,
            words=words,
            is_match=is_match,
            proposed_by_id=actor_id,
            lapses_at=clock.now() + LAPSES_AFTER,
        )
        await write_together(claim)
        await _audit("match_list_entry" if is_match else "claim_list_entry", actor_id, entry, claim)
        told = set(await people_of(owner_id)) | (set(await people_of(claimant_id)) if is_match else set())
        await notify(sorted(told), messages.MATCHED if is_match else messages.PROPOSED, list_claim=claim.id)
        return await queries.get_claim(claim.id)


async def _begin(actor_id: str, claim_id: str, action: ListClaimAction) -> tuple[ListEntry, ListClaim]:
    """Entry and claim under lock, the claim in the state to which the action leads."""
    entry_id = await fetch_value("SELECT entry_id FROM list_claim WHERE id = $1", claim_id)
    # The race: two claims of one entry are accepted at once. The second one reads what the first has left.
    entry = await lock_row(ListEntry, entry_id) if entry_id else None
    claim = await lock_row(ListClaim, claim_id)
    if entry is None or claim is None:
        raise NotFound()
    actors = set()
    if await works_for(actor_id, entry.owner_id):
        actors.add(ListClaimActor.OWNER)
    if await works_for(actor_id, claim.claimant_id):
        actors.add(ListClaimActor.CLAIMANT)
    if not actors:
        raise NotFound()
    claim.state = CLAIM_TABLE.next_state(ListClaimState(claim.state), action, actors)
    return entry, claim


async def _finish(
    action: str, actor_id: str, entry: ListEntry, claim: ListClaim, event: Any, tell: str
) -> ListClaimView:
    claim.decided_by_id, claim.decided_at = actor_id, clock.now()
    await write_together(entry, claim)
    await _audit(action, actor_id, entry, claim)
    await notify(await people_of(tell), event, list_claim=claim.id)
    return await queries.get_claim(claim.id)


def _require_left(entry: ListEntry, quantity: int) -> None:
    if quantity > entry.quantity - entry.accepted:
        raise NotEnoughLeft(left=entry.quantity - entry.accepted)


def _move(entry: ListEntry, action: EntryAction) -> None:
    entry.state = ENTRY_TABLE.next_state(EntryState(entry.state), action, [EntryActor.SYSTEM])


async def _audit(action: str, actor_id: str | None, entry: ListEntry, claim: ListClaim) -> None:
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("list_claim", claim.id),
        organization_id=entry.owner_id,
        and_organization_id=claim.claimant_id,
        quantity=claim.quantity,
    )
