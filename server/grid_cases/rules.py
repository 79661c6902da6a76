"""Who may do what to a case, and what becomes of it: the one table of (state, action, actor) → next state.

The verbs ask it before every change, the README shows it, and a test tries every combination. What a step needs besides
(a reason, a photo, time that is left) is checked by the verb.
"""

from datetime import timedelta

from server.foundation.errors import WrongState
from server.foundation.state_table import StateTable, stays
from server.foundation.words import Worded
from server.grid_cases.models import CaseState

MAX_PICTURES = 6
MAX_EXTENSIONS = 2
LONGEST_SUSPENSION = timedelta(days=365)
REOPEN_WITHIN = timedelta(days=15)
"""After the answer was checked."""
MAX_REOPENINGS = 2
"""By who reported it; then staff decide."""
CLOSED_AFTER = timedelta(days=7)
"""After the answer was checked, where who reported it says nothing."""
CHECK_WITHIN_MINUTES = 420
"""Of working time: a working day."""
NEARBY_METERS = 150
"""Within which a case of the same category is likely the same."""


class CaseActor(Worded):
    """In which quality somebody acts on a case."""

    REPORTER = "reporter", "反映人"
    FOLLOWER = "follower", "跟进的居民"
    """Who met the same."""
    RESIDENT = "resident", "居民"
    """Anybody who neither reported nor follows it."""
    KEEPER = "keeper", "派遣员"
    """Staff where the case is dispatched from, unless it is their own matter."""
    HANDLER = "handler", "处置人"
    """Who works for the organization that has it to handle: grid workers, staff, a unit's liaisons."""
    CHECKER = "checker", "核查人"
    """A keeper who has not had a hand in it: nobody checks their own handling, nor decides what they asked for."""
    SYSTEM = "system", "系统"


class CaseAction(Worded):
    FILE = "file", "立案"
    REFUSE = "refuse", "不予受理"
    DISPATCH = "dispatch", "派遣"
    ESCALATE = "escalate", "上报"
    MERGE = "merge", "并案"
    ACCEPT = "accept", "接件"
    RETURN = "return", "退回"
    ADD_NOTE = "add_note", "记录进展"
    HAND_OVER = "hand_over", "转交"
    TAKE_BACK = "take_back", "收回"
    ANSWER = "answer", "答复"
    ASK_DELAY = "ask_delay", "申请延期或挂账"
    EXTEND = "extend", "同意延期"
    SUSPEND = "suspend", "同意挂账"
    DENY_DELAY = "deny_delay", "不同意延期或挂账"
    RESUME = "resume", "恢复处置"
    PASS = "pass", "核查通过"
    SEND_BACK = "send_back", "核查不通过"
    RATE = "rate", "评价"
    REOPEN = "reopen", "申请重新办理"
    FILE_AGAIN = "file_again", "重新立案"
    JOIN = "join", "我也遇到"
    LEAVE = "leave", "不再跟进"
    CLOSE = "close", "结案"


_S = CaseState
_IN_WORK = (_S.REPORTED, _S.FILED, _S.DISPATCHED, _S.HANDLING, _S.SUSPENDED, _S.ANSWERED)

