"""What the wishes refuse."""

from server.errors import Refusal


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
    """The wisher must be able to reach, and staff to find, whoever is given somebody's address."""

    code, title, status = "phone_needed", "请先绑定手机号", 409


class TooEarly(Refusal):
    """`from_time`: when it becomes possible."""

    code, title, status = "too_early", "还未到可以操作的时间", 409
