from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint

from migrations._columns import IdField, SqlIndex
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0034_blurred_pictures")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="ListEntry",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "owner",
                            fields.ForeignKeyField(
                                "linli.Organization",
                                source_field="owner_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "reviewer",
                            fields.ForeignKeyField(
                                "linli.Organization",
                                source_field="reviewer_id",
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("kind", fields.CharField(max_length=8)),
                        ("category", fields.CharField(max_length=16)),
                        ("title", fields.CharField(max_length=40)),
                        ("text", fields.CharField(max_length=1000)),
                        ("quantity", fields.IntField()),
                        ("measure", fields.CharField(max_length=8)),
                        ("accepted", fields.IntField(default=0)),
                        ("available_from", fields.DateField(null=True)),
                        ("available_until", fields.DateField(null=True)),
                        ("place", fields.CharField(default="", max_length=60)),
                        ("audience", fields.CharField(default="", max_length=60)),
                        ("contact", fields.BinaryField()),
                        ("period", fields.CharField(max_length=6)),
                        ("expires_on", fields.DateField()),
                        ("state", fields.CharField(max_length=8)),
                        ("reason", fields.CharField(default="", max_length=200)),
                        ("submitted_by_id", IdField(null=True, generated=False, unique=False)),
                        ("submitted_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("decided_by_id", IdField(null=True, generated=False, unique=False)),
                        ("opened_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("closed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("ended_by_id", IdField(null=True, generated=False, unique=False)),
                        ("renewed_from_id", IdField(null=True, generated=False, unique=False)),
                        ("version", fields.IntField(default=1)),
                    ],
                    options={
                        "table": "list_entry",
                        "app": "linli",
                        "indexes": [
                            SqlIndex(name="list_entry_owner", columns="owner_id, id"),
                            SqlIndex(
                                name="list_entry_reviewer", columns="reviewer_id, id", where="reviewer_id IS NOT NULL"
                            ),
                            SqlIndex(name="list_entry_to_review", columns="submitted_at, id", where="state = 'review'"),
                            SqlIndex(name="list_entry_expires", columns="expires_on, id", where="state <> 'closed'"),
                            SqlIndex(
                                name="list_entry_renewed_once",
                                columns="renewed_from_id",
                                where="renewed_from_id IS NOT NULL",
                                unique=True,
                            ),
                        ],
                        "pk_attr": "id",
                        "table_description": "One line of a list.",
                    },
                    bases=["Model"],
                ),
                ops.AddConstraint(
                    model_name="ListEntry",
                    constraint=CheckConstraint(check="accepted BETWEEN 0 AND quantity", name="list_entry_accepted"),
                ),
                ops.AddConstraint(
                    model_name="ListEntry",
                    constraint=CheckConstraint(check="quantity > 0", name="list_entry_quantity"),
                ),
                ops.AddConstraint(
                    model_name="ListEntry",
                    constraint=CheckConstraint(
                        check="state NOT IN ('review', 'open', 'matched') OR reviewer_id IS NOT NULL",
                        name="list_entry_has_reviewer",
                    ),
                ),
                ops.AddConstraint(
                    model_name="ListEntry",
                    constraint=CheckConstraint(
                        check="state NOT IN ('open', 'matched') OR (accepted = quantity) = (state = 'matched')",
                        name="list_entry_matched",
                    ),
                ),
                ops.AddConstraint(
                    model_name="ListEntry",
                    constraint=CheckConstraint(
                        check="(state = 'closed') = (closed_at IS NOT NULL)", name="list_entry_closed"
                    ),
                ),
            ]
        )
    ]
