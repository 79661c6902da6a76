"""What is forgotten, and when: rows that nobody needs any longer, in batches, oldest first.

Records of what people did are kept (wishes, hours, bookings, the ledger of accepts …); what is here only served a
purpose for a time, and would grow for ever. The audit log and pictures have purges of their own.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from server.background.sweeps import SWEEPS, Sweep, lag_of
from server.foundation import clock
from server.foundation.database import execute

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
        return await lag_of(self.table, self.where, self.column, clock.now() - self.after)


async def delete_oldest(table: str, column: str, before: datetime, where: str = "TRUE") -> int:
    """Delete a batch of the rows that are older than `before`, the oldest first; how many."""
    return await execute(
        f"WITH picked AS MATERIALIZED (SELECT id FROM {table} WHERE {column} < $1 "
        f"AND {where} ORDER BY {column} LIMIT $2 FOR UPDATE SKIP LOCKED) "
        f"DELETE FROM {table} USING picked WHERE {table}.id = picked.id",
        before,
        _BATCH,
    )


RULES: list[Rule] = []
"""All of them; filled by wiring.py. Each stands in the `feature.py` of the package whose table it is."""


def schedule_rules() -> None:
    """Make a sweep of each rule, once all of them are known."""
    SWEEPS.extend(Sweep(rule.name, rule.every, rule.purge, rule.lag) for rule in RULES)
