"""Who has booked what: slots, rooms, repeating bookings.

A room, which one party has to itself for a range of time, is kept free of overlaps by an exclusion constraint, and so
is the time of those who go to people's homes (migrations/_guards.py).
"""

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key, sealed
from server.foundation.words import Worded
from server.places.models import Place, PlaceState

NOTE_CONTEXT = "booking.note"
ADDRESS_CONTEXT = "booking.address"
ROOM_NOTE_CONTEXT = "room_booking.note"
COMMENT_CONTEXT = "booking_rating.comment"
"""What the encrypted columns are encrypted for; see server.foundation.crypto."""


class Slot(Model):
    """A bookable time of a service, made from the rules when somebody first wants it; it exists once.

    `allotment_id` is empty only within the transaction that makes the slot.
    """

    service = foreign_key("Service")
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    allotment = foreign_key("Allotment", null=True)
    allotment_id: str

    class Meta:
        table = "slot"
        constraints = [
            UniqueConstraint(fields=("service_id", "starts_at"), name="slot_once"),
            CheckConstraint(check="starts_at < ends_at", name="slot_has_length"),
        ]
        indexes = [
            SqlIndex(name="slot_allotment", columns="allotment_id", where="allotment_id IS NOT NULL", unique=True),
        ]


class BookingKind(Worded):
    SLOT = "slot", "时段预约"
    ROOM = "room", "场地预约"


class Approval(Worded):
    """Whether staff have to agree, and did."""

    NOT_NEEDED = "not_needed", "无需审核"
    PENDING = "pending", "待审核"
    APPROVED = "approved", "已通过"
    REFUSED = "refused", "未通过"


class BookingState(Worded):
    """Requested → booked or refused; booked → attended or no_show; the person or staff may cancel before.

    A room's booking stores it, and never waits. A slot's is told by its place and the approval (kinds.SLOTS), and one
    that was refused is cancelled.
    """

    REQUESTED = "requested", "待审核"
    BOOKED = "booked", "已预约"
    WAITING = "waiting", "候补中"
    REFUSED = "refused", "未通过"
    CANCELLED = "cancelled", "已取消"
    ATTENDED = "attended", "已到场"
    NO_SHOW = "no_show", "爽约"


OPEN_STATES = (BookingState.REQUESTED, BookingState.BOOKED, BookingState.WAITING)
"""What can still be cancelled or moved."""


class ServiceVisitor(Model):
    """Somebody who goes to people's homes for a service 上门人员, and holds no role: a doctor, a tailor. They see their
    own visits and nothing else."""

    service = foreign_key("Service")
    service_id: str
    person_id = IdField()
    named_by_id = IdField()

    class Meta:
        table = "service_visitor"
        constraints = [UniqueConstraint(fields=("service_id", "person_id"), name="service_visitor_once")]
        indexes = [SqlIndex(name="service_visitor_person", columns="person_id, id")]


class BookingSeries(Model):
    """A repeating booking, of a slot or a room: what was asked for. Each occurrence is a booking of its own."""

    service = foreign_key("Service")
    service_id: str
    person_id = IdField()
    booked_by_id = IdField()
    starts_at = fields.DatetimeField()
    every_weeks = fields.SmallIntField()
    times = fields.SmallIntField()

    class Meta:
        table = "booking_series"
        indexes = [SqlIndex(name="booking_series_person", columns="person_id, id")]


class Booking(Model):
    """A person's place in a slot. It stays the same booking when it is moved: slot and place change, BookingMove tells.

    `booked_by_id` is another person where a relative or the counter (`walk_in`) booked. `note` and `address` (home
    visits) are encrypted: they may tell of somebody's health. `starts_at` is the slot's, for the person's list.
    `staff_reason`: staff's words when they refused or cancelled.

    Of a home visit, `area_id` is the grid that the address lies in, `visitor_id` who goes there, and `visit_until` when
    the visitor is free again, travel included.

    For the sweeps: `remind_at` is when the next reminder is due. A request is promised an answer by `answer_by`, and
    looked at again at `answer_due_at` (then, and when the slot begins) until it is answered or given up. Whether the
    person came is decided when its time is over: `settled_at`.
    """

    slot = foreign_key("Slot")
    slot_id: str
    place: Place = foreign_key("Place", unique=True)
    place_id: str
    person_id = IdField()
    booked_by_id = IdField()
    walk_in = fields.BooleanField(default=False)
    party_size = fields.SmallIntField(default=1)
    note = sealed(NOTE_CONTEXT, null=True)
    address = sealed(ADDRESS_CONTEXT, null=True)
    starts_at = fields.DatetimeField()
    series = foreign_key("BookingSeries", null=True)
    series_id: str | None
    approval = fields.CharEnumField(Approval, max_length=12, default=Approval.NOT_NEEDED)
    area_id: str | None = IdField(null=True)
    visitor_id: str | None = IdField(null=True)
    visit_until = fields.DatetimeField(null=True)
    arrived_at = fields.DatetimeField(null=True)
    remind_at = fields.DatetimeField(null=True)
    answer_by = fields.DatetimeField(null=True)
    answer_due_at = fields.DatetimeField(null=True)
    settled_at = fields.DatetimeField(null=True)
    staff_reason = fields.CharField(max_length=100, default="")

    class Meta:
        table = "booking"
        constraints = [
            CheckConstraint(check="(visitor_id IS NULL) = (visit_until IS NULL)", name="booking_visit_has_end"),
        ]
        indexes = [
            SqlIndex(name="booking_person", columns="person_id, starts_at, id"),
            SqlIndex(name="booking_slot", columns="slot_id, id"),
            SqlIndex(name="booking_booked_by", columns="booked_by_id", where="booked_by_id <> person_id"),
            SqlIndex(name="booking_visitor", columns="visitor_id, starts_at", where="visitor_id IS NOT NULL"),
            SqlIndex(name="booking_series_member", columns="series_id, starts_at", where="series_id IS NOT NULL"),
            SqlIndex(name="booking_remind", columns="remind_at", where="remind_at IS NOT NULL"),
            SqlIndex(name="booking_answer_due", columns="answer_due_at", where="answer_due_at IS NOT NULL"),
            SqlIndex(name="booking_answer_by", columns="answer_by", where="answer_due_at IS NOT NULL"),
            SqlIndex(name="booking_unsettled", columns="starts_at", where="settled_at IS NULL"),
        ]

    @property
    def state(self) -> BookingState:
        """As its place, which must have been fetched, and the approval have it."""
        if not self.place.is_active:
            return BookingState.CANCELLED
        if self.place.state in (PlaceState.WAITING, PlaceState.OFFERED):
            return BookingState.WAITING
        if self.place.state is PlaceState.CONFIRMED:
            return BookingState.REQUESTED if self.approval is Approval.PENDING else BookingState.BOOKED
        return BookingState(self.place.state)

    @property
    def is_request(self) -> bool:
        """Whether staff have still to answer; it may wait for a place meanwhile."""
        return self.approval is Approval.PENDING and self.place.is_active

    @property
    def was_approved(self) -> bool:
        return self.approval is Approval.APPROVED

    @property
    def was_refused(self) -> bool:
        return self.approval is Approval.REFUSED

    @property
    def is_holding(self) -> bool:
        """Whether it keeps others out: a request has its place already."""
        return self.place.state is PlaceState.CONFIRMED


