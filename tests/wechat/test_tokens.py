"""The access token: shared, renewed ahead of time, replaced only when it must be, and there without Redis too."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from redis import asyncio as aioredis

from server.foundation import clock
from server.wechat import errors
from server.wechat.tokens import FORCE_A_DAY, RENEWAL_PAUSE_SECONDS, Tokens

KEY = "wechat:token:wxtest"


class Platform:
    """The token endpoint: gives `value`, counts who asks."""

    def __init__(self) -> None:
        self.value = "first"
        self.life = 7200
        self.fetches: list[bool] = []
        self.fails: list[errors.WeChatError] = []
        self.asked = asyncio.Event()
        self.on_force: Callable[[], None] = lambda: None

    async def fetch(self, force: bool) -> tuple[str, int]:
        self.fetches.append(force)
        self.asked.set()
        await asyncio.sleep(0.005)
        if self.fails:
            raise self.fails.pop(0)
        if force:
            self.on_force()
        return self.value, self.life


@pytest.fixture
def platform() -> Platform:
    return Platform()


def process(platform: Platform, redis: "aioredis.Redis | None") -> Tokens:
    """What one more process would have."""
    return Tokens("wxtest", platform.fetch, redis)


def later(seconds: float) -> None:
    clock.move_clock(timedelta(seconds=seconds))


async def test_many_at_once_fetch_once(platform: Platform, redis: "aioredis.Redis") -> None:
    processes = [process(platform, redis) for _ in range(5)]
    tokens = await asyncio.gather(*(one.get() for one in processes for _ in range(20)))
    assert set(tokens) == {"first"}
    assert platform.fetches == [False]


async def test_a_process_that_starts_later_finds_the_token_in_redis(
    platform: Platform, redis: "aioredis.Redis"
) -> None:
    await process(platform, redis).get()
    assert await process(platform, redis).get() == "first"
    assert platform.fetches == [False]
    assert 0 < await redis.ttl(KEY) <= 7200


async def test_it_is_renewed_ahead_of_its_expiry(platform: Platform, redis: "aioredis.Redis") -> None:
    tokens = process(platform, redis)
    await tokens.get()
    platform.value = "second"
    later(7200 - 301)
    assert await tokens.get() == "first"
    later(7200 - 265)
    tokens._tried_at -= RENEWAL_PAUSE_SECONDS
    assert await tokens.get() == "second"
    assert await process(platform, redis).get() == "second"
    assert platform.fetches == [False, False]


async def test_while_it_is_renewed_the_old_one_serves(platform: Platform, redis: "aioredis.Redis") -> None:
    tokens = process(platform, redis)
    await tokens.get()
    platform.value = "second"
    later(7200 - 200)
    tokens._tried_at -= RENEWAL_PAUSE_SECONDS
    found = await asyncio.gather(*(tokens.get() for _ in range(20)))
    assert found == ["second"] + ["first"] * 19
    assert len(platform.fetches) == 2


async def test_a_renewal_that_fails_leaves_the_old_one_and_is_not_tried_for_each_call(
    platform: Platform, redis: "aioredis.Redis"
) -> None:
    tokens = process(platform, redis)
    await tokens.get()
    later(7200 - 200)
    tokens._tried_at -= RENEWAL_PAUSE_SECONDS
    platform.fails = [errors.OutcomeUnknown("away")] * 9
    assert [await tokens.get() for _ in range(5)] == ["first"] * 5
    assert len(platform.fetches) == 2


async def test_all_who_wait_fail_with_the_one_who_asked(platform: Platform, redis: "aioredis.Redis") -> None:
    platform.fails = [errors.NotAllowed("not from this address", 40164)]
    tokens = process(platform, redis)
    found = await asyncio.gather(*(tokens.get() for _ in range(20)), return_exceptions=True)
    assert {(type(error), getattr(error, "errcode", 0)) for error in found} == {(errors.NotAllowed, 40164)}
    assert platform.fetches == [False]
    assert await tokens.get() == "first"


async def test_who_waits_can_be_cancelled_without_harm(platform: Platform, redis: "aioredis.Redis") -> None:
    tokens = process(platform, redis)
    waiting = [asyncio.create_task(tokens.get()) for _ in range(3)]
    await platform.asked.wait()
    waiting[0].cancel()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert found[1:] == ["first", "first"]
    assert await process(platform, redis).get() == "first"


async def test_a_bad_token_is_replaced_once_for_all(platform: Platform, redis: "aioredis.Redis") -> None:
    processes = [process(platform, redis) for _ in range(4)]
    await asyncio.gather(*(one.get() for one in processes))
    platform.value = "second"
    found = await asyncio.gather(*(one.replace("first") for one in processes for _ in range(25)))
    assert set(found) == {"second"}
    assert platform.fetches == [False, False]


async def test_a_late_complaint_about_an_old_token_changes_nothing(platform: Platform, redis: "aioredis.Redis") -> None:
    tokens, other = process(platform, redis), process(platform, redis)
    await asyncio.gather(tokens.get(), other.get())
    platform.value = "second"
    assert await tokens.replace("first") == "second"
    assert await tokens.replace("first") == "second"
    assert await other.replace("first") == "second"
    assert platform.fetches == [False, False]


async def test_a_good_token_is_not_dropped_by_who_saw_the_bad_one(
    platform: Platform, redis: "aioredis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading the bad token and deleting it, another process puts a good one there."""
    tokens = process(platform, redis)
    await tokens.get()
    read = redis.get

    async def read_just_before_it_changes(key: str) -> bytes | None:
        raw = await read(key)
        assert raw is None or isinstance(raw, bytes)
        if raw and b"first" in raw:
            await redis.set(key, raw.replace(b"first", b"other"))
        return raw

    monkeypatch.setattr(redis, "get", read_just_before_it_changes)
    assert await tokens.replace("first") == "other"
    assert platform.fetches == [False]


