"""Lists that go out as .xlsx: each says of what, where and when it is; masked as on screen, and in the log."""

import io
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import unquote

import openpyxl
import pytest

from server.accounts.details import save_details
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.dates import today
from server.organizations import exports
from server.organizations.models import Organization, RoleKind
from server.wishes.models import WishState
from tests.builders import create_community, create_resident, create_staff
from tests.check_in.builders import create_checked_in
from tests.clients import Api
from tests.neighbor_center.builders import TUESDAY, at, book, create_room, create_service, create_venue, set_clock
from tests.volunteering.attendance.builders import served
from tests.volunteering.builders import People
from tests.wishes.builders import create_people, put_wish


class Exported(NamedTuple):
    name: str
    title: str
    heading: list[str]
    rows: list[list[Any]]
    types: set[str]


async def export(caller: Api, path: str) -> Exported:
    response = await caller.send("GET", path)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("application/vnd.openxml")
    assert response.headers["cache-control"] == "private, no-store"
    name = unquote(response.headers["content-disposition"]).removeprefix("attachment; filename*=UTF-8''")
    sheet = openpyxl.load_workbook(io.BytesIO(response.content)).active
    assert sheet is not None
    assert sheet.freeze_panes == "A3"
    title, heading, *rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    types = {cell.data_type for row in sheet.iter_rows(min_row=3) for cell in row}
    return Exported(name, title[0], heading, rows, types)


async def audited(action: str, organization: Organization) -> int:
    return await AuditEntry.filter(action=action, organization_id=organization.id).count()


async def test_members(api: Api) -> None:
    community, elsewhere = await create_community(name="塔山社区"), await create_community()
    staff, outsider = await create_staff(api, community), await create_staff(api, elsewhere)
    await create_checked_in(api, staff, community)
    await create_checked_in(api, outsider, elsewhere)
    path = f"/staff/members/export?organization_id={community.id}"
    out = await export(staff, path)
    day = clock.shanghai(clock.now())
    assert out.name.startswith(f"塔山社区 党员名单 {day:%Y-%m-%d} ")
    assert out.name.endswith(".xlsx")
    assert ":" not in out.name
    assert "塔山社区 党员名单，" in out.title
    assert out.title.endswith("导出，共 1 条")
    assert f"{day:%Y}年" in out.title
    assert out.heading[:3] == ["姓名", "党员类别", "所属党组织"]
    assert [row[:5] for row in out.rows] == [["王**", "在职党员", "市教育局机关党委第二支部", None, "塔山社区"]]
    only = await export(staff, f"{path}&kind=floating&unmatched=true&contact_overdue=true")
    assert "流动党员名单，党组织未核对的、联系已逾期的，" in only.title
    assert only.rows == []
    assert await audited("export_members", community) == 2
    assert (await AuditEntry.filter(action="export_members").order_by("id").first()).details == {"rows": 1}  # type: ignore[union-attr]
    for who in (outsider, await create_resident(api, community)):
        await who.refused("GET", path, code="not_allowed")
    assert await AuditEntry.filter(action="export_members").count() == 2


