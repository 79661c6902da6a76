from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint

from migrations._columns import IdField, SqlIndex
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0036_case_steps_by_time")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="ListClaim",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "entry",
                            fields.ForeignKeyField(
                                "linli.ListEntry",
                                source_field="entry_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "claimant",
                            fields.ForeignKeyField(
                                "linli.Organization",
                                source_field="claimant_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("pairing_id", IdField(generated=False, null=False, unique=False)),
                        ("quantity", fields.IntField()),
                        ("words", fields.CharField(default="", max_length=500)),
                        ("state", fields.CharField(max_length=12)),
                        ("is_match", fields.BooleanField(default=False)),
                        ("reason", fields.CharField(default="", max_length=200)),
                        ("proposed_by_id", IdField(generated=False, null=False, unique=False)),
                        ("lapses_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("decided_by_id", IdField(null=True, generated=False, unique=False)),
                        ("decided_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "list_claim",
                        "app": "linli",
                        "indexes": [
                            SqlIndex(
                                name="list_claim_one_open",
                                columns="entry_id, claimant_id",
                                where="state = 'proposed'",
                                unique=True,
                            ),
                            SqlIndex(name="list_claim_entry", columns="entry_id, id"),
                            SqlIndex(name="list_claim_claimant", columns="claimant_id, id"),
                            SqlIndex(name="list_claim_lapses", columns="lapses_at, id", where="state = 'proposed'"),
                            SqlIndex(name="list_claim_pairing", columns="pairing_id", where="state = 'proposed'"),
                        ],
                        "pk_attr": "id",
                        "table_description": "A part of an entry that somebody wants to take.",
                    },
                    bases=["Model"],
                ),
                ops.AddConstraint(
                    model_name="ListClaim",
                    constraint=CheckConstraint(check="quantity > 0", name="list_claim_quantity"),
                ),
                ops.AddConstraint(
                    model_name="ListClaim",
                    constraint=CheckConstraint(
                        check="(state = 'proposed') = (decided_at IS NULL)", name="list_claim_decided"
                    ),
                ),
            ]
        )
    ]
