from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from migrations._columns import IdField, SqlIndex
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0019_console_sign_in")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="AnnouncementRead",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "announcement",
                            fields.ForeignKeyField(
                                "linli.Announcement",
                                source_field="announcement_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("person_id", IdField(generated=False, null=False, unique=False)),
                    ],
                    options={
                        "table": "announcement_read",
                        "app": "linli",
                        "indexes": [SqlIndex(name="announcement_read_person", columns="person_id, id")],
                        "pk_attr": "id",
                        "table_description": "Somebody opened an announcement, the first time that they did.",
                    },
                    bases=["Model"],
                ),
                ops.AddField(
                    model_name="Announcement",
                    name="picture_ids",
                    field=ArrayField(db_default=[], element_type="UUID"),
                ),
                ops.AddConstraint(
                    model_name="Announcement",
                    constraint=CheckConstraint(check="cardinality(picture_ids) <= 9", name="announcement_pictures"),
                ),
                ops.AddField(
                    model_name="Person",
                    name="grid_id",
                    field=IdField(null=True, generated=False, unique=False),
                ),
                ops.AddConstraint(
                    model_name="AnnouncementRead",
                    constraint=UniqueConstraint(fields=("announcement_id", "person_id"), name="announcement_read_once"),
                ),
            ]
        )
    ]