async def test_a_days_bookings(api: Api) -> None:
    set_clock("08:00")
    community, elsewhere = await create_community(name="塔山社区"), await create_community()
    venue = await create_venue(community)
    staff, me = await create_staff(api, community), await create_resident(api, community)
    await save_details(me.person_id, real_name="王小明", phone="13800001111")
    service, room = await create_service(venue=venue), await create_room(community, venue=venue)
    note = "=HYPERLINK(A1)"
    mine = await book(me, service, "11:00", note=note)
    span = {"starts_at": at("09:00"), "ends_at": at("10:00")}
    await me.post(f"/services/{room.id}/room-bookings", span, expect=201)
    assert mine
    path = f"/staff/venues/{venue.id}/bookings/export?day={TUESDAY}"
    out = await export(staff, path)
    assert out.name.startswith("塔山社区 阳光邻里中心 预约名单 2031年3月4日 2031-03-03 08")
    assert "塔山社区 阳光邻里中心 预约名单，2031年3月4日，" in out.title
    assert [row[2:8] for row in out.rows] == [
        ["议事厅", "王小明", "138****1111", 1, "已预约", None],
        ["家庭医生", "王小明", "138****1111", 1, "已预约", None],
    ], "in the order of time"
    assert out.rows[1][9] == note
    assert out.types <= {"s", "n", "inlineStr"}, "what looks like a formula is a text"
    observer = await create_staff(api, community, RoleKind.OBSERVER)
    seen = await export(observer, path)
    assert [row[3] for row in seen.rows] == ["王**", "王**"]
    assert seen.rows[1][9] is None
    assert await audited("export_day_bookings", community) == 2
    assert await AuditEntry.filter(action="view_day_booking", actor_id=staff.person_id).count() == 2
    assert (await export(staff, f"/staff/venues/{venue.id}/bookings/export?day=2031-03-05")).rows == []
    outsider = await create_staff(api, elsewhere)
    await outsider.refused("GET", path, code="not_allowed")
    await staff.refused("GET", f"/staff/venues/{venue.id}/bookings/export?day=1800-01-01", code="invalid_fields")


async def test_how_a_venue_is_used(api: Api) -> None:
    set_clock("08:00")
    community = await create_community(name="塔山社区")
    venue = await create_venue(community)
    staff, me = await create_staff(api, community), await create_resident(api, community)
    await book(me, await create_service(venue=venue), "11:00")
    path = f"/staff/venues/{venue.id}/utilization/export?first_day={TUESDAY}&last_day={TUESDAY}"
    out = await export(staff, path)
    assert "塔山社区 阳光邻里中心 服务利用率，2031年3月4日，" in out.title
    assert out.rows[0] == ["家庭医生", "全天", "人次", 12, 1, 0, 0, 8.33]
    assert ["家庭医生", "11:00–12:00", "人次", 2, 1, 0, 0, 50] in out.rows
    assert await audited("export_utilization", community) == 1
    await me.refused("GET", path, code="not_allowed")
    backwards = f"/staff/venues/{venue.id}/utilization/export?first_day={TUESDAY}&last_day=2031-03-01"
    await staff.refused("GET", backwards, code="invalid_fields")


async def test_the_three_zeros(api: Api) -> None:
    set_clock("08:00")
    community, elsewhere = await create_community(name="塔山社区"), await create_community()
    venue = await create_venue(community)
    staff, me = await create_staff(api, community), await create_resident(api, community)
    for text in ("环境嘈杂", "空调太冷"):
        complaint = await me.post(f"/venues/{venue.id}/complaints", {"text": text}, expect=201)
    await staff.post(f"/staff/complaints/{complaint['id']}/answer", {"answer": "已调整", "is_upheld": True})
    day = clock.shanghai(clock.now()).date()
    path = f"/staff/organizations/{community.id}/three-zeros/export?first_day={day}&last_day={day}"
    out = await export(staff, path)
    assert out.name.startswith("塔山社区 零积压、零距离、零差错 2031年3月3日 2031-03-03 08")
    assert "塔山社区 零积压、零距离、零差错，2031年3月3日，" in out.title
    assert out.heading == ["三零", "指标", "数值", "单位", "统计时间"]
    figures = {(row[0], row[1]): row[2:] for row in out.rows if row[1] != "其中超过答复期限"}
    assert figures["零积压", "待答复的投诉"] == [1, "件", "导出时"]
    assert figures["零积压", "待答复的预约申请"] == [0, "件", "导出时"]
    assert figures["零距离", "覆盖率"] == [None, "%", "导出时"], "no building's location is known"
    assert figures["零差错", "投诉"] == [2, "件", "2031年3月3日"]
    assert figures["零差错", "其中成立"] == [1, "件", "2031年3月3日"]
    assert await audited("export_three_zeros", community) == 1
    outsider = await create_staff(api, elsewhere)
    for who in (outsider, me):
        await who.refused("GET", path, code="not_allowed")
    gone = path.replace(community.id, me.person_id)
    await staff.refused("GET", gone, code="not_found")
    await staff.refused("GET", path.replace(f"last_day={day}", "last_day=2031-03-01"), code="invalid_fields")


