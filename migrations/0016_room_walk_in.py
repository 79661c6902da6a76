from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("linli", "0015_certificate_items")]

    initial = False

    operations = [
        ops.AddField(
            model_name="RoomBooking", name="walk_in", field=fields.BooleanField(default=False, db_default=False)
        ),
    ]
