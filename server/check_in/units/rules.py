"""Who may do what to a unit's check-in 单位报到, and what becomes of it."""

from server.check_in.rules import CheckInAction, CheckInActor
from server.check_in.units.models import UnitCheckInState
from server.foundation.state_table import StateTable, stays

_S = UnitCheckInState

UNIT_TABLE = StateTable(
    {
        (CheckInAction.CHANGE, CheckInActor.LIAISON): {_S.APPLIED: _S.APPLIED, _S.RETURNED: _S.APPLIED},
        (CheckInAction.WITHDRAW, CheckInActor.LIAISON): {_S.APPLIED: _S.WITHDRAWN, _S.RETURNED: _S.WITHDRAWN},
        (CheckInAction.CONFIRM, CheckInActor.STAFF): {_S.APPLIED: _S.ACCEPTED},
        (CheckInAction.RETURN, CheckInActor.STAFF): {_S.APPLIED: _S.RETURNED},
        (CheckInAction.REFUSE, CheckInActor.STAFF): {_S.APPLIED: _S.REFUSED},
        (CheckInAction.CHANGE_DETAILS, CheckInActor.LIAISON): stays(_S.ACCEPTED),
        (CheckInAction.CHANGE_TERMS, CheckInActor.STAFF): stays(_S.ACCEPTED),
        (CheckInAction.END, CheckInActor.LIAISON): {_S.ACCEPTED: _S.ENDED},
        (CheckInAction.END, CheckInActor.STAFF): {_S.ACCEPTED: _S.ENDED},
        (CheckInAction.LAPSE, CheckInActor.SYSTEM): {
            _S.ACCEPTED: _S.ENDED,
            _S.APPLIED: _S.REFUSED,
            _S.RETURNED: _S.REFUSED,
        },
    }
)
