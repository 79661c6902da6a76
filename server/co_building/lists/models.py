"""三张清单: what communities, subdistricts and units need, have to give, and want to do together. Which state follows
which is in rules.py."""

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key, sealed
from server.foundation.words import Worded

ENTRY_CONTACT = "list_entry.contact"
"""What the contact is encrypted for; see server.foundation.crypto."""


class ListKind(Worded):
    NEED = "need", "需求"
    RESOURCE = "resource", "资源"
    PROJECT = "project", "项目"


class ListCategory(Worded):
    PARTY = "party", "党建活动"
    CONVENIENCE = "convenience", "便民服务"
    ENVIRONMENT = "environment", "环境整治"
    SAFETY = "safety", "平安治理"
    ELDERS = "elders", "养老助老"
    CHILDREN = "children", "托幼助学"
    HEALTH = "health", "医疗健康"
    LAW = "law", "法律服务"
    CULTURE = "culture", "文体活动"
    TRAINING = "training", "培训就业"
    VENUE = "venue", "场地设施"
    HARDSHIP = "hardship", "帮困解难"
    OTHER = "other", "其他"


class EntryState(Worded):
    """See rules.ENTRY_TABLE."""

    DRAFT = "draft", "草稿"
    REVIEW = "review", "待审核"
    OPEN = "open", "待认领"
    MATCHED = "matched", "已对接"
    CLOSED = "closed", "已结束"


PUBLIC_STATES = "'open', 'matched'"
"""SQL: everybody may see it."""


class ListEntry(Model):
    """One line of a list.

    It is `quantity` `measure` (3 场) of something, of which `accepted` are claimed and accepted.
    `owner` is a community, a subdistrict or a unit. `reviewer` is whose staff look at it before it is open: the owner's
    own, of a unit's those of the place that it is paired with. `period` is its half-year, `renewed_from_id` the entry
    of the one before that it goes on from. After `expires_on` it is closed. `contact` (name and phone) is sealed.
    """

    owner = foreign_key("Organization")
    owner_id: str
    reviewer = foreign_key("Organization", null=True)
    reviewer_id: str | None
    kind = fields.CharEnumField(ListKind, max_length=8)
    category = fields.CharEnumField(ListCategory, max_length=16)
    title = fields.CharField(max_length=40)
    text = fields.CharField(max_length=1000)
    quantity = fields.IntField()
    measure = fields.CharField(max_length=8)
    accepted = fields.IntField(default=0)
    available_from = fields.DateField(null=True)
    available_until = fields.DateField(null=True)
    place = fields.CharField(max_length=60, default="")
    audience = fields.CharField(max_length=60, default="")
    contact = sealed(ENTRY_CONTACT, by_id=True)
    period = fields.CharField(max_length=6)
    expires_on = fields.DateField()
    state = fields.CharEnumField(EntryState, max_length=8, default=EntryState.DRAFT)
    reason = fields.CharField(max_length=200, default="")
    submitted_by_id = IdField(null=True)
    submitted_at = fields.DatetimeField(null=True)
    decided_by_id = IdField(null=True)
    opened_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    ended_by_id = IdField(null=True)
    renewed_from_id = IdField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "list_entry"
        constraints = [
            CheckConstraint(check="accepted BETWEEN 0 AND quantity", name="list_entry_accepted"),
            CheckConstraint(check="quantity > 0", name="list_entry_quantity"),
            CheckConstraint(
                check="state NOT IN ('review', 'open', 'matched') OR reviewer_id IS NOT NULL",
                name="list_entry_has_reviewer",
            ),
            CheckConstraint(
                check="state NOT IN ('open', 'matched') OR (accepted = quantity) = (state = 'matched')",
                name="list_entry_matched",
            ),
            CheckConstraint(check="(state = 'closed') = (closed_at IS NOT NULL)", name="list_entry_closed"),
        ]
        indexes = [
            SqlIndex(name="list_entry_owner", columns="owner_id, id"),
            SqlIndex(name="list_entry_reviewer", columns="reviewer_id, id", where="reviewer_id IS NOT NULL"),
            SqlIndex(name="list_entry_to_review", columns="submitted_at, id", where="state = 'review'"),
            SqlIndex(name="list_entry_expires", columns="expires_on, id", where="state <> 'closed'"),
            SqlIndex(
                name="list_entry_renewed_once",
                columns="renewed_from_id",
                where="renewed_from_id IS NOT NULL",
                unique=True,
            ),
        ]
