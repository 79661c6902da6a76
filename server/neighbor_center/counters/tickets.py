"""Numbers at one-stop counters 一站式窗口: drawing one, how many stand before it, and calling the next.

Whoever draws, calls or leaves locks the line first (the day's row in queue_day), so numbers are given once and in
order, and two clerks who call at the same time call two numbers, the lower one first, in any number of processes.
"""

from datetime import date, datetime, timedelta

import msgspec

from server.accounts.queries import require_dependant
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import execute, fetch, fetch_one, fetch_structs, fetch_value, transaction
from server.foundation.dates import day_of, today
from server.foundation.errors import NotFound, WrongState
from server.foundation.ids import Id, new_id
from server.foundation.words import Worded
from server.neighbor_center import messages
from server.neighbor_center.bookings.terms import read_terms, require_may_book
from server.neighbor_center.counters.models import TicketState
from server.neighbor_center.errors import QueueClosed, QueueEmpty
from server.neighbor_center.opening.rules import open_spans
from server.neighbor_center.venues.models import ServiceKind
from server.neighbor_center.venues.queries import organization_of_service
from server.notifications.service import notify
from server.organizations.access import require_role, require_role_or_hide

DRAWN_BEFORE = timedelta(hours=1)
"""How long before a counter opens numbers can be drawn."""
NEAR = 3
"""Who has so many before them is told that their turn is near."""


class ShownState(Worded):
    """The state of a ticket as people see it: a day later, what was still open has expired."""

    WAITING = "waiting", "等待中"
    CALLED = "called", "已叫号"
    SERVED = "served", "已办理"
    MISSED = "missed", "过号"
    LEFT = "left", "已离开"
    EXPIRED = "expired", "已过期"


class TicketView(msgspec.Struct, kw_only=True):
    """A number in a counter's line. `ahead`: how many are called before it (while it waits); `counter`: where to go."""

    id: Id
    service_id: Id
    service_name: str
    venue_id: Id
    venue_name: str
    day: date
    number: int
    state: ShownState
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


# Who booked is called first once their slot has begun; the others in the order of their numbers.
_RANK = "(q.ready_at IS NOT NULL AND q.ready_at <= $3) DESC, q.number"

_VIEW = (
    "SELECT q.id, q.service_id, s.name AS service_name, s.venue_id, v.name AS venue_name, q.day, q.number, "
    "CASE WHEN q.state IN ('waiting', 'called') AND q.day < $2 THEN 'expired' ELSE q.state END AS state, "
    "CASE WHEN q.state = 'waiting' AND q.day = $2 THEN (SELECT count(*) FROM queue_ticket o "
    "WHERE o.service_id = q.service_id AND o.day = q.day AND o.state = 'waiting' AND o.id <> q.id AND "
    "((o.ready_at IS NOT NULL AND o.ready_at <= $3) > (q.ready_at IS NOT NULL AND q.ready_at <= $3) OR "
    "((o.ready_at IS NOT NULL AND o.ready_at <= $3) = (q.ready_at IS NOT NULL AND q.ready_at <= $3) "
    "AND o.number < q.number))) END AS ahead, q.counter, q.called_at, q.booking_id IS NOT NULL AS is_booked "
    "FROM queue_ticket q JOIN service s ON s.id = q.service_id JOIN venue v ON v.id = s.venue_id "
)


async def take_ticket(person_id: str, service_id: str) -> TicketView:
    """A number for today's line; whoever stands in it keeps theirs. Raises NotFound, QueueClosed, NotEligible."""
    async with transaction():
        await _require_open(service_id, person_id)
        ticket_id = await draw_ticket(service_id, person_id)
    return await get_ticket(person_id, ticket_id)


async def give_ticket(actor_id: str, service_id: str) -> TicketView:
    """A number for somebody without a phone, from the counter's printer. Raises NotFound, NotAllowed, QueueClosed."""
    organization_id = await organization_of_service(service_id)
    await require_role(actor_id, organization_id)
    async with transaction():
        await _require_open(service_id, None)
        ticket_id = await draw_ticket(service_id, None)
        await record_audit(
            "give_ticket", actor_id=actor_id, subject=("ticket", ticket_id), organization_id=organization_id
        )
    return (await _views("WHERE q.id = $1", ticket_id))[0]


