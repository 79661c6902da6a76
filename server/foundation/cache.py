"""The shared cache (Redis or Valkey). It only ever saves time: when it is gone, reads miss and writes do nothing.

What must not be lost, and what correctness rests on, is never here alone.
"""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import redis.asyncio as aioredis
import structlog
from prometheus_client import Counter
from redis.exceptions import RedisError

from server.foundation.settings import Settings

log = structlog.get_logger()
ResultT = TypeVar("ResultT")

AWAY = (RedisError, OSError)
"""What is raised where the cache is gone, by what does not hide it."""
_LISTEN_SECONDS = 5.0

_failures = Counter("linli_cache_failures_total", "Commands that the cache did not answer")
_client: "aioredis.Redis | None" = None
_url = ""


def connect(settings: Settings) -> None:
    """Make the client. Nothing is sent yet: a cache that is gone must not keep the server from starting."""
    global _client, _url
    _url = settings.redis_url
    pool = aioredis.BlockingConnectionPool.from_url(
        settings.redis_url, max_connections=20, timeout=1, socket_timeout=1, socket_connect_timeout=1
    )
    _client = aioredis.Redis(connection_pool=pool)


async def disconnect() -> None:
    global _client
    if _client is not None:
        await _client.aclose()
        await _client.connection_pool.disconnect()
        _client = None


def client() -> aioredis.Redis | None:
    """The raw client, for those who handle its absence themselves (the WeChat token, live updates)."""
    return _client


async def get(key: str) -> bytes | None:
    """The value, or None when there is none or the cache does not answer."""
    value = await _attempt(_client.get(key)) if _client else None
    return value.encode() if isinstance(value, str) else value


async def put(key: str, value: bytes, seconds: int) -> None:
    if _client:
        await _attempt(_client.set(key, value, ex=seconds))


async def count(key: str, seconds: int) -> int:
    """How often this was called for `key` within the running window; 0 when the cache does not answer."""
    if not _client:
        return 0
    pipeline = _client.pipeline(transaction=True)
    pipeline.incr(key)
    pipeline.expire(key, seconds, nx=True)
    answer = await _attempt(pipeline.execute())
    return int(answer[0]) if answer else 0


async def publish(channel: str, data: bytes) -> None:
    """Tell everyone who listens now, in any process; lost where nobody does, or the cache is gone."""
    if _client:
        await _attempt(_client.publish(channel, data))


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
        with suppress(RedisError, OSError):
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
    return bool(_client and await _attempt(_client.ping()))


async def _attempt(command: Awaitable[ResultT]) -> ResultT | None:
    try:
        return await command
    except (TimeoutError, RedisError, OSError) as error:
        _failures.inc()
        log.warning("cache_unavailable", error=type(error).__name__)
        return None
