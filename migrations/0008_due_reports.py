from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import UniqueConstraint

from migrations._columns import IdField, SqlIndex
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0007_job_run_lag")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="DueReport",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "membership",
                            fields.ForeignKeyField(
                                "linli.Membership",
                                source_field="membership_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "community",
                            fields.ForeignKeyField(
                                "linli.Organization",
                                source_field="community_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("period", fields.CharField(max_length=6)),
                        ("frozen_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "due_report",
                        "app": "linli",
                        "indexes": [
                            SqlIndex(name="due_report_to_freeze", columns="created_at, id", where="frozen_at IS NULL"),
                            SqlIndex(
                                name="due_report_to_tell",
                                columns="frozen_at, community_id",
                                where="frozen_at IS NOT NULL",
                            ),
                            SqlIndex(name="due_report_community", columns="community_id, period"),
                        ],
                        "pk_attr": "id",
                        "table_description": "A report that is to be frozen, or its community to be told.",
                    },
                    bases=["Model"],
                ),
                ops.AlterModelOptions(
                    name="PeriodRun",
                    options={
                        "table": "period_run",
                        "app": "linli",
                        "constraints": [UniqueConstraint(fields=("kind", "period"), name="period_run_once")],
                        "pk_attr": "id",
                        "table_description": "A month or half-year that is over.",
                    },
                ),
                # A run under way had told nobody yet: of what it has frozen, its communities are still to be told.
                ops.RunSQL(
                    "INSERT INTO due_report (id, created_at, membership_id, community_id, period, frozen_at) "
                    "SELECT gen_random_uuid(), r.frozen_at, r.membership_id, r.community_id, r.period, r.frozen_at "
                    "FROM half_year_report r JOIN period_run p ON p.period = r.period "
                    "WHERE p.kind = 'reports' AND p.finished_at IS NULL",
                    "",
                ),
                # What of a period was missed is made again, as rows.
                ops.RunSQL("UPDATE period_run SET finished_at = NULL WHERE missed IS NOT NULL", ""),
                ops.RemoveField(model_name="PeriodRun", name="after_id"),
                ops.RemoveField(model_name="PeriodRun", name="made"),
                ops.RemoveField(model_name="PeriodRun", name="missed"),
                ops.AddField(
                    model_name="PostMonth",
                    name="credited_at",
                    field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ops.RunSQL("UPDATE post_month SET credited_at = created_at", ""),
                ops.AddIndex(
                    model_name="PostMonth",
                    index=SqlIndex(name="post_month_to_credit", columns="created_at, id", where="credited_at IS NULL"),
                ),
                ops.AddConstraint(
                    model_name="DueReport",
                    constraint=UniqueConstraint(fields=("membership_id", "period"), name="due_report_one_per_period"),
                ),
            ]
        )
    ]
