"""What staff do with persons: find, register, look at. Every view of personal data leaves an audit entry."""

from collections.abc import Iterable
from contextlib import suppress

import msgspec

from server.accounts.details import details_of, lock_phones, name_index, phone_index
from server.accounts.masking import mask_name, mask_phone
from server.accounts.models import Person, PersonOrigin, Registration
from server.accounts.persons import create_person, find_by_phone
from server.accounts.power import area_with_business, areas_of, require_may_name, require_power_over
from server.foundation.audit import record_audit
from server.foundation.database import fetch, fetch_value, transaction
from server.foundation.errors import InvalidFields, NotAllowed, NotFound
from server.foundation.ids import Id
from server.organizations.access import WORKERS, holds_role_anywhere, require_role
from server.organizations.models import Level, RoleKind
from server.organizations.queries import hold_organization


class PersonFound(msgspec.Struct):
    """Enough to recognize somebody by, masked; and whether they are kept out (see blocking.py)."""

    person_id: Id
    name: str
    phone: str
    nickname: str
    is_blocked: bool


class PersonsFound(msgspec.Struct):
    """Namesakes, the latest first. `has_more`: too many of one name; a phone number tells them apart."""

    items: list[PersonFound]
    has_more: bool


class PersonDetailsView(msgspec.Struct):
    """Personal data in clear."""

    person_id: Id
    real_name: str
    phone: str
    phone_is_verified: bool
    address: str


async def find_person(actor_id: str, phone: str) -> PersonFound:
    """Who of those with business here has this number, for those who register people. Others come to the counter: then
    they are registered, by their number and their name.

    Raises NotAllowed, NotFound; that it was looked for is audited for both organizations.
    """
    if not await holds_role_anywhere(actor_id, WORKERS):
        raise NotAllowed()
    async with transaction():
        found, organization_id = None, None
        person_id = await find_by_phone(phone)
        if person_id:
            with suppress(NotFound):
                organization_id = await require_power_over(actor_id, person_id)
                found = await show_person(person_id)
        await record_audit(
            "find_person",
            actor_id=actor_id,
            subject=("person", person_id),
            person_id=person_id,
            organization_id=organization_id or await _any_area(actor_id),
            and_organization_id=await community_of(person_id) if person_id else None,
        )
    if found is None:
        raise NotFound("没有在本辖区办过事的人员使用该号码；如本人在场，请按姓名和手机号登记")
    return found


_MOST_NAMESAKES = 20
_MOST_LOOKED_AT = 200
"""People of one name in the whole city, of whom it is asked whether they have business here."""


async def find_persons_by_name(actor_id: str, name: str) -> PersonsFound:
    """Who of those with business here has this name, however its spaces and dots are written; those whom somebody looks
    after too. Each one found is audited for both organizations, and so is that nobody was. Raises NotAllowed,
    InvalidFields."""
    areas = await areas_of(actor_id)
    if not areas:
        raise NotAllowed()
    rows = await fetch(
        "SELECT p.id, p.community_id FROM person_details d JOIN person p ON p.id = d.person_id "
        "WHERE d.real_name_index = $1 AND p.merged_into_id IS NULL ORDER BY p.id DESC LIMIT $2",
        name_index(name),
        _MOST_LOOKED_AT + 1,
    )
    found: list[PersonFound] = []
    has_more = len(rows) > _MOST_LOOKED_AT
    async with transaction():
        for row in rows[:_MOST_LOOKED_AT]:
            area = await area_with_business(areas, row["id"])
            if area is None:
                continue
            if len(found) == _MOST_NAMESAKES:
                has_more = True
                break
            found.append(await show_person(row["id"]))
            await record_audit(
                "find_person",
                actor_id=actor_id,
                subject=("person", row["id"]),
                person_id=row["id"],
                organization_id=area.id,
                and_organization_id=row["community_id"],
            )
        if not found:
            await record_audit("find_person", actor_id=actor_id, subject=("person", None), organization_id=areas[0].id)
    return PersonsFound(found, has_more)


async def register_walk_in(
    actor_id: str, organization_id: str, *, real_name: str, phone: str, kinds: Iterable[RoleKind] = WORKERS
) -> PersonFound:
    """A person at the counter; from now on they have business there. The one already known by this number is given back
    where the name agrees; the answer is the same for both, so that it tells nothing of who was known. An elder without
    a phone is somebody new each time: staff find those they know by their name."""
    await require_role(actor_id, organization_id, kinds)
    async with transaction():
        await hold_organization(organization_id)
        # Two counters, or a roster, register the same person at once: the second has to find the first's entry.
        await lock_phones([phone_index(phone)] if phone else [])
        person_id = await find_by_phone(phone) if phone else None
        if person_id is None or not (await details_of(person_id)).is_named(real_name):
            community: str | None = await fetch_value(
                "SELECT id FROM organization WHERE id = $1 AND level = $2", organization_id, str(Level.COMMUNITY)
            )
            made = await create_person(PersonOrigin.WALK_IN, real_name=real_name, phone=phone, community_id=community)
            person_id = made.id
        await Registration.get_or_create(
            person_id=person_id, organization_id=organization_id, defaults={"registered_by_id": actor_id}
        )
        await record_audit(
            "register_walk_in",
            actor_id=actor_id,
            subject=("person", person_id),
            person_id=person_id,
            organization_id=organization_id,
            and_organization_id=await community_of(person_id),
        )
        found = await show_person(person_id)
        return msgspec.structs.replace(found, nickname="", is_blocked=False)


async def find_or_register(
    actor_id: str,
    organization_id: str,
    person_id: str | None,
    *,
    real_name: str,
    phone: str,
    kinds: Iterable[RoleKind] = WORKERS,
) -> str:
    """Who stands before the staff: somebody known whom they may name, or a name and, where they have one, a phone; then
    they are registered. Raises InvalidFields, NotAllowed."""
    if person_id:
        await require_may_name("person_id", actor_id, person_id, kinds)
        return person_id
    if not real_name:
        raise InvalidFields.of("real_name", "请填写姓名")
    return (await register_walk_in(actor_id, organization_id, real_name=real_name, phone=phone, kinds=kinds)).person_id


async def view_person_details(actor_id: str, person_id: str) -> PersonDetailsView:
    """Name, phone and address in clear, for staff where the person has business. Raises NotFound for all others."""
    organization_id = await require_power_over(actor_id, person_id)
    async with transaction():
        await record_viewing("view_person_details", actor_id, person_id, organization_id)
        details = await details_of(person_id)
    return PersonDetailsView(person_id, details.real_name, details.phone, details.phone_is_verified, details.address)


async def record_viewing(action: str, actor_id: str, person_id: str, organization_id: str) -> None:
    """That somebody of this organization's staff looked at a person, for the person's own community to read too."""
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("person", person_id),
        person_id=person_id,
        organization_id=organization_id,
        and_organization_id=await community_of(person_id),
    )


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


async def community_of(person_id: str) -> str | None:
    """The one that the person chose: its staff may know who looks for its people, whatever else they may not."""
    community_id: str | None = await fetch_value("SELECT community_id FROM person WHERE id = $1", person_id)
    return community_id


async def _any_area(actor_id: str) -> str:
    """An organization whose people read what the actor did where nobody was found."""
    area: str = await fetch_value(
        "SELECT organization_id FROM role_grant WHERE person_id = $1 AND ended_at IS NULL AND kind = ANY($2) "
        "ORDER BY id LIMIT 1",
        actor_id,
        [str(kind) for kind in WORKERS],
    )
    return area
