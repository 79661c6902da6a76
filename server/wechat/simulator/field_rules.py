"""What the platform accepts in a subscribe message, written apart from our own cleaning so that each tests the other.

Source: 订阅消息参数值内容限制说明, on the page 发送订阅消息.
"""

import re

_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_CLOCK = r"\d{1,2}:\d{2}(:\d{2})?"
_DAY = r"(\d{4}年\d{1,2}月(\d{1,2}日)?|\d{1,2}月\d{1,2}日|\d{4}([-/.])\d{1,2}\3\d{1,2})"
_DAY_B = _DAY.replace(r"\3", "[-/.]")
_MOMENT = rf"({_DAY_B} )?{_CLOCK}"
_DAY_MOMENT = rf"{_DAY_B}( {_CLOCK})?"

_LENGTHS = {
    "thing": 20,
    "character_string": 32,
    "number": 32,
    "letter": 32,
    "symbol": 5,
    "phrase": 5,
    "phone_number": 17,
}
_PATTERNS = {
    "thing": r".+",
    "character_string": r"[\x20-\x7e]+",
    "number": r"-?\d+(\.\d+)?",
    "letter": r"[A-Za-z]+",
    "symbol": rf"[^\sA-Za-z0-9{_HAN}]+",
    "phrase": rf"[{_HAN}]+",
    "name": r"\D+",
    "amount": r"[^\w\s]?\d[\d.]*元?",
    "phone_number": r"[0-9+\-()]+",
    "car_number": rf"[{_HAN}]?[A-Za-z0-9]+[{_HAN}]?",
    "time": rf"{_MOMENT}(~{_MOMENT})?",
    "date": rf"{_DAY_MOMENT}(~{_DAY_MOMENT})?",
}
_COMPILED = {kind: re.compile(pattern) for kind, pattern in _PATTERNS.items()}
_KEY = re.compile(r"([a-z_]+?)\d+")


def find_problem(data: object, keys: list[str]) -> str:
    """The errmsg of 47003 for this message's data, or nothing when the platform takes it."""
    if not isinstance(data, dict):
        return "argument invalid! data is not an object"
    for key in keys:
        item = data.get(key)
        value = item.get("value") if isinstance(item, dict) else None
        if value is None or value == "":
            return f"argument invalid! data.{key}.value is empty"
        if not _fits(key, str(value)):
            return f"argument invalid! data.{key}.value invalid"
    for key in data:
        if key not in keys:
            return f"argument invalid! data.{key} is not a keyword of the template"
    return ""


def _fits(key: str, value: str) -> bool:
    found = _KEY.fullmatch(key)
    kind = found.group(1) if found else ""
    if kind not in _COMPILED or any(ord(character) < 32 or 127 <= ord(character) < 160 for character in value):
        return False
    if not value.strip() or not _COMPILED[kind].fullmatch(value):
        return False
    if kind == "name":
        return len(value) <= (10 if re.search(f"[{_HAN}]", value) else 20)
    if kind == "amount":
        return sum(character.isdigit() for character in value) <= 10
    if kind == "car_number":
        return len(value) <= 8
    # The platform's own program counts as JavaScript does.
    return len(value.encode("utf-16-le")) // 2 <= _LENGTHS.get(kind, 100)
