"""What is put together from several texts reads as one."""

import pytest

from server.foundation.phrases import days_to_go, place_in_full, without_place


@pytest.mark.parametrize(
    ("name", "where", "said"),
    [
        ("阳光邻里中心", "和平路 1 号", "阳光邻里中心（和平路 1 号）"),
        ("阳光邻里中心", "和平路 1 号阳光邻里中心二楼", "和平路 1 号阳光邻里中心二楼"),
        ("阳光邻里中心", "阳光邻里中心", "阳光邻里中心"),
        ("和平路 1 号阳光邻里中心", "和平路 1 号", "和平路 1 号阳光邻里中心"),
        ("阳光邻里中心", "", "阳光邻里中心"),
    ],
)
def test_a_place_is_said_once(name: str, where: str, said: str) -> None:
    assert place_in_full(name, where) == said


@pytest.mark.parametrize(
    ("title", "place", "said"),
    [
        ("阳光邻里中心理发", "阳光邻里中心", "理发"),
        ("阳光邻里中心·理发", "阳光邻里中心", "理发"),
        ("阳光邻里中心的议事厅", "阳光邻里中心", "议事厅"),
        ("阳光邻里中心", "阳光邻里中心", "阳光邻里中心"),
        ("理发（阳光邻里中心）", "阳光邻里中心", "理发（阳光邻里中心）"),
        ("理发", "", "理发"),
    ],
)
def test_a_title_leaves_out_the_place_beside_it(title: str, place: str, said: str) -> None:
    assert without_place(title, place) == said


@pytest.mark.parametrize(("days", "said"), [(-1, "已过期"), (0, "今天到期"), (1, "还剩 1 天"), (30, "还剩 30 天")])
def test_days_to_go(days: int, said: str) -> None:
    assert days_to_go(days) == said
