"""What signing up and being there can be refused with."""

from server.foundation.errors import Refusal


class ShiftFull(Refusal):
    code, title, status = "shift_full", "名额已满，且不接受候补", 409


class ShiftOff(Refusal):
    """The activity or the shift is cancelled, finished or not published."""

    code, title, status = "shift_off", "该场次不接受报名", 409


class SignUpNotOpen(Refusal):
    """The fact `opens_at` tells from when."""

    code, title, status = "sign_up_not_open", "报名尚未开始", 409


class SignUpClosed(Refusal):
    code, title, status = "sign_up_closed", "报名已截止", 409


class ShiftsOverlap(Refusal):
    """The fact `sign_up_id` is the sign-up it overlaps with."""

    code, title, status = "shifts_overlap", "与您已报名的场次时间重叠", 409


class NotEligible(Refusal):
    """The fact `rule` names which of the activity's rules the person does not meet: audience, age, skill, minutes."""

    code, title, status = "not_eligible", "不符合该活动的报名条件", 409


class RemovedFromShift(Refusal):
    """Staff have taken the person out of this shift before."""

    code, title, status = "removed_from_shift", "主办方已取消您在该场次的报名", 409


class RoleNeeded(Refusal):
    """The shift has several roles, and none was named."""

    code, title, status = "role_needed", "请选择要报名的岗位", 422


class ShiftStarted(Refusal):
    code, title, status = "shift_started", "活动已开始，不能取消报名", 409


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


class NotSignedInYet(Refusal):
    """Signing out of a shift without having signed in (attendance, not the session)."""

    code, title, status = "not_signed_in_yet", "您还没有签到，不能签退", 409


class TooEarlyToConfirm(Refusal):
    code, title, status = "too_early_to_confirm", "签退或活动结束后才能确认", 409


class MinutesCreditedAlready(Refusal):
    """Other hours of the same person cover part of this time."""

    code, title, status = "minutes_credited_already", "该时段已计入此人的其他服务时长", 409
