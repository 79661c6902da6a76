"""How a package says what of its tables is in a person's copy of their data (accounts/personal_data.py reads it)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple


class Shown(NamedTuple):
    """A column of a sheet: its heading, the value's name in the row or what makes it of the row, its width in
    characters, and the words for its codes. Instants are shown by people's clocks, lists on one line."""

    heading: str
    value: str | Callable[[Any], Any]
    width: int = 16
    words: Mapping[Any, str] = {}


class Sealed(NamedTuple):
    """A column that is stored encrypted, and the context of its encryption."""

    heading: str
    value: str
    context: str
    width: int


class Named(NamedTuple):
    """A column with a person's id, shown as 本人, or as others see them: by a masked name."""

    heading: str
    value: str
    width: int = 16


class Copied:
    """One sheet of the copy.

    $1 of the SQL is the person, or what `of` finds for them; only its first rows are read, so it puts the latest
    first. What no SQL can say, `complete` adds to the rows, all at once.
    """

    def __init__(
        self,
        title: str,
        sql: str,
        *columns: Shown | Sealed | Named,
        of: Callable[[str], Awaitable[Any]] | None = None,
        complete: Callable[[Sequence[Any]], Awaitable[Sequence[Any]]] | None = None,
    ) -> None:
        self.title, self.sql, self.columns, self.of, self.complete = title, sql, columns, of, complete
