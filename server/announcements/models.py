"""Announcements: what staff tell everybody of a scope."""

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key
from server.foundation.words import Worded


class AnnouncementAudience(Worded):
    """Who is told, in the scope's whole subtree: those who live there, of these the volunteers, or who works there."""

    RESIDENTS = "residents", "居民"
    VOLUNTEERS = "volunteers", "志愿者"
    WORKERS = "workers", "社区工作者"


class AnnouncementState(Worded):
    """draft → sending → sent; each of them → withdrawn."""

    DRAFT = "draft", "草稿"
    SENDING = "sending", "发送中"
    SENT = "sent", "已发送"
    WITHDRAWN = "withdrawn", "已撤回"


class Announcement(Model):
    """An announcement 社区公告 of an organization. `written_by_id` is who last wrote at it: somebody else sends it.

    While it is being sent, everybody up to `told_through` (persons in the order of their ids) has been told; `told`
    counts them, and `expected` is how many there were when it began.
    """

    organization = foreign_key("Organization")
    organization_id: str
    audience = fields.CharEnumField(AnnouncementAudience, max_length=16)
    title = fields.CharField(max_length=30)
    text = fields.CharField(max_length=2000)
    urgent = fields.BooleanField(default=False)
    state = fields.CharEnumField(AnnouncementState, max_length=16, default=AnnouncementState.DRAFT)
    written_by_id = IdField()
    sent_by_id = IdField(null=True)
    sent_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)
    withdrawn_at = fields.DatetimeField(null=True)
    expected = fields.IntField(default=0)
    told = fields.IntField(default=0)
    told_through = IdField(null=True)
    picture_ids = ArrayField(element_type="uuid", default=list, db_default=[])
    version = fields.IntField(default=1)

    class Meta:
        table = "announcement"
        constraints = [
            CheckConstraint(check="cardinality(picture_ids) <= 9", name="announcement_pictures"),
            CheckConstraint(check="state NOT IN ('sending', 'sent') OR sent_at IS NOT NULL", name="announcement_sent"),
            CheckConstraint(check="state <> 'sent' OR finished_at IS NOT NULL", name="announcement_finished"),
            CheckConstraint(check="(state = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="announcement_withdrawn"),
        ]
        indexes = [
            SqlIndex(name="announcement_organization", columns="organization_id, id"),
            SqlIndex(name="announcement_sending", columns="urgent DESC, sent_at, id", where="state = 'sending'"),
        ]


class AnnouncementRead(Model):
    """Somebody opened an announcement, the first time that they did."""

    announcement = foreign_key("Announcement")
    person_id = IdField()

    class Meta:
        table = "announcement_read"
        constraints = [UniqueConstraint(fields=("announcement_id", "person_id"), name="announcement_read_once")]
        indexes = [SqlIndex(name="announcement_read_person", columns="person_id, id")]
