"""Retired members are invited to move the membership 转入组织关系 to the community's Party organization. (Section 6.)

It is an offer: the member says yes or no, and yes only means that staff then do the paperwork and say when it is done.
"""

import msgspec

from server.check_in import messages
from server.check_in.member_queries import MemberCard, MyMembership, get_member_card, get_my_membership
from server.check_in.models import MembershipTransfer, TransferState
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch_value, transaction
from server.foundation.errors import InvalidFields, NotFound, Refusal, WrongState
from server.members.homes import host_of_home
from server.members.memberships import MemberFacts, index_of, lock_for_staff, open_membership, write_facts
from server.members.models import MemberKind, Membership
from server.notifications.telling import notify
from server.organizations.access import role_holders
from server.organizations.models import PartyOrganization
from server.organizations.tree import within


class TransferOpen(Refusal):
    """An offer that waits for the member's answer, or for the paperwork."""

    code, title, status = "transfer_open", "已有一份待办的组织关系转入邀请", 409


async def invite_retired_member(membership: Membership, actor_id: str | None) -> None:
    """On checking in: invite a retired member whose membership is elsewhere, once for each community."""
    facts = open_membership(membership)
    if facts.kind is not MemberKind.RETIRED or membership.community_id is None:
        return
    if await MembershipTransfer.exists(membership_id=membership.id, community_id=membership.community_id):
        return
    if facts.home_organization_id and await _is_kept_in(facts.home_organization_id, membership.community_id):
        return
    await cancel_transfer(membership.id)
    await _offer(membership, facts, actor_id)


async def offer_transfer(actor_id: str, membership_id: str) -> MemberCard:
    """Staff invite again, say after a change of mind.

    Raises NotFound, WrongState (not a retired member), TransferOpen.
    """
    async with transaction(membership_transfer_one_open=TransferOpen):
        membership, facts = await lock_for_staff(actor_id, membership_id)
        if facts.kind is not MemberKind.RETIRED:
            raise WrongState("只有离退休党员适用转入邀请")
        await _offer(membership, facts, actor_id)
        return await get_member_card(membership_id)


async def answer_transfer(person_id: str, *, accept: bool, reason: str = "") -> MyMembership:
    """The member accepts or declines what they were offered. Raises NotFound, WrongState (answered already)."""
    async with transaction():
        membership = (
            await Membership.filter(person_index=index_of(person_id), ended_at=None)
            .select_for_update(no_key=True)
            .first()
        )
        if membership is None:
            raise NotFound()
        transfer = await MembershipTransfer.filter(membership_id=membership.id).order_by("-id").first()
        if transfer is None:
            raise NotFound()
        if transfer.state is not TransferState.OFFERED:
            raise WrongState()
        transfer.state = TransferState.ACCEPTED if accept else TransferState.DECLINED
        transfer.reason, transfer.answered_at = reason, clock.now()
        await transfer.save()
        community_id: str = transfer.community_id
        await _record(f"{'accept' if accept else 'decline'}_transfer", person_id, transfer, person_id)
        await notify(
            await role_holders(community_id),
            messages.TRANSFER_ANSWERED,
            membership=membership.id,
            answer="accepted" if accept else "declined",
        )
        return await get_my_membership(person_id)


async def complete_transfer(actor_id: str, membership_id: str, home_organization_id: str) -> MemberCard:
    """The paperwork is done: the membership is kept by a Party organization of the community from now on.

    Raises NotFound, WrongState (nothing was accepted), InvalidFields (a Party organization elsewhere).
    """
    async with transaction():
        membership, facts, transfer = await lock_accepted(actor_id, membership_id)
        assert membership.community_id
        if not await PartyOrganization.exists(id=home_organization_id, closed_at=None) or not await _is_kept_in(
            home_organization_id, membership.community_id
        ):
            raise InvalidFields.of("home_organization_id", "请选择本社区的党组织")
        changed = msgspec.structs.replace(facts, home_organization_id=home_organization_id, home_text="")
        await write_facts(membership, changed)
        transfer.state = TransferState.COMPLETED
        transfer.settled_at, transfer.settled_by_id = clock.now(), actor_id
        await transfer.save()
        await _record("complete_transfer", actor_id, transfer, facts.person_id)
        await notify(
            [facts.person_id], messages.TRANSFER_COMPLETED, party_organization=home_organization_id, at=clock.now()
        )
        return await get_member_card(membership_id)


async def lock_accepted(actor_id: str, membership_id: str) -> tuple[Membership, MemberFacts, MembershipTransfer]:
    """A membership whose transfer waits for the paperwork, locked for staff, in the caller's transaction.

    Raises NotFound, OwnMatter, WrongState (nothing was accepted).
    """
    membership, facts = await lock_for_staff(actor_id, membership_id)
    transfer = await MembershipTransfer.filter(membership_id=membership_id).order_by("-id").first()
    if transfer is None or transfer.state is not TransferState.ACCEPTED:
        raise WrongState()
    return membership, facts, transfer


async def cancel_transfer(membership_id: str) -> None:
    """An offer of a community that the member has left, in the caller's transaction."""
    await MembershipTransfer.filter(
        membership_id=membership_id, state__in=[TransferState.OFFERED, TransferState.ACCEPTED]
    ).update(state=TransferState.CANCELLED, settled_at=clock.now())


async def _offer(membership: Membership, facts: MemberFacts, actor_id: str | None) -> None:
    assert membership.community_id
    transfer = await MembershipTransfer.create(
        membership_id=membership.id, community_id=membership.community_id, offered_at=clock.now()
    )
    await _record("offer_transfer", actor_id, transfer, facts.person_id)
    await notify([facts.person_id], messages.TRANSFER_OFFERED, organization=membership.community_id)


async def _is_kept_in(home_organization_id: str, community_id: str) -> bool:
    """Whether a Party organization belongs to the community, or to something in it."""
    host_id = await host_of_home(home_organization_id)
    return bool(
        host_id
        and await fetch_value(
            f"SELECT 1 FROM organization host WHERE host.id = $1 AND {within('host.path', '$2')}",
            host_id,
            community_id,
        )
    )


async def _record(action: str, actor_id: str | None, transfer: MembershipTransfer, person_id: str) -> None:
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("membership_transfer", transfer.id),
        person_id=person_id,
        organization_id=transfer.community_id,
    )
