"""Venues, what they offer, when they are open, and who has booked what.

People think in Shanghai wall-clock: opening rules are weekdays and minutes after midnight there. What is booked is an
exact instant. How many places a slot has and who holds them is the affair of `places`; a room, which one party has to
itself for a range of time, is kept free of overlaps by an exclusion constraint (migrations/_guards.py).
"""

from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server.database import IdField, Model, PointField, SqlIndex

NOTE_CONTEXT = "booking.note"
ADDRESS_CONTEXT = "booking.address"
ROOM_NOTE_CONTEXT = "room_booking.note"
"""What the encrypted columns are encrypted for; see server.crypto."""


class VenueKind(StrEnum):
    NEIGHBOR_CENTER = "neighbor_center"
    SERVICE_CENTER = "service_center"
    STATION = "station"
    READING_ROOM = "reading_room"


class VenueState(StrEnum):
    """A closed venue is shown no longer and takes no bookings."""

    OPEN = "open"
    CLOSED = "closed"


class Venue(Model):
    """A place people go to: neighbor center 邻里中心, service center 党群服务中心, station, reading room 城市书房.

    `address` is public. `location` is gcj02. `opening` is what a sign on the door says; what can be booked when comes
    from the services' rules.
    """

    organization: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "linli.Organization", related_name=False, on_delete=fields.RESTRICT
    )
    organization_id: str
    kind = fields.CharEnumField(VenueKind, max_length=16)
    name = fields.CharField(max_length=60)
    address = fields.CharField(max_length=120)
    location = PointField()
    phone = fields.CharField(max_length=20, default="")
    opening = fields.CharField(max_length=200, default="")
    facilities = fields.CharField(max_length=500, default="")
    state = fields.CharEnumField(VenueState, max_length=8, default=VenueState.OPEN)
    version = fields.IntField(default=1)

    class Meta:
        table = "venue"
        indexes = [
            SqlIndex(name="venue_organization", columns="organization_id, id"),
            SqlIndex(name="venue_location", columns="location", method="gist", where="state = 'open'"),
        ]


class ServiceKind(StrEnum):
    """The policy's five kinds of service (section 2), one-stop counters (section 15), rooms, and the rest."""

    FAMILY_MEDICINE = "family_medicine"
    DAY_CARE = "day_care"
    EARLY_EDUCATION = "early_education"
    SPORTS = "sports"
    MENDING = "mending"
    COUNTER = "counter"
    ROOM = "room"
    OTHER = "other"


class ServiceMode(StrEnum):
    AT_VENUE = "at_venue"
    HOME_VISIT = "home_visit"


class WhoMayBook(StrEnum):
    """`residents` are those whose community lies in the venue's organization, or the other way round."""

    ANYONE = "anyone"
    RESIDENTS = "residents"
    MEMBERS = "members"


class ServiceState(StrEnum):
    OFFERED = "offered"
    ENDED = "ended"


