"""Who is a Party member, of which kind, and where their membership is kept.

That somebody is a member is sensitive personal data (个人信息保护法 art. 28), so at rest it cannot be read from these
tables: the person is found by a blind index only, and what is known about the membership is one ciphertext. Whatever
refers to a member (check-ins, posts) refers to the membership's id, never to the person's.
"""

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from server.foundation.database import IdField, Model, SqlIndex, sealed
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
    sealed = sealed("membership", by_id=True)
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
