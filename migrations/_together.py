from unittest.mock import patch

from tortoise.migrations.operations import TortoiseOperation
from tortoise.migrations.schema_editor import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State


class Together(TortoiseOperation):
    """Many operations as one. Tortoise renders every model anew after each operation, which would make a migration of
    fifty tables take half a minute; here that happens once, after the last."""

    def __init__(self, operations: list[TortoiseOperation]) -> None:
        self.operations = operations

    def describe(self) -> str:
        return "; ".join(operation.describe() for operation in self.operations)

    def state_forward(self, app_label: str, state: State) -> None:
        with patch.object(state, "_reload"):
            for operation in self.operations:
                operation.state_forward(app_label, state)
        state._reload(set(state.models))

    async def database_forward(
        self, app_label: str, old_state: State, new_state: State, state_editor: BaseSchemaEditor | None = None
    ) -> None:
        for operation in self.operations:
            await operation.database_forward(app_label, old_state, new_state, state_editor)

    async def database_backward(
        self, app_label: str, old_state: State, new_state: State, state_editor: BaseSchemaEditor | None = None
    ) -> None:
        for operation in reversed(self.operations):
            await operation.database_backward(app_label, old_state, new_state, state_editor)