class Service(Model):
    """What a venue offers, and the terms of booking it.

    `minutes` is a slot's length, `buffer_minutes` the pause after it, `capacity` its places. A room has no slots: there
    `minutes` and `longest_minutes` bound a booking, and one party has it to itself. `price` is 分, as information only.
    Limits are per person and service: bookings open at a time, bookings on one day, how many days ahead, and until how
    many minutes before the start one may cancel or move.
    """

    venue: fields.ForeignKeyRelation[Venue] = fields.ForeignKeyField(
        "linli.Venue", related_name=False, on_delete=fields.RESTRICT
    )
    venue_id: str
    kind = fields.CharEnumField(ServiceKind, max_length=24)
    name = fields.CharField(max_length=40)
    description = fields.CharField(max_length=1000, default="")
    minutes = fields.SmallIntField()
    buffer_minutes = fields.SmallIntField(default=0)
    longest_minutes = fields.SmallIntField(null=True)
    capacity = fields.SmallIntField(default=1)
    max_party_size = fields.SmallIntField(default=1)
    may_wait = fields.BooleanField(default=True)
    who_may_book = fields.CharEnumField(WhoMayBook, max_length=16, default=WhoMayBook.ANYONE)
    needs_approval = fields.BooleanField(default=False)
    mode = fields.CharEnumField(ServiceMode, max_length=16, default=ServiceMode.AT_VENUE)
    max_open_per_person = fields.SmallIntField(default=3)
    max_per_day = fields.SmallIntField(default=1)
    days_ahead = fields.SmallIntField(default=14)
    cancel_until_minutes = fields.SmallIntField(default=120)
    price = fields.IntField(default=0)
    state = fields.CharEnumField(ServiceState, max_length=8, default=ServiceState.OFFERED)
    version = fields.IntField(default=1)

    class Meta:
        table = "service"
        constraints = [
            CheckConstraint(check="minutes BETWEEN 5 AND 720", name="service_minutes"),
            CheckConstraint(check="buffer_minutes BETWEEN 0 AND 240", name="service_buffer"),
            CheckConstraint(check="capacity >= 1 AND max_party_size BETWEEN 1 AND capacity", name="service_capacity"),
            CheckConstraint(check="(kind = 'room') = (longest_minutes IS NOT NULL)", name="service_room_has_longest"),
            CheckConstraint(check="kind <> 'room' OR mode = 'at_venue'", name="service_room_is_at_venue"),
        ]
        indexes = [SqlIndex(name="service_venue", columns="venue_id, id")]

    @property
    def is_room(self) -> bool:
        return self.kind is ServiceKind.ROOM


class OpeningRule(Model):
    """Weekly hours of a service. `weekdays` has bit 0 for Monday to bit 6 for Sunday; `opens` and `closes` are minutes
    after midnight in Shanghai; `valid_until` is the last day (empty: until further notice)."""

    service: fields.ForeignKeyRelation[Service] = fields.ForeignKeyField(
        "linli.Service", related_name=False, on_delete=fields.RESTRICT
    )
    service_id: str
    weekdays = fields.SmallIntField()
    opens = fields.SmallIntField()
    closes = fields.SmallIntField()
    valid_from = fields.DateField()
    valid_until = fields.DateField(null=True)

    class Meta:
        table = "opening_rule"
        constraints = [
            CheckConstraint(check="weekdays BETWEEN 1 AND 127", name="opening_rule_weekdays"),
            CheckConstraint(check="0 <= opens AND opens < closes AND closes <= 1440", name="opening_rule_hours"),
        ]
        indexes = [SqlIndex(name="opening_rule_service", columns="service_id, id")]


class ExceptionKind(StrEnum):
    CLOSED = "closed"
    EXTRA = "extra"


class OpeningException(Model):
    """A day that differs from the rules: closed hours (or the whole day), or extra hours; of one service, or, without
    one, of the whole venue. Where both kinds meet, closed wins. `reason` is told to those whose bookings it ends."""

    venue: fields.ForeignKeyRelation[Venue] = fields.ForeignKeyField(
        "linli.Venue", related_name=False, on_delete=fields.RESTRICT
    )
    venue_id: str
    service: fields.ForeignKeyNullableRelation[Service] = fields.ForeignKeyField(
        "linli.Service", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    service_id: str | None
    day = fields.DateField()
    kind = fields.CharEnumField(ExceptionKind, max_length=8)
    opens = fields.SmallIntField(default=0)
    closes = fields.SmallIntField(default=1440)
    reason = fields.CharField(max_length=100, default="")
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "opening_exception"
        constraints = [
            CheckConstraint(check="0 <= opens AND opens < closes AND closes <= 1440", name="opening_exception_hours"),
        ]
        indexes = [SqlIndex(name="opening_exception_day", columns="venue_id, day", where="ended_at IS NULL")]


class Slot(Model):
    """A bookable time of a service, made from the rules when somebody first wants it; it exists once.

    `allotment_id` is empty only within the transaction that makes the slot.
    """

    service: fields.ForeignKeyRelation[Service] = fields.ForeignKeyField(
        "linli.Service", related_name=False, on_delete=fields.RESTRICT
    )
    service_id: str
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    allotment: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "linli.Allotment", related_name=False, null=True, on_delete=fields.RESTRICT
    )
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


