from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import UniqueConstraint

from migrations._columns import IdField, SqlIndex
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0021_residents_of_grids")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="ServiceVisitor",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "service",
                            fields.ForeignKeyField(
                                "linli.Service",
                                source_field="service_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("person_id", IdField(generated=False, null=False, unique=False)),
                        ("named_by_id", IdField(generated=False, null=False, unique=False)),
                    ],
                    options={
                        "table": "service_visitor",
                        "app": "linli",
                        "indexes": [SqlIndex(name="service_visitor_person", columns="person_id, id")],
                        "pk_attr": "id",
                    },
                    bases=["Model"],
                ),
                ops.AddConstraint(
                    model_name="ServiceVisitor",
                    constraint=UniqueConstraint(fields=("service_id", "person_id"), name="service_visitor_once"),
                ),
            ]
        )
    ]
