"""What the wishes refuse."""

from server.foundation.errors import Refusal


class WishTaken(Refusal):
    code, title, status = "wish_taken", "这个心愿已被认领", 409


class TooManyOpenClaims(Refusal):
    """`limit`: how many one may hold at a time."""

    code, title, status = "too_many_open_claims", "您认领的心愿已达上限，请先完成后再认领", 409


class OwnWish(Refusal):
    code, title, status = "own_wish", "不能认领自己发布的心愿", 409


class WishNotChecked(Refusal):
    """`verdict`: where the content check stands."""

    code, title, status = "wish_not_checked", "内容安全检查尚未通过，暂不能发布", 409


class CommunityNeeded(Refusal):
    code, title, status = "community_needed", "请先选择所在社区", 409


class PhoneNeeded(Refusal):
    """The wisher must be able to reach, and staff to find, anyone who is given somebody's address."""

    code, title, status = "phone_needed", "请先绑定手机号", 409


class NameNeeded(Refusal):
    """Whoever is given somebody's address says who they are."""

    code, title, status = "name_needed", "请先填写真实姓名", 409


class VouchNeeded(Refusal):
    """The community lets those claim a first wish whom its staff know."""

    code, title, status = "vouch_needed", "首次认领请先到社区登记，或由社区工作人员指派", 409


class TooManyContacts(Refusal):
    """`limit`: of how many wishes one may open the contact within a day."""

    code, title, status = "too_many_contacts", "今天查看的联系方式已达上限，请明天再试", 429


class TooEarly(Refusal):
    """`from_time`: when it becomes possible."""

    code, title, status = "too_early", "还未到可以操作的时间", 409


class VolunteerNeeded(Refusal):
    """Wishes are fulfilled by members and volunteers; everybody may become a volunteer."""

    code, title, status = "volunteer_needed", "请先成为志愿者再认领", 409


class ShareTooLarge(Refusal):
    """`left`: how many things nobody of the team has promised yet."""

    code, title, status = "share_too_large", "剩余数量不足", 409


class TooManyHelpers(Refusal):
    code, title, status = "too_many_helpers", "参与这个心愿的人数已满", 409


class TooManyNotes(Refusal):
    code, title, status = "too_many_notes", "进展记录已达上限", 409


class HandOverCodeInvalid(Refusal):
    code, title, status = "hand_over_code_invalid", "这不是该心愿的交接码", 422


class HandOverCodeExpired(Refusal):
    code, title, status = "hand_over_code_expired", "交接码已过期，请让许愿人刷新后重试", 409


class PosterNotAgreed(Refusal):
    """`missing`: which sides have not agreed."""

    code, title, status = "poster_not_agreed", "双方都同意展示后才能生成海报", 409
