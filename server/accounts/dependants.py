"""Those whom somebody looks after."""

from datetime import date

from server.accounts.cancelling import leave_dependant
from server.accounts.consents import (
    GUARDED_UNTIL,
    LEAVERS,
    ConsentNeeded,
    GuardianConsentNeeded,
    record_consent,
    require_consent,
)
from server.accounts.models import ConsentKind, Dependant, Person, PersonOrigin, Relation
from server.accounts.persons import create_person
from server.accounts.queries import DependantView, list_dependants
from server.foundation import clock
from server.foundation.database import execute, exists, transaction
from server.foundation.dates import age_on, today
from server.foundation.errors import NotFound


async def add_dependant(
    guardian_id: str,
    *,
    real_name: str,
    relation: Relation,
    birth_date: date | None,
    phone: str,
    guardian_consents: bool,
) -> DependantView:
    """Somebody new whom the caller looks after.

    Below 14 the guardian's consent is recorded with it; raises GuardianConsentNeeded without. An adult's consent to be
    acted for is recorded as told by the guardian. Raises ConsentNeeded.
    """
    is_child = bool(birth_date) and age_on(birth_date, today()) < GUARDED_UNTIL  # type: ignore[arg-type]
    if not guardian_consents:
        raise GuardianConsentNeeded() if is_child else ConsentNeeded("请确认已征得家人同意")
    async with transaction():
        await require_consent(guardian_id, ConsentKind.PRIVACY)
        if is_child:
            await require_consent(guardian_id, ConsentKind.SENSITIVE_DATA)
        guardian = await Person.get(id=guardian_id)
        person = await create_person(
            PersonOrigin.DEPENDANT,
            real_name=real_name,
            phone=phone,
            community_id=guardian.community_id,
            birth_date=birth_date,
        )
        await Dependant.create(guardian_id=guardian_id, person=person, relation=relation)
        kind = ConsentKind.GUARDIAN if is_child else ConsentKind.ON_BEHALF
        await record_consent(person.id, kind, given_by_id=guardian_id)
        return (await list_dependants(guardian_id, person.id))[0]


async def end_dependant(guardian_id: str, person_id: str) -> None:
    """The caller no longer looks after this person, whose data go where nobody else does. Raises NotFound."""
    async with transaction():
        changed = await execute(
            "UPDATE dependant SET ended_at = $3 WHERE guardian_id = $1 AND person_id = $2 AND ended_at IS NULL",
            guardian_id,
            person_id,
            clock.now(),
        )
        if not changed:
            raise NotFound()
        await execute(
            "UPDATE consent SET withdrawn_at = $3 WHERE person_id = $2 AND given_by_id = $1 AND withdrawn_at IS NULL",
            guardian_id,
            person_id,
            clock.now(),
        )
        if await exists("SELECT 1 FROM dependant WHERE person_id = $1 AND ended_at IS NULL", person_id):
            for leave in LEAVERS:
                await leave(person_id)
        else:
            await leave_dependant(person_id)
