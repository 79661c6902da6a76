"""Who goes to people's homes for a service 上门人员 without a role there: doctors, tailors. Named by the venue's staff;
they see their own visits and nothing else."""

import msgspec

from server.accounts.power import require_may_name
from server.accounts.queries import describe_persons
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import execute, exists, fetch, transaction
from server.foundation.errors import NotFound, WrongState
from server.foundation.ids import Id
from server.neighbor_center.bookings.models import ServiceVisitor
from server.neighbor_center.venues.models import ServiceMode
from server.neighbor_center.venues.queries import get_service_row, require_role_at_venue
from server.organizations.access import WORKERS, holds_role


class VisitorView(msgspec.Struct):
    """Somebody who goes to people's homes; the name is masked."""

    person_id: Id
    name: str
    nickname: str


async def list_visitors(actor_id: str, service_id: str) -> list[VisitorView]:
    """Whom the venue's staff named for this service. Raises NotFound, NotAllowed."""
    await require_role_at_venue(actor_id, (await get_service_row(service_id)).venue_id)
    return await _visitors(service_id)


async def name_visitor(actor_id: str, service_id: str, person_id: str) -> list[VisitorView]:
    """From now on this person can be sent to people's homes; again is fine. Raises NotFound, NotAllowed, InvalidFields
    for somebody without business here, WrongState for what is no home visit."""
    service = await get_service_row(service_id)
    organization_id = await require_role_at_venue(actor_id, service.venue_id)
    if service.mode is not ServiceMode.HOME_VISIT:
        raise WrongState("这不是上门服务")
    await require_may_name("person_id", actor_id, person_id)
    async with transaction():
        await ServiceVisitor.get_or_create(
            service_id=service_id, person_id=person_id, defaults={"named_by_id": actor_id}
        )
        await _audit("name_visitor", actor_id, service_id, person_id, organization_id)
        return await _visitors(service_id)


async def end_visitor(actor_id: str, service_id: str, person_id: str) -> list[VisitorView]:
    """The person is sent no more. Raises NotFound, NotAllowed, WrongState while they have visits of the service to
    make: somebody else is sent first."""
    organization_id = await require_role_at_venue(actor_id, (await get_service_row(service_id)).venue_id)
    async with transaction():
        visitor = (
            await ServiceVisitor.filter(service_id=service_id, person_id=person_id)
            .select_for_update(no_key=True)
            .get_or_none()
        )
        if visitor is None:
            raise NotFound()
        if await exists(
            "SELECT 1 FROM booking b JOIN slot t ON t.id = b.slot_id WHERE t.service_id = $1 AND b.visitor_id = $2 "
            "AND t.ends_at > $3",
            service_id,
            person_id,
            clock.now(),
        ):
            raise WrongState("此人还有未完成的上门任务，请先改派")
        await visitor.delete()
        await _audit("end_visitor", actor_id, service_id, person_id, organization_id)
        return await _visitors(service_id)


async def may_be_sent(person_id: str, service_id: str, organization_id: str) -> bool:
    """Whether the person works at the venue, or was named for the service; and so it stays in this transaction."""
    return await holds_role(person_id, organization_id, WORKERS) or bool(
        await fetch(
            "SELECT 1 FROM service_visitor WHERE service_id = $1 AND person_id = $2 FOR SHARE", service_id, person_id
        )
    )


async def move_visitor(from_id: str, into_id: str) -> None:
    """Two persons turn out to be one."""
    await execute(
        "UPDATE service_visitor v SET person_id = $2 WHERE person_id = $1 AND NOT EXISTS (SELECT 1 "
        "FROM service_visitor o WHERE o.service_id = v.service_id AND o.person_id = $2)",
        from_id,
        into_id,
    )
    await execute("DELETE FROM service_visitor WHERE person_id = $1", from_id)


async def end_visitor_of_leaver(person_id: str) -> None:
    """Whoever leaves goes to nobody's home: somebody else is sent."""
    await execute(
        "UPDATE booking SET visitor_id = NULL, visit_until = NULL WHERE visitor_id = $1 AND starts_at > $2",
        person_id,
        clock.now(),
    )
    await execute("DELETE FROM service_visitor WHERE person_id = $1", person_id)


async def _visitors(service_id: str) -> list[VisitorView]:
    rows = await fetch("SELECT person_id FROM service_visitor WHERE service_id = $1 ORDER BY id", service_id)
    people = await describe_persons(row["person_id"] for row in rows)
    found = [people[row["person_id"]] for row in rows]
    return [VisitorView(person["id"], person["name"], person["nickname"]) for person in found]


async def _audit(action: str, actor_id: str, service_id: str, person_id: str, organization_id: str) -> None:
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("service", service_id),
        person_id=person_id,
        organization_id=organization_id,
    )
