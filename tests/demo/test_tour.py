"""The tour is a test too: the main job, step by step, against the app and the simulator in this process."""

from typing import Any

import pytest

from server.demo.stage import TourFailed
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
