"""Every message of the neighbor center reads well, in the inbox and for WeChat."""

import pytest

from server.accounts.details import save_details
from server.foundation import clock
from server.foundation.database import execute, fetch_value, transaction
from server.neighbor_center import messages
from server.neighbor_center.bookings import messages as booking_messages
from server.neighbor_center.bookings.models import Booking, BookingSeries
from server.neighbor_center.bookings.words import describe_slots
from server.neighbor_center.counters.tickets import draw_ticket
from server.neighbor_center.opening.models import Duty
from server.neighbor_center.venues.models import ServiceMode
from server.neighbor_center.venues.queries import describe_venues
from server.notifications.events import events_in
from server.notifications.rendering import Told, describe_subjects, render_fields, render_words
from server.notifications.telling import notify
from server.organizations.models import Organization
from server.wechat.message_fields import clean_fields
from server.wechat.templates import BY_NAME
from tests.builders import create_resident, create_staff
from tests.clients import Api
from tests.neighbor_center.builders import MONDAY, at, book, create_dependant, create_room, create_service

EVENTS = events_in(messages, booking_messages)


@pytest.mark.parametrize("name", EVENTS)
async def test_the_words_of(name: str, api: Api, community: Organization) -> None:
    resident = await create_resident(api, community)
    booking = await book(resident, await create_service(community))
    room = await create_room(community)
    body = {"starts_at": at("10:00"), "ends_at": at("11:00")}
    room_booking = await resident.post(f"/services/{room.id}/room-bookings", body)
    slot_id = (await Booking.get(id=booking["id"])).slot_id
    service_id = booking["service_id"]
    series = await BookingSeries.create(
        service_id=service_id,
        person_id=resident.person_id,
        booked_by_id=resident.person_id,
        starts_at=clock.now(),
        every_weeks=1,
        times=8,
    )
    async with transaction():
        ticket_id = await draw_ticket(service_id, resident.person_id)
    duty = await Duty.create(
        venue_id=booking["venue_id"],
        person_id=resident.person_id,
        shown_as="王医生，全科",
        kind="seated",
        weekdays=127,
        opens=540,
        closes=720,
        valid_from=MONDAY,
    )
    complaint = await resident.post(f"/venues/{booking['venue_id']}/complaints", {"text": "无人接待"})
    facts = {
        "booking": booking["id"],
        "slot": slot_id,
        "room_booking": room_booking["id"],
        "series": series.id,
        "ticket": ticket_id,
        "ahead": 2,
        "duty": duty.id,
        "complaint": complaint["id"],
        "reason": "not_reached",
    }
    times = {"was": clock.now(), "until": clock.now(), "at": clock.now()}
    event = EVENTS[name]
    needed = event.fact_names()
    await notify(
        resident.person_id, event, **{name: value for name, value in (facts | times).items() if name in needed}
    )
    stored = facts | {name: {"time": value.isoformat()} for name, value in times.items()}
    told = Told(name, stored)
    described = await describe_subjects([told])
    words = render_words(told, described)
    assert "已删除" not in words.text + words.page
    assert "{" not in words.title + words.text + words.page
    if template := event.template:
        fields = clean_fields(render_fields(told, described))
        assert fields.keys() == BY_NAME[template].fields.keys()


async def test_a_home_visit_is_not_told_to_come(api: Api, community: Organization) -> None:
    resident = await create_resident(api, community)
    service = await create_service(community, mode=ServiceMode.HOME_VISIT)
    await book(resident, service, address="和平路 5 号", area_id=community.id)
    text = (await resident.inbox())[0]["text"]
    assert text.endswith("上门服务·阳光邻里中心（您填写的地址）。不能如约请提前取消。")
    slot_id = await fetch_value("SELECT id FROM slot WHERE service_id = $1", service.id)
    assert (await describe_slots([slot_id]))[slot_id]["documents"] == "请在家等候。"
    await execute("UPDATE service SET documents = ARRAY['身份证'] WHERE id = $1", service.id)
    assert (await describe_slots([slot_id]))[slot_id]["documents"] == "请在家等候，并准备好：身份证。"


async def test_a_venue_in_words(api: Api, community: Organization) -> None:
    service = await create_service(community)
    assert (await describe_venues([service.venue_id]))[service.venue_id]["name"] == "阳光邻里中心"


async def test_whose_a_booking_is(api: Api, community: Organization) -> None:
    """Two children of one mother at the same hour: she is not told the same thing twice."""
    me, staff = await create_resident(api, community), await create_staff(api, community)
    children = [await create_dependant(me) for _ in range(2)]
    for child, name in zip(children, ("李小红", "李小明"), strict=True):
        await save_details(child.id, real_name=name)
    service = await create_service(community, capacity=4, needs_approval=True)
    for person_id in (children[0].id, children[1].id, me.person_id):
        await book(me, service, "10:00", person_id=person_id)
    room = await create_room(community)
    span = {"starts_at": at("12:00"), "ends_at": at("13:00"), "person_id": children[0].id}
    taken = await me.post(f"/services/{room.id}/room-bookings", span, expect=201)
    assert (taken["person_id"], taken["person_name"]) == (children[0].id, "李小红")
    await staff.post(f"/staff/room-bookings/{taken['id']}/cancel", {"reason": "停电"})
    texts = [message["text"].split("：")[0] for message in (await me.inbox())][::-1]
    assert texts[:4] == [
        "您申请预约“家庭医生”（李小红）",
        "您申请预约“家庭医生”（李小明）",
        "您申请预约“家庭医生”",
        "您已预约“议事厅”（李小红）",
    ]
    assert texts[4].startswith("很抱歉，您预约的“议事厅”（李小红，")
    assert not [message for message in await staff.inbox() if "李小" in message["text"]]
