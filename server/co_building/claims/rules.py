"""Who may do what to a claim, and what becomes of it."""

from datetime import timedelta

from server.co_building.claims.models import ListClaimState
from server.foundation.errors import WrongState
from server.foundation.state_table import StateTable
from server.foundation.words import Worded

LAPSES_AFTER = timedelta(days=10)


class ListClaimActor(Worded):
    OWNER = "owner", "发布方"
    """Who works for the organization whose entry it is."""
    CLAIMANT = "claimant", "认领方"
    SYSTEM = "system", "系统"


class ListClaimAction(Worded):
    ACCEPT = "accept", "接受"
    DECLINE = "decline", "不接受"
    WITHDRAW = "withdraw", "撤回"
    LAPSE = "lapse", "失效"


_S = ListClaimState

CLAIM_TABLE = StateTable(
    {
        (ListClaimAction.ACCEPT, ListClaimActor.OWNER): {_S.PROPOSED: _S.ACCEPTED},
        (ListClaimAction.DECLINE, ListClaimActor.OWNER): {_S.PROPOSED: _S.DECLINED},
        # What was accepted can still be given up: it is free for others again.
        (ListClaimAction.WITHDRAW, ListClaimActor.CLAIMANT): {_S.PROPOSED: _S.WITHDRAWN, _S.ACCEPTED: _S.WITHDRAWN},
        (ListClaimAction.LAPSE, ListClaimActor.SYSTEM): {_S.PROPOSED: _S.LAPSED},
    },
    lambda state: WrongState(f"该认领{state.word}，不能进行此操作", state=str(state)),
)
