"""What clocking in and out can be refused with."""

from server.foundation.errors import Refusal


class CodeInvalid(Refusal):
    """Not one of our codes, or another shift's, or the other direction's."""

    code, title, status = "code_invalid", "二维码无效，请扫描本场次的二维码", 422


class CodeExpired(Refusal):
    code, title, status = "code_expired", "二维码已更新，请重新扫描", 409


class OutsideHours(Refusal):
    """Codes count from 2 h before the start to 2 h after the end."""

    code, title, status = "outside_hours", "现在不在该场次的签到时间内", 409


class NotSignedUp(Refusal):
    code, title, status = "not_signed_up", "您没有报上该场次，不能签到", 409


class NotClockedIn(Refusal):
    """Clocking out without having clocked in."""

    code, title, status = "not_signed_in_yet", "您还没有签到，不能签退", 409


class TooFarAway(Refusal):
    """The facts `meters` and `allowed_meters` tell how far the phone is and how far it may be."""

    code, title, status = "too_far_away", "您离活动地点太远，不能定位签到", 409


class PlaceUnknown(Refusal):
    """The activity has no coordinates, or its organizer does not take positions."""

    code, title, status = "place_unknown", "该活动不支持定位签到，请扫描现场二维码", 409


class ScanImplausible(Refusal):
    """The scanner's own time for a scan cannot be right, or comes too late."""

    code, title, status = "scan_implausible", "扫码时间不合理，未予采用", 409


class AttendanceConfirmed(Refusal):
    """The leader has confirmed this person: clocking in or out no longer changes anything."""

    code, title, status = "attendance_confirmed", "负责人已确认您的出勤，无需再签到签退", 409


class OwnAttendance(Refusal):
    """Leaders do not clock themselves in by their own list or scanner."""

    code, title, status = "own_attendance", "不能为自己代签，请扫码签到", 403
