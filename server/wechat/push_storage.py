"""Pushes are stored and answered at once; the relay hands each event, exactly once, to the feature that it concerns.

WeChat wants its answer within 5 seconds and repeats what it thinks was lost, so nothing but storing happens before it.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import structlog
from prometheus_client import Counter

from server.background.outbox import Entry, Priority, Record, enqueue_all
from server.foundation import clock
from server.foundation.database import fetch, transaction
from server.foundation.ids import new_id
from server.wechat.models import StoredPush
from server.wechat.push import PushEvent, SubscribeSent

log = structlog.get_logger()

WECHAT_PUSH = "wechat_push"
"""The outbox kind; its payload is {"push": stored push id}."""

PUSH_HANDLERS: dict[type[Any], Callable[[Any], Awaitable[Record | None]]] = {}
"""Class of event → what to do with it: looks around and gives a Record, which is written once, in the transaction that
finishes the event; raises RetryLater where it comes before what it is about. Filled by wiring.py."""

_received = Counter("linli_wechat_pushes_total", "Events that WeChat pushed", ["event", "outcome"])


async def store_pushes(events: Sequence[PushEvent]) -> int:
    """Store events that are new and that somebody wants to know of; how many those were. Repetitions change nothing."""
    wanted = [event for event in events if type(event) in PUSH_HANDLERS]
    for event in events:
        _received.labels(type(event).__name__, "wanted" if type(event) in PUSH_HANDLERS else "ignored").inc()
    if not wanted:
        return 0
    by_key = {event.key: event for event in wanted}
    async with transaction():
        now = clock.now()
        # In order of keys: two repetitions of one push arriving together must not deadlock on each other's rows.
        rows = await fetch(
            "INSERT INTO stored_push (id, created_at, key, event) SELECT * FROM unnest($1::uuid[], $2::timestamptz[], "
            "$3::text[], $4::jsonb[]) ON CONFLICT (key) DO NOTHING RETURNING id, key",
            *_columns(sorted(by_key.values(), key=lambda event: event.key), now),
        )
        await enqueue_all(
            WECHAT_PUSH,
            [
                # Delivery reports come as fast as messages go out, and nobody waits for them.
                Entry(
                    {"push": row["id"]},
                    priority=Priority.NORMAL if isinstance(by_key[row["key"]], SubscribeSent) else Priority.URGENT,
                    dedupe_key=f"{WECHAT_PUSH}:{row['id']}",
                )
                for row in rows
            ],
        )
    return len(rows)


async def hand_over_push(payload: dict[str, Any]) -> Record | None:
    """The outbox effect: give a stored event to its handler."""
    stored = await StoredPush.get_or_none(id=payload["push"])
    if stored is None:
        return None
    event: PushEvent = msgspec.convert(stored.event, PushEvent)
    handler = PUSH_HANDLERS.get(type(event))
    return await handler(event) if handler else None


def _columns(events: Sequence[PushEvent], now: Any) -> tuple[list[Any], ...]:
    return (
        [new_id() for _ in events],
        [now for _ in events],
        [event.key for event in events],
        [msgspec.json.encode(event).decode() for event in events],
    )
