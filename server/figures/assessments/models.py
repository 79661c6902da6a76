"""Assessment 综合评价: what is assessed and by which scheme, what residents say, and what became of it."""

from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key
from server.foundation.words import Worded


class AssessmentState(Worded):
    """See rules.ASSESSMENT_TABLE. A final one never changes: the database refuses it."""

    OPEN = "open", "待自评"
    SELF = "self", "待核定"
    CHECKED = "checked", "已核定，待告知"
    NOTIFIED = "notified", "已告知"
    APPEALED = "appealed", "申诉中"
    FINAL = "final", "已定案"


class AssessmentScheme(Model):
    """A version of the scheme by which communities are assessed.

    It is an organization's, for those below it, of a year. `indicators` is [{figure, weight, zero_at, full_at, floor},
    …]; with the weight of the residents' evaluation they make 100. A version is never edited.
    """

    organization = foreign_key("Organization")
    organization_id: str
    year = fields.SmallIntField()
    version = fields.IntField()
    indicators: Any = fields.JSONField()
    residents_weight = fields.FloatField()
    made_by_id = IdField()

    class Meta:
        table = "assessment_scheme"
        constraints = [
            UniqueConstraint(fields=("organization_id", "year", "version"), name="assessment_scheme_version"),
            CheckConstraint(check="residents_weight >= 20", name="assessment_scheme_residents_count"),
        ]


class Assessment(Model):
    """One community's assessment of a half-year or year.

    It comes from frozen figures alone. `lines` is what each indicator came to when it was opened; `votes` and `stars`
    are the residents' when it was checked. `total` is of a hundred, adjustments included.
    """

    scheme = foreign_key("AssessmentScheme")
    scheme_id: str
    organization = foreign_key("Organization")
    organization_id: str
    period = fields.CharField(max_length=6)
    state = fields.CharEnumField(AssessmentState, max_length=12, default=AssessmentState.OPEN)
    lines: Any = fields.JSONField()
    votes = fields.IntField(default=0)
    stars = fields.IntField(default=0)
    total = fields.FloatField(null=True)
    self_words = fields.CharField(max_length=1000, default="")
    self_by_id = IdField(null=True)
    checked_by_id = IdField(null=True)
    notified_at = fields.DatetimeField(null=True)
    appeal = fields.CharField(max_length=1000, default="")
    appeal_by_id = IdField(null=True)
    answer = fields.CharField(max_length=1000, default="")
    answered_by_id = IdField(null=True)
    final_at = fields.DatetimeField(null=True)

    class Meta:
        table = "assessment"
        constraints = [
            UniqueConstraint(fields=("organization_id", "period"), name="assessment_once"),
            CheckConstraint(check="(state = 'final') = (final_at IS NOT NULL)", name="assessment_final"),
            CheckConstraint(
                check="state NOT IN ('checked', 'notified', 'appealed', 'final') OR total IS NOT NULL",
                name="assessment_has_a_total",
            ),
        ]


class AssessmentAdjustment(Model):
    """Points given or taken by hand, by whom and why."""

    assessment = foreign_key("Assessment")
    points = fields.FloatField()
    reason = fields.CharField(max_length=200)
    by_id = IdField()

    class Meta:
        table = "assessment_adjustment"
        constraints = [CheckConstraint(check="points <> 0 AND reason <> ''", name="assessment_adjustment_says_why")]
        indexes = [SqlIndex(name="assessment_adjustment_of", columns="assessment_id, id")]


class CommunityEvaluation(Model):
    """What a resident thinks of their community: 1 to 5 stars, once."""

    organization = foreign_key("Organization")
    person_id = IdField()
    period = fields.CharField(max_length=6)
    stars = fields.SmallIntField()

    class Meta:
        table = "community_evaluation"
        constraints = [
            UniqueConstraint(fields=("person_id", "period"), name="community_evaluation_once"),
            CheckConstraint(check="stars BETWEEN 1 AND 5", name="community_evaluation_stars"),
        ]
        indexes = [SqlIndex(name="community_evaluation_of", columns="organization_id, period")]
