from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("linli", "0014_keys")]

    initial = False

    operations = [
        ops.AddField(model_name="Certificate", name="items", field=fields.JSONField(default=list, db_default="[]")),
    ]
