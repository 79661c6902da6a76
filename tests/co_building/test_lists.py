"""The three lists over HTTP: written, looked at by another, open, over, and renewed."""

import io
from typing import Any

import openpyxl

from server.co_building.leaving import move_entries_of_closed
from server.co_building.lists import entries
from server.co_building.lists.entries import LAPSE_ENTRIES
from server.co_building.lists.models import EntryState, ListEntry
from server.co_building.lists.rules import ENTRY_TABLE
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.database import fetch_value, transaction
from server.foundation.errors import WrongState
from server.organizations.models import Level, Organization
from tests.builders import create_organization, move_clock_to, told
from tests.clients import Api
from tests.co_building.builders import at, content, create_scene, ids
from tests.held import waits_at, while_held
from tests.state_tables import check_shown


async def test_a_need_is_written_looked_at_and_open(api: Api) -> None:
    move_clock_to(at(3, 3))
    scene = await create_scene(api)
    bystander = await scene.open()
    entry = await scene.draft(available_until="2031-05-31")
    path, work = f"/list-entries/{entry['id']}", f"/staff/list-entries/{entry['id']}"
    assert (entry["state"], entry["period"], entry["expires_on"], entry["left"]) == (
        "draft",
        "2031H1",
        "2031-05-31",
        3,
    )
    await scene.resident.refused("GET", path, code="not_found")
    await scene.elsewhere.refused("POST", f"{work}/submit", code="not_found")
    changed = await scene.writer.put(work, content(title="急救公开课", version=entry["version"]))
    assert (changed["title"], changed["expires_on"]) == ("急救公开课", "2031-06-30"), "the half-year's last day"
    await scene.writer.refused("PUT", work, content(version=entry["version"]), code="edited_meanwhile")
    await scene.writer.refused("POST", f"{work}/approve", code="not_allowed")

    await scene.writer.post(f"{work}/submit")
    assert (await told(scene.reviewer))[-1] == "list_entry_to_review"
    (waiting,) = (await scene.reviewer.get("/staff/desk/items", kind="list_entry_to_review"))["items"]
    assert (waiting["id"], waiting["title"]) == (entry["id"], "急救公开课")
    await scene.writer.refused("POST", f"{work}/approve", code="own_matter")
    await scene.writer.refused("POST", f"{work}/return", {"reason": "再想想"}, code="own_matter")
    await scene.liaison.refused("POST", f"{work}/approve", code="not_found")
    await scene.reviewer.post(f"{work}/return", {"reason": "请写明时间"})
    assert (await scene.writer.get(path))["reason"] == "请写明时间"
    assert (await scene.writer.inbox())[0]["text"] == "需求“急救公开课”被退回：请写明时间。修改后可以再次提交。"
    await scene.writer.post(f"{work}/submit")
    opened = await scene.reviewer.post(f"{work}/approve")
    assert (opened["state"], opened["reviewer_name"], opened["reason"]) == ("open", "幸福社区", "")
    assert (await told(scene.writer))[-1] == "list_entry_opened"

    seen = await scene.resident.get(path)
    assert seen["text"].startswith("请专业人员")
    assert "5201234" not in str(seen)
    assert await ids(scene.resident, "/list-entries", organization_id=scene.community.id) == [
        entry["id"],
        bystander["id"],
    ]
    assert await ids(scene.resident, "/list-entries", organization_id=scene.community.id, kind="resource") == []
    assert await ids(scene.resident, "/list-entries", organization_id=scene.beside.id) == []

    await scene.elsewhere.refused("POST", f"{work}/close", {"reason": "不归我们"}, code="not_allowed")
    closed = await scene.writer.post(f"{work}/close", {"reason": "已自行解决"})
    assert (closed["state"], closed["reason"]) == ("closed", "已自行解决")
    await scene.resident.refused("GET", path, code="not_found")
    await scene.writer.refused("POST", f"{work}/close", {"reason": "再来"}, code="wrong_state")
    assert (await ListEntry.get(id=bystander["id"])).state is EntryState.OPEN
    actions = await AuditEntry.filter(subject_id=entry["id"]).order_by("id").values_list("action", flat=True)
    assert actions == [
        f"{action}_list_entry" for action in ("draft", "change", "submit", "return", "submit", "approve", "close")
    ]


