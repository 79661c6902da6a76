"""双报到: units' check-ins and members' check-ins at communities, and the posts 岗位 that members take on there."""

from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key
from server.foundation.words import Worded


class CheckInState(Worded):
    """See rules.CHECK_IN_TABLE."""

    APPLIED = "applied", "待社区确认"
    RETURNED = "returned", "已退回修改"
    REFUSED = "refused", "未通过"
    WITHDRAWN = "withdrawn", "已撤回"
    CONFIRMED = "confirmed", "已报到"
    ENDED = "ended", "已结束"


class CheckIn(Model):
    """A member reports to a community 党员报到. One is active per member in the whole city; a new one that is confirmed
    ends the old one in the same transaction (moving house: no gap, no overlap). `residence` is encrypted. `via_unit` is
    the unit whose pairing with the community lets somebody who lives elsewhere check in."""

    membership = foreign_key("Membership")
    membership_id: str
    community = foreign_key("Organization")
    community_id: str
    grid = foreign_key("Organization", null=True)
    via_unit = foreign_key("Organization", null=True)
    via_unit_id: str | None
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
