"""The line for the connections of the pool: whoever came first is served first, by request and not by statement.

So in a rush a request that has begun goes on ahead of those that have not: its answer is read right after its commit,
and who cannot be served in time is refused before anything of theirs has begun.
"""

import asyncio
import time
from contextvars import ContextVar
from heapq import heappop, heappush

from server.foundation.errors import Busy

WAIT_SECONDS = 10.0
MOST_WAITING = 4096
"""In one process. More are refused at once: they would wait in vain."""

_arrived_at: ContextVar[float] = ContextVar("arrived_at")


def arrive() -> None:
    """The request, or what else this task does from here on, comes now."""
    _arrived_at.set(time.monotonic())


class Line:
    """`room` places, and who waits for one."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._length = self._came = 0

    async def enter(self) -> None:
        """Wait for a place. Raises Busy where too many wait already, or it takes too long."""
        if self._room:
            self._room -= 1
            return
        if self._length >= MOST_WAITING:
            raise Busy()
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._came += 1
        heappush(self._waiting, (_arrived_at.get(time.monotonic()), self._came, place))
        self._length += 1
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await place
        except BaseException as error:
            if not place.cancelled():
                self.leave()  # It was given in the same moment.
            if isinstance(error, TimeoutError):
                raise Busy() from None
            raise
        finally:
            self._length -= 1

    def leave(self) -> None:
        """Give the place to whoever came first."""
        while self._waiting:
            *_, place = heappop(self._waiting)
            if not place.done():
                place.set_result(None)
                return
        self._room += 1

    def leave_later(self, seconds: float) -> None:
        """Close the place for a while."""
        asyncio.get_running_loop().call_later(seconds, self.leave)
