"""Reading members: one's own page, the staff's books 党员底数, the floating members that one keeps in touch with."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from server.accounts.details import details_of, read_details
from server.accounts.masking import mask_name
from server.accounts.models import ConsentKind
from server.accounts.queries import describe_persons, has_consent
from server.check_in.checking_in import Residence, open_residence
from server.check_in.contacts import floating_membership_ids, may_contact, open_contact_note
from server.check_in.models import ContactMeans, TransferState
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch, fetch_one, fetch_structs
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, cut_page, decode_cursor
from server.members.homes import describe_homes
from server.members.memberships import CONTACT_EVERY, MemberFacts, membership_of, open_membership, open_memberships
from server.members.models import MemberKind, Membership
from server.organizations.access import READERS, WORKERS, holds_role, require_role
from server.organizations.tree import within


class PersonName(msgspec.Struct):
    """Somebody with a masked name."""

    person_id: Id
    name: str


class TransferView(msgspec.Struct):
    """The invitation to move the membership to the community, and what became of it."""

    state: TransferState
    community_name: str
    reason: str
    offered_at: datetime
    answered_at: datetime | None
    settled_at: datetime | None


class MyMembership(msgspec.Struct):
    """What is known of one's own membership. `contact` keeps in touch with a floating member."""

    kind: MemberKind
    home_organization: str
    home_is_matched: bool
    community_id: Id | None
    community_name: str | None
    grid_name: str | None
    shows_identity: bool
    contact: PersonName | None
    transfer: TransferView | None


class MemberCard(msgspec.Struct):
    """A member in the staff's list; the name is masked. `contact_overdue`: nobody was in touch for too long."""

    membership_id: Id
    check_in_id: Id
    name: str
    kind: MemberKind
    home_organization: str
    home_is_matched: bool
    community_name: str
    grid_name: str | None
    checked_in_at: datetime
    last_contact_at: datetime | None
    contact_overdue: bool
    transfer_state: TransferState | None


class ContactView(msgspec.Struct):
    """One time that somebody was in touch."""

    id: Id
    contacted_at: datetime
    means: ContactMeans
    note: str
    recorded_by: PersonName | None


class MemberDetail(msgspec.Struct, kw_only=True):
    """A member with personal data in clear, for the community's staff; each view is audited."""

    membership_id: Id
    check_in_id: Id
    person_id: Id
    real_name: str
    phone: str
    kind: MemberKind
    home_organization_id: Id | None
    home_organization: str
    home_text: str
    residence: Residence
    community_name: str
    grid_name: str | None
    checked_in_at: datetime
    note: str
    contact: PersonName | None
    last_contact_at: datetime | None
    contacts: list[ContactView]
    transfer: TransferView | None
    version: int


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


class MemberCount(msgspec.Struct):
    """How many members of one kind are checked in, and of how many the home organization is not matched yet."""

    kind: MemberKind
    members: int
    unmatched: int
    contact_overdue: int


_OVERDUE = "(m.kind = 'floating' AND COALESCE(m.last_contact_at, m.created_at) < $2)"
_IN_SUBTREE = (
    "FROM membership m JOIN check_in c ON c.membership_id = m.id AND c.state = 'confirmed' "
    "JOIN organization o ON o.id = m.community_id LEFT JOIN organization g ON g.id = c.grid_id "
    f"WHERE m.ended_at IS NULL AND {within('o.path', '$1')}"
)


async def get_my_membership(person_id: str) -> MyMembership:
    """One's own membership. Raises NotFound for somebody who never told of one."""
    membership_id = await membership_of(person_id)
    if membership_id is None:
        raise NotFound()
    facts = (await open_memberships([membership_id]))[membership_id]
    row = await fetch_one(
        "SELECT o.id, o.name, g.name AS grid_name FROM check_in c JOIN organization o ON o.id = c.community_id "
        "LEFT JOIN organization g ON g.id = c.grid_id WHERE c.membership_id = $1 AND c.state = 'confirmed'",
        membership_id,
    )
    return MyMembership(
        kind=facts.kind,
        home_organization=(await _homes([facts]))[membership_id],
        home_is_matched=facts.home_organization_id is not None,
        community_id=row["id"] if row else None,
        community_name=row["name"] if row else None,
        grid_name=row["grid_name"] if row else None,
        shows_identity=await has_consent(person_id, ConsentKind.SHOW_IDENTITY),
        contact=await _contact_person(facts),
        transfer=await _transfer(membership_id),
    )


