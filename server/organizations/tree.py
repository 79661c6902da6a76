"""The shape of both trees (the city's and the Party's): one writer at a time, and a move takes the subtree along.

A node's path is its own id below its parent's path; a closed node with a successor hangs below that instead.
"""

from typing import ClassVar

from server.foundation import clock
from server.foundation.database import execute, fetch_value
from server.foundation.errors import InvalidFields, Refusal
from server.organizations.models import Organization, PartyOrganization

Node = Organization | PartyOrganization

_LOCKS = {"organization": 0x4F_52_47, "party_organization": 0x50_4F_52_47}


class MovedIntoItself(Refusal):
    code, title, status = "moved_into_itself", "不能移动到自身或自己的下级之下", 409


class HasChildren(Refusal):
    """Closing would leave `children` open nodes without a parent; a successor takes them over."""

    code: ClassVar[str] = "has_children"
    title: ClassVar[str] = "还有未撤销的下级，请指定由谁承接"
    status: ClassVar[int] = 409


async def lock_tree(table: str) -> None:
    """Be the only one to change the tree's shape until the transaction ends.

    Row locks are not enough: a child inserted while its parent moves is invisible to the move and would keep the old
    path, and two moves that each look innocent can make a circle together.
    """
    await execute("SELECT pg_advisory_xact_lock($1)", _LOCKS[table])


def check_name(name: str) -> str:
    """A node's name without spaces around it. Raises InvalidFields where nothing is left, or not for printing."""
    name = name.strip()
    if not name or not name.isprintable():
        raise InvalidFields.of("name", "请填写名称")
    return name


async def move_node(node: Node, parent: Node) -> None:
    """Put `node` with everything below it under `parent`, in one statement. The tree is locked and both rows are fresh.

    Raises MovedIntoItself when `parent` is the node or lies below it.
    """
    if is_within(parent.path, node.path):
        raise MovedIntoItself()
    table = node._meta.db_table
    await execute(
        f"UPDATE {table} SET path = $3::ltree || subpath(path, nlevel($2::ltree) - 1), "
        "parent_id = CASE WHEN id = $1 THEN $4 ELSE parent_id END, "
        "version = CASE WHEN id = $1 THEN version + 1 ELSE version END WHERE path <@ $2::ltree",
        node.id,
        node.path,
        parent.path,
        parent.id,
    )


async def close_node(node: Node, successor: Node | None) -> None:
    """Close `node`; its open children and everything it left go to `successor`. The tree is locked, the rows are fresh.

    Raises HasChildren when it has open children and no successor, MovedIntoItself when the successor lies below it.
    """
    table = node._meta.db_table
    if successor is None:
        children = await fetch_value(
            f"SELECT count(*) FROM {table} WHERE parent_id = $1 AND closed_at IS NULL",
            node.id,
        )
        if children:
            raise HasChildren(children=children)
    else:
        if is_within(successor.path, node.path):
            raise MovedIntoItself("承接的组织不能是自身或自己的下级")
        # The open children first, so that the second statement finds only what stays with the closed node.
        await execute(
            f"WITH child AS (SELECT id, path FROM {table} WHERE parent_id = $1 AND closed_at IS NULL) "
            f"UPDATE {table} n SET path = $3::ltree || subpath(n.path, nlevel($2::ltree)), "
            "parent_id = CASE WHEN n.id = child.id THEN $4 ELSE n.parent_id END, "
            "version = CASE WHEN n.id = child.id THEN n.version + 1 ELSE n.version END "
            "FROM child WHERE n.path <@ child.path",
            node.id,
            node.path,
            successor.path,
            successor.id,
        )
        await execute(
            f"UPDATE {table} SET path = $2::ltree || subpath(path, nlevel($1::ltree) - 1) WHERE path <@ $1::ltree",
            node.path,
            successor.path,
        )
    await execute(
        f"UPDATE {table} SET closed_at = $2, successor_id = $3, version = version + 1 WHERE id = $1",
        node.id,
        clock.now(),
        successor.id if successor else None,
    )


def is_within(path: str, ancestor: str) -> bool:
    """Whether `path` is `ancestor` or lies below it."""
    return path == ancestor or path.startswith(f"{ancestor}.")


def within(path: str, organization: str) -> str:
    """SQL: whether `path`, a column, is the path of the organization whose id is `organization`, or lies below it."""
    return f"{path} <@ {_path_of(organization)}"


def reaching(path: str, organization: str) -> str:
    """SQL, the other way round: whether `path` is the organization's, or lies above it."""
    return f"{path} @> {_path_of(organization)}"


def _path_of(organization: str) -> str:
    # Asked for once and not joined, so that an index of paths can be searched with it.
    return f"(SELECT path FROM organization WHERE id = {organization})"
