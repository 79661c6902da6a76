from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from migrations._assessments import REFUSE_CHANGES
from migrations._columns import IdField, SqlIndex
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0032_warnings")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="AssessmentScheme",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
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
                        ("year", fields.SmallIntField()),
                        ("version", fields.IntField()),
                        (
                            "indicators",
                            fields.JSONField(),
                        ),
                        ("residents_weight", fields.FloatField()),
                        ("made_by_id", IdField(generated=False, null=False, unique=False)),
                    ],
                    options={
                        "table": "assessment_scheme",
                        "app": "linli",
                        "pk_attr": "id",
                        "table_description": "A version of the scheme by which communities are assessed.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="Assessment",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "scheme",
                            fields.ForeignKeyField(
                                "linli.AssessmentScheme",
                                source_field="scheme_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
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
                        ("period", fields.CharField(max_length=6)),
                        ("state", fields.CharField(max_length=12)),
                        (
                            "lines",
                            fields.JSONField(),
                        ),
                        ("votes", fields.IntField(default=0)),
                        ("stars", fields.IntField(default=0)),
                        ("total", fields.FloatField(null=True)),
                        ("self_words", fields.CharField(default="", max_length=1000)),
                        ("self_by_id", IdField(null=True, generated=False, unique=False)),
                        ("checked_by_id", IdField(null=True, generated=False, unique=False)),
                        ("notified_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("appeal", fields.CharField(default="", max_length=1000)),
                        ("appeal_by_id", IdField(null=True, generated=False, unique=False)),
                        ("answer", fields.CharField(default="", max_length=1000)),
                        ("answered_by_id", IdField(null=True, generated=False, unique=False)),
                        ("final_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "assessment",
                        "app": "linli",
                        "pk_attr": "id",
                        "table_description": "One community's assessment of a half-year or year.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="AssessmentAdjustment",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "assessment",
                            fields.ForeignKeyField(
                                "linli.Assessment",
                                source_field="assessment_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("points", fields.FloatField()),
                        ("reason", fields.CharField(max_length=200)),
                        ("by_id", IdField(generated=False, null=False, unique=False)),
                    ],
                    options={
                        "table": "assessment_adjustment",
                        "app": "linli",
                        "indexes": [SqlIndex(name="assessment_adjustment_of", columns="assessment_id, id")],
                        "pk_attr": "id",
                        "table_description": "Points given or taken by hand, by whom and why.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="CommunityEvaluation",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
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
                        ("person_id", IdField(generated=False, null=False, unique=False)),
                        ("period", fields.CharField(max_length=6)),
                        ("stars", fields.SmallIntField()),
                    ],
                    options={
                        "table": "community_evaluation",
                        "app": "linli",
                        "indexes": [SqlIndex(name="community_evaluation_of", columns="organization_id, period")],
                        "pk_attr": "id",
                        "table_description": "What a resident thinks of their community: 1 to 5 stars, once.",
                    },
                    bases=["Model"],
                ),
                ops.AddConstraint(
                    model_name="AssessmentScheme",
                    constraint=UniqueConstraint(
                        fields=("organization_id", "year", "version"), name="assessment_scheme_version"
                    ),
                ),
                ops.AddConstraint(
                    model_name="AssessmentScheme",
                    constraint=CheckConstraint(
                        check="residents_weight >= 20", name="assessment_scheme_residents_count"
                    ),
                ),
                ops.AddConstraint(
                    model_name="Assessment",
                    constraint=UniqueConstraint(fields=("organization_id", "period"), name="assessment_once"),
                ),
                ops.AddConstraint(
                    model_name="Assessment",
                    constraint=CheckConstraint(
                        check="(state = 'final') = (final_at IS NOT NULL)", name="assessment_final"
                    ),
                ),
                ops.AddConstraint(
                    model_name="Assessment",
                    constraint=CheckConstraint(
                        check="state NOT IN ('checked', 'notified', 'appealed', 'final') OR total IS NOT NULL",
                        name="assessment_has_a_total",
                    ),
                ),
                ops.AddConstraint(
                    model_name="AssessmentAdjustment",
                    constraint=CheckConstraint(
                        check="points <> 0 AND reason <> ''", name="assessment_adjustment_says_why"
                    ),
                ),
                ops.AddConstraint(
                    model_name="CommunityEvaluation",
                    constraint=UniqueConstraint(fields=("person_id", "period"), name="community_evaluation_once"),
                ),
                ops.AddConstraint(
                    model_name="CommunityEvaluation",
                    constraint=CheckConstraint(check="stars BETWEEN 1 AND 5", name="community_evaluation_stars"),
                ),
                *(ops.RunSQL(sql, undo) for sql, undo in REFUSE_CHANGES),
            ]
        )
    ]