class BookingMove(Model):
    """A booking went from one slot to another: where it was, who moved it."""

    booking = foreign_key("Booking")
    from_slot = foreign_key("Slot")
    to_slot = foreign_key("Slot")
    moved_by_id = IdField()

    class Meta:
        table = "booking_move"
        indexes = [SqlIndex(name="booking_move_booking", columns="booking_id, id")]


class RoomBooking(Model):
    """A room for one party from `starts_at` to `ends_at`, on a grid of 15 minutes; until `busy_until` it is made ready
    for the next. Requests may overlap; what is booked cannot (room_booking_no_overlap). `note` is encrypted. `walk_in`
    and what the sweeps go by are as in Booking. `moves`: how often it was moved."""

    service = foreign_key("Service")
    service_id: str
    person_id = IdField()
    booked_by_id = IdField()
    walk_in = fields.BooleanField(default=False, db_default=False)
    party_size = fields.SmallIntField(default=1)
    note = sealed(ROOM_NOTE_CONTEXT, null=True)
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    busy_until = fields.DatetimeField()
    state = fields.CharEnumField(BookingState, max_length=12)
    moves = fields.SmallIntField(default=0)
    series = foreign_key("BookingSeries", null=True)
    series_id: str | None
    arrived_at = fields.DatetimeField(null=True)
    remind_at = fields.DatetimeField(null=True)
    answer_by = fields.DatetimeField(null=True)
    answer_due_at = fields.DatetimeField(null=True)
    settled_at = fields.DatetimeField(null=True)
    decided_by_id: str | None = IdField(null=True)
    ended_at = fields.DatetimeField(null=True)
    staff_reason = fields.CharField(max_length=100, default="")

    class Meta:
        table = "room_booking"
        constraints = [
            CheckConstraint(check="starts_at < ends_at AND ends_at <= busy_until", name="room_booking_has_length"),
            CheckConstraint(
                check="extract(epoch FROM starts_at) % 900 = 0 AND extract(epoch FROM ends_at) % 900 = 0",
                name="room_booking_on_grid",
            ),
            CheckConstraint(
                check="(state IN ('refused', 'cancelled')) = (ended_at IS NOT NULL)", name="room_booking_ended"
            ),
        ]
        indexes = [
            SqlIndex(name="room_booking_time", columns="service_id, starts_at", where="ended_at IS NULL"),
            SqlIndex(name="room_booking_person", columns="person_id, starts_at, id"),
            SqlIndex(name="room_booking_booked_by", columns="booked_by_id", where="booked_by_id <> person_id"),
            SqlIndex(name="room_booking_series_member", columns="series_id, starts_at", where="series_id IS NOT NULL"),
            SqlIndex(name="room_booking_remind", columns="remind_at", where="remind_at IS NOT NULL"),
            SqlIndex(name="room_booking_answer_due", columns="answer_due_at", where="answer_due_at IS NOT NULL"),
            SqlIndex(name="room_booking_answer_by", columns="answer_by", where="answer_due_at IS NOT NULL"),
            SqlIndex(name="room_booking_unsettled", columns="starts_at", where="settled_at IS NULL"),
        ]

    @property
    def is_request(self) -> bool:
        return self.state is BookingState.REQUESTED

    @property
    def was_approved(self) -> bool:
        return self.state is BookingState.BOOKED

    @property
    def was_refused(self) -> bool:
        return self.state is BookingState.REFUSED

    @property
    def is_holding(self) -> bool:
        """Whether it keeps others out: requests may overlap."""
        return self.state is BookingState.BOOKED


AnyBooking = Booking | RoomBooking
