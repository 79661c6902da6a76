"""Reading bookings: one's own, and for staff those of a day."""

from datetime import date, datetime, timedelta
from typing import Any

from server.accounts.details import Details, open_name, read_details
from server.accounts.masking import mask_name, mask_phone
from server.accounts.queries import ours, require_dependant
from server.calendars.appointments import When
from server.foundation.audit import record_views
from server.foundation.crypto import keyring
from server.foundation.database import exists, fetch, fetch_one, fetch_value, transaction
from server.foundation.dates import instant, today
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.foundation.rating import Rating
from server.foundation.rows import insert_and_fetch
from server.neighbor_center.bookings.kinds import SLOTS, AnyKind, DayView, Kind, View, refusing_overlaps
from server.neighbor_center.bookings.models import ADDRESS_CONTEXT, COMMENT_CONTEXT, AnyBooking, BookingState
from server.neighbor_center.opening.rules import check_year
from server.neighbor_center.venues.queries import VenueReader, require_venue_reader
from server.organizations.access import READERS, WORKERS, holds_role, require_role_or_hide
from server.places.queries import waiting_positions

_COMING = (
    "AND b.starts_at >= $2 AND ($3::timestamptz IS NULL OR (b.starts_at, b.id) > ($3, $4::uuid)) "
    "ORDER BY b.starts_at, b.id LIMIT $5"
)
_PAST = (
    "AND b.starts_at < $2 AND ($3::timestamptz IS NULL OR (b.starts_at, b.id) < ($3, $4::uuid)) "
    "ORDER BY b.starts_at DESC, b.id DESC LIMIT $5"
)


async def list_my_bookings(kind: Kind[View, Any], person_id: str, *, when: When, page: PageQuery) -> Page[View]:
    """One's own bookings and those of the people one looks after: what comes (today's too), soonest first; or what is
    past, latest first."""
    rows = await fetch_page(
        f"{_select(kind)} WHERE {ours('b.person_id')} {_COMING if when is When.COMING else _PAST}",
        person_id,
        instant(today(), 0),
        page=page,
        key={"starts_at": datetime, "id": Id},
    )
    return Page(await _views(kind, rows.items), rows.next_cursor)


async def get_booking(kind: Kind[View, Any], person_id: str, booking_id: str) -> View:
    """One booking. Raises NotFound unless it is the caller's or of somebody they look after."""
    row = await fetch_one(f"{_select(kind)} WHERE b.id = $1", booking_id)
    if row is None:
        raise NotFound()
    await require_dependant(person_id, row["person_id"])
    return (await _views(kind, [row]))[0]


async def add_booking(kind: Kind[View, Any], booking: AnyBooking) -> View:
    """Write a new booking, and what its person sees of it, in one statement. Raises RoomTaken."""
    with refusing_overlaps():
        row = await insert_and_fetch(booking, "b", _select(kind, kind.source_of_new))
    return (await _views(kind, [row]))[0]


async def list_series_bookings(kind: Kind[View, Any], person_id: str, series_id: str) -> list[View]:
    """The bookings of a series, soonest first, as far as they are the caller's or of somebody they look after."""
    rows = await fetch(
        f"{_select(kind)} WHERE b.series_id = $2 AND {ours('b.person_id')} ORDER BY b.starts_at", person_id, series_id
    )
    return await _views(kind, rows)


async def list_day_bookings(
    kind: Kind[Any, DayView],
    actor_id: str,
    venue_id: str,
    day: date,
    *,
    days: int = 1,
    service_id: str | None = None,
    page: PageQuery,
) -> Page[DayView]:
    """Who comes to the venue on so many days from that one on, and who asks to, in the order of time, without what was
    cancelled or refused. Each person shown is audited; observers see masked names and no notes. Raises NotFound,
    NotAllowed."""
    check_year("day", day)
    starts_at = f"{kind.time}.starts_at"
    async with transaction():
        reader = await require_venue_reader(actor_id, venue_id)
        rows = await fetch_page(
            f"{_select_day(kind)} WHERE s.venue_id = $1 AND ($2::uuid IS NULL OR s.id = $2) "
            f"AND {starts_at} >= $3 AND {starts_at} < $4 AND {kind.ended}.ended_at IS NULL "
            f"AND ($5::timestamptz IS NULL OR ({starts_at}, b.id) > ($5, $6::uuid)) "
            f"ORDER BY {starts_at}, b.id LIMIT $7",
            venue_id,
            service_id,
            instant(day, 0),
            instant(day, days * 1440),
            page=page,
            key={"starts_at": datetime, "id": Id},
        )
        people = await name_persons(actor_id, reader, kind.table, rows.items)
    return Page([_day_view(kind, row, people, with_note=reader.is_worker) for row in rows.items], rows.next_cursor)


async def get_staff_booking(kind: Kind[Any, DayView], actor_id: str, booking_id: str) -> DayView:
    """One booking, whatever became of it, as the list of its day shows it: audited, masked for observers. Raises
    NotFound, also to those who have no role there: bookings are private."""
    async with transaction():
        row = await fetch_one(f"{_select_day(kind)} WHERE b.id = $1", booking_id)
        if row is None:
            raise NotFound()
        organization_id = await fetch_value(f"SELECT v.organization_id FROM {kind.source} WHERE b.id = $1", booking_id)
        await require_role_or_hide(actor_id, organization_id, READERS)
        reader = VenueReader(organization_id, await holds_role(actor_id, organization_id, WORKERS))
        people = await name_persons(actor_id, reader, kind.table, [row])
    return _day_view(kind, row, people, with_note=reader.is_worker)


