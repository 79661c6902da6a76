"""The cache when it hangs: hardly anybody waits for it, and it is used again once it is back."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from server.embedded.valkey import start_valkey
from server.foundation import breaker, cache, rates
from server.foundation.settings import Settings
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.simulator import Simulator

MOST = breaker.ANSWER_SECONDS + 0.3
"""Seconds; two to four were usual. Most of what is over is for a busy machine."""


@pytest.fixture
def pid(app: object, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A cache of the test's own; its process."""
    for name in ("_client", "_breaker", "_url"):
        monkeypatch.setattr(cache, name, getattr(cache, name))
    own = start_valkey(tmp_path)
    monkeypatch.setattr(rates, "_in_cache", None)
    at_own = msgspec.structs.replace(settings, redis_url=own.url)
    cache.connect(at_own)
    rates.connect(at_own)
    yield own.process.pid
    os.kill(own.process.pid, signal.SIGCONT)
    own.stop()


async def test_only_the_first_wait_for_a_cache_that_hangs(pid: int, monkeypatch: pytest.MonkeyPatch) -> None:
    await cache.put("key", b"value", 60)
    assert await cache.get("key") == b"value"
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    assert await asyncio.gather(*(cache.get("key") for _ in range(50))) == [None] * 50
    assert time.monotonic() - began < MOST
    began = time.monotonic()
    for _ in range(50):
        assert await cache.get("key") is None
        await cache.publish("channel", b"word")
    assert time.monotonic() - began < breaker.ANSWER_SECONDS
    assert not await cache.is_alive()
    monkeypatch.setattr(breaker, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(cache._breaker, "_left_alone_until", time.monotonic())
    # The pause is over: one tries it, and the others still do without.
    trying = asyncio.create_task(cache.get("key"))
    await asyncio.sleep(0)
    assert await cache.get("key") is None
    assert not trying.done()
    assert await trying is None
    os.kill(pid, signal.SIGCONT)
    assert await cache.get("key") == b"value"
    assert await cache.is_alive()


async def test_requests_hardly_wait_for_it(pid: int, api: Api, simulator: Simulator) -> None:
    resident = await create_resident(api, await create_community())
    await resident.get("/me")
    os.kill(pid, signal.SIGSTOP)
    code = await simulator.login_code("openid-1")
    for method, path, body in (("GET", "/me", None), ("POST", "/sessions", {"code": code}), ("GET", "/me/inbox", None)):
        began = time.monotonic()
        assert (await resident.send(method, path, body)).is_success
        assert time.monotonic() - began < MOST


async def test_a_cache_that_is_gone(pid: int) -> None:
    await cache.put("key", b"value", 60)
    os.kill(pid, signal.SIGKILL)
    began = time.monotonic()
    assert await cache.get("key") is None
    assert await cache.get("key") is None
    assert time.monotonic() - began < MOST
