"""Warnings 预警: what a rule found somewhere, and what was done about it."""

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key
from server.foundation.words import Worded


class Measured(Worded):
    """What of a figure a rule looks at."""

    NUMERATOR = "numerator", "数量"
    VALUE = "value", "数值"


class WarnedSide(Worded):
    ABOVE = "above", "达到或超过"
    BELOW = "below", "低于或等于"


class WarningState(Worded):
    """Watched, until it has lasted long enough; raised → acknowledged → acting → cleared, or dismissed."""

    WATCHED = "watched", "观察中"
    RAISED = "raised", "待处理"
    ACKNOWLEDGED = "acknowledged", "已知悉"
    ACTING = "acting", "处理中"
    CLEARED = "cleared", "已解除"
    DISMISSED = "dismissed", "已撤销"


class WarningRule(Model):
    """A version of a rule that a manager of the city made.

    The first ones come with the program (rules.py). A warning is raised where what is measured has reached
    `raise_at` for `for_days`, and cleared where it has come back to `clear_at`. It looks at communities with
    `least_residents`.
    """

    code = fields.CharField(max_length=32)
    version = fields.IntField()
    raise_at = fields.FloatField()
    clear_at = fields.FloatField()
    for_days = fields.SmallIntField()
    least_residents = fields.IntField()
    is_on = fields.BooleanField()
    changed_by_id = IdField()

    class Meta:
        table = "warning_rule"
        constraints = [
            UniqueConstraint(fields=("code", "version"), name="warning_rule_version"),
            CheckConstraint(check="for_days >= 0 AND least_residents >= 0", name="warning_rule_not_negative"),
        ]


class FigureWarning(Model):
    """What a version of a rule found at one place.

    There is one a rule and place until it is over (`over_at`): a dismissed one is, once the reason for it has gone.
    `since` is when it was seen first.

    The sums are those of `month`, as last seen. `acting_words` is what is done, `dismissal` why it is none.
    """

    rule = fields.CharField(max_length=32)
    rule_version = fields.IntField()
    organization = foreign_key("Organization")
    organization_id: str
    state = fields.CharEnumField(WarningState, max_length=16)
    month = fields.DateField()
    numerator = fields.BigIntField()
    denominator = fields.BigIntField()
    since = fields.DatetimeField()
    raised_at = fields.DatetimeField(null=True)
    acknowledged_at = fields.DatetimeField(null=True)
    acknowledged_by_id = IdField(null=True)
    acting_at = fields.DatetimeField(null=True)
    acting_by_id = IdField(null=True)
    acting_words = fields.CharField(max_length=200, default="")
    dismissed_at = fields.DatetimeField(null=True)
    dismissed_by_id = IdField(null=True)
    dismissal = fields.CharField(max_length=200, default="")
    over_at = fields.DatetimeField(null=True)

    class Meta:
        table = "figure_warning"
        constraints = [
            CheckConstraint(check="(state = 'watched') = (raised_at IS NULL)", name="figure_warning_raised"),
            CheckConstraint(check="state <> 'acting' OR acting_words <> ''", name="figure_warning_acting"),
            CheckConstraint(
                check="(state = 'dismissed') = (dismissed_at IS NOT NULL) "
                "AND (state = 'dismissed') = (dismissal <> '')",
                name="figure_warning_dismissed",
            ),
            CheckConstraint(
                check="(state = 'dismissed') OR ((state = 'cleared') = (over_at IS NOT NULL))",
                name="figure_warning_over",
            ),
        ]
        indexes = [
            SqlIndex(name="figure_warning_one", columns="rule, organization_id", where="over_at IS NULL", unique=True),
            SqlIndex(name="figure_warning_organization", columns="organization_id, id", where="state <> 'watched'"),
            SqlIndex(name="figure_warning_raised_now", columns="raised_at, id", where="state = 'raised'"),
        ]
