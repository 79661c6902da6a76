"""Who may do what to a wish, and what becomes of it: the one table of (state, action, actor) → next state.

Source of the table: the working rules of 微心愿. The service asks it before every change, the README shows it (written
by `state_table`), and a test tries every combination. What a step needs besides (a reason, a photo, a number of days)
is checked by the service.
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from server.foundation import clock
from server.foundation.dates import day_of, end_of, today
from server.foundation.errors import WrongState
from server.foundation.state_table import StateTable, stays
from server.foundation.words import Worded
from server.wishes.models import ClaimState, Escalation, WishState

MAX_OPEN_CLAIMS = 3
"""Wishes that one person may hold at a time without having reported them done; a manager may set another number."""
MAX_OPEN_CLAIMS_OF_UNIT = 20
"""The same for a unit, however many act for it; also a manager's to set."""
MAX_HELPERS = 9
"""People of a team who share in one claim, besides its leader."""
MAX_PICTURES = 6
MAX_QUANTITY = 999
MAX_NOTES = 20
"""Progress notes of one claim."""
CLAIM_DAYS = 14
"""Days that a claimer has at most; fewer when the wish is wished for sooner. Also a manager's to set."""
SHORTEST_CLAIM_DAYS = 3
"""Days that a claimer has at least, however near the wished-by date is; and at least from a progress note on."""
LONGEST_CLAIM_FACTOR = 2
"""How many times the usual days notes can draw a claim out to."""
REMIND_BEFORE = timedelta(days=1)
ANSWER_DAYS = 7
"""Days after which staff may confirm in place of a wisher who does not answer."""
DISPUTE_DAYS = 30
"""Days after the confirmation during which the wisher may still say that it was not so."""
LONGEST_WAIT_DAYS = 180
"""How far ahead a wish may be wished for."""


class WishActor(Worded):
    """In which quality somebody acts on a wish."""

    WISHER = "wisher", "许愿人"
    """The beneficiary, or the author who stands in for them."""
    STAND_IN = "stand_in", "代为许愿的社区"
    """Staff, where the wish was handed to them because those who wished no longer can."""
    CLAIMER = "claimer", "认领人"
    """Who holds the wish now; where a unit does, its liaisons."""
    HELPER = "helper", "组团的团员"
    """The others of the team whose leader holds it."""
    STAFF = "staff", "社区工作者"
    """Staff of the community or above it, unless it is their own wish or they fulfil it: nobody decides on
    themselves."""
    RESIDENT = "resident", "居民"
    """Anybody who is neither wisher nor claimer, staff and helpers included."""
    SYSTEM = "system", "系统"
    """The clock, the content check, and what follows when a person leaves."""


class WishAction(Worded):
    EDIT = "edit", "修改"
    SUBMIT = "submit", "提交审核"
    WITHDRAW = "withdraw", "撤回"
    RENEW = "renew", "续期"
    PUBLISH = "publish", "发布"
    RETURN = "return", "退回修改"
    REFUSE = "refuse", "不予发布"
    CLAIM = "claim", "认领"
    RELEASE = "release", "放弃认领"
    TAKE_BACK = "take_back", "收回认领"
    ASSIGN = "assign", "指派"
    TAKE_SHARE = "take_share", "认一份"
    END_SHARE = "end_share", "退出一份"
    ADD_NOTE = "add_note", "写进展"
    REPORT_DONE = "report_done", "报告完成"
    HAND_OVER = "hand_over", "扫码交接"
    TAKE_IN = "take_in", "社区代收"
    CONFIRM = "confirm", "确认评价"
    CONFIRM_FOR_WISHER = "confirm_for_wisher", "代为确认"
    DISPUTE = "dispute", "提出异议"
    UPHOLD_REPORT = "uphold_report", "认定完成"
    REJECT_REPORT = "reject_report", "认定未完成"
    LET_REDO = "let_redo", "要求重做"
    AGREE_TO_SHOW = "agree_to_show", "同意展示"
    FAIL_CHECK = "fail_check", "内容检查不通过"
    FAIL_REPORT_CHECK = "fail_report_check", "报告检查不通过"
    EXPIRE = "expire", "到期"
    RETURN_IDLE = "return_idle", "到期未完成"
    ESCALATE = "escalate", "逐级提醒"
    HAND_TO_STAFF = "hand_to_staff", "转交社区"


