from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from migrations._columns import SqlIndex
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0009_business")]

    initial = False

    operations = [
        Together(
            [
                ops.AddField(
                    model_name="Person",
                    name="cancelled_at",
                    field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ops.AddField(
                    model_name="Wish",
                    name="changed_at",
                    field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ops.AddIndex(
                    model_name="Wish",
                    index=SqlIndex(
                        name="wish_changed",
                        columns="changed_at, id",
                        where="state IN ('draft', 'refused', 'fulfilled', 'expired', 'withdrawn')",
                    ),
                ),
                ops.RunSQL(
                    "UPDATE wish SET changed_at = COALESCE(fulfilled_at, published_at, submitted_at, created_at)", ""
                ),
            ]
        )
    ]
