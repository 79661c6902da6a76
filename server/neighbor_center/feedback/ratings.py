"""Ratings of what people came for: once, within 30 days."""

from datetime import timedelta
from typing import Any

from server.accounts.queries import require_dependant
from server.foundation import clock
from server.foundation.crypto import keyring
from server.foundation.database import IntegrityError, fetch_one, transaction, violates
from server.foundation.errors import NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.foundation.rating import NewRating, Rating
from server.neighbor_center.bookings.kinds import Kind, View
from server.neighbor_center.bookings.models import COMMENT_CONTEXT, OPEN_STATES, BookingState
from server.neighbor_center.bookings.queries import get_booking
from server.neighbor_center.feedback.models import BookingRating
from server.neighbor_center.venues.queries import require_role_at_service
from server.organizations.access import READERS

RATED_WITHIN = timedelta(days=30)


class ServiceRatingView(Rating, kw_only=True):
    """A rating as staff read it: not whose it is."""

    id: Id


async def rate_booking(kind: Kind[View, Any], actor_id: str, booking_id: str, new: NewRating) -> View:
    """Stars for a booking that was attended. Raises NotFound; WrongState where nobody came, it was rated or is too long
    ago."""
    row = await fetch_one(
        f"SELECT b.person_id, s.id AS service_id, {kind.time}.ends_at, {kind.state} AS state "
        f"FROM {kind.source} WHERE b.id = $1",
        booking_id,
    )
    if row is None:
        raise NotFound()
    await require_dependant(actor_id, row["person_id"])
    if row["state"] != BookingState.ATTENDED:
        raise WrongState("到场后才能评价" if row["state"] in OPEN_STATES else "")
    if clock.now() > row["ends_at"] + RATED_WITHIN:
        raise WrongState("已超过评价期限")
    rating = BookingRating(
        service_id=row["service_id"],
        person_id=row["person_id"],
        stars=new.stars,
        comment=keyring().encrypt(new.text, COMMENT_CONTEXT) if new.text else None,
        **{f"{kind.table}_id": booking_id},
    )
    try:
        async with transaction():
            await rating.save(force_create=True)
            return await get_booking(kind, actor_id, booking_id)
    except IntegrityError as error:
        if violates(error, "booking_rating_once") or violates(error, "booking_rating_room_once"):
            raise WrongState("您已评价过") from None
        raise


async def list_service_ratings(actor_id: str, service_id: str, page: PageQuery) -> Page[ServiceRatingView]:
    """A service's ratings, latest first, for those who work there. Raises NotFound, NotAllowed."""
    await require_role_at_service(actor_id, service_id, READERS)
    rows = await fetch_page(
        "SELECT id, stars, comment, created_at FROM booking_rating WHERE service_id = $1 "
        "AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        service_id,
        page=page,
    )
    views = [
        ServiceRatingView(
            id=row["id"],
            stars=row["stars"],
            text=keyring().decrypt(bytes(row["comment"]), COMMENT_CONTEXT) if row["comment"] else "",
            rated_at=row["created_at"],
        )
        for row in rows.items
    ]
    return Page(views, rows.next_cursor)
