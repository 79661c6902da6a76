"""Reading a counter's line: one's own number, those of the staff, and the lines of a venue."""

from datetime import date, datetime

import msgspec

from server.accounts.queries import require_dependant
from server.foundation import clock
from server.foundation.database import fetch, fetch_structs, fetch_value
from server.foundation.dates import day_of, today
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.phrases import without_place
from server.neighbor_center.counters.models import TicketState


class TicketView(msgspec.Struct, kw_only=True):
    """A number in a counter's line. `ahead`: how many are called before it (while it waits); `counter`: where to go."""

    id: Id
    service_id: Id
    service_name: str
    venue_id: Id
    venue_name: str
    day: date
    number: int
    state: TicketState
    ahead: int | None
    counter: str
    called_at: datetime | None
    is_booked: bool


class CalledTicket(msgspec.Struct, kw_only=True):
    """The number that was called, for the clerk."""

    id: Id
    number: int
    counter: str
    is_booked: bool
    booking_id: Id | None
    waiting: int


class QueueNumber(msgspec.Struct):
    """A number on the board, and the counter it was called to."""

    number: int
    counter: str


class QueueView(msgspec.Struct, kw_only=True):
    """A counter's line now: who is being served where (latest call first), and how many wait."""

    service_id: Id
    service_name: str
    serving: list[QueueNumber]
    waiting: int


TURN = "(q.ready_at IS NULL OR q.ready_at > $3), q.number"
"""The order of a line, at the moment $3: who booked comes first once their slot has begun, the others by number."""


def state_on(day: str) -> str:
    """SQL: the state of a number `q` as it is on the day."""
    return f"CASE WHEN q.state IN ('waiting', 'called') AND q.day < {day} THEN 'expired' ELSE q.state END"


def ahead_at(day: str, now: str) -> str:
    """SQL: how many are called before a number `q` that waits on the day, at the moment."""
    turn = TURN.replace("$3", now)
    return (
        f"CASE WHEN q.state = 'waiting' AND q.day = {day} THEN (SELECT count(*) FROM queue_ticket o "
        "WHERE o.service_id = q.service_id AND o.day = q.day AND o.state = 'waiting' "
        f"AND ({turn.replace('q.', 'o.')}) < ({turn})) END"
    )


_VIEW = (
    "SELECT q.id, q.service_id, s.name AS service_name, s.venue_id, v.name AS venue_name, q.day, q.number, "
    f"{state_on('$2')} AS state, {ahead_at('$2', '$3')} AS ahead, q.counter, q.called_at, "
    "q.booking_id IS NOT NULL AS is_booked "
    "FROM queue_ticket q JOIN service s ON s.id = q.service_id JOIN venue v ON v.id = s.venue_id "
)


async def get_ticket(person_id: str, ticket_id: str) -> TicketView:
    """Live: where one stands in the line. Raises NotFound unless it is the caller's or of somebody they look after."""
    owner = await fetch_value("SELECT person_id FROM queue_ticket WHERE id = $1", ticket_id)
    if owner is None:
        raise NotFound()
    await require_dependant(person_id, owner)
    return await show_ticket(ticket_id)


async def show_ticket(ticket_id: str) -> TicketView:
    """The same for staff who have just acted on it."""
    return (await _views("WHERE q.id = $1", ticket_id))[0]


async def show_called_ticket(ticket_id: str) -> CalledTicket:
    """A number as the clerk who called it sees it."""
    (ticket,) = await fetch_structs(
        CalledTicket,
        "SELECT q.id, q.number, q.counter, q.booking_id IS NOT NULL AS is_booked, q.booking_id, (SELECT count(*) "
        "FROM queue_ticket o WHERE o.service_id = q.service_id AND o.day = q.day AND o.state = 'waiting') AS waiting "
        "FROM queue_ticket q WHERE q.id = $1",
        ticket_id,
    )
    return ticket


async def list_my_tickets(person_id: str) -> list[TicketView]:
    """The caller's numbers of today."""
    return await _views("WHERE q.person_id = $1 AND q.day = $2 ORDER BY q.id DESC", person_id)


async def list_queues(venue_id: str) -> list[QueueView]:
    """The lines of a venue's counters now. Live: cheap enough to ask for every few seconds."""
    rows = await fetch(
        "SELECT s.id, s.name, (SELECT count(*) FROM queue_ticket q WHERE q.service_id = s.id AND q.day = $2 "
        "AND q.state = 'waiting') AS waiting, (SELECT json_agg(json_build_object('number', c.number, 'counter', "
        "c.counter) ORDER BY c.called_at DESC) FROM queue_ticket c WHERE c.service_id = s.id AND c.day = $2 "
        "AND c.state = 'called') AS serving FROM service s WHERE s.venue_id = $1 AND s.kind = 'counter' "
        "AND s.state = 'offered' ORDER BY s.id",
        venue_id,
        today(),
    )
    return [
        QueueView(
            service_id=row["id"],
            service_name=row["name"],
            serving=msgspec.json.decode(row["serving"] or "[]", type=list[QueueNumber]),
            waiting=row["waiting"],
        )
        for row in rows
    ]


async def describe_tickets(ticket_ids: list[str]) -> dict[str, dict[str, str]]:
    """Words for messages."""
    rows = await fetch(
        "SELECT q.id, s.name AS title, s.name AS service, v.name AS venue, q.number::text AS number, "
        "COALESCE(NULLIF(q.counter, ''), '窗口') AS counter FROM queue_ticket q "
        "JOIN service s ON s.id = q.service_id JOIN venue v ON v.id = s.venue_id WHERE q.id = ANY($1::uuid[])",
        list(ticket_ids),
    )
    return {row["id"]: {**row, "service": without_place(row["service"], row["venue"])} for row in rows}


async def _views(where: str, value: str) -> list[TicketView]:
    now = clock.now()
    return await fetch_structs(TicketView, _VIEW + where, value, day_of(now), now)
