"""Files that people download."""

from typing import NamedTuple


class File(NamedTuple):
    """A file's Chinese name and its bytes, which no log shows."""

    name: str
    content: bytes

    def __repr__(self) -> str:
        return "File(…)"