async def get_day_booking(kind: Kind[Any, DayView], booking_id: str) -> DayView:
    """One booking as staff see it who have just acted on it: the row of what they did notes whom they have seen."""
    row = await fetch_one(f"{_select_day(kind)} WHERE b.id = $1", booking_id)
    assert row
    return _day_view(kind, row, await _name([row]))


async def name_persons(actor_id: str, reader: VenueReader, kind: str, rows: list[Any]) -> dict[str, dict[str, str]]:
    """Name and masked phone of the persons in these rows, each view audited; for observers the name is masked too."""
    await record_views(
        "view_day_booking",
        actor_id=actor_id,
        kind=kind,
        seen=[(row["id"], row["person_id"]) for row in rows],
        organization_id=reader.organization_id,
    )
    people = await _name(rows)
    if not reader.is_worker:
        for person in people.values():
            person["name"] = mask_name(person["name"])
    return people


async def _name(rows: list[Any]) -> dict[str, dict[str, str]]:
    details = await read_details({row["person_id"] for row in rows})
    named = {}
    for row in rows:
        found = details.get(row["person_id"], Details())
        named[row["person_id"]] = {"name": found.real_name, "phone": mask_phone(found.phone)}
    return named


def _select(kind: AnyKind, source: str = "") -> str:
    """What its person sees of a booking; for _views."""
    more = f", {kind.columns}" if kind.columns else ""
    return (
        f"SELECT b.id, {kind.state} AS state, s.id AS service_id, s.name AS service_name, s.venue_id, "
        f"v.name AS venue_name, v.address AS venue_address, {kind.time}.starts_at, {kind.time}.ends_at, b.series_id, "
        "b.person_id, b.party_size, b.note, s.cancel_until_minutes, b.answer_by, b.arrived_at, b.staff_reason, "
        "g.stars, g.comment, g.created_at AS rated_at, b.created_at, "
        f"(SELECT d.real_name FROM person_details d WHERE d.person_id = b.person_id) AS sealed_name{more} "
        f"FROM {source or kind.source} LEFT JOIN booking_rating g ON g.{kind.table}_id = b.id"
    )


def _select_day(kind: AnyKind) -> str:
    """What staff see of it; for _day_view."""
    return (
        f"SELECT b.id, {kind.state} AS state, s.id AS service_id, s.name AS service_name, {kind.time}.starts_at, "
        f"{kind.time}.ends_at, b.person_id, b.party_size, b.note, b.walk_in, b.answer_by, b.arrived_at, "
        f"{kind.day_columns} "
        f"FROM {kind.source}"
    )


async def _views(kind: Kind[View, Any], rows: list[Any]) -> list[View]:
    waiting = [row["place_id"] for row in rows if row["state"] == BookingState.WAITING]
    positions = await waiting_positions(waiting) if waiting else {}
    views = []
    for row in rows:
        values = dict(row)
        minutes = values.pop("cancel_until_minutes")
        stars, comment, rated_at = (values.pop(name) for name in ("stars", "comment", "rated_at"))
        values |= {
            "rating": stars and Rating(stars=stars, text=open_note(comment, COMMENT_CONTEXT), rated_at=rated_at),
            "note": open_note(row["note"], kind.note_context),
            "person_name": open_name(values.pop("sealed_name")),
            "change_until": row["starts_at"] - timedelta(minutes=minutes),
        }
        if kind is SLOTS:
            values |= {
                "address": open_note(row["address"], ADDRESS_CONTEXT),
                "position": positions.get(values.pop("place_id")),
            }
        views.append(kind.view(**values))
    return views


def _day_view(
    kind: Kind[Any, DayView], row: Any, people: dict[str, dict[str, str]], *, with_note: bool = True
) -> DayView:
    note = open_note(row["note"], kind.note_context) if with_note else ""
    return kind.day_view(**(dict(row) | people[row["person_id"]] | {"note": note}))


def open_note(ciphertext: bytes | None, context: str) -> str:
    """A sealed note or address in clear, empty where there is none. The caller has checked who asks."""
    return keyring().decrypt(bytes(ciphertext), context) if ciphertext else ""


async def has_booked(person_id: str, path: str) -> bool:
    """Whether the person booked, or somebody for them, at a venue of an organization whose path is `path` or below."""
    return await exists(
        "SELECT 1 FROM booking b JOIN slot s ON s.id = b.slot_id JOIN service e ON e.id = s.service_id "
        "JOIN venue v ON v.id = e.venue_id JOIN organization o ON o.id = v.organization_id "
        "WHERE b.person_id = $1 AND o.path <@ $2::ltree "
        "UNION ALL SELECT 1 FROM room_booking b JOIN service e ON e.id = b.service_id "
        "JOIN venue v ON v.id = e.venue_id JOIN organization o ON o.id = v.organization_id "
        "WHERE b.person_id = $1 AND o.path <@ $2::ltree",
        person_id,
        path,
    )