async def list_members(
    actor_id: str,
    organization_id: str,
    page: PageQuery,
    *,
    kind: MemberKind | None = None,
    unmatched: bool = False,
    contact_overdue: bool = False,
) -> Page[MemberCard]:
    """The members checked in anywhere in an organization's subtree, for those who work there; names are masked."""
    await require_role(actor_id, organization_id, READERS)
    rows = await fetch(
        "SELECT m.id, c.id AS check_in_id, o.name AS community_name, g.name AS grid_name, c.decided_at, "
        f"m.last_contact_at, {_OVERDUE} AS overdue, (SELECT t.state FROM membership_transfer t "
        f"WHERE t.membership_id = m.id ORDER BY t.id DESC LIMIT 1) AS transfer_state {_IN_SUBTREE} "
        "AND ($3::text IS NULL OR m.kind = $3) AND (NOT $4 OR m.home_index IS NULL) "
        f"AND (NOT $5 OR {_OVERDUE}) AND ($6::uuid IS NULL OR m.id > $6) ORDER BY m.id LIMIT $7",
        organization_id,
        clock.now() - CONTACT_EVERY,
        str(kind) if kind else None,
        unmatched,
        contact_overdue,
        decode_cursor(page.cursor, tuple[Id])[0] if page.cursor else None,
        page.limit + 1,
    )
    cut = cut_page(rows, page.limit, lambda row: (row["id"],))
    facts = await open_memberships([row["id"] for row in cut.items])
    names = await _masked_names(facts)
    homes = await _homes(facts.values())
    return Page(
        [
            MemberCard(
                membership_id=row["id"],
                check_in_id=row["check_in_id"],
                name=names[row["id"]],
                kind=facts[row["id"]].kind,
                home_organization=homes[row["id"]],
                home_is_matched=facts[row["id"]].home_organization_id is not None,
                community_name=row["community_name"],
                grid_name=row["grid_name"],
                checked_in_at=row["decided_at"],
                last_contact_at=row["last_contact_at"],
                contact_overdue=row["overdue"],
                transfer_state=TransferState(row["transfer_state"]) if row["transfer_state"] else None,
            )
            for row in cut.items
        ],
        cut.next_cursor,
    )


async def count_members(actor_id: str, organization_id: str) -> list[MemberCount]:
    """How many members of each kind are checked in, in an organization's subtree 底数."""
    await require_role(actor_id, organization_id, READERS)
    counted = await fetch_structs(
        MemberCount,
        "SELECT m.kind, count(*) AS members, count(*) FILTER (WHERE m.home_index IS NULL) AS unmatched, "
        f"count(*) FILTER (WHERE {_OVERDUE}) AS contact_overdue {_IN_SUBTREE} GROUP BY m.kind",
        organization_id,
        clock.now() - CONTACT_EVERY,
    )
    known = {MemberKind(count.kind): count for count in counted}
    return [known.get(kind) or MemberCount(kind, 0, 0, 0) for kind in MemberKind]


async def view_member(actor_id: str, membership_id: str) -> MemberDetail:
    """One member of the community in clear, for its staff; the view is audited. Raises NotFound for all others."""
    membership = await Membership.get_or_none(id=membership_id, ended_at=None)
    if (
        membership is None
        or membership.community_id is None
        or not await holds_role(actor_id, membership.community_id, WORKERS)
    ):
        raise NotFound()
    facts = open_membership(membership)
    await record_audit(
        "view_member",
        actor_id=actor_id,
        subject=("membership", membership_id),
        person_id=facts.person_id,
        organization_id=membership.community_id,
    )
    row = await fetch_one(
        "SELECT c.id, c.residence, c.decided_at, o.name AS community_name, g.name AS grid_name FROM check_in c "
        "JOIN organization o ON o.id = c.community_id LEFT JOIN organization g ON g.id = c.grid_id "
        "WHERE c.membership_id = $1 AND c.state = 'confirmed'",
        membership_id,
    )
    if row is None:
        raise NotFound()
    details = await details_of(facts.person_id)
    return MemberDetail(
        membership_id=membership_id,
        check_in_id=row["id"],
        person_id=facts.person_id,
        real_name=details.real_name,
        phone=details.phone,
        kind=facts.kind,
        home_organization_id=facts.home_organization_id,
        home_organization=(await _homes([facts]))[membership_id],
        home_text=facts.home_text,
        residence=open_residence(row["id"], bytes(row["residence"])),
        community_name=row["community_name"],
        grid_name=row["grid_name"],
        checked_in_at=row["decided_at"],
        note=facts.note,
        contact=await _contact_person(facts),
        last_contact_at=membership.last_contact_at,
        contacts=await _contacts(membership_id),
        transfer=await _transfer(membership_id),
        version=membership.version,
    )