async def draw_ticket(
    service_id: str, person_id: str | None, *, booking_id: str | None = None, ready_at: datetime | None = None
) -> str:
    """The next number of today, in the caller's transaction, who has checked that it may be; the ticket's id. A person
    who stands in the line keeps their number."""
    now = clock.now()
    day = day_of(now)
    await _lock_line(service_id, day)
    standing = person_id and await fetch_value(
        "SELECT id FROM queue_ticket WHERE service_id = $1 AND day = $2 AND person_id = $3 "
        "AND state IN ('waiting', 'called')",
        service_id,
        day,
        person_id,
    )
    if standing:
        await execute(
            "UPDATE queue_ticket SET booking_id = $2, ready_at = $3 WHERE id = $1 AND booking_id IS NULL "
            "AND $2::uuid IS NOT NULL",
            standing,
            booking_id,
            ready_at,
        )
        return str(standing)
    number = await fetch_value(
        "UPDATE queue_day SET last_number = last_number + 1 WHERE service_id = $1 AND day = $2 RETURNING last_number",
        service_id,
        day,
    )
    ticket_id = new_id()
    await execute(
        "INSERT INTO queue_ticket (id, created_at, service_id, day, number, person_id, booking_id, ready_at, state, "
        "counter) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', '')",
        ticket_id,
        now,
        service_id,
        day,
        number,
        person_id,
        booking_id,
        ready_at,
    )
    return ticket_id


async def get_ticket(person_id: str, ticket_id: str) -> TicketView:
    """Live: where one stands in the line. Raises NotFound unless it is the caller's or of somebody they look after."""
    owner = await fetch_value("SELECT person_id FROM queue_ticket WHERE id = $1", ticket_id)
    if owner is None:
        raise NotFound()
    await require_dependant(person_id, owner)
    return (await _views("WHERE q.id = $1", ticket_id))[0]


async def list_my_tickets(person_id: str) -> list[TicketView]:
    """The caller's numbers of today."""
    return await _views("WHERE q.person_id = $1 AND q.day = $2 ORDER BY q.id DESC", person_id)


async def leave_queue(person_id: str, ticket_id: str) -> TicketView:
    """Go away before being served. Leaving twice changes nothing. Raises NotFound, WrongState."""
    ticket = await get_ticket(person_id, ticket_id)
    async with transaction():
        await _lock_line(ticket.service_id, ticket.day)
        changed = await execute(
            "UPDATE queue_ticket SET state = 'left', finished_at = $2, called_at = NULL WHERE id = $1 "
            "AND state IN ('waiting', 'called', 'left')",
            ticket_id,
            clock.now(),
        )
        if not changed:
            raise WrongState()
    return await get_ticket(person_id, ticket_id)


async def call_next(actor_id: str, service_id: str, counter: str) -> CalledTicket:
    """The next number comes to this counter; what was called to it before counts as served. The person is told, and the
    one who now has NEAR before them too. Raises NotFound, NotAllowed, QueueEmpty."""
    organization_id = await organization_of_service(service_id)
    await require_role(actor_id, organization_id)
    now = clock.now()
    day = day_of(now)
    async with transaction():
        await _lock_line(service_id, day)
        await execute(
            "UPDATE queue_ticket SET state = 'served', finished_at = $4 WHERE service_id = $1 AND day = $2 "
            "AND state = 'called' AND counter = $3",
            service_id,
            day,
            counter,
            now,
        )
        row = await fetch_one(
            "UPDATE queue_ticket SET state = 'called', called_at = $3, counter = $4, called_by_id = $5 WHERE id = "
            "(SELECT q.id FROM queue_ticket q WHERE q.service_id = $1 AND q.day = $2 AND q.state = 'waiting' "
            f"ORDER BY {_RANK} LIMIT 1) RETURNING id, number, person_id, booking_id",
            service_id,
            day,
            now,
            counter,
            actor_id,
        )
        if row is None:
            raise QueueEmpty()
        if row["person_id"]:
            await notify(row["person_id"], messages.TICKET_CALLED, ticket=row["id"], at=now)
        await _tell_near(service_id, day, now)
        await record_audit(
            "call_ticket",
            actor_id=actor_id,
            subject=("ticket", row["id"]),
            person_id=row["person_id"],
            organization_id=organization_id,
        )
    return CalledTicket(
        id=row["id"],
        number=row["number"],
        counter=counter,
        is_booked=row["booking_id"] is not None,
        booking_id=row["booking_id"],
        waiting=await _count_waiting(service_id, day),
    )


