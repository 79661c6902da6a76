"""The fields of a subscribe message, made to fit the rules of their types before anything is sent.

The rules are those of 订阅消息参数值内容限制说明 on the platform's page 发送订阅消息. A key such as `thing1` names its
type; what can be cut is cut, what cannot be made to fit raises FieldInvalid, so that the platform never has to answer
47003 through a fault of ours.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal

from server.foundation.dates import render_date, render_time

FIELD_LIMIT = 5
"""Keywords in one template, by the platform's template library."""
EMPTY = "无"
_KEY = re.compile(r"([a-z_]+?)\d{1,2}")
_PAGE = re.compile(r"[A-Za-z0-9_\-]+(/[A-Za-z0-9_\-]+)*(\?[^\s#?]*)?")
_DATE = r"(\d{4}年\d{1,2}月\d{1,2}日|\d{4}年\d{1,2}月|\d{1,2}月\d{1,2}日|\d{4}[-/.]\d{1,2}[-/.]\d{1,2})"
_TIME_OF_DAY = r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?"
_TIME = re.compile(rf"({_DATE} )?{_TIME_OF_DAY}(~({_DATE} )?{_TIME_OF_DAY})?")
_DATE_TEXT = re.compile(rf"{_DATE}( {_TIME_OF_DAY})?(~{_DATE}( {_TIME_OF_DAY})?)?")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_AMOUNT = re.compile(r"[¥￥$€£]?(\d+)(\.\d{1,2})?元?")
_PHONE = re.compile(r"[0-9+()\-]{1,17}")
_CAR = re.compile(r"[\u4e00-\u9fff]?[A-Za-z0-9]{1,7}[\u4e00-\u9fff]?")


class FieldInvalid(ValueError):
    """A value that cannot be made to fit its field, or a key that names no type."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.problem = problem


def clean_fields(data: Mapping[str, object]) -> dict[str, str]:
    """Every field as the text that the platform accepts. Raises FieldInvalid for the first that cannot be one."""
    if not 0 < len(data) <= FIELD_LIMIT:
        raise FieldInvalid("data", f"a message has 1 to {FIELD_LIMIT} fields")
    return {key: clean_field(key, value) for key, value in data.items()}


def clean_field(key: str, value: object) -> str:
    """One field's text, by the type that its key names."""
    found = _KEY.fullmatch(key)
    clean = _TYPES.get(found.group(1)) if found else None
    if clean is None:
        raise FieldInvalid(key, "the key names no known type")
    try:
        return clean(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise FieldInvalid(key, str(error)) from None


def check_page(page: str) -> str:
    """A page as the platform takes it: without a leading slash, a query allowed. Raises ValueError."""
    page = page.removeprefix("/")
    if len(page) > 1024 or not _PAGE.fullmatch(page):
        raise ValueError("the page is not a path of the mini-program, such as pages/wish/wish?id=1")
    return page


def count_characters(text: str) -> int:
    """Length as JavaScript counts it, the larger of the two counts the platform could mean."""
    return len(text) + sum(ord(character) > 0xFFFF for character in text)


def _plain(value: object) -> str:
    """The value's text on one line, without control and invisible characters."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise TypeError(f"a {type(value).__name__} is not a text")
    visible = (" " if unicodedata.category(part) == "Cc" else part for part in str(value) if not _is_invisible(part))
    return " ".join("".join(visible).split())


def _cut(text: str, limit: int, ending: str = "") -> str:
    if count_characters(text) <= limit:
        return text
    while count_characters(text) > limit - len(ending):
        text = text[:-1]
    return text.rstrip() + ending


def _needed(text: str) -> str:
    if not text:
        raise ValueError("is empty, or has nothing that fits the field")
    return text


def _thing(value: object) -> str:
    return _cut(_plain("" if value is None else value), 20, "…") or EMPTY


def _character_string(value: object) -> str:
    kept = "".join(part for part in _plain(value) if "!" <= part <= "~" or part == " ")
    return _needed(_cut(_plain(kept), 32))


def _number(value: object) -> str:
    text = f"{value:f}" if isinstance(value, Decimal) else _plain(value)
    if not _NUMBER.fullmatch(text) or len(text) > 32:
        raise ValueError("is not a number of up to 32 digits")
    return text


def _letter(value: object) -> str:
    return _needed("".join(part for part in _plain(value) if part.isascii() and part.isalpha())[:32])


def _symbol(value: object) -> str:
    return _needed(
        "".join(part for part in _plain(value) if unicodedata.category(part)[0] in "PS" and ord(part) <= 0xFFFF)[:5]
    )


def _phrase(value: object) -> str:
    return _needed("".join(part for part in _plain(value) if _is_han(part))[:5])


def _name(value: object) -> str:
    text = _plain("".join(part for part in _plain(value) if not part.isdigit() and ord(part) <= 0xFFFF))
    return _needed(_cut(text, 20 if text.isascii() else 10))


def _amount(value: object) -> str:
    """An int is 分, as everywhere here."""
    text = f"{value // 100}.{value % 100:02}元" if isinstance(value, int) and value >= 0 else _plain(value)
    found = _AMOUNT.fullmatch(text)
    if not found or len(found.group(1) + (found.group(2) or "")) > 10:
        raise ValueError("is not an amount of up to 10 digits, such as 12.50元")
    return text


def _phone_number(value: object) -> str:
    text = _plain(value).replace(" ", "-")
    if not _PHONE.fullmatch(text):
        raise ValueError("is not a phone number of up to 17 digits and symbols")
    return text


def _car_number(value: object) -> str:
    text = _plain(value).replace(" ", "").replace("·", "")
    if len(text) > 8 or not _CAR.fullmatch(text):
        raise ValueError("is not a car's number of up to 8 characters")
    return text


def _time(value: object) -> str:
    if isinstance(value, datetime):
        return render_time(value)
    if isinstance(value, tuple):
        return _time_range(value)
    text = _plain(value)
    if not _TIME.fullmatch(text):
        raise ValueError("is not a time such as 15:01 or 2026年10月1日 15:01")
    return text


def _time_range(span: tuple[object, ...]) -> str:
    """`2026年10月1日 15:01~16:30` within a day, both days in full otherwise."""
    if len(span) != 2 or not isinstance(span[0], datetime) or not isinstance(span[1], datetime):
        raise ValueError("a span is two times")
    start, end = render_time(span[0]), render_time(span[1])
    return f"{start}~{end.split()[1] if start.split()[0] == end.split()[0] else end}"


def _date(value: object) -> str:
    if isinstance(value, datetime):
        return render_time(value)
    if isinstance(value, date):
        return render_date(value)
    text = _plain(value)
    if not _DATE_TEXT.fullmatch(text):
        raise ValueError("is not a date such as 2026年10月1日")
    return text


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in ("Cf", "Cs", "Co", "Cn")


def _is_han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff" or "\u3400" <= character <= "\u4dbf"


_TYPES: dict[str, Callable[[object], str]] = {
    "thing": _thing,
    "character_string": _character_string,
    "number": _number,
    "letter": _letter,
    "symbol": _symbol,
    "phrase": _phrase,
    "name": _name,
    "amount": _amount,
    "phone_number": _phone_number,
    "car_number": _car_number,
    "time": _time,
    "date": _date,
}
