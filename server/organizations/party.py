"""The Party's own tree: create, edit, move, close. Each is for those who work for the organization that hosts it, and
for the one that hosts its parent: what belongs to a committee is the committee's to say too."""

from typing import Any

from server.foundation.audit import record_audit
from server.foundation.database import transaction
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotAllowed, NotFound, WrongState
from server.foundation.ids import new_id
from server.organizations.access import holds_role_anywhere, require_role
from server.organizations.models import Organization, PartyOrganization, RoleKind
from server.organizations.queries import PartyOrganizationView, get_party_organization
from server.organizations.tree import check_name, close_node, lock_tree, move_node

_TABLE = "party_organization"


async def create_party_organization(
    actor_id: str, *, name: str, parent_id: str | None = None, host_id: str | None = None, place: str = ""
) -> PartyOrganizationView:
    """A new Party organization, hosted by an organization or unit here, or else with the `place` where it is.

    For staff of the host and of the parent's; one that is elsewhere, below nothing, may be added by any staff, who meet
    it as somebody's home organization.
    Raises InvalidFields (host_id, name, parent_id, place), NotAllowed.
    """
    async with transaction():
        await lock_tree(_TABLE)
        parent = await _open_one(actor_id, "parent_id", parent_id) if parent_id else None
        await _check_host(actor_id, host_id, place)
        party_id = new_id()
        party = await PartyOrganization.create(
            id=party_id,
            name=check_name(name),
            parent_id=parent.id if parent else None,
            path=f"{parent.path}.{party_id}" if parent else party_id,
            host_id=host_id,
            place=place.strip(),
        )
        await _record("create_party_organization", actor_id, party)
        return await get_party_organization(party_id)


async def edit_party_organization(
    actor_id: str, party_organization_id: str, version: int, *, name: str, host_id: str | None, place: str
) -> PartyOrganizationView:
    """Another name, host or place, for staff of the old host and of the new one.

    Raises EditedMeanwhile, InvalidFields, NotAllowed, NotFound, WrongState (closed).
    """
    async with transaction():
        await lock_tree(_TABLE)
        party = await _editable(actor_id, party_organization_id, version)
        await _check_host(actor_id, host_id, place)
        await PartyOrganization.filter(id=party.id).update(
            name=check_name(name), host_id=host_id, place=place.strip(), version=party.version + 1
        )
        await _record("edit_party_organization", actor_id, party, host=host_id)
        return await get_party_organization(party_organization_id)


async def move_party_organization(
    actor_id: str, party_organization_id: str, version: int, parent_id: str
) -> PartyOrganizationView:
    """Put it with all that lies below it under another one, for staff of its host, and of both parents'.

    Raises EditedMeanwhile, InvalidFields (parent_id), MovedIntoItself, NotAllowed, NotFound, WrongState (closed).
    """
    async with transaction():
        # Without the lock, A under B and B under A at once would cut both from the tree, in a circle.
        await lock_tree(_TABLE)
        party = await _editable(actor_id, party_organization_id, version)
        parent = await _open_one(actor_id, "parent_id", parent_id)
        if parent.id != party.parent_id:
            await move_node(party, parent)
            await _record("move_party_organization", actor_id, party, came_from=party.parent_id, to=parent.id)
        return await get_party_organization(party_organization_id)


async def close_party_organization(
    actor_id: str, party_organization_id: str, version: int, successor_id: str | None = None
) -> PartyOrganizationView:
    """End it; its open children go to the successor.

    Raises EditedMeanwhile, HasChildren (and no successor), InvalidFields (successor_id), MovedIntoItself, NotAllowed,
    NotFound, WrongState (closed already).
    """
    async with transaction():
        await lock_tree(_TABLE)
        party = await _editable(actor_id, party_organization_id, version)
        if successor_id == party.id:
            raise InvalidFields.of("successor_id", "承接的党组织不能是自身")
        successor = await _open_one(actor_id, "successor_id", successor_id) if successor_id else None
        await close_node(party, successor)
        await _record("close_party_organization", actor_id, party, successor=successor_id)
        return await get_party_organization(party_organization_id)


async def _editable(actor_id: str, party_organization_id: str, version: int) -> PartyOrganization:
    """The fresh row, for one who may change it. The tree is locked."""
    party = await PartyOrganization.get_or_none(id=party_organization_id)
    if party is None:
        raise NotFound()
    await _require_right(actor_id, party)
    if party.parent_id:
        await _require_right(actor_id, await PartyOrganization.get(id=party.parent_id))
    if party.closed_at:
        raise WrongState("该党组织已撤销")
    if party.version != version:
        raise EditedMeanwhile()
    return party


async def _require_right(actor_id: str, party: PartyOrganization) -> None:
    if party.host_id:
        await require_role(actor_id, party.host_id)
    elif not await holds_role_anywhere(actor_id, (RoleKind.MANAGER,)):
        raise NotAllowed("外地党组织由管理员维护")


async def _check_host(actor_id: str, host_id: str | None, place: str) -> None:
    if host_id is None:
        if not place.strip():
            raise InvalidFields.of("place", "请填写所在地，或选择所在的组织或单位")
        if not await holds_role_anywhere(actor_id):
            raise NotAllowed()
        return
    host = await Organization.get_or_none(id=host_id)
    if host is None or host.closed_at:
        raise InvalidFields.of("host_id", "所在的组织或单位不存在或已撤销")
    await require_role(actor_id, host_id)


async def _open_one(actor_id: str, field: str, party_organization_id: str) -> PartyOrganization:
    """The one that a request names, for those who may put something below it."""
    party = await PartyOrganization.get_or_none(id=party_organization_id)
    if party is None or party.closed_at:
        raise InvalidFields.of(field, "该党组织不存在或已撤销")
    await _require_right(actor_id, party)
    return party


async def _record(action: str, actor_id: str, party: PartyOrganization, **details: Any) -> None:
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("party_organization", party.id),
        organization_id=party.host_id,
        **{name: value for name, value in details.items() if value is not None},
    )
