from tortoise import migrations

from migrations._columns import SqlIndex
from migrations._concurrently import AddIndexConcurrently


class Migration(migrations.Migration):
    dependencies = [("linli", "0030_replies")]

    initial = False

    atomic = False

    operations = [
        AddIndexConcurrently(
            model_name="GridCase",
            index=SqlIndex(name="grid_case_partner", columns="partner_id, id", where="partner_id IS NOT NULL"),
        ),
    ]
