"""Telling open clients, in whichever process they are, that an inbox has changed.

What is told is only that there is something to look at; it goes through the cache, and may be lost. So every client is
looked after now and then anyway, and often while the cache is gone.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from contextvars import Context

import msgspec
import structlog
from prometheus_client import Gauge

from server.foundation import cache
from server.foundation.errors import Unavailable
from server.foundation.line import arrive
from server.notifications.queries import InboxState, inbox_state

log = structlog.get_logger()

CHANNEL = "linli:inbox"
HEARTBEAT_SECONDS = 20.0
"""So often a client hears of us when nothing happens, and its inbox is looked at."""
POLL_SECONDS = 3.0
"""So often it is looked at while the cache is gone."""
AT_ONCE = 2000
"""Open clients of one process."""
AT_ONCE_EACH = 5
"""Of one person: phones, and connections that broke without anybody noticing. One more ends the oldest."""
_LONGEST_PAUSE = 30.0
_TOLD_AT_ONCE = 500
_TOLD_EVERY = 0.05

_open_clients = Gauge("linli_inbox_streams", "Clients that follow their inbox", multiprocess_mode="livesum")


class _Client:
    """One open client: woken when there may be something to tell."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self.ended = False

    def end(self) -> None:
        self.ended = True
        self.woken.set()


class _Process:
    """What this process knows: its open clients by person, and what is to be told of."""

    def __init__(self) -> None:
        self.clients: dict[str, list[_Client]] = {}
        self.count = 0
        self.listener: asyncio.Task[None] | None = None
        self.is_listening = False
        self.stopping = False
        self.changed: set[str] = set()
        self.teller: asyncio.Task[None] | None = None


_process = _Process()


def tell(person_ids: Iterable[str]) -> None:
    """The inboxes of these persons have changed. Returns at once; to be called after the commit."""
    _process.changed.update(person_ids)
    if _process.teller is None or _process.teller.done():
        _process.teller = asyncio.get_running_loop().create_task(_tell())


async def follow(person_id: str) -> AsyncGenerator[InboxState | None, None]:
    """The state of an inbox at once and after each change; None as a sign of life. Ends when the server stops.

    Raises Unavailable where this process has too many open clients.
    """
    if _process.count >= AT_ONCE:
        raise Unavailable()
    mine = _process.clients.setdefault(person_id, [])
    # Those that were ended are here until they have noticed.
    if len(open_still := [client for client in mine if not client.ended]) >= AT_ONCE_EACH:
        open_still[0].end()
    client = _Client()
    mine.append(client)
    _process.count += 1
    _open_clients.inc()
    if _process.listener is None or _process.listener.done():
        # It outlives this request, whose id is not to stand in its log.
        _process.listener = asyncio.get_running_loop().create_task(_listen(), context=Context())
    try:
        newest, unread = None, -1
        while not client.ended and not _process.stopping:
            client.woken.clear()
            arrive()
            state = await inbox_state(person_id, newest)
            if state.newest or state.unread != unread:
                newest, unread = state.newest.id if state.newest else newest, state.unread
                yield state
            else:
                yield None
            with suppress(TimeoutError):
                async with asyncio.timeout(_pause()):
                    await client.woken.wait()
    finally:
        mine.remove(client)
        _process.count -= 1
        _open_clients.dec()
        if not mine:
            _process.clients.pop(person_id, None)


def begin() -> None:
    """The server starts."""
    _process.stopping = False


def end_all() -> None:
    """The server stops: anyone who follows an inbox would keep it waiting."""
    _process.stopping = True
    for clients in _process.clients.values():
        for client in clients:
            client.end()
    if _process.listener:
        _process.listener.cancel()


def _pause() -> float:
    """How long to wait for a word of change; many clients must not all ask the database every three seconds."""
    return HEARTBEAT_SECONDS if _process.is_listening else min(POLL_SECONDS + _process.count / 100, HEARTBEAT_SECONDS)


async def finish_telling() -> None:
    """Until what was to be told is told: before the cache is disconnected."""
    if _process.teller:
        await asyncio.wait([_process.teller])


async def _tell() -> None:
    while _process.changed:
        some = [_process.changed.pop() for _ in range(min(len(_process.changed), _TOLD_AT_ONCE))]
        await cache.publish(CHANNEL, msgspec.msgpack.encode(some))
        # What changes in the meantime is told of together: while many write, each word would cost them more than that.
        await asyncio.sleep(_TOLD_EVERY)


async def _listen() -> None:
    """Wake the clients of whom the channel tells; while it cannot be heard they look for themselves."""
    pause = 0.5
    while _process.clients:
        try:
            async with cache.listening(CHANNEL) as messages:
                _process.is_listening, pause = True, 0.5
                _wake(_process.clients)  # what was told of while nobody listened
                async for message in messages:
                    _wake(msgspec.msgpack.decode(message, type=list[str]))
                    if not _process.clients:
                        return
        except (*cache.AWAY, msgspec.DecodeError) as error:
            log.warning("inbox_not_heard", error=type(error).__name__)
            if _process.is_listening:
                # They wait long for a word that will not come: from now on they look for themselves.
                _wake(_process.clients)
        finally:
            _process.is_listening = False
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _wake(person_ids: Iterable[str]) -> None:
    for person_id in list(person_ids):
        for client in _process.clients.get(person_id, ()):
            client.woken.set()
