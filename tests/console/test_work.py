"""Working in the console: the same rules as through the API, and what staff see of it."""

import asyncio
import re
from datetime import datetime, timedelta
from typing import Any

from server.accounts.details import save_details
from server.check_in.models import CheckIn
from server.console.pages import PAGES
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.organizations.models import Level, RoleKind
from tests.builders import create_community, create_organization, create_resident, create_staff
from tests.check_in.builders import application, create_member
from tests.clients import Api
from tests.console.visiting import Browser
from tests.neighbor_center.builders import create_service, set_clock
from tests.volunteering.builders import People, publish_shift


async def apply(api: Api, community: Any) -> tuple[Api, str]:
    member = await create_member(api, community)
    made = await member.post("/check-ins", application(community), expect=201)
    return member, str(made["id"])


async def test_today_lists_what_waits_and_an_item_is_dealt_with(app: Any, api: Api) -> None:
    community, elsewhere = await create_community(), await create_community()
    grid = await create_organization(Level.GRID, parent=community)
    staff = await create_staff(api, community)
    member, waiting = await apply(api, community)
    _, other = await apply(api, elsewhere)
    browser = await Browser(app).sign_in(staff)
    assert waiting in browser.text
    assert other not in browser.text, "what waits for others is theirs"
    await browser.open(f"/console/items/check_in/{waiting}", **{"hx-request": "true", "hx-target": "panel"})
    assert "<html" not in browser.text, "only what fills the panel"
    await browser.open(browser.link("confirm_check_in"))
    assert grid.name in browser.text, "the grids to choose from"
    await browser.send(browser.url.path, {"grid_id": grid.id})
    assert browser.url.path == "/console/"
    assert "已确认报到" in browser.text
    assert waiting not in browser.text
    assert (await member.get("/me/check-ins"))["active"]["state"] == "confirmed"
    assert (await CheckIn.get(id=other)).state == "applied"
    await browser.open("/console/")
    assert "已确认报到" not in browser.text, "it is said once"


