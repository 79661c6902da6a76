from tortoise import migrations

from migrations._columns import SqlIndex
from migrations._concurrently import AddIndexConcurrently


class Migration(migrations.Migration):
    dependencies = [("linli", "0016_room_walk_in")]

    initial = False
    atomic = False

    operations = [
        AddIndexConcurrently(
            model_name="PersonDetails",
            index=SqlIndex(name="person_details_name", columns="real_name_index"),
        ),
    ]
