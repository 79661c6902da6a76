"""Many drawings at once hold up nobody but those who want drawings."""

import asyncio
import threading

import pytest

from server.accounts.details import save_details
from server.media.drawing import typesetting
from server.media.drawing.certificate import CertificateWords
from server.media.drawing.threads import DRAWN_AT_ONCE, draw_in_thread
from tests.clients import Api
from tests.volunteering.attendance.builders import served, shanghai_time
from tests.volunteering.hours.test_certificates import issue, served_twice


async def test_other_threads_are_free() -> None:
    go_on = threading.Event()
    drawing = [asyncio.create_task(draw_in_thread(go_on.wait, 10)) for _ in range(60)]
    try:
        assert await asyncio.wait_for(asyncio.to_thread(int, "7"), 5) == 7
        assert not any(task.done() for task in drawing)
    finally:
        go_on.set()
    assert await asyncio.gather(*drawing) == [True] * 60


async def test_one_person_does_not_take_every_thread(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """30 certificates of one person: two at a time, so another's waits for two of them at the most."""
    people = await served_twice(api)
    await save_details(people.second.person_id, real_name="李大力")
    await served(people, people.second, shanghai_time(1, 9), 60)
    greedy, modest = [(who, (await issue(who))["id"]) for who in (people.first, people.second)]
    at_once, begun, go_on = [0], threading.Semaphore(0), threading.Semaphore(0)

    def draw(_: str, words: CertificateWords, *__: object) -> list[bytes]:
        at_once.append(at_once[-1] + 1)
        begun.release()
        assert go_on.acquire(timeout=10)
        at_once.append(at_once[-1] - 1)
        return [words.name.encode()]

    monkeypatch.setattr(typesetting, "_compile", draw)

    async def fetch(who: Api, certificate_id: str) -> bytes:
        return (await who.send("GET", f"/certificates/{certificate_id}/picture")).content

    many = [asyncio.create_task(fetch(*greedy)) for _ in range(30)]
    for _ in range(DRAWN_AT_ONCE):
        await asyncio.to_thread(begun.acquire, timeout=5)
    one = asyncio.create_task(fetch(*modest))
    while not one.done():
        go_on.release()
        await asyncio.to_thread(begun.acquire, timeout=1)
    assert sum(task.done() for task in many) <= 2 * DRAWN_AT_ONCE
    go_on.release(100)
    assert len(set(await asyncio.gather(*many))) == 1
    assert max(at_once) == DRAWN_AT_ONCE
