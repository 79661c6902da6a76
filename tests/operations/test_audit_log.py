"""The audit log: append-only, read by those who answer for a subtree, and purged when its time is over."""

import io
from datetime import timedelta
from urllib.parse import unquote, urlencode

import asyncpg
import openpyxl
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


async def test_actions_have_names(api: Api) -> None:
    community = await create_community()
    manager = await create_staff(api, community, RoleKind.MANAGER)
    for action in ("import_roster", "of_an_earlier_version"):
        await act(community, action)
    page = await manager.get("/staff/audit", organization_id=community.id)
    assert [item["action_name"] for item in page["items"]] == ["其他操作", "导入党员名册"]
    known = await manager.get("/staff/audit/actions")
    assert {"action": "import_roster", "name": "导入党员名册"} in known
    await api.refused("GET", "/staff/audit/actions", code="not_signed_in")


async def test_the_log_goes_out_as_a_sheet(api: Api) -> None:
    community, elsewhere = await create_community(name="塔山社区"), await create_community()
    manager = await create_staff(api, community, RoleKind.MANAGER)
    staff = await create_staff(api, community, RoleKind.STAFF)
    subject = await create_person(nickname="小王")
    await act(community, "import_roster", actor_id=manager.person_id, person_id=subject.id)
    await act(community, "freeze_report")
    await act(elsewhere, "import_roster")
    query = f"organization_id={community.id}"
    response = await manager.send("GET", f"/staff/audit/export?{query}&action=import_roster")
    assert response.status_code == 200
    assert "塔山社区 操作记录 " in unquote(response.headers["content-disposition"])
    sheet = openpyxl.load_workbook(io.BytesIO(response.content)).active
    assert sheet is not None
    title, heading, *rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    assert "塔山社区 操作记录" in title[0]
    assert title[0].endswith("导出，共 1 条")
    assert heading[:4] == ["时间", "操作", "操作人", "涉及人员"]
    assert [row[1] for row in rows] == ["导入党员名册"]
    assert rows[0][3] == "小王"
    # That it went out is in the log, and the next sheet has it.
    assert (await actions(manager, community))[0] == "export_audit_entries"
    for stranger in (staff, await create_staff(api, elsewhere, RoleKind.MANAGER)):
        await stranger.refused("GET", f"/staff/audit/export?{query}", code="not_found")
    assert await AuditEntry.filter(action="export_audit_entries").count() == 1


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
