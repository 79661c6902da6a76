from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from migrations._columns import IdField, SqlIndex
from migrations._meetings import REFUSE_CHANGES
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0037_claims")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="JointMeeting",
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
                        ("title", fields.CharField(max_length=60)),
                        ("place", fields.CharField(max_length=100)),
                        ("starts_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("topics_until", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("notice_days", fields.SmallIntField()),
                        ("state", fields.CharField(max_length=12)),
                        ("reason", fields.CharField(default="", max_length=200)),
                        ("changed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "joint_meeting",
                        "app": "linli",
                        "indexes": [
                            SqlIndex(name="joint_meeting_of", columns="organization_id, id"),
                            SqlIndex(
                                name="joint_meeting_at_work", columns="state, id", where="state IN ('invited', 'open')"
                            ),
                        ],
                        "pk_attr": "id",
                        "table_description": "One meeting.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="MeetingMember",
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
                        ("kind", fields.CharField(max_length=20)),
                        ("title", fields.CharField(max_length=40)),
                        (
                            "unit",
                            fields.ForeignKeyField(
                                "linli.Organization",
                                source_field="unit_id",
                                null=True,
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
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("starts_on", fields.DateField()),
                        ("ends_on", fields.DateField(null=True)),
                        ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "meeting_member",
                        "app": "linli",
                        "indexes": [
                            SqlIndex(name="meeting_member_of", columns="organization_id, id"),
                            SqlIndex(
                                name="meeting_member_unit",
                                columns="organization_id, unit_id",
                                where="ended_at IS NULL AND unit_id IS NOT NULL",
                                unique=True,
                            ),
                            SqlIndex(
                                name="meeting_member_person",
                                columns="organization_id, person_id",
                                where="ended_at IS NULL AND person_id IS NOT NULL",
                                unique=True,
                            ),
                            SqlIndex(name="meeting_member_of_unit", columns="unit_id", where="unit_id IS NOT NULL"),
                            SqlIndex(
                                name="meeting_member_of_person", columns="person_id", where="person_id IS NOT NULL"
                            ),
                        ],
                        "pk_attr": "id",
                        "table_description": "A seat in the joint meetings of an organization.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="MeetingInvitation",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "meeting",
                            fields.ForeignKeyField(
                                "linli.JointMeeting",
                                source_field="meeting_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "member",
                            fields.ForeignKeyField(
                                "linli.MeetingMember",
                                source_field="member_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("is_coming", fields.BooleanField(null=True)),
                        ("reason", fields.CharField(default="", max_length=200)),
                        ("attended", fields.BooleanField(default=False)),
                    ],
                    options={
                        "table": "meeting_invitation",
                        "app": "linli",
                        "indexes": [SqlIndex(name="meeting_invitation_member", columns="member_id, meeting_id")],
                        "pk_attr": "id",
                        "table_description": "A member at a meeting.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="MeetingMinutes",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "meeting",
                            fields.ForeignKeyField(
                                "linli.JointMeeting",
                                source_field="meeting_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("number", fields.SmallIntField()),
                        ("text", fields.TextField(unique=False)),
                        ("by_id", IdField(generated=False, null=False, unique=False)),
                        ("approved_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                        ("decided_by_id", IdField(null=True, generated=False, unique=False)),
                    ],
                    options={
                        "table": "meeting_minutes",
                        "app": "linli",
                        "indexes": [
                            SqlIndex(
                                name="meeting_minutes_approved",
                                columns="meeting_id",
                                where="approved_at IS NOT NULL",
                                unique=True,
                            )
                        ],
                        "pk_attr": "id",
                        "table_description": "A version of a meeting's minutes.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="MeetingResolution",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "meeting",
                            fields.ForeignKeyField(
                                "linli.JointMeeting",
                                source_field="meeting_id",
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
                        (
                            "owner",
                            fields.ForeignKeyField(
                                "linli.MeetingMember",
                                source_field="owner_id",
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("text", fields.CharField(max_length=500)),
                        ("due_on", fields.DateField()),
                        ("state", fields.CharField(max_length=12)),
                        ("result", fields.CharField(default="", max_length=1000)),
                        ("changed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "meeting_resolution",
                        "app": "linli",
                        "indexes": [
                            SqlIndex(name="meeting_resolution_of", columns="organization_id, id"),
                            SqlIndex(
                                name="meeting_resolution_open",
                                columns="organization_id, due_on",
                                where="state <> 'public'",
                            ),
                            SqlIndex(name="meeting_resolution_meeting", columns="meeting_id, id"),
                            SqlIndex(name="meeting_resolution_owner", columns="owner_id", where="owner_id IS NOT NULL"),
                        ],
                        "pk_attr": "id",
                        "table_description": "What a meeting resolved.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="MeetingResolutionStep",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "resolution",
                            fields.ForeignKeyField(
                                "linli.MeetingResolution",
                                source_field="resolution_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("action", fields.CharField(max_length=20)),
                        ("by_id", IdField(generated=False, null=False, unique=False)),
                        ("words", fields.CharField(default="", max_length=1000)),
                        ("due_from", fields.DateField(null=True)),
                        ("due_to", fields.DateField()),
                    ],
                    options={
                        "table": "meeting_resolution_step",
                        "app": "linli",
                        "indexes": [SqlIndex(name="meeting_resolution_step_of", columns="resolution_id, id")],
                        "pk_attr": "id",
                        "table_description": "A line of a resolution's history.",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="MeetingTopic",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "meeting",
                            fields.ForeignKeyField(
                                "linli.JointMeeting",
                                source_field="meeting_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "member",
                            fields.ForeignKeyField(
                                "linli.MeetingMember",
                                source_field="member_id",
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        (
                            "resolution",
                            fields.ForeignKeyField(
                                "linli.MeetingResolution",
                                source_field="resolution_id",
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.RESTRICT,
                            ),
                        ),
                        ("title", fields.CharField(max_length=60)),
                        ("text", fields.CharField(default="", max_length=1000)),
                        ("state", fields.CharField(max_length=12)),
                        ("reason", fields.CharField(default="", max_length=200)),
                    ],
                    options={
                        "table": "meeting_topic",
                        "app": "linli",
                        "indexes": [
                            SqlIndex(name="meeting_topic_of", columns="meeting_id, id"),
                            SqlIndex(
                                name="meeting_topic_resolution",
                                columns="meeting_id, resolution_id",
                                where="resolution_id IS NOT NULL",
                                unique=True,
                            ),
                        ],
                        "pk_attr": "id",
                        "table_description": "Something on the agenda, or proposed for it.",
                    },
                    bases=["Model"],
                ),
                ops.AddConstraint(
                    model_name="JointMeeting",
                    constraint=CheckConstraint(check="topics_until <= starts_at", name="joint_meeting_topics_first"),
                ),
                ops.AddConstraint(
                    model_name="JointMeeting",
                    constraint=CheckConstraint(
                        check="state <> 'cancelled' OR reason <> ''", name="joint_meeting_says_why"
                    ),
                ),
                ops.AddConstraint(
                    model_name="MeetingMember",
                    constraint=CheckConstraint(
                        check="ended_at IS NOT NULL OR num_nonnulls(unit_id, person_id) = 1",
                        name="meeting_member_is_one",
                    ),
                ),
                ops.AddConstraint(
                    model_name="MeetingMember",
                    constraint=CheckConstraint(
                        check="ends_on IS NULL OR ends_on >= starts_on", name="meeting_member_term"
                    ),
                ),
                ops.AddConstraint(
                    model_name="MeetingInvitation",
                    constraint=UniqueConstraint(fields=("meeting_id", "member_id"), name="meeting_invitation_once"),
                ),
                ops.AddConstraint(
                    model_name="MeetingMinutes",
                    constraint=UniqueConstraint(fields=("meeting_id", "number"), name="meeting_minutes_version"),
                ),
                ops.AddConstraint(
                    model_name="MeetingMinutes",
                    constraint=CheckConstraint(
                        check="decided_by_id IS NULL OR decided_by_id <> by_id", name="meeting_minutes_two"
                    ),
                ),
                ops.AddConstraint(
                    model_name="MeetingResolution",
                    constraint=CheckConstraint(
                        check="state = 'open' OR result <> ''", name="meeting_resolution_has_result"
                    ),
                ),
                ops.AddConstraint(
                    model_name="MeetingResolutionStep",
                    constraint=CheckConstraint(
                        check="due_from IS NULL OR due_from = due_to OR words <> ''",
                        name="meeting_resolution_step_says_why",
                    ),
                ),
                ops.AddConstraint(
                    model_name="MeetingTopic",
                    constraint=CheckConstraint(
                        check="state <> 'declined' OR reason <> ''", name="meeting_topic_says_why"
                    ),
                ),
                ops.AddConstraint(
                    model_name="MeetingTopic",
                    constraint=CheckConstraint(
                        check="resolution_id IS NULL OR state = 'accepted'", name="meeting_topic_overdue_stays"
                    ),
                ),
                *(ops.RunSQL(sql, undo) for sql, undo in REFUSE_CHANGES),
            ]
        )
    ]
