"""Reading members: one's own page, and the staff's books 党员底数."""

from datetime import datetime
from typing import Any

import msgspec

from server.accounts.details import details_of
from server.accounts.masking import mask_name
from server.accounts.models import ConsentKind
from server.accounts.queries import has_consent
from server.check_in.contact_queries import ContactView, PersonName, contact_persons, list_contacts, overdue
from server.check_in.models import TransferState
from server.check_in.residence import Residence, open_residence
from server.foundation import clock
from server.foundation.database import fetch, fetch_one, fetch_structs, fetch_value
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.members.memberships import (
    CONTACT_EVERY,
    audit_member,
    membership_of,
    open_membership,
    open_memberships,
    open_sealed,
)
from server.members.models import MemberKind, Membership
from server.members.queries import details_of_members, homes_of_members
from server.organizations.access import READERS, WORKERS, holds_role, require_role
from server.organizations.tree import within


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


class MemberCard(msgspec.Struct, kw_only=True):
    """A member in the staff's list; the name is masked. `contact_overdue`: nobody was in touch for too long.
    Who the `contact` is, the list itself does not tell."""

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
    contact: PersonName | None
    contact_overdue: bool
    transfer_state: TransferState | None
    version: int


class MemberDetail(MemberCard, kw_only=True):
    """A member with personal data in clear, for the community's staff; each view is audited."""

    person_id: Id
    real_name: str
    phone: str
    home_organization_id: Id | None
    home_text: str
    residence: Residence
    note: str
    contacts: list[ContactView]
    transfer: TransferView | None


class MemberCount(msgspec.Struct):
    """How many members of one kind are checked in, and of how many the home organization is not matched yet."""

    kind: MemberKind
    members: int
    unmatched: int
    contact_overdue: int


_ACTIVE = (
    "FROM membership m JOIN check_in c ON c.membership_id = m.id AND c.state = 'confirmed' "
    "JOIN organization o ON o.id = c.community_id LEFT JOIN organization g ON g.id = c.grid_id WHERE m.ended_at IS NULL"
)
_CARD = (
    "SELECT m.id AS membership_id, m.kind, m.sealed, c.id AS check_in_id, o.name AS community_name, "
    f"g.name AS grid_name, c.decided_at AS checked_in_at, m.last_contact_at, {overdue('$1')} AS contact_overdue, "
    "(SELECT t.state FROM membership_transfer t WHERE t.membership_id = m.id ORDER BY t.id DESC LIMIT 1) "
    f"AS transfer_state, m.version {_ACTIVE}"
)


async def get_my_membership(person_id: str) -> MyMembership:
    """One's own membership. Raises NotFound for somebody who never told of one."""
    membership_id = await membership_of(person_id)
    if membership_id is None:
        raise NotFound()
    facts = (await open_memberships([membership_id]))[membership_id]
    row = await fetch_one(
        f"SELECT c.community_id, o.name AS community_name, g.name AS grid_name {_ACTIVE} AND m.id = $1", membership_id
    )
    return MyMembership(
        kind=facts.kind,
        home_organization=(await homes_of_members([facts]))[membership_id],
        home_is_matched=facts.home_organization_id is not None,
        community_id=row["community_id"] if row else None,
        community_name=row["community_name"] if row else None,
        grid_name=row["grid_name"] if row else None,
        shows_identity=await has_consent(person_id, ConsentKind.SHOW_IDENTITY),
        contact=(await contact_persons([facts])).get(membership_id),
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
    rows = await fetch_page(
        f"{_CARD} AND {within('o.path', '$2')} AND ($3::text IS NULL OR m.kind = $3) "
        f"AND (NOT $4 OR m.home_index IS NULL) AND (NOT $5 OR {overdue('$1')}) AND ($6::uuid IS NULL OR m.id > $6) "
        "ORDER BY m.id LIMIT $7",
        clock.now() - CONTACT_EVERY,
        organization_id,
        str(kind) if kind else None,
        unmatched,
        contact_overdue,
        page=page,
        key={"membership_id": Id},
    )
    return Page(await _cards(rows.items, with_contacts=False), rows.next_cursor)


async def get_member_card(membership_id: str) -> MemberCard:
    """What the staff's list shows of one member. Raises NotFound for one who is not checked in."""
    rows = await fetch(f"{_CARD} AND m.id = $2", clock.now() - CONTACT_EVERY, membership_id)
    for card in await _cards(rows, with_contacts=True):
        return card
    raise NotFound()


async def count_members(actor_id: str, organization_id: str) -> list[MemberCount]:
    """How many members of each kind are checked in, in an organization's subtree 底数."""
    await require_role(actor_id, organization_id, READERS)
    counted = await fetch_structs(
        MemberCount,
        "SELECT m.kind, count(*) AS members, count(*) FILTER (WHERE m.home_index IS NULL) AS unmatched, "
        f"count(*) FILTER (WHERE {overdue('$1')}) AS contact_overdue {_ACTIVE} AND {within('o.path', '$2')} "
        "GROUP BY m.kind",
        clock.now() - CONTACT_EVERY,
        organization_id,
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
    await audit_member("view_member", actor_id, membership, facts.person_id)
    card = await get_member_card(membership_id)
    sealed: bytes = await fetch_value("SELECT residence FROM check_in WHERE id = $1", card.check_in_id)
    details = await details_of(facts.person_id)
    return MemberDetail(
        person_id=facts.person_id,
        real_name=details.real_name,
        phone=details.phone,
        home_organization_id=facts.home_organization_id,
        home_text=facts.home_text,
        residence=open_residence(card.check_in_id, sealed),
        note=facts.note,
        contacts=await list_contacts(membership_id),
        transfer=await _transfer(membership_id),
        **msgspec.structs.asdict(card),
    )


async def _cards(rows: list[Any], *, with_contacts: bool) -> list[MemberCard]:
    facts = {row["membership_id"]: open_sealed(row["membership_id"], row["kind"], bytes(row["sealed"])) for row in rows}
    details = await details_of_members(facts)
    homes = await homes_of_members(facts.values())
    contacts = await contact_persons(facts.values()) if with_contacts else {}
    return [
        MemberCard(
            name=mask_name(details[id_].real_name),
            kind=facts[id_].kind,
            home_organization=homes[id_],
            home_is_matched=facts[id_].home_organization_id is not None,
            contact=contacts.get(id_),
            **{name: value for name, value in row.items() if name not in ("kind", "sealed")},
        )
        for row in rows
        for id_ in [row["membership_id"]]
    ]


async def _transfer(membership_id: str) -> TransferView | None:
    views = await fetch_structs(
        TransferView,
        "SELECT t.state, o.name AS community_name, t.reason, t.offered_at, t.answered_at, t.settled_at "
        "FROM membership_transfer t JOIN organization o ON o.id = t.community_id WHERE t.membership_id = $1 "
        "ORDER BY t.id DESC LIMIT 1",
        membership_id,
    )
    return views[0] if views else None
