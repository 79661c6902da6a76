"""What we make of values always passes the platform's rules, which the simulator states on its own."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from server.wechat.message_fields import FieldInvalid, check_page, clean_field, clean_fields
from server.wechat.simulator.field_rules import find_problem

TYPES = [
    "thing",
    "character_string",
    "number",
    "letter",
    "symbol",
    "phrase",
    "name",
    "amount",
    "phone_number",
    "car_number",
    "time",
    "date",
]
MOMENT = datetime(2026, 10, 1, 7, 1, tzinfo=UTC)
moments = st.datetimes(datetime(1900, 1, 1), timezones=st.just(UTC))
values = (
    st.text()
    | st.text("一二三社区志愿服务abcABC012 \n\t\u200b\u3000👍👨‍👩‍👧…¥.-+:~年月日", max_size=60)
    | st.none()
    | st.integers()
    | st.floats()
    | st.decimals()
    | moments
    | st.dates(date(1900, 1, 1))
    | st.tuples(moments, moments)
    | st.from_regex(r"\A\d{4}年\d{1,2}月\d{1,2}日( \d\d:\d\d)?\Z")
    | st.from_regex(r"\A[¥$]?\d{1,12}(\.\d\d)?元?\Z")
)


@settings(max_examples=600, deadline=None)
@given(kind=st.sampled_from(TYPES), value=values)
@example(kind="character_string", value="0 ¡ 0")
@example(kind="name", value="王 1 明")
def test_the_platform_takes_whatever_we_send(kind: str, value: Any) -> None:
    key = f"{kind}1"
    try:
        text = clean_field(key, value)
    except FieldInvalid as error:
        assert error.key == key  # noqa: PT017 (to refuse is as right as to clean)
        return
    assert find_problem({key: {"value": text}}, [key]) == ""
    assert clean_field(key, text) == text


@settings(max_examples=200, deadline=None)
@given(text=st.text())
def test_a_thing_is_never_refused(text: str) -> None:
    assert 1 <= len(clean_field("thing1", text)) <= 20


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("thing1", "想要一台轮椅", "想要一台轮椅"),
        ("thing1", "一二三四五六七八九十一二三四五六七八九十", "一二三四五六七八九十一二三四五六七八九十"),
        ("thing1", "一二三四五六七八九十一二三四五六七八九十一", "一二三四五六七八九十一二三四五六七八九…"),
        ("thing1", "👍" * 11, "👍" * 9 + "…"),
        ("thing1", " 两行\r\n文字\x00 ", "两行 文字"),
        ("thing1", "", "无"),
        ("thing1", None, "无"),
        ("thing1", " \u200b ", "无"),
        ("thing1", 12, "12"),
        ("character_string2", "LL-2026-0001 号", "LL-2026-0001"),
        ("character_string2", "x" * 40, "x" * 32),
        ("number1", 3, "3"),
        ("number1", Decimal("1E+3"), "1000"),
        ("number1", "-2.50", "-2.50"),
        ("phrase2", "已通过！", "已通过"),
        ("phrase2", "审核未能通过", "审核未能通"),
        ("name1", "王**", "王**"),
        ("name1", "Alexander the Great of Macedon", "Alexander the Great"),
        ("name1", "欧阳娜娜3号", "欧阳娜娜号"),
        ("amount1", 1250, "12.50元"),
        ("amount1", 5, "0.05元"),
        ("amount1", "¥100", "¥100"),
        ("phone_number1", "0631 5812345", "0631-5812345"),
        ("phone_number1", "+86-0766-66888866", "+86-0766-66888866"),
        ("car_number1", "鲁K·8Z888", "鲁K8Z888"),
        ("time3", MOMENT, "2026年10月1日 15:01"),
        ("time3", (MOMENT, MOMENT.replace(hour=8)), "2026年10月1日 15:01~16:01"),
        ("time3", (MOMENT, MOMENT.replace(day=2)), "2026年10月1日 15:01~2026年10月2日 15:01"),
        ("time3", "15:01", "15:01"),
        ("date4", date(2026, 10, 1), "2026年10月1日"),
        ("date4", datetime(2026, 10, 1, 16, 30, tzinfo=UTC), "2026年10月2日 00:30"),
        ("symbol1", "！？a中", "！？"),
        ("letter1", "A1b2", "Ab"),
    ],
)
def test_values_are_made_to_fit(key: str, value: object, text: str) -> None:
    assert clean_field(key, value) == text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("phrase2", ""),
        ("phrase2", "OK"),
        ("phrase2", None),
        ("number1", "三"),
        ("number1", float("nan")),
        ("number1", True),
        ("amount1", -5),
        ("amount1", 10**13),
        ("phone_number1", "电话"),
        ("phone_number1", "1" * 18),
        ("car_number1", "鲁K中8"),
        ("time3", ""),
        ("time3", "明天下午"),
        ("time3", datetime(2026, 10, 1, 15, 1)),
        ("time3", (MOMENT,)),
        ("time3", time(15, 1)),
        ("character_string2", "中文"),
        ("name1", "123"),
        ("letter1", "字"),
        ("symbol1", "字"),
        ("thing1", {"value": "x"}),
        ("thing1", True),
        ("thing", "x"),
        ("thing01x", "x"),
        ("enum1", "x"),
        ("", "x"),
    ],
)
def test_what_cannot_fit_is_refused_before_it_is_sent(key: str, value: object) -> None:
    with pytest.raises(FieldInvalid) as caught:
        clean_field(key, value)
    assert caught.value.key == key
    assert caught.value.problem


def test_a_message_has_one_to_five_fields() -> None:
    for count in (0, 6):
        with pytest.raises(FieldInvalid):
            clean_fields({f"thing{number}": "x" for number in range(count)})


@pytest.mark.parametrize("page", ["pages/wish/wish?id=1&a=b", "/pages/wish/wish", "index", "a-b/c_d"])
def test_pages(page: str) -> None:
    assert check_page(page) == page.removeprefix("/")


@pytest.mark.parametrize(
    "page", ["", "/", "//a", "pages/愿望", "https://a.b/c", "pages/a b", "a?b c", "a#b", "a/", "../a"]
)
def test_pages_that_are_none(page: str) -> None:
    with pytest.raises(ValueError, match="page"):
        check_page(page)
