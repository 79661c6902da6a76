"""Two persons turned out to be one."""

from server.foundation import clock
from server.foundation.database import execute


async def merge_bookings(from_id: str, into_id: str) -> None:
    """Two persons turned out to be one: bookings, numbers drawn, ratings and complaints go along. (The places are moved
    by the places' own.)"""
    for table in ("booking", "room_booking", "booking_series"):
        await execute(
            f"UPDATE {table} SET person_id = $2, "
            "booked_by_id = CASE booked_by_id WHEN $1 THEN $2 ELSE booked_by_id END WHERE person_id = $1",
            from_id,
            into_id,
        )
        await execute(
            f"UPDATE {table} SET booked_by_id = $2 WHERE booked_by_id = $1 AND booked_by_id <> person_id",
            from_id,
            into_id,
        )
    # Nobody can be in two homes at once: where both were to go somewhere at the same time, staff send somebody anew.
    await execute(
        "UPDATE booking SET visitor_id = NULL, visit_until = NULL WHERE visitor_id = $1 AND EXISTS (SELECT 1 "
        "FROM booking kept WHERE kept.visitor_id = $2 AND tstzrange(kept.starts_at, kept.visit_until) "
        "&& tstzrange(booking.starts_at, booking.visit_until))",
        from_id,
        into_id,
    )
    await execute("UPDATE booking SET visitor_id = $2 WHERE visitor_id = $1", from_id, into_id)
    # Who stands twice in one line keeps the number of the one that remains.
    await execute(
        "UPDATE queue_ticket SET state = 'left', finished_at = $3, called_at = NULL WHERE person_id = $1 "
        "AND state IN ('waiting', 'called') AND EXISTS (SELECT 1 FROM queue_ticket kept WHERE kept.person_id = $2 "
        "AND kept.service_id = queue_ticket.service_id AND kept.day = queue_ticket.day "
        "AND kept.state IN ('waiting', 'called'))",
        from_id,
        into_id,
        clock.now(),
    )
    for table in ("queue_ticket", "booking_rating", "complaint", "duty"):
        await execute(f"UPDATE {table} SET person_id = $2 WHERE person_id = $1", from_id, into_id)
