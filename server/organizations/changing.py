"""Changing the tree of the city: create, edit, move, close. Each is for managers of what lies above."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from server.foundation.audit import record_audit
from server.foundation.database import fetch_value, transaction
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotAllowed, NotFound, Refusal, WrongState
from server.foundation.ids import new_id
from server.foundation.location import Location
from server.organizations.access import require_role
from server.organizations.models import AREA_LEVELS, LEVEL_RANK, Level, Organization, RoleKind
from server.organizations.queries import OrganizationView, get_organization
from server.organizations.roles import end_roles_at
from server.organizations.tree import check_name, close_node, lock_tree, move_node

_TABLE = "organization"
_CODE = re.compile(r"[0-9A-Za-z-]{1,32}")
_CREDIT_CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"

CLOSED: list[Callable[[str, str | None], Awaitable[None]]] = []
"""What the layers above do when an organization is closed: (its id, its successor's id). Filled by wiring.py; called in
the transaction that closes it."""


class CodeTaken(Refusal):
    code, title, status = "code_taken", "该编码已被使用", 409


async def create_organization(
    actor_id: str,
    *,
    parent_id: str,
    level: Level,
    name: str,
    code: str = "",
    location: Location | None = None,
) -> OrganizationView:
    """A new node below `parent_id`, for managers of the parent.

    Without a `code` (grids, buildings, units without a social credit code) one is made from the parent's. Raises
    CodeTaken, InvalidFields (level, code, name), NotFound, WrongState (the parent is closed).
    """
    async with transaction():
        await lock_tree(_TABLE)
        parent = await _open_parent(parent_id)
        await require_role(actor_id, parent.id, (RoleKind.MANAGER,))
        _check_level(level, parent)
        organization_id = new_id()
        organization = Organization(
            id=organization_id,
            code=_check_code(code, level) if code else await _next_code(parent),
            name=check_name(name),
            level=level,
            parent_id=parent.id,
            path=f"{parent.path}.{organization_id}",
            location=location,
        )
        async with transaction(organization_code=CodeTaken):
            await organization.save(force_create=True)
        await _record("create_organization", actor_id, organization, level=str(level))
        return await get_organization(organization_id)


async def edit_organization(
    actor_id: str,
    organization_id: str,
    version: int,
    *,
    name: str | None = None,
    location: Location | None = None,
) -> OrganizationView:
    """Another name or place, for managers of what lies above (a root's own managers for the root).

    Raises EditedMeanwhile, InvalidFields, NotFound, WrongState (closed).
    """
    async with transaction():
        await lock_tree(_TABLE)
        organization = await _editable(actor_id, organization_id, version)
        edited = []
        if name is not None:
            organization.name = check_name(name)
            edited.append("name")
        if location is not None:
            organization.location = location
            edited.append("location")
        if edited:
            organization.version += 1
            await organization.save(update_fields=[*edited, "version"])
            await _record("edit_organization", actor_id, organization, fields=edited)
        return await get_organization(organization_id)


async def move_organization(actor_id: str, organization_id: str, version: int, parent_id: str) -> OrganizationView:
    """Put a node with all that lies below it under another parent, for managers of both parents.

    Raises EditedMeanwhile, InvalidFields (level), MovedIntoItself, NotFound, WrongState (closed, or a root).
    """
    async with transaction():
        # Two moves at once could each be fine alone and wrong together (a circle, a half-moved subtree).
        await lock_tree(_TABLE)
        organization = await _editable(actor_id, organization_id, version, may_be_root=False)
        parent = await _open_parent(parent_id)
        await require_role(actor_id, parent.id, (RoleKind.MANAGER,))
        _check_level(organization.level, parent)
        if parent.id != organization.parent_id:
            await move_node(organization, parent)
            await _record("move_organization", actor_id, organization, came_from=organization.parent_id, to=parent.id)
        return await get_organization(organization_id)


async def close_organization(
    actor_id: str, organization_id: str, version: int, successor_id: str | None = None
) -> OrganizationView:
    """End a node; its open children, its residents and the work that it left go to the successor. Its roles end.

    The successor is of the same level and one that the actor manages, too; a community or larger needs one. Raises
    EditedMeanwhile, HasChildren, InvalidFields (successor_id), MovedIntoItself, NotFound, WrongState (closed already,
    or a root).
    """
    async with transaction():
        await lock_tree(_TABLE)
        organization = await _editable(actor_id, organization_id, version, may_be_root=False)
        successor = await _successor(actor_id, organization, successor_id) if successor_id else None
        if successor is None and organization.level in AREA_LEVELS:
            raise InvalidFields.of("successor_id", "请指定由哪个组织承接")
        await close_node(organization, successor)
        await end_roles_at(organization.id, actor_id)
        for react in CLOSED:
            await react(organization.id, successor.id if successor else None)
        await _record("close_organization", actor_id, organization, successor=successor and successor.id)
        return await get_organization(organization_id)


async def _editable(actor_id: str, organization_id: str, version: int, *, may_be_root: bool = True) -> Organization:
    """The fresh row, for one who may change it. The tree is locked."""
    organization = await Organization.get_or_none(id=organization_id)
    if organization is None:
        raise NotFound()
    await require_role(actor_id, organization.parent_id or organization.id, (RoleKind.MANAGER,))
    if organization.closed_at:
        raise WrongState("该组织已撤销")
    if organization.parent_id is None and not may_be_root:
        raise WrongState("最上级组织不能移动或撤销")
    if organization.version != version:
        raise EditedMeanwhile()
    return organization


async def _open_parent(parent_id: str) -> Organization:
    parent = await Organization.get_or_none(id=parent_id)
    if parent is None:
        raise NotFound("上级组织不存在")
    if parent.closed_at:
        raise WrongState("上级组织已撤销")
    return parent


async def _successor(actor_id: str, organization: Organization, successor_id: str) -> Organization:
    successor = await Organization.get_or_none(id=successor_id)
    if successor is None or successor.closed_at or successor.id == organization.id:
        raise InvalidFields.of("successor_id", "承接的组织不存在或已撤销")
    if successor.level is not organization.level:
        raise InvalidFields.of("successor_id", "承接的组织须为同一级别")
    try:
        await require_role(actor_id, successor.parent_id or successor.id, (RoleKind.MANAGER,))
    except NotAllowed:
        raise InvalidFields.of("successor_id", "您没有管理承接组织的权限") from None
    return successor


def _check_level(level: Level, parent: Organization) -> None:
    if LEVEL_RANK[level] <= LEVEL_RANK[parent.level]:
        raise InvalidFields.of("level", "级别必须低于上级组织")


def _check_code(code: str, level: Level) -> str:
    code = code.strip()
    if level is Level.UNIT and not is_credit_code(code):
        raise InvalidFields.of("code", "统一社会信用代码不正确")
    if not _CODE.fullmatch(code):
        raise InvalidFields.of("code", "编码由字母、数字和短横线组成，最多 32 位")
    return code


def is_credit_code(code: str) -> bool:
    """Whether this is a 统一社会信用代码, unified social credit code: 18 characters, the last a check (GB 32100)."""
    if len(code) != 18 or any(character not in _CREDIT_CODE_ALPHABET for character in code):
        return False
    total = sum(_CREDIT_CODE_ALPHABET.index(character) * pow(3, place, 31) for place, character in enumerate(code[:17]))
    return _CREDIT_CODE_ALPHABET[-total % 31] == code[17]


async def _next_code(parent: Organization) -> str:
    """The parent's code, a dash and the next free number; the tree is locked, so nobody takes it meanwhile."""
    prefix = f"{parent.code}-"
    number = await fetch_value(
        "SELECT max(substr(code, length($2) + 1)::int) FROM organization WHERE parent_id = $1 "
        "AND starts_with(code, $2) AND substr(code, length($2) + 1) ~ '^[0-9]{1,6}$'",
        parent.id,
        prefix,
    )
    number = (number or 0) + 1
    # A node that moved away has kept its code.
    while await Organization.exists(code=f"{prefix}{number:03}"):
        number += 1
    code = f"{prefix}{number:03}"
    if len(code) > 32:
        raise InvalidFields.of("code", "请填写编码")
    return code


async def _record(action: str, actor_id: str, organization: Organization, **details: Any) -> None:
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("organization", organization.id),
        organization_id=organization.id,
        **{name: value for name, value in details.items() if value is not None},
    )
