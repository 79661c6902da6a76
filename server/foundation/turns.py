"""Taking turns: how much of one's own goes on at the same time in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from server.foundation.errors import TooManyRequests


class _Line:
    """Those who came for one key, the first of whom go on."""

    def __init__(self, at_once: int) -> None:
        self.turn = asyncio.Semaphore(at_once)
        self.length = 0


class Turns:
    """Of each key `at_once` go on at a time, in the order in which they came, and `most` wait at most."""

    def __init__(self, at_once: int, most: int) -> None:
        self._at_once, self._most = at_once, at_once + most
        self._lines: WeakValueDictionary[str, _Line] = WeakValueDictionary()

    @asynccontextmanager
    async def take(self, key: str) -> AsyncIterator[None]:
        """Wait for one's turn. Raises TooManyRequests where too many wait already."""
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line(self._at_once)
        if line.length >= self._most:
            raise TooManyRequests(retry_after=5)
        line.length += 1
        try:
            async with line.turn:
                yield
        finally:
            line.length -= 1
