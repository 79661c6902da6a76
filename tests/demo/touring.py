"""A city with a past: the demo's, after its tour was played in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from server.background.sweeps import SWEEPS
from server.demo.city import PEOPLE, fill_demo_city
from server.demo.tour import Tour
from server.worker import run_sweep
from tests.simulator import Simulator


@asynccontextmanager
async def touring(
    app: Any, simulator: Simulator, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[tuple[Tour, list[str]]]:
    """A filled city, a tour whose waiting does the worker's work, and the lines that it writes."""
    await fill_demo_city()
    for person in PEOPLE:
        await simulator.person(person.openid, phone_number=person.phone)
    lines: list[str] = []
    transport = transport or httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://linli.test") as server:
        tour = Tour(server, simulator.client, lines.append)

        async def work() -> None:
            await simulator.settle()
            for sweep in SWEEPS:
                await run_sweep(sweep)

        tour.on_tick = work
        yield tour, lines
