"""Reading what is known of keeping in touch with floating members: who may, whom one looks after, and the records."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from server.accounts.details import details_of
from server.accounts.masking import mask_name
from server.accounts.queries import describe_persons
from server.check_in.models import ContactMeans
from server.foundation import clock
from server.foundation.crypto import keyring
from server.foundation.database import fetch, fetch_value
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.members.memberships import (
    CONTACT_EVERY,
    MemberFacts,
    audit_member,
    contact_index_of,
    index_of,
    open_membership,
    open_memberships,
)
from server.members.models import MemberKind, Membership
from server.members.queries import details_of_members
from server.organizations.access import GRID_WORKERS, WORKERS, holds_role
from server.organizations.tree import reaching, within

_CONTEXT = "member_contact.note"


class PersonName(msgspec.Struct):
    """Somebody with a masked name."""

    person_id: Id
    name: str


class ContactView(msgspec.Struct):
    """One time that somebody was in touch."""

    id: Id
    contacted_at: datetime
    means: ContactMeans
    note: str
    recorded_by: PersonName | None


class FloatingMember(msgspec.Struct):
    """A floating member whom the caller keeps in touch with; the name is masked."""

    membership_id: Id
    name: str
    community_name: str
    last_contact_at: datetime | None
    overdue: bool


class FloatingMemberDetail(msgspec.Struct):
    """The same, as one needs it to get in touch; each view is audited."""

    membership_id: Id
    real_name: str
    phone: str
    community_name: str
    last_contact_at: datetime | None
    contacts: list[ContactView]


async def list_floating_members(person_id: str) -> list[FloatingMember]:
    """The floating members whom the caller keeps in touch with, longest without contact first."""
    rows = await fetch(
        f"SELECT m.id AS membership_id, m.last_contact_at, {overdue('$2')} AS overdue, o.name AS community_name "
        "FROM membership m JOIN organization o ON o.id = m.community_id WHERE m.contact_index = $1 "
        "AND m.ended_at IS NULL AND m.kind = 'floating' ORDER BY m.last_contact_at NULLS FIRST, m.id LIMIT 200",
        contact_index_of(person_id),
        clock.now() - CONTACT_EVERY,
    )
    details = await details_of_members(await open_memberships([row["membership_id"] for row in rows]))
    return [FloatingMember(name=mask_name(details[row["membership_id"]].real_name), **row) for row in rows]


async def view_floating_member(actor_id: str, membership_id: str) -> FloatingMemberDetail:
    """Name, phone and earlier contacts, for the contact person; the view is audited. Raises NotFound for all others."""
    membership = await Membership.get_or_none(id=membership_id, ended_at=None, kind=MemberKind.FLOATING)
    if membership is None or membership.community_id is None:
        raise NotFound()
    facts = open_membership(membership)
    if not await may_contact(actor_id, membership, facts):
        raise NotFound()
    await audit_member("view_floating_member", actor_id, membership, facts.person_id)
    details = await details_of(facts.person_id)
    community: str = await fetch_value("SELECT name FROM organization WHERE id = $1", membership.community_id)
    return FloatingMemberDetail(
        membership_id,
        details.real_name,
        details.phone,
        community,
        membership.last_contact_at,
        await list_contacts(membership_id),
    )


async def list_contacts(membership_id: str, contact_id: str | None = None) -> list[ContactView]:
    """Who was in touch with a member and when (or one such time), the latest first; the caller audits the view."""
    rows = await fetch(
        "SELECT id, contacted_at, means, note, recorded_by_id FROM member_contact WHERE membership_id = $1 "
        "AND ($2::uuid IS NULL OR id = $2) ORDER BY contacted_at DESC, id LIMIT 50",
        membership_id,
        contact_id,
    )
    people = await describe_persons({row["recorded_by_id"] for row in rows})
    return [
        ContactView(
            row["id"],
            row["contacted_at"],
            ContactMeans(row["means"]),
            open_contact_note(row["id"], row["note"]),
            _named(people, row["recorded_by_id"]),
        )
        for row in rows
    ]


async def contact_persons(members: Iterable[MemberFacts]) -> dict[str, PersonName]:
    """Membership → who keeps in touch, of floating members who have somebody."""
    known = {fact.membership_id: fact.contact_person_id for fact in members if fact.kind is MemberKind.FLOATING}
    people = await describe_persons({person_id for person_id in known.values() if person_id})
    found = {id_: _named(people, person_id) for id_, person_id in known.items() if person_id}
    return {id_: person for id_, person in found.items() if person}


def overdue(since: str) -> str:
    """SQL: whether nobody was in touch with the floating member `m` after the moment `since`."""
    return f"(m.kind = 'floating' AND COALESCE(m.last_contact_at, m.created_at) < {since})"


async def may_be_contact(person_id: str, community_id: str) -> bool:
    """Whether somebody works for the community, one of its grids or what is above, or is a member checked in there."""
    found: bool = await fetch_value(
        "SELECT EXISTS (SELECT 1 FROM role_grant g JOIN organization held ON held.id = g.organization_id "
        "WHERE g.person_id = $1 AND g.ended_at IS NULL AND g.kind = ANY($3) "
        f"AND ({reaching('held.path', '$2')} OR {within('held.path', '$2')})) "
        "OR EXISTS (SELECT 1 FROM membership WHERE person_index = $4 AND ended_at IS NULL AND community_id = $2)",
        person_id,
        community_id,
        [str(kind) for kind in GRID_WORKERS],
        index_of(person_id),
    )
    return found


async def may_contact(person_id: str, membership: Membership, facts: MemberFacts) -> bool:
    """Whether somebody is the member's contact person still, or works for the community."""
    if membership.community_id is None:
        return False
    if person_id == facts.contact_person_id and await may_be_contact(person_id, membership.community_id):
        return True
    return await holds_role(person_id, membership.community_id, WORKERS)


def seal_contact_note(contact_id: str, note: str) -> bytes | None:
    return keyring().encrypt(note, f"{_CONTEXT}.{contact_id}") if note.strip() else None


def open_contact_note(contact_id: str, sealed: bytes | None) -> str:
    """A contact's note in clear; the caller audits the view."""
    return keyring().decrypt(bytes(sealed), f"{_CONTEXT}.{contact_id}") if sealed else ""


def _named(people: dict[str, dict[str, str]], person_id: str) -> PersonName | None:
    return PersonName(person_id, people[person_id]["name"]) if person_id in people else None