_S = WishState
_EDITS = {
    _S.SUBMITTED: _S.SUBMITTED,
    _S.RETURNED: _S.RETURNED,
    _S.PUBLISHED: _S.SUBMITTED,
    _S.CLAIMED: _S.AMENDED,
    _S.AMENDED: _S.AMENDED,
}
_WITHDRAWALS = dict.fromkeys((_S.SUBMITTED, _S.RETURNED, _S.PUBLISHED, _S.CLAIMED, _S.AMENDED), _S.WITHDRAWN)
_DISPUTES = {_S.REPORTED: _S.DISPUTED, _S.FULFILLED: _S.DISPUTED}


WISH_TABLE = StateTable(
    {
        # The wisher writes. What was published already goes through review again.
        (WishAction.EDIT, WishActor.WISHER): {_S.DRAFT: _S.DRAFT, **_EDITS},
        (WishAction.SUBMIT, WishActor.WISHER): {_S.DRAFT: _S.SUBMITTED, _S.RETURNED: _S.SUBMITTED},
        (WishAction.RENEW, WishActor.WISHER): {_S.EXPIRED: _S.SUBMITTED},
        (WishAction.WITHDRAW, WishActor.WISHER): {_S.DRAFT: _S.WITHDRAWN, **_WITHDRAWALS},
        # Where the wisher is gone, staff see it through in their place. A draft was never meant for them.
        (WishAction.HAND_TO_STAFF, WishActor.SYSTEM): stays(
            _S.SUBMITTED, _S.RETURNED, _S.PUBLISHED, _S.CLAIMED, _S.AMENDED, _S.REPORTED, _S.DISPUTED
        ),
        (WishAction.WITHDRAW, WishActor.SYSTEM): {_S.DRAFT: _S.WITHDRAWN},
        (WishAction.EDIT, WishActor.STAND_IN): _EDITS,
        (WishAction.SUBMIT, WishActor.STAND_IN): {_S.RETURNED: _S.SUBMITTED},
        (WishAction.RENEW, WishActor.STAND_IN): {_S.EXPIRED: _S.SUBMITTED},
        (WishAction.WITHDRAW, WishActor.STAND_IN): _WITHDRAWALS,
        (WishAction.DISPUTE, WishActor.STAND_IN): _DISPUTES,
        # Staff review, and can take down what is on the wall.
        (WishAction.PUBLISH, WishActor.STAFF): {_S.SUBMITTED: _S.PUBLISHED, _S.AMENDED: _S.CLAIMED},
        (WishAction.RETURN, WishActor.STAFF): {
            _S.SUBMITTED: _S.RETURNED,
            _S.PUBLISHED: _S.RETURNED,
            _S.CLAIMED: _S.RETURNED,
            _S.AMENDED: _S.RETURNED,
        },
        (WishAction.REFUSE, WishActor.STAFF): {
            _S.SUBMITTED: _S.REFUSED,
            _S.PUBLISHED: _S.REFUSED,
            _S.CLAIMED: _S.REFUSED,
            _S.AMENDED: _S.REFUSED,
        },
        (WishAction.FAIL_CHECK, WishActor.SYSTEM): {
            _S.SUBMITTED: _S.RETURNED,
            _S.PUBLISHED: _S.RETURNED,
            _S.CLAIMED: _S.RETURNED,
            _S.AMENDED: _S.RETURNED,
        },
        # Claiming and giving up.
        (WishAction.CLAIM, WishActor.RESIDENT): {_S.PUBLISHED: _S.CLAIMED},
        # The same tap twice: the claim stays as it is.
        (WishAction.CLAIM, WishActor.CLAIMER): {_S.CLAIMED: _S.CLAIMED},
        (WishAction.RELEASE, WishActor.CLAIMER): {_S.CLAIMED: _S.PUBLISHED, _S.AMENDED: _S.SUBMITTED},
        (WishAction.RELEASE, WishActor.SYSTEM): {_S.CLAIMED: _S.PUBLISHED, _S.AMENDED: _S.SUBMITTED},
        (WishAction.TAKE_BACK, WishActor.STAFF): {_S.CLAIMED: _S.PUBLISHED, _S.AMENDED: _S.SUBMITTED},
        (WishAction.ASSIGN, WishActor.STAFF): {_S.PUBLISHED: _S.CLAIMED, _S.CLAIMED: _S.CLAIMED},
        (WishAction.RETURN_IDLE, WishActor.SYSTEM): {_S.CLAIMED: _S.PUBLISHED},
        # Fulfilling. A team's people share in it; things may be handed over by the wisher's code, or to staff.
        (WishAction.TAKE_SHARE, WishActor.HELPER): stays(_S.CLAIMED),
        (WishAction.END_SHARE, WishActor.HELPER): stays(_S.CLAIMED, _S.AMENDED),
        (WishAction.END_SHARE, WishActor.CLAIMER): stays(_S.CLAIMED, _S.AMENDED),
        (WishAction.END_SHARE, WishActor.SYSTEM): stays(_S.CLAIMED, _S.AMENDED),
        (WishAction.ADD_NOTE, WishActor.CLAIMER): stays(_S.CLAIMED, _S.AMENDED),
        (WishAction.ADD_NOTE, WishActor.HELPER): stays(_S.CLAIMED, _S.AMENDED),
        (WishAction.REPORT_DONE, WishActor.CLAIMER): {_S.CLAIMED: _S.REPORTED},
        (WishAction.HAND_OVER, WishActor.CLAIMER): {_S.CLAIMED: _S.REPORTED},
        (WishAction.TAKE_IN, WishActor.STAFF): {_S.CLAIMED: _S.REPORTED},
        (WishAction.FAIL_REPORT_CHECK, WishActor.SYSTEM): {_S.REPORTED: _S.CLAIMED},
        (WishAction.CONFIRM, WishActor.WISHER): {_S.REPORTED: _S.FULFILLED},
        (WishAction.CONFIRM_FOR_WISHER, WishActor.STAFF): {_S.REPORTED: _S.FULFILLED},
        (WishAction.DISPUTE, WishActor.WISHER): _DISPUTES,
        (WishAction.UPHOLD_REPORT, WishActor.STAFF): {_S.DISPUTED: _S.FULFILLED},
        (WishAction.REJECT_REPORT, WishActor.STAFF): {_S.DISPUTED: _S.PUBLISHED},
        (WishAction.LET_REDO, WishActor.STAFF): {_S.DISPUTED: _S.CLAIMED},
        (WishAction.AGREE_TO_SHOW, WishActor.WISHER): stays(_S.FULFILLED),
        (WishAction.AGREE_TO_SHOW, WishActor.CLAIMER): stays(_S.FULFILLED),
        # Time runs out.
        (WishAction.ESCALATE, WishActor.SYSTEM): stays(_S.PUBLISHED),
        (WishAction.EXPIRE, WishActor.SYSTEM): {
            _S.SUBMITTED: _S.EXPIRED,
            _S.RETURNED: _S.EXPIRED,
            _S.PUBLISHED: _S.EXPIRED,
        },
    },
    lambda state: WrongState(f"心愿{state.word}，不能进行此操作", state=str(state)),
)

