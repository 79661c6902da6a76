"""Registering, reading and ending memberships: the only place that seals and opens them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from server.accounts.consents import move_consent, record_consent, require_consent
from server.accounts.models import Consent, ConsentKind
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.crypto import keyring
from server.foundation.database import IntegrityError, execute, fetch, transaction
from server.foundation.errors import InvalidFields, NotFound
from server.foundation.ids import Id
from server.members.models import MemberKind, Membership
from server.organizations.access import WORKERS, holds_role, require_another
from server.organizations.models import PartyOrganization

CONTACT_EVERY = timedelta(days=30)
"""How long a floating member may be without contact before somebody is reminded, and how often."""

_CONTEXT = "membership"
_HOME_CONTEXT = "membership.home"
_CONTACT_CONTEXT = "membership.contact"


class ToldMembership(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What somebody tells of a membership: its kind, and where it is kept.

    The home organization is one of ours (`home_organization_id`), or words (`home_text`) that staff match.
    """

    kind: MemberKind
    home_organization_id: Id | None = None
    home_text: Annotated[str, msgspec.Meta(max_length=100)] = ""


class MemberFacts(msgspec.Struct, frozen=True):
    """What is known about a membership, in clear.

    The home organization is one of ours, or words that staff match to one; both where they have been matched.
    `contact_person_id` keeps in touch with a floating member. `note` is the staff's.
    """

    membership_id: str
    person_id: str
    kind: MemberKind
    home_organization_id: str | None = None
    home_text: str = ""
    contact_person_id: str | None = None
    note: str = ""

    def __repr__(self) -> str:
        return "MemberFacts(…)"


class _Sealed(msgspec.Struct, frozen=True):
    """What the ciphertext holds."""

    person_id: str
    home_organization_id: str | None
    home_text: str
    contact_person_id: str | None
    note: str


async def register_membership(
    person_id: str, told: ToldMembership, *, note: str | None = None, agreed_with: str | None = None
) -> Membership:
    """The person's membership, made or brought up to date, its row locked in the caller's transaction.

    `agreed_with` is the staff to whom the person agreed by word; without, raises ConsentNeeded where the person has not
    agreed here. Raises InvalidFields without a home.
    """
    home_organization_id, home_text = told.home_organization_id, told.home_text.strip()
    await check_home(home_organization_id, home_text)
    async with transaction():
        if agreed_with is None:
            await require_consent(person_id, ConsentKind.MEMBERSHIP_DATA)
        else:
            await _record_word(person_id, agreed_with)
        membership = await _find_locked(person_id)
        if membership is None:
            try:
                async with transaction():
                    membership = await Membership.create(person_index=index_of(person_id), kind=told.kind, sealed=b"")
            except IntegrityError:
                # The same person registered twice at once; take the other one's row.
                membership = await _find_locked(person_id)
                assert membership
        known = open_membership(membership) if membership.sealed else None
        if known and home_organization_id is None and home_text == known.home_text:
            # The same words again: what staff matched them to stays.
            home_organization_id = known.home_organization_id
        facts = MemberFacts(
            membership.id,
            person_id,
            told.kind,
            home_organization_id,
            home_text,
            known.contact_person_id if known else None,
            note if note is not None else known.note if known else "",
        )
        if facts != known:
            await write_facts(membership, facts)
    return membership


async def write_facts(membership: Membership, facts: MemberFacts) -> None:
    """Store what is known about a locked membership, with what is found by it."""
    now = clock.now()
    membership.kind = facts.kind
    membership.sealed = seal_facts(facts)
    membership.home_index = home_index_of(facts.home_organization_id) if facts.home_organization_id else None
    membership.contact_index = contact_index_of(facts.contact_person_id) if facts.contact_person_id else None
    if facts.kind is not MemberKind.FLOATING:
        membership.contact_due_at = None
    elif membership.contact_due_at is None:
        membership.contact_due_at = (membership.last_contact_at or now) + CONTACT_EVERY
    membership.version += 1
    await membership.save()


