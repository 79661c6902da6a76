"""What staff add to the ledger by hand: service that nothing else knows of, and that something does not count."""

from datetime import timedelta
from typing import Annotated

import msgspec

from server.accounts.power import require_may_name
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.bounds import Moment, RequiredText
from server.foundation.database import transaction
from server.foundation.errors import InvalidFields, NotFound, WrongState
from server.foundation.ids import Id, new_id
from server.notifications.telling import notify
from server.organizations.access import require_another, require_role_or_hide
from server.service_record import messages
from server.service_record.models import ServiceEntry
from server.service_record.queries import ServiceEntryView, get_entry
from server.service_record.recording import record_service, reverse_entry

RULE = "service_noted"
REVERSIBLE = (RULE, "post_served", "post_taken")
"""What staff may reverse here. Everything else is corrected where it comes from: attendance, a wish's dispute."""

_LONGEST_AGO = timedelta(days=366)


class ServiceNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person did for an organization that nothing else knows of."""

    organization_id: Id
    person_id: Id
    what: Annotated[RequiredText, msgspec.Meta(max_length=200)]
    minutes: Annotated[int, msgspec.Meta(ge=1, le=24 * 60)]
    occurred_at: Moment


async def note_service(actor_id: str, note: ServiceNote) -> ServiceEntryView:
    """Staff record something that the person did for their organization.

    The person has business with the actor's organization. Nobody records their own. Raises NotFound, OwnMatter,
    InvalidFields.
    """
    organization_id, person_id = note.organization_id, note.person_id
    await require_role_or_hide(actor_id, organization_id)
    require_another(actor_id, person_id)
    await require_may_name("person_id", actor_id, person_id)
    now = clock.now()
    if not now - _LONGEST_AGO <= note.occurred_at <= now:
        raise InvalidFields.of("occurred_at", "服务时间应在过去一年之内")
    async with transaction():
        entry = await record_service(
            person_id,
            rule=RULE,
            source=("service_note", new_id()),
            minutes=note.minutes,
            occurred_at=note.occurred_at,
            organization_id=organization_id,
            words=note.what,
        )
        await record_audit(
            "note_service",
            actor_id=actor_id,
            subject=("service_entry", entry.id),
            person_id=person_id,
            organization_id=organization_id,
            minutes=note.minutes,
        )
        await notify(person_id, messages.NOTED, organization=organization_id, minutes=note.minutes, at=note.occurred_at)
        return await get_entry(entry.id)


async def reverse_service_entry(actor_id: str, entry_id: str, reason: str) -> ServiceEntryView:
    """Staff of the organization that it was done for say that an entry does not count, and why.

    Raises NotFound, OwnMatter, WrongState (not theirs to correct here), AlreadyReversed.
    """
    async with transaction():
        entry = await ServiceEntry.get_or_none(id=entry_id)
        if entry is None or entry.organization_id is None:
            raise NotFound()
        await require_role_or_hide(actor_id, entry.organization_id)
        require_another(actor_id, entry.person_id)
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
        return await get_entry(entry_id)
