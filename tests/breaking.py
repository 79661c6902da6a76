"""Rows that cannot be done."""

from types import ModuleType
from typing import Any

import pytest


def break_once(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str) -> None:
    """The module's function raises the first time that it is called."""
    function, calls = getattr(module, name), 0

    async def breaks_once(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ZeroDivisionError
        return await function(*arguments, **options)

    monkeypatch.setattr(module, name, breaks_once)
