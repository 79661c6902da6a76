"""A venue from the console: its counters, its hours with the bookings that a change affects, its screens."""

import re
from typing import Any

from server.neighbor_center.opening.models import OpeningRule
from server.organizations.models import RoleKind
from tests.builders import create_community, create_resident, create_staff
from tests.clients import Api
from tests.console.visiting import Browser
from tests.neighbor_center.builders import TUESDAY, book, create_service, set_clock
from tests.neighbor_center.counters.test_tickets import create_counter, tickets


async def test_numbers_are_called_to_the_counter(app: Any, api: Api) -> None:
    set_clock("09:00")
    community = await create_community()
    staff, resident = await create_staff(api, community), await create_resident(api, community)
    counter = await create_counter(community)
    await resident.post(tickets(counter), expect=201)
    browser = await Browser(app).sign_in(staff)
    await browser.open("/console/counters")
    assert "1 人在等" in browser.text
    here = f"?venue_id={counter.venue_id}"
    await browser.send(f"/console/counters/{counter.id}/give{here}", {})
    assert "已取号：2 号" in browser.text
    await browser.send(f"/console/counters/{counter.id}/call{here}", {"counter": "3号窗口"})
    assert re.search(r'called-number">1<', browser.text)
    assert "1 号 · 3号窗口" in browser.text
    again = re.findall(r'action="(/console/tickets/[^"]+)"', browser.text)
    await browser.send(next(address for address in again if "again" in address), {})
    assert "已再叫一次" in browser.text
    await browser.send(next(address for address in again if "served" in address), {})
    assert "已办结" in browser.text
    await browser.send(f"/console/counters/{counter.id}/call{here}", {"counter": "3号窗口"})
    missed = next(each for each in re.findall(r'action="(/console/tickets/[^"]+)"', browser.text) if "missed" in each)
    await browser.send(missed, {})
    assert "已记为未到" in browser.text
    await browser.send(f"/console/counters/{counter.id}/call{here}", {"counter": "3号窗口"})
    assert browser.status == 409, "nobody waits any more"
    assert 'value="3号窗口"' in browser.text, "the browser knows its counter"
    stranger = await Browser(app).sign_in(await create_staff(api, await create_community()))
    await stranger.open("/console/counters")
    await stranger.send(f"/console/counters/{counter.id}/call{here}", {"counter": "1号窗口"})
    assert stranger.status == 403


async def test_a_day_is_closed_once_it_is_said_what_becomes_of_its_bookings(app: Any, api: Api) -> None:
    set_clock("08:00")
    community = await create_community()
    staff = await create_staff(api, community)
    first, second = await create_resident(api, community), await create_resident(api, community)
    service = await create_service(community, hours=((540, 720),))
    kept, lost = await book(first, service, "09:00"), await book(second, service, "10:00")
    browser = await Browser(app).sign_in(staff)
    await browser.open("/console/pages/closures/new/add_opening_exception")
    assert service.name in browser.text, "one service alone can be closed"
    closing = {"day": str(TUESDAY), "kind": "closed", "opens": "00:00", "closes": "24:00", "reason": "设备检修"}
    await browser.send(str(browser.url), closing)
    assert "还没有改：有 2 个预约" in browser.text
    assert 'value="设备检修"' in browser.text or ">设备检修<" in browser.text, "what was typed is kept"
    moves = re.findall(r'<option value="([^"|]+\|[^"]+)"', browser.text)
    move = next(choice for choice in moves if choice.startswith(kept["id"]))
    assert (await first.get(f"/bookings/{kept['id']}"))["starts_at"] == kept["starts_at"]
    await browser.send(str(browser.url), closing | {"affected": [move, lost["id"]]})
    assert "已停开或加开某日" in browser.text
    assert "设备检修" in browser.text
    assert (await first.get(f"/bookings/{kept['id']}"))["starts_at"].startswith("2031-03-05")
    assert (await second.get(f"/bookings/{lost['id']}"))["state"] == "cancelled"


