"""An open client learns at once that its inbox has changed, whichever process it is connected to."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.foundation import cache
from server.foundation.database import after_commit, transaction
from server.foundation.settings import Settings
from server.notifications import live
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.notifications.builders import THING_SEEN, Things, tell
from tests.servers import Server


@pytest.fixture
async def me(api: Api) -> Api:
    return await create_resident(api, await create_community())


@pytest.fixture(autouse=True)
async def no_clients_left() -> AsyncIterator[None]:
    yield
    assert live._process.clients == {}
    assert live._process.count == 0
    if live._process.listener:
        live._process.listener.cancel()
        await asyncio.wait([live._process.listener])
        live._process.listener = None


async def next_state(states: Any) -> Any:
    """The next one that tells something."""
    async with asyncio.timeout(5):
        while (state := await anext(states)) is None:
            pass
    return state


async def heard() -> None:
    """Until this process listens."""
    async with asyncio.timeout(5):
        while not live._process.is_listening:
            await asyncio.sleep(0.01)


async def test_a_client_is_told_at_once_and_after_each_change(me: Api, things: Things) -> None:
    await tell(me, things.add("一"), THING_SEEN)
    async with aclosing(live.follow(me.person_id)) as states:
        first = await next_state(states)
        assert (first.unread, first.newest.text) == (1, "“一”被看过")
        await heard()
        began = time.monotonic()
        second = asyncio.ensure_future(next_state(states))
        await tell(me, things.add("二"), THING_SEEN)
        assert ((await second).unread, second.result().newest.text) == (2, "“二”被看过")
        assert time.monotonic() - began < 2
        read = asyncio.ensure_future(next_state(states))
        await me.post("/me/inbox/read-all")
        assert (await read).unread == 0
        assert read.result().newest is None, "nothing new, only read"


async def test_others_changes_are_not_told(me: Api, api: Api, things: Things) -> None:
    other = await create_resident(api, await create_community())
    async with aclosing(live.follow(me.person_id)) as states:
        await next_state(states)
        await heard()
        waiting = asyncio.ensure_future(next_state(states))
        await tell(other, things.add(), THING_SEEN)
        await asyncio.sleep(0.1)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait([waiting])


async def test_without_the_cache_the_inbox_is_polled(me: Api, things: Things, monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def gone(channel: str) -> AsyncIterator[Any]:
        raise ConnectionRefusedError
        yield

    monkeypatch.setattr(cache, "listening", gone)
    monkeypatch.setattr(cache, "_client", None)
    monkeypatch.setattr(live, "POLL_SECONDS", 0.02)
    async with aclosing(live.follow(me.person_id)) as states:
        await next_state(states)
        await tell(me, things.add(), THING_SEEN)
        assert (await next_state(states)).unread == 1
        assert not live._process.is_listening


async def test_a_cache_that_goes_does_not_leave_a_client_waiting(
    me: Api, things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its listener waits for the next word of a channel that no longer exists."""
    goes = asyncio.Event()

    @asynccontextmanager
    async def listening(channel: str) -> AsyncIterator[Any]:
        async def messages() -> AsyncIterator[bytes]:
            await goes.wait()
            raise ConnectionResetError
            yield b""

        if goes.is_set():
            raise ConnectionRefusedError
        yield messages()

    monkeypatch.setattr(cache, "listening", listening)
    monkeypatch.setattr(cache, "_client", None)
    monkeypatch.setattr(live, "POLL_SECONDS", 0.02)
    async with aclosing(live.follow(me.person_id)) as states:
        await next_state(states)
        await heard()
        waiting = asyncio.ensure_future(next_state(states))
        await asyncio.sleep(0.05)  # it has looked, and waits
        goes.set()
        await tell(me, things.add(), THING_SEEN)
        assert (await waiting).unread == 1


