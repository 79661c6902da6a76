"""What being there, its minutes, certificates, ratings and appeals can be refused with. (Codes: see errors.py.)"""

from server.foundation.errors import Refusal


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
    """The leader has confirmed this person: signing in or out changes nothing any more."""

    code, title, status = "attendance_confirmed", "负责人已确认您的出勤，无需再签到签退", 409


class OwnAttendance(Refusal):
    """Leaders do not sign themselves in by their own list or scanner."""

    code, title, status = "own_attendance", "不能为自己代签，请扫码签到", 403


class WrongApprover(Refusal):
    """The fact `needs` tells who has to approve; nobody approves what they stated or what is their own."""

    code, title, status = "wrong_approver", "您不能审批这条服务时长", 403


class CorrectionWaiting(Refusal):
    code, title, status = "correction_waiting", "该时长已有一条更正在等待审批", 409


class NameMissing(Refusal):
    """A certificate bears the real name, which the person has not told."""

    code, title, status = "name_missing", "请先在个人资料中填写真实姓名", 409


class NothingToCertify(Refusal):
    code, title, status = "nothing_to_certify", "该时期没有已确认的志愿服务时长", 409


class CertificateInvalid(Refusal):
    """Asked to draw a certificate that no longer holds."""

    code, title, status = "certificate_invalid", "该证明已失效，请重新开具", 409


class NotAttended(Refusal):
    """Only who was really there rates and is rated."""

    code, title, status = "not_attended", "确认出勤后才能评价", 409


class RatingClosed(Refusal):
    code, title, status = "rating_closed", "活动结束已超过 30 天，不能再评价", 409


class AlreadyRated(Refusal):
    code, title, status = "already_rated", "您已评价过", 409


class AlreadyAppealed(Refusal):
    code, title, status = "already_appealed", "您已对这次爽约提出过申诉", 409


class AppealClosed(Refusal):
    code, title, status = "appeal_closed", "已超过 30 天，不能再申诉", 409
