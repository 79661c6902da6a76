"""The access token: fetched once for all workers, renewed ahead of expiry, dropped only while it is the failed one.

The rules are those of the platform's page 获取稳定版接口调用凭据. The normal mode gives the same token until five
minutes before its expiry and then a new one, while the old one still works. `force_refresh` ends the old one at once,
is allowed 20 times a day and 30 seconds apart. The shared copy is in Redis; without Redis every process fetches for
itself, which the normal mode makes harmless.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
import structlog
from redis import asyncio as aioredis

from server.foundation import clock
from server.foundation.breaker import Breaker
from server.foundation.dates import today
from server.wechat.errors import TokenStale, WeChatError

RENEW_BEFORE = timedelta(seconds=270)
"""Within the platform's five minutes, in which it hands out the next token while this one still works."""
RENEWAL_PAUSE_SECONDS = 5.0
"""Between two tries to renew a token that still works."""
FORCE_PAUSE = timedelta(seconds=30)
FORCE_A_DAY = 20
_LOCK_SECONDS = 15.0
_LOCK_PAUSE_SECONDS = 0.02
_DELETE_IF_SAME = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"

log = structlog.get_logger(__name__)

Fetch = Callable[[bool], Awaitable[tuple[str, int]]]
"""`fetch(force_refresh)` → the token and how many seconds it lives."""


Stored = TypeVar("Stored")


class Token(msgspec.Struct, frozen=True):
    value: str
    expires_at: datetime


class _Forced(msgspec.Struct, frozen=True):
    last_at: datetime
    day: str
    times: int


class Tokens:
    """The access token of one mini-program, in one process, shared through Redis where there is one."""

    def __init__(self, appid: str, fetch: Fetch, redis: "aioredis.Redis | None" = None) -> None:
        self._fetch = fetch
        self._redis = redis
        self._breaker = Breaker()
        self._key = f"wechat:token:{appid}"
        self._current: Token | None = None
        self._lock = asyncio.Lock()
        self._tried_at = -RENEWAL_PAUSE_SECONDS
        self._failed_at = 0.0
        self._failure: WeChatError | None = None
        self._forced: _Forced | None = None

    async def get(self) -> str:
        """A token to use now. Raises a WeChatError when there is none and none can be fetched."""
        current = self._current
        if current and current.expires_at - clock.now() > RENEW_BEFORE:
            return current.value
        renewing = self._lock.locked() or time.monotonic() - self._tried_at < RENEWAL_PAUSE_SECONDS
        if current and renewing and current.expires_at > clock.now():
            return current.value  # It is being renewed, or could not be just now; until then it works.
        return await self._renew(bad="")

    async def replace(self, bad: str) -> str:
        """A token other than `bad`, which the platform has just refused."""
        return await self._renew(bad)

    async def _renew(self, bad: str) -> str:
        asked_at = time.monotonic()
        async with self._lock:
            if self._is_good(self._current, bad):
                return self._current.value  # type: ignore[union-attr]
            if self._failure and self._failed_at > asked_at:
                # It failed while we waited: all who waited fail with it, instead of one slow try after another.
                raise type(self._failure)(self._failure.errmsg, self._failure.errcode, self._failure.rid)
            self._tried_at = time.monotonic()
            try:
                self._current = await self._share_or_fetch(bad)
            except WeChatError as error:
                self._failure, self._failed_at = error, time.monotonic()
                still = self._current
                if not bad and still and still.expires_at > clock.now():
                    return still.value  # Renewing ahead may fail: the old one works for some minutes more.
                raise
            return self._current.value

    async def _share_or_fetch(self, bad: str) -> Token:
        """The token another process has put in Redis, or else a new one, fetched while no other process does."""
        shared = await self._read(bad)
        if shared:
            return shared
        async with self._one_process_at_a_time():
            shared = await self._read(bad)
            if shared:
                return shared
            token = await self._fetch_token(force=False)
            if token.value == bad:
                await self._count_force()
                token = await self._fetch_token(force=True)
            await self._write(token)
            return token

    async def _fetch_token(self, force: bool) -> Token:
        value, seconds = await self._fetch(force)
        return Token(value, clock.now() + timedelta(seconds=seconds))

    async def _read(self, bad: str) -> Token | None:
        """The shared token, if it is good. One that is `bad` is dropped, unless another has taken its place."""
        raw = await self._redis_call("get", self._key)
        if raw is None:
            return None
        token = _decode(raw, Token)
        if self._is_good(token, bad):
            return token
        if token is None or token.value == bad:
            await self._redis_call("eval", _DELETE_IF_SAME, 1, self._key, raw)
        return None

    async def _write(self, token: Token) -> None:
        seconds = int((token.expires_at - clock.now()).total_seconds())
        if seconds > 0:
            await self._redis_call("set", self._key, msgspec.json.encode(token), ex=seconds)

    @staticmethod
    def _is_good(token: Token | None, bad: str) -> bool:
        if token is None or token.value == bad:
            return False
        return token.expires_at - clock.now() > RENEW_BEFORE

    async def _count_force(self) -> None:
        """Take one of the day's forced refreshes. Raises TokenStale when there is none to take."""
        raw = await self._redis_call("get", self._key + ":forced")
        forced = self._forced if raw is None else _decode(raw, _Forced)
        now, day = clock.now(), today().isoformat()
        if forced and forced.last_at <= now < forced.last_at + FORCE_PAUSE:
            raise TokenStale("the platform gives the same token again, and was forced less than 30 s ago")
        times = forced.times if forced and forced.day == day else 0
        if times >= FORCE_A_DAY:
            raise TokenStale("the platform gives the same token again, and today's forced refreshes are used up")
        self._forced = _Forced(now, day, times + 1)
        await self._redis_call("set", self._key + ":forced", msgspec.json.encode(self._forced), ex=2 * 86400)
        log.warning("wechat_token_forced", times_today=times + 1)

    @asynccontextmanager
    async def _one_process_at_a_time(self) -> AsyncIterator[None]:
        """A lock in Redis that expires. Without it a process goes on: an extra fetch is better than none."""
        redis = self._redis
        if redis is None:
            yield
            return
        lock = redis.lock(self._key + ":lock", timeout=_LOCK_SECONDS)
        until = time.monotonic() + _LOCK_SECONDS
        while (held := await self._breaker.attempt(lambda: lock.acquire(blocking=False))) is False:
            if time.monotonic() > until:
                break
            await asyncio.sleep(_LOCK_PAUSE_SECONDS)
        try:
            yield
        finally:
            if held:
                await self._breaker.attempt(lock.release)  # Where that fails, it expires.

    async def _redis_call(self, command: str, *args: Any, **options: Any) -> Any:
        """A Redis command, or None when Redis cannot be reached: it is never the only way."""
        redis = self._redis
        if redis is None:
            return None
        return await self._breaker.attempt(lambda: getattr(redis, command)(*args, **options))


def _decode(raw: bytes, kind: type[Stored]) -> Stored | None:
    """What was stored, or None for anything else that lies there."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
