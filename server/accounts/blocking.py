"""Staff block a person: they can no longer sign in, and what of theirs is open is looked after by others."""

from server.accounts import consents
from server.accounts.models import Person
from server.accounts.power import require_power_over
from server.accounts.registry import PersonFound, show_person
from server.accounts.sessions import end_all_sessions
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import transaction
from server.foundation.errors import NotFound, WrongState
from server.foundation.words import Worded
from server.organizations.models import RoleKind


class BlockReason(Worded):
    """Why somebody is kept out; a code, since the audit log holds no texts."""

    OWN_REQUEST = "own_request", "本人要求"
    ABUSE = "abuse", "滥用"
    FRAUD = "fraud", "欺诈"
    DECEASED = "deceased", "已故"
    OTHER = "other", "其他"


async def block_person(actor_id: str, person_id: str, reason: BlockReason) -> PersonFound:
    """End every session of the person and keep them out; for managers of an area where the person has business.

    Raises NotFound, OwnMatter, NotAllowed (they hold a role outside that area), WrongState (blocked already).
    """
    async with transaction():
        person, organization_id = await _lock(actor_id, person_id)
        if person.closed_at:
            raise WrongState("该人员已被停用")
        person.closed_at = clock.now()
        await person.save(update_fields=["closed_at"])
        await end_all_sessions(person_id)
        for leave in consents.LEAVERS:
            await leave(person_id)
        await _record("block_person", actor_id, person, organization_id, reason=str(reason))
        return await show_person(person_id)


async def unblock_person(actor_id: str, person_id: str) -> PersonFound:
    """The person may sign in again. Raises NotFound, OwnMatter, NotAllowed, WrongState."""
    async with transaction():
        person, organization_id = await _lock(actor_id, person_id)
        if person.closed_at is None or person.cancelled_at:
            raise WrongState("该人员没有被停用")
        person.closed_at = None
        await person.save(update_fields=["closed_at"])
        await _record("unblock_person", actor_id, person, organization_id)
        return await show_person(person_id)


async def _lock(actor_id: str, person_id: str) -> tuple[Person, str]:
    # FOR UPDATE: what the person is doing at this moment ends first (see sessions.hold_caller).
    person = await Person.filter(id=person_id, merged_into_id=None).select_for_update().get_or_none()
    if person is None:
        raise NotFound()
    return person, await require_power_over(actor_id, person_id, (RoleKind.MANAGER,), upon_account=True)


async def _record(action: str, actor_id: str, person: Person, organization_id: str, **details: str) -> None:
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("person", person.id),
        person_id=person.id,
        organization_id=organization_id,
        and_organization_id=person.community_id,
        **details,
    )
