"""Blocking a person: by managers of their community, at once, and until they are let in again."""

from server.foundation.audit import AuditEntry
from server.organizations.models import Level, RoleKind
from tests.builders import (
    create_community,
    create_organization,
    create_person,
    create_resident,
    create_staff,
    grant,
)
from tests.clients import Api
from tests.simulator import Simulator, openid


async def test_a_blocked_person_is_out_until_unblocked(api: Api, simulator: Simulator) -> None:
    community = await create_community()
    resident = await create_resident(api, community)
    manager = await create_staff(api, community, RoleKind.MANAGER)
    await resident.get("/me")
    path = f"/staff/persons/{resident.person_id}"
    await manager.refused("POST", f"{path}/unblock", code="wrong_state")
    await manager.refused("POST", f"{path}/block", {"reason": "he is rude"}, code="invalid_fields")
    assert (await manager.post(f"{path}/block", {"reason": "abuse"}, expect=200))["is_blocked"] is True
    await manager.refused("POST", f"{path}/block", {"reason": "abuse"}, code="wrong_state")
    await resident.refused("GET", "/me", code="not_signed_in")
    body = {"code": await simulator.login_code(openid(resident))}
    await api.refused("POST", "/sessions", body, code="person_blocked")
    assert (await manager.post(f"{path}/unblock", expect=200))["is_blocked"] is False
    signed_in = await api.post("/sessions", {"code": await simulator.login_code(openid(resident))})
    assert signed_in["person_id"] == resident.person_id
    entries = await AuditEntry.filter(person_id=resident.person_id).order_by("id")
    assert [(entry.action, entry.details) for entry in entries] == [
        ("block_person", {"reason": "abuse"}),
        ("unblock_person", {}),
    ]


async def test_who_may_not_block(api: Api) -> None:
    community = await create_community()
    resident = await create_resident(api, community)
    path, body = f"/staff/persons/{resident.person_id}/block", {"reason": "other"}
    staff = await create_staff(api, community)
    elsewhere = await create_staff(api, await create_community(), RoleKind.MANAGER)
    for who in (staff, elsewhere):
        await who.refused("POST", path, body, code="not_found")
    await resident.refused("POST", path, body, code="not_allowed")
    manager = await create_staff(api, community, RoleKind.MANAGER)
    await manager.put("/me/community", {"community_id": community.id})
    await manager.refused("POST", f"/staff/persons/{manager.person_id}/block", body, code="own_matter")


async def test_a_block_ends_where_ones_area_does(api: Api) -> None:
    """Whoever was registered in the community may hold more than its manager does."""
    community = await create_community()
    city = await create_organization(Level.CITY)
    higher, worker = await create_person(community=community), await create_person(community=community)
    await grant(higher, city, RoleKind.MANAGER)
    await grant(worker, community)
    newcomer = await create_person(community=community, is_registered=False)
    manager = await create_staff(api, community, RoleKind.MANAGER)
    body = {"reason": "other"}
    await manager.refused("POST", f"/staff/persons/{higher.id}/block", body, code="not_allowed")
    # To have chosen a community gives its manager no power.
    await manager.refused("POST", f"/staff/persons/{newcomer.id}/block", body, code="not_found")
    await manager.post(f"/staff/persons/{worker.id}/block", body)
    assert {entry.person_id for entry in await AuditEntry.filter(action="block_person")} == {worker.id}
