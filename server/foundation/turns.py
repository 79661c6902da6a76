"""Taking turns: how much of one's own goes on at the same time in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from server.foundation.errors import Busy, TooManyRequests


class _Line:
    """Those who came for one key, the first of whom go on."""

    def __init__(self, at_once: int) -> None:
        self.turn = asyncio.Semaphore(at_once)
        self.length = 0


class Turns:
    """Of each key `at_once` go on at a time, in the order in which they came; `most` wait at most, and for `seconds`
    at most where that is given."""

    def __init__(self, at_once: int, most: int, seconds: float | None = None) -> None:
        self._at_once, self._most, self._seconds = at_once, at_once + most, seconds
        self._lines: WeakValueDictionary[str, _Line] = WeakValueDictionary()

    @asynccontextmanager
    async def take(self, key: str) -> AsyncIterator[None]:
        """Wait for one's turn. Raises TooManyRequests where too many wait already, Busy where it takes too long."""
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line(self._at_once)
        if line.length >= self._most:
            raise TooManyRequests(retry_after=5)
        line.length += 1
        try:
            try:
                async with asyncio.timeout(self._seconds):
                    await line.turn.acquire()
            except TimeoutError:
                raise Busy() from None
            try:
                yield
            finally:
                line.turn.release()
        finally:
            line.length -= 1
