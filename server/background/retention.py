"""What is forgotten, and when: rows that nobody needs any more, in batches, oldest first.

Records of what people did are kept (wishes, hours, bookings, the ledger of accepts …); what is here only served a
purpose for a time, and would grow for ever. The audit log and pictures have purges of their own.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from server.background.sweeps import Sweep
from server.foundation import clock
from server.foundation.database import execute, fetch_value

_BATCH = 1000


class Rule(NamedTuple):
    """Rows of `table` for which `where` holds are forgotten `after` the time in `column`, which has an index."""

    name: str
    table: str
    column: str
    after: timedelta
    where: str = "TRUE"
    every: timedelta = timedelta(hours=1)

    async def purge(self) -> int:
        """Forget a batch; how many rows that were."""
        return await delete_oldest(self.table, self.column, clock.now() - self.after, self.where)

    async def lag(self) -> float:
        """For how many seconds the oldest row has outlived its time."""
        oldest = await fetch_value(f"SELECT min({self.column}) FROM {self.table} WHERE {self.where}")
        return max((clock.now() - self.after - oldest).total_seconds(), 0.0) if oldest else 0.0


async def delete_oldest(table: str, column: str, before: datetime, where: str = "TRUE") -> int:
    """Delete a batch of the rows that are older than `before`, the oldest first; how many."""
    return await execute(
        f"WITH picked AS MATERIALIZED (SELECT id FROM {table} WHERE {column} < $1 "
        f"AND {where} ORDER BY {column} LIMIT $2 FOR UPDATE SKIP LOCKED) "
        f"DELETE FROM {table} USING picked WHERE {table}.id = picked.id",
        before,
        _BATCH,
    )


RULES = (
    # A repeated request is answered from it for a day.
    Rule("old_idempotency_keys", "idempotency_key", "created_at", timedelta(hours=24), every=timedelta(minutes=10)),
    # Ended and expired alike; for a month one can still see that there was a device.
    Rule("old_sessions", "session", "expires_at", timedelta(days=30)),
    # Only as long as WeChat could repeat them.
    Rule("old_pushes", "stored_push", "created_at", timedelta(days=30)),
    Rule("old_inbox_messages", "inbox_message", "created_at", timedelta(days=180)),
    # Who tried to sign in where, and how far the phone was: as long as anybody may ask about a shift.
    Rule("old_shift_scans", "shift_scan", "created_at", timedelta(days=365)),
    Rule("old_queue_tickets", "queue_ticket", "created_at", timedelta(days=180)),
    Rule("old_queue_days", "queue_day", "created_at", timedelta(days=180)),
    Rule("done_outbox_rows", "outbox", "finished_at", timedelta(days=14), "state = 'done'"),
    # What went wrong is looked at later, and can be tried again by staff, as long as its message is there.
    Rule("old_outbox_rows", "outbox", "finished_at", timedelta(days=180)),
)

SWEEPS = [Sweep(rule.name, rule.every, rule.purge, rule.lag) for rule in RULES]