CASE_TABLE = StateTable(
    {
        # The keeper decides whether it is a case, and whose.
        (CaseAction.FILE, CaseActor.KEEPER): {_S.REPORTED: _S.FILED},
        (CaseAction.REFUSE, CaseActor.KEEPER): {_S.REPORTED: _S.REFUSED, _S.FILED: _S.REFUSED},
        (CaseAction.DISPATCH, CaseActor.KEEPER): {_S.FILED: _S.DISPATCHED},
        (CaseAction.ESCALATE, CaseActor.KEEPER): stays(_S.REPORTED, _S.FILED),
        (CaseAction.MERGE, CaseActor.KEEPER): dict.fromkeys(
            (_S.REPORTED, _S.FILED, _S.DISPATCHED, _S.HANDLING), _S.MERGED
        ),
        # Whom it was given to. What was accepted is answered, or handed over with whose it is: never dropped.
        (CaseAction.ACCEPT, CaseActor.HANDLER): {_S.DISPATCHED: _S.HANDLING},
        (CaseAction.RETURN, CaseActor.HANDLER): {_S.DISPATCHED: _S.FILED},
        (CaseAction.ADD_NOTE, CaseActor.HANDLER): stays(_S.HANDLING, _S.SUSPENDED),
        (CaseAction.HAND_OVER, CaseActor.HANDLER): {_S.HANDLING: _S.FILED},
        (CaseAction.ANSWER, CaseActor.HANDLER): {_S.HANDLING: _S.ANSWERED},
        (CaseAction.ASK_DELAY, CaseActor.HANDLER): stays(_S.HANDLING),
        # Whom nobody moves is not waited for; nor is an office that was closed.
        (CaseAction.TAKE_BACK, CaseActor.KEEPER): {_S.DISPATCHED: _S.FILED, _S.HANDLING: _S.FILED},
        (CaseAction.TAKE_BACK, CaseActor.SYSTEM): {_S.DISPATCHED: _S.FILED, _S.HANDLING: _S.FILED},
        # A second person decides.
        (CaseAction.EXTEND, CaseActor.CHECKER): stays(_S.HANDLING),
        (CaseAction.SUSPEND, CaseActor.CHECKER): {_S.HANDLING: _S.SUSPENDED},
        (CaseAction.DENY_DELAY, CaseActor.CHECKER): stays(_S.HANDLING),
        (CaseAction.RESUME, CaseActor.HANDLER): {_S.SUSPENDED: _S.HANDLING},
        (CaseAction.RESUME, CaseActor.KEEPER): {_S.SUSPENDED: _S.HANDLING},
        (CaseAction.RESUME, CaseActor.SYSTEM): {_S.SUSPENDED: _S.HANDLING},
        (CaseAction.PASS, CaseActor.CHECKER): {_S.ANSWERED: _S.CHECKED},
        (CaseAction.SEND_BACK, CaseActor.CHECKER): {_S.ANSWERED: _S.HANDLING},
        # Who reported it says how it was.
        (CaseAction.RATE, CaseActor.REPORTER): {_S.CHECKED: _S.CLOSED},
        (CaseAction.REOPEN, CaseActor.REPORTER): {_S.CHECKED: _S.FILED, _S.CLOSED: _S.FILED},
        (CaseAction.FILE_AGAIN, CaseActor.KEEPER): {_S.CHECKED: _S.FILED, _S.CLOSED: _S.FILED, _S.REFUSED: _S.FILED},
        (CaseAction.JOIN, CaseActor.RESIDENT): stays(*_IN_WORK),
        # The same tap twice.
        (CaseAction.JOIN, CaseActor.FOLLOWER): stays(*_IN_WORK),
        (CaseAction.LEAVE, CaseActor.FOLLOWER): stays(*_IN_WORK),
        (CaseAction.CLOSE, CaseActor.SYSTEM): {_S.CHECKED: _S.CLOSED},
    },
    lambda state: WrongState(f"该事项{state.word}，不能进行此操作", state=str(state)),
)

HIDDEN = (_S.REFUSED, _S.MERGED)
"""States in which nobody sees a case but those whom it concerns."""

SHOWN_WORDS = (
    CaseAction.REFUSE,
    CaseAction.HAND_OVER,
    CaseAction.ADD_NOTE,
    CaseAction.EXTEND,
    CaseAction.SUSPEND,
    CaseAction.RESUME,
    CaseAction.PASS,
    CaseAction.MERGE,
    CaseAction.REOPEN,
    CaseAction.FILE_AGAIN,
)
"""Actions whose words the residents whom the case concerns read in its time line; all others' are the staff's."""
