from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from migrations._columns import IdField
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0022_service_visitors")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="ActivityRecap",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "activity",
                            fields.ForeignKeyField(
                                "linli.Activity",
                                source_field="activity_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("text", fields.CharField(default="", max_length=2000)),
                        ("picture_ids", ArrayField(default=list, element_type="uuid")),
                        ("is_shown", fields.BooleanField(default=False)),
                        ("edited_by_id", IdField(generated=False, null=False, unique=False)),
                        ("edited_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("version", fields.IntField(default=0)),
                    ],
                    options={
                        "table": "activity_recap",
                        "app": "linli",
                        "pk_attr": "id",
                        "table_description": "What was, told afterwards in words and photos.",
                    },
                    bases=["Model"],
                ),
                ops.AddConstraint(
                    model_name="ActivityRecap",
                    constraint=UniqueConstraint(fields=("activity_id",), name="activity_recap_once"),
                ),
                ops.AddConstraint(
                    model_name="ActivityRecap",
                    constraint=CheckConstraint(check="cardinality(picture_ids) <= 18", name="activity_recap_pictures"),
                ),
            ]
        )
    ]
