"""Blocking a person: by managers of their community, at once, and until they are let in again."""

from server.accounts.models import Person
from server.foundation.audit import AuditEntry
from server.organizations.models import Level, RoleKind
from tests.builders import (
    create_community,
    create_organization,
    create_person,
    create_resident,
    create_staff,
    grant,
    sign_in,
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
    await manager.refused("POST", f"/staff/persons/{manager.person_id}/block", body, code="not_allowed")


async def test_power_over_an_account_ends_where_ones_area_does(api: Api) -> None:
    """Who chose the community to live in may hold more than its manager does: no block, and no merge into oneself."""
    community = await create_community()
    city = await create_organization(Level.CITY)
    higher = await create_person(community=community)
    await grant(higher, city, RoleKind.MANAGER)
    manager = await create_person(community=community)
    await grant(manager, community, RoleKind.MANAGER)
    resident, entry = await create_person(community=community), await create_person(community=community)
    worker = await create_person(community=community)
    await grant(worker, community)
    api = await sign_in(api, manager)

    async def merge(one: str, other: str, code: str) -> None:
        await api.refused("POST", f"/staff/persons/{one}/merge", {"into_id": other}, code=code)

    await api.refused("POST", f"/staff/persons/{higher.id}/block", {"reason": "other"}, code="not_allowed")
    await merge(higher.id, manager.id, "not_allowed")
    await merge(manager.id, resident.id, "not_allowed")
    await merge(resident.id, manager.id, "not_allowed")
    await merge(resident.id, higher.id, "not_allowed")
    await merge(worker.id, resident.id, "wrong_state")
    assert not await Person.exists(merged_into_id__isnull=False)
    await api.post(f"/staff/persons/{entry.id}/merge", {"into_id": resident.id})
    await api.post(f"/staff/persons/{worker.id}/block", {"reason": "other"})
