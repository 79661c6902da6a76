"""What is told before the tap is what comes of the tap: the same for every thing that has states."""

from typing import Any

from server.foundation.database import undone
from tests.clients import Api

Tries = dict[str, tuple[str, str, Any]]
"""action → the method, the rest of the path and the body of a request that is asked of the verb."""
NOT_OFFERED = {"not_found", "not_allowed", "wrong_state"}


async def try_actions(
    who: Api, path: str, tries: Tries, *, shown: str = "", besides: frozenset[str] = frozenset()
) -> str:
    """The actions that `path` tells, "move cancel:change_too_late", each of which was tried, and undone: what is said
    to be ok is accepted and changes what the caller sees at `shown` (`path`, unless given); what is not is refused with
    that code; and what is left out is refused too (with a code of `besides`, too), or changes nothing."""
    told = {each["action"]: each for each in await who.get(f"{path}/actions")}
    assert set(told) <= set(tries), told
    for action, (method, rest, body) in tries.items():
        before, after = await _seen(who, shown or path), None
        # Undone from the outside: the verb's own transaction is a savepoint in this one.
        async with undone():
            response = await who.send(method, rest if rest.startswith("/") else f"{path}{rest and '/'}{rest}", body)
            if response.is_success:
                after = await _seen(who, shown or path)
        code = None if response.is_success else response.json()["code"]
        words = f"{path} {action}: told {told.get(action)}, then {response.status_code} {response.text[:300]}"
        if action not in told:
            assert code in NOT_OFFERED | besides or (code is None and after == before), words
        elif told[action]["ok"]:
            assert code is None, words
            assert after != before, words
            assert (told[action]["why"], told[action]["words"]) == ("", "")
        else:
            problem = response.json()
            fields = [each["problem"] for each in problem.get("errors", [])]
            assert told[action]["words"] in (problem.get("detail"), problem["title"], *fields), words
    return " ".join(name if each["ok"] else f"{name}:{each['why']}" for name, each in told.items())


async def _seen(who: Api, path: str) -> Any:
    response = await who.send("GET", path)
    return response.json() if response.is_success else None
