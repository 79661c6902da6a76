"""Who may do what to a wish, and what becomes of it: the one table of (state, action, actor) → next state.

Source of the table: the working rules of 微心愿. The service asks it before every change, the README shows it, and a
test tries every combination. What a step needs besides (a reason, a photo, a number of days) is checked by the service.
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from server import clock
from server.errors import NotAllowed, WrongState
from server.wishes.models import ClaimState, WishState

MAX_OPEN_CLAIMS = 3
"""Wishes that one person may hold at a time without having reported them done."""
MAX_PICTURES = 6
CLAIM_DAYS = 14
"""Days that a claimer has at most; fewer when the wish is wished for sooner."""
SHORTEST_CLAIM_DAYS = 3
"""Days that a claimer has at least, however near the wished-by date is."""
REMIND_BEFORE = timedelta(days=1)
ANSWER_DAYS = 7
"""Days after which staff may confirm in place of a wisher who does not answer."""
DISPUTE_DAYS = 30
"""Days after the confirmation during which the wisher may still say that it was not so."""
LONGEST_WAIT_DAYS = 180
"""How far ahead a wish may be wished for."""


class Actor(StrEnum):
    """In which quality somebody acts on a wish."""

    WISHER = "wisher"
    """The beneficiary, or the author who stands in for them."""
    CLAIMER = "claimer"
    """Whoever holds the wish now."""
    STAFF = "staff"
    """Staff of the community or above it, unless it is their own wish or they hold it: nobody decides on themselves."""
    RESIDENT = "resident"
    """Anybody who is neither wisher nor claimer, staff included."""
    SYSTEM = "system"
    """The clock and the content check."""


class Action(StrEnum):
    EDIT = "edit"
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    RENEW = "renew"
    PUBLISH = "publish"
    RETURN = "return"
    REFUSE = "refuse"
    CLAIM = "claim"
    RELEASE = "release"
    TAKE_BACK = "take_back"
    ASSIGN = "assign"
    REPORT_DONE = "report_done"
    CONFIRM = "confirm"
    CONFIRM_FOR_WISHER = "confirm_for_wisher"
    DISPUTE = "dispute"
    UPHOLD_REPORT = "uphold_report"
    REJECT_REPORT = "reject_report"
    LET_REDO = "let_redo"
    FAIL_CHECK = "fail_check"
    FAIL_REPORT_CHECK = "fail_report_check"
    EXPIRE = "expire"
    RETURN_IDLE = "return_idle"


_S = WishState
_RULES: dict[tuple[Action, Actor], dict[WishState, WishState]] = {
    # The wisher writes. What was published already goes through review again.
    (Action.EDIT, Actor.WISHER): {
        _S.DRAFT: _S.DRAFT,
        _S.SUBMITTED: _S.SUBMITTED,
        _S.RETURNED: _S.RETURNED,
        _S.PUBLISHED: _S.SUBMITTED,
        _S.CLAIMED: _S.AMENDED,
        _S.AMENDED: _S.AMENDED,
    },
    (Action.SUBMIT, Actor.WISHER): {_S.DRAFT: _S.SUBMITTED, _S.RETURNED: _S.SUBMITTED},
    (Action.RENEW, Actor.WISHER): {_S.EXPIRED: _S.SUBMITTED},
    (Action.WITHDRAW, Actor.WISHER): {
        _S.DRAFT: _S.WITHDRAWN,
        _S.SUBMITTED: _S.WITHDRAWN,
        _S.RETURNED: _S.WITHDRAWN,
        _S.PUBLISHED: _S.WITHDRAWN,
        _S.CLAIMED: _S.WITHDRAWN,
        _S.AMENDED: _S.WITHDRAWN,
    },
    # Staff review, and can take down what is on the wall.
    (Action.PUBLISH, Actor.STAFF): {_S.SUBMITTED: _S.PUBLISHED, _S.AMENDED: _S.CLAIMED},
    (Action.RETURN, Actor.STAFF): {
        _S.SUBMITTED: _S.RETURNED,
        _S.PUBLISHED: _S.RETURNED,
        _S.CLAIMED: _S.RETURNED,
        _S.AMENDED: _S.RETURNED,
    },
    (Action.REFUSE, Actor.STAFF): {
        _S.SUBMITTED: _S.REFUSED,
        _S.PUBLISHED: _S.REFUSED,
        _S.CLAIMED: _S.REFUSED,
        _S.AMENDED: _S.REFUSED,
    },
    (Action.FAIL_CHECK, Actor.SYSTEM): {
        _S.SUBMITTED: _S.RETURNED,
        _S.PUBLISHED: _S.RETURNED,
        _S.CLAIMED: _S.RETURNED,
        _S.AMENDED: _S.RETURNED,
    },
    # Claiming and giving up.
    (Action.CLAIM, Actor.RESIDENT): {_S.PUBLISHED: _S.CLAIMED},
    # The same tap twice: the claim stays as it is.
    (Action.CLAIM, Actor.CLAIMER): {_S.CLAIMED: _S.CLAIMED},
    (Action.RELEASE, Actor.CLAIMER): {_S.CLAIMED: _S.PUBLISHED, _S.AMENDED: _S.SUBMITTED},
    (Action.TAKE_BACK, Actor.STAFF): {_S.CLAIMED: _S.PUBLISHED, _S.AMENDED: _S.SUBMITTED},
    (Action.ASSIGN, Actor.STAFF): {_S.PUBLISHED: _S.CLAIMED, _S.CLAIMED: _S.CLAIMED},
    (Action.RETURN_IDLE, Actor.SYSTEM): {_S.CLAIMED: _S.PUBLISHED},
    # Fulfilling.
    (Action.REPORT_DONE, Actor.CLAIMER): {_S.CLAIMED: _S.REPORTED},
    (Action.FAIL_REPORT_CHECK, Actor.SYSTEM): {_S.REPORTED: _S.CLAIMED},
    (Action.CONFIRM, Actor.WISHER): {_S.REPORTED: _S.FULFILLED},
    (Action.CONFIRM_FOR_WISHER, Actor.STAFF): {_S.REPORTED: _S.FULFILLED},
    (Action.DISPUTE, Actor.WISHER): {_S.REPORTED: _S.DISPUTED, _S.FULFILLED: _S.DISPUTED},
    (Action.UPHOLD_REPORT, Actor.STAFF): {_S.DISPUTED: _S.FULFILLED},
    (Action.REJECT_REPORT, Actor.STAFF): {_S.DISPUTED: _S.PUBLISHED},
    (Action.LET_REDO, Actor.STAFF): {_S.DISPUTED: _S.CLAIMED},
    # Time runs out.
    (Action.EXPIRE, Actor.SYSTEM): {
        _S.SUBMITTED: _S.EXPIRED,
        _S.RETURNED: _S.EXPIRED,
        _S.PUBLISHED: _S.EXPIRED,
    },
}

TRANSITIONS: dict[tuple[WishState, Action, Actor], WishState] = {
    (state, action, actor): following for (action, actor), moves in _RULES.items() for state, following in moves.items()
}
"""(state, action, actor) → next state. What is not here cannot happen."""

HOLDER_BECOMES: dict[Action, ClaimState] = {
    Action.WITHDRAW: ClaimState.WISH_ENDED,
    Action.RETURN: ClaimState.WISH_ENDED,
    Action.REFUSE: ClaimState.WISH_ENDED,
    Action.FAIL_CHECK: ClaimState.WISH_ENDED,
    Action.RELEASE: ClaimState.RELEASED,
    Action.TAKE_BACK: ClaimState.REASSIGNED,
    Action.ASSIGN: ClaimState.REASSIGNED,
    Action.RETURN_IDLE: ClaimState.IDLE_RETURNED,
    Action.REPORT_DONE: ClaimState.REPORTED,
    Action.FAIL_REPORT_CHECK: ClaimState.OPEN,
    Action.CONFIRM: ClaimState.FULFILLED,
    Action.CONFIRM_FOR_WISHER: ClaimState.FULFILLED,
    Action.DISPUTE: ClaimState.REPORTED,
    Action.UPHOLD_REPORT: ClaimState.FULFILLED,
    Action.REJECT_REPORT: ClaimState.UNMET,
    Action.LET_REDO: ClaimState.UNMET,
}
"""What becomes of the claim that holds the wish, where there is one; actions not named leave it as it is."""


PUBLIC = (_S.PUBLISHED, _S.CLAIMED, _S.REPORTED, _S.FULFILLED)
"""States in which every signed-in person may see a wish, without what is private in it."""


def may_see(state: WishState, actors: Iterable[Actor]) -> bool:
    """Whether a wish in this state exists for somebody who is `actors` to it."""
    actors = set(actors)
    if state in PUBLIC or Actor.WISHER in actors or Actor.SYSTEM in actors:
        return True
    return state is not _S.DRAFT and bool(actors & {Actor.STAFF, Actor.CLAIMER})


def may_see_contact(state: WishState, actors: Iterable[Actor]) -> bool:
    """Whether they may see name, phone and address: the wisher and the staff, and the claimer while fulfilling it."""
    actors = set(actors)
    if Actor.CLAIMER in actors and state in (_S.CLAIMED, _S.AMENDED, _S.REPORTED):
        return True
    return Actor.WISHER in actors or (Actor.STAFF in actors and state is not _S.DRAFT)


def possible_actions(state: WishState, actors: Iterable[Actor]) -> list[Action]:
    """What they can do in this state, by the table."""
    actors = set(actors)
    return [action for action in Action if any((state, action, actor) in TRANSITIONS for actor in actors)]


def next_state(state: WishState, action: Action, actors: Iterable[Actor]) -> WishState:
    """Where `action` leads for somebody who is `actors` to the wish.

    Raises WrongState when they could do it in another state, NotAllowed when it is never theirs to do.
    """
    actors = set(actors)
    for actor in Actor:
        if actor in actors and (following := TRANSITIONS.get((state, action, actor))):
            return following
    if any((action, actor) in _RULES for actor in actors):
        raise WrongState(f"心愿{STATE_WORDS[state]}，不能进行此操作", state=str(state))
    raise NotAllowed()


STATE_WORDS: dict[WishState, str] = {
    _S.DRAFT: "还是草稿",
    _S.SUBMITTED: "正在审核",
    _S.RETURNED: "已退回修改",
    _S.REFUSED: "未通过审核",
    _S.PUBLISHED: "正等待认领",
    _S.CLAIMED: "已被认领",
    _S.AMENDED: "修改后正在重新审核",
    _S.REPORTED: "正等待许愿人确认",
    _S.FULFILLED: "已实现",
    _S.EXPIRED: "已过期",
    _S.WITHDRAWN: "已撤回",
    _S.DISPUTED: "有争议，正在处理",
}
"""What a state is called after 心愿."""


def day_ends(day: date) -> datetime:
    """The instant at which this day is over on people's clocks."""
    return datetime.combine(day + timedelta(days=1), time(), clock.SHANGHAI)


def today() -> date:
    """The day on people's clocks."""
    return clock.shanghai(clock.now()).date()


def days_left(wished_by: date) -> int:
    """Days until the wished-by date, that day not counted; 0 on the day itself and after it."""
    return max((wished_by - today()).days, 0)


def claim_due_at(claimed_at: datetime, wished_by: date) -> datetime:
    """Until when a claimer should have fulfilled the wish."""
    latest = day_ends(clock.shanghai(claimed_at + timedelta(days=CLAIM_DAYS)).date())
    earliest = day_ends(clock.shanghai(claimed_at + timedelta(days=SHORTEST_CLAIM_DAYS)).date())
    return max(min(day_ends(wished_by), latest), earliest)
