from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from migrations._columns import IdField, SqlIndex
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0031_case_partners_indexes")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="FigureWarning",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("rule", fields.CharField(max_length=32)),
                        ("rule_version", fields.IntField()),
                        (
                            "organization",
                            fields.ForeignKeyField(
                                "linli.Organization",
                                source_field="organization_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("state", fields.CharField(max_length=16)),
                        ("month", fields.DateField()),
                        ("numerator", fields.BigIntField()),
                        ("denominator", fields.BigIntField()),
                        ("since", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("raised_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("acknowledged_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("acknowledged_by_id", IdField(null=True, generated=False, unique=False)),
                        ("acting_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("acting_by_id", IdField(null=True, generated=False, unique=False)),
                        ("acting_words", fields.CharField(default="", max_length=200)),
                        ("dismissed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("dismissed_by_id", IdField(null=True, generated=False, unique=False)),
                        ("dismissal", fields.CharField(default="", max_length=200)),
                        ("over_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "figure_warning",
                        "app": "linli",
                        "indexes": [
                            SqlIndex(
                                name="figure_warning_one",
                                columns="rule, organization_id",
                                where="over_at IS NULL",
                                unique=True,
                            ),
                            SqlIndex(
                                name="figure_warning_organization",
                                columns="organization_id, id",
                                where="state <> 'watched'",
                            ),
                            SqlIndex(
                                name="figure_warning_raised_now", columns="raised_at, id", where="state = 'raised'"
                            ),
                        ],
                        "pk_attr": "id",
                        "table_description": "What a version of a rule found at one place.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="WarningRule",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("code", fields.CharField(max_length=32)),
                        ("version", fields.IntField()),
                        ("raise_at", fields.FloatField()),
                        ("clear_at", fields.FloatField()),
                        ("for_days", fields.SmallIntField()),
                        ("least_residents", fields.IntField()),
                        ("is_on", fields.BooleanField()),
                        ("changed_by_id", IdField(generated=False, null=False, unique=False)),
                    ],
                    options={
                        "table": "warning_rule",
                        "app": "linli",
                        "pk_attr": "id",
                        "table_description": "A version of a rule that a manager of the city made.",
                    },
                    bases=["Model"],
                ),
                ops.AddField(
                    model_name="FigureMonth",
                    name="looked_at",
                    field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ops.AddConstraint(
                    model_name="FigureWarning",
                    constraint=CheckConstraint(
                        check="(state = 'watched') = (raised_at IS NULL)", name="figure_warning_raised"
                    ),
                ),
                ops.AddConstraint(
                    model_name="FigureWarning",
                    constraint=CheckConstraint(
                        check="state <> 'acting' OR acting_words <> ''", name="figure_warning_acting"
                    ),
                ),
                ops.AddConstraint(
                    model_name="FigureWarning",
                    constraint=CheckConstraint(
                        check="(state = 'dismissed') = (dismissed_at IS NOT NULL) "
                        "AND (state = 'dismissed') = (dismissal <> '')",
                        name="figure_warning_dismissed",
                    ),
                ),
                ops.AddConstraint(
                    model_name="FigureWarning",
                    constraint=CheckConstraint(
                        check="(state = 'dismissed') OR ((state = 'cleared') = (over_at IS NOT NULL))",
                        name="figure_warning_over",
                    ),
                ),
                ops.AddConstraint(
                    model_name="WarningRule",
                    constraint=UniqueConstraint(fields=("code", "version"), name="warning_rule_version"),
                ),
                ops.AddConstraint(
                    model_name="WarningRule",
                    constraint=CheckConstraint(
                        check="for_days >= 0 AND least_residents >= 0", name="warning_rule_not_negative"
                    ),
                ),
            ]
        )
    ]