async def test_a_unit_lists_what_it_can_give(api: Api) -> None:
    scene = await create_scene(api)
    work = "/staff/list-entries"
    await scene.writer.refused("POST", work, content(owner_id=scene.unit.id), code="not_allowed")
    await scene.liaison.refused("POST", work, content(owner_id=scene.community.id), code="not_allowed")
    entry = await scene.resource()
    assert (entry["owner_name"], entry["reviewer_name"], entry["state"]) == ("市人民医院", "幸福社区", "open")
    assert await ids(scene.resident, "/list-entries", organization_id=scene.community.id) == [entry["id"]]
    assert await ids(scene.resident, "/list-entries", organization_id=scene.unit.id) == [entry["id"]]
    assert await ids(scene.liaison, work, organization_id=scene.unit.id) == [entry["id"]]
    # The subdistrict and its observers see what the units below it list.
    for reader in (scene.writer, scene.above, scene.observer):
        place = scene.community.id if reader is scene.writer else scene.subdistrict.id
        query = {"organization_id": place, "kind": "resource", "state": "open", "period": entry["period"]}
        assert await ids(reader, work, **query) == [entry["id"]]
        for other in ({"kind": "need"}, {"state": "closed"}, {"period": "2025H1"}):
            assert await ids(reader, work, **query | other) == []
    await scene.elsewhere.refused("GET", f"{work}?organization_id={scene.community.id}", code="not_allowed")

    stranger = scene.stranger
    alone = await scene.draft(stranger.liaison, stranger.id, kind="resource")
    await stranger.liaison.refused("POST", f"{work}/{alone['id']}/submit", code="unit_not_paired")


async def test_whom_to_call_is_sealed_and_each_look_audited(api: Api) -> None:
    scene = await create_scene(api)
    entry = await scene.resource()
    path = f"/staff/list-entries/{entry['id']}/contact"
    assert "5201234" not in await fetch_value("SELECT string_agg(encode(contact, 'escape'), '') FROM list_entry")
    for who in (scene.liaison, scene.reviewer):
        assert await who.get(path) == {"name": "李主任", "phone": "0631-5201234"}
        assert await AuditEntry.exists(action="view_list_contact", actor_id=who.person_id, subject_id=entry["id"])
    for who in (scene.elsewhere, scene.stranger.liaison):
        await who.refused("GET", path, code="not_found")
    bad = content(owner_id=scene.community.id, contact={"name": "李主任", "phone": "1234567x"})
    await scene.writer.refused("POST", "/staff/list-entries", bad, code="invalid_fields")


async def test_what_no_list_takes(api: Api) -> None:
    scene = await create_scene(api)
    path, owner = "/staff/list-entries", scene.community.id
    for wrong in (
        {"quantity": 0},
        {"title": " "},
        {"available_from": "2040-02-01", "available_until": "2040-01-31"},
        {"available_until": "2001-01-01"},
    ):
        await scene.writer.refused("POST", path, content(owner_id=owner, **wrong), code="invalid_fields")
    grid = await create_organization(Level.GRID, parent=scene.community)
    await scene.writer.refused("POST", path, content(owner_id=grid.id), code="invalid_fields")
    nobody = "1" * 22
    await scene.writer.refused("POST", path, content(owner_id=nobody), code="not_found")
    await scene.writer.refused("POST", f"{path}/{nobody}/submit", code="not_found")
    await scene.writer.refused("GET", f"{path}/{nobody}/contact", code="not_found")
    entry = await scene.draft()
    await Organization.filter(id=owner).update(closed_at=clock.now())
    await scene.writer.refused("POST", path, content(owner_id=owner), code="wrong_state")
    assert (await ListEntry.get(id=entry["id"])).state is EntryState.DRAFT


async def test_what_is_over_ends_by_itself_and_is_renewed_in_one_tap(api: Api) -> None:
    move_clock_to(at(6, 30))
    scene = await create_scene(api)
    lasting, draft = await scene.open(), await scene.draft(title="还没写完")
    given_up = await scene.open(title="不再需要")
    await scene.writer.post(f"/staff/list-entries/{given_up['id']}/close", {"reason": "不再需要"})
    assert await LAPSE_ENTRIES.run() == 0, "not on its last day"
    move_clock_to(at(7, 1))
    today = await scene.open(title="七月的")
    assert await LAPSE_ENTRIES.run() == 2
    assert [(await ListEntry.get(id=each["id"])).state for each in (lasting, draft, today)] == [
        "closed",
        "closed",
        "open",
    ]
    assert (await told(scene.writer)).count("list_entry_lapsed") == 2

    await scene.writer.refused(
        "POST", "/staff/list-invitations", {"organization_id": scene.subdistrict.id}, code="not_allowed"
    )
    asked = await scene.above.post("/staff/list-invitations", {"organization_id": scene.subdistrict.id}, expect=201)
    assert asked == {"asked": 4}, "the subdistrict, two communities and a unit"
    for who in (scene.liaison, scene.elsewhere):
        assert (await told(who))[-1] == "lists_invited"
    assert "lists_invited" not in await told(scene.stranger.liaison)

    await scene.elsewhere.refused(
        "POST", "/staff/list-entries/renewals", {"owner_id": scene.community.id}, code="not_allowed"
    )
    assert await scene.elsewhere.post("/staff/list-entries/renewals", {"owner_id": scene.beside.id}, expect=201) == []
    renew = {"owner_id": scene.community.id}
    (renewed,) = await scene.writer.post("/staff/list-entries/renewals", renew, expect=201)
    assert (renewed["title"], renewed["state"], renewed["period"]) == ("急救培训", "review", "2031H2")
    assert renewed["expires_on"] == "2031-12-31"
    await scene.writer.refused("POST", "/staff/list-entries/renewals", renew, code="already_renewed")
    contact = await scene.reviewer.get(f"/staff/list-entries/{renewed['id']}/contact")
    assert contact["name"] == "李主任"
    assert (await scene.writer.get(f"/list-entries/{renewed['id']}"))["renewed"]


