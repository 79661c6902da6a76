# ruff: noqa: E501
from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from migrations._columns import IdField, PointField, SqlIndex
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0027_console_keys")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="CaseCategory",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("code", fields.CharField(max_length=12)),
                        ("kind", fields.CharField(max_length=8)),
                        ("name", fields.CharField(max_length=40)),
                        (
                            "parent",
                            fields.ForeignKeyField(
                                "linli.CaseCategory",
                                source_field="parent_id",
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("version", fields.IntField(default=1)),
                    ],
                    options={
                        "table": "case_category",
                        "app": "linli",
                        "pk_attr": "id",
                        "table_description": "What a case can be about: a tree by `parent`, of which the leaves have standards. `code` is the city's own, as in",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="CaseStandard",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "category",
                            fields.ForeignKeyField(
                                "linli.CaseCategory",
                                source_field="category_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("number", fields.IntField()),
                        ("file_when", fields.CharField(default="", max_length=200)),
                        ("close_when", fields.CharField(default="", max_length=200)),
                        ("responsible", fields.CharField(default="", max_length=100)),
                        ("file_minutes", fields.IntField()),
                        ("dispatch_minutes", fields.IntField()),
                        ("accept_minutes", fields.IntField()),
                        ("amount", fields.IntField()),
                        ("pace", fields.CharField(max_length=16)),
                        ("answer_amount", fields.IntField()),
                        ("answer_pace", fields.CharField(max_length=16)),
                        ("needs_photos", fields.BooleanField(default=False)),
                        ("edited_by_id", IdField(null=True, generated=False, unique=False)),
                    ],
                    options={
                        "table": "case_standard",
                        "app": "linli",
                        "pk_attr": "id",
                        "table_description": "What counts for the cases of a category, in its `number`th version; a case keeps the one in force when it was",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="GridCase",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "reporter",
                            fields.ForeignKeyField(
                                "linli.Person",
                                source_field="reporter_id",
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("recorded_by_id", IdField(null=True, generated=False, unique=False)),
                        ("source", fields.CharField(max_length=8)),
                        ("contact", fields.BinaryField(null=True)),
                        ("shares_contact", fields.BooleanField(default=False)),
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
                        (
                            "grid",
                            fields.ForeignKeyField(
                                "linli.Organization",
                                source_field="grid_id",
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "keeper",
                            fields.ForeignKeyField(
                                "linli.Organization",
                                source_field="keeper_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "handler",
                            fields.ForeignKeyField(
                                "linli.Organization",
                                source_field="handler_id",
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "responsible",
                            fields.ForeignKeyField(
                                "linli.Organization",
                                source_field="responsible_id",
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "holder",
                            fields.ForeignKeyField(
                                "linli.Organization",
                                source_field="holder_id",
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "category",
                            fields.ForeignKeyField(
                                "linli.CaseCategory",
                                source_field="category_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "standard",
                            fields.ForeignKeyField(
                                "linli.CaseStandard",
                                source_field="standard_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("state", fields.CharField(max_length=12)),
                        ("is_private", fields.BooleanField(default=False)),
                        ("is_shown", fields.BooleanField(default=False)),
                        ("text", fields.CharField(max_length=1000)),
                        ("place", fields.CharField(default="", max_length=100)),
                        ("location", PointField(null=True, generated=False, unique=False)),
                        (
                            "building",
                            fields.ForeignKeyField(
                                "linli.Organization",
                                source_field="building_id",
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("picture_ids", ArrayField(element_type="UUID")),
                        ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("stage_due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("answer_due_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("filed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("accepted_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("answered_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("checked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("close_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("closed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("outcome", fields.CharField(null=True, max_length=12)),
                        ("answer", fields.CharField(default="", max_length=1000)),
                        ("answer_picture_ids", ArrayField(element_type="UUID")),
                        ("asked", fields.CharField(null=True, max_length=12)),
                        ("asked_amount", fields.IntField(null=True)),
                        ("asked_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("asked_by_id", IdField(null=True, generated=False, unique=False)),
                        ("asked_reason", fields.CharField(default="", max_length=200)),
                        ("extensions", fields.SmallIntField(default=0)),
                        ("suspensions", fields.SmallIntField(default=0)),
                        ("suspended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("resume_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("reopenings", fields.SmallIntField(default=0)),
                        (
                            "merged_into",
                            fields.ForeignKeyField(
                                "linli.GridCase",
                                source_field="merged_into_id",
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("reached", fields.BooleanField(null=True)),
                        ("solved", fields.BooleanField(null=True)),
                        ("stars", fields.SmallIntField(null=True)),
                        ("rating_text", fields.CharField(default="", max_length=500)),
                        ("rated_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("changed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "grid_case",
                        "app": "linli",
                        "indexes": [
                            SqlIndex(
                                name="grid_case_holder",
                                columns="holder_id, stage_due_at, id",
                                where="holder_id IS NOT NULL",
                            ),
                            SqlIndex(name="grid_case_community", columns="community_id, id"),
                            SqlIndex(name="grid_case_state", columns="state, id"),
                            SqlIndex(name="grid_case_grid", columns="grid_id, id", where="grid_id IS NOT NULL"),
                            SqlIndex(
                                name="grid_case_building", columns="building_id, id", where="building_id IS NOT NULL"
                            ),
                            SqlIndex(name="grid_case_community_state", columns="community_id, state, id"),
                            SqlIndex(
                                name="grid_case_handler", columns="handler_id, id", where="handler_id IS NOT NULL"
                            ),
                            SqlIndex(
                                name="grid_case_reporter", columns="reporter_id, id", where="reporter_id IS NOT NULL"
                            ),
                            SqlIndex(
                                name="grid_case_public",
                                columns="community_id, id",
                                where="is_shown AND NOT is_private AND state NOT IN ('refused', 'merged')",
                            ),
                            SqlIndex(
                                name="grid_case_nearby",
                                columns="location",
                                method="gist",
                                where="is_shown AND NOT is_private AND state IN ('reported', 'filed', 'dispatched', 'handling', 'suspended', 'answered')",
                            ),
                            SqlIndex(name="grid_case_to_close", columns="close_at, id", where="close_at IS NOT NULL"),
                            SqlIndex(
                                name="grid_case_to_resume", columns="resume_at, id", where="resume_at IS NOT NULL"
                            ),
                            SqlIndex(
                                name="grid_case_contact",
                                columns="changed_at, id",
                                where="contact IS NOT NULL AND holder_id IS NULL",
                            ),
                            SqlIndex(
                                name="grid_case_merged_into",
                                columns="merged_into_id",
                                where="merged_into_id IS NOT NULL",
                            ),
                            SqlIndex(name="grid_case_figures", columns="community_id, created_at"),
                        ],
                        "pk_attr": "id",
                        "table_description": "A matter that somebody reported.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="GridCaseFollower",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "case",
                            fields.ForeignKeyField(
                                "linli.GridCase",
                                source_field="case_id",
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
                        ("told_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "grid_case_follower",
                        "app": "linli",
                        "indexes": [
                            SqlIndex(
                                name="grid_case_follower_once",
                                columns="case_id, person_id",
                                where="ended_at IS NULL",
                                unique=True,
                            ),
                            SqlIndex(name="grid_case_follower_person", columns="person_id, id"),
                        ],
                        "pk_attr": "id",
                        "table_description": "Somebody who met the same 我也遇到; told once when there is an answer. It ends, and is kept.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="GridCaseStep",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "case",
                            fields.ForeignKeyField(
                                "linli.GridCase",
                                source_field="case_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("action", fields.CharField(max_length=20)),
                        ("from_state", fields.CharField(max_length=12)),
                        ("to_state", fields.CharField(max_length=12)),
                        ("by_id", IdField(null=True, generated=False, unique=False)),
                        (
                            "organization",
                            fields.ForeignKeyField(
                                "linli.Organization",
                                source_field="organization_id",
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("due_from", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("due_to", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("words", fields.CharField(default="", max_length=1000)),
                        ("picture_ids", ArrayField(element_type="UUID")),
                        ("minutes", fields.IntField(null=True)),
                    ],
                    options={
                        "table": "grid_case_step",
                        "app": "linli",
                        "indexes": [
                            SqlIndex(name="grid_case_step_case", columns="case_id, id"),
                            SqlIndex(name="grid_case_step_by", columns="by_id, id", where="by_id IS NOT NULL"),
                        ],
                        "pk_attr": "id",
                        "table_description": "One step of a case's time line: never changed. `by_id` did it, for `organization`, until `due_at` if in time.",
                    },
                    bases=["Model"],
                ),
                ops.AddConstraint(
                    model_name="CaseCategory",
                    constraint=UniqueConstraint(fields=("code",), name="case_category_code"),
                ),
                ops.AddConstraint(
                    model_name="CaseStandard",
                    constraint=UniqueConstraint(fields=("category_id", "number"), name="case_standard_once"),
                ),
                ops.AddConstraint(
                    model_name="CaseStandard",
                    constraint=CheckConstraint(
                        check="file_minutes > 0 AND dispatch_minutes > 0 AND accept_minutes > 0 AND amount > 0 AND answer_amount > 0",
                        name="case_standard_positive",
                    ),
                ),
                ops.AddConstraint(
                    model_name="GridCase",
                    constraint=CheckConstraint(
                        check="(state IN ('reported', 'filed', 'dispatched', 'handling', 'suspended', 'answered')) = (holder_id IS NOT NULL)",
                        name="grid_case_has_one_holder",
                    ),
                ),
                ops.AddConstraint(
                    model_name="GridCase",
                    constraint=CheckConstraint(
                        check="state NOT IN ('dispatched', 'handling', 'suspended') OR (handler_id IS NOT NULL AND holder_id = handler_id)",
                        name="grid_case_handler_holds",
                    ),
                ),
                ops.AddConstraint(
                    model_name="GridCase",
                    constraint=CheckConstraint(
                        check="state NOT IN ('reported', 'filed', 'answered') OR holder_id = keeper_id",
                        name="grid_case_keeper_holds",
                    ),
                ),
                ops.AddConstraint(
                    model_name="GridCase",
                    constraint=CheckConstraint(
                        check="state NOT IN ('answered', 'checked', 'closed') OR (outcome IS NOT NULL AND answer <> '')",
                        name="grid_case_has_answer",
                    ),
                ),
                ops.AddConstraint(
                    model_name="GridCase",
                    constraint=CheckConstraint(
                        check="(state = 'merged') = (merged_into_id IS NOT NULL)", name="grid_case_merged"
                    ),
                ),
                ops.AddConstraint(
                    model_name="GridCase",
                    constraint=CheckConstraint(
                        check="(state = 'suspended') = (resume_at IS NOT NULL)", name="grid_case_suspended"
                    ),
                ),
                ops.AddConstraint(
                    model_name="GridCase",
                    constraint=CheckConstraint(
                        check="(holder_id IS NULL) = (stage_due_at IS NULL)", name="grid_case_holder_has_time"
                    ),
                ),
                ops.AddConstraint(
                    model_name="GridCase",
                    constraint=CheckConstraint(check="extensions <= 2 AND suspensions <= 1", name="grid_case_delays"),
                ),
                ops.AddConstraint(
                    model_name="GridCase",
                    constraint=CheckConstraint(check="cardinality(picture_ids) <= 6", name="grid_case_pictures"),
                ),
                ops.AddConstraint(
                    model_name="GridCase",
                    constraint=CheckConstraint(check="stars BETWEEN 1 AND 5", name="grid_case_stars"),
                ),
                ops.AddConstraint(
                    model_name="GridCaseStep",
                    constraint=CheckConstraint(
                        check="due_from IS NULL OR due_from IS NOT DISTINCT FROM due_to OR words <> ''",
                        name="grid_case_step_says_why",
                    ),
                ),
            ]
        )
    ]
