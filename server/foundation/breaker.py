"""A circuit breaker: what has failed to answer is left alone for a while, so that only the first ones wait for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from redis.exceptions import RedisError

log = structlog.get_logger()
AnswerT = TypeVar("AnswerT")

ANSWER_SECONDS = 0.2
"""How long anybody waits for an answer, all that it takes included."""
AT_ONCE = 20
"""Calls of one process. More wait for those; once one has failed, they do without, too."""
PAUSE_SECONDS = 5.0
"""For so long what failed is left alone; then one call tries it, and the others still do without."""
AWAY = (RedisError, OSError)
"""What is raised where the cache is gone or late (TimeoutError is an OSError)."""


class Breaker:
    """Around one connection to the cache, in one process. `failed` is called for each call that was waited for in
    vain."""

    def __init__(self, failed: Callable[[], None] = lambda: None) -> None:
        self._failed = failed
        self._room = asyncio.Semaphore(AT_ONCE)
        self._left_alone_until = 0.0

    async def attempt(self, command: Callable[[], Awaitable[AnswerT]]) -> AnswerT | None:
        """The answer, or None where there is none: it failed, it was late, or it did so a moment ago."""
        if time.monotonic() < self._left_alone_until:
            return None
        async with self._room:
            now = time.monotonic()
            if now < self._left_alone_until:
                return None
            if self._left_alone_until:
                self._left_alone_until = now + ANSWER_SECONDS  # This call tries it; meanwhile others do without.
            try:
                answer = await _answer_in_time(command)
            except AWAY as error:
                self._failed()
                self._left_alone_until = time.monotonic() + PAUSE_SECONDS
                log.warning("cache_unavailable", error=type(error).__name__)
                return None
            self._left_alone_until = 0.0
            return answer


async def _answer_in_time(command: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
    """Raises TimeoutError after ANSWER_SECONDS, in two halves: when this process was busy for long, the answer lies
    there unread, and the second half is enough to read it."""
    loop, half = asyncio.get_running_loop(), ANSWER_SECONDS / 2
    async with asyncio.timeout(None) as limit:
        later = loop.call_later(half, lambda: limit.reschedule(loop.time() + half))
        try:
            return await command()
        finally:
            later.cancel()
