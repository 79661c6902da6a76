from tortoise import migrations

from migrations._columns import SqlIndex
from migrations._concurrently import AddIndexConcurrently


class Migration(migrations.Migration):
    dependencies = [("linli", "0035_lists")]

    initial = False

    atomic = False

    operations = [
        # What was done in a month, among years of steps.
        AddIndexConcurrently(
            model_name="GridCaseStep", index=SqlIndex(name="grid_case_step_at", columns="action, created_at")
        ),
    ]
