"""What booking can be refused with. (Places have their own: places_full, places_closed, offer_expired, blocked.)"""

from server.foundation.errors import Refusal


class SlotNotOffered(Refusal):
    """The service has no slot then: not in its hours, or over already."""

    code, title, status = "slot_not_offered", "该时段不可预约", 409


class NotEligible(Refusal):
    """The service is for others; `detail` says for whom."""

    code, title, status = "not_eligible", "您不在该服务的预约范围内", 403


class OutsideArea(Refusal):
    """The service makes no home visits there."""

    code, title, status = "outside_area", "该地址不在上门服务范围内", 409


class TooManyBookings(Refusal):
    """A limit of the service; the facts `limit` (max_open_per_person, max_per_day, max_per_month) and `allowed` say
    which."""

    code, title, status = "too_many_bookings", "已达到预约次数上限", 409


class TooFarAhead(Refusal):
    """The fact `until` is the last day that can be booked now."""

    code, title, status = "too_far_ahead", "该日期尚未开放预约", 409


class TooShortNotice(Refusal):
    """It had to be booked earlier: until the fact `deadline`."""

    code, title, status = "too_short_notice", "已过该时段的预约截止时间", 409


class BookingOverlaps(Refusal):
    """The person is booked elsewhere at that time; the fact `booking_id` says where."""

    code, title, status = "booking_overlaps", "与您已有的预约时间冲突", 409


class ChangeTooLate(Refusal):
    """The deadline has passed (the fact `deadline`)."""

    code, title, status = "change_too_late", "已过取消或改期的截止时间", 409


class RoomTaken(Refusal):
    """Somebody else has the room in that range, or in the minutes that it takes to make it ready."""

    code, title, status = "room_taken", "该时间段已被预约", 409


class SeriesNotPossible(Refusal):
    """A repeating booking was checked as a whole, and some days cannot be had: nothing is booked. The fact
    `occurrences` lists them, each with `starts_at`, `code`, `title` and `detail`."""

    code, title, status = "series_not_possible", "部分日期不能预约", 409


class VisitorBusy(Refusal):
    """They go to another home at that time, or are on the way."""

    code, title, status = "visitor_busy", "该人员在此时间已有上门任务", 409


class VenueCodeInvalid(Refusal):
    """No arrival code of ours."""

    code, title, status = "venue_code_invalid", "这不是到场签到码", 409


class VenueCodeExpired(Refusal):
    """The screen shows another one by now."""

    code, title, status = "venue_code_expired", "二维码已过期，请扫描屏幕上最新的二维码", 409


class NothingBookedNow(Refusal):
    """The person has no booking at this venue that begins soon or goes on now."""

    code, title, status = "nothing_booked_now", "您此时在该场所没有预约", 409


class QueueClosed(Refusal):
    """No numbers are given out at this hour, or for this service."""

    code, title, status = "queue_closed", "当前不能取号", 409


class QueueEmpty(Refusal):
    """Nobody waits."""

    code, title, status = "queue_empty", "当前没有人排队", 409
