"""Two real processes send 200 messages at once with a token that has been revoked: one new token is fetched."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from tests.wechat.conftest import MESSAGE, Simulator

ROOT = Path(__file__).parents[2]
SENDS = 100


class Sender:
    """A process that sends, each time it is told to, one message to each of its people at once."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def send(self, openids: list[str]) -> list[str]:
        """Tell it to, and return each message's outcome: a msgid or the name of an error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(openids) + b"\n")
        async with asyncio.timeout(30):
            return msgspec.json.decode(await self._process.stdout.readline(), type=list[str])

    async def stop(self) -> None:
        self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def two_senders(simulator: Simulator, redis_url: str) -> AsyncIterator[list[Sender]]:
    senders = [await start_sender(simulator, redis_url) for _ in range(2)]
    try:
        yield senders
    finally:
        for sender in senders:
            await sender.stop()


async def start_sender(simulator: Simulator, redis_url: str) -> Sender:
    arguments = str(simulator.settings.simulator_port), redis_url, simulator.ids["wish_progress"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.wechat.sender",
        *arguments,
        msgspec.json.encode(MESSAGE).decode(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**20,
        cwd=ROOT,
    )
    return Sender(process)


async def test_without_redis_each_process_fetches_once(listening: Simulator) -> None:
    """The race that Redis ends, and what it costs without: one fetch a process, and still nothing lost."""
    people = [await listening.person("wish_progress") for _ in range(2 * SENDS)]
    async with two_senders(listening, "redis://127.0.0.1:1") as (first, second):
        outcomes = await asyncio.gather(first.send(people[:SENDS]), second.send(people[SENDS:]))
    assert [outcome for part in outcomes for outcome in part if not outcome.isdigit()] == []
    assert listening.counter("token_fetches") == 2
    assert listening.counter("tokens_issued") == 1


async def test_200_sends_with_a_revoked_token_in_two_processes_fetch_one_new_token(
    listening: Simulator, redis_url: str, redis: object
) -> None:
    people = [await listening.person("wish_progress") for _ in range(2 * SENDS)]
    for openid in people:
        await listening.accept(openid, "wish_progress", times=2)
    async with two_senders(listening, redis_url) as (first, second):
        await asyncio.gather(first.send(people[:1]), second.send(people[SENDS : SENDS + 1]))
        assert listening.counter("token_fetches") == 1
        for fetches in (2, 3):
            await listening.admin("token/revoke")
            outcomes = await asyncio.gather(first.send(people[:SENDS]), second.send(people[SENDS:]))
            assert [outcome for part in outcomes for outcome in part if not outcome.isdigit()] == []
            assert listening.counter("token_fetches") == listening.counter("tokens_issued") == fetches
            assert listening.counter("token_forced") == 0
    sent = (await listening.look("outbox"))["items"]
    assert len(sent) == 2 + 2 * 2 * SENDS
    assert Counter(message["openid"] for message in sent)[people[5]] == 2
