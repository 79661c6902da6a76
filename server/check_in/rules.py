"""Who may do what to a member's check-in, and what becomes of it.

What a step needs besides (a reason, a date) is checked by the service. The actors and actions are those of unit
check-ins and posts too, which have tables of their own.
"""

from enum import StrEnum

from server.check_in.models import CheckInState
from server.foundation.state_table import StateTable, stays
from server.foundation.words import Worded


class CheckInActor(StrEnum):
    """In which quality somebody acts."""

    LIAISON = "liaison"
    """The unit's liaison 联络员."""
    MEMBER = "member"
    """Whose check-in or post it is."""
    STAFF = "staff"
    """Those who work for the community (or the subdistrict), or above it."""
    SYSTEM = "system"
    """The calendar, and what follows from something else."""


class CheckInAction(Worded):
    CHANGE = "change", "修改"
    """Write it anew; what was returned is thereby handed in again."""
    WITHDRAW = "withdraw", "撤回"
    CONFIRM = "confirm", "确认"
    """Accept, confirm, approve."""
    RETURN = "return", "退回"
    REFUSE = "refuse", "不予通过"
    CHANGE_DETAILS = "change_details", "更新信息"
    """What may change without being decided again: whom to call, skills, times."""
    CHANGE_TERMS = "change_terms", "调整安排"
    """Staff: the dates of a pairing, the grid of a check-in."""
    END = "end", "终止"
    MOVE_AWAY = "move_away", "转出"
    """Another community's confirmation ends this one: a transfer."""
    LAPSE = "lapse", "自动终止"
    """Its days are over, or what it rests on is."""


_S = CheckInState

CHECK_IN_TABLE = StateTable(
    {
        (CheckInAction.CHANGE, CheckInActor.MEMBER): {_S.APPLIED: _S.APPLIED, _S.RETURNED: _S.APPLIED},
        (CheckInAction.WITHDRAW, CheckInActor.MEMBER): {
            _S.APPLIED: _S.WITHDRAWN,
            _S.RETURNED: _S.WITHDRAWN,
            _S.CONFIRMED: _S.ENDED,
        },
        (CheckInAction.CHANGE_DETAILS, CheckInActor.MEMBER): stays(_S.CONFIRMED),
        # Twice: the same tap.
        (CheckInAction.CONFIRM, CheckInActor.STAFF): {_S.APPLIED: _S.CONFIRMED, _S.CONFIRMED: _S.CONFIRMED},
        (CheckInAction.RETURN, CheckInActor.STAFF): {_S.APPLIED: _S.RETURNED},
        (CheckInAction.REFUSE, CheckInActor.STAFF): {_S.APPLIED: _S.REFUSED},
        (CheckInAction.CHANGE_TERMS, CheckInActor.STAFF): stays(_S.CONFIRMED),
        (CheckInAction.END, CheckInActor.STAFF): {_S.CONFIRMED: _S.ENDED},
        (CheckInAction.MOVE_AWAY, CheckInActor.SYSTEM): {_S.CONFIRMED: _S.ENDED},
        # The membership is over, or its consent was withdrawn.
        (CheckInAction.LAPSE, CheckInActor.SYSTEM): {
            _S.APPLIED: _S.WITHDRAWN,
            _S.RETURNED: _S.WITHDRAWN,
            _S.CONFIRMED: _S.ENDED,
        },
    }
)