async def list_floating_members(person_id: str) -> list[FloatingMember]:
    """The floating members whom the caller keeps in touch with, longest without contact first."""
    ids = await floating_membership_ids(person_id)
    rows = await fetch(
        f"SELECT m.id, m.last_contact_at, {_OVERDUE} AS overdue, o.name AS community_name FROM membership m "
        "JOIN organization o ON o.id = m.community_id WHERE m.id = ANY($1)",
        ids,
        clock.now() - CONTACT_EVERY,
    )
    by_id = {row["id"]: row for row in rows}
    names = await _masked_names(await open_memberships(ids))
    return [
        FloatingMember(
            id_, names[id_], by_id[id_]["community_name"], by_id[id_]["last_contact_at"], by_id[id_]["overdue"]
        )
        for id_ in ids
        if id_ in by_id
    ]


async def view_floating_member(actor_id: str, membership_id: str) -> FloatingMemberDetail:
    """Name, phone and earlier contacts, for the contact person; the view is audited. Raises NotFound for all others."""
    membership = await Membership.get_or_none(id=membership_id, ended_at=None, kind=MemberKind.FLOATING)
    if membership is None or membership.community_id is None:
        raise NotFound()
    facts = open_membership(membership)
    if not await may_contact(actor_id, membership, facts):
        raise NotFound()
    await record_audit(
        "view_floating_member",
        actor_id=actor_id,
        subject=("membership", membership_id),
        person_id=facts.person_id,
        organization_id=membership.community_id,
    )
    details = await details_of(facts.person_id)
    row = await fetch_one("SELECT name FROM organization WHERE id = $1", membership.community_id)
    return FloatingMemberDetail(
        membership_id,
        details.real_name,
        details.phone,
        row["name"] if row else "",
        membership.last_contact_at,
        await _contacts(membership_id),
    )


async def _contacts(membership_id: str) -> list[ContactView]:
    rows = await fetch(
        "SELECT id, contacted_at, means, note, recorded_by_id FROM member_contact WHERE membership_id = $1 "
        "ORDER BY contacted_at DESC, id LIMIT 50",
        membership_id,
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


async def _contact_person(facts: MemberFacts) -> PersonName | None:
    if facts.contact_person_id is None or facts.kind is not MemberKind.FLOATING:
        return None
    return _named(await describe_persons([facts.contact_person_id]), facts.contact_person_id)


async def _transfer(membership_id: str) -> TransferView | None:
    views = await fetch_structs(
        TransferView,
        "SELECT t.state, o.name AS community_name, t.reason, t.offered_at, t.answered_at, t.settled_at "
        "FROM membership_transfer t JOIN organization o ON o.id = t.community_id WHERE t.membership_id = $1 "
        "ORDER BY t.id DESC LIMIT 1",
        membership_id,
    )
    return views[0] if views else None


async def _masked_names(facts: dict[str, MemberFacts]) -> dict[str, str]:
    details = await read_details([fact.person_id for fact in facts.values()])
    return {
        id_: mask_name(details[fact.person_id].real_name) if fact.person_id in details else ""
        for id_, fact in facts.items()
    }


async def _homes(members: Iterable[MemberFacts]) -> dict[str, str]:
    """Membership → the home organization's name: ours where it is matched, or else the member's own words."""
    facts = list(members)
    names = await describe_homes({fact.home_organization_id for fact in facts if fact.home_organization_id})
    return {fact.membership_id: names.get(fact.home_organization_id or "") or fact.home_text for fact in facts}


def _named(people: dict[str, dict[str, str]], person_id: str) -> PersonName | None:
    return PersonName(person_id, people[person_id]["name"]) if person_id in people else None
