"""People's calendars: what comes up for somebody from all features, and as an iCalendar file (RFC 5545) that phones and
computers subscribe to.

A feed's address is its permission, as calendars send no token: it is signed, one a person, and a new one ends the old.
"""

import unicodedata
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec
from icalendar import Alarm, Calendar, Event, vText

from server.calendars.models import CalendarFeed
from server.foundation import clock
from server.foundation.crypto import keyring
from server.foundation.database import execute, fetch_value, transaction
from server.foundation.errors import InvalidFields, NotFound
from server.foundation.ids import Id, new_id
from server.foundation.settings import Settings
from server.notifications.reminders import REMINDERS

LONGEST_RANGE = timedelta(days=366)
_FEED_BACK = timedelta(days=30)
_FEED_AHEAD = timedelta(days=200)
_PURPOSE = "calendar_feed"
_PATH = "/api/v1/calendars/"

_base = ""


class CalendarEntry(msgspec.Struct, kw_only=True):
    """Something at a time. `kind` and `id` say what; `state` is that thing's own, and `state_word` how people read it;
    `version` grows with each change of its time. `note` has what one needs to know, line by line."""

    kind: str
    id: Id
    title: str
    place: str
    note: str = ""
    starts_at: datetime
    ends_at: datetime
    state: str
    state_word: str
    is_tentative: bool = False
    is_cancelled: bool = False
    version: int = 1


class MyCalendar(msgspec.Struct):
    """What touches the time asked for, in the order of time."""

    entries: list[CalendarEntry]


class FeedAddress(msgspec.Struct):
    """Where calendars fetch the feed; anyone who knows it can read it."""

    url: str
    made_at: datetime


Source = Callable[[str, datetime, datetime], Awaitable[list[CalendarEntry]]]

SOURCES: list[Source] = []
"""What each feature has for (person, since, until); filled by wiring.py."""


def use_base(settings: Settings) -> None:
    """Take the start of all addresses from the settings."""
    global _base
    _base = settings.public_base + _PATH


async def my_calendar(person_id: str, since: datetime, until: datetime) -> MyCalendar:
    """Everything that touches the time from `since` to `until`. Raises InvalidFields for more than a year."""
    if not since < until:
        raise InvalidFields.of("until", "结束时间应晚于开始时间")
    if until - since > LONGEST_RANGE:
        raise InvalidFields.of("until", "一次最多查看一年")
    found = [entry for source in SOURCES for entry in await source(person_id, since, until)]
    return MyCalendar(sorted(found, key=lambda entry: (entry.starts_at, entry.id)))


async def get_feed(person_id: str) -> FeedAddress:
    """The address of the person's feed, made the first time it is asked for."""
    async with transaction():
        feed = await CalendarFeed.get_or_none(person_id=person_id, ended_at=None)
        if feed is None:
            # Two devices ask at once: one makes it, the other finds it.
            await CalendarFeed.bulk_create([CalendarFeed(id=new_id(), person_id=person_id)], ignore_conflicts=True)
            feed = await CalendarFeed.get(person_id=person_id, ended_at=None)
    return FeedAddress(f"{_base}{keyring().write_signed(feed.id, _PURPOSE)}.ics", feed.created_at)


async def renew_feed(person_id: str) -> FeedAddress:
    """Another address; the old one is dead."""
    async with transaction():
        await end_feed(person_id)
        return await get_feed(person_id)


async def end_feed(person_id: str) -> None:
    """The feed ends; asked for again, there is a new one."""
    await execute(
        "UPDATE calendar_feed SET ended_at = $2 WHERE person_id = $1 AND ended_at IS NULL", person_id, clock.now()
    )


async def read_feed(name: str) -> bytes:
    """The iCalendar file behind an address's last part. Raises NotFound."""
    feed_id = keyring().read_signed(name.removesuffix(".ics"), _PURPOSE)
    if feed_id is None:
        raise NotFound()
    person_id = await fetch_value(
        "SELECT f.person_id FROM calendar_feed f JOIN person p ON p.id = f.person_id WHERE f.id = $1 "
        "AND f.ended_at IS NULL AND p.closed_at IS NULL",
        feed_id,
    )
    if person_id is None:
        raise NotFound()
    now = clock.now()
    return write_calendar((await my_calendar(person_id, now - _FEED_BACK, now + _FEED_AHEAD)).entries)


async def download_entry(person_id: str, entry_id: str) -> bytes:
    """One thing of the person's as an iCalendar file. Raises NotFound."""
    now = clock.now()
    entries = (await my_calendar(person_id, now - _FEED_BACK, now + _FEED_AHEAD)).entries
    found = [entry for entry in entries if entry.id == entry_id]
    if not found:
        raise NotFound()
    return write_calendar(found)


def write_calendar(entries: list[CalendarEntry], name: str = "邻里", *, alarms: bool = True) -> bytes:
    """Entries as iCalendar, with alarms when people are reminded of what is sure. What is not says so in its title, as
    calendars hardly show a status. A time is an instant, so no zone is needed."""
    calendar = Calendar()
    calendar.add("prodid", "-//Linli//Linli//ZH")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    # The library escapes what it knows, which this is not.
    calendar.add("x-wr-calname", vText(_printable(name)))
    calendar.add("x-wr-timezone", "Asia/Shanghai")
    calendar.add("refresh-interval", timedelta(hours=1), parameters={"value": "DURATION"})
    now = clock.now()
    for entry in entries:
        event = Event()
        event.add("uid", f"{entry.kind}-{entry.id}@linli")
        event.add("dtstamp", now)
        event.add("dtstart", entry.starts_at)
        event.add("dtend", entry.ends_at)
        event.add("summary", _title(entry))
        event.add("location", _printable(entry.place))
        event.add("sequence", entry.version)
        if entry.note:
            event.add("description", _printable(entry.note))
        event.add("status", _status(entry))
        for before in REMINDERS if alarms and not (entry.is_cancelled or entry.is_tentative) else ():
            alarm = Alarm()
            alarm.add("action", "DISPLAY")
            alarm.add("description", _title(entry))
            alarm.add("trigger", -before)
            event.add_component(alarm)
        calendar.add_component(event)
    return bytes(calendar.to_ical())


async def move_feed(from_id: str, _into_id: str) -> None:
    """Two persons turn out to be one: the old one's address is dead, since it would show more than was agreed to."""
    await end_feed(from_id)


def _title(entry: CalendarEntry) -> str:
    if entry.is_cancelled:
        return _printable(f"【已取消】{entry.title}")
    return _printable(f"【{entry.state_word}】{entry.title}" if entry.is_tentative else entry.title)


def _printable(text: str) -> str:
    """Without control characters, which RFC 5545 (3.3.11) allows in no text: some programs refuse the whole file."""
    return "".join(each for each in text if each == "\n" or unicodedata.category(each) not in ("Cc", "Zl", "Zp"))


def _status(entry: CalendarEntry) -> str:
    if entry.is_cancelled:
        return "CANCELLED"
    return "TENTATIVE" if entry.is_tentative else "CONFIRMED"
