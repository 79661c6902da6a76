"""Bookings as those see them who booked, and staff of the venue."""

from datetime import datetime

import msgspec

from server.foundation.ids import Id
from server.foundation.location import Location
from server.foundation.rating import Rating
from server.neighbor_center.bookings.models import Approval, BookingState
from server.neighbor_center.venues.models import ServiceKind, ServiceMode


class BookingView(msgspec.Struct, kw_only=True):
    """A booking as its person, or the one who looks after them, sees it.

    `position` in the waiting list, from 1; `offered_until`: a place is kept until then, accept or decline;
    `change_until`: the deadline for moving and cancelling; `answer_by`: until when a request is promised an answer;
    `documents`: what to bring; `end_reason`: a code for how it ended (cancelled, declined, closed, refused, unanswered,
    cancelled_by_staff, offer_expired, not_reached); `staff_reason`: staff's words; `rating`: the person's.
    """

    id: Id
    state: BookingState
    approval: Approval
    service_id: Id
    service_name: str
    service_kind: ServiceKind
    mode: ServiceMode
    venue_id: Id
    venue_name: str
    venue_address: str
    venue_phone: str
    location: Location
    documents: list[str]
    starts_at: datetime
    ends_at: datetime
    series_id: Id | None
    person_id: Id
    person_name: str
    party_size: int
    note: str
    address: str
    area_id: Id | None
    answer_by: datetime | None
    position: int | None
    offered_until: datetime | None
    change_until: datetime
    arrived_at: datetime | None
    end_reason: str
    staff_reason: str
    rating: Rating | None
    created_at: datetime


class RoomBookingView(msgspec.Struct, kw_only=True):
    """A room's booking as its person sees it."""

    id: Id
    state: BookingState
    service_id: Id
    service_name: str
    venue_id: Id
    venue_name: str
    venue_address: str
    starts_at: datetime
    ends_at: datetime
    series_id: Id | None
    person_id: Id
    person_name: str
    party_size: int
    note: str
    answer_by: datetime | None
    change_until: datetime
    arrived_at: datetime | None
    staff_reason: str
    rating: Rating | None
    created_at: datetime


class DayBooking(msgspec.Struct, kw_only=True):
    """A booking as staff of the venue see it: the name in clear, the phone masked. The address of a home visit is for
    the one who goes alone."""

    id: Id
    state: BookingState
    service_id: Id
    service_name: str
    mode: ServiceMode
    starts_at: datetime
    ends_at: datetime
    person_id: Id
    name: str
    phone: str
    party_size: int
    note: str
    walk_in: bool
    area_id: Id | None
    visitor_id: Id | None
    answer_by: datetime | None
    arrived_at: datetime | None


class DayRoomBooking(msgspec.Struct, kw_only=True):
    """A room's booking as staff of the venue see it."""

    id: Id
    state: BookingState
    service_id: Id
    service_name: str
    starts_at: datetime
    ends_at: datetime
    busy_until: datetime
    person_id: Id
    name: str
    phone: str
    party_size: int
    note: str
    walk_in: bool
    answer_by: datetime | None
    arrived_at: datetime | None
