"""Phone and identity numbers are found in public words however they are written."""

import pytest

from server.foundation.errors import InvalidFields
from server.foundation.typed import require_no_number


@pytest.mark.parametrize(
    "text",
    [
        "请打+8613800001111",
        "请打+86 138 0000 1111",
        "请打138.0000.1111",
        "请打138\u200b00001111",
        "请打\uff11\uff13\uff18\uff10\uff10\uff10\uff10\uff11\uff11\uff11\uff11",
        "请打1380-000-1111",
        "请打1380 0001 111",
        "请打13800 001111",
        "请打1 3 8 0 0 0 0 1 1 1 1",
        "请打٠٠٨٦١٣٨٠٠٠٠١١١١",
        "请打一三八零零零零幺幺幺幺",
        "请打1\ufe0f\u20e33\ufe0f\u20e3800001111",
        "3 号楼 13800001111",
        "电话 0631-5201235",
        "电话（0631）520 1235",
        "身份证 371002 19800101 1231",
        "身份证 371002-1980-01-01-1231",
        "身份证 37100219800101123X",
    ],
)
def test_a_number_is_found(text: str) -> None:
    with pytest.raises(InvalidFields):
        require_no_number("text", text)


@pytest.mark.parametrize(
    "text",
    [
        "2026年11月26日 9:30",
        "2026-11-26 13:00-15:00",
        "3号楼2单元1301室",
        "一共 1380 元",
        "订单 20261126138000011112",
        "13、14、15、16、17、18 号楼",
        "一三五上午九点，二四六下午三点",
        "1949-2026 100 幅照片",
        "110、119、120",
    ],
)
def test_other_numbers_are_left_alone(text: str) -> None:
    require_no_number("text", text)
