"""Who may do what to a member's holding of a post 设岗定责, and what becomes of it."""

from server.check_in.posts.models import HoldingState
from server.check_in.rules import CheckInAction, CheckInActor
from server.foundation.state_table import StateTable

_S = HoldingState

HOLDING_TABLE = StateTable(
    {
        (CheckInAction.WITHDRAW, CheckInActor.MEMBER): {_S.APPLIED: _S.WITHDRAWN, _S.HELD: _S.LEFT},
        # Twice: the same tap.
        (CheckInAction.CONFIRM, CheckInActor.STAFF): {_S.APPLIED: _S.HELD, _S.HELD: _S.HELD},
        (CheckInAction.REFUSE, CheckInActor.STAFF): {_S.APPLIED: _S.REFUSED},
        (CheckInAction.END, CheckInActor.STAFF): {_S.HELD: _S.ENDED},
        # The post is closed or its term is over; the member's check-in there is.
        (CheckInAction.LAPSE, CheckInActor.SYSTEM): {_S.APPLIED: _S.REFUSED, _S.HELD: _S.ENDED},
    }
)
