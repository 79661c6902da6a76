"""What a person wants on WeChat: which kinds of event, and not at night. The inbox keeps everything all the same."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

import msgspec

from server.background.outbox import hasten_lane
from server.foundation import clock
from server.foundation.database import execute, fetch_one, transaction
from server.foundation.dates import instant
from server.foundation.errors import EditedMeanwhile, InvalidFields
from server.foundation.ids import new_id
from server.notifications.events import Event, Topic
from server.notifications.models import NotificationPreferences

BULK_QUIET = (22 * 60, 7 * 60)
"""From when to when, in minutes of the day in Shanghai, nothing that is told to many is sent to those who have not said
otherwise."""
DIGEST_AT = time(19, 0)
"""When, in Shanghai, people are told of what could not be sent."""
_DAY = 24 * 60


class Wanted(msgspec.Struct, frozen=True):
    """A person's preferences, as sending needs them. Where nobody has said anything, everything is wanted at once."""

    muted: frozenset[str] = frozenset()
    quiet_from: int | None = None
    quiet_until: int | None = None

    def held_until(self, event: Event, now: datetime) -> datetime | None:
        """When the event may be sent, if it must wait for the end of the quiet hours."""
        if event.urgent:
            return None
        if self.quiet_from is not None and self.quiet_until is not None:
            return end_of_quiet(now, self.quiet_from, self.quiet_until)
        return end_of_quiet(now, *BULK_QUIET) if event.bulk else None


class TopicView(msgspec.Struct):
    """A kind of event: `wanted` says whether it is sent to WeChat."""

    topic: str
    title: str
    wanted: bool


class PreferencesView(msgspec.Struct):
    """What the person wants on WeChat. The quiet hours are minutes of the day in Shanghai, both null where there are
    none; what is urgent is sent all the same."""

    topics: list[TopicView]
    quiet_from: int | None
    quiet_until: int | None
    version: int


async def wanted_by(person_id: str) -> Wanted:
    """What the person wants."""
    row = await fetch_one(
        "SELECT muted, quiet_from, quiet_until FROM notification_preferences WHERE person_id = $1", person_id
    )
    if row is None:
        return Wanted()
    return Wanted(frozenset(msgspec.json.decode(row["muted"])), row["quiet_from"], row["quiet_until"])


async def get_preferences(person_id: str) -> PreferencesView:
    """What the person wants, for the page where it is set."""
    wanted = await wanted_by(person_id)
    row = await fetch_one("SELECT version FROM notification_preferences WHERE person_id = $1", person_id)
    return PreferencesView(
        [TopicView(topic, topic.word, topic not in wanted.muted) for topic in Topic],
        wanted.quiet_from,
        wanted.quiet_until,
        row["version"] if row else 0,
    )


async def set_preferences(
    person_id: str, version: int, muted: Sequence[Topic], quiet_from: int | None, quiet_until: int | None
) -> PreferencesView:
    """Replace what the person wants; what was held for the old quiet hours is looked at again. Raises EditedMeanwhile,
    InvalidFields."""
    if (quiet_from is None) != (quiet_until is None):
        raise InvalidFields.of("quiet_until" if quiet_until is None else "quiet_from", "开始和结束时间须同时填写")
    if quiet_from is not None and quiet_from == quiet_until:
        raise InvalidFields.of("quiet_until", "开始和结束时间不能相同")
    async with transaction():
        await execute(
            "INSERT INTO notification_preferences (id, created_at, person_id, muted, version) "
            "VALUES ($1, $2, $3, '[]', 0) ON CONFLICT (person_id) DO NOTHING",
            new_id(),
            clock.now(),
            person_id,
        )
        changed = await NotificationPreferences.filter(person_id=person_id, version=version).update(
            muted=sorted(set(muted)), quiet_from=quiet_from, quiet_until=quiet_until, version=version + 1
        )
        if not changed:
            raise EditedMeanwhile()
        await hasten_lane(person_id)
        return await get_preferences(person_id)


def end_of_quiet(now: datetime, quiet_from: int, quiet_until: int) -> datetime | None:
    """When the quiet hours that `now` lies in end; None outside of them. They may begin on the evening before."""
    local = clock.shanghai(now)
    minute = local.hour * 60 + local.minute
    if (minute - quiet_from) % _DAY >= (quiet_until - quiet_from) % _DAY:
        return None
    day = local.date() if minute < quiet_until else local.date() + timedelta(days=1)
    return instant(day, quiet_until)


def next_digest(now: datetime) -> datetime:
    """When the next digest goes out."""
    local = clock.shanghai(now)
    today = datetime.combine(local.date(), DIGEST_AT, clock.SHANGHAI)
    return today if today > local else today + timedelta(days=1)