async def test_a_form_keeps_what_was_typed_and_says_what_is_wrong(app: Any, api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    _, waiting = await apply(api, community)
    browser = await Browser(app).sign_in(staff)
    await browser.open(f"/console/pages/check-ins/{waiting}/return_check_in")
    await browser.send(browser.url.path, {"reason": " "})
    assert browser.status == 422
    assert re.search(r'aria-invalid="true"', browser.text)
    await browser.open("/console/pages/announcements/new/create_announcement")
    await browser.send(browser.url.path, {"words.title": "停水通知", "words.text": ""})
    assert browser.status == 422
    assert 'value="停水通知"' in browser.text
    await browser.open("/console/pages/activities/new/create_activity")
    days = {"shifts.0.repeat.weekdays": ["2", "5"], "words.title": "晨练"}
    await browser.send(browser.url.path, days)
    assert browser.status == 422
    assert re.findall(r'name="shifts.0.repeat.weekdays" value="(.)" checked', browser.text) == ["2", "5"]
    assert (await CheckIn.get(id=waiting)).state == "applied"


async def test_two_at_once_get_one_effect_and_a_clear_word(app: Any, api: Api) -> None:
    community = await create_community()
    grid = await create_organization(Level.GRID, parent=community)
    first, second = [await Browser(app).sign_in(await create_staff(api, community)) for _ in range(2)]
    member, waiting = await apply(api, community)
    address = f"/console/pages/check-ins/{waiting}"
    await first.open(f"{address}/confirm_check_in")
    await second.open(f"{address}/refuse_check_in")
    await asyncio.gather(
        first.send(f"{address}/confirm_check_in", {"grid_id": grid.id}),
        second.send(f"{address}/refuse_check_in", {"reason": "不住在这里"}),
    )
    assert sorted(browser.status for browser in (first, second)) == [200, 409]
    late = first if first.status == 409 else second
    assert "当前状态不能进行此操作" in late.text
    mine = await member.get("/me/check-ins")
    assert ((mine["active"] or {}).get("state") == "confirmed") is (late is second)


async def test_a_colleague_sees_that_somebody_is_at_it(app: Any, api: Api) -> None:
    community = await create_community()
    one = await Browser(app).sign_in(await create_staff(api, community))
    two = await Browser(app).sign_in(await create_staff(api, community))
    _, waiting = await apply(api, community)
    await one.open(f"/console/items/check_in/{waiting}")
    await one.open("/console/")
    await two.open("/console/")
    assert "正在处理" not in one.text
    assert "正在处理" in two.text


async def test_who_may_not_is_refused_by_the_server(app: Any, api: Api) -> None:
    community, elsewhere = await create_community(), await create_community()
    _, waiting = await apply(api, community)
    stranger = await Browser(app).sign_in(await create_staff(api, elsewhere))
    for path in (
        f"/console/pages/check-ins/{waiting}",
        f"/console/pages/check-ins?organization_id={community.id}",
        f"/console/pages/audit?organization_id={community.id}",
    ):
        await stranger.open(path)
        assert stranger.status in (403, 404), path
    await stranger.open("/console/pages/announcements/new/create_announcement")
    await stranger.send(f"/console/pages/check-ins/{waiting}/refuse_check_in", {"reason": "不是我的"})
    assert stranger.status in (403, 404)
    for path in (
        "/console/pages/nothing",
        "/console/pages/check-ins/x",
        f"/console/pages/check-ins/{waiting}/publish_wish",
        f"/console/items/nothing/{waiting}",
        "/console/pages/check-ins/new/open_post",
        "/console/pages/posts/export",
        f"/console/pages/hours/{waiting}",
    ):
        await stranger.open(path)
        assert stranger.status == 404, path
    await stranger.open("/console/people")
    await stranger.send("/console/pages/hours/bulk/refuse_hours", {"pick": "x|y"})
    assert stranger.status == 404
    assert (await CheckIn.get(id=waiting)).state == "applied"


async def test_many_at_once_after_a_look(app: Any, api: Api) -> None:
    set_clock("08:00")
    community = await create_community()
    staff = await create_staff(api, community)
    residents = [await create_resident(api, community) for _ in range(3)]
    service = await create_service(community, needs_approval=True)
    slots = (await residents[0].get(f"/services/{service.id}/availability", days=2))["days"]
    starts = [slot["starts_at"] for day in slots for slot in day["slots"] if slot["free"]][:2]
    made = [
        await resident.post(f"/services/{service.id}/bookings", {"starts_at": moment}, expect=201)
        for resident, moment in zip(residents, starts, strict=False)
    ]
    browser = await Browser(app).sign_in(staff)
    await browser.open("/console/people")
    picks = [f"{booking['id']}|预约 {number}" for number, booking in enumerate(made)]
    await browser.send("/console/pages/bookings/bulk/approve_booking", {"pick": picks})
    assert all(f"预约 {number}" in browser.text for number in range(len(made)))
    assert {(await residents[0].get(f"/bookings/{made[0]['id']}"))["state"]} == {"requested"}, "not before one is sure"
    await staff.post(f"/staff/bookings/{made[0]['id']}/refuse", {"reason": "人手不够"})
    await browser.send("/console/pages/bookings/bulk/approve_booking", {"pick": picks, "sure": "1"})
    assert "当前状态不能进行此操作" in browser.text
    assert "已同意" in browser.text
    assert (await residents[1].get(f"/bookings/{made[1]['id']}"))["state"] == "booked"


async def test_a_shift_from_its_code_to_its_hours(app: Any, api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    residents = [await create_resident(api, community) for _ in range(3)]
    shift = await publish_shift(People(community, staff, *residents))
    for resident in residents[:2]:
        await resident.post(f"/shifts/{shift}/sign-ups", {}, expect=201)
    browser = await Browser(app).sign_in(staff)
    await browser.open(f"/console/shifts/{shift}/code?direction=out")
    assert "扫码签退" in browser.text
    assert 'src="data:image/' in browser.text
    clock.move_clock(timedelta(days=4))
    browser = await Browser(app).sign_in(staff)
    await browser.open(f"/console/items/shift_to_confirm/{shift}")
    first, second = re.findall(r'name="sign_up_id" value="([^"]+)"', browser.text)
    await browser.send(
        f"/console/shifts/{shift}/attendance",
        {"sign_up_id": [first, second], f"minutes.{first}": "90", f"absent.{second}": "on"},
    )
    assert "已确认出勤" in browser.text
    totals = [(await resident.get("/me/service-record/totals"))["minutes"] for resident in residents]
    assert sorted(totals) == [0, 0, 90]


async def test_finding_a_person_leaves_a_trace(app: Any, api: Api) -> None:
    community, elsewhere = await create_community(), await create_community()
    staff, stranger = await create_staff(api, community), await create_staff(api, elsewhere)
    member, _ = await apply(api, community)
    await save_details(member.person_id, real_name="慕容雪", phone="13912345678")
    browser = await Browser(app).sign_in(staff)
    await browser.open("/console/people")
    await browser.send("/console/people", {"wanted": "13900000001"})
    assert browser.status == 404
    assert 'value="13900000001"' in browser.text
    for wanted in ("慕容雪", "13912345678"):
        await browser.send("/console/people", {"wanted": wanted})
        page = browser.link("/console/people/")
        assert page.endswith(member.person_id)
    await browser.open(page)
    assert "慕容雪" not in browser.text, "masked until it is asked for"
    assert "报到" in browser.text
    await browser.send(page, {"details": "1"})
    assert "慕容雪" in browser.text
    assert await AuditEntry.filter(action="view_person_details", person_id=member.person_id).count() == 1
    other = await Browser(app).sign_in(stranger)
    assert (await other.open(page)).status == 404


async def test_a_walk_in_is_booked_at_the_counter(app: Any, api: Api) -> None:
    set_clock("08:00")
    community = await create_community()
    staff, resident = await create_staff(api, community), await create_resident(api, community)
    service = await create_service(community)
    days = (await resident.get(f"/services/{service.id}/availability", days=2))["days"]
    moment = next(slot["starts_at"] for day in days for slot in day["slots"] if slot["free"])
    browser = await Browser(app).sign_in(staff)
    await browser.open("/console/pages/bookings/new/book_walk_in")
    await browser.open(browser.link(service.id))
    assert 'type="datetime-local"' in browser.text
    here = f"{clock.shanghai(datetime.fromisoformat(moment)):%Y-%m-%dT%H:%M}"
    address = f"{browser.url.path}?service_id={service.id}"
    await browser.send(address, {"starts_at": here, "real_name": "王大爷", "party_size": "1"})
    assert "已现场预约" in browser.text, browser.text
    day = (await staff.get(f"/staff/venues/{service.venue_id}/bookings", day=moment[:10]))["items"]
    assert [row["walk_in"] for row in day] == [True]


async def test_lists_go_out_as_sheets(app: Any, api: Api) -> None:
    community = await create_community()
    await create_service(community)
    browser = await Browser(app).sign_in(await create_staff(api, community, RoleKind.MANAGER))
    for page in PAGES:
        if page.exports:
            answer = await browser.client.get(f"/console/pages/{page.slug}/export")
            assert answer.status_code == 200, page.slug
            assert answer.content.startswith(b"PK"), "a workbook"


async def test_working_elsewhere_is_remembered_by_the_browser(app: Any, api: Api) -> None:
    street = await create_organization(Level.SUBDISTRICT)
    here, there = await create_community(parent=street), await create_community(parent=street)
    browser = await Browser(app).sign_in(await create_staff(api, street, RoleKind.MANAGER))
    await browser.open("/console/organization")
    assert here.name in browser.text
    await browser.send(f"/console/organization/{there.id}/work-here", {})
    assert there.name in browser.text
    await browser.open("/console/figures")
    assert there.name in browser.text
