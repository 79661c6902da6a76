"""What people read: the name of a field, and a value as text."""

import re
from datetime import date, datetime
from functools import cache
from typing import Any, get_args, get_type_hints

import msgspec
from markupsafe import Markup

from miniprogram_api.openapi import PROPERTIES
from server.foundation import clock
from server.foundation.dates import render_date, render_duration
from server.foundation.words import Worded

_SHORT = re.compile("[（，；：。]")
_HIDDEN = re.compile(r"(^|_)id(s)?$|^version$|^next_cursor$|_cursor$|^actions$")
_PICTURE = re.compile(r"(^|_)(thumbnail|avatar)_url$")
_MINUTES = re.compile(r"^minutes$|_minutes$")


@cache
def _words() -> dict[str, str]:
    return msgspec.json.decode(PROPERTIES.read_bytes(), type=dict[str, str])


@cache
def label(name: str) -> str:
    """The name of a field or property, short: what the API's document says of it, up to the first comma."""
    words = _words().get(name, name)
    return _SHORT.split(words.removesuffix("的标识"))[0]


def is_shown(name: str) -> bool:
    """Whether people want to see it: ids and versions are for programs."""
    return not _HIDDEN.search(name)


def show(value: Any, name: str = "") -> str | Markup:
    """A value as people read it."""
    if value is None or value == "":
        return Markup('<span class="none">—</span>')
    if isinstance(value, Worded):
        return value.word
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return show_moment(value)
    if isinstance(value, date):
        return render_date(value)
    if isinstance(value, int) and _MINUTES.search(name):
        return render_duration(value)
    if isinstance(value, float):
        return f"{value:.1%}" if name == "share" else f"{value:g}"
    if isinstance(value, list | tuple):
        return "、".join(str(show(item)) for item in value) or Markup('<span class="none">—</span>')
    if isinstance(value, dict):
        return "；".join(f"{key} {show(item)}" for key, item in value.items()) or Markup('<span class="none">—</span>')
    if isinstance(value, str) and _PICTURE.search(name):
        return Markup('<img class="thumb" alt="" src="{}">').format(value)
    if isinstance(value, msgspec.Struct):
        names = ("name", "title", "nickname")
        return next((str(getattr(value, one)) for one in names if getattr(value, one, "")), "")
    return str(value)


def show_moment(moment: datetime) -> str:
    """Short, by Shanghai's clock: today 09:30, 11月28日 09:30, and the year where it is another one."""
    local, now = clock.shanghai(moment), clock.shanghai(clock.now())
    if local.date() == now.date():
        return f"今天 {local:%H:%M}"
    year = "" if local.year == now.year else f"{local.year}年"
    return f"{year}{local.month}月{local.day}日 {local:%H:%M}"


def fields_of(value: msgspec.Struct) -> list[tuple[str, Any]]:
    """Name and value of what is shown of a Struct, in its order."""
    return [(name, part_of(value, name)) for name in value.__struct_fields__ if is_shown(name)]


def facts_of(value: msgspec.Struct) -> list[tuple[str, Any]]:
    """The same without what is empty: on a page about one thing it only stands in the way."""
    return [(name, part) for name, part in fields_of(value) if part not in (None, "", [], {})]


def part_of(thing: Any, name: str) -> Any:
    """An attribute. A query fills Structs with plain text where they declare an enumeration, whose words are wanted."""
    value = getattr(thing, name, None)
    kind = _enumeration(thing.__class__, name) if type(value) is str else None
    return kind._value2member_map_.get(value, value) if kind else value


@cache
def _enumeration(struct: type, name: str) -> type[Worded] | None:
    kinds: dict[str, Any] = get_type_hints(struct)
    told = kinds.get(name)
    return next((one for one in (told, *get_args(told)) if isinstance(one, type) and issubclass(one, Worded)), None)


def value_at(thing: Any, path: str) -> Any:
    """An attribute of a thing, dots lead into its parts; empty where it is missing."""
    for part in path.split("."):
        thing = part_of(thing, part)
        if thing is None:
            return ""
    return thing


def is_table(value: Any) -> bool:
    """Whether a value is a list of Structs, which is shown as a table."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], msgspec.Struct)


def is_struct(value: Any) -> bool:
    """Whether a value has parts that are worth a block of their own: more than a name."""
    return isinstance(value, msgspec.Struct) and len(fields_of(value)) > 1
