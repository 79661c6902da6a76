"""What the neighbor centers put on people's home page: bookings, slots on offer, numbers, and what may be rated."""

from server.accounts.queries import ours
from server.calendars.home import HomeLines, HomePart
from server.neighbor_center.bookings.kinds import ROOMS, SLOTS, AnyKind
from server.neighbor_center.feedback.ratings import RATED_WITHIN


def _lines(kind: AnyKind, part: HomePart, when: str, until: str = "") -> HomeLines:
    page = "detail" if kind is SLOTS else "room"
    return HomeLines(
        part=part,
        page=f"pages/booking/{page}?id={{id}}",
        sql=(
            f"SELECT '{kind.table}' AS kind, b.id, b.id AS page_id, s.name AS title, v.name AS place, "
            f"{kind.time}.starts_at, {until or f'{kind.time}.ends_at'} AS until, b.person_id, {kind.state} AS state "
            f"FROM {kind.source} WHERE {ours('b.person_id')} AND {when} ORDER BY b.starts_at, b.id"
        ),
    )


def _to_rate(kind: AnyKind, attended: str) -> HomeLines:
    when = (
        f"b.starts_at > $2 - interval '{RATED_WITHIN.days} days' AND b.starts_at <= $2 AND {attended} "
        f"AND NOT EXISTS (SELECT 1 FROM booking_rating g WHERE g.{kind.table}_id = b.id)"
    )
    return _lines(kind, HomePart.TO_RATE, when)


_AHEAD = "b.starts_at > $2 - interval '1 day' AND b.starts_at < $3"

_NUMBERS = HomeLines(
    part=HomePart.COMING,
    page="pages/venue/ticket?id={id}",
    sql=(
        "SELECT 'ticket' AS kind, q.id, q.id AS page_id, s.name || ' ' || q.number || '号' AS title, v.name AS place, "
        "NULL::timestamptz AS starts_at, NULL::timestamptz AS until, q.person_id, q.state FROM queue_ticket q "
        "JOIN service s ON s.id = q.service_id JOIN venue v ON v.id = s.venue_id "
        f"WHERE {ours('q.person_id')} AND q.state IN ('waiting', 'called') "
        "AND q.day = ($2 AT TIME ZONE 'Asia/Shanghai')::date ORDER BY q.id"
    ),
)

LINES = (
    _NUMBERS,
    _lines(SLOTS, HomePart.COMING, f"{_AHEAD} AND t.ends_at > $2 AND p.state IN ('waiting', 'confirmed')"),
    _lines(SLOTS, HomePart.OFFERS, f"{_AHEAD} AND p.state = 'offered'", "p.offered_until"),
    _lines(ROOMS, HomePart.COMING, f"{_AHEAD} AND b.ends_at > $2 AND b.state IN ('requested', 'booked')"),
    _to_rate(SLOTS, "p.state = 'attended'"),
    _to_rate(ROOMS, "b.state = 'attended'"),
)