async def lock_membership(membership_id: str) -> Membership:
    """The membership's row, locked until the transaction ends. Raises NotFound for one that is over."""
    membership = await Membership.filter(id=membership_id, ended_at=None).select_for_update(no_key=True).get_or_none()
    if membership is None:
        raise NotFound()
    return membership


async def lock_for_staff(actor_id: str, membership_id: str) -> tuple[Membership, MemberFacts]:
    """A membership of the actor's community, locked, and what is known of it. Raises NotFound for all others, and
    OwnMatter."""
    membership = await lock_membership(membership_id)
    if membership.community_id is None or not await holds_role(actor_id, membership.community_id, WORKERS):
        raise NotFound()
    known = open_membership(membership)
    require_another(actor_id, known.person_id)
    return membership, known


async def audit_member(
    action: str, actor_id: str, membership: Membership, person_id: str, **details: str | None
) -> None:
    """What staff or a contact person did with a membership, or that they looked at it."""
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("membership", membership.id),
        person_id=person_id,
        organization_id=membership.community_id,
        **details,
    )


async def match_home(membership_id: str, home_organization_id: str) -> MemberFacts:
    """Say which Party organization the member's own words mean; the facts as they were. Raises InvalidFields."""
    await check_home(home_organization_id, "")
    async with transaction():
        membership = await lock_membership(membership_id)
        known = open_membership(membership)
        await write_facts(membership, msgspec.structs.replace(known, home_organization_id=home_organization_id))
    return known


async def membership_of(person_id: str) -> str | None:
    """The id of the person's membership; None for somebody who is no member, as far as we know."""
    membership = await Membership.get_or_none(person_index=index_of(person_id), ended_at=None)
    return membership.id if membership else None


async def membership_ids_of(person_id: str) -> list[str]:
    """The person's memberships, those that are over too."""
    rows = await fetch("SELECT id FROM membership WHERE person_index = $1 ORDER BY id", index_of(person_id))
    return [row["id"] for row in rows]


async def is_member(person_id: str) -> bool:
    return await membership_of(person_id) is not None


async def open_memberships(membership_ids: Iterable[str]) -> dict[str, MemberFacts]:
    """Memberships in clear, for those who may see them; the caller audits the view."""
    rows = await fetch("SELECT id, kind, sealed FROM membership WHERE id = ANY($1)", list(membership_ids))
    return {row["id"]: open_sealed(row["id"], row["kind"], bytes(row["sealed"])) for row in rows}


def open_membership(membership: Membership) -> MemberFacts:
    """One membership in clear."""
    return open_sealed(membership.id, membership.kind, bytes(membership.sealed))


async def member_person(membership_id: str) -> str:
    """Whose membership it is."""
    return (await open_memberships([membership_id]))[membership_id].person_id


async def end_membership(person_id: str) -> None:
    """The person is no longer a member, or withdrew the consent to our keeping it."""
    await execute(
        "UPDATE membership SET ended_at = $2, contact_due_at = NULL, community_id = NULL "
        "WHERE person_index = $1 AND ended_at IS NULL",
        index_of(person_id),
        clock.now(),
    )


async def forget_notes(person_id: str) -> list[str]:
    """What staff noted of the member, and who kept in touch, is forgotten; ids of the memberships."""
    ids = []
    for membership in await Membership.filter(person_index=index_of(person_id)).order_by("id"):
        facts = msgspec.structs.replace(open_membership(membership), note="", contact_person_id=None)
        membership.sealed, membership.contact_index = seal_facts(facts), None
        await membership.save(update_fields=["sealed", "contact_index"])
        ids.append(membership.id)
    return ids


async def set_community(membership_id: str, community_id: str | None) -> None:
    """Note where the member of a locked membership is checked in now; None is nowhere."""
    await Membership.filter(id=membership_id).update(community_id=community_id)


async def note_contact(membership_id: str, contacted_at: datetime) -> None:
    """Somebody was in touch with the member of a locked membership then: the next reminder is counted from there."""
    await Membership.filter(id=membership_id).update(
        last_contact_at=contacted_at, contact_due_at=contacted_at + CONTACT_EVERY
    )


