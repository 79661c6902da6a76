"""The audit log: append-only, read by those who answer for a subtree, and purged when its time is over."""

from datetime import timedelta
from urllib.parse import urlencode

import asyncpg
import pytest

from server.background.audit_retention import purge_old_entries, use_retention
from server.foundation import clock
from server.foundation.audit import AuditEntry, record_audit
from server.foundation.database import IntegrityError, execute, fetch_value, transaction
from server.foundation.ids import new_id
from server.foundation.settings import Settings, SettingsInvalid, load_settings
from server.organizations.models import Level, Organization, RoleKind
from tests.builders import create_community, create_organization, create_person, create_staff
from tests.clients import Api


async def act(organization: Organization | None, action: str = "look", **about: str | None) -> None:
    await record_audit(
        action,
        actor_id=about.get("actor_id"),
        subject=("thing", about.get("subject_id")),
        person_id=about.get("person_id"),
        organization_id=organization.id if organization else None,
        state="done",
    )


async def actions(caller: Api, organization: Organization, **wanted: str) -> list[str]:
    page = await caller.get(f"/staff/audit?{urlencode({'organization_id': organization.id, **wanted})}")
    return [item["action"] for item in page["items"]]


async def test_entries_cannot_be_changed_or_deleted(app: object) -> None:
    await act(None)
    for sql in ("UPDATE audit_entry SET action = 'other'", "DELETE FROM audit_entry"):
        with pytest.raises(IntegrityError, match="append-only"):
            await execute(sql)
    assert await AuditEntry.all().count() == 1


async def test_the_purge_switch_ends_with_its_transaction(app: object) -> None:
    await act(None)
    async with transaction():
        await execute("SET LOCAL linli.purge = 'on'")
    with pytest.raises(IntegrityError):
        await execute("DELETE FROM audit_entry")
    async with transaction():
        await execute("SET LOCAL linli.purge = 'on'")
        with pytest.raises((IntegrityError, asyncpg.PostgresError)):
            async with transaction():
                await execute("UPDATE audit_entry SET action = 'other'")


async def test_what_an_entry_tells(api: Api) -> None:
    community = await create_community(name="塔山社区")
    observer = await create_staff(api, community, RoleKind.OBSERVER)
    person = await create_person(nickname="小王")
    subject_id = new_id()
    await act(community, actor_id=observer.person_id, person_id=person.id, subject_id=subject_id)
    entry = (await observer.get("/staff/audit", organization_id=community.id))["items"][0]
    assert entry["actor"]["id"] == observer.person_id
    assert entry["person"]["id"] == person.id
    assert entry["person"]["nickname"]
    assert (entry["subject_kind"], entry["subject_id"], entry["details"]) == ("thing", subject_id, {"state": "done"})
    assert entry["organization"]["name"] == "塔山社区"


async def test_where_a_act_came_from(api: Api) -> None:
    community = await create_community()
    manager = await create_staff(api, community, RoleKind.MANAGER)
    body = {"parent_id": community.id, "level": "grid", "name": "第一网格"}
    made = await manager.send("POST", "/staff/organizations", body, headers={"x-request-id": "request-0001"})
    assert made.status_code == 201
    entry = (await manager.get("/staff/audit", organization_id=community.id))["items"][0]
    assert (entry["action"], entry["request_id"]) == ("create_organization", "request-0001")
    assert entry["address"]


async def test_each_reads_their_own_subtree(api: Api) -> None:
    city = await create_organization(Level.CITY)
    district = await create_organization(Level.DISTRICT, parent=city)
    street = await create_organization(Level.SUBDISTRICT, parent=district)
    one, other = await create_community(parent=street), await create_community(parent=street)
    for place, action in ((one, "one"), (other, "other"), (street, "street"), (None, "nowhere")):
        await act(place, action)
    low = await create_staff(api, one, RoleKind.MANAGER)
    middle = await create_staff(api, street, RoleKind.OBSERVER)
    top = await create_staff(api, city, RoleKind.MANAGER)
    assert await actions(low, one) == ["one"]
    assert await actions(middle, street) == ["street", "other", "one"]
    assert await actions(middle, other) == ["other"]
    assert await actions(top, city) == ["nowhere", "street", "other", "one"]
    await low.refused("GET", f"/staff/audit?organization_id={other.id}", code="not_found")
    await low.refused("GET", f"/staff/audit?organization_id={street.id}", code="not_found")


@pytest.mark.parametrize("kind", [RoleKind.STAFF, RoleKind.LIAISON])
async def test_others_do_not_read_it(api: Api, kind: RoleKind) -> None:
    community = await create_community()
    staff = await create_staff(api, community, kind)
    await staff.refused("GET", f"/staff/audit?organization_id={community.id}", code="not_found")
    await api.refused("GET", f"/staff/audit?organization_id={community.id}", code="not_signed_in")


async def test_filters(api: Api) -> None:
    community = await create_community()
    manager = await create_staff(api, community, RoleKind.MANAGER)
    actor, person, subject = (await create_person()).id, (await create_person()).id, new_id()
    await act(community, "early")
    clock.move_clock(timedelta(days=1))
    await act(community, "by", actor_id=actor)
    await act(community, "about", person_id=person)
    await act(community, "with", subject_id=subject)
    assert await actions(manager, community, actor_id=actor) == ["by"]
    assert await actions(manager, community, person_id=person) == ["about"]
    assert await actions(manager, community, subject_id=subject) == ["with"]
    assert await actions(manager, community, action="early") == ["early"]
    noon = (clock.now() - timedelta(hours=12)).isoformat()
    assert await actions(manager, community, since=noon) == ["with", "about", "by"]
    assert await actions(manager, community, until=noon) == ["early"]
    await manager.refused(
        "GET", f"/staff/audit?organization_id={community.id}&since=2026-01-01T00:00:00", code="invalid_fields"
    )


async def test_pages(api: Api) -> None:
    community = await create_community()
    manager = await create_staff(api, community, RoleKind.MANAGER)
    for number in range(5):
        await act(community, f"act{number}")
    seen: list[str] = []
    more = ""
    for _ in range(3):
        page = await manager.get(f"/staff/audit?organization_id={community.id}&limit=2{more}")
        seen += [item["action"] for item in page["items"]]
        more = f"&cursor={page['next_cursor']}"
    assert seen == ["act4", "act3", "act2", "act1", "act0"]
    assert page["next_cursor"] is None


async def test_old_entries_go_and_that_is_told(app: object, settings: Settings) -> None:
    use_retention(settings)
    await act(None, "old")
    clock.move_clock(timedelta(days=700))
    await act(None, "newer")
    assert await purge_old_entries() == 0
    clock.move_clock(timedelta(days=731))
    assert await purge_old_entries() == 1
    assert {entry.action for entry in await AuditEntry.all()} == {"newer", "purge_audit_entries"}
    assert (await AuditEntry.get(action="purge_audit_entries")).details["entries"] == 1
    assert await fetch_value("SELECT current_setting('linli.purge', true)") != "on"


def test_at_least_six_months() -> None:
    with pytest.raises(SettingsInvalid, match="LINLI_AUDIT_DAYS"):
        load_settings({"LINLI_AUDIT_DAYS": "180"})
    assert load_settings({"LINLI_AUDIT_DAYS": "184"}).audit_days == 184
