"""双报到: units' check-ins and members' check-ins at communities, and the posts 岗位 that members take on there."""

from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from server.database import IdField, Model, SqlIndex


class CheckInState(StrEnum):
    """See rules.CHECK_IN_TABLE."""

    APPLIED = "applied"
    RETURNED = "returned"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    CONFIRMED = "confirmed"
    ENDED = "ended"


class CheckIn(Model):
    """A member reports to a community 党员报到. One is active per member in the whole city; a new one that is confirmed
    ends the old one in the same transaction (moving house: no gap, no overlap). `residence` is encrypted. `via_unit` is
    the unit whose pairing with the community lets somebody who lives elsewhere check in."""

    membership_id: str
    community_id: str
    grid_id: str | None
    via_unit_id: str | None
    membership: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "linli.Membership", related_name=False, on_delete=fields.RESTRICT
    )
    community: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "linli.Organization", related_name=False, on_delete=fields.RESTRICT
    )
    grid: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "linli.Organization", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    via_unit: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
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
            CheckConstraint(check="(state = 'ended') = (ended_at IS NOT NULL)", name="check_in_ended_at_when_ended"),
        ]
        indexes = [
            SqlIndex(name="check_in_one_active", columns="membership_id", where="state = 'confirmed'", unique=True),
            SqlIndex(
                name="check_in_one_open", columns="membership_id", where="state IN ('applied', 'returned')", unique=True
            ),
            SqlIndex(name="check_in_membership", columns="membership_id, id"),
            SqlIndex(name="check_in_community", columns="community_id, state, id"),
        ]


class UnitKind(StrEnum):
    """Kinds of unit, as the policy's sections 6 and 7 name them."""

    AGENCY = "agency"
    INSTITUTION = "institution"
    STATE_ENTERPRISE = "state_enterprise"
    PRIVATE_ENTERPRISE = "private_enterprise"
    SCHOOL = "school"
    HOSPITAL = "hospital"
    SOCIAL_ORGANIZATION = "social_organization"
    OTHER = "other"


class UnitCheckInState(StrEnum):
    """See rules.UNIT_TABLE."""

    APPLIED = "applied"
    RETURNED = "returned"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    ACCEPTED = "accepted"
    ENDED = "ended"


class UnitCheckIn(Model):
    """A unit's Party organization reports to a community or subdistrict 单位报到; accepted, the two are a pair.

    It counts from `starts_on` to `ends_on`, both days included, on people's calendar; without an end, until somebody
    ends it. `contact` (name and phone) is encrypted. `offers` is what the unit can do for the community, and is public.
    """

    unit_id: str
    area_id: str
    party_organization_id: str
    unit: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "linli.Organization", related_name=False, on_delete=fields.RESTRICT
    )
    area: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "linli.Organization", related_name=False, on_delete=fields.RESTRICT
    )
    party_organization: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "linli.PartyOrganization", related_name=False, on_delete=fields.RESTRICT
    )
    unit_kind = fields.CharEnumField(UnitKind, max_length=32)
    state = fields.CharEnumField(UnitCheckInState, max_length=16, default=UnitCheckInState.APPLIED)
    member_count = fields.IntField()
    contact = fields.BinaryField()
    offers: Any = fields.JSONField(default=list)
    starts_on = fields.DateField(null=True)
    ends_on = fields.DateField(null=True)
    reason = fields.CharField(max_length=200, default="")
    applied_by_id = IdField()
    applied_at = fields.DatetimeField()
    decided_at = fields.DatetimeField(null=True)
    decided_by_id = IdField(null=True)
    ended_at = fields.DatetimeField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "unit_check_in"
        constraints = [
            CheckConstraint(check="(state = 'ended') = (ended_at IS NOT NULL)", name="unit_check_in_ended_at"),
            CheckConstraint(
                check="(state IN ('accepted', 'ended')) = (starts_on IS NOT NULL)", name="unit_check_in_starts_on"
            ),
            CheckConstraint(check="ends_on IS NULL OR ends_on >= starts_on", name="unit_check_in_ends_after_it_starts"),
            CheckConstraint(check="member_count > 0", name="unit_check_in_member_count"),
        ]
        indexes = [
            SqlIndex(
                name="unit_check_in_one_active", columns="unit_id, area_id", where="state = 'accepted'", unique=True
            ),
            SqlIndex(
                name="unit_check_in_one_open",
                columns="unit_id, area_id",
                where="state IN ('applied', 'returned')",
                unique=True,
            ),
            SqlIndex(name="unit_check_in_unit", columns="unit_id, id"),
            SqlIndex(name="unit_check_in_area", columns="area_id, state, id"),
            SqlIndex(
                name="unit_check_in_term", columns="ends_on, id", where="state = 'accepted' AND ends_on IS NOT NULL"
            ),
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
    """Open for applications; closed, while those who hold it go on; ended with its term."""

    OPEN = "open"
    CLOSED = "closed"
    ENDED = "ended"


class Post(Model):
    """A duty in the community 岗位 that members apply for; its places are an allotment.

    `category_name` is the community's own name for a kind of post that the policy does not name.
    """

    community_id: str
    community: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "linli.Organization", related_name=False, on_delete=fields.RESTRICT
    )
    title = fields.CharField(max_length=40)
    category = fields.CharEnumField(PostCategory, max_length=32)
    category_name = fields.CharField(max_length=20, default="")
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
            CheckConstraint(check="(category = 'other') = (category_name <> '')", name="post_own_category_has_a_name"),
        ]
        indexes = [
            SqlIndex(name="post_community", columns="community_id, state, id"),
            SqlIndex(
                name="post_term", columns="term_ends_on, id", where="state <> 'ended' AND term_ends_on IS NOT NULL"
            ),
            SqlIndex(name="post_allotment", columns="allotment_id", unique=True),
        ]


class HoldingState(StrEnum):
    """Left is the member's wish; ended is staff's, or the term is over. See rules.HOLDING_TABLE."""

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
