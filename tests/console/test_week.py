"""The week of a service: what is free, walk-ins, and moving a booking."""

import re
from typing import Any

from tests.builders import create_community, create_resident, create_staff
from tests.clients import Api
from tests.console.visiting import Browser
from tests.neighbor_center.builders import MONDAY, TUESDAY, at, book, create_room, create_service, set_clock


async def test_a_walk_in_and_a_move_on_the_week_of_a_service(app: Any, api: Api) -> None:
    set_clock("08:00")
    community, elsewhere = await create_community(), await create_community()
    staff, resident = await create_staff(api, community), await create_resident(api, community)
    service = await create_service(community)
    other = await create_service(elsewhere)
    booked = await book(resident, service, "09:00")
    stranger = await book(await create_resident(api, elsewhere), other, "09:00")
    browser = await Browser(app).sign_in(staff)
    await browser.open("/console/week")
    assert booked["id"] in browser.text
    assert stranger["id"] not in browser.text
    assert browser.text.count("余 1") == 7 * 12 - 1, "nine to twelve and two to five, but for the one that is taken"
    await browser.open(next(link for link in browser.links if f"starts_at={TUESDAY}T10:00" in link))
    assert f'value="{TUESDAY}T10:00"' in browser.text
    await browser.send(str(browser.url), {"starts_at": f"{TUESDAY}T10:00", "real_name": "王大爷", "party_size": "1"})
    assert "已现场预约" in browser.text
    assert re.search(r"王大爷\s+<span[^>]+>已预约", browser.text)
    await browser.open(f"/console/pages/bookings/{booked['id']}")
    await browser.open(browser.link("moving="))
    assert f"starts_at={TUESDAY}T10:00" not in browser.text, "nothing can be moved to where somebody is"
    await browser.open(next(link for link in browser.links if f"starts_at={TUESDAY}T11:00" in link))
    await browser.send(str(browser.url), {"starts_at": f"{TUESDAY}T11:00"})
    assert "已改期" in browser.text
    assert (await resident.get(f"/bookings/{booked['id']}"))["starts_at"] == f"{TUESDAY}T03:00:00Z"


async def test_a_room_in_a_week(app: Any, api: Api) -> None:
    set_clock("08:00")
    community = await create_community()
    staff, resident = await create_staff(api, community), await create_resident(api, community)
    room = await create_room(community)
    booked = await resident.post(
        f"/services/{room.id}/room-bookings", {"starts_at": at("10:00"), "ends_at": at("11:00")}, expect=201
    )
    browser = await Browser(app).sign_in(staff)
    await browser.open(f"/console/week?service_id={room.id}&day={TUESDAY}")
    assert booked["id"] in browser.text
    assert MONDAY.isoformat() in browser.text
    tuesday = re.findall(rf"starts_at={TUESDAY}T([0-9:]+)", browser.text)
    assert tuesday == ["09:00", "11:15"], "the pause after a booking is kept"
    await browser.open(f"/console/pages/room-bookings/{booked['id']}")
    await browser.open(browser.link("moving="))
    await browser.open(next(link for link in browser.links if f"starts_at={TUESDAY}T11:15" in link))
    assert f'value="{TUESDAY}T12:15"' in browser.text, "as long as it was"
    await browser.open("/console/week?day=never")
    assert browser.status == 422
    await browser.open(f"/console/week?service_id={room.id}&day=2031-12-29")
    assert browser.status == 200
