"""Content checks: what was submitted, each of its parts, and what WeChat or the staff found."""

from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key
from server.foundation.words import Worded


class Verdict(Worded):
    """May others see it? `held`: nobody could say, so the staff decide. `passed` and `refused` are final until the next
    submission."""

    PENDING = "pending", "检查中"
    PASSED = "passed", "通过"
    HELD = "held", "待人工复核"
    REFUSED = "refused", "未通过"


class CheckState(Worded):
    """A part's verdict; `superseded` when a later submission took its place before it was final."""

    PENDING = "pending", "检查中"
    PASSED = "passed", "通过"
    HELD = "held", "待人工复核"
    REFUSED = "refused", "未通过"
    SUPERSEDED = "superseded", "已被新内容替代"


class Part(Worded):
    """What a check looks at: all of the subject's texts together, or one picture."""

    TEXT = "text", "文字"
    PICTURE = "picture", "图片"


class CheckedSubject(Model):
    """Something people wrote that others will see (a wish, a nickname), in its latest revision; the lock on its
    verdict.

    `organization` is whose staff decide when it is held; without one, the city's. `told_…` is the last verdict that the
    feature has been told of.
    """

    kind = fields.CharField(max_length=32)
    subject_id = IdField()
    author_id = IdField()
    organization = foreign_key("Organization", null=True)
    organization_id: str | None
    revision = fields.IntField(default=1)
    verdict = fields.CharEnumField(Verdict, max_length=16, default=Verdict.PENDING)
    told_revision = fields.IntField(default=0)
    told_verdict = fields.CharEnumField(Verdict, max_length=16, default=Verdict.PENDING)

    class Meta:
        table = "checked_subject"
        constraints = [UniqueConstraint(fields=("kind", "subject_id"), name="checked_subject_one")]
        indexes = [
            SqlIndex(name="checked_subject_organization", columns="organization_id, id"),
            SqlIndex(name="checked_subject_author", columns="author_id, id"),
        ]


class ContentCheck(Model):
    """The check of one part of one revision. `label` is WeChat's; `trace_id` finds a picture's verdict when it arrives.

    `note` says in English why a part is held; `reason` is what the staff told the author, in Chinese.
    """

    subject: CheckedSubject = foreign_key("CheckedSubject")
    revision = fields.IntField()
    part = fields.CharEnumField(Part, max_length=16)
    picture_id = IdField(null=True)
    state = fields.CharEnumField(CheckState, max_length=16, default=CheckState.PENDING)
    label = fields.IntField(default=0)
    trace_id = fields.CharField(max_length=64, null=True)
    note = fields.CharField(max_length=100, default="")
    reason = fields.CharField(max_length=200, default="")
    decided_by_id = IdField(null=True)
    decided_at = fields.DatetimeField(null=True)

    class Meta:
        table = "content_check"
        indexes = [
            SqlIndex(
                name="content_check_part",
                columns="subject_id, revision, part, COALESCE(picture_id, subject_id)",
                unique=True,
            ),
            SqlIndex(name="content_check_overdue", columns="created_at", where="state = 'pending'"),
            SqlIndex(name="content_check_held", columns="id", where="state = 'held'"),
            SqlIndex(name="content_check_on_desk", columns="created_at, id", where="state = 'held'"),
            SqlIndex(name="content_check_trace", columns="trace_id", where="trace_id IS NOT NULL", unique=True),
        ]
