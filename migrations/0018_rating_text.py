from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("linli", "0017_persons_by_name")]

    initial = False

    operations = [
        # A longer varchar: PostgreSQL rewrites nothing.
        ops.AlterField(model_name="ShiftRating", name="text", field=fields.CharField(default="", max_length=500)),
    ]
