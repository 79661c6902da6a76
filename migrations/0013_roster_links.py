from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from migrations._columns import IdField, SqlIndex
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0012_wish_terms")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="RosterLink",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "entry",
                            fields.ForeignKeyField(
                                "linli.Person",
                                source_field="entry_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "person",
                            fields.ForeignKeyField(
                                "linli.Person",
                                source_field="person_id",
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
                        ("state", fields.CharField(max_length=12)),
                        ("decided_by_id", IdField(null=True, generated=False, unique=False)),
                        ("decided_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "roster_link",
                        "app": "linli",
                        "indexes": [
                            SqlIndex(
                                name="roster_link_waiting", columns="organization_id, id", where="state = 'waiting'"
                            ),
                            SqlIndex(name="roster_link_person", columns="person_id, id"),
                            SqlIndex(
                                name="roster_link_decided_at", columns="decided_at", where="decided_at IS NOT NULL"
                            ),
                        ],
                        "pk_attr": "id",
                        "table_description": "Whoever signed in would be this entry of a roster, a member's: "
                        "staff ask the person first.",
                    },
                    bases=["Model"],
                ),
                ops.AddField(
                    model_name="PersonDetails",
                    name="name_verified_at",
                    field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ops.AddConstraint(
                    model_name="RosterLink",
                    constraint=UniqueConstraint(fields=("entry_id", "person_id"), name="roster_link_once"),
                ),
                ops.AddConstraint(
                    model_name="RosterLink",
                    constraint=CheckConstraint(
                        check="(state = 'waiting') = (decided_at IS NULL)", name="roster_link_decided"
                    ),
                ),
                # Staff wrote these names themselves.
                ops.RunSQL(
                    "UPDATE person_details d SET name_verified_at = p.created_at FROM person p "
                    "WHERE p.id = d.person_id AND p.origin IN ('roster', 'walk_in') AND d.real_name IS NOT NULL",
                    "",
                ),
            ]
        )
    ]
