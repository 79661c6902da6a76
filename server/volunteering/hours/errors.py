"""What hours, certificates, ratings and appeals can be refused with."""

from server.foundation.errors import Refusal


class TooEarlyToConfirm(Refusal):
    code, title, status = "too_early_to_confirm", "签退或活动结束后才能确认", 409


class MinutesCreditedAlready(Refusal):
    """Other hours of the same person cover part of this time."""

    code, title, status = "minutes_credited_already", "该时段已计入此人的其他服务时长", 409


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
