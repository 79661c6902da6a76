"""What somebody could do with a thing now, and what stands in the way: told before the tap.

Nothing of the rules is written twice: the verb itself is tried in a transaction, and undone.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from server.foundation.database import undone
from server.foundation.errors import NotAllowed, NotFound, Refusal, WrongState
from server.foundation.ids import Id

Verb = Callable[[], Awaitable[Any]]


class ActionView(msgspec.Struct):
    """Something that the reader might do. Where it would be refused, `why` is the refusal's code and `words` say it;
    both are empty where it would be done. `of` names the part that it is about, such as a shift's role."""

    action: str
    ok: bool
    why: str = ""
    words: str = ""
    of: Id | None = None


async def try_out(name: str, do: Verb, *, of: Id | None = None) -> ActionView:
    """Do it, undo it, and tell what came of it. Not within a transaction whose locks should not grow."""
    answer = await _answer_of(do)
    return _refused(name, answer, of) if isinstance(answer, Refusal) else ActionView(name, True, of=of)


async def try_each(seen: Any, verbs: Mapping[str, Verb], *, of: Id | None = None) -> list[ActionView]:
    """What of `verbs` there is for somebody who sees the thing as `seen`, each tried as by try_out.

    What would change nothing of what they see is not offered, nor what is never theirs to do, nor what the state
    simply has no place for; a refusal that has words of its own is told.
    """
    found = []
    for name, do in verbs.items():
        answer = await _answer_of(do)
        if isinstance(answer, Refusal):
            if not _says_nothing(answer):
                found.append(_refused(name, answer, of))
        elif answer != seen:
            found.append(ActionView(name, True, of=of))
    return found


async def _answer_of(do: Verb) -> Any:
    """What the verb gives, or the refusal that it raises; either way it is undone."""
    answer: Any = None
    try:
        async with undone():
            answer = await do()
    except Refusal as refusal:
        return refusal
    return answer


def _says_nothing(refusal: Refusal) -> bool:
    """Whether it is nothing but "not yours" or "not now": a table of states says no more than which one it is."""
    if isinstance(refusal, WrongState):
        return not refusal.detail or "state" in refusal.facts
    return isinstance(refusal, (NotFound, NotAllowed))


def _refused(name: str, refusal: Refusal, of: Id | None) -> ActionView:
    words = refusal.detail or (refusal.errors[0].problem if refusal.errors else refusal.title)
    return ActionView(name, False, refusal.code, words, of)
