"""What the neighbor centers have in people's list of appointments: slots, rooms, and numbers at counters."""

from server.accounts.queries import ours
from server.calendars.appointments import AppointmentLines
from server.foundation.words import words_of
from server.neighbor_center.bookings.kinds import ROOMS, SLOTS, AnyKind
from server.neighbor_center.bookings.models import BookingState
from server.neighbor_center.counters.models import TicketState
from server.neighbor_center.counters.queries import ahead_at, state_on
from server.neighbor_center.feedback.ratings import RATED_WITHIN
from server.places.queries import POSITION


def _lines(kind: AnyKind, position: str, offered_until: str) -> AppointmentLines:
    page = "detail" if kind is SLOTS else "room"
    ends_at = f"{kind.time}.ends_at"
    return AppointmentLines(
        page=f"pages/booking/{page}?id={{id}}",
        states=words_of(BookingState),
        sql=(
            f"SELECT '{kind.table}' AS kind, b.id, b.id AS page_id, s.name AS title, '' AS detail, v.name AS place, "
            f"b.starts_at, {ends_at}, {kind.state} AS state, b.party_size, b.person_id, {position} AS position, "
            f"{offered_until} AS offered_until, b.starts_at - make_interval(mins => s.cancel_until_minutes) "
            f"AS change_until, b.staff_reason AS reason, {kind.state} = 'attended' "
            f"AND {ends_at} > $2::timestamptz - interval '{RATED_WITHIN.days} days' "
            f"AND NOT EXISTS (SELECT 1 FROM booking_rating g WHERE g.{kind.table}_id = b.id) AS may_rate, "
            f"{ends_at} > $2::timestamptz AND {kind.state} NOT IN ('cancelled', 'refused', 'no_show') AS is_coming "
            f"FROM {kind.source} WHERE {ours('b.person_id')}"
        ),
    )


_TODAY = "($2::timestamptz AT TIME ZONE 'Asia/Shanghai')::date"

_NUMBERS = AppointmentLines(
    page="pages/venue/ticket?id={id}",
    states=words_of(TicketState),
    sql=(
        "SELECT 'ticket' AS kind, q.id, q.id AS page_id, s.name AS title, q.number || '号' AS detail, v.name AS place, "
        "COALESCE(q.ready_at, q.created_at) AS starts_at, NULL::timestamptz AS ends_at, "
        f"{state_on(_TODAY)} AS state, 1 AS party_size, q.person_id, "
        f"1 + {ahead_at(_TODAY, '$2::timestamptz')} AS position, NULL::timestamptz AS offered_until, "
        "NULL::timestamptz AS change_until, '' AS reason, false AS may_rate, "
        f"{state_on(_TODAY)} IN ('waiting', 'called') AS is_coming FROM queue_ticket q "
        f"JOIN service s ON s.id = q.service_id JOIN venue v ON v.id = s.venue_id WHERE {ours('q.person_id')}"
    ),
)

LINES = (
    _lines(SLOTS, f"CASE WHEN p.state = 'waiting' THEN {POSITION} END", "p.offered_until"),
    _lines(ROOMS, "NULL::bigint", "NULL::timestamptz"),
    _NUMBERS,
)
