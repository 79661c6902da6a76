"""The ledger of accepts: how many messages of each template a person still lets us send.

WeChat allows one message for one accept. An accept is told twice: by the client right after the tap, and by WeChat's
push; either may be late, repeated or lost. They are paired: the second telling of an accept adds nothing. A telling
takes as its pair the oldest unpaired telling by the other side that lies within PAIRING_WINDOW of it (the push by the
time that WeChat gives it, so a push that was delayed still finds its report). Where a telling was lost the count can
be wrong by one for a while; WeChat's answer 43101 then corrects it to 0.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value, transaction
from server.foundation.errors import InvalidFields
from server.foundation.ids import new_id
from server.notifications.models import GrantBalance, GrantEntry, GrantSource
from server.notifications.queries import AcceptsView, list_accepts
from server.wechat.connection import template_ids

PAIRING_WINDOW = timedelta(minutes=10)
ACCEPTED = frozenset({"accept", "acceptWithAlert", "acceptWithAudio", "acceptWithForcePush"})
"""The answers of wx.requestSubscribeMessage that allow one message."""

_OTHER_SIDE = {GrantSource.CLIENT_REPORT: GrantSource.PUSH, GrantSource.PUSH: GrantSource.CLIENT_REPORT}


async def report_answers(person_id: str, answers: Mapping[str, str]) -> AcceptsView:
    """The client tells what the person answered, template id → answer; the accepts then. Raises InvalidFields."""
    by_name: dict[str, str] = {}
    for template_id, answer in answers.items():
        template = template_ids().find(template_id)
        if template is None:
            raise InvalidFields.of(f"answers.{template_id}", "不认识的消息模板")
        by_name[template.name] = answer
    now = clock.now()
    async with transaction():
        # In order of names: two reports of one person must not wait for each other's balances.
        for name in sorted(by_name):
            await record_answer(person_id, name, by_name[name], GrantSource.CLIENT_REPORT, now, f"report:{new_id()}")
        return await list_accepts(person_id)


async def record_answer(
    person_id: str, template: str, answer: str, source: GrantSource, told_at: datetime, dedupe_key: str
) -> None:
    """One telling of one answer, in the caller's transaction. An accept that the other side told already adds nothing,
    and the same `dedupe_key` nothing at all."""
    balance = await lock_balance(person_id, template)
    if await GrantEntry.exists(dedupe_key=dedupe_key):
        return
    if balance.answered_at is None or told_at >= balance.answered_at:
        balance.answer, balance.answered_at = answer, told_at
        await balance.save(update_fields=["answer", "answered_at"])
    if answer not in ACCEPTED:
        return
    pair = await _find_pair(person_id, template, _OTHER_SIDE[source], told_at)
    await _change(balance, 0 if pair else 1, source, dedupe_key, told_at=told_at, same_as_id=pair)


async def spend(person_id: str, template: str, message_id: str) -> None:
    """A message has used an accept up (or may have), in the caller's transaction."""
    balance = await lock_balance(person_id, template)
    # It can be 0 already: the person may have refused the template while the message was under way.
    await _change(balance, -min(balance.balance, 1), GrantSource.SEND, f"send:{message_id}")


async def correct_to_zero(person_id: str, template: str, known: int, dedupe_key: str) -> None:
    """WeChat says that nothing is left of the accepts that were `known` when it was asked, in the caller's transaction.
    One that was given since then is not among them."""
    balance = await lock_balance(person_id, template)
    await _change(balance, -min(balance.balance, known), GrantSource.CORRECTION, dedupe_key)


async def turn_off(person_id: str, template: str, answer: str, told_at: datetime, dedupe_key: str) -> None:
    """The person turned the template off in WeChat's settings: every accept is void, in the caller's transaction.
    One that was told late, after a newer answer, changes nothing."""
    balance = await lock_balance(person_id, template)
    if balance.answered_at and balance.answered_at > told_at:
        return
    balance.answer, balance.answered_at = answer, told_at
    await balance.save(update_fields=["answer", "answered_at"])
    await _change(balance, -balance.balance, GrantSource.PUSH, dedupe_key, told_at=told_at)


async def balance_of(person_id: str, template: str) -> int:
    found = await fetch_value(
        "SELECT balance FROM grant_balance WHERE person_id = $1 AND template = $2", person_id, template
    )
    return found or 0


async def persons_with_accept(template: str, person_ids: Sequence[str]) -> set[str]:
    """Those of the persons who have an accept of the template left."""
    rows = await fetch(
        "SELECT person_id FROM grant_balance WHERE person_id = ANY($1) AND template = $2 AND balance > 0",
        list(person_ids),
        template,
    )
    return {row["person_id"] for row in rows}


async def lock_balance(person_id: str, template: str) -> GrantBalance:
    """The person's balance for a template, made if need be. Every change of the ledger goes through this lock: a report
    and a push of one accept that arrive together would otherwise both find no pair."""
    await execute(
        "INSERT INTO grant_balance (id, created_at, person_id, template, balance, answer) "
        "VALUES ($1, $2, $3, $4, 0, '') ON CONFLICT (person_id, template) DO NOTHING",
        new_id(),
        clock.now(),
        person_id,
        template,
    )
    return await GrantBalance.filter(person_id=person_id, template=template).select_for_update(no_key=True).get()


async def _find_pair(person_id: str, template: str, source: GrantSource, told_at: datetime) -> str | None:
    """The oldest accept that only the other side has told, within the window."""
    found: str | None = await fetch_value(
        "SELECT e.id FROM grant_entry e WHERE e.person_id = $1 AND e.template = $2 AND e.source = $3 AND e.change = 1 "
        "AND e.told_at BETWEEN $4 AND $5 AND NOT EXISTS (SELECT 1 FROM grant_entry o WHERE o.same_as_id = e.id) "
        "ORDER BY e.told_at, e.id LIMIT 1",
        person_id,
        template,
        str(source),
        told_at - PAIRING_WINDOW,
        told_at + PAIRING_WINDOW,
    )
    return found


async def _change(
    balance: GrantBalance,
    change: int,
    source: GrantSource,
    dedupe_key: str,
    *,
    told_at: datetime | None = None,
    same_as_id: str | None = None,
) -> None:
    await GrantEntry.create(
        person_id=balance.person_id,
        template=balance.template,
        change=change,
        source=source,
        told_at=told_at or clock.now(),
        same_as_id=same_as_id,
        dedupe_key=dedupe_key,
    )
    if change:
        balance.balance += change
        await balance.save(update_fields=["balance"])