HOLDER_BECOMES: dict[WishAction, ClaimState] = {
    WishAction.WITHDRAW: ClaimState.WISH_ENDED,
    WishAction.RETURN: ClaimState.WISH_ENDED,
    WishAction.REFUSE: ClaimState.WISH_ENDED,
    WishAction.FAIL_CHECK: ClaimState.WISH_ENDED,
    WishAction.RELEASE: ClaimState.RELEASED,
    WishAction.TAKE_BACK: ClaimState.REASSIGNED,
    WishAction.ASSIGN: ClaimState.REASSIGNED,
    WishAction.RETURN_IDLE: ClaimState.IDLE_RETURNED,
    WishAction.REPORT_DONE: ClaimState.REPORTED,
    WishAction.HAND_OVER: ClaimState.REPORTED,
    WishAction.TAKE_IN: ClaimState.REPORTED,
    WishAction.FAIL_REPORT_CHECK: ClaimState.OPEN,
    WishAction.CONFIRM: ClaimState.FULFILLED,
    WishAction.CONFIRM_FOR_WISHER: ClaimState.FULFILLED,
    WishAction.DISPUTE: ClaimState.REPORTED,
    WishAction.UPHOLD_REPORT: ClaimState.FULFILLED,
    WishAction.REJECT_REPORT: ClaimState.UNMET,
    WishAction.LET_REDO: ClaimState.UNMET,
}
"""What becomes of the claim that holds the wish, where there is one; actions not named leave it as it is."""


