# ruff: noqa: E501
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import UniqueConstraint

from migrations._columns import IdField, SqlIndex
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0028_grid_cases")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="CasePartner",
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
                        ("name", fields.CharField(max_length=40)),
                        ("key_hash", fields.BinaryField()),
                        ("webhook_url", fields.CharField(default="", max_length=300)),
                        ("secret", fields.BinaryField()),
                        ("created_by_id", IdField(generated=False, null=False, unique=False)),
                        ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "case_partner",
                        "app": "linli",
                        "indexes": [SqlIndex(name="case_partner_organization", columns="organization_id, id")],
                        "pk_attr": "id",
                        "table_description": "Another platform (a hotline, the district's) that reads and files cases of an organization and all below it, by a",
                    },
                    bases=["Model"],
                ),
                ops.AddField(
                    model_name="GridCase",
                    name="partner",
                    field=fields.ForeignKeyField(
                        "linli.CasePartner",
                        source_field="partner_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ops.AddConstraint(
                    model_name="CasePartner",
                    constraint=UniqueConstraint(fields=("key_hash",), name="case_partner_key"),
                ),
            ]
        )
    ]
