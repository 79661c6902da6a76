"""Forgetting audit entries that are older than the deployment keeps them."""

from datetime import timedelta

from server.background.retention import delete_oldest
from server.background.sweeps import Sweep, lag_of
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import execute, transaction
from server.foundation.settings import Settings

_keep = timedelta(days=730)


def use_retention(settings: Settings) -> None:
    """Take how long entries are kept from the settings."""
    global _keep
    _keep = timedelta(days=settings.audit_days)


async def purge_lag() -> float:
    """For how many seconds the oldest entry has outlived its time."""
    return await lag_of("audit_entry", "TRUE", "created_at", clock.now() - _keep)


async def purge_old_entries() -> int:
    """Delete a batch of the oldest entries that are past their time; how many. That they went is an entry itself."""
    limit = clock.now() - _keep
    async with transaction():
        # The table's trigger lets nothing be deleted but by a transaction that says this.
        await execute("SET LOCAL linli.purge = 'on'")
        done = await delete_oldest("audit_entry", "created_at", limit)
        if done:
            await record_audit(
                "purge_audit_entries",
                actor_id=None,
                subject=("audit", None),
                entries=done,
                older_than=limit.isoformat(),
            )
        await execute("SET LOCAL linli.purge = 'off'")
    return done


SWEEP = Sweep("old_audit_entries", timedelta(hours=1), purge_old_entries, purge_lag)
