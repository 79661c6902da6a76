"""Numbers at one-stop counters 一站式窗口: drawing one, how many stand before it, and calling the next.

Anyone who draws, calls or leaves locks the line first (the day's row in queue_day), so numbers are given once and in
order, and two clerks who call at the same time call two numbers, the lower one first, in any number of processes.
"""

from datetime import date, datetime, timedelta

from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import execute, fetch, fetch_one, fetch_value, transaction
from server.foundation.dates import day_of, today
from server.foundation.errors import NotFound, WrongState
from server.foundation.ids import new_id
from server.neighbor_center import messages
from server.neighbor_center.bookings.terms import read_terms, require_may_book
from server.neighbor_center.counters.models import QueueTicket, TicketState
from server.neighbor_center.counters.queries import (
    TURN,
    CalledTicket,
    TicketView,
    get_ticket,
    show_called_ticket,
    show_ticket,
)
from server.neighbor_center.errors import QueueClosed, QueueEmpty
from server.neighbor_center.opening.rules import open_spans
from server.neighbor_center.venues.models import ServiceKind
from server.neighbor_center.venues.queries import organization_of_service, require_role_at_service
from server.notifications.telling import notify
from server.organizations.access import require_role_or_hide

DRAWN_BEFORE = timedelta(hours=1)
"""How long before a counter opens numbers can be drawn."""
NEAR = 3
"""One who has so many before them is told that their turn is near."""


async def take_ticket(person_id: str, service_id: str) -> TicketView:
    """A number for today's line; a person who stands in it keeps theirs. Raises NotFound, QueueClosed, NotEligible."""
    async with transaction():
        await _require_open(service_id, person_id)
        return await show_ticket(await draw_ticket(service_id, person_id))


async def give_ticket(actor_id: str, service_id: str) -> TicketView:
    """A number for somebody without a phone, from the counter's printer. Raises NotFound, NotAllowed, QueueClosed."""
    organization_id = await require_role_at_service(actor_id, service_id)
    async with transaction():
        await _require_open(service_id, None)
        ticket_id = await draw_ticket(service_id, None)
        await record_audit(
            "give_ticket", actor_id=actor_id, subject=("ticket", ticket_id), organization_id=organization_id
        )
        return await show_ticket(ticket_id)


async def draw_ticket(
    service_id: str, person_id: str | None, *, booking_id: str | None = None, ready_at: datetime | None = None
) -> str:
    """The next number of today, in the caller's transaction, who has checked that it may be; the ticket's id. A person
    who stands in the line keeps their number."""
    day = today()
    await _lock_line(service_id, day)
    standing = person_id and await QueueTicket.get_or_none(
        service_id=service_id, day=day, person_id=person_id, state__in=(TicketState.WAITING, TicketState.CALLED)
    )
    if standing:
        if booking_id and standing.booking_id is None:
            standing.booking_id, standing.ready_at = booking_id, ready_at
            await standing.save(update_fields=["booking_id", "ready_at"])
        return standing.id
    number = await fetch_value(
        "UPDATE queue_day SET last_number = last_number + 1 WHERE service_id = $1 AND day = $2 RETURNING last_number",
        service_id,
        day,
    )
    ticket = await QueueTicket.create(
        service_id=service_id, day=day, number=number, person_id=person_id, booking_id=booking_id, ready_at=ready_at
    )
    return ticket.id


async def leave_queue(person_id: str, ticket_id: str) -> TicketView:
    """Go away before being served. Leaving twice changes nothing. Raises NotFound, WrongState."""
    async with transaction():
        ticket = await get_ticket(person_id, ticket_id)
        await _lock_line(ticket.service_id, ticket.day)
        changed = await execute(
            "UPDATE queue_ticket SET state = 'left', finished_at = $2, called_at = NULL WHERE id = $1 "
            "AND state IN ('waiting', 'called', 'left')",
            ticket_id,
            clock.now(),
        )
        if not changed:
            raise WrongState()
        return await show_ticket(ticket_id)


