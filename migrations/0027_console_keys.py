from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from migrations._columns import IdField, SqlIndex
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0026_statistics_of_words")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="ConsolePasskey",
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
                                on_delete=OnDelete.CASCADE,
                            ),
                        ),
                        ("credential_id", fields.BinaryField()),
                        ("public_key", fields.BinaryField()),
                        ("sign_count", fields.BigIntField(default=0)),
                        ("name", fields.CharField(max_length=30)),
                        ("used_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "console_passkey",
                        "app": "linli",
                        "indexes": [
                            SqlIndex(name="console_passkey_credential", columns="credential_id", unique=True),
                            SqlIndex(name="console_passkey_person", columns="person_id, id"),
                        ],
                        "pk_attr": "id",
                    },
                    bases=["Model"],
                ),
                ops.CreateModel(
                    name="ConsolePassword",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        (
                            "person",
                            fields.OneToOneField(
                                "linli.Person",
                                source_field="person_id",
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.CASCADE,
                            ),
                        ),
                        ("password_hash", fields.BinaryField()),
                        ("secret", fields.BinaryField()),
                        ("used_step", fields.BigIntField(default=0)),
                        ("wrong", fields.SmallIntField(default=0)),
                        ("closed_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "console_password",
                        "app": "linli",
                        "pk_attr": "id",
                    },
                    bases=["Model"],
                ),
            ]
        )
    ]
