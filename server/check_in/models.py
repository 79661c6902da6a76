"""双报到: members' check-ins at communities, who keeps in touch with floating members, and transfers of memberships."""

from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key, sealed
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
    grid_id: str | None
    via_unit = foreign_key("Organization", null=True)
    via_unit_id: str | None
    state = fields.CharEnumField(CheckInState, max_length=16, default=CheckInState.APPLIED)
    residence = sealed("check_in.residence", by_id=True)
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
            SqlIndex(name="check_in_waiting", columns="community_id, applied_at, id", where="state = 'applied'"),
            SqlIndex(name="check_in_waiting_city", columns="applied_at, id", where="state = 'applied'"),
        ]


class ContactMeans(Worded):
    """How somebody was in touch with a floating member."""

    PHONE = "phone", "电话"
    VISIT = "visit", "上门"
    MESSAGE = "message", "信息"
    MEETING = "meeting", "会面"


class MemberContact(Model):
    """One time that somebody was in touch with a floating member 联系流动党员. `note` is encrypted."""

    membership = foreign_key("Membership")
    contacted_at = fields.DatetimeField()
    means = fields.CharEnumField(ContactMeans, max_length=16)
    note = sealed("member_contact.note", by_id=True, null=True)
    recorded_by_id = IdField()

    class Meta:
        table = "member_contact"
        indexes = [SqlIndex(name="member_contact_membership", columns="membership_id, contacted_at DESC, id")]


class TransferState(Worded):
    """offered → accepted | declined; accepted → completed; offered, accepted → cancelled."""

    OFFERED = "offered", "待本人答复"
    ACCEPTED = "accepted", "本人已同意"
    DECLINED = "declined", "本人不同意"
    COMPLETED = "completed", "已转入"
    CANCELLED = "cancelled", "已取消"


class MembershipTransfer(Model):
    """A retired member is offered to move the membership 转入组织关系 to the community's Party organization."""

    membership = foreign_key("Membership")
    community = foreign_key("Organization")
    community_id: str
    state = fields.CharEnumField(TransferState, max_length=16, default=TransferState.OFFERED)
    reason = fields.CharField(max_length=200, default="")
    offered_at = fields.DatetimeField()
    answered_at = fields.DatetimeField(null=True)
    settled_at = fields.DatetimeField(null=True)
    settled_by_id = IdField(null=True)

    class Meta:
        table = "membership_transfer"
        constraints = [
            CheckConstraint(
                check="(state IN ('completed', 'cancelled')) = (settled_at IS NOT NULL)",
                name="membership_transfer_settled_at",
            ),
        ]
        indexes = [
            SqlIndex(
                name="membership_transfer_one_open",
                columns="membership_id",
                where="state IN ('offered', 'accepted')",
                unique=True,
            ),
            SqlIndex(name="membership_transfer_membership", columns="membership_id, id"),
        ]
