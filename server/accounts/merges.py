"""Staff hold two entries for one person. An entry that nobody has ever used is merged at once; two persons who each
signed in, or verified a number, are asked, and become one only when both say so on their own phones."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from server.accounts import messages
from server.accounts.merging import merge_persons
from server.accounts.models import MergeProposal, MergeState, Person
from server.accounts.power import require_power_over
from server.accounts.queries import describe_persons
from server.accounts.registry import PersonFound, show_person
from server.background.sweeps import due_sweep
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import execute, exists, fetch, transaction
from server.foundation.errors import NotFound, Refusal, WrongState
from server.foundation.ids import Id
from server.notifications.telling import notify
from server.organizations.access import holds_role_anywhere, require_another
from server.organizations.models import RoleKind

ANSWER_WITHIN = timedelta(days=7)


class MergeProposed(Refusal):
    code, title, status = "merge_proposed", "已向双方发出确认，正在等待答复", 409


class MergeView(msgspec.Struct):
    """What became of it: merged, or, until `lapses_at`, up to the two of them."""

    person: PersonFound
    is_merged: bool
    lapses_at: datetime | None = None


class MyMerge(msgspec.Struct):
    """Whom the staff hold to be the same person as oneself. `stays`: whether one's own account stays."""

    id: Id
    nickname: str
    name: str
    stays: bool
    proposed_at: datetime
    lapses_at: datetime
    is_confirmed_by_me: bool


class MyMerges(msgspec.Struct):
    items: list[MyMerge]


class MergeAnswer(msgspec.Struct):
    """`is_merged`: the other one had confirmed too. Whose account does not stay signs in anew."""

    is_merged: bool


async def merge_person(actor_id: str, from_id: str, into_id: str) -> MergeView:
    """`from_id` is `into_id`: for managers of an area where both have business.

    Raises NotFound, OwnMatter, NotAllowed (a role outside that area), WrongState (the same entry, merged already, or
    with a role that would be carried over), MergeProposed.
    """
    require_another(actor_id, from_id, into_id)
    async with transaction():
        if from_id == into_id:
            raise WrongState("不能与自己合并")
        await _lock(from_id, into_id)
        theirs, ours = [
            await require_power_over(actor_id, person_id, (RoleKind.MANAGER,), upon_account=True)
            for person_id in (from_id, into_id)
        ]
        await _require_no_role(from_id)
        lapses_at = None
        if await _is_live(from_id) and await _is_live(into_id):
            lapses_at = clock.now() + ANSWER_WITHIN
            async with transaction(merge_proposal_open=MergeProposed):
                proposal = await MergeProposal.create(
                    from_person_id=from_id,
                    into_person_id=into_id,
                    proposed_by_id=actor_id,
                    organization_id=ours,
                    lapses_at=lapses_at,
                )
            for person_id, other_id in ((from_id, into_id), (into_id, from_id)):
                await notify(
                    [person_id],
                    messages.MERGE_PROPOSED,
                    organization=ours,
                    other=other_id,
                    until=lapses_at,
                )
            await _record("propose_merge", actor_id, proposal, from_id)
        else:
            await merge_persons(from_id, into_id, actor_id=actor_id, organization_id=ours, and_organization_id=theirs)
            await notify([into_id], messages.MERGED)
        return MergeView(await show_person(into_id), lapses_at is None, lapses_at)


async def list_my_merges(person_id: str) -> MyMerges:
    """What waits for one's answer, or for the other's."""
    rows = await fetch(
        "SELECT id, from_person_id, into_person_id, created_at, lapses_at, from_confirmed_at, into_confirmed_at "
        "FROM merge_proposal WHERE state = 'proposed' AND lapses_at > $2 "
        "AND (from_person_id = $1 OR into_person_id = $1) ORDER BY id LIMIT 20",
        person_id,
        clock.now(),
    )
    others = {
        row["id"]: row["from_person_id" if row["into_person_id"] == person_id else "into_person_id"] for row in rows
    }
    people = await describe_persons(set(others.values()))
    items = []
    for row in rows:
        other, stays = people[others[row["id"]]], row["into_person_id"] == person_id
        confirmed_at = row["into_confirmed_at" if stays else "from_confirmed_at"]
        items.append(
            MyMerge(
                row["id"],
                other["nickname"],
                other["name"],
                stays,
                row["created_at"],
                row["lapses_at"],
                bool(confirmed_at),
            )
        )
    return MyMerges(items)


