"""Staff register members themselves, at the counter or by a roster, keep what is known up to date, and end it.

The other kinds of member, 直管 direct, 流动 floating and 离退休 retired, come in this way more often than by the phone.
(Policy section 6: 全面摸清底数.)
"""

from enum import StrEnum
from typing import Annotated, NamedTuple

import msgspec

from server.accounts.details import lock_phones, name_index, phone_index, save_details
from server.accounts.links import ask_staff
from server.accounts.models import PersonOrigin
from server.accounts.persons import create_person
from server.check_in import messages
from server.check_in.checking_in import settle_confirmed
from server.check_in.endings import leave_everything
from server.check_in.member_queries import MemberCard, get_member_card
from server.check_in.models import CheckIn, CheckInState
from server.check_in.residence import Residence, open_residence, seal_residence
from server.check_in.transfers import invite_retired_member
from server.foundation import clock
from server.foundation.bounds import RequiredText
from server.foundation.database import fetch, transaction
from server.foundation.errors import EditedMeanwhile, InvalidFields, Refusal
from server.members.memberships import (
    ToldMembership,
    audit_member,
    check_home,
    is_member,
    lock_for_staff,
    membership_of,
    register_membership,
    withdrew_consent,
    write_facts,
)
from server.members.models import Membership
from server.notifications.telling import notify
from server.organizations.access import require_another, require_role
from server.organizations.queries import require_community

Note = Annotated[str, msgspec.Meta(max_length=200)]


class OwnApplicationNeeded(Refusal):
    """The member is active elsewhere, or took the consent back: only their own word moves them.

    The answer does not tell which: that somebody is a member elsewhere is not this community's to know.
    """

    code, title, status = "own_application_needed", "该人员暂不能由工作人员登记，请本人在小程序中申请报到", 409


class Registration(ToldMembership, kw_only=True, frozen=True):
    """One member as staff register them."""

    real_name: Annotated[RequiredText, msgspec.Meta(max_length=40)]
    phone: Annotated[str, msgspec.Meta(min_length=7, max_length=20)]
    residence: Residence
    note: Note = ""

    def __repr__(self) -> str:
        return "Registration(…)"


class MemberContent(ToldMembership, kw_only=True, frozen=True):
    """What staff keep of a member."""

    note: Note = ""


class Outcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class Placed(NamedTuple):
    """What became of one registration."""

    person_id: str
    membership_id: str
    outcome: Outcome


async def register_member(actor_id: str, community_id: str, registration: Registration, *, agreed: bool) -> MemberCard:
    """Staff register a member who is here in person, and confirm the check-in with it.

    `agreed`: the member agreed by word that the membership is kept here; that is recorded. Raises NotAllowed,
    InvalidFields, OwnApplicationNeeded.
    """
    async with transaction():
        await require_registering(actor_id, community_id, agreed)
        await lock_phones([phone_index(registration.phone)])
        placed = await place_member(actor_id, community_id, registration, in_person=True)
        if placed.outcome is not Outcome.UNCHANGED:
            await tell_registered(community_id, [placed.person_id])
        return await get_member_card(placed.membership_id)


async def require_registering(actor_id: str, community_id: str, agreed: bool) -> None:
    """In the transaction in which they are placed. Raises NotAllowed, or InvalidFields where it is no community or the
    members were not asked."""
    await require_role(actor_id, community_id)
    await require_community(community_id)
    if not agreed:
        raise InvalidFields.of("members_agreed", "请先告知党员本人并征得同意")


async def place_member(
    actor_id: str, community_id: str, registration: Registration, *, in_person: bool = False
) -> Placed:
    """The member with an active check-in here, in the caller's transaction; the phone is locked (see lock_phones).

    `in_person`: staff have the member before them. From a list, somebody who signs in with this number and calls
    themselves so is asked first (see accounts.links). Raises OwnApplicationNeeded, OwnMatter, InvalidFields.
    """
    known_id, to_ask = await _find_person(registration, in_person=in_person)
    require_another(actor_id, known_id)
    if known_id and not await _may_be_placed(known_id, community_id):
        raise OwnApplicationNeeded()
    person_id = known_id or await _create_entry(community_id, registration)
    membership_id = await membership_of(person_id) if known_id else None
    version = (await Membership.get(id=membership_id)).version if membership_id else 0
    membership = await register_membership(
        person_id,
        registration,
        # A roster that says nothing leaves what is known.
        note=registration.note or None,
        agreed_with=actor_id,
    )
    active = await CheckIn.get_or_none(membership_id=membership.id, state=CheckInState.CONFIRMED)
    if active and active.community_id != community_id:
        # Confirmed there between our look and the lock.
        raise OwnApplicationNeeded()
    if active:
        moved = open_residence(active.id, active.residence) != registration.residence
        if moved:
            active.residence = seal_residence(active.id, registration.residence)
            active.version += 1
            await active.save()
        if not moved and membership.version == version:
            return Placed(person_id, membership.id, Outcome.UNCHANGED)
        action, outcome = "change_member", Outcome.UPDATED
    else:
        check_in = await _open_application(membership.id, community_id) or CheckIn(
            membership_id=membership.id, community_id=community_id, applied_at=clock.now()
        )
        check_in.residence = seal_residence(check_in.id, registration.residence)
        await settle_confirmed(check_in, membership, actor_id)
        action, outcome = "register_member", Outcome.CREATED
    # A kind that has changed to retired brings the invitation with it.
    await invite_retired_member(membership, actor_id)
    await audit_member(action, actor_id, membership, person_id, kind=str(membership.kind))
    if in_person:
        await save_details(person_id, real_name=registration.real_name, is_name_verified=True)
    elif to_ask:
        await ask_staff(person_id, to_ask, community_id)
    return Placed(person_id, membership.id, outcome)