async def test_weekly_hours_begin_as_they_are(app: Any, api: Api) -> None:
    set_clock("08:00")
    community = await create_community()
    service = await create_service(community)
    browser = await Browser(app).sign_in(await create_staff(api, community))
    await browser.open("/console/pages/services")
    await browser.open(browser.link(service.id))
    await browser.open(browser.link("change_weekly_hours"))
    for name, value in (("hours.0.opens", "09:00"), ("hours.1.opens", "14:00"), ("hours.1.closes", "17:00")):
        assert re.search(rf'name="{name}" value="{value}"', browser.text), name
    changed = {
        "from_day": str(TUESDAY),
        "hours.0.weekdays": ["1", "2"],
        "hours.0.opens": "10:00",
        "hours.0.closes": "11:00",
        "hours.0.days": "every_week",
        "hours.1.weekdays": ["3"],
        "hours.1.opens": "8 点",
        "hours.1.closes": "12:00",
        "hours.1.days": "every_week",
    }
    await browser.send(str(browser.url), changed)
    assert browser.status == 422
    assert 'name="hours.1.opens" value="8 点"' in browser.text, "of each of several, what was typed is kept"
    await browser.send(str(browser.url), changed | {"hours.1.opens": "08:00"})
    assert "已更换每周开放时间" in browser.text
    assert await OpeningRule.filter(service_id=service.id, valid_from=TUESDAY).count() == 2


async def test_the_screen_at_the_door_has_its_token_and_nothing_else(app: Any, api: Api) -> None:
    set_clock("09:00")
    community = await create_community()
    service = await create_service(community)
    browser = await Browser(app).sign_in(await create_staff(api, community))
    await browser.open("/console/pages/screens/new/create_screen")
    await browser.send(str(browser.url), {"name": "一楼大厅"})
    assert re.search(r"<dd>http[^<]+/venue-calendars/", browser.text), "an address, and no picture"
    (token,) = re.findall(r'name="token" value="([^"]+)"', browser.text)
    screen = Browser(app)
    await screen.open("/screen")
    assert "令牌" in screen.text, "it is set up first"
    await screen.send("/screen", {"token": token})
    assert service.name in screen.text
    assert 'alt="到场签到二维码"' in screen.text
    assert (await screen.open("/console/")).url.path == "/console/sign-in", "it opens nothing else"
    await browser.open("/console/pages/screens")
    await browser.open(browser.link("end_screen"))
    await browser.send(str(browser.url), {})
    await screen.open("/screen")
    assert screen.status == 404
    assert "这块屏幕已停用" in screen.text


async def test_figures_on_a_wall_and_what_goes_out_as_files(app: Any, api: Api) -> None:
    community = await create_community()
    service = await create_service(community)
    browser = await Browser(app).sign_in(await create_staff(api, community, RoleKind.MANAGER))
    await browser.open("/console/wall")
    assert community.name in browser.text
    await browser.open("/console/figures")
    files = [link for link in browser.links if "/files/" in link]
    assert [re.search(r"export_\w+", link)[0] for link in files] == [  # type: ignore[index]
        "export_wish_figures",
        "export_three_zeros",
        "export_utilization",
    ]
    await browser.open("/console/pages/services")
    files += [link for link in browser.links if "/files/" in link]
    assert f"venue_id={service.venue_id}" in files[-1]
    await browser.open("/console/pages/check-ins")
    files += [link for link in browser.links if "/files/" in link]
    assert len(files) == 7
    for file in files:
        answer = await browser.client.get(file)
        assert answer.status_code == 200, file
        assert answer.content.startswith((b"PK", b"%PDF", b"\x89PNG", b"\xff\xd8")), file
    for nothing in ("get_desk", "publish_wish", "made_up"):
        assert (await browser.open(f"/console/files/{nothing}")).status == 404
    stranger = await Browser(app).sign_in(await create_staff(api, await create_community(), RoleKind.MANAGER))
    assert {(await stranger.client.get(file)).status_code for file in files} <= {403, 404}
