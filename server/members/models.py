"""Who is a Party member, of which kind, where their membership is kept, and what the kinds ask for besides.

That somebody is a member is sensitive personal data (个人信息保护法 art. 28), so at rest it cannot be read from these
tables: the person is found by a blind index only, and what is known about the membership is one ciphertext. Whatever
refers to a member (check-ins, posts) refers to the membership's id, never to the person's.
"""

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key
from server.foundation.words import Worded


class MemberKind(Worded):
    """The policy's section 6 names four: 直管 direct, 在职 in service, 流动 floating, 离退休 retired."""

    DIRECT = "direct", "直管党员"
    IN_SERVICE = "in_service", "在职党员"
    FLOATING = "floating", "流动党员"
    RETIRED = "retired", "离退休党员"


class Membership(Model):
    """A person's membership. `sealed` holds who, and where it is kept (see memberships.py).

    `community_id` is where the member is checked in now. `home_index` finds the members of one Party organization, and
    `contact_index` the floating members that one person keeps in touch with. `contact_due_at` is when somebody is next
    reminded of a floating member.
    """

    person_index = fields.BinaryField()
    kind = fields.CharEnumField(MemberKind, max_length=16)
    sealed = fields.BinaryField()
    home_index = fields.BinaryField(null=True)
    community_id = IdField(null=True)
    contact_index = fields.BinaryField(null=True)
    last_contact_at = fields.DatetimeField(null=True)
    contact_due_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "membership"
        constraints = [
            CheckConstraint(
                check="contact_due_at IS NULL OR (kind = 'floating' AND ended_at IS NULL)",
                name="membership_contact_due_while_floating",
            ),
        ]
        indexes = [
            SqlIndex(name="membership_person", columns="person_index", where="ended_at IS NULL", unique=True),
            SqlIndex(name="membership_community", columns="community_id, id", where="ended_at IS NULL"),
            SqlIndex(name="membership_home", columns="home_index, id", where="ended_at IS NULL"),
            SqlIndex(name="membership_contact", columns="contact_index, id", where="ended_at IS NULL"),
            SqlIndex(name="membership_contact_due", columns="contact_due_at", where="contact_due_at IS NOT NULL"),
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
    note = fields.BinaryField(null=True)
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
