"""A notice goes out, and all of a community want a place at once: no answer contradicts the database.

Each on a connection of their own, to one server process. In every run a hundred, with --full four thousand.
"""

import asyncio
import json
import statistics
import time
from collections import Counter
from contextvars import Context
from pathlib import Path
from typing import NamedTuple

import pytest

from server.foundation.database import fetch, transaction
from server.foundation.settings import Settings
from server.places.line import lock_allotment
from server.volunteering.models import ShiftRole
from tests.clients import Api
from tests.servers import Server
from tests.volunteering.builders import create_people, create_residents, publish_shift
from tests.volunteering.builders import sign_up as join

PLACES = 50


class Answer(NamedTuple):
    status: int
    state: str
    seconds: float


@pytest.mark.parametrize("count", [100, pytest.param(4000, marks=pytest.mark.full)])
async def test_everybody_is_told_what_is_so(api: Api, settings: Settings, tmp_path: Path, count: int) -> None:
    people = await create_people(api)
    residents = await create_residents(api, people.community, count)
    shift = await publish_shift(people, capacity=PLACES)
    with Server(settings, tmp_path, LINLI_DATABASE_POOL="10") as server:
        await server.start()
        answers = await asyncio.gather(*(sign_up(server, who.token, shift) for who in residents))
    rows = await fetch("SELECT s.person_id, p.state FROM sign_up s JOIN place p ON p.id = s.place_id")
    there = {row["person_id"]: row["state"] for row in rows}
    for who, answer in zip(residents, answers, strict=True):
        assert answer.status in (201, 503)
        assert there.get(who.person_id, "") == answer.state
    assert [answer.state for answer in answers].count("confirmed") == PLACES
    if count > 100:
        served = sorted(answer.seconds for answer in answers if answer.status == 201)
        assert max(answer.seconds for answer in answers) < 60, "nobody waits for longer than a phone does"
        assert statistics.median(served) < 0.65 * served[-1], "who came first is answered first"


async def test_a_rush_leaves_connections_to_others(api: Api, settings: Settings) -> None:
    people = await create_people(api)
    bystander, *crowd = await create_residents(api, people.community, settings.database_pool + 5)
    shift, others = await publish_shift(people), await publish_shift(people)
    async with transaction():
        role = await ShiftRole.get(shift_id=shift)
        await lock_allotment(role.allotment_id)
        rushing = [asyncio.create_task(join(who, shift), context=Context()) for who in crowd]
        async with asyncio.timeout(20):
            while len(await fetch("SELECT 1 FROM pg_locks WHERE NOT granted")) < 2:
                await asyncio.sleep(0)
            answered = await asyncio.create_task(join(bystander, others), context=Context())
        assert answered["sign_up"]["state"] == "confirmed"
        assert not any(task.done() for task in rushing)
    states = Counter([answer["sign_up"]["state"] for answer in await asyncio.gather(*rushing)])
    assert states == {"confirmed": 2, "waiting": len(crowd) - 2}


async def sign_up(server: Server, token: str, shift: str) -> Answer:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    began = time.perf_counter()
    writer.write(
        f"POST /api/v1/shifts/{shift}/sign-ups HTTP/1.1\r\nhost: linli\r\nauthorization: Bearer {token}\r\n"
        "connection: close\r\ncontent-length: 2\r\n\r\n{}".encode()
    )
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    status = int(head.split(b" ", 2)[1])
    return Answer(status, json.loads(body)["sign_up"]["state"] if status == 201 else "", time.perf_counter() - began)
