from tortoise import migrations

from migrations._columns import SqlIndex
from migrations._concurrently import AddIndexConcurrently


class Migration(migrations.Migration):
    dependencies = [("linli", "0023_activity_recap")]

    initial = False
    atomic = False

    operations = [
        AddIndexConcurrently(
            model_name="Activity",
            index=SqlIndex(
                name="activity_past", columns="area_id, ends_at, id", where="state IN ('published', 'finished')"
            ),
        ),
    ]
