"""Telling people: one call in the transaction of the action writes the inbox and queues what goes to WeChat."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from server.background.outbox import Entry, enqueue_all, move_lane, retry_failed
from server.foundation import clock
from server.foundation.database import after_commit, execute, fetch, transaction
from server.foundation.errors import NotFound
from server.foundation.ids import new_id
from server.notifications import live
from server.notifications.events import EVENTS, Event
from server.notifications.grants import lock_balance, persons_with_accept
from server.notifications.models import NO_ACCEPT, Delivery, InboxMessage
from server.notifications.preferences import next_digest

SUBSCRIBE_MESSAGE = "subscribe_message"
"""The outbox kind; its payload is {"message": inbox message id}: what it says is read from the inbox."""


_TELL = (
    "INSERT INTO inbox_message "
    "(id, created_at, person_id, event, facts, read_at, hidden, delivery, delivery_note, digest_due_at) "
    "SELECT id, $4, person_id, $5, $6::jsonb, $7::timestamptz, $8, "
    "CASE WHEN to_wechat THEN 'queued' ELSE 'inbox_only' END, CASE WHEN to_wechat THEN '' ELSE $9::text END, "
    "CASE WHEN to_wechat THEN NULL ELSE $10::timestamptz END "
    "FROM unnest($1::uuid[], $2::uuid[], $3::bool[]) AS told (id, person_id, to_wechat)"
)
"""The inbox's rows of one event."""


async def notify(
    person_ids: str | Iterable[str], event: Event, *, expires_at: datetime | None = None, **facts: Any
) -> None:
    """Tell each person once of `event`, in the caller's transaction: an inbox row, and an outbox row for WeChat.

    Facts are ids, short codes, numbers and aware times; never names or texts. Once `expires_at` has passed (by default
    the event's `expires_after`) it is no longer sent to WeChat, and only the inbox has it. Raises KeyError for an
    event that is not in EVENTS and TypeError for facts that it lacks or that cannot be stored.
    """
    if EVENTS.get(event.name) is not event:
        raise KeyError(event.name)
    if missing := event.fact_names() - facts.keys():
        raise TypeError(f"notify {event.name} needs {', '.join(sorted(missing))}")
    persons = sorted({person_ids} if isinstance(person_ids, str) else set(person_ids))
    if not persons:
        return
    stored = {name: _storable(name, value) for name, value in facts.items()}
    now = clock.now()
    to_wechat = set(persons) if event.template else set()
    if event.bulk:
        # Most of so many have no accept, and rows that end at once would only be in the way.
        to_wechat &= await persons_with_accept(event.template, persons)
    ids = [new_id() for _ in persons]
    missed = bool(event.template) and not event.hidden
    # Not by models: what is told to hundreds at once would keep a worker busy for a tenth of a second.
    told = (
        _TELL,
        [
            ids,
            persons,
            [person_id in to_wechat for person_id in persons],
            now,
            event.name,
            msgspec.json.encode(stored).decode(),
            now if event.hidden else None,
            event.hidden,
            NO_ACCEPT if missed else "",
            next_digest(now) if missed else None,
        ],
    )
    # The lane is the person: WeChat takes one message at a time for each (43108), and order is kept.
    entries = [
        Entry({"message": id_}, person_id, event.priority, f"{SUBSCRIBE_MESSAGE}:{id_}")
        for id_, person_id in zip(ids, persons, strict=True)
        if person_id in to_wechat
    ]
    if entries:
        await enqueue_all(SUBSCRIBE_MESSAGE, entries, expires_at=expires_at or now + event.expires_after, along=told)
    else:
        await execute(_TELL, *told[1])
    if not event.hidden:
        after_commit(partial(live.tell, persons))


async def retry_messages(row_ids: Sequence[str]) -> int:
    """Have failed outbox rows tried again, in the caller's transaction; how many could be."""
    payloads = await retry_failed(row_ids)
    messages = [payload["message"] for payload in payloads if "message" in payload]
    await InboxMessage.filter(id__in=messages).update(delivery=Delivery.QUEUED, delivery_note="")
    return len(payloads)


async def read_message(person_id: str, message_id: str) -> None:
    """Mark one message as read; one that was read already stays as it is. Raises NotFound for another person's."""
    async with transaction():
        message = await InboxMessage.get_or_none(id=message_id, person_id=person_id)
        if message is None:
            raise NotFound()
        await InboxMessage.filter(id=message_id, read_at__isnull=True).update(read_at=clock.now())
        after_commit(partial(live.tell, [person_id]))


async def read_all_messages(person_id: str) -> int:
    """Mark everything as read; how many messages that were."""
    async with transaction():
        count = await execute(
            "UPDATE inbox_message SET read_at = $2 WHERE person_id = $1 AND read_at IS NULL AND NOT hidden",
            person_id,
            clock.now(),
        )
        if count:
            after_commit(partial(live.tell, [person_id]))
    return count


async def move_messages(from_id: str, into_id: str) -> None:
    """Two persons turn out to be one: messages and accepts become those of `into_id`, in the caller's transaction."""
    await execute("UPDATE grant_entry SET person_id = $2 WHERE person_id = $1", from_id, into_id)
    moved = await fetch(
        "DELETE FROM grant_balance WHERE person_id = $1 RETURNING template, balance, answer, answered_at", from_id
    )
    for row in sorted(moved, key=lambda row: row["template"]):
        kept = await lock_balance(into_id, row["template"])
        kept.balance += row["balance"]
        if row["answered_at"] and (kept.answered_at is None or row["answered_at"] > kept.answered_at):
            kept.answer, kept.answered_at = row["answer"], row["answered_at"]
        await kept.save(update_fields=["balance", "answer", "answered_at"])
    await execute(
        "UPDATE notification_preferences SET person_id = $2 WHERE person_id = $1 "
        "AND NOT EXISTS (SELECT 1 FROM notification_preferences o WHERE o.person_id = $2)",
        from_id,
        into_id,
    )
    await move_lane(SUBSCRIBE_MESSAGE, from_id, into_id)
    # After the balances, as where a sending is recorded: the other order could deadlock with it.
    await execute("UPDATE inbox_message SET person_id = $2 WHERE person_id = $1", from_id, into_id)


def _storable(name: str, value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError(f"the time {name} needs its zone")
        return {"time": value.isoformat()}
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(f"the fact {name} is neither an id, a code, a number nor a time")
    return str(value) if isinstance(value, str) else value


async def forget_messages_of(person_id: str) -> None:
    """The person cancelled their account: their inbox, what they allowed us to send, and how they wanted it."""
    for table in ("inbox_message", "notification_preferences", "grant_balance", "grant_entry"):
        await execute(f"DELETE FROM {table} WHERE person_id = $1", person_id)
