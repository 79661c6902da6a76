"""Who sees what: their own, their subtree's, their unit's released ones; to everybody else nothing exists."""

from typing import Any

from server.check_in.reports.models import ReportState
from server.foundation.audit import AuditEntry
from server.members.memberships import end_membership
from server.organizations.models import Level, Organization, RoleKind
from tests.builders import create_community, create_organization, create_resident
from tests.check_in.reports.builders import H1, H2, create_cast, create_home, create_worker, put_state
from tests.clients import Api


async def test_staff_list_their_subtree_only(api: Api) -> None:
    cast = await create_cast(api)
    subdistrict = await Organization.get(id=cast.community.parent_id)
    above = await create_worker(api, subdistrict)
    observer = await create_worker(api, cast.community, RoleKind.OBSERVER)
    other = await create_community()
    elsewhere = await create_worker(api, other)
    query: dict[str, Any] = {"organization_id": cast.community.id, "period": H1}
    for reader in (cast.staff, cast.manager, above, observer):
        assert [card["id"] for card in (await reader.get("/staff/reports", **query))["items"]] == [cast.report_id]
    assert len((await above.get("/staff/reports", organization_id=subdistrict.id, period=H1))["items"]) == 1
    assert (await cast.staff.get("/staff/reports", **query | {"period": H2}))["items"] == []
    assert (await cast.staff.get("/staff/reports", **query, state="released"))["items"] == []
    assert len((await cast.staff.get("/staff/reports", **query, state="draft"))["items"]) == 1
    assert (await elsewhere.send("GET", "/staff/reports", params=query)).status_code == 403
    assert (await cast.liaison.send("GET", "/staff/reports", params=query)).status_code == 403
    assert (await elsewhere.get("/staff/reports", organization_id=other.id, period=H1))["items"] == []
    assert (await cast.staff.send("GET", "/staff/reports", params=query | {"period": "2030"})).status_code == 422
    grid = await create_organization(Level.GRID, parent=cast.community)
    grid_worker = await create_worker(api, grid, RoleKind.GRID_WORKER)
    assert (await grid_worker.send("GET", "/staff/reports", params=query)).status_code == 403


async def test_to_strangers_nothing_exists(api: Api) -> None:
    """Not even that somebody is a member: every answer is the one for a report that never was."""
    cast = await create_cast(api)
    await put_state(cast.report_id, ReportState.RELEASED)
    stranger = await create_resident(api, cast.community)
    far_home = await create_home(await create_community(), "市交通局")
    other_liaison = await create_worker(api, far_home.unit, RoleKind.LIAISON)
    for caller in (stranger, other_liaison):
        assert await caller.get("/me/reports") == []
        for path in ("", "/pdf", "/xlsx"):
            await caller.refused("GET", f"/reports/{cast.report_id}{path}", code="not_found")
        for path, body in (("agree", None), ("correction", {"request": "x"}), ("acknowledge", None)):
            await caller.refused("POST", f"/reports/{cast.report_id}/{path}", body, code="not_found")
        for path in ("reports", "report-summary", "report-summary/pdf", "report-summary/xlsx"):
            response = await caller.send("GET", f"/units/{cast.home.unit.id}/{path}", params={"period": H1})
            assert response.status_code == 404, path
        await caller.refused(
            "POST", f"/units/{cast.home.unit.id}/reports/acknowledge", {"period": H1}, code="not_found"
        )
    body = {"community_id": cast.community.id, "period": H1}
    await other_liaison.refused("POST", "/staff/reports/release", body, code="not_allowed")
    await cast.staff.refused("POST", "/staff/reports/release", body, code="not_allowed")
    await api.refused("GET", f"/reports/{cast.report_id}", code="not_signed_in")
    await cast.member.api.refused("GET", "/reports/0000000000000000000000", code="not_found")


async def test_a_liaison_sees_released_ones_of_the_own_unit_only(api: Api) -> None:
    cast = await create_cast(api)
    unit = f"/units/{cast.home.unit.id}"
    far_home = await create_home(await create_community(), "市交通局")
    other = await create_worker(api, far_home.unit, RoleKind.LIAISON)
    for state in ReportState:
        await put_state(cast.report_id, state)
        seen = state in (ReportState.RELEASED, ReportState.ACKNOWLEDGED)
        assert len((await cast.liaison.get(f"{unit}/reports", period=H1))["items"]) == seen
        assert (await cast.liaison.get(f"{unit}/report-summary", period=H1))["members"] == seen
        assert (await other.get(f"/units/{far_home.unit.id}/reports", period=H1))["items"] == []
    assert await AuditEntry.filter(action="list_unit_reports", actor_id=cast.liaison.person_id).count() == len(
        ReportState
    )


async def test_looking_at_somebodys_report_is_audited_and_at_ones_own_is_not(api: Api) -> None:
    cast = await create_cast(api)
    await put_state(cast.report_id, ReportState.RELEASED)
    for caller in (cast.member.api, cast.staff, cast.liaison):
        await caller.get(f"/reports/{cast.report_id}")
        await caller.send("GET", f"/reports/{cast.report_id}/pdf")
    looked = [
        (entry.action, entry.actor_id)
        for entry in await AuditEntry.filter(action__in=["view_report", "download_report"]).order_by("id")
    ]
    assert looked == [
        ("view_report", cast.staff.person_id),
        ("download_report", cast.staff.person_id),
        ("view_report", cast.liaison.person_id),
        ("download_report", cast.liaison.person_id),
    ]


async def test_who_ends_the_membership_takes_the_reports_along(api: Api) -> None:
    """Without consent to keep the membership, nobody is shown as its owner any longer."""
    cast = await create_cast(api)
    await put_state(cast.report_id, ReportState.RELEASED)
    assert len(await cast.member.api.get("/me/reports")) == 1
    await end_membership(cast.member.person_id)
    assert await cast.member.api.get("/me/reports") == []
