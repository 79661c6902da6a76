"""What signing up can be refused with."""

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