async def tell_registered(community_id: str, person_ids: list[str]) -> None:
    """Tell members that they were registered; who has not signed in yet reads it when they do."""
    await notify(person_ids, messages.MEMBER_REGISTERED, organization=community_id)


async def change_member(actor_id: str, membership_id: str, version: int, content: MemberContent) -> MemberCard:
    """Staff correct what is known of a member of their community. Raises NotFound, EditedMeanwhile, InvalidFields."""
    async with transaction():
        membership, known = await lock_for_staff(actor_id, membership_id)
        if membership.version != version:
            raise EditedMeanwhile()
        home_id, home_text = content.home_organization_id, content.home_text.strip()
        await check_home(home_id, home_text, may_be_closed=True)
        changes = {"kind": content.kind, "home_organization_id": home_id, "home_text": home_text, "note": content.note}
        await write_facts(membership, msgspec.structs.replace(known, **changes))
        await invite_retired_member(membership, actor_id)
        await audit_member("change_member", actor_id, membership, known.person_id, kind=str(membership.kind))
        await notify([known.person_id], messages.MEMBER_CHANGED, organization=membership.community_id)
        return await get_member_card(membership_id)


async def end_member(actor_id: str, membership_id: str, reason: str) -> None:
    """Staff take somebody off the books of their community: registered by mistake, expelled, died. Raises NotFound."""
    async with transaction():
        membership, known = await lock_for_staff(actor_id, membership_id)
        await leave_everything(known.person_id, reason)
        await audit_member("end_member", actor_id, membership, known.person_id)
        await notify([known.person_id], messages.MEMBER_ENDED, organization=membership.community_id)


async def _find_person(registration: Registration, *, in_person: bool) -> tuple[str | None, str | None]:
    """Who verified this phone and has this name, or else the entry that is known by both; held until we are done.

    Where nobody has seen who that is, the second is who has to be asked: their own word for their name is not enough.
    """
    rows = await fetch(
        "SELECT p.id, d.phone_verified_at IS NULL OR d.name_verified_at IS NOT NULL AS is_seen "
        "FROM person_details d JOIN person p ON p.id = d.person_id "
        "WHERE d.phone_index = $1 AND d.real_name_index = $2 AND p.merged_into_id IS NULL AND p.closed_at IS NULL "
        "AND (d.phone_verified_at IS NOT NULL OR p.origin IN ('roster', 'walk_in')) "
        "ORDER BY d.phone_verified_at IS NULL, p.id FOR SHARE OF p",
        phone_index(registration.phone),
        name_index(registration.real_name),
    )
    certain = [row["id"] for row in rows if in_person or row["is_seen"] or await is_member(row["id"])]
    to_ask = [row["id"] for row in rows if row["id"] not in certain]
    return certain[0] if certain else None, to_ask[0] if to_ask else None


async def _create_entry(community_id: str, registration: Registration) -> str:
    """Somebody who has not signed in yet."""
    person = await create_person(
        PersonOrigin.ROSTER,
        real_name=registration.real_name,
        phone=registration.phone,
        community_id=community_id,
    )
    return person.id


async def _may_be_placed(person_id: str, community_id: str) -> bool:
    """Whether staff of this community may register the person without an application of their own."""
    if await withdrew_consent(person_id):
        return False
    membership_id = await membership_of(person_id)
    return not membership_id or not await CheckIn.exists(
        membership_id=membership_id, state=CheckInState.CONFIRMED, community_id__not=community_id
    )


async def _open_application(membership_id: str, community_id: str) -> CheckIn | None:
    """The member's own application to this community, which the registration then confirms."""
    return await CheckIn.get_or_none(
        membership_id=membership_id,
        community_id=community_id,
        state__in=[CheckInState.APPLIED, CheckInState.RETURNED],
    )
