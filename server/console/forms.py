"""A form for a request, from its Struct: the same declaration that decodes and documents it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import inspect as types

from server.console.labels import label, show
from server.foundation import clock

Choices = Sequence[tuple[str, str]]
"""Value and words of each option."""
_LONG = 120
"""From how many characters on a text has lines."""
_LATER = ("cancel_bookings", "move_bookings")
"""Asked for only once it is known which bookings a change affects."""


class Field(msgspec.Struct, kw_only=True):
    """One thing to fill in. `kind` is the control; `parts` are the fields of a group, `rows` those of each
    of several; `name` is its path."""

    name: str
    label: str
    kind: str
    required: bool = False
    value: Any = ""
    choices: Choices = ()
    parts: list["Field"] = []
    rows: list[list["Field"]] = []
    attributes: dict[str, Any] = {}
    help: str = ""


def build_form(
    body_type: Any, *, given: Mapping[str, Any], choices: Mapping[str, Choices], hidden: Mapping[str, str]
) -> list[Field]:
    """The fields of a request. `given` are values to begin with by name, `choices` the options where a field takes an
    id, `hidden` what is known already and sent along."""
    return _fields(types.type_info(body_type), "", given, choices, hidden)


def _fields(
    info: Any, prefix: str, given: Mapping[str, Any], choices: Mapping[str, Choices], hidden: Mapping[str, str]
) -> list[Field]:
    made = []
    for each in info.fields:
        path = f"{prefix}{each.encode_name}"
        if path in hidden:
            made.append(Field(name=path, label="", kind="hidden", value=hidden[path]))
            continue
        field = _field(each.type, path, each.encode_name, given, choices, hidden)
        if field is None:
            continue
        field.required = each.required and field.kind != "checkbox"
        made.append(field)
    return made


def _field(
    info: Any,
    path: str,
    name: str,
    given: Mapping[str, Any],
    choices: Mapping[str, Choices],
    hidden: Mapping[str, str],
) -> Field | None:
    """None where there is nothing to fill in: an id that nobody offers options for."""
    info, words = _bare(info)
    value = given.get(path, "")
    field = Field(name=path, label=label(name), kind="text", value=typed(value))
    if name in choices:
        field.kind, field.choices = "select", choices[name]
    elif name.endswith(("_id", "_ids")) or name == "version" or name in _LATER:
        return None
    elif isinstance(info, types.EnumType):
        field.kind, field.choices = "select", [(str(member), str(show(member))) for member in info.cls]
    elif isinstance(info, types.BoolType):
        field.kind, field.value = "checkbox", bool(value)
    elif isinstance(info, types.IntType | types.FloatType):
        field.kind = "number"
        step = 1 if isinstance(info, types.IntType) else "any"
        field.attributes = {"min": info.ge, "max": info.le, "step": step}
    elif isinstance(info, types.DateTimeType):
        field.kind, field.value = "datetime-local", _wall_clock(field.value)
    elif isinstance(info, types.DateType):
        field.kind = "date"
    elif isinstance(info, types.StrType):
        field.attributes = {"maxlength": info.max_length, "minlength": info.min_length, "pattern": _pattern(info)}
        if (info.max_length or _LONG) > _LONG:
            field.kind = "textarea"
    elif isinstance(info, types.StructType):
        field.kind, field.parts = "group", _fields(info, f"{path}.", given, choices, hidden)
    elif isinstance(info, types.ListType):
        return _list_field(info, field, given, choices, hidden)
    else:
        return None
    field.help = words
    return field


def _list_field(
    info: types.ListType,
    field: Field,
    given: Mapping[str, Any],
    choices: Mapping[str, Choices],
    hidden: Mapping[str, str],
) -> Field | None:
    item, _ = _bare(info.item_type)
    if isinstance(field.value, str):
        field.value = [field.value] if field.value else []
    if isinstance(item, types.EnumType):
        field.kind = "checkboxes"
        field.choices = [(str(member), str(show(member))) for member in item.cls]
        return field
    if isinstance(item, types.IntType) and field.name.endswith("weekdays"):
        field.kind = "checkboxes"
        field.choices = [(str(day), f"周{word}") for day, word in enumerate("一二三四五六日", 1)]
        return field
    if isinstance(item, types.StrType):
        field.kind, field.help = "lines", "一行一项"
        return field
    if isinstance(item, types.StructType):
        field.kind = "several"
        numbers = {name.split(".")[field.name.count(".") + 1] for name in given if name.startswith(f"{field.name}.")}
        for number in range(max(len(numbers), 1)):
            field.rows.append(_fields(item, f"{field.name}.{number}.", given, choices, hidden))
        return field
    return None


def read_form(body_type: Any, form: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What was filled in, as plain values for the Struct: what was left empty is left out."""
    return _read(types.type_info(body_type), "", form)


def _read(info: Any, prefix: str, form: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in info.fields:
        value = _read_value(each.type, f"{prefix}{each.encode_name}", form)
        if value is not None:
            found[each.encode_name] = value
    return found


def _read_value(info: Any, path: str, form: Mapping[str, Sequence[str]]) -> Any:
    info, _ = _bare(info)
    given = [text.strip() for text in form.get(path, ())]
    first = given[0] if given else ""
    if isinstance(info, types.StructType):
        return _read(info, f"{path}.", form) if any(name.startswith(f"{path}.") for name in form) else None
    if isinstance(info, types.ListType):
        return _read_list(info, path, given, form)
    if isinstance(info, types.BoolType):
        return first in ("on", "true")
    if isinstance(info, types.DateTimeType) and first:
        # What people see and type is Shanghai's wall clock.
        return datetime.fromisoformat(first).replace(tzinfo=clock.SHANGHAI).isoformat()
    return first or None


def _read_list(info: types.ListType, path: str, given: list[str], form: Mapping[str, Sequence[str]]) -> Any:
    item, _ = _bare(info.item_type)
    if isinstance(item, types.StructType):
        rest = len(path) + 1
        numbers = {name[rest:].split(".")[0] for name in form if name.startswith(f"{path}.")}
        rows = [_read(item, f"{path}.{number}.", form) for number in sorted(numbers, key=int)]
        return [row for row in rows if any(value not in (False, [], {}) for value in row.values())] or None
    if isinstance(item, types.StrType):
        return [line.strip() for text in given for line in text.splitlines() if line.strip()] or None
    return [text for text in given if text] or None


def _bare(info: Any) -> tuple[Any, str]:
    """Without what says that it may be left out, and the words that were said of it."""
    words = ""
    while True:
        if isinstance(info, types.Metadata):
            told = (info.extra_json_schema or {}).get("description", "")
            words, info = words or ("" if told.isascii() else told), info.type
        elif isinstance(info, types.UnionType):
            info = next(one for one in info.types if not isinstance(one, types.NoneType))
        else:
            return info, words


def _pattern(info: types.StrType) -> str | None:
    """Python's pattern for the browser, where it has nothing that only Python knows."""
    pattern = info.pattern
    return None if pattern is None or "(?" in pattern else pattern


def _wall_clock(text: str) -> str:
    """An instant as it stands in an address, as the control shows it; what was typed stays."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return typed(moment) if moment.tzinfo else text


def typed(value: Any) -> Any:
    """A value as a control shows it."""
    if isinstance(value, datetime):
        return f"{clock.shanghai(value):%Y-%m-%dT%H:%M}"
    if isinstance(value, list):
        return [str(item) for item in value]
    return "" if value is None else str(value)
