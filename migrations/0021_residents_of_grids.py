from tortoise import migrations

from migrations._columns import SqlIndex
from migrations._concurrently import AddIndexConcurrently


class Migration(migrations.Migration):
    dependencies = [("linli", "0020_announcements_of_grids")]

    initial = False
    atomic = False

    operations = [
        AddIndexConcurrently(
            model_name="Person",
            index=SqlIndex(name="person_grid", columns="grid_id, id", where="grid_id IS NOT NULL"),
        ),
    ]
