from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key, sealed
from server.foundation.words import Worded


class UnitKind(Worded):
    """Kinds of unit, as the policy's sections 6 and 7 name them."""

    AGENCY = "agency", "机关"
    INSTITUTION = "institution", "事业单位"
    STATE_ENTERPRISE = "state_enterprise", "国有企业"
    PRIVATE_ENTERPRISE = "private_enterprise", "非公企业"
    SCHOOL = "school", "学校"
    HOSPITAL = "hospital", "医院"
    SOCIAL_ORGANIZATION = "social_organization", "社会组织"
    OTHER = "other", "其他"


class UnitCheckInState(Worded):
    """See rules.UNIT_TABLE."""

    APPLIED = "applied", "待接受"
    RETURNED = "returned", "已退回修改"
    REFUSED = "refused", "未接受"
    WITHDRAWN = "withdrawn", "已撤回"
    ACCEPTED = "accepted", "已接受"
    ENDED = "ended", "已结束"


class UnitCheckIn(Model):
    """A unit's Party organization reports to a community or subdistrict 单位报到; accepted, the two are a pair.

    It counts from `starts_on` to `ends_on`, both days included, on people's calendar; without an end, until somebody
    ends it. `contact` (name and phone) is encrypted. `offers` is what the unit can do for the community, and is public.
    """

    unit = foreign_key("Organization")
    unit_id: str
    area = foreign_key("Organization")
    area_id: str
    party_organization = foreign_key("PartyOrganization")
    unit_kind = fields.CharEnumField(UnitKind, max_length=32)
    state = fields.CharEnumField(UnitCheckInState, max_length=16, default=UnitCheckInState.APPLIED)
    member_count = fields.IntField()
    contact = sealed("unit_check_in.contact", by_id=True)
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