async def test_a_unit_without_a_pairing_renews_nothing(api: Api) -> None:
    move_clock_to(at(6, 1))
    scene = await create_scene(api)
    await scene.resource()
    move_clock_to(at(7, 1))
    await scene.liaison.post(f"/unit-check-ins/{scene.pair}/end", {"reason": "人手不足"})
    path = "/staff/list-entries/renewals"
    await scene.liaison.refused("POST", path, {"owner_id": scene.unit.id}, code="unit_not_paired")
    await Organization.filter(id=scene.unit.id).update(closed_at=clock.now())
    await scene.liaison.refused("POST", path, {"owner_id": scene.unit.id}, code="wrong_state")


async def test_the_lists_go_out_as_a_file(api: Api) -> None:
    scene = await create_scene(api)
    await scene.open(available_from="2040-03-01", title="=1+1")
    await scene.resource()
    query = {"organization_id": scene.community.id}
    answer = await scene.writer.send("GET", "/staff/list-entries/export", params=query)
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    rows: list[Any] = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert "幸福社区 三张清单" in rows[0][0]
    assert [row[:3] for row in rows[2:]] == [["资源", "医疗健康", "急救培训讲师"], ["需求", "医疗健康", "=1+1"]]
    assert "5201234" not in str(rows)
    needs = await scene.writer.send("GET", "/staff/list-entries/export", params={**query, "kind": "need"})
    assert "%E9%9C%80%E6%B1%82%E6%B8%85%E5%8D%95" in needs.headers["content-disposition"]
    assert await AuditEntry.filter(action="export_lists", actor_id=scene.writer.person_id).count() == 2
    await scene.elsewhere.refused(
        "GET", f"/staff/list-entries/export?organization_id={scene.community.id}", code="not_allowed"
    )


async def test_what_can_be_done_is_told_before_the_tap(api: Api) -> None:
    scene = await create_scene(api)
    entry = await scene.draft()
    path = f"/staff/list-entries/{entry['id']}"

    async def offered(who: Api) -> list[tuple[str, str]]:
        return [(each["action"], each["why"]) for each in await who.get(f"{path}/actions")]

    assert await offered(scene.writer) == [("change", ""), ("submit", ""), ("close", "")]
    await scene.writer.post(f"{path}/submit")
    assert await offered(scene.writer) == [("approve", "own_matter"), ("return", "own_matter"), ("close", "")]
    assert await offered(scene.reviewer) == [("approve", ""), ("return", ""), ("close", "")]
    await scene.elsewhere.refused("GET", f"{path}/actions", code="not_found")


async def test_a_closed_organization_leaves_its_entries(api: Api) -> None:
    scene = await create_scene(api)
    theirs, need = await scene.resource(), await scene.open()
    async with transaction():
        await move_entries_of_closed(scene.community.id, scene.beside.id)
        await move_entries_of_closed(scene.unit.id, None)
    moved = await ListEntry.get(id=need["id"])
    assert (moved.owner_id, moved.reviewer_id, moved.state) == (scene.beside.id, scene.beside.id, "open")
    ended = await ListEntry.get(id=theirs["id"])
    assert (ended.owner_id, ended.state, ended.reason) == (scene.unit.id, "closed", "发布方已撤销")


async def test_two_who_review_it_agree(api: Api) -> None:
    scene = await create_scene(api)
    entry = await scene.draft()
    await scene.writer.post(f"/staff/list-entries/{entry['id']}/submit")

    async def late() -> str:
        try:
            await entries.return_entry(scene.above.person_id, entry["id"], "重写")
        except WrongState as refused:
            return refused.code
        return "returned"

    assert await while_held(lambda: entries.approve_entry(scene.reviewer.person_id, entry["id"]), late) == "wrong_state"
    assert (await ListEntry.get(id=entry["id"])).state is EntryState.OPEN
    at_row = await waits_at(
        "list_entry", entry["id"], lambda: entries.close_entry(scene.writer.person_id, entry["id"], "止")
    )
    assert " FOR NO KEY UPDATE" in at_row


def test_the_readme_shows_the_table() -> None:
    check_shown(ENTRY_TABLE, "entry")
