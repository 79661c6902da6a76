"""What staff add to the ledger by hand: service that nothing else knows of, and that something does not count."""

from datetime import datetime, timedelta

from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch_value, transaction
from server.foundation.errors import InvalidFields, NotAllowed, NotFound, WrongState
from server.foundation.ids import new_id
from server.notifications.service import notify
from server.organizations.access import require_role_or_hide
from server.service_record import messages
from server.service_record.models import ServiceEntry
from server.service_record.queries import belongs_to
from server.service_record.recording import record_service, reverse_entry

RULE = "service_noted"
REVERSIBLE = (RULE, "post_served", "post_taken")
"""What staff may reverse here. Everything else is corrected where it comes from: attendance, a wish's dispute."""

_LONGEST_AGO = timedelta(days=366)


async def note_service(
    actor_id: str, organization_id: str, person_id: str, *, what: str, minutes: int, occurred_at: datetime
) -> str:
    """Staff record something that the person did for their organization; the entry's id.

    The person lives, is checked in, or has served there. Nobody records their own. Raises NotFound, NotAllowed,
    InvalidFields.
    """
    await require_role_or_hide(actor_id, organization_id)
    path: str = await fetch_value("SELECT path FROM organization WHERE id = $1", organization_id)
    if not await belongs_to(person_id, path):
        raise NotFound()
    if person_id == actor_id:
        raise NotAllowed("不能为自己补录服务")
    now = clock.now()
    if not now - _LONGEST_AGO <= occurred_at <= now:
        raise InvalidFields.of("occurred_at", "服务时间应在过去一年之内")
    async with transaction():
        entry = await record_service(
            person_id,
            rule=RULE,
            source=("service_note", new_id()),
            minutes=minutes,
            occurred_at=occurred_at,
            organization_id=organization_id,
            words=what,
        )
        await record_audit(
            "note_service",
            actor_id=actor_id,
            subject=("service_entry", entry.id),
            person_id=person_id,
            organization_id=organization_id,
            minutes=minutes,
        )
        await notify(person_id, messages.NOTED, organization=organization_id, minutes=minutes, at=occurred_at)
    return entry.id


async def reverse_service_entry(actor_id: str, entry_id: str, reason: str) -> None:
    """Staff of the organization that it was done for say that an entry does not count, and why.

    Raises NotFound, NotAllowed (their own), WrongState (not theirs to correct here), AlreadyReversed.
    """
    async with transaction():
        entry = await ServiceEntry.get_or_none(id=entry_id)
        if entry is None or entry.organization_id is None:
            raise NotFound()
        await require_role_or_hide(actor_id, entry.organization_id)
        if entry.person_id == actor_id:
            raise NotAllowed("不能冲正自己的记录")
        if entry.rule not in REVERSIBLE:
            raise WrongState("请在该记录的来源处更正")
        await reverse_entry(entry_id, "by_hand", reason)
        await record_audit(
            "reverse_service_entry",
            actor_id=actor_id,
            subject=("service_entry", entry_id),
            person_id=entry.person_id,
            organization_id=entry.organization_id,
            points=-entry.points,
        )
        await notify(
            entry.person_id,
            messages.REVERSED,
            organization=entry.organization_id,
            points=entry.points,
            at=entry.occurred_at,
        )
