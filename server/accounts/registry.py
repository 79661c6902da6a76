"""What staff do with persons: find, register, look at, merge. Every view of personal data leaves an audit entry."""

import msgspec

from server.accounts.details import details_of
from server.accounts.masking import mask_name, mask_phone
from server.accounts.merging import merge_persons
from server.accounts.models import Person, PersonOrigin
from server.accounts.persons import create_person, find_by_phone
from server.foundation.audit import record_audit
from server.foundation.database import fetch_value, transaction
from server.foundation.errors import NotFound, WrongState
from server.foundation.ids import Id
from server.organizations.access import (
    WORKERS,
    holds_role_anywhere,
    require_power_over,
    require_role,
    require_role_or_hide,
)
from server.organizations.models import Level, RoleKind


class PersonFound(msgspec.Struct):
    """Enough to recognize somebody by, masked; and whether they are kept out (see blocking.py)."""

    person_id: Id
    name: str
    phone: str
    nickname: str
    is_blocked: bool


class PersonDetailsView(msgspec.Struct):
    """Personal data in clear."""

    person_id: Id
    real_name: str
    phone: str
    phone_is_verified: bool
    address: str


async def find_person(actor_id: str, phone: str) -> PersonFound:
    """Who has this number. Raises NotFound; that it was looked for is audited either way."""
    async with transaction():
        person_id = await find_by_phone(phone)
        await record_audit("find_person", actor_id=actor_id, subject=("person", person_id), person_id=person_id)
        found = await show_person(person_id) if person_id else None
    if found is None:
        raise NotFound("没有找到使用该手机号的人员")
    return found


async def register_walk_in(actor_id: str, organization_id: str, *, real_name: str, phone: str) -> PersonFound:
    """A person at the counter; the one already known by this number is given back if the name agrees."""
    await require_role(actor_id, organization_id)
    async with transaction():
        known = await find_by_phone(phone)
        if known and (await details_of(known)).real_name == real_name:
            return await show_person(known)
        community = await fetch_value(
            "SELECT id FROM organization WHERE id = $1 AND level = $2", organization_id, str(Level.COMMUNITY)
        )
        person = await create_person(PersonOrigin.WALK_IN, real_name=real_name, phone=phone, community_id=community)
        await record_audit(
            "register_walk_in",
            actor_id=actor_id,
            subject=("person", person.id),
            person_id=person.id,
            organization_id=organization_id,
        )
        return await show_person(person.id)


async def view_person_details(actor_id: str, person_id: str) -> PersonDetailsView:
    """Name, phone and address in clear, for staff of the person's community. Raises NotFound for all others."""
    community_id = await _community_of(person_id)
    await require_role_or_hide(actor_id, community_id, WORKERS)
    async with transaction():
        await record_audit(
            "view_person_details",
            actor_id=actor_id,
            subject=("person", person_id),
            person_id=person_id,
            organization_id=community_id,
        )
        details = await details_of(person_id)
    return PersonDetailsView(person_id, details.real_name, details.phone, details.phone_is_verified, details.address)


async def merge_person(actor_id: str, from_id: str, into_id: str) -> PersonFound:
    """Two entries of one person become one; for managers of both communities.

    Never their own, nobody's with a role beyond their area, and no role is carried over. Raises NotFound, NotAllowed,
    WrongState.
    """
    async with transaction():
        for person_id in (from_id, into_id):
            await require_power_over(actor_id, person_id, await _community_of(person_id))
        if await holds_role_anywhere(from_id, RoleKind):
            raise WrongState("被合并的一方仍担任职务，请先结束其职务")
        await merge_persons(from_id, into_id, actor_id=actor_id)
        return await show_person(into_id)


async def show_person(person_id: str) -> PersonFound:
    """Somebody as staff recognize them. The caller has checked who asks."""
    person = await Person.get(id=person_id)
    details = await details_of(person_id)
    return PersonFound(
        person_id,
        mask_name(details.real_name),
        mask_phone(details.phone),
        person.shown_nickname,
        person.closed_at is not None,
    )


async def _community_of(person_id: str) -> str:
    community_id: str | None = await fetch_value("SELECT community_id FROM person WHERE id = $1", person_id)
    if community_id is None:
        raise NotFound()
    return community_id
