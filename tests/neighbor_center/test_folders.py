"""The folders of the neighbor center are read from the bottom up: none knows what stands above it."""

from tests.test_architecture import MODULES, own_imports

PACKAGE = "server.neighbor_center."
FOLDERS = ("venues", "opening", "bookings", "changes", "counters", "feedback", "statistics")
"""Lowest first."""


def rank(module: str) -> int:
    """Of its folder. What all have in common (errors, messages) lies below, what collects them all above."""
    folder, _, file = module.removeprefix(PACKAGE).partition(".")
    return FOLDERS.index(folder) if file else (-1 if folder in ("errors", "messages") else len(FOLDERS))


def test_no_folder_knows_what_stands_above_it() -> None:
    upwards = [
        f"{name} -> {imported}"
        for name in MODULES
        if name.startswith(PACKAGE)
        for imported in own_imports(name)
        if imported.startswith(PACKAGE) and imported.count(".") > 2 and rank(imported) > rank(name)
    ]
    assert upwards == []
