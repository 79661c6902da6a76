from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from migrations._columns import IdField, SqlIndex
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0008_due_reports")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="MergeProposal",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "from_person",
                            fields.ForeignKeyField(
                                "linli.Person",
                                source_field="from_person_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "into_person",
                            fields.ForeignKeyField(
                                "linli.Person",
                                source_field="into_person_id",
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
                        ("proposed_by_id", IdField(generated=False, null=False, unique=False)),
                        ("state", fields.CharField(max_length=12)),
                        ("lapses_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("from_confirmed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("into_confirmed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "merge_proposal",
                        "app": "linli",
                        "indexes": [
                            SqlIndex(
                                name="merge_proposal_open",
                                columns="LEAST(from_person_id, into_person_id), "
                                "GREATEST(from_person_id, into_person_id)",
                                where="state = 'proposed'",
                                unique=True,
                            ),
                            SqlIndex(name="merge_proposal_from", columns="from_person_id, id"),
                            SqlIndex(name="merge_proposal_into", columns="into_person_id, id"),
                            SqlIndex(name="merge_proposal_due", columns="lapses_at, id", where="state = 'proposed'"),
                            SqlIndex(name="merge_proposal_ended_at", columns="ended_at", where="ended_at IS NOT NULL"),
                        ],
                        "pk_attr": "id",
                        "table_description": "Staff hold two persons for one; until `lapses_at` each may say so.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="Registration",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
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
                        ("registered_by_id", IdField(generated=False, null=False, unique=False)),
                    ],
                    options={
                        "table": "registration",
                        "app": "linli",
                        "pk_attr": "id",
                        "table_description": "Somebody was registered at a counter 现场登记: they have business there.",
                    },
                    bases=["Model"],
                ),
                ops.AddConstraint(
                    model_name="MergeProposal",
                    constraint=CheckConstraint(check="from_person_id <> into_person_id", name="merge_proposal_of_two"),
                ),
                ops.AddConstraint(
                    model_name="MergeProposal",
                    constraint=CheckConstraint(
                        check="(state = 'proposed') = (ended_at IS NULL)", name="merge_proposal_ended"
                    ),
                ),
                ops.AddConstraint(
                    model_name="Registration",
                    constraint=UniqueConstraint(fields=("person_id", "organization_id"), name="registration_once"),
                ),
                ops.AddField(model_name="Team", name="code_number", field=fields.IntField(default=1, db_default=1)),
                # Who was registered at a counter before keeps their business there.
                ops.RunSQL(
                    "INSERT INTO registration (id, created_at, person_id, organization_id, registered_by_id) "
                    "SELECT DISTINCT ON (a.person_id, a.organization_id) a.id, a.created_at, a.person_id, "
                    "a.organization_id, a.actor_id FROM audit_entry a JOIN person p ON p.id = a.person_id "
                    "JOIN organization o ON o.id = a.organization_id "
                    "WHERE a.action = 'register_walk_in' AND a.actor_id IS NOT NULL AND p.merged_into_id IS NULL "
                    "ORDER BY a.person_id, a.organization_id, a.id",
                    reverse_sql="",
                ),
            ]
        )
    ]
