"""What goes on at a venue itself: screens at the door, and the numbers people draw at one-stop counters."""

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key
from server.foundation.words import Worded


class VenueScreen(Model):
    """A screen at a venue: anyone who holds its token (only the hash is stored) sees the board and the arrival code."""

    venue = foreign_key("Venue")
    venue_id: str
    name = fields.CharField(max_length=40)
    token_hash = fields.BinaryField()
    made_by_id = IdField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "venue_screen"
        indexes = [
            SqlIndex(name="venue_screen_token", columns="token_hash", unique=True),
            SqlIndex(name="venue_screen_venue", columns="venue_id, id"),
        ]


class TicketState(Worded):
    """Waiting → called → served or missed; who goes away before has left. What was still open a day later has expired:
    this is never stored, but derived from the day (queries.TicketView)."""

    WAITING = "waiting", "等待中"
    CALLED = "called", "已叫号"
    SERVED = "served", "已办理"
    MISSED = "missed", "过号"
    LEFT = "left", "已离开"
    EXPIRED = "expired", "已过期"


class QueueDay(Model):
    """How many numbers a counter has given out on a day."""

    service = foreign_key("Service")
    day = fields.DateField()
    last_number = fields.IntField(default=0)

    class Meta:
        table = "queue_day"
        constraints = [UniqueConstraint(fields=("service_id", "day"), name="queue_day_once")]
        indexes = [SqlIndex(name="queue_day_age", columns="created_at")]


class QueueTicket(Model):
    """A number in a counter's line of one day. Nobody's name need be known: then `person_id` is empty.

    One that came with a booking (`booking_id`) is called before the others once `ready_at`, its slot's beginning, has
    come. `counter` is where it was called to (3号窗口). `told_near_at`: the person knows that their turn is near.
    """

    service = foreign_key("Service")
    service_id: str
    day = fields.DateField()
    number = fields.IntField()
    person_id: str | None = IdField(null=True)
    booking = foreign_key("Booking", null=True)
    booking_id: str | None
    ready_at = fields.DatetimeField(null=True)
    state = fields.CharEnumField(TicketState, max_length=8, default=TicketState.WAITING)
    counter = fields.CharField(max_length=20, default="")
    called_at = fields.DatetimeField(null=True)
    called_by_id = IdField(null=True)
    finished_at = fields.DatetimeField(null=True)
    told_near_at = fields.DatetimeField(null=True)

    class Meta:
        table = "queue_ticket"
        constraints = [
            UniqueConstraint(fields=("service_id", "day", "number"), name="queue_ticket_number"),
            CheckConstraint(
                check="(state IN ('called', 'served', 'missed')) = (called_at IS NOT NULL)", name="queue_ticket_called"
            ),
            CheckConstraint(
                check="(state IN ('served', 'missed', 'left')) = (finished_at IS NOT NULL)",
                name="queue_ticket_finished",
            ),
        ]
        indexes = [
            SqlIndex(name="queue_ticket_waiting", columns="service_id, day, number", where="state = 'waiting'"),
            SqlIndex(name="queue_ticket_called_now", columns="service_id, day, called_at", where="state = 'called'"),
            # One person stands in a line once.
            SqlIndex(
                name="queue_ticket_open",
                columns="service_id, day, person_id",
                where="state IN ('waiting', 'called') AND person_id IS NOT NULL",
                unique=True,
            ),
            SqlIndex(name="queue_ticket_booking", columns="booking_id", where="booking_id IS NOT NULL"),
            SqlIndex(name="queue_ticket_person", columns="person_id, id", where="person_id IS NOT NULL"),
            SqlIndex(name="queue_ticket_age", columns="created_at"),
        ]
