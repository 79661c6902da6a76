"""What people say afterwards: ratings of what they came for, and complaints."""

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key, sealed
from server.foundation.words import Worded
from server.neighbor_center.bookings.models import COMMENT_CONTEXT

COMPLAINT_CONTEXT = "complaint.text"
ANSWER_CONTEXT = "complaint.answer"
"""What the encrypted columns are encrypted for; see server.foundation.crypto."""


class BookingRating(Model):
    """Stars (1–5) for a booking, or for a room's, that was attended. `comment` is encrypted: it may tell of somebody's
    health, and is for the venue's staff."""

    service = foreign_key("Service")
    booking_id = IdField(null=True)
    room_booking_id = IdField(null=True)
    person_id = IdField()
    stars = fields.SmallIntField()
    comment = sealed(COMMENT_CONTEXT, null=True)

    class Meta:
        table = "booking_rating"
        constraints = [
            CheckConstraint(check="stars BETWEEN 1 AND 5", name="booking_rating_stars"),
            CheckConstraint(
                check="(booking_id IS NULL) <> (room_booking_id IS NULL)", name="booking_rating_is_of_something"
            ),
        ]
        indexes = [
            SqlIndex(name="booking_rating_once", columns="booking_id", where="booking_id IS NOT NULL", unique=True),
            SqlIndex(
                name="booking_rating_room_once",
                columns="room_booking_id",
                where="room_booking_id IS NOT NULL",
                unique=True,
            ),
            SqlIndex(name="booking_rating_service", columns="service_id, id"),
            SqlIndex(name="booking_rating_person", columns="person_id, id"),
            SqlIndex(name="booking_rating_average", columns="service_id, stars"),
        ]


class ComplaintState(Worded):
    OPEN = "open", "待答复"
    ANSWERED = "answered", "已答复"


class Complaint(Model):
    """Something went wrong at a venue, said by somebody it happened to. Answered by staff, who also say whether it was
    right (`is_upheld`). Text and answer are encrypted. An answer is promised by `answer_by`."""

    venue = foreign_key("Venue")
    service = foreign_key("Service", null=True)
    person_id = IdField()
    text = sealed(COMPLAINT_CONTEXT)
    state = fields.CharEnumField(ComplaintState, max_length=12, default=ComplaintState.OPEN)
    is_upheld = fields.BooleanField(null=True)
    answer = sealed(ANSWER_CONTEXT, null=True)
    answer_by = fields.DatetimeField()
    answered_by_id = IdField(null=True)
    answered_at = fields.DatetimeField(null=True)

    class Meta:
        table = "complaint"
        constraints = [
            CheckConstraint(check="(state = 'answered') = (answered_at IS NOT NULL)", name="complaint_answered"),
            CheckConstraint(
                check="(state = 'answered') = (answer IS NOT NULL) AND (state = 'answered') = (is_upheld IS NOT NULL)",
                name="complaint_has_answer",
            ),
        ]
        indexes = [
            SqlIndex(name="complaint_venue", columns="venue_id, id"),
            SqlIndex(name="complaint_open", columns="answer_by", where="state = 'open'"),
            SqlIndex(name="complaint_on_desk", columns="venue_id, answer_by, id", where="state = 'open'"),
            SqlIndex(name="complaint_person", columns="person_id, id"),
        ]