async def test_hours(api: Api) -> None:
    community, elsewhere = await create_community(name="塔山社区"), await create_community()
    staff, other = await create_staff(api, community), await create_staff(api, elsewhere)
    me, neighbour = await create_resident(api, community), await create_resident(api, elsewhere)
    await save_details(me.person_id, real_name="王小明")
    begin = clock.now() + timedelta(days=1)
    await served(People(community, staff, me, me, me), me, begin, 90)
    await served(People(elsewhere, other, neighbour, me, me), neighbour, clock.now() + timedelta(hours=1), 60)
    day = clock.shanghai(begin).date()
    path = f"/staff/hours/export?organization_id={community.id}&first_day={day}&last_day={day + timedelta(days=5)}"
    out = await export(staff, path)
    assert out.name.startswith("塔山社区 志愿服务时长 ")
    assert "、有效，" in out.title
    assert [[row[0], row[1], row[5], row[6], row[7]] for row in out.rows] == [
        ["王**", "清洁家园", 90, "1 小时 30 分钟", "有效"]
    ]
    before = path.replace(f"first_day={day}", f"first_day={day - timedelta(days=9)}").split("&last_day")[0]
    assert (await export(staff, f"{before}&last_day={day - timedelta(days=1)}")).rows == []
    assert (await export(staff, f"{path}&state=waiting")).rows == []
    assert await audited("export_hours", community) == 3
    await other.refused("GET", path, code="not_allowed")
    await staff.refused("GET", f"{before}&last_day={day + timedelta(days=400)}", code="invalid_fields")


async def test_wishes_and_their_figures(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    people, others = await create_people(api), await create_people(api)
    await put_wish(people, WishState.DRAFT, submitted_at=None)
    await put_wish(people, WishState.PUBLISHED, title="=1+1", address=None)
    await put_wish(people, WishState.FULFILLED)
    await put_wish(people, WishState.PUBLISHED, submitted_at=clock.now() - timedelta(days=40))
    await put_wish(others, WishState.PUBLISHED)
    area = f"organization_id={people.community.id}"
    path = f"/staff/wishes/export?{area}&first_day={today() - timedelta(days=1)}&last_day={today()}"
    out = await export(people.staff, path)
    assert out.name.startswith("幸福社区 微心愿 ")
    assert "提交，" in out.title
    assert [[row[0], row[4], row[6]] for row in out.rows] == [
        ["想要一台收音机", "已实现", "王**"],
        ["=1+1", "正等待认领", "王**"],
    ], "the latest first; no drafts, no older ones, no other community's"
    assert "f" not in out.types
    one = await export(people.staff, f"{path}&state=fulfilled")
    assert "、已实现，" in one.title
    assert len(one.rows) == 1
    figures = await export(people.staff, f"/staff/wishes/figures/export?{area}")
    assert "幸福社区 微心愿统计，" in figures.title
    assert [row[:4] for row in figures.rows] == [["幸福社区", 3, 1, 1], ["合计", 3, 1, 1]]
    assert await audited("export_wishes", people.community) == 2
    assert await audited("export_wish_figures", people.community) == 1
    for refused in (path, f"/staff/wishes/figures/export?{area}"):
        await others.staff.refused("GET", refused, code="not_allowed")
    await people.staff.refused("GET", f"{path}&state=draft", code="invalid_fields")
    # Where there are too many, the sheet says so.
    monkeypatch.setattr("server.wishes.exports.MOST", 1)
    cut = await export(people.staff, path)
    assert cut.title.endswith("仅含 1 条")
    assert len(cut.rows) == 1
    assert exports.MOST == 10_000
