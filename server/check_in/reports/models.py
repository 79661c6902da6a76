"""Half-year reports 在职党员作用发挥情况反馈, and what is due when a month or half-year is over."""

from enum import StrEnum

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key, sealed
from server.foundation.words import Worded


class ReportState(Worded):
    """See rules.REPORT_TABLE."""

    DRAFT = "draft", "待社区评价"
    ASSESSED = "assessed", "待本人核对"
    CORRECTION_ASKED = "correction_asked", "本人申请更正"
    SETTLED = "settled", "待反馈"
    RELEASED = "released", "已反馈"
    ACKNOWLEDGED = "acknowledged", "单位已签收"


class Grade(Worded):
    """The community's grade: 优秀, 合格, 基本合格, 不合格, as in the yearly 民主评议党员."""

    EXCELLENT = "excellent", "优秀"
    QUALIFIED = "qualified", "合格"
    BASICALLY_QUALIFIED = "basically_qualified", "基本合格"
    UNQUALIFIED = "unqualified", "不合格"


class HalfYearReport(Model):
    """What one in-service member did in one half-year, frozen at `frozen_at`.

    `content` is the lines, taken from the ledger and never added to; `minutes` and `points` are their sums. `words` is
    what was written: the community's opinion, the member's request, the answer. Both are ciphertexts: at rest nothing
    here tells who the member is (see members/models.py). `unit` is the home organization's unit, which receives it.
    After the release nothing of it changes but the acknowledgement (migrations/_guards.py).
    """

    membership = foreign_key("Membership")
    membership_id: str
    community = foreign_key("Organization")
    community_id: str
    unit = foreign_key("Organization", null=True)
    unit_id: str | None
    period = fields.CharField(max_length=6)
    state = fields.CharEnumField(ReportState, max_length=16, default=ReportState.DRAFT)
    content = sealed("half_year_report.content", by_id=True)
    words = sealed("half_year_report.words", by_id=True)
    minutes = fields.IntField()
    points = fields.IntField()
    grade = fields.CharEnumField(Grade, max_length=24, null=True)
    frozen_at = fields.DatetimeField()
    assessed_at = fields.DatetimeField(null=True)
    assessed_by_id = IdField(null=True)
    correction_asked_at = fields.DatetimeField(null=True)
    settled_at = fields.DatetimeField(null=True)
    settled_by_id = IdField(null=True)
    released_at = fields.DatetimeField(null=True)
    released_by_id = IdField(null=True)
    acknowledged_at = fields.DatetimeField(null=True)
    acknowledged_by_id = IdField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "half_year_report"
        constraints = [
            UniqueConstraint(fields=("membership_id", "period"), name="half_year_report_one_per_period"),
            CheckConstraint(
                check="(state = 'draft') = (assessed_at IS NULL) AND (state = 'draft') = (grade IS NULL)",
                name="half_year_report_assessed",
            ),
            CheckConstraint(
                check="(state IN ('released', 'acknowledged')) = (released_at IS NOT NULL)",
                name="half_year_report_released",
            ),
            CheckConstraint(
                check="(state = 'acknowledged') = (acknowledged_at IS NOT NULL)", name="half_year_report_acknowledged"
            ),
        ]
        indexes = [
            SqlIndex(
                name="half_year_report_open",
                columns="community_id, id",
                where="state IN ('draft', 'correction_asked', 'settled')",
            ),
            SqlIndex(name="half_year_report_community", columns="community_id, period, state, id"),
            SqlIndex(name="half_year_report_unit", columns="unit_id, period, id", where="unit_id IS NOT NULL"),
        ]


class RunKind(StrEnum):
    POST_MONTHS = "post_months"
    REPORTS = "reports"


class PeriodRun(Model):
    """A month or half-year that is over.

    What was due for it was made into rows at `finished_at`.
    """

    kind = fields.CharEnumField(RunKind, max_length=16)
    period = fields.CharField(max_length=7)
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "period_run"
        constraints = [UniqueConstraint(fields=("kind", "period"), name="period_run_once")]


class DueReport(Model):
    """A report that is to be frozen, or its community to be told.

    Then it is deleted.
    """

    membership = foreign_key("Membership")
    membership_id: str
    community = foreign_key("Organization")
    community_id: str
    period = fields.CharField(max_length=6)
    frozen_at = fields.DatetimeField(null=True)

    class Meta:
        table = "due_report"
        constraints = [UniqueConstraint(fields=("membership_id", "period"), name="due_report_one_per_period")]
        indexes = [
            SqlIndex(name="due_report_to_freeze", columns="created_at, id", where="frozen_at IS NULL"),
            SqlIndex(name="due_report_to_tell", columns="frozen_at, community_id", where="frozen_at IS NOT NULL"),
            SqlIndex(name="due_report_community", columns="community_id, period"),
        ]


class PostMonth(Model):
    """A month in which a member held a post long enough to be credited for it: the source of a service entry.

    It is due until `credited_at`.
    """

    holding = foreign_key("PostHolding")
    month = fields.CharField(max_length=7)
    credited_at = fields.DatetimeField(null=True)

    class Meta:
        table = "post_month"
        constraints = [UniqueConstraint(fields=("holding_id", "month"), name="post_month_once")]
        indexes = [SqlIndex(name="post_month_to_credit", columns="created_at, id", where="credited_at IS NULL")]
