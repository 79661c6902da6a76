"""How often routes may be asked, by person or by address: counted in the cache for all processes, and in this process's
memory while the cache is away.
"""

import functools
import ipaddress
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.util import WindowStats

from server.foundation import cache
from server.foundation.errors import TooManyRequests
from server.foundation.settings import Settings, parse_rate_limits

AnswerT = TypeVar("AnswerT")


class Group(StrEnum):
    """Routes that are counted together."""

    READ = "read"
    """What is read without much work: each process counts by itself, since to ask the cache costs as much again."""
    WRITE = "write"
    REVIEWED = "reviewed"
    """What staff must read: wishes, complaints, applications."""
    FINDING = "finding"
    """Staff look for a person by a number."""
    DRAWING = "drawing"
    """Pictures and documents that are made when they are asked for."""
    CODES = "codes"
    """What takes a code that could be guessed: only what is refused counts."""
    SIGN_IN = "sign_in"
    """Refused codes of WeChat's: after too many, an address signs in one by one."""
    PICTURES = "pictures"
    """Stored pictures at signed addresses: a page shows many at once."""


class Rate(NamedTuple):
    """Within so many seconds, how often each person may ask, and each address for all who have not signed in."""

    seconds: int
    person: int
    address: int


RATES = {
    Group.READ: Rate(10, 100, 200),
    Group.WRITE: Rate(60, 120, 120),
    Group.REVIEWED: Rate(3600, 20, 20),
    Group.FINDING: Rate(3600, 30, 30),
    Group.DRAWING: Rate(60, 30, 60),
    Group.CODES: Rate(600, 20, 60),
    Group.SIGN_IN: Rate(60, 60, 60),
    Group.PICTURES: Rate(10, 1000, 1000),
}
"""Those who share an address, behind one Wi-Fi or a carrier's NAT, count by themselves once they have signed in.
LINLI_RATE_LIMITS may say otherwise."""


class _InMemory:
    """The same moving window in this process. The library's own sends a thread to look for what has expired, again and
    again, which takes a quarter of a small answer."""

    def __init__(self) -> None:
        self._hits: dict[tuple[str, int, int, str], deque[float]] = {}
        self._most = _MOST_COUNTED

    async def hit(self, item: RateLimitItem, who: str) -> bool:
        key = item.namespace, item.amount, item.multiples, who
        hits = self._hits.get(key)
        if hits is None:
            self._forget()
            # As long as the limit: each hit drops the one that no longer matters.
            hits = self._hits[key] = deque(maxlen=item.amount)
        if _is_full(hits, item):
            return False
        hits.append(time.time())
        return True

    async def test(self, item: RateLimitItem, who: str) -> bool:
        return not _is_full(self._hits.get((item.namespace, item.amount, item.multiples, who), ()), item)

    async def get_window_stats(self, item: RateLimitItem, who: str) -> WindowStats:
        """Of one who has no hit left: when there will be one."""
        hits = self._hits.get((item.namespace, item.amount, item.multiples, who))
        return WindowStats(hits[0] + item.get_expiry() if hits else time.time(), 0)

    def _forget(self) -> None:
        """Those who have not asked for longer than any limit looks back, each time there are twice as many."""
        if len(self._hits) >= self._most:
            since = time.time() - max(rate.seconds for rate in _rates.values())
            self._hits = {key: hits for key, hits in self._hits.items() if hits and hits[-1] > since}
            self._most = max(_MOST_COUNTED, 2 * len(self._hits))


def _is_full(hits: Sequence[float], item: RateLimitItem) -> bool:
    """Whether one more within the time would be too many."""
    return len(hits) >= item.amount and hits[0] > time.time() - item.get_expiry()


_MOST_COUNTED = 10_000
_in_memory = _InMemory()
_rates = RATES
_in_cache: MovingWindowRateLimiter | None = None


def connect(settings: Settings) -> None:
    """Count in the cache, which is connected already, within what the settings allow."""
    global _in_cache, _rates
    _rates = RATES | {
        Group(name): RATES[Group(name)]._replace(person=person, address=address)
        for name, (person, address) in parse_rate_limits(settings.rate_limits).items()
    }
    client = cache.client()
    assert client
    pool: Any = client.connection_pool
    storage = RedisStorage("async+redis://", implementation="redispy", key_prefix="rate", connection_pool=pool)
    _in_cache = MovingWindowRateLimiter(storage)


async def count(group: Group, person_id: str | None, address: str) -> None:
    """Count one more, of the person or, for nobody, of the address. Raises TooManyRequests for one too many, which does
    not count."""
    item, who = _of(group, person_id, address)
    if not await _ask(group, lambda limiter: limiter.hit(item, who)):
        raise TooManyRequests(retry_after=await _wait(group, item, who))


async def note(group: Group, person_id: str | None, address: str) -> None:
    """Count one more, which may be one too many."""
    item, who = _of(group, person_id, address)
    await _ask(group, lambda limiter: limiter.hit(item, who))


async def is_one_left(group: Group, person_id: str | None, address: str) -> bool:
    """Whether one more would not be too many; counts nothing."""
    item, who = _of(group, person_id, address)
    return await _ask(group, lambda limiter: limiter.test(item, who))


async def require_one_left(group: Group, person_id: str | None, address: str) -> None:
    """Raises TooManyRequests where one more would be too many; counts nothing."""
    if not await is_one_left(group, person_id, address):
        raise TooManyRequests(retry_after=await _wait(group, *_of(group, person_id, address)))


async def _wait(group: Group, item: RateLimitItem, who: str) -> int:
    """Seconds until there is room for one more."""
    stats = await _ask(group, lambda limiter: limiter.get_window_stats(item, who))
    return max(1, math.ceil(stats.reset_time - time.time()))


async def _ask(group: Group, question: Callable[[MovingWindowRateLimiter | _InMemory], Awaitable[AnswerT]]) -> AnswerT:
    """In the cache, or in memory where the cache has no answer or is not asked."""
    limiter = None if group is Group.READ else _in_cache
    answer = await cache.attempt(lambda _: question(limiter)) if limiter else None
    return await question(_in_memory) if answer is None else answer


def _of(group: Group, person_id: str | None, address: str) -> tuple[RateLimitItem, str]:
    """The limit, and who is counted."""
    rate = _rates[group]
    amount, who = (rate.person, person_id) if person_id else (rate.address, network_of(address))
    return _item(group, amount, rate.seconds), who


@functools.cache
def _item(group: Group, amount: int, seconds: int) -> RateLimitItem:
    return RateLimitItemPerSecond(amount, seconds, namespace=group)


def network_of(address: str) -> str:
    """An IPv4 address; of an IPv6 address, the network, which one household has for itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address
