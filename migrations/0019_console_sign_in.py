from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from migrations._columns import IdField, SqlIndex
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0018_rating_text")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="ConsoleSignIn",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("nonce_hash", fields.BinaryField()),
                        ("number", fields.SmallIntField()),
                        ("browser", fields.CharField(max_length=120)),
                        ("address", fields.CharField(max_length=45)),
                        ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("wrong", fields.SmallIntField(default=0)),
                        (
                            "person",
                            fields.ForeignKeyField(
                                "linli.Person",
                                source_field="person_id",
                                null=True,
                                db_constraint=True,
                                to_field="id",
                                related_name=False,
                                on_delete=OnDelete.CASCADE,
                            ),
                        ),
                        ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                    ],
                    options={
                        "table": "console_sign_in",
                        "app": "linli",
                        "indexes": [
                            SqlIndex(name="console_sign_in_nonce", columns="nonce_hash", unique=True),
                            SqlIndex(name="console_sign_in_expiry", columns="expires_at"),
                            SqlIndex(
                                name="console_sign_in_person",
                                columns="person_id",
                                where="person_id IS NOT NULL",
                            ),
                        ],
                        "pk_attr": "id",
                        "table_description": "A browser that waits for a phone to let it into the console.",
                    },
                    bases=["Model"],
                ),
            ]
        )
    ]