async def test_a_cache_that_comes_back_is_listened_to_again(
    me: Api, things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tries = cache.listening, 0

    @asynccontextmanager
    async def gone_at_first(channel: str) -> AsyncIterator[Any]:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ConnectionRefusedError
        async with real(channel) as messages:
            yield messages

    monkeypatch.setattr(cache, "listening", gone_at_first)
    async with aclosing(live.follow(me.person_id)) as states:
        await next_state(states)
        await heard()
        assert tries == 2


async def test_one_client_too_many_ends_the_oldest(me: Api) -> None:
    clients = [live.follow(me.person_id) for _ in range(live.AT_ONCE_EACH + 1)]
    for states in clients:
        await next_state(states)
    with pytest.raises(StopAsyncIteration):
        await next_state(clients[0])
    for states in clients:
        await states.aclose()


async def test_two_too_many_end_the_two_oldest(me: Api) -> None:
    """Both before the first has noticed that it is ended."""
    clients = [live.follow(me.person_id) for _ in range(live.AT_ONCE_EACH + 2)]
    for states in clients:
        await next_state(states)
    for states in clients[:2]:
        with pytest.raises(StopAsyncIteration):
            await next_state(states)
    for states in clients:
        await states.aclose()


async def test_a_full_process_refuses(me: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "AT_ONCE", 0)
    await me.refused("GET", "/me/inbox/live", code="unavailable")


async def test_a_stop_ends_every_stream(me: Api) -> None:
    states = live.follow(me.person_id)
    await next_state(states)
    waiting = asyncio.ensure_future(next_state(states))
    await asyncio.sleep(0)
    live.end_all()
    try:
        with pytest.raises(StopAsyncIteration):
            await waiting
    finally:
        live.begin()


async def test_strangers_follow_nothing(api: Api) -> None:
    await api.refused("GET", "/me/inbox/live", code="not_signed_in")


async def test_what_is_rolled_back_is_never_told(app: object) -> None:
    done: list[str] = []
    async with transaction():
        after_commit(partial(done.append, "outer"))
        with pytest.raises(ZeroDivisionError):
            async with transaction():
                after_commit(partial(done.append, "inner"))
                raise ZeroDivisionError
        async with transaction():
            after_commit(partial(done.append, "other inner"))
        assert done == []
    assert done == ["outer", "other inner"]
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            after_commit(partial(done.append, "never"))
            raise ZeroDivisionError
    after_commit(partial(done.append, "at once"))
    assert done == ["outer", "other inner", "at once"]


class Stream:
    """Server-sent events of a real server."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.lines = response.aiter_lines()

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            async for line in self.lines:
                if line.startswith("data: "):
                    found: dict[str, Any] = json.loads(line[6:])
                    return found
        raise EOFError


async def test_two_servers_and_a_stop_and_a_sign_out(
    api: Api, things: Things, settings: Settings, tmp_path: Path
) -> None:
    community = await create_community()
    me, leaver = await create_resident(api, community), await create_resident(api, community)
    with Server(settings, tmp_path) as one, Server(settings, tmp_path) as other:
        await asyncio.gather(one.start(), other.start())
        async with httpx.AsyncClient(timeout=None) as client:

            def open_stream(who: Api) -> Any:
                headers = {"authorization": f"Bearer {who.token}"}
                return client.stream("GET", f"{one.url}/api/v1/me/inbox/live", headers=headers)

            async with open_stream(me) as response, open_stream(leaver) as leaving:
                assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
                stream, second = Stream(response), Stream(leaving)
                assert (await stream.next()) == {"unread": 0, "newest": None}
                assert (await second.next())["unread"] == 0
                # From this process, as a worker would.
                await tell(me, things.add(), THING_SEEN)
                told = await stream.next()
                assert (told["unread"], told["newest"]["event"]) == (1, "thing_seen")
                # Through the other server.
                answer = await client.post(
                    f"{other.url}/api/v1/me/inbox/read-all", headers={"authorization": f"Bearer {me.token}"}
                )
                assert answer.json() == {"count": 1}
                assert (await stream.next())["unread"] == 0
                # Signed out, the other stream ends at the next occasion.
                await leaver.delete("/sessions/current")
                await tell(leaver, things.add(), THING_SEEN)
                with pytest.raises(EOFError):
                    await second.next()
                began = time.monotonic()
                one.signal(signal.SIGTERM)
                with pytest.raises(EOFError):
                    await stream.next()
            assert await one.ended() == 0
            assert time.monotonic() - began < 5, "an open stream does not hold up the stop"
