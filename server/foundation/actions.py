"""What somebody could do with a thing now, and what stands in the way: told before the tap.

Nothing of the rules is written twice: the verb itself is tried in a transaction, and undone.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from server.foundation.database import undone
from server.foundation.errors import Refusal
from server.foundation.ids import Id


class ActionView(msgspec.Struct):
    """Something that the reader might do. Where it would be refused, `why` is the refusal's code and `words` say it;
    both are empty where it would be done. `of` names the part that it is about, such as a shift's role."""

    action: str
    ok: bool
    why: str = ""
    words: str = ""
    of: Id | None = None


async def try_out(name: str, do: Callable[[], Awaitable[Any]], *, of: Id | None = None) -> ActionView:
    """Do it, undo it, and tell what came of it. Not within a transaction whose locks should not grow."""
    try:
        async with undone():
            await do()
    except Refusal as refusal:
        words = refusal.detail or (refusal.errors[0].problem if refusal.errors else refusal.title)
        return ActionView(name, False, refusal.code, words, of)
    return ActionView(name, True, of=of)
