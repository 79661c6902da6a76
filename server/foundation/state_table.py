"""Who may do what to a thing, and what becomes of it: one table of (state, action, actor) → next state."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from itertools import product
from typing import Generic, TypeVar

from server.foundation.errors import NotAllowed, WrongState
from server.foundation.words import Worded

StateT = TypeVar("StateT", bound=StrEnum)
ActionT = TypeVar("ActionT", bound=Worded)
ActorT = TypeVar("ActorT", bound=StrEnum)


def stays(*states: StateT) -> dict[StateT, StateT]:
    """The moves of an action that changes something, but not the state."""
    return {state: state for state in states}


class StateTable(Generic[StateT, ActionT, ActorT]):
    """What each actor's action makes of each state. What is not here cannot happen.

    The services ask it before every change, a README shows it (`as_markdown`), and a test tries every combination.
    `refusal` words the answer about a state in which the action leads nowhere. No matter who does it, an action
    leads from one state to one other.
    """

    def __init__(
        self,
        moves: Mapping[tuple[ActionT, ActorT], Mapping[StateT, StateT]],
        refusal: Callable[[StateT], WrongState] = lambda _: WrongState(),
    ) -> None:
        self.moves, self._refusal = moves, refusal
        self.transitions = {
            (state, action, actor): following
            for (action, actor), steps in moves.items()
            for state, following in steps.items()
        }
        state, action, actor = next(iter(self.transitions))
        self.states, self.actions, self.actors = list(type(state)), list(type(action)), list(type(actor))

    def next_state(self, state: StateT, action: ActionT, actors: Iterable[ActorT]) -> StateT:
        """Where `action` leads for somebody who is all of `actors` to the thing.

        Raises WrongState when they could do it in another state, NotAllowed when it is never theirs to do.
        """
        qualities = list(actors)
        for actor in qualities:
            if following := self.transitions.get((state, action, actor)):
                return following
        if any((action, actor) in self.moves for actor in qualities):
            raise self._refusal(state)
        raise NotAllowed()

    def possible_actions(self, state: StateT, actors: Iterable[ActorT]) -> list[ActionT]:
        """What they can do in this state, in the enumeration's order."""
        qualities = list(actors)
        return [
            action for action in self.actions if any((state, action, actor) in self.transitions for actor in qualities)
        ]

    def as_markdown(self) -> str:
        """One line for each action and actor."""
        lines = [
            f"| `{action}` | {action.word} | {actor} | {_in_words(self.moves[action, actor])} |"
            for action, actor in product(self.actions, self.actors)
            if (action, actor) in self.moves
        ]
        return "\n".join(["| action | | who | from → to |", "|---|---|---|---|", *lines])


def _in_words(moves: Mapping[StateT, StateT]) -> str:
    by_target: dict[StateT | None, list[StateT]] = {}
    for state, following in moves.items():
        by_target.setdefault(None if following is state else following, []).append(state)
    return "; ".join(
        f"{', '.join(states)} → {target}" if target else f"stays {', '.join(states)}"
        for target, states in by_target.items()
    )
