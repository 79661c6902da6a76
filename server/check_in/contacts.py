"""Keeping in touch with floating members 流动党员, so that somebody always knows how they are. (Policy section 6.)

Each has a contact person: a leader of a Party group or somebody who works there. Where there is none, or who it was no
longer has part in the community, its staff are reminded instead.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from server.background.sweeps import due_sweep
from server.check_in import messages
from server.check_in.contact_queries import ContactView, list_contacts, may_be_contact, may_contact, seal_contact_note
from server.check_in.member_queries import MemberCard, get_member_card
from server.check_in.models import ContactMeans, MemberContact
from server.foundation import clock
from server.foundation.database import transaction
from server.foundation.errors import InvalidFields, NotFound, WrongState
from server.foundation.ids import new_id
from server.members.memberships import (
    CONTACT_EVERY,
    audit_member,
    lock_for_staff,
    lock_membership,
    note_contact,
    open_membership,
    put_off_contact,
    write_facts,
)
from server.members.models import MemberKind, Membership
from server.notifications.telling import notify
from server.organizations.access import role_holders


async def assign_contact(actor_id: str, membership_id: str, contact_person_id: str | None) -> MemberCard:
    """Staff say who keeps in touch with a floating member (None: nobody in particular); both are told.

    Raises NotFound, WrongState (not a floating member), InvalidFields (somebody without a part in the community).
    """
    async with transaction():
        membership, facts = await lock_for_staff(actor_id, membership_id)
        assert membership.community_id
        if facts.kind is not MemberKind.FLOATING:
            raise WrongState("只有流动党员需要指定联系人")
        if contact_person_id != facts.contact_person_id:
            if contact_person_id == facts.person_id or (
                contact_person_id and not await may_be_contact(contact_person_id, membership.community_id)
            ):
                raise InvalidFields.of("contact_person_id", "联系人应是本社区的工作人员、网格员，或在本社区报到的党员")
            await write_facts(membership, msgspec.structs.replace(facts, contact_person_id=contact_person_id))
            await audit_member("assign_contact", actor_id, membership, facts.person_id, contact=contact_person_id)
            if contact_person_id:
                await notify([contact_person_id], messages.CONTACT_ASSIGNED, membership=membership_id)
                await notify([facts.person_id], messages.CONTACT_NAMED, person=contact_person_id)
        return await get_member_card(membership_id)


async def record_contact(
    actor_id: str, membership_id: str, *, means: ContactMeans, note: str = "", contacted_at: datetime | None = None
) -> ContactView:
    """The contact person, or staff, were in touch with the member. The next reminder moves on.

    Raises NotFound (also for those who are neither), WrongState (not a floating member), InvalidFields (in the future).
    """
    now = clock.now()
    contacted_at = contacted_at or now
    if contacted_at > now + timedelta(minutes=1):
        raise InvalidFields.of("contacted_at", "联系时间不能在将来")
    async with transaction():
        membership = await lock_membership(membership_id)
        facts = open_membership(membership)
        if not await may_contact(actor_id, membership, facts):
            raise NotFound()
        if facts.kind is not MemberKind.FLOATING:
            raise WrongState("该党员已不是流动党员")
        contact_id = new_id()
        await MemberContact.create(
            id=contact_id,
            membership_id=membership_id,
            contacted_at=contacted_at,
            means=means,
            note=seal_contact_note(contact_id, note),
            recorded_by_id=actor_id,
        )
        if membership.last_contact_at is None or contacted_at > membership.last_contact_at:
            # An older contact that is told late may leave it overdue: then the reminder comes at once.
            await note_contact(membership_id, contacted_at)
        await audit_member("record_contact", actor_id, membership, facts.person_id, means=str(means))
        await notify([facts.person_id], messages.CONTACT_RECORDED, person=actor_id, at=contacted_at)
        return (await list_contacts(membership_id, contact_id))[0]


async def move_contacts(membership_id: str, into_id: str) -> None:
    """Two memberships are one: who was in touch with the member goes on in the other."""
    await MemberContact.filter(membership_id=membership_id).update(membership_id=into_id)


async def _remind(row: Any) -> None:
    now, membership = clock.now(), await Membership.get(id=row["id"])
    await put_off_contact(membership.id, now + CONTACT_EVERY)
    if membership.community_id is None:
        return
    facts = open_membership(membership)
    to = [facts.contact_person_id] if facts.contact_person_id else []
    if not to or not await may_be_contact(to[0], membership.community_id):
        to = await role_holders(membership.community_id)
    await notify(to, messages.CONTACT_DUE, membership=membership.id, days=CONTACT_EVERY.days, at=now)


REMIND_CONTACTS = due_sweep(
    "member_contacts_remind", timedelta(minutes=1), rows="membership", due="contact_due_at", do=_remind
)
"""Of floating members whom nobody was in touch with for CONTACT_EVERY, once in each such period."""
