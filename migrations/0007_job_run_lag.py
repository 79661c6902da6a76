from tortoise import migrations
from tortoise.migrations import operations as ops

from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0006_personal_copy_indexes")]

    initial = False

    operations = [
        Together(
            [
                ops.RemoveField(model_name="JobRun", name="lag_seconds"),
                ops.AlterModelOptions(
                    name="JobRun",
                    options={
                        "table": "job_run",
                        "app": "linli",
                        "pk_attr": "id",
                        "table_description": "When a sweep last ran in any worker, how long it took, what came of it.",
                    },
                ),
            ]
        )
    ]
