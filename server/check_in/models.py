"""双报到: members' check-ins at the community where they live, and the posts 岗位 that they take on there."""

from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from server.database import IdField, Model, SqlIndex


class CheckInState(StrEnum):
    """applied → confirmed | returned | refused; returned → applied; applied, returned → withdrawn; confirmed → ended."""

    APPLIED = "applied"
    RETURNED = "returned"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    CONFIRMED = "confirmed"
    ENDED = "ended"


class CheckIn(Model):
    """A member reports to a community 党员报到. One is active per member in the whole city; a new one that is confirmed
    ends the old one in the same transaction (moving house: no gap, no overlap). `residence` is encrypted."""

    membership_id: str
    community_id: str
    grid_id: str | None
    membership: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "linli.Membership", related_name=False, on_delete=fields.RESTRICT
    )
    community: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "linli.Organization", related_name=False, on_delete=fields.RESTRICT
    )
    grid: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "linli.Organization", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    state = fields.CharEnumField(CheckInState, max_length=16, default=CheckInState.APPLIED)
    residence = fields.BinaryField()
    skills: Any = fields.JSONField(default=list)
    willing: Any = fields.JSONField(default=list)
    free_times: Any = fields.JSONField(default=list)
    reason = fields.CharField(max_length=200, default="")
    applied_at = fields.DatetimeField()
    decided_at = fields.DatetimeField(null=True)
    decided_by_id: str | None = IdField(null=True)
    ended_at = fields.DatetimeField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "check_in"
        constraints = [
            CheckConstraint(
                check="(state = 'ended') = (ended_at IS NOT NULL)", name="check_in_ended_at_when_ended"
            ),
        ]
        indexes = [
            SqlIndex(name="check_in_one_active", columns="membership_id", where="state = 'confirmed'", unique=True),
            SqlIndex(
                name="check_in_one_open", columns="membership_id", where="state IN ('applied', 'returned')", unique=True
            ),
            SqlIndex(name="check_in_membership", columns="membership_id, id"),
            SqlIndex(name="check_in_community", columns="community_id, state, id"),
        ]


class PostCategory(StrEnum):
    """The policy's section 6 names five kinds of post; a community may have its own."""

    COMMUNITY_SUPERVISION = "community_supervision"
    PUBLIC_AFFAIRS = "public_affairs"
    DEMOCRACY_BUILDING = "democracy_building"
    CIVIC_MORALITY = "civic_morality"
    POVERTY_RELIEF = "poverty_relief"
    OTHER = "other"


class PostState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Post(Model):
    """A duty in the community 岗位 that members apply for; its places are an allotment."""

    community_id: str
    community: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "linli.Organization", related_name=False, on_delete=fields.RESTRICT
    )
    title = fields.CharField(max_length=40)
    category = fields.CharEnumField(PostCategory, max_length=32)
    duties = fields.CharField(max_length=1000)
    allotment_id = IdField()
    term_starts_on = fields.DateField()
    term_ends_on = fields.DateField(null=True)
    state = fields.CharEnumField(PostState, max_length=16, default=PostState.OPEN)
    version = fields.IntField(default=1)

    class Meta:
        table = "post"
        constraints = [
            CheckConstraint(
                check="term_ends_on IS NULL OR term_ends_on >= term_starts_on", name="post_term_ends_after_it_starts"
            ),
        ]
        indexes = [
            SqlIndex(name="post_community", columns="community_id, state, id"),
            SqlIndex(name="post_allotment", columns="allotment_id", unique=True),
        ]


class HoldingState(StrEnum):
    """applied → held | refused | withdrawn; held → left (the member's wish) | ended (staff, or the term is over)."""

    APPLIED = "applied"
    HELD = "held"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LEFT = "left"
    ENDED = "ended"


class PostHolding(Model):
    """A member's application for a post and what became of it. `place_id` is the place in the post's allotment."""

    post_id: str
    membership_id: str
    post: fields.ForeignKeyRelation[Post] = fields.ForeignKeyField(
        "linli.Post", related_name=False, on_delete=fields.RESTRICT
    )
    membership: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "linli.Membership", related_name=False, on_delete=fields.RESTRICT
    )
    state = fields.CharEnumField(HoldingState, max_length=16, default=HoldingState.APPLIED)
    place_id = IdField(null=True)
    reason = fields.CharField(max_length=200, default="")
    applied_at = fields.DatetimeField()
    decided_at = fields.DatetimeField(null=True)
    decided_by_id: str | None = IdField(null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "post_holding"
        constraints = [
            CheckConstraint(
                check="state NOT IN ('held', 'left', 'ended') OR place_id IS NOT NULL", name="post_holding_has_a_place"
            ),
        ]
        indexes = [
            SqlIndex(
                name="post_holding_one_active",
                columns="post_id, membership_id",
                where="state IN ('applied', 'held')",
                unique=True,
            ),
            SqlIndex(name="post_holding_membership", columns="membership_id, id"),
            SqlIndex(name="post_holding_post", columns="post_id, state, id"),
        ]