PUBLIC = (_S.PUBLISHED, _S.CLAIMED, _S.REPORTED, _S.FULFILLED)
"""States in which every signed-in person may see a wish, without what is private in it."""


def offered_actions(state: WishState, actors: Iterable[WishActor], *, is_teams: bool) -> list[WishAction]:
    """What the table lets them do, without what would change nothing: claiming again what one holds, and ending shares
    where no team shares."""
    actors = set(actors)
    idle = {WishAction.CLAIM} if WishActor.CLAIMER in actors else set()
    if not is_teams:
        idle.add(WishAction.END_SHARE)
    return [action for action in WISH_TABLE.possible_actions(state, actors) if action not in idle]


def may_see(state: WishState, actors: Iterable[WishActor]) -> bool:
    """Whether a wish in this state exists for somebody who is `actors` to it."""
    actors = set(actors)
    if state in PUBLIC or WishActor.WISHER in actors or WishActor.SYSTEM in actors:
        return True
    return state is not _S.DRAFT and bool(actors & {WishActor.STAFF, WishActor.CLAIMER, WishActor.HELPER})


def may_see_contact(state: WishState, actors: Iterable[WishActor]) -> bool:
    """Whether they may see name, phone and address: the wisher and the staff, and the claimer while fulfilling it."""
    actors = set(actors)
    if WishActor.CLAIMER in actors and state in (_S.CLAIMED, _S.AMENDED, _S.REPORTED):
        return True
    return WishActor.WISHER in actors or (WishActor.STAFF in actors and state is not _S.DRAFT)


def days_left(wished_by: date, day: date | None = None) -> int:
    """Days from today, or from `day`, until the wished-by date, which is not counted; 0 on it and after it."""
    return max((wished_by - (day or today())).days, 0)


def claim_due_at(claimed_at: datetime, wished_by: date, claim_days: int = CLAIM_DAYS) -> datetime:
    """Until when a claimer should have fulfilled the wish."""
    return max(min(end_of(wished_by), _end_of_day_in(claimed_at, claim_days)), shortest_due_at(claimed_at))


def shortest_due_at(moment: datetime) -> datetime:
    """Until when somebody who can go on from `moment` has time at least."""
    return _end_of_day_in(moment, SHORTEST_CLAIM_DAYS)


def longest_due_at(claimed_at: datetime, claim_days: int) -> datetime:
    """Until when a claim can be drawn out by telling how it goes."""
    return _end_of_day_in(claimed_at, claim_days * LONGEST_CLAIM_FACTOR)


def _end_of_day_in(moment: datetime, days: int) -> datetime:
    return end_of(day_of(moment + timedelta(days=days)))


ESCALATE_DAYS = {Escalation.GRID: 5, Escalation.COMMUNITY: 3, Escalation.SUBDISTRICT: 1}
"""How many days before the wished-by date each is asked to find somebody."""
ESCALATE_TIME = time(9)
"""In the morning, by people's clocks."""


def escalate_at(wished_by: date, escalation: Escalation) -> datetime:
    """When these are asked."""
    return datetime.combine(wished_by - timedelta(days=ESCALATE_DAYS[escalation]), ESCALATE_TIME, clock.SHANGHAI)


def next_escalation(wished_by: date, asked: int) -> datetime | None:
    """When the ones above those who were `asked` last are asked; None after the last."""
    return escalate_at(wished_by, Escalation(asked + 1)) if asked < max(Escalation) else None