class Approval(StrEnum):
    """Whether staff have to agree, and did."""

    NOT_NEEDED = "not_needed"
    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"


class BookingState(StrEnum):
    """Never stored: derived from the place and the approval (queries.BOOKING_STATE)."""

    REQUESTED = "requested"
    BOOKED = "booked"
    WAITING = "waiting"
    CANCELLED = "cancelled"
    ATTENDED = "attended"
    NO_SHOW = "no_show"


class Booking(Model):
    """A person's place in a slot. It stays the same booking when it is moved: slot and place change, BookingMove tells.

    `booked_by_id` is another person where a relative or the counter (`walk_in`) booked. `note` and `address` (home
    visits) are encrypted: they may tell of somebody's health. `starts_at` is the slot's, for the person's list.
    `visitor_id` is the one who goes to a home visit. `staff_reason`: staff's words when they refused or cancelled.
    """

    slot: fields.ForeignKeyRelation[Slot] = fields.ForeignKeyField(
        "linli.Slot", related_name=False, on_delete=fields.RESTRICT
    )
    slot_id: str
    place: fields.OneToOneRelation[Any] = fields.OneToOneField(
        "linli.Place", related_name=False, on_delete=fields.RESTRICT
    )
    place_id: str
    person_id = IdField()
    booked_by_id = IdField()
    walk_in = fields.BooleanField(default=False)
    party_size = fields.SmallIntField(default=1)
    note = fields.BinaryField(null=True)
    address = fields.BinaryField(null=True)
    starts_at = fields.DatetimeField()
    approval = fields.CharEnumField(Approval, max_length=12, default=Approval.NOT_NEEDED)
    visitor_id: str | None = IdField(null=True)
    arrived_at = fields.DatetimeField(null=True)
    staff_reason = fields.CharField(max_length=100, default="")

    class Meta:
        table = "booking"
        indexes = [
            SqlIndex(name="booking_person", columns="person_id, starts_at, id"),
            SqlIndex(name="booking_slot", columns="slot_id, id"),
            SqlIndex(name="booking_booked_by", columns="booked_by_id", where="booked_by_id <> person_id"),
            SqlIndex(name="booking_visitor", columns="visitor_id, starts_at", where="visitor_id IS NOT NULL"),
        ]


class BookingMove(Model):
    """A booking went from one slot to another: where it was, who moved it."""

    booking: fields.ForeignKeyRelation[Booking] = fields.ForeignKeyField(
        "linli.Booking", related_name=False, on_delete=fields.RESTRICT
    )
    from_slot: fields.ForeignKeyRelation[Slot] = fields.ForeignKeyField(
        "linli.Slot", related_name=False, on_delete=fields.RESTRICT
    )
    to_slot: fields.ForeignKeyRelation[Slot] = fields.ForeignKeyField(
        "linli.Slot", related_name=False, on_delete=fields.RESTRICT
    )
    moved_by_id = IdField()

    class Meta:
        table = "booking_move"
        indexes = [SqlIndex(name="booking_move_booking", columns="booking_id, id")]


class RoomBookingState(StrEnum):
    """Requested → booked or refused; booked → attended or no_show; the person or staff may cancel before."""

    REQUESTED = "requested"
    BOOKED = "booked"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    ATTENDED = "attended"
    NO_SHOW = "no_show"


class RoomBooking(Model):
    """A room for one party from `starts_at` to `ends_at`, on a grid of 15 minutes; until `busy_until` it is made ready
    for the next. Requests may overlap; what is booked cannot (room_booking_no_overlap). `note` is encrypted."""

    service: fields.ForeignKeyRelation[Service] = fields.ForeignKeyField(
        "linli.Service", related_name=False, on_delete=fields.RESTRICT
    )
    service_id: str
    person_id = IdField()
    booked_by_id = IdField()
    party_size = fields.SmallIntField(default=1)
    note = fields.BinaryField(null=True)
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    busy_until = fields.DatetimeField()
    state = fields.CharEnumField(RoomBookingState, max_length=12)
    decided_by_id = IdField(null=True)
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
        ]
