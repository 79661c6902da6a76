"""Who may do what to a check-in or a post, and what becomes of it: three tables of (state, action, actor) → next state.

The services ask them before every change, the README shows them, and tests try every combination. What a step needs
besides (a reason, a date, a free place) is checked by the service.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from server.check_in.models import CheckInState
from server.check_in.posts.models import HoldingState
from server.check_in.units.models import UnitCheckInState
from server.foundation.errors import WrongState


class Actor(StrEnum):
    """In which quality somebody acts."""

    LIAISON = "liaison"
    """The unit's liaison 联络员."""
    MEMBER = "member"
    """Whose check-in or post it is."""
    STAFF = "staff"
    """Those who work for the community (or the subdistrict), or above it."""
    SYSTEM = "system"
    """The calendar, and what follows from something else."""


class Action(StrEnum):
    CHANGE = "change"
    """Write it anew; what was returned is thereby handed in again."""
    WITHDRAW = "withdraw"
    CONFIRM = "confirm"
    """Accept, confirm, approve."""
    RETURN = "return"
    REFUSE = "refuse"
    CHANGE_DETAILS = "change_details"
    """What may change without being decided again: whom to call, skills, times."""
    CHANGE_TERMS = "change_terms"
    """Staff: the dates of a pairing, the grid of a check-in."""
    END = "end"
    MOVE_AWAY = "move_away"
    """Another community's confirmation ends this one: a transfer."""
    LAPSE = "lapse"
    """Its days are over, or what it rests on is."""


_U, _C, _H = UnitCheckInState, CheckInState, HoldingState

UNIT_TABLE: dict[tuple[UnitCheckInState, Action, Actor], UnitCheckInState] = {
    (_U.APPLIED, Action.CHANGE, Actor.LIAISON): _U.APPLIED,
    (_U.RETURNED, Action.CHANGE, Actor.LIAISON): _U.APPLIED,
    (_U.APPLIED, Action.WITHDRAW, Actor.LIAISON): _U.WITHDRAWN,
    (_U.RETURNED, Action.WITHDRAW, Actor.LIAISON): _U.WITHDRAWN,
    (_U.APPLIED, Action.CONFIRM, Actor.STAFF): _U.ACCEPTED,
    (_U.APPLIED, Action.RETURN, Actor.STAFF): _U.RETURNED,
    (_U.APPLIED, Action.REFUSE, Actor.STAFF): _U.REFUSED,
    (_U.ACCEPTED, Action.CHANGE_DETAILS, Actor.LIAISON): _U.ACCEPTED,
    (_U.ACCEPTED, Action.CHANGE_TERMS, Actor.STAFF): _U.ACCEPTED,
    (_U.ACCEPTED, Action.END, Actor.LIAISON): _U.ENDED,
    (_U.ACCEPTED, Action.END, Actor.STAFF): _U.ENDED,
    (_U.ACCEPTED, Action.LAPSE, Actor.SYSTEM): _U.ENDED,
    (_U.APPLIED, Action.LAPSE, Actor.SYSTEM): _U.REFUSED,
    (_U.RETURNED, Action.LAPSE, Actor.SYSTEM): _U.REFUSED,
}
"""Unit check-in 单位报到."""

CHECK_IN_TABLE: dict[tuple[CheckInState, Action, Actor], CheckInState] = {
    (_C.APPLIED, Action.CHANGE, Actor.MEMBER): _C.APPLIED,
    (_C.RETURNED, Action.CHANGE, Actor.MEMBER): _C.APPLIED,
    (_C.APPLIED, Action.WITHDRAW, Actor.MEMBER): _C.WITHDRAWN,
    (_C.RETURNED, Action.WITHDRAW, Actor.MEMBER): _C.WITHDRAWN,
    (_C.CONFIRMED, Action.WITHDRAW, Actor.MEMBER): _C.ENDED,
    (_C.CONFIRMED, Action.CHANGE_DETAILS, Actor.MEMBER): _C.CONFIRMED,
    (_C.APPLIED, Action.CONFIRM, Actor.STAFF): _C.CONFIRMED,
    # The same tap twice.
    (_C.CONFIRMED, Action.CONFIRM, Actor.STAFF): _C.CONFIRMED,
    (_C.APPLIED, Action.RETURN, Actor.STAFF): _C.RETURNED,
    (_C.APPLIED, Action.REFUSE, Actor.STAFF): _C.REFUSED,
    (_C.CONFIRMED, Action.CHANGE_TERMS, Actor.STAFF): _C.CONFIRMED,
    (_C.CONFIRMED, Action.END, Actor.STAFF): _C.ENDED,
    (_C.CONFIRMED, Action.MOVE_AWAY, Actor.SYSTEM): _C.ENDED,
    # The membership is over, or its consent was withdrawn.
    (_C.APPLIED, Action.LAPSE, Actor.SYSTEM): _C.WITHDRAWN,
    (_C.RETURNED, Action.LAPSE, Actor.SYSTEM): _C.WITHDRAWN,
    (_C.CONFIRMED, Action.LAPSE, Actor.SYSTEM): _C.ENDED,
}
"""Member check-in 党员报到."""

HOLDING_TABLE: dict[tuple[HoldingState, Action, Actor], HoldingState] = {
    (_H.APPLIED, Action.WITHDRAW, Actor.MEMBER): _H.WITHDRAWN,
    (_H.HELD, Action.WITHDRAW, Actor.MEMBER): _H.LEFT,
    (_H.APPLIED, Action.CONFIRM, Actor.STAFF): _H.HELD,
    # The same tap twice.
    (_H.HELD, Action.CONFIRM, Actor.STAFF): _H.HELD,
    (_H.APPLIED, Action.REFUSE, Actor.STAFF): _H.REFUSED,
    (_H.HELD, Action.END, Actor.STAFF): _H.ENDED,
    # The post is closed or its term is over; the member's check-in there is.
    (_H.APPLIED, Action.LAPSE, Actor.SYSTEM): _H.REFUSED,
    (_H.HELD, Action.LAPSE, Actor.SYSTEM): _H.ENDED,
}
"""Posts 设岗定责."""

StateT = TypeVar("StateT")


def next_state(
    table: Mapping[tuple[StateT, Action, Actor], StateT], state: StateT, action: Action, actor: Actor
) -> StateT:
    """Where the action leads by the table. Raises WrongState where it leads nowhere."""
    following = table.get((state, action, actor))
    if following is None:
        raise WrongState()
    return following
