from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from migrations._columns import IdField, SqlIndex
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0024_activity_past")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="Figure",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("month", fields.DateField()),
                        ("organization_id", IdField(generated=False, null=False, unique=False)),
                        ("parent_id", IdField(null=True, generated=False, unique=False)),
                        ("code", fields.CharField(max_length=32)),
                        ("numerator", fields.BigIntField()),
                        ("denominator", fields.BigIntField()),
                        ("excluded", fields.BigIntField()),
                    ],
                    options={
                        "table": "figure",
                        "app": "linli",
                        "indexes": [SqlIndex(name="figure_children", columns="month, parent_id, code")],
                        "pk_attr": "id",
                        "table_description": "What one organization and all below it come to in a month: `numerator` of `denominator` (0 where nothing is",  # noqa: E501
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="FigureMonth",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("month", fields.DateField()),
                        ("counted_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("due_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("frozen_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "figure_month",
                        "app": "linli",
                        "indexes": [SqlIndex(name="figure_month_due", columns="due_at, id", where="frozen_at IS NULL")],
                        "pk_attr": "id",
                        "table_description": "A month whose figures are counted; again at `due_at`, until frozen.",
                    },
                    bases=["Model"],
                ),
                ops.AddConstraint(
                    model_name="Figure",
                    constraint=UniqueConstraint(fields=("month", "organization_id", "code"), name="figure_once"),
                ),
                ops.AddConstraint(
                    model_name="FigureMonth",
                    constraint=UniqueConstraint(fields=("month",), name="figure_month_once"),
                ),
                ops.AddConstraint(
                    model_name="FigureMonth",
                    constraint=CheckConstraint(
                        check="EXTRACT(day FROM month) = 1", name="figure_month_by_its_first_day"
                    ),
                ),
            ]
        )
    ]
