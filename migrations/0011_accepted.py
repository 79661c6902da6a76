from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from migrations._columns import IdField
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0010_leaving")]

    initial = False

    operations = [
        Together(
            [
                ops.AddField(
                    model_name="Dependant",
                    name="accepted_at",
                    field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ops.AddField(
                    model_name="Dependant",
                    name="noted_by_id",
                    field=IdField(null=True, generated=False, unique=False),
                ),
                # Whom somebody looks after already, they go on looking after.
                ops.RunSQL("UPDATE dependant SET accepted_at = created_at", ""),
            ]
        )
    ]
