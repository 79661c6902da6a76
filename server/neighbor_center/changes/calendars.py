"""Changing when and how a venue is open, without dropping a booking.

Every change is tried in full under a lock; then the bookings that would no longer lie in a slot are looked for. Where
there are some that the caller has not answered for, nothing is changed and they are listed; where all are, they are
moved or cancelled with a message, together with the change.
"""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import msgspec

from server.foundation.audit import record_audit
from server.foundation.database import fetch, transaction
from server.foundation.ids import Id
from server.neighbor_center.changes.affected import (
    AffectedBooking,
    Answers,
    find_affected,
    settle_affected,
    suggest_times,
)
from server.neighbor_center.venues.queries import require_role_at_venue


class CalendarChange(msgspec.Struct, frozen=True):
    """What became of a change. Not `applied`: nothing was changed, since it would leave the `affected` bookings without
    their time; repeat it with each of them in `cancel_bookings` or `move_bookings`. Applied: `affected` are those that
    it has cancelled or moved. `id`: the thing made or changed."""

    applied: bool
    id: Id | None
    affected: list[AffectedBooking]


class _NotConfirmed(Exception):
    def __init__(self, affected: list[AffectedBooking]) -> None:
        super().__init__()
        self.affected = affected


async def change_calendar(
    actor_id: str,
    venue_id: str,
    action: str,
    write: Callable[[], Awaitable[str]],
    answers: Answers,
    *,
    then: Callable[[], Awaitable[None]] | None = None,
) -> CalendarChange:
    """Do `write` (it gives the id of what it changed), unless it affects bookings that the answers leave out.

    `action` is the audit entry's; `then` is what has to lock allotments, which everybody does after the bookings.
    Raises NotFound, NotAllowed, what `write` raises, and what stands against a move.
    """
    organization_id = await require_role_at_venue(actor_id, venue_id)

    async def audit(changed_id: str, **details: Any) -> None:
        await record_audit(
            action,
            actor_id=actor_id,
            subject=("venue", venue_id),
            organization_id=organization_id,
            changed=changed_id,
            **details,
        )

    return await change_calendars(actor_id, [venue_id], write, answers, audit=audit, then=then)


async def change_calendars(
    actor_id: str | None,
    venue_ids: list[str],
    write: Callable[[], Awaitable[str]],
    answers: Answers,
    *,
    audit: Callable[..., Awaitable[None]],
    then: Callable[[], Awaitable[None]] | None = None,
    on_days: list[date] | None = None,
) -> CalendarChange:
    """The same for several venues at once, by a caller who has checked that the actor may; `audit` writes the entry.
    `on_days` are all the days on which anything changes, where that is known."""
    try:
        async with transaction():
            # Those who book hold the venue shared (terms.lock_for_booking): from here on nobody books into hours that
            # are about to close, and two changes of one venue cannot overlook each other. Several in id order.
            await fetch("SELECT 1 FROM venue WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE", venue_ids)
            changed_id = await write()
            affected = await find_affected(venue_ids, on_days)
            if not answers.covers(affected):
                raise _NotConfirmed(await suggest_times(affected))
            await settle_affected(actor_id, affected, answers)
            if then:
                await then()
            moved = [booking.booking_id for booking in affected if booking.booking_id in answers.move]
            cancelled = [booking.booking_id for booking in affected if booking.booking_id not in answers.move]
            await audit(changed_id, moved=moved, cancelled=cancelled)
            return CalendarChange(True, changed_id, affected)
    except _NotConfirmed as stopped:
        return CalendarChange(False, None, stopped.affected)
