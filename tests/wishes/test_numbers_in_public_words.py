"""Phone and identity numbers are found in public words however they are written."""

import pytest

from server.foundation.errors import InvalidFields
from server.wishes.contact import require_no_number


@pytest.mark.parametrize(
    "text",
    [
        "请打+8613800001111",
        "请打+86 138 0000 1111",
        "请打138.0000.1111",
        "请打138\u200b00001111",
        "请打\uff11\uff13\uff18\uff10\uff10\uff10\uff10\uff11\uff11\uff11\uff11",
        "身份证 371002 19800101 1231",
        "身份证 37100219800101123X",
    ],
)
def test_a_number_is_found(text: str) -> None:
    with pytest.raises(InvalidFields):
        require_no_number("text", text)


@pytest.mark.parametrize(
    "text", ["2026年11月26日 9:30", "3号楼2单元1301室", "一共 1380 元", "订单 20261126138000011112"]
)
def test_other_numbers_are_left_alone(text: str) -> None:
    require_no_number("text", text)
