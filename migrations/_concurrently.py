from typing import Any

from tortoise.migrations.operations import AddIndex
from tortoise.migrations.schema_editor import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State


class AddIndexConcurrently(AddIndex):
    """An index on a table that has rows, while others go on writing to it. In a migration of its own with
    `atomic = False`: PostgreSQL builds so outside of transactions alone, and where that was cut off it begins anew."""

    atomic = False

    async def database_forward(
        self,
        app_label: str,
        old_state: State,  # noqa: ARG002
        new_state: State,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        if state_editor is None:
            return
        model = new_state.apps.get_model(f"{app_label}.{self.model_name}")
        generator: Any = state_editor  # which an index in SQL does not look at
        sql = self.index.get_sql(generator, model, False)
        # What a build that was cut off leaves is invalid, and in the way.
        await state_editor.client.execute_script(f'DROP INDEX CONCURRENTLY IF EXISTS "{self.index.name}"')
        await state_editor.client.execute_script(sql.replace("INDEX ", "INDEX CONCURRENTLY ", 1))
