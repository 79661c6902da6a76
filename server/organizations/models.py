"""The tree of the city, the tree of the Party, and who may do what where."""

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server.foundation.database import IdField, LtreeField, Model, PointField, SqlIndex, foreign_key
from server.foundation.words import Worded


class Level(Worded):
    """Kinds of node, highest first; levels may be skipped. A unit 单位 hangs below the area that it lies in."""

    CITY = "city", "市"
    DISTRICT = "district", "区（市、县）"
    SUBDISTRICT = "subdistrict", "街道"
    COMMUNITY = "community", "社区"
    GRID = "grid", "网格"
    BUILDING = "building", "楼栋"
    UNIT = "unit", "单位"


LEVEL_RANK = {level: rank for rank, level in enumerate(Level)}
"""Smaller is higher: a node's rank is greater than its parent's, so the tree can have no circle."""

AREA_LEVELS = (Level.CITY, Level.DISTRICT, Level.SUBDISTRICT, Level.COMMUNITY)
"""Levels with offices and staff of their own; people belong to them, so they are closed only with a successor."""


class Organization(Model):
    """A node of the tree 组织. `path` is the ids from the root down, so a subtree is one index range (ltree, GiST).

    `code` is the official division code, or the unit's social credit code. `location` is where it is (gcj02), for
    "nearest". Nodes are closed with a successor, never deleted: a closed node's path then hangs below its successor, so
    that who works there also reaches what the closed one left, while `parent` still says where it was.
    """

    code = fields.CharField(max_length=32)
    name = fields.CharField(max_length=100)
    level = fields.CharEnumField(Level, max_length=16)
    parent = foreign_key("Organization", null=True)
    parent_id: str | None
    path = LtreeField()
    location = PointField(null=True)
    closed_at = fields.DatetimeField(null=True)
    successor = foreign_key("Organization", null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "organization"
        constraints = [
            UniqueConstraint(fields=("code",), name="organization_code"),
            CheckConstraint(check="(level = 'city') OR (parent_id IS NOT NULL)", name="organization_only_city_is_root"),
        ]
        indexes = [
            SqlIndex(name="organization_path", columns="path", method="gist"),
            SqlIndex(name="organization_children", columns="parent_id, code"),
            # "Nearest" is asked for communities alone, so buildings and units do not stand in the way.
            SqlIndex(
                name="organization_location",
                columns="location",
                method="gist",
                where="level = 'community' AND closed_at IS NULL",
            ),
            SqlIndex(name="organization_level_code", columns="level, code", where="closed_at IS NULL"),
        ]


class PartyOrganization(Model):
    """A Party organization 党组织: a tree of its own, hosted by an organization, a unit, or nobody here.

    A member's home organization may be in another city: then `host` is empty and `place` says where. Closing is as for
    organizations.
    """

    name = fields.CharField(max_length=100)
    parent = foreign_key("PartyOrganization", null=True)
    parent_id: str | None
    path = LtreeField()
    host = foreign_key("Organization", null=True)
    host_id: str | None
    place = fields.CharField(max_length=100, default="")
    closed_at = fields.DatetimeField(null=True)
    successor = foreign_key("PartyOrganization", null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "party_organization"
        indexes = [
            SqlIndex(name="party_organization_path", columns="path", method="gist"),
            SqlIndex(name="party_organization_children", columns="parent_id, id"),
            SqlIndex(name="party_organization_host", columns="host_id, id"),
        ]


class RoleKind(Worded):
    """What a role lets its holder do, each within the subtree of the organization it is held at."""

    MANAGER = "manager", "管理员"
    STAFF = "staff", "工作人员"
    OBSERVER = "observer", "观察员"
    GRID_WORKER = "grid_worker", "网格员"
    LIAISON = "liaison", "联络员"


class RoleGrant(Model):
    """A role that a person holds at an organization, from whom and since when. It ends, and is never deleted."""

    person_id = IdField()
    organization = foreign_key("Organization")
    kind = fields.CharEnumField(RoleKind, max_length=16)
    granted_by_id = IdField(null=True)
    granted_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    ended_by_id = IdField(null=True)

    class Meta:
        table = "role_grant"
        indexes = [
            SqlIndex(
                name="role_grant_active",
                columns="person_id, organization_id, kind",
                where="ended_at IS NULL",
                unique=True,
            ),
            SqlIndex(name="role_grant_organization", columns="organization_id, id"),
        ]


class Reply(Model):
    """Words that staff of an organization often answer with 常用答复, when they do this `operation`."""

    organization = foreign_key("Organization")
    organization_id: str
    operation = fields.CharField(max_length=64)
    text = fields.CharField(max_length=500)

    class Meta:
        table = "reply"
        indexes = [SqlIndex(name="reply_organization", columns="organization_id, operation, id")]