async def confirm_merge(person_id: str, proposal_id: str) -> MergeAnswer:
    """I am the other one too. When both have said so, they are one. Raises NotFound, WrongState."""
    async with transaction():
        proposal = await _lock_mine(person_id, proposal_id)
        side = "into_confirmed_at" if person_id == proposal.into_person_id else "from_confirmed_at"
        if getattr(proposal, side) is None:
            setattr(proposal, side, clock.now())
            await _record("confirm_merge", person_id, proposal, person_id)
        is_merged = proposal.from_confirmed_at is not None and proposal.into_confirmed_at is not None
        if is_merged:
            await _require_no_role(proposal.from_person_id)
            await _end(proposal, MergeState.MERGED)
            await merge_persons(
                proposal.from_person_id,
                proposal.into_person_id,
                actor_id=proposal.proposed_by_id,
                organization_id=proposal.organization_id,
            )
            await notify([proposal.into_person_id], messages.MERGED)
        else:
            await proposal.save(update_fields=[side])
        return MergeAnswer(is_merged)


async def decline_merge(person_id: str, proposal_id: str) -> MyMerges:
    """That is somebody else. Who proposed it is told. Raises NotFound, WrongState."""
    async with transaction():
        proposal = await _lock_mine(person_id, proposal_id)
        await _end(proposal, MergeState.DECLINED)
        await _record("decline_merge", person_id, proposal, person_id)
        await _tell_proposer(proposal)
        return await list_my_merges(person_id)


async def end_proposals_of(person_id: str, *_: str) -> None:
    """The person leaves, or turned out to be another: what was proposed is void, in the caller's transaction."""
    await execute(
        "UPDATE merge_proposal SET state = 'lapsed', ended_at = $2 "
        "WHERE (from_person_id = $1 OR into_person_id = $1) AND state = 'proposed'",
        person_id,
        clock.now(),
    )


async def _lapse(row: Any) -> None:
    proposal = await MergeProposal.get(id=row["id"])
    await _end(proposal, MergeState.LAPSED)
    await _tell_proposer(proposal)


LAPSE_MERGES = due_sweep(
    "merges_lapse",
    timedelta(minutes=10),
    rows="merge_proposal",
    where="state = 'proposed'",
    due="lapses_at",
    do=_lapse,
)
"""What was not confirmed in time comes to nothing."""


async def _lock(*person_ids: str) -> None:
    people = await Person.filter(id__in=person_ids).order_by("id").select_for_update()
    if len(people) != len(person_ids):
        raise NotFound()
    if any(person.merged_into_id for person in people):
        raise WrongState("其中一人已被合并")


async def _lock_mine(person_id: str, proposal_id: str) -> MergeProposal:
    found = await MergeProposal.get_or_none(id=proposal_id)
    if found is None or person_id not in (found.from_person_id, found.into_person_id):
        raise NotFound()
    await _lock(found.from_person_id, found.into_person_id)
    proposal = await MergeProposal.filter(id=proposal_id).select_for_update(no_key=True).get()
    if proposal.state is not MergeState.PROPOSED or proposal.lapses_at <= clock.now():
        raise WrongState("该合并已处理或已过期")
    return proposal


async def _require_no_role(person_id: str) -> None:
    """A role is never carried over to whom it was not given."""
    if await holds_role_anywhere(person_id, RoleKind):
        raise WrongState("被合并的一方仍担任职务，请先结束其职务")


async def _is_live(person_id: str) -> bool:
    """Whether somebody has shown on a phone of theirs that this is them."""
    return await exists(
        "SELECT 1 FROM wechat_identity WHERE person_id = $1 UNION ALL "
        "SELECT 1 FROM person_details WHERE person_id = $1 AND phone_verified_at IS NOT NULL",
        person_id,
    )


async def _end(proposal: MergeProposal, state: MergeState) -> None:
    proposal.state, proposal.ended_at = state, clock.now()
    await proposal.save(update_fields=["state", "ended_at", "from_confirmed_at", "into_confirmed_at"])


async def _tell_proposer(proposal: MergeProposal) -> None:
    await notify(
        [proposal.proposed_by_id],
        messages.MERGE_DECLINED,
        person=proposal.from_person_id,
        other=proposal.into_person_id,
    )


async def _record(action: str, actor_id: str, proposal: MergeProposal, person_id: str) -> None:
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("merge_proposal", proposal.id),
        person_id=person_id,
        organization_id=proposal.organization_id,
    )
