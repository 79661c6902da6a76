"""Once a day, those whose messages could not be sent for want of an accept are told how many wait for them.

The digest has a template of its own, so a person who accepted nothing but it still learns that something has happened.
"""

from datetime import timedelta
from typing import Any

from server.background.sweeps import due_sweep
from server.foundation import clock
from server.foundation.database import fetch, transaction
from server.notifications import grants, messages
from server.notifications.preferences import wanted_by
from server.notifications.telling import notify


async def _send_digest(row: Any) -> None:
    now, person_id, event = clock.now(), row["id"], messages.INBOX_DIGEST
    async with transaction():
        taken = await fetch(
            "UPDATE inbox_message SET digest_due_at = NULL WHERE person_id = $1 AND digest_due_at <= $2 "
            "RETURNING read_at",
            person_id,
            now,
        )
        unread = sum(row["read_at"] is None for row in taken)
        if not unread or event.topic in (await wanted_by(person_id)).muted:
            return
        if await grants.balance_of(person_id, event.template):
            await notify(person_id, event, count=unread, at=now)


SEND_DIGESTS = due_sweep(
    "inbox_digests",
    timedelta(minutes=1),
    rows="inbox_message",
    due="digest_due_at",
    row_id="person_id",
    # The UPDATE takes a person's messages: another worker that looks at the same person waits for it, then finds none.
    lock="",
    do=_send_digest,
    batch=100,
)
