"""Ratings of what people came for: once, within 30 days."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from server.accounts.queries import require_dependant
from server.foundation import clock
from server.foundation.crypto import keyring
from server.foundation.database import IntegrityError, fetch, fetch_one, transaction, violates
from server.foundation.errors import NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, cut_page, decode_cursor
from server.neighbor_center.feedback.models import COMMENT_CONTEXT, BookingRating
from server.neighbor_center.venues.queries import organization_of_service
from server.organizations.access import READERS, require_role

RATED_WITHIN = timedelta(days=30)


class ServiceRatingView(msgspec.Struct):
    """A rating as staff read it: not whose it is."""

    id: Id
    stars: int
    comment: str
    created_at: datetime


async def rate_booking(actor_id: str, booking_id: str, stars: int, comment: str) -> None:
    """Stars for a booking that was attended. Raises NotFound; WrongState where nobody came, it was rated or is too long
    ago."""
    row = await fetch_one(
        "SELECT b.person_id, t.service_id, t.ends_at, p.state = 'attended' AS was_attended FROM booking b "
        "JOIN slot t ON t.id = b.slot_id JOIN place p ON p.id = b.place_id WHERE b.id = $1",
        booking_id,
    )
    await _rate(actor_id, row, BookingRating(booking_id=booking_id, stars=stars), comment)


async def rate_room_booking(actor_id: str, booking_id: str, stars: int, comment: str) -> None:
    """The same for a room."""
    row = await fetch_one(
        "SELECT person_id, service_id, ends_at, state = 'attended' AS was_attended FROM room_booking WHERE id = $1",
        booking_id,
    )
    await _rate(actor_id, row, BookingRating(room_booking_id=booking_id, stars=stars), comment)


async def list_service_ratings(
    actor_id: str, service_id: str, *, cursor: str | None, limit: int
) -> Page[ServiceRatingView]:
    """A service's ratings, latest first, for those who work there. Raises NotFound, NotAllowed."""
    await require_role(actor_id, await organization_of_service(service_id), READERS)
    (after,) = decode_cursor(cursor, tuple[Id]) if cursor else (None,)
    rows = await fetch(
        "SELECT id, stars, comment, created_at FROM booking_rating WHERE service_id = $1 "
        "AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        service_id,
        after,
        limit + 1,
    )
    views = [
        ServiceRatingView(
            row["id"],
            row["stars"],
            keyring().decrypt(bytes(row["comment"]), COMMENT_CONTEXT) if row["comment"] else "",
            row["created_at"],
        )
        for row in rows
    ]
    return cut_page(views, limit, lambda view: (view.id,))


async def _rate(actor_id: str, row: Any, rating: BookingRating, comment: str) -> None:
    if row is None:
        raise NotFound()
    await require_dependant(actor_id, row["person_id"])
    if not row["was_attended"]:
        raise WrongState("到场后才能评价")
    if clock.now() > row["ends_at"] + RATED_WITHIN:
        raise WrongState("已超过评价期限")
    rating.service_id, rating.person_id = row["service_id"], row["person_id"]
    rating.comment = keyring().encrypt(comment, COMMENT_CONTEXT) if comment else None
    try:
        async with transaction():
            await rating.save(force_create=True)
    except IntegrityError as error:
        if violates(error, "booking_rating_once") or violates(error, "booking_rating_room_once"):
            raise WrongState("您已评价过") from None
        raise
