"""The screen at a venue's door: who may show it, and what it shows. Nobody's name, but who is on duty."""

import secrets
from datetime import date, datetime, timedelta

import msgspec

from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.crypto import hash_token
from server.foundation.database import fetch, fetch_one, fetch_structs, transaction
from server.foundation.dates import day_of, end_of, instant, wall_clock
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.neighbor_center.bookings.feeds import venue_feed_address
from server.neighbor_center.counters.arrivals import VenueCode, venue_code
from server.neighbor_center.counters.models import VenueScreen
from server.neighbor_center.counters.queries import QueueView, list_queues
from server.neighbor_center.opening.duties import DutyView, list_duties
from server.neighbor_center.opening.queries import read_calendars
from server.neighbor_center.opening.rules import open_hours, open_spans, slots_of_day
from server.neighbor_center.venues.models import ServiceKind, Venue
from server.neighbor_center.venues.queries import organization_of_venue, require_role_at_venue
from server.organizations.access import require_role_or_hide


class NewScreen(msgspec.Struct):
    """The `token` is told only now: the screen's browser keeps it. At `calendar_url` calendars find what is booked at
    the venue. Ending the screen ends both."""

    id: Id
    token: str
    calendar_url: str


class ScreenView(msgspec.Struct):
    id: Id
    name: str
    created_at: datetime
    ended_at: datetime | None


class BoardSlot(msgspec.Struct):
    """A slot of today that is not over: places in all, and free ones."""

    starts_at: datetime
    ends_at: datetime
    capacity: int
    free: int


class BoardRoomTime(msgspec.Struct):
    """A room is taken then; it is not said by whom."""

    starts_at: datetime
    ends_at: datetime


class BoardService(msgspec.Struct, kw_only=True):
    """A service today: its hours (09:00–12:00), whether it is open now, its coming slots, a room's taken times."""

    service_id: Id
    name: str
    kind: ServiceKind
    hours: list[str]
    is_open_now: bool
    slots: list[BoardSlot]
    taken: list[BoardRoomTime]


class BoardView(msgspec.Struct, kw_only=True):
    """Everything for the screen at the door. `notices` are the reasons for what is closed or extra today;
    `arrival_code` (with a screen's token alone) is what people scan on arriving."""

    venue_id: Id
    venue_name: str
    opening: str
    now: datetime
    services: list[BoardService]
    queues: list[QueueView]
    duties: list[DutyView]
    notices: list[str]
    arrival_code: VenueCode | None


async def create_screen(actor_id: str, venue_id: str, name: str) -> NewScreen:
    """Let a screen show the board and the arrival code. Raises NotFound, NotAllowed."""
    token = secrets.token_urlsafe(32)
    async with transaction():
        organization_id = await require_role_at_venue(actor_id, venue_id)
        screen = await VenueScreen.create(
            venue_id=venue_id, name=name, token_hash=hash_token(token), made_by_id=actor_id
        )
        await record_audit(
            "create_screen", actor_id=actor_id, subject=("screen", screen.id), organization_id=organization_id
        )
    return NewScreen(screen.id, token, venue_feed_address(screen.id))


async def list_screens(actor_id: str, venue_id: str) -> list[ScreenView]:
    """The venue's screens that still work. Raises NotFound, NotAllowed."""
    await require_role_at_venue(actor_id, venue_id)
    return await fetch_structs(
        ScreenView,
        "SELECT id, name, created_at, ended_at FROM venue_screen WHERE venue_id = $1 AND ended_at IS NULL ORDER BY id",
        venue_id,
    )


async def end_screen(actor_id: str, screen_id: str) -> ScreenView:
    """Its token no longer shows anything. Raises NotFound."""
    async with transaction():
        screen = await VenueScreen.filter(id=screen_id).select_for_update(no_key=True).get_or_none()
        if screen is None:
            raise NotFound()
        organization_id = await organization_of_venue(screen.venue_id)
        await require_role_or_hide(actor_id, organization_id)
        if screen.ended_at is None:
            screen.ended_at = clock.now()
            await screen.save(update_fields=["ended_at"])
            await record_audit(
                "end_screen", actor_id=actor_id, subject=("screen", screen_id), organization_id=organization_id
            )
        return ScreenView(screen.id, screen.name, screen.created_at, screen.ended_at)


