"""Sign-out means out: whoever is out when the act is answered gets no further answer from this process, nor, a second
later, from any other."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from server.accounts.merging import merge_persons
from server.accounts.sessions import KNOWN_FOR
from server.foundation.settings import Settings
from server.organizations.models import RoleGrant, RoleKind
from tests.builders import create_community, create_person, create_resident, create_staff, sign_in
from tests.clients import Api
from tests.servers import Server

Act = Callable[[Api, Api, str], Awaitable[None]]
"""What the manager, or the person, does to put the person out; the last is the Idempotency-Key, if any."""


@pytest.fixture(scope="module")
async def other_process(
    settings: Settings, migrated: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    with Server(settings, Path(tmp_path_factory.mktemp("server"))) as server:
        await server.start()
        yield server.url


async def block(manager: Api, person: Api, key: str) -> None:
    await manager.post(f"/staff/persons/{person.person_id}/block", {"reason": "abuse"}, key=key)


async def merge(manager: Api, person: Api, key: str) -> None:
    await merge_persons(person.person_id, (await create_person()).id, actor_id=manager.person_id)


async def end_role(manager: Api, person: Api, key: str) -> None:
    role = await RoleGrant.get(person_id=person.person_id)
    await manager.post(f"/staff/roles/{role.id}/end", key=key)


async def sign_out(manager: Api, person: Api, key: str) -> None:
    await person.delete("/sessions/current")


async def sign_out_everywhere(manager: Api, person: Api, key: str) -> None:
    await person.delete("/sessions")


KEY = "a-key-of-its-own"


@pytest.mark.parametrize(
    ("act", "key"),
    [
        (block, ""),
        (block, KEY),
        (end_role, ""),
        (end_role, KEY),
        (merge, ""),
        (sign_out, ""),
        (sign_out_everywhere, ""),
    ],
)
async def test_who_is_out_stays_out(api: Api, other_process: str, act: Act, key: str) -> None:
    community = await create_community()
    manager = await create_staff(api, community, RoleKind.MANAGER)
    person = await (create_staff if act is end_role else create_resident)(api, community)
    bystander = await create_resident(api, community)
    path = f"/staff/roles?organization_id={community.id}" if act is end_role else "/me"
    out_at: list[float] = []
    polls = asyncio.Semaphore(0)
    late: list[int] = []

    async def poll(somebody: Api, known_seconds: float = 0) -> None:
        after = 0
        while after < 5:
            after += bool(out_at) and time.monotonic() >= out_at[0] + known_seconds
            response = await somebody.send("GET", path)
            polls.release()
            if after:
                late.append(response.status_code)

    async with httpx.AsyncClient(base_url=other_process) as client:
        there = Api(client, person.token)
        elsewhere = 0 if act is end_role else KNOWN_FOR.total_seconds()
        polling = [asyncio.create_task(poll(person)) for _ in range(2)]
        polling += [asyncio.create_task(poll(there, elsewhere)) for _ in range(2)]
        for _ in range(8):
            await polls.acquire()
        await act(manager, person, key)
        out_at.append(time.monotonic())
        await asyncio.gather(*polling)
    assert set(late) == {403 if act is end_role else 401}
    await bystander.get("/me")


async def test_another_device_stays_signed_in(api: Api, other_process: str) -> None:
    person = await create_person()
    phone, tablet = await sign_in(api, person), await sign_in(api, person)
    await phone.delete("/sessions/current")
    await phone.refused("GET", "/me", code="not_signed_in")
    await tablet.get("/me")
