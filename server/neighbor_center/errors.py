"""What booking can be refused with. (Places have their own: places_full, places_closed, offer_expired, blocked.)"""

from server.errors import Refusal


class SlotNotOffered(Refusal):
    """The service has no slot then: not in its hours, or over already."""

    code, title, status = "slot_not_offered", "该时段不可预约", 409


class NotEligible(Refusal):
    """The service is for others; `detail` says for whom."""

    code, title, status = "not_eligible", "您不在该服务的预约范围内", 403


class TooManyBookings(Refusal):
    """A limit of the service; the facts `limit` (max_open_per_person, max_per_day) and `allowed` say which."""

    code, title, status = "too_many_bookings", "已达到预约次数上限", 409


class TooFarAhead(Refusal):
    """The fact `until` is the last day that can be booked now."""

    code, title, status = "too_far_ahead", "该日期尚未开放预约", 409


class BookingOverlaps(Refusal):
    """The person is booked elsewhere at that time; the fact `booking_id` says where."""

    code, title, status = "booking_overlaps", "与您已有的预约时间冲突", 409


class ChangeTooLate(Refusal):
    """The deadline has passed (the fact `deadline`)."""

    code, title, status = "change_too_late", "已过取消或改期的截止时间", 409


class RoomTaken(Refusal):
    """Somebody else has the room in that range, or in the minutes that it takes to make it ready."""

    code, title, status = "room_taken", "该时间段已被预约", 409
