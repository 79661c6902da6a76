"""Roles with the names of their holders: granting, ending and listing them. The rules are in organizations/roles.py."""

from datetime import datetime
from typing import Any

import msgspec

from server.accounts.models import Person
from server.accounts.power import require_may_name
from server.accounts.queries import describe_persons, is_family_entry
from server.foundation.database import fetch, transaction
from server.foundation.errors import InvalidFields
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.organizations import roles
from server.organizations.access import READERS, require_role, require_role_or_hide
from server.organizations.models import RoleKind
from server.organizations.queries import describe_organizations
from server.organizations.tree import within


class PersonBrief(msgspec.Struct):
    """Somebody as colleagues see them: the real name is masked."""

    id: Id
    nickname: str
    name: str


class OrganizationBrief(msgspec.Struct):
    id: Id
    name: str
    full_name: str


class RoleView(msgspec.Struct):
    """Who holds which role where; `granted_by` is null where the operator did it."""

    id: Id
    kind: RoleKind
    person: PersonBrief
    organization: OrganizationBrief
    granted_at: datetime
    granted_by: PersonBrief | None
    ended_at: datetime | None


def brief_of(people: dict[str, dict[str, str]], person_id: str | None) -> PersonBrief | None:
    """Somebody among those whom `describe_persons` described; None for nobody."""
    return PersonBrief(**people[person_id]) if person_id in people else None


async def grant_role(actor_id: str, person_id: str, organization_id: str, kind: RoleKind) -> RoleView:
    """Give a known person, never a family entry, a role. Raises InvalidFields (nobody with business here) and what
    organizations.roles.grant_role does."""
    async with transaction():
        await require_role(actor_id, organization_id, (RoleKind.MANAGER,))
        await require_may_name("person_id", actor_id, person_id, (RoleKind.MANAGER,))
        if await is_family_entry(person_id):
            raise InvalidFields.of("person_id", "家人资料不是本人账号，不能担任角色")
        if not await Person.exists(id=person_id, closed_at=None):
            raise InvalidFields.of("person_id", "该账号已停用")
        role_id = await roles.grant_role(actor_id, person_id, organization_id, kind)
        return await _role(role_id)


async def end_role(actor_id: str, role_id: str) -> RoleView:
    """End a role. Raises what organizations.roles.end_role does."""
    async with transaction():
        await roles.end_role(actor_id, role_id)
        return await _role(role_id)


async def list_roles(
    actor_id: str,
    organization_id: str,
    page: PageQuery,
    *,
    kind: RoleKind | None = None,
    person_id: str | None = None,
    with_ended: bool = False,
) -> Page[RoleView]:
    """Who holds what in an organization's subtree, oldest grant first, for those who work there. Raises NotFound."""
    await require_role_or_hide(actor_id, organization_id, READERS)
    rows = await fetch_page(
        f"SELECT {_COLUMNS} FROM role_grant g JOIN organization o ON o.id = g.organization_id "
        f"WHERE {within('o.path', '$1')} AND ($2::text IS NULL OR g.kind = $2) "
        "AND ($3::uuid IS NULL OR g.person_id = $3) AND ($4 OR g.ended_at IS NULL) "
        "AND ($5::uuid IS NULL OR g.id > $5) ORDER BY g.id LIMIT $6",
        organization_id,
        str(kind) if kind else None,
        person_id,
        with_ended,
        page=page,
    )
    return Page(await _views(rows.items), rows.next_cursor)


_COLUMNS = "g.id, g.kind, g.person_id, g.organization_id, g.granted_at, g.granted_by_id, g.ended_at"


async def _role(role_id: str) -> RoleView:
    return (await _views(await fetch(f"SELECT {_COLUMNS} FROM role_grant g WHERE g.id = $1", role_id)))[0]


async def _views(rows: list[Any]) -> list[RoleView]:
    people = await describe_persons({row[name] for row in rows for name in ("person_id", "granted_by_id")} - {None})
    places = await describe_organizations({row["organization_id"] for row in rows})
    return [
        RoleView(
            id=row["id"],
            kind=row["kind"],
            person=PersonBrief(**people[row["person_id"]]),
            organization=OrganizationBrief(**places[row["organization_id"]]),
            granted_at=row["granted_at"],
            granted_by=brief_of(people, row["granted_by_id"]),
            ended_at=row["ended_at"],
        )
        for row in rows
    ]
