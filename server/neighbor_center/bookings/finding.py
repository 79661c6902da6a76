"""Staff find the bookings of somebody who calls or comes, by name."""

from datetime import datetime

import msgspec

from server.accounts.details import name_index
from server.accounts.queries import called
from server.foundation import clock
from server.foundation.database import fetch, transaction
from server.foundation.ids import Id
from server.neighbor_center.bookings.kinds import KINDS, AnyKind
from server.neighbor_center.bookings.models import BookingKind, BookingState
from server.neighbor_center.bookings.queries import name_persons
from server.neighbor_center.venues.queries import VenueReader
from server.organizations.access import require_role
from server.organizations.tree import within


class FoundBooking(msgspec.Struct, kw_only=True):
    """A booking of either kind, and whose it is; a relative may have booked it."""

    kind: BookingKind
    booking_id: Id
    venue_id: Id
    venue_name: str
    service_id: Id
    service_name: str
    starts_at: datetime
    ends_at: datetime
    state: BookingState
    person_id: Id
    name: str
    phone: str
    party_size: int


class BookingsFound(msgspec.Struct):
    """What comes first, the soonest before, then what is past, the latest before; `has_more`: only the first are
    here."""

    items: list[FoundBooking]
    has_more: bool


_MOST = 50


def _found(kind: AnyKind) -> str:
    return (
        f"SELECT '{kind.name}' AS kind, b.id, b.id AS booking_id, v.id AS venue_id, v.name AS venue_name, "
        f"s.id AS service_id, s.name AS service_name, {kind.time}.starts_at, {kind.time}.ends_at, "
        f"{kind.state} AS state, b.person_id, b.party_size FROM {kind.source} "
        f"JOIN organization o ON o.id = v.organization_id WHERE {within('o.path', '$1')} "
        # Whom the counter booked for, not whoever sat there.
        f"AND ({called('b.person_id', '$2')} OR NOT b.walk_in AND {called('b.booked_by_id', '$2')})"
    )


_FOUND = " UNION ALL ".join(_found(kind) for kind in KINDS)
_SHOWN = [name for name in FoundBooking.__struct_fields__ if name not in ("name", "phone")]


async def find_bookings(actor_id: str, organization_id: str, name: str) -> BookingsFound:
    """The bookings at the venues of an organization's subtree of whoever has this name, or who booked for a relative,
    whatever became of them. Each person shown is audited. Raises NotAllowed, InvalidFields."""
    await require_role(actor_id, organization_id)
    async with transaction():
        rows = await fetch(
            f"SELECT * FROM ({_FOUND}) q ORDER BY q.ends_at < $3, abs(extract(epoch FROM q.starts_at - $3)), q.id "
            f"LIMIT {_MOST + 1}",
            organization_id,
            name_index(name),
            clock.now(),
        )
        found = rows[:_MOST]
        people = await name_persons(actor_id, VenueReader(organization_id, is_worker=True), "booking", found)
    return BookingsFound(
        [
            msgspec.convert({name: row[name] for name in _SHOWN} | people[row["person_id"]], FoundBooking)
            for row in found
        ],
        len(rows) > len(found),
    )
