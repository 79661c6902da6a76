"""Every combination of a table of states is tried, and a table is whole: the same for every feature's."""

import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from server.foundation.errors import NotAllowed, WrongState
from server.foundation.state_table import StateTable

ROOT = Path(__file__).parent.parent


class Outcome(NamedTuple):
    """What came of trying: the refusal's code (None: it was done), the state after it, and what to show of it."""

    code: str | None
    state: Any
    told: str = ""


def outcome(response: httpx.Response, state: Any) -> Outcome:
    """What came of a request."""
    code = None if response.is_success else response.json()["code"]
    return Outcome(code, state, f"{response.status_code} {response.text[:200]}")


async def try_every_combination(
    table: StateTable[Any, Any, Any],
    actions: Iterable[Any],
    callers: Mapping[str, Collection[Any]],
    attempt: Callable[[Any, Any, str], Awaitable[Outcome]],
    *,
    states: Iterable[Any] = (),
    refusals: Callable[[Any, Any, Collection[Any]], Collection[str]] | None = None,
) -> int:
    """`attempt(state, action, caller)` puts a thing into the state and lets the caller try; how often that was.

    `callers`: name → what they are to the thing. `refusals` says by which codes one may be refused; unless it is given,
    `wrong_state` where they could do it in another state.
    """
    tried = 0
    for state, action, (caller, actors) in product(list(states) or table.states, list(actions), callers.items()):
        outcome = await attempt(state, action, caller)
        expected = {table.transitions.get((state, action, actor)) for actor in actors} - {None}
        told = f"{state} {action} {caller}: {outcome}"
        tried += 1
        if expected:
            assert outcome.code is None, told
            assert {outcome.state} == expected, told
        else:
            assert outcome.code in (refusals or _usual_refusals(table))(state, action, actors), told
            assert outcome.state is state, told
    return tried


def check_table(table: StateTable[Any, Any, Any], *, first: Any, final: Collection[Any]) -> None:
    """From `first` every state can be reached, only `final` ones cannot be left, every action and actor is used, an
    action leads from a state to one other no matter who does it, and what is not in the table is refused properly."""
    reachable = {first}
    while more := {after for (before, _, _), after in table.transitions.items() if before in reachable} - reachable:
        reachable |= more
    assert reachable == set(table.states)
    assert set(table.states) - {state for state, _, _ in table.transitions} == set(final)
    for state, action, actor in product(table.states, table.actions, table.actors):
        if (state, action, actor) in table.transitions:
            leads_to = {table.transitions.get((state, action, other)) for other in table.actors} - {None}
            assert leads_to == {table.next_state(state, action, [actor])}, (state, action, actor)
            assert action in table.possible_actions(state, [actor])
        else:
            with pytest.raises(WrongState if (action, actor) in table.moves else NotAllowed):
                table.next_state(state, action, [actor])
            assert action not in table.possible_actions(state, [actor])


def check_shown(table: StateTable[Any, Any, Any], name: str) -> None:
    """A README shows the code's table, word for word, between the marks of this name."""
    pages = [ROOT / "README.md", *(ROOT / "server").rglob("README.md")]
    marks = rf"<!-- {name}-states -->\n(.*?)\n<!-- /{name}-states -->"
    shown = [found[1].strip() for page in pages for found in re.finditer(marks, page.read_text(), re.S)]
    assert shown == [table.as_markdown()]


def _usual_refusals(table: StateTable[Any, Any, Any]) -> Callable[[Any, Any, Collection[Any]], Collection[str]]:
    def refusals(state: Any, action: Any, actors: Collection[Any]) -> Collection[str]:
        ever = any((action, actor) in table.moves for actor in actors)
        return ("wrong_state",) if ever else ("not_found", "not_allowed")

    return refusals
