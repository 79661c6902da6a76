"""Once a day, those whose messages could not be sent for want of an accept are told how many wait for them.

The digest has a template of its own, so a person who accepted nothing but it still learns that something has happened.
"""

from datetime import datetime

from server.background.sweeps import Batch
from server.foundation import clock
from server.foundation.database import fetch, fetch_value
from server.notifications import grants, messages
from server.notifications.preferences import wanted_by
from server.notifications.service import notify

_BATCH = 100


async def send_digests() -> int:
    """Tell a batch of persons of what waits for them; how many persons were looked at.

    Each is a transaction of its own: its UPDATE takes the messages, and another worker that looks at the same person
    waits for it and then finds none.
    """
    now = clock.now()
    batch = Batch("inbox_digests")
    rows = await fetch(
        "SELECT DISTINCT person_id FROM (SELECT person_id FROM inbox_message WHERE digest_due_at <= $1 "
        "AND person_id <> ALL($3) ORDER BY digest_due_at LIMIT $2) AS due",
        now,
        _BATCH,
        batch.passed_over,
    )
    for row in rows:
        async with batch.row(row["person_id"]):
            await _send_digest(row["person_id"], now)
    return batch.finish()


async def digest_lag() -> float:
    """For how many seconds the oldest due digest has waited."""
    oldest = await fetch_value("SELECT min(digest_due_at) FROM inbox_message WHERE digest_due_at IS NOT NULL")
    return max((clock.now() - oldest).total_seconds(), 0.0) if oldest else 0.0


async def _send_digest(person_id: str, now: datetime) -> None:
    taken = await fetch(
        "UPDATE inbox_message SET digest_due_at = NULL WHERE person_id = $1 AND digest_due_at <= $2 RETURNING read_at",
        person_id,
        now,
    )
    unread = sum(row["read_at"] is None for row in taken)
    if not unread or messages.INBOX_DIGEST.topic in (await wanted_by(person_id)).muted:
        return
    if await grants.balance_of(person_id, messages.INBOX_DIGEST.template):
        await notify(person_id, messages.INBOX_DIGEST, count=unread, at=now)