async def call_again(actor_id: str, ticket_id: str) -> None:
    """They did not come yet: call the same number once more. Raises NotFound, WrongState."""
    async with transaction():
        person_id, state = await _lock_for_staff(actor_id, ticket_id, "call_ticket_again")
        if state != TicketState.CALLED:
            raise WrongState()
        now = clock.now()
        await execute("UPDATE queue_ticket SET called_at = $2 WHERE id = $1", ticket_id, now)
        if person_id:
            await notify(person_id, messages.TICKET_CALLED, ticket=ticket_id, at=now)


async def finish_ticket(actor_id: str, ticket_id: str, *, missed: bool) -> None:
    """Served, or missed (过号): whoever missed it draws a new number. Raises NotFound, WrongState."""
    async with transaction():
        person_id, state = await _lock_for_staff(actor_id, ticket_id, "finish_ticket")
        wanted = TicketState.MISSED if missed else TicketState.SERVED
        if state == wanted:
            return
        if state != TicketState.CALLED:
            raise WrongState()
        await execute(
            "UPDATE queue_ticket SET state = $2, finished_at = $3 WHERE id = $1", ticket_id, str(wanted), clock.now()
        )
        if missed and person_id:
            await notify(person_id, messages.TICKET_MISSED, ticket=ticket_id)


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
        "SELECT q.id, q.number, q.counter, s.name AS service, v.name AS venue FROM queue_ticket q "
        "JOIN service s ON s.id = q.service_id JOIN venue v ON v.id = s.venue_id WHERE q.id = ANY($1::uuid[])",
        list(ticket_ids),
    )
    return {
        row["id"]: {
            "id": row["id"],
            "title": row["service"],
            "service": row["service"],
            "venue": row["venue"],
            "number": str(row["number"]),
            "counter": row["counter"] or "窗口",
        }
        for row in rows
    }


async def _views(where: str, value: str) -> list[TicketView]:
    now = clock.now()
    return await fetch_structs(TicketView, _VIEW + where, value, day_of(now), now)


async def _require_open(service_id: str, person_id: str | None) -> None:
    """Raises NotFound, QueueClosed where no numbers are given now, NotEligible."""
    now = clock.now()
    today = day_of(now)
    terms = await read_terms(service_id, today, today)
    if terms.kind is not ServiceKind.COUNTER:
        raise QueueClosed("该服务不排队取号")
    if not any(span.starts_at - DRAWN_BEFORE <= now < span.ends_at for span in open_spans(terms.calendar, today)):
        raise QueueClosed("当前不在取号时间")
    if person_id is not None:
        await require_may_book(terms, person_id)


async def _tell_near(service_id: str, day: date, now: datetime) -> None:
    rows = await fetch(
        "UPDATE queue_ticket SET told_near_at = $3 WHERE id IN (SELECT q.id FROM queue_ticket q "
        f"WHERE q.service_id = $1 AND q.day = $2 AND q.state = 'waiting' ORDER BY {_RANK} LIMIT {NEAR + 1}) "
        "AND told_near_at IS NULL AND person_id IS NOT NULL RETURNING id, person_id",
        service_id,
        day,
        now,
    )
    for row in sorted(rows, key=lambda row: row["person_id"]):
        await notify(row["person_id"], messages.TICKET_NEAR, ticket=row["id"])


async def _lock_line(service_id: str, day: date) -> None:
    """One after another: otherwise two would draw one number, or call it, or call somebody who is leaving."""
    await execute(
        "INSERT INTO queue_day (id, created_at, service_id, day, last_number) VALUES ($1, $2, $3, $4, 0) "
        "ON CONFLICT (service_id, day) DO UPDATE SET last_number = queue_day.last_number",
        new_id(),
        clock.now(),
        service_id,
        day,
    )


async def _count_waiting(service_id: str, day: date) -> int:
    count: int = await fetch_value(
        "SELECT count(*) FROM queue_ticket WHERE service_id = $1 AND day = $2 AND state = 'waiting'", service_id, day
    )
    return count


async def _lock_for_staff(actor_id: str, ticket_id: str, action: str) -> tuple[str | None, str]:
    """Person and state of a ticket, its row locked, for those who work there; with the audit entry. Raises NotFound."""
    row = await fetch_one(
        "SELECT q.person_id, q.state, v.organization_id FROM queue_ticket q "
        "JOIN service s ON s.id = q.service_id JOIN venue v ON v.id = s.venue_id WHERE q.id = $1 FOR UPDATE OF q",
        ticket_id,
    )
    if row is None:
        raise NotFound()
    await require_role_or_hide(actor_id, row["organization_id"])
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("ticket", ticket_id),
        person_id=row["person_id"],
        organization_id=row["organization_id"],
    )
    return row["person_id"], row["state"]