async def put_off_contact(membership_id: str, until: datetime) -> None:
    """The member's contact person has been reminded, and is again then."""
    await Membership.filter(id=membership_id).update(contact_due_at=until)


async def move_community(community_id: str, into_id: str) -> None:
    """A community goes on as another: its members go along, their memberships locked."""
    await execute("UPDATE membership SET community_id = $2 WHERE community_id = $1", community_id, into_id)


async def take_over_membership(from_id: str, into_id: str) -> None:
    """Two persons turned out to be one (see accounts.merging.merge_persons): the membership goes along.

    Where both have one, the remaining person's stands. (What hangs on the other's is moved by check_in/endings.py.)
    """
    await _move_contact_person(from_id, into_id)
    membership = await _find_locked(from_id)
    if membership is None:
        return
    await move_consent(from_id, into_id, ConsentKind.MEMBERSHIP_DATA)
    if await is_member(into_id):
        await end_membership(from_id)
        return
    membership.person_index = index_of(into_id)
    await write_facts(membership, msgspec.structs.replace(open_membership(membership), person_id=into_id))


async def check_home(home_organization_id: str | None, home_text: str, *, may_be_closed: bool = False) -> None:
    """Raises InvalidFields without a home organization of ours, or words for one."""
    found = PartyOrganization.filter(id=home_organization_id, **({} if may_be_closed else {"closed_at": None}))
    if home_organization_id and not await found.exists():
        raise InvalidFields.of("home_organization_id", "所选党组织不存在")
    if not home_organization_id and not home_text:
        raise InvalidFields.of("home_text", "请填写所属党组织")


async def withdrew_consent(person_id: str) -> bool:
    """Whether the person took back the consent to our keeping a membership, and has not given it again since."""
    consents = await Consent.filter(person_id=person_id, kind=ConsentKind.MEMBERSHIP_DATA)
    return bool(consents) and all(consent.withdrawn_at for consent in consents)


def index_of(person_id: str) -> bytes:
    """What a membership is found by."""
    return keyring().blind_index(person_id, _CONTEXT)


def home_index_of(home_organization_id: str) -> bytes:
    """What the members of one home organization are found by."""
    return keyring().blind_index(home_organization_id, _HOME_CONTEXT)


def contact_index_of(person_id: str) -> bytes:
    """What the floating members that a person keeps in touch with are found by."""
    return keyring().blind_index(person_id, _CONTACT_CONTEXT)


async def _record_word(person_id: str, staff_id: str) -> None:
    """The member agreed by word, to these staff; nothing is added where there is a consent already."""
    if not await Consent.exists(person_id=person_id, kind=ConsentKind.MEMBERSHIP_DATA, withdrawn_at=None):
        await record_consent(person_id, ConsentKind.MEMBERSHIP_DATA, given_by_id=staff_id)


async def _find_locked(person_id: str) -> Membership | None:
    return (
        await Membership.filter(person_index=index_of(person_id), ended_at=None).select_for_update(no_key=True).first()
    )


async def _move_contact_person(from_id: str, into_id: str) -> None:
    kept = Membership.filter(contact_index=contact_index_of(from_id), ended_at=None)
    for membership in await kept.order_by("id").select_for_update(no_key=True):
        facts = msgspec.structs.replace(open_membership(membership), contact_person_id=into_id)
        await write_facts(membership, facts)


def seal_facts(facts: MemberFacts) -> bytes:
    sealed = _Sealed(facts.person_id, facts.home_organization_id, facts.home_text, facts.contact_person_id, facts.note)
    return keyring().encrypt(msgspec.json.encode(sealed), f"{_CONTEXT}.{facts.membership_id}")


def open_sealed(membership_id: str, kind: str, sealed: bytes) -> MemberFacts:
    """The columns of one membership in clear, where they were read with something else."""
    known = msgspec.json.decode(keyring().decrypt_bytes(sealed, f"{_CONTEXT}.{membership_id}"), type=_Sealed)
    return MemberFacts(
        membership_id,
        known.person_id,
        MemberKind(kind),
        known.home_organization_id,
        known.home_text,
        known.contact_person_id,
        known.note,
    )
