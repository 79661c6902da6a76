from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from migrations._columns import IdField, SqlIndex
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0029_case_partners")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="Reply",
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
                        ("operation", fields.CharField(max_length=64)),
                        ("text", fields.CharField(max_length=500)),
                    ],
                    options={
                        "table": "reply",
                        "app": "linli",
                        "indexes": [SqlIndex(name="reply_organization", columns="organization_id, operation, id")],
                        "pk_attr": "id",
                    },
                    bases=["Model"],
                ),
            ]
        )
    ]
