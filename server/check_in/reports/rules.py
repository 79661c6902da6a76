"""Who may do what to a half-year report, and what becomes of it: the one table of (state, action, actor) → next state.

The services ask it before every change, the README shows it, and a test tries every combination. Source: the policy's
section 6 (每半年将在职党员发挥作用情况向其所属党组织反馈) and the working rules.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from server.check_in.reports.models import ReportState
from server.foundation.errors import WrongState
from server.foundation.state_table import StateTable
from server.foundation.words import Worded

CORRECTION_TIME = timedelta(days=7)
"""How long a member may ask for a correction after the community has shown what it writes; until it is over, only the
member's own word lets the report go."""


class ReportActor(StrEnum):
    """In which quality somebody acts on a report."""

    MEMBER = "member"
    """Whose report it is."""
    STAFF = "staff"
    """Staff or manager of the community or above it, unless it is their own: nobody decides on themselves."""
    MANAGER = "manager"
    """Manager of the community or above it, unless it is their own."""
    LIAISON = "liaison"
    """Liaison of the unit that the member's home organization belongs to."""


class ReportAction(Worded):
    ASSESS = "assess", "评价"
    AGREE = "agree", "认可"
    ASK_CORRECTION = "ask_correction", "申请更正"
    ACCEPT_CORRECTION = "accept_correction", "采纳更正"
    DECLINE_CORRECTION = "decline_correction", "不采纳更正"
    RELEASE = "release", "反馈"
    ACKNOWLEDGE = "acknowledge", "签收"


_S = ReportState

REPORT_TABLE = StateTable(
    {
        # The community writes its opinion and grade; as long as the member has not answered, it may write them anew.
        (ReportAction.ASSESS, ReportActor.STAFF): {_S.DRAFT: _S.ASSESSED, _S.ASSESSED: _S.ASSESSED},
        # The member has seen it, and agrees or asks for a correction.
        (ReportAction.AGREE, ReportActor.MEMBER): {_S.ASSESSED: _S.SETTLED},
        (ReportAction.ASK_CORRECTION, ReportActor.MEMBER): {_S.ASSESSED: _S.CORRECTION_ASKED},
        (ReportAction.ACCEPT_CORRECTION, ReportActor.STAFF): {_S.CORRECTION_ASKED: _S.SETTLED},
        (ReportAction.DECLINE_CORRECTION, ReportActor.STAFF): {_S.CORRECTION_ASKED: _S.SETTLED},
        # Without an answer of the member's, only when the time for one is over.
        (ReportAction.RELEASE, ReportActor.MANAGER): {_S.ASSESSED: _S.RELEASED, _S.SETTLED: _S.RELEASED},
        (ReportAction.ACKNOWLEDGE, ReportActor.LIAISON): {_S.RELEASED: _S.ACKNOWLEDGED},
    },
    lambda state: WrongState(f"该反馈{state.word}，不能进行此操作", state=str(state)),
)

FOR_UNITS = (_S.RELEASED, _S.ACKNOWLEDGED)
"""States in which a unit's liaison sees a report."""


def may_see(state: ReportState, actors: Iterable[ReportActor]) -> bool:
    """Whether a report in this state exists for somebody who is `actors` to it."""
    actors = set(actors)
    if actors & {ReportActor.STAFF, ReportActor.MANAGER}:
        return True
    if ReportActor.MEMBER in actors:
        return state is not _S.DRAFT
    return ReportActor.LIAISON in actors and state in FOR_UNITS


def possible_actions(
    state: ReportState, actors: Iterable[ReportActor], assessed_at: datetime | None, now: datetime
) -> list[ReportAction]:
    """What they can do now, by the table and the clock."""
    found = REPORT_TABLE.possible_actions(state, actors)
    if state is _S.ASSESSED and assessed_at:
        late = ReportAction.RELEASE if now < correction_ends_at(assessed_at) else ReportAction.ASK_CORRECTION
        found = [action for action in found if action is not late]
    return found


def correction_ends_at(assessed_at: datetime) -> datetime:
    """Until when the member may ask for a correction."""
    return assessed_at + CORRECTION_TIME