async def test_force_is_the_last_resort(platform: Platform, redis: "aioredis.Redis") -> None:
    tokens = process(platform, redis)
    await tokens.get()
    platform.on_force = lambda: setattr(platform, "value", "forced")
    assert await tokens.replace("first") == "forced"
    assert platform.fetches == [False, False, True]


async def test_force_waits_30_seconds_and_ends_after_20_a_day(platform: Platform, redis: "aioredis.Redis") -> None:
    noon = clock.shanghai(clock.now()).replace(hour=3, minute=0) + timedelta(days=1)
    start = (noon - clock.shanghai(clock.now())).total_seconds()
    later(start)
    platform.life = 100_000

    async def complain(number: int) -> str:
        platform.on_force = lambda: setattr(platform, "value", f"forced{number}")
        tokens = process(platform, redis)
        return await tokens.replace(await tokens.get())

    assert await complain(1) == "forced1"
    later(start + 29)
    with pytest.raises(errors.TokenStale, match="30 s"):
        await complain(2)
    for number in range(2, FORCE_A_DAY + 1):
        later(start + 31 * number)
        assert await complain(number) == f"forced{number}"
    later(start + 31 * 30)
    with pytest.raises(errors.TokenStale, match="used up"):
        await complain(99)
    assert platform.fetches.count(True) == FORCE_A_DAY
    later(start + 22 * 3600)
    assert await complain(100) == "forced100"


@pytest.mark.parametrize("address", ["redis://127.0.0.1:1", "unix:///nowhere/valkey.sock"])
async def test_without_redis_each_process_helps_itself(platform: Platform, address: str) -> None:
    redis = aioredis.from_url(address)
    tokens = process(platform, redis)
    found = await asyncio.gather(*(tokens.get() for _ in range(50)))
    assert set(found) == {"first"}
    platform.value = "second"
    found = await asyncio.gather(*(tokens.replace("first") for _ in range(50)))
    assert set(found) == {"second"}
    platform.on_force = lambda: setattr(platform, "value", "forced")
    assert await tokens.replace("second") == "forced"
    platform.value = "forced"
    with pytest.raises(errors.TokenStale):
        await tokens.replace("forced")
    assert platform.fetches.count(True) == 1
    await redis.aclose()


async def test_a_redis_that_hangs_holds_nobody_up_for_long(
    platform: Platform, redis: "aioredis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_args: object, **_options: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(redis, "execute_command", hang)
    tokens = process(platform, redis)
    async with asyncio.timeout(0.3):
        assert await tokens.get() == "first"


async def test_who_died_with_the_lock_does_not_stop_the_others(
    platform: Platform, redis: "aioredis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.wechat.tokens._LOCK_SECONDS", 0.1)
    await redis.set(KEY + ":lock", "dead", px=10_000)
    async with asyncio.timeout(2):
        assert await process(platform, redis).get() == "first"


@pytest.mark.parametrize("rubbish", [b"", b"rubbish", b"{}", b'{"value": 1}', b"\xff"])
async def test_rubbish_in_redis_is_replaced(platform: Platform, redis: "aioredis.Redis", rubbish: bytes) -> None:
    await redis.set(KEY, rubbish)
    await redis.set(KEY + ":forced", rubbish)
    tokens = process(platform, redis)
    assert await tokens.get() == "first"
    assert await process(platform, redis).get() == "first"
    platform.on_force = lambda: setattr(platform, "value", "forced")
    assert await tokens.replace("first") == "forced"
    assert platform.fetches == [False, False, True]