async def call_next(actor_id: str, service_id: str, counter: str) -> CalledTicket:
    """The next number comes to this counter; what was called to it before counts as served. The person is told, and the
    one who now has NEAR before them too. Raises NotFound, NotAllowed, QueueEmpty."""
    organization_id = await require_role_at_service(actor_id, service_id)
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
            f"ORDER BY {TURN} LIMIT 1) RETURNING id, person_id",
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
        return await show_called_ticket(row["id"])


async def call_again(actor_id: str, ticket_id: str) -> CalledTicket:
    """They did not come yet: call the same number once more. Raises NotFound, WrongState."""
    async with transaction():
        ticket = await _lock_for_staff(actor_id, ticket_id, "call_ticket_again")
        if ticket.state is not TicketState.CALLED:
            raise WrongState()
        ticket.called_at = clock.now()
        await ticket.save(update_fields=["called_at"])
        if ticket.person_id:
            await notify(ticket.person_id, messages.TICKET_CALLED, ticket=ticket_id, at=ticket.called_at)
        return await show_called_ticket(ticket_id)


async def finish_ticket(actor_id: str, ticket_id: str, *, missed: bool) -> TicketView:
    """Served, or missed 过号: who missed it draws a new number. Finishing twice changes nothing. Raises NotFound,
    WrongState."""
    async with transaction():
        ticket = await _lock_for_staff(actor_id, ticket_id, "finish_ticket")
        wanted = TicketState.MISSED if missed else TicketState.SERVED
        if ticket.state is not wanted:
            if ticket.state is not TicketState.CALLED:
                raise WrongState()
            ticket.state, ticket.finished_at = wanted, clock.now()
            await ticket.save(update_fields=["state", "finished_at"])
            if missed and ticket.person_id:
                await notify(ticket.person_id, messages.TICKET_MISSED, ticket=ticket_id)
        return await show_ticket(ticket_id)


async def _require_open(service_id: str, person_id: str | None) -> None:
    """Raises NotFound, QueueClosed where no numbers are given now, NotEligible."""
    now, day = clock.now(), today()
    terms = await read_terms(service_id, day, day)
    if terms.kind is not ServiceKind.COUNTER:
        raise QueueClosed("该服务不排队取号")
    if not any(span.starts_at - DRAWN_BEFORE <= now < span.ends_at for span in open_spans(terms.calendar, day)):
        raise QueueClosed("当前不在取号时间")
    if person_id is not None:
        await require_may_book(terms, person_id)


async def _tell_near(service_id: str, day: date, now: datetime) -> None:
    rows = await fetch(
        f"WITH near AS (SELECT q.id, row_number() OVER (ORDER BY {TURN}) - 1 AS ahead FROM queue_ticket q "
        f"WHERE q.service_id = $1 AND q.day = $2 AND q.state = 'waiting' ORDER BY {TURN} LIMIT {NEAR + 1}) "
        "UPDATE queue_ticket t SET told_near_at = $3 FROM near WHERE t.id = near.id "
        "AND t.told_near_at IS NULL AND t.person_id IS NOT NULL RETURNING t.id, t.person_id, near.ahead",
        service_id,
        day,
        now,
    )
    for row in sorted(rows, key=lambda row: row["person_id"]):
        await notify(row["person_id"], messages.TICKETS_AHEAD, ticket=row["id"], ahead=row["ahead"])


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


async def _lock_for_staff(actor_id: str, ticket_id: str, action: str) -> QueueTicket:
    """The ticket, locked, for those who work there; with the audit entry. Raises NotFound."""
    ticket = await QueueTicket.filter(id=ticket_id).select_for_update(no_key=True).get_or_none()
    if ticket is None:
        raise NotFound()
    organization_id = await organization_of_service(ticket.service_id)
    await require_role_or_hide(actor_id, organization_id)
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("ticket", ticket_id),
        person_id=ticket.person_id,
        organization_id=organization_id,
    )
    return ticket
