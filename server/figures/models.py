"""Figures 统计数: sums and counts by month, which add up along the tree."""

from datetime import date

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server.foundation.database import IdField, Model, SqlIndex


class Figure(Model):
    """What one organization and all below it come to in a month: `numerator` of `denominator` (0 where nothing is
    divided), and how many rows were left out. There is no row for what comes to nothing.

    `parent_id` is the organization above as the tree was when the month was counted: the children's sums are the
    parent's, also after the tree has changed. `month` is its first day.
    """

    month: date = fields.DateField()
    organization_id = IdField()
    parent_id: str | None = IdField(null=True)
    code = fields.CharField(max_length=32)
    numerator = fields.BigIntField()
    denominator = fields.BigIntField()
    excluded = fields.BigIntField()

    class Meta:
        table = "figure"
        constraints = [UniqueConstraint(fields=("month", "organization_id", "code"), name="figure_once")]
        indexes = [SqlIndex(name="figure_children", columns="month, parent_id, code")]


class FigureMonth(Model):
    """A month whose figures are counted; again at `due_at`, until frozen.

    `looked_at` is the counting after which the rules of warnings were looked at.
    """

    month: date = fields.DateField()
    counted_at = fields.DatetimeField(null=True)
    due_at = fields.DatetimeField()
    frozen_at = fields.DatetimeField(null=True)
    looked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "figure_month"
        constraints = [
            UniqueConstraint(fields=("month",), name="figure_month_once"),
            CheckConstraint(check="EXTRACT(day FROM month) = 1", name="figure_month_by_its_first_day"),
        ]
        indexes = [SqlIndex(name="figure_month_due", columns="due_at, id", where="frozen_at IS NULL")]
