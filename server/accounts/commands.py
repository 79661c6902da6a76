"""What an operator does with persons from the command line."""

import sys

from server.accounts.details import details_of, name_index, phone_index, save_details
from server.accounts.models import PersonOrigin
from server.accounts.persons import create_person, find_by_phone
from server.accounts.queries import IDENTIFIES
from server.foundation.database import fetch_value, transaction
from server.foundation.errors import InvalidFields, Refusal
from server.organizations.models import Organization, RoleKind
from server.organizations.roles import RoleHeld, grant_role


class CannotCreateManager(Exception):
    """Nothing was changed; the text is one sentence for the operator."""


async def create_manager(phone: str, name: str, organization_code: str) -> int:
    """The command: make a person, known by phone AND name, the manager of an organization; its exit code.

    Doing it again changes nothing.
    """
    try:
        async with transaction():
            sentence = await make_manager(phone, name, organization_code)
    except CannotCreateManager as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    sys.stdout.write(f"{sentence}\n")
    return 0


async def make_manager(phone: str, name: str, organization_code: str) -> str:
    """Grant the role, in the caller's transaction; what came of it, in a sentence. Raises CannotCreateManager.

    A person who has not signed in yet becomes a roster entry, and gets the role when they sign in with that phone and
    give that name.
    """
    organization = await Organization.get_or_none(code=organization_code)
    if organization is None:
        raise CannotCreateManager(f"There is no organization with the code {organization_code}.")
    person_id = await _find_person(phone, name)
    if person_id is None:
        person_id = (await create_person(PersonOrigin.ROSTER, real_name=name, phone=phone)).id
    try:
        await grant_role(None, person_id, organization.id, RoleKind.MANAGER)
    except RoleHeld:
        return f"{name} was already the manager of {organization.name}."
    except Refusal as refused:
        raise CannotCreateManager(
            f"{organization.name} ({organization.level}) cannot have a manager: it is closed, or not an area."
        ) from refused
    return f"{name} is now the manager of {organization.name}."


async def _find_person(phone: str, name: str) -> str | None:
    """The person with this phone and name; the one who verified the phone comes first."""
    try:
        found: str | None = await fetch_value(
            "SELECT d.person_id FROM person_details d JOIN person p ON p.id = d.person_id "
            "WHERE d.phone_index = $1 AND d.real_name_index = $2 AND p.merged_into_id IS NULL AND p.closed_at IS NULL "
            f"AND {IDENTIFIES} ORDER BY d.phone_verified_at IS NULL, d.person_id LIMIT 1",
            phone_index(phone),
            name_index(name),
        )
    except InvalidFields as invalid:
        what = "phone number" if invalid.errors[0].field == "phone" else "name"
        raise CannotCreateManager(f"That is not a {what}.") from invalid
    if found:
        return found
    other = await find_by_phone(phone)
    if other is None:
        return None
    if (await details_of(other)).real_name:
        # Numbers are reassigned: the one who has it now need not be the one who is meant.
        raise CannotCreateManager("That phone number belongs to a person with another name.")
    await save_details(other, real_name=name)
    return other
