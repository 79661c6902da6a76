from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import UniqueConstraint

from migrations._columns import IdField
from migrations._reencrypting import REFUSE_CHANGE
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0013_roster_links")]

    initial = False

    operations = [
        Together(
            [
                ops.CreateModel(
                    name="KeyInUse",
                    fields=[
                        ("id", IdField(primary_key=True, unique=True, db_index=True, generated=False, null=False)),
                        ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                        ("purpose", fields.CharField(max_length=8)),
                        ("key_id", fields.CharField(max_length=64)),
                        ("fingerprint", fields.BinaryField()),
                    ],
                    options={
                        "table": "key_in_use",
                        "app": "linli",
                        "pk_attr": "id",
                        "table_description": "A key with which data here were made: to encrypt, or the one to index.",
                    },
                    bases=["Model"],
                ),
                ops.AddConstraint(
                    model_name="KeyInUse",
                    constraint=UniqueConstraint(fields=("purpose", "key_id"), name="key_in_use_once"),
                ),
                ops.RunSQL(REFUSE_CHANGE, ""),
            ]
        )
    ]
