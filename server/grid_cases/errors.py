"""What grid cases refuse."""

from server.foundation.errors import Refusal


class PlaceNeeded(Refusal):
    code, title, status = "place_needed", "请选择位置，或写明在哪里", 422


class OutsideCity(Refusal):
    """No community is there that could take it."""

    code, title, status = "outside_city", "没有找到受理的社区，请先选择所在社区", 409


class NobodyHandles(Refusal):
    code, title, status = "nobody_handles", "该单位还没有能接件的人员，请先指定联络员或工作人员", 409


class LastMustTake(Refusal):
    """Above the district there is nobody."""

    code, title, status = "last_must_take", "已到区级，须由区里确定处置单位，不能再上报或退回", 409


class PhotosNeeded(Refusal):
    code, title, status = "photos_needed", "该类事项须上传处置后的照片", 422


class ReopenedTooOften(Refusal):
    """`limit`: how often who reported it may have it done again; then staff decide."""

    code, title, status = "reopened_too_often", "已重新办理过两次，请联系社区处理", 409


class ReopenedTooLate(Refusal):
    code, title, status = "reopened_too_late", "已超过申请重新办理的期限，可以重新反映", 409


class DelayTooLate(Refusal):
    code, title, status = "delay_too_late", "已超过处置时限，不能再延期或挂账", 409


class DelayedTooOften(Refusal):
    """`limit`: how often it can be."""

    code, title, status = "delayed_too_often", "延期或挂账的次数已用完", 409


class DelayAsked(Refusal):
    code, title, status = "delay_asked", "已有一项申请在等待决定", 409