async def show_screen(token: str) -> BoardView:
    """The board of the screen's venue, with the arrival code. Raises NotFound."""
    row = await fetch_one(
        "SELECT venue_id FROM venue_screen WHERE token_hash = $1 AND ended_at IS NULL", hash_token(token)
    )
    if row is None:
        raise NotFound()
    board = await get_board(row["venue_id"])
    board.arrival_code = venue_code(row["venue_id"])
    return board


async def get_board(venue_id: str) -> BoardView:
    """What is on at an open venue today. Raises NotFound."""
    venue = await Venue.get_or_none(id=venue_id, state="open")
    if venue is None:
        raise NotFound()
    now = clock.now()
    today = day_of(now)
    return BoardView(
        venue_id=venue_id,
        venue_name=venue.name,
        opening=venue.opening,
        now=now,
        services=await _services_now(venue_id, now),
        queues=await list_queues(venue_id),
        duties=(await list_duties(venue_id, today, 1))[0].duties,
        notices=await _notices(venue_id, today),
        arrival_code=None,
    )


async def _services_now(venue_id: str, now: datetime) -> list[BoardService]:
    """What is offered today: hours, the slots that are not over, and when rooms are taken."""
    today = day_of(now)
    rows = await fetch(
        "SELECT id, name, kind, capacity FROM service WHERE venue_id = $1 AND state = 'offered' ORDER BY id", venue_id
    )
    calendars = await read_calendars(row["id"] for row in rows)
    counts, taken = await _slot_counts(venue_id, today), await _taken_rooms(venue_id, now)
    services = []
    for row in rows:
        calendar = calendars[row["id"]]
        slots = slots_of_day(calendar, today) if row["kind"] != ServiceKind.ROOM else []
        whole = (row["capacity"], row["capacity"])
        services.append(
            BoardService(
                service_id=row["id"],
                name=row["name"],
                kind=ServiceKind(row["kind"]),
                hours=[f"{wall_clock(opens)}–{wall_clock(closes)}" for opens, closes in open_hours(calendar, today)],
                is_open_now=any(span.starts_at <= now < span.ends_at for span in open_spans(calendar, today)),
                slots=[
                    BoardSlot(span.starts_at, span.ends_at, *counts.get((row["id"], span.starts_at), whole))
                    for span in slots
                    if span.ends_at > now
                ],
                taken=taken.get(row["id"], []),
            )
        )
    return services


async def _slot_counts(venue_id: str, day: date) -> dict[tuple[str, datetime], tuple[int, int]]:
    """(service, begin) → capacity and what is left of it, of the day's slots that somebody has asked for yet."""
    rows = await fetch(
        # Allotments are looked up slot by slot, as in availability.py.
        "SELECT t.service_id, t.starts_at, (SELECT ARRAY[a.capacity, GREATEST(a.capacity - a.taken, 0)] "
        "FROM allotment a WHERE a.id = t.allotment_id) AS counts FROM service s JOIN slot t ON t.service_id = s.id "
        "WHERE s.venue_id = $1 AND t.starts_at >= $2 AND t.starts_at < $3",
        venue_id,
        instant(day),
        end_of(day),
    )
    return {(row["service_id"], row["starts_at"]): row["counts"] for row in rows}


async def _taken_rooms(venue_id: str, now: datetime) -> dict[str, list[BoardRoomTime]]:
    """Service → the day's room bookings that are not over."""
    rows = await fetch(
        "SELECT r.service_id, r.starts_at, r.ends_at FROM service s JOIN room_booking r ON r.service_id = s.id "
        "WHERE s.venue_id = $1 AND r.state IN ('booked', 'attended') AND r.starts_at >= $2 AND r.starts_at < $3 "
        "AND r.ends_at > $4 ORDER BY r.starts_at",
        venue_id,
        instant(day_of(now)) - timedelta(days=1),
        end_of(day_of(now)),
        now,
    )
    taken: dict[str, list[BoardRoomTime]] = {}
    for row in rows:
        taken.setdefault(row["service_id"], []).append(BoardRoomTime(row["starts_at"], row["ends_at"]))
    return taken


async def _notices(venue_id: str, day: date) -> list[str]:
    rows = await fetch(
        "SELECT DISTINCT e.reason FROM opening_exception e WHERE e.venue_id = $1 AND e.day = $2 AND e.ended_at IS NULL "
        "AND e.reason <> '' ORDER BY e.reason",
        venue_id,
        day,
    )
    return [row["reason"] for row in rows]
