"""How often a caller may use a route, and how much of it at once; see server.foundation.rates for the figures."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sanic.response import BaseHTTPResponse

from server.accounts.sessions import Caller
from server.foundation import rates
from server.foundation.errors import Refusal, TooManyRequests
from server.foundation.rates import Group
from server.foundation.turns import Turns

AnswerT = TypeVar("AnswerT")

_codes = Turns(1, most=50)
"""One at a time, or many guesses at once would all come before the first has been counted."""
_drawings = Turns(2, most=50)
"""Whoever wants many pictures waits for them, and not those who want one."""
_sign_ins = Turns(1, most=20)
_crowds = Turns(3, most=4096, seconds=30)
"""Of those who race for one thing a few go on, and the rest wait here: they would wait for its lock anyway, and each
with a connection that everybody else needs."""


async def answer_within(
    group: Group, caller: Caller | None, address: str, answer: Callable[[], Awaitable[AnswerT]], raced_for: str = ""
) -> AnswerT:
    """What `answer` gives. Raises TooManyRequests where this caller, or this address of strangers, asks too often, Busy
    where too many come at once for the thing that is `raced_for`."""
    person_id = caller.person_id if caller else None
    who = person_id or rates.network_of(address)
    if group is Group.SIGN_IN:
        return await _sign_in(address, answer)
    if group is Group.CODES:
        async with _codes.take(who):
            await rates.require_one_left(group, person_id, address)
            return await _count_refused(group, person_id, address, answer)
    if group is Group.REVIEWED and caller and caller.is_staff:
        group = Group.WRITE  # They take in what others bring to the counter.
    await rates.count(group, person_id, address)
    if group is Group.DRAWING:
        async with _drawings.take(who):
            return await answer()
    if raced_for:
        async with _crowds.take(raced_for):
            return await answer()
    return await answer()


async def _sign_in(address: str, answer: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
    """Nobody is refused for what others at the same address do: a code of WeChat's works once and for its person alone,
    so what could be gained by many refused ones is work for us. After too many, one address signs in one by one."""
    if await rates.is_one_left(Group.SIGN_IN, None, address):
        return await _count_refused(Group.SIGN_IN, None, address, answer)
    async with _sign_ins.take(rates.network_of(address)):
        return await answer()


async def _count_refused(
    group: Group, person_id: str | None, address: str, answer: Callable[[], Awaitable[AnswerT]]
) -> AnswerT:
    try:
        result = await answer()
    except TooManyRequests:
        raise
    except Refusal as refusal:
        if refusal.status < 500:
            await rates.note(group, person_id, address)
        raise
    if isinstance(result, BaseHTTPResponse) and result.status >= 400:  # a page that tells it in its own words
        await rates.note(group, person_id, address)
    return result
