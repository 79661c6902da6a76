from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("linli", "0033_assessments")]

    initial = False

    operations = [
        ops.AddField(model_name="Picture", name="blurred_areas", field=fields.JSONField(null=True)),
    ]
