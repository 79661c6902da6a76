"""Words for messages, made when they are read or sent: names live in one place and can be deleted there."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from server.foundation.dates import (
    day_of,
    instant,
    render_date,
    render_short_date,
    render_short_time,
    render_time,
    today,
)
from server.foundation.ids import is_id
from server.notifications.events import EVENTS, Event, names_in

GONE = "（已删除）"
"""What stands for a thing that is no longer there."""

ENDS = {"due", "until"}
"""Facts until when something is to be done: those that end with a day are told by it."""

_SECOND_STOP = re.compile(r"(?<=[。！？…])。")
"""Where a reason that somebody wrote as a sentence ends one of ours."""

Describe = Callable[[list[str]], Awaitable[Mapping[str, Mapping[str, Any]]]]

SUBJECTS: dict[str, Describe] = {}
"""Kind of subject → words of many subjects in one query: id → {"id": …, "title": …}, without those that are gone. They
are strings, and instants, which a text and a field of WeChat's show each in its form. Filled by wiring.py."""


class Words(NamedTuple):
    """A message as a person reads it."""

    title: str
    text: str
    page: str


class Told(NamedTuple):
    """An event with its facts, as stored in the inbox."""

    event: str
    facts: Mapping[str, Any]


Show = Callable[[datetime], str]

Described = dict[tuple[str, str], Mapping[str, Any]]
"""(kind, id) → its words."""


class _Subject(dict[str, Any]):
    """A subject's words. What it lacks reads as gone, so that no text ever fails on it; but whose it is (`whose…`) is
    left out where nobody said so, as in messages of earlier versions."""

    def __missing__(self, key: str) -> str:
        return "" if key.startswith("whose") else GONE

    def __str__(self) -> str:
        return str(self.get("title") or self.get("name") or self.get("nickname") or GONE)


class _Facts(dict[str, Any]):
    def __missing__(self, key: str) -> _Subject:
        return _Subject()


async def describe_subjects(told: Iterable[Told]) -> Described:
    """The words of all subjects of many messages: one query for each kind."""
    wanted: dict[str, set[str]] = {}
    for event, facts in told:
        declared = EVENTS.get(event)
        for name, value in facts.items():
            kind = _kind(declared, name)
            if kind in SUBJECTS and isinstance(value, str) and is_id(value):
                wanted.setdefault(kind, set()).add(value)
    described: Described = {}
    for kind, ids in sorted(wanted.items()):
        for subject_id, words in (await SUBJECTS[kind](sorted(ids))).items():
            described[kind, subject_id] = words
    return described


def render_words(told: Told, described: Described) -> Words:
    """Title, text and page. An event that is no longer declared gives a neutral title."""
    declared = EVENTS.get(told.event)
    if declared is None:
        return Words("通知", "", "")
    values = _values(declared, told.facts, described, _short_time, _end_of_day)
    page, text = declared.page.format_map(values), declared.text.format_map(values)
    if gone_subjects(declared, told.facts, described, declared.page):
        page = ""  # It would open on an error.
        if declared.gone:
            return Words(*declared.gone, page)
    return Words(declared.title.format_map(values), _SECOND_STOP.sub("", text), page)


def render_fields(told: Told, described: Described) -> dict[str, str]:
    """The values for the template's fields, times in WeChat's form; not yet cut to what WeChat accepts."""
    declared = EVENTS[told.event]
    values = _values(declared, told.facts, described, render_time, render_time)
    return {key: text.format_map(values) for key, text in declared.fields.items()}


def gone_subjects(declared: Event, facts: Mapping[str, Any], described: Described, *texts: str) -> list[str]:
    """The facts named in `texts` whose subjects are no longer there."""
    return [
        name
        for name in sorted(names_in(*texts))
        if _is_subject(declared, name) and (_kind(declared, name), facts.get(name)) not in described
    ]


def _values(declared: Event, facts: Mapping[str, Any], described: Described, show_time: Show, show_end: Show) -> _Facts:
    values = _Facts()
    for name, value in facts.items():
        if _is_subject(declared, name):
            words = described.get((_kind(declared, name), value), {})
            values[name] = _Subject({word: _shown(said, show_time) for word, said in words.items()})
        elif isinstance(value, dict):
            moment = datetime.fromisoformat(value["time"])
            ends_a_day = name in ENDS and moment == instant(day_of(moment))
            # WeChat's fields have a time of the clock, of the same day.
            values[name] = show_end(moment - timedelta(minutes=1)) if ends_a_day else show_time(moment)
        elif name in declared.said:
            values[name] = declared.said[name](int(value))
        else:
            values[name] = declared.words.get(name, {}).get(str(value), str(value))
    return values


def _shown(said: Any, show_time: Show) -> str:
    return show_time(said) if isinstance(said, datetime) else said


def _end_of_day(moment: datetime) -> str:
    """`10月1日 24:00`: midnight as the end of the day that `moment` is in, where people look for it."""
    day = day_of(moment)
    return f"{render_short_date(day) if day.year == today().year else render_date(day)} 24:00"


def _is_subject(declared: Event, name: str) -> bool:
    return _kind(declared, name) in SUBJECTS or name in declared.subject_names()


def _kind(declared: Event | None, name: str) -> str:
    return declared.kinds.get(name, name) if declared else name


def _short_time(moment: datetime) -> str:
    """`10月1日 15:01`, with the year where it is not this one."""
    is_this_year = day_of(moment).year == today().year
    return render_short_time(moment) if is_this_year else render_time(moment)
