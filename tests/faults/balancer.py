"""A balancer as one stands before several servers: it sends whoever connects to one that says it is ready."""

import asyncio
import itertools
from contextlib import suppress

import httpx

from tests.servers import Server, free_port, pipe

_EVERY = 0.3


class Balancer:
    """Of TCP connections; each server is asked for /readyz every 0.3 s."""

    def __init__(self, *servers: Server) -> None:
        self.servers = servers
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._ready: set[int] = set()
        self._turn = itertools.count()

    async def __aenter__(self) -> "Balancer":
        await self._look()
        self._looking = asyncio.create_task(self._look_regularly())
        self._listener = await asyncio.start_server(self._forward, "127.0.0.1", self.port, backlog=1024)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._looking.cancel()
        self._listener.close()

    async def _look_regularly(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            await self._look()

    async def _look(self) -> None:
        self._ready = {server.port for server in self.servers if await _is_ready(server)}

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ports = sorted(self._ready) or [server.port for server in self.servers]
        try:
            there, back = await asyncio.open_connection("127.0.0.1", ports[next(self._turn) % len(ports)])
        except OSError:
            writer.close()
            return
        await asyncio.gather(pipe(reader, back), pipe(there, writer))


async def _is_ready(server: Server) -> bool:
    with suppress(httpx.TransportError):
        async with httpx.AsyncClient(base_url=server.url, timeout=1) as client:
            return (await client.get("/readyz")).status_code == 200
    return False
