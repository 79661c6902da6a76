"""The shared cache (Redis or Valkey). It only ever saves time: when it is gone, reads miss and writes do nothing,
and hardly anybody waits for it.

What must not be lost, and what correctness rests on, is never here alone.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import redis.asyncio as aioredis
from prometheus_client import Counter

from server.foundation.breaker import ANSWER_SECONDS, AT_ONCE, Breaker
from server.foundation.breaker import AWAY as AWAY
from server.foundation.settings import Settings

AnswerT = TypeVar("AnswerT")

_LISTEN_SECONDS = 5.0

_failures = Counter("linli_cache_failures_total", "Commands that the cache did not answer")
_client: "aioredis.Redis | None" = None
_breaker = Breaker(_failures.inc)
_url = ""


def connect(settings: Settings) -> None:
    """Make the client. Nothing is sent yet: a cache that is gone must not keep the server from starting."""
    global _client, _breaker, _url
    _breaker = Breaker(_failures.inc)
    _url = settings.redis_url
    # Answers are bounded by the breaker alone. With a time limit of its own the client can swallow the breaker's where
    # both meet, and waits on (asyncio.wait_for before Python 3.12).
    pool = aioredis.BlockingConnectionPool.from_url(
        settings.redis_url,
        max_connections=2 * AT_ONCE,  # WeChat's token has a breaker of its own
        timeout=ANSWER_SECONDS,
        socket_timeout=None,
        socket_connect_timeout=ANSWER_SECONDS,
    )
    _client = aioredis.Redis(connection_pool=pool)


async def disconnect() -> None:
    global _client
    if _client is not None:
        await _client.aclose()
        await _client.connection_pool.disconnect()
        _client = None


def client() -> aioredis.Redis | None:
    """The raw client, which waits for ever, for those with a breaker of their own (the WeChat token)."""
    return _client


async def get(key: str) -> bytes | None:
    """The value, or None when there is none or the cache does not answer."""
    value = await attempt(lambda client: client.get(key))
    return value.encode() if isinstance(value, str) else value


async def put(key: str, value: bytes, seconds: int) -> None:
    await attempt(lambda client: client.set(key, value, ex=seconds))


async def publish(channel: str, data: bytes) -> None:
    """Tell everyone who listens now, in any process; lost where nobody does, or the cache is gone."""
    await attempt(lambda client: client.publish(channel, data))


@asynccontextmanager
async def listening(channel: str) -> AsyncIterator[AsyncIterator[bytes]]:
    """What is published from here on. Raises one of AWAY where the cache is gone, or goes.

    On a connection of its own: one that waits for messages must have no time limit on answers.
    """
    client = aioredis.Redis.from_url(_url, socket_timeout=None, socket_connect_timeout=1)
    pubsub = client.pubsub(ignore_subscribe_messages=True)
    try:
        await pubsub.subscribe(channel)
        yield _messages(pubsub)
    finally:
        with suppress(*AWAY):
            await pubsub.aclose()
            await client.aclose()


async def _messages(pubsub: Any) -> AsyncIterator[bytes]:
    silent = 0
    while True:
        message = await pubsub.get_message(timeout=_LISTEN_SECONDS)
        if message:
            silent = 0
            if message["type"] == "message":
                yield message["data"]
            continue
        # A connection that broke without a word would be waited on for ever: ask whether the other side is there.
        silent += 1
        if silent > 2:
            raise OSError("the cache does not answer")
        await pubsub.ping()


async def is_alive() -> bool:
    return bool(await attempt(lambda client: client.ping()))


async def attempt(command: Callable[["aioredis.Redis"], Awaitable[AnswerT]]) -> AnswerT | None:
    """What the cache answers to a command, or None when it does not: it is gone, late, or was so a moment ago."""
    client = _client
    return await _breaker.attempt(lambda: command(client)) if client else None
