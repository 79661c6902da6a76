"""Who may do what to an entry of a list, and what becomes of it."""

from server.co_building.lists.models import EntryState
from server.foundation.errors import WrongState
from server.foundation.state_table import StateTable, stays
from server.foundation.words import Worded


class EntryActor(Worded):
    OWNER = "owner", "发布方"
    """Who works for the organization whose entry it is: staff, or the unit's liaison."""
    REVIEWER = "reviewer", "审核人"
    """Staff who look at it before it is open."""
    SYSTEM = "system", "系统"


class EntryAction(Worded):
    CHANGE = "change", "修改"
    SUBMIT = "submit", "提交审核"
    APPROVE = "approve", "审核通过"
    RETURN = "return", "退回修改"
    CLOSE = "close", "结束"
    FILL = "fill", "全部认领"
    FREE = "free", "重新开放"
    LAPSE = "lapse", "到期"


_S = EntryState

ENTRY_TABLE = StateTable(
    {
        (EntryAction.CHANGE, EntryActor.OWNER): stays(_S.DRAFT),
        (EntryAction.SUBMIT, EntryActor.OWNER): {_S.DRAFT: _S.REVIEW},
        (EntryAction.APPROVE, EntryActor.REVIEWER): {_S.REVIEW: _S.OPEN},
        (EntryAction.RETURN, EntryActor.REVIEWER): {_S.REVIEW: _S.DRAFT},
        (EntryAction.CLOSE, EntryActor.OWNER): dict.fromkeys((_S.DRAFT, _S.REVIEW, _S.OPEN, _S.MATCHED), _S.CLOSED),
        # What is claimed and accepted fills it; what is given up again frees it.
        (EntryAction.FILL, EntryActor.SYSTEM): {_S.OPEN: _S.MATCHED},
        (EntryAction.FREE, EntryActor.SYSTEM): {_S.MATCHED: _S.OPEN},
        (EntryAction.LAPSE, EntryActor.SYSTEM): dict.fromkeys((_S.DRAFT, _S.REVIEW, _S.OPEN, _S.MATCHED), _S.CLOSED),
    },
    lambda state: WrongState(f"该条目{state.word}，不能进行此操作", state=str(state)),
)
