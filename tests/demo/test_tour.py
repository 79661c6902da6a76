"""The tour is a test too: the main job, step by step, against the app and the simulator in this process."""

from typing import Any

import httpx
import pytest

from server.demo.stage import TourFailed
from server.demo.tour import find_mismatch
from tests.clients import Api
from tests.demo.touring import touring
from tests.simulator import Simulator


@pytest.fixture
async def tour(app: Any, simulator: Simulator) -> Any:
    async with touring(app, simulator) as toured:
        yield toured


async def test_the_tour_is_green_and_can_be_played_again(tour: Any) -> None:
    played, lines = tour
    await played.play()
    await played.play()
    text = "\n".join(lines)
    assert text.count("3. A wish:") == 1
    for shown in ("the third has moved up", "120 minutes of service", "moved to", "the wish came true"):
        assert text.count(shown) >= 2, shown


async def test_the_tour_fails_when_a_step_is_not_as_it_should_be(tour: Any, monkeypatch: Any) -> None:
    played, _ = tour
    monkeypatch.setattr("server.check_in.posts.holding.notify", lambda *args, **facts: _nothing())
    monkeypatch.setattr("server.demo.stage.WAIT_SECONDS", 4)
    with pytest.raises(TourFailed, match="岗位申请已通过"):
        await played.play()


async def _nothing() -> None:
    """What a forgotten message looks like."""


def answering(status: int, **content: Any) -> httpx.AsyncClient:
    """A server that has one answer for everything."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, **content))
    return httpx.AsyncClient(transport=transport, base_url="http://other.test")


async def test_a_server_and_a_wechat_of_different_demos_are_told_apart(api: Api, simulator: Simulator) -> None:
    await simulator.person("demo-staff")
    assert await find_mismatch(api.client, simulator.client) == ""
    page, other = answering(404, html="<p>not here</p>"), answering(201, json={"code": "of another simulator"})
    assert "http://other.test is not the demo's WeChat: LINLI_PORT" in await find_mismatch(api.client, page)
    assert "http://other.test is not Linli: LINLI_PORT" in await find_mismatch(page, simulator.client)
    assert "do not belong to one demo: LINLI_PORT" in await find_mismatch(api.client, other)
