"""May this actor do this to that person? Asked here alone, and never answered by where somebody says they live.

Three things are looked at: what the actor holds, whether the person has business there, and, for acts upon the account
itself, what the person holds. Business is what a package of server/ knows: registered at the counter, in the roster,
checked in, signed up, booked, wished, served.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from server.accounts.models import Person
from server.foundation.database import exists, fetch
from server.foundation.errors import InvalidFields, NotAllowed, NotFound
from server.organizations.access import WORKERS, require_another
from server.organizations.models import RoleKind

BUSINESS: list[Callable[[str, str], Awaitable[bool]]] = []
"""Whether a person has business with an organization whose path is this one or lies below it. Filled by wiring.py."""


async def require_power_over(
    actor_id: str, person_id: str, kinds: Iterable[RoleKind] = WORKERS, *, upon_account: bool = False
) -> str:
    """The organization for which the actor, who holds one of `kinds` there, may name this person, or look at them.

    `upon_account`: the act changes who the person is here (merging, blocking), so nobody does it to themselves, nor to
    somebody who holds a role outside the actor's own area. Raises NotFound for persons who are gone or have no business
    there, OwnMatter, NotAllowed.
    """
    if upon_account:
        require_another(actor_id, person_id)
    areas = await areas_of(actor_id, kinds)
    if not areas or not await Person.exists(id=person_id, merged_into_id=None):
        raise NotFound()
    area = await area_with_business(areas, person_id)
    if area is None:
        raise NotFound()
    if upon_account and await exists(
        "SELECT 1 FROM role_grant g JOIN organization o ON o.id = g.organization_id WHERE g.person_id = $1 "
        "AND g.ended_at IS NULL AND NOT o.path <@ $2::text[]::ltree[]",
        person_id,
        [each.path for each in areas],
    ):
        raise NotAllowed("该人员在您的管理范围之外任职，请联系上级管理员")
    return area.id


class Area(NamedTuple):
    """An organization where somebody holds a role, which reaches all below it."""

    id: str
    path: str


async def areas_of(actor_id: str, kinds: Iterable[RoleKind] = WORKERS) -> list[Area]:
    """Where the actor holds one of these roles, the smallest area first."""
    rows = await fetch(
        "SELECT DISTINCT o.id, o.path, nlevel(o.path) AS depth FROM role_grant g JOIN organization o "
        "ON o.id = g.organization_id WHERE g.person_id = $1 AND g.ended_at IS NULL AND g.kind = ANY($2) "
        "ORDER BY depth DESC, o.id",
        actor_id,
        [str(kind) for kind in kinds],
    )
    return [Area(row["id"], row["path"]) for row in rows]


async def area_with_business(areas: Iterable[Area], person_id: str) -> Area | None:
    """The first of the areas in which the person has business; None where they have none."""
    for area in areas:
        if await has_business(person_id, area.path):
            return area
    return None


async def require_may_name(field: str, actor_id: str, person_id: str, kinds: Iterable[RoleKind] = WORKERS) -> None:
    """The same for somebody whom a request names: raises InvalidFields of its field."""
    try:
        await require_power_over(actor_id, person_id, kinds)
    except NotFound:
        raise InvalidFields.of(field, "没有找到此人；如本人在场，请先按姓名和手机号登记") from None


async def has_business(person_id: str, path: str) -> bool:
    """Whether an organization whose path is `path`, or one below it, has business with the person."""
    for knows in BUSINESS:
        if await knows(person_id, path):
            return True
    return False


async def was_given_role(person_id: str) -> bool:
    """Whether a manager gave the person a role that they hold. (The operator's first manager signs in with the number
    and the name that the operator wrote.)"""
    return await exists(
        "SELECT 1 FROM role_grant WHERE person_id = $1 AND ended_at IS NULL AND granted_by_id IS NOT NULL", person_id
    )


async def is_registered_or_holds_role(person_id: str, path: str) -> bool:
    """Whether the person was registered at a counter below, or holds a role there: a colleague."""
    return await exists(
        "SELECT 1 FROM registration r JOIN organization o ON o.id = r.organization_id "
        "WHERE r.person_id = $1 AND o.path <@ $2::ltree "
        "UNION ALL SELECT 1 FROM role_grant g JOIN organization o ON o.id = g.organization_id "
        "WHERE g.person_id = $1 AND g.ended_at IS NULL AND o.path <@ $2::ltree",
        person_id,
        path,
    )
