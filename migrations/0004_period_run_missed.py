import functools
from json import dumps, loads

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0003_guards")]

    initial = False

    operations = [
        Together(
            [
                ops.AddField(
                    model_name="PeriodRun",
                    name="missed",
                    field=fields.JSONField(
                        null=True, encoder=functools.partial(dumps, separators=(",", ":")), decoder=loads
                    ),
                ),
            ]
        )
    ]
