"""Numbers at one-stop counters: drawn once and in order, called by any number of clerks at once."""

import asyncio
from datetime import timedelta
from typing import Any

from server.foundation import clock
from server.foundation.database import fetch, fetch_value
from server.neighbor_center.venues.models import Service, ServiceKind, WhoMayBook
from server.organizations.models import Organization
from tests.builders import create_community, create_resident, create_staff, told
from tests.clients import Api
from tests.neighbor_center.builders import MONDAY, TUESDAY, book, create_dependant, create_service, set_clock


async def create_counter(community: Organization, **columns: Any) -> Service:
    """A one-stop counter, 9–12 and 14–17; it is nine o'clock."""
    set_clock("09:00")
    terms: dict[str, Any] = {"kind": ServiceKind.COUNTER, "name": "综合窗口"}
    return await create_service(community, **(terms | columns))


def tickets(service: Service) -> str:
    return f"/services/{service.id}/tickets"


async def test_take_a_number_wait_and_be_called(api: Api, community: Organization) -> None:
    counter = await create_counter(community)
    staff = await create_staff(api, community)
    people = [await create_resident(api, community) for _ in range(6)]
    drawn = [await person.post(tickets(counter), expect=201) for person in people]
    assert [(one["number"], one["ahead"], one["state"]) for one in drawn] == [
        (number + 1, number, "waiting") for number in range(6)
    ]
    assert (await people[0].post(tickets(counter)))["id"] == drawn[0]["id"]
    assert [one["id"] for one in await people[0].get("/tickets")] == [drawn[0]["id"]]
    path = f"/staff/services/{counter.id}/call-next"
    called = await staff.post(path, {"counter": "1号窗口"})
    assert (called["number"], called["counter"], called["waiting"], called["is_booked"]) == (1, "1号窗口", 5, False)
    mine = await people[0].get(f"/tickets/{drawn[0]['id']}")
    assert (mine["state"], mine["counter"], mine["ahead"]) == ("called", "1号窗口", None)
    assert await told(people[0]) == ["ticket_called"]
    # Those with at most three before them know that their turn is near; each is told once.
    assert [await told(person) for person in people[1:]] == [["tickets_ahead"]] * 4 + [[]]
    assert [(await person.inbox())[0]["text"] for person in people[1:5]] == [
        f"“综合窗口”您的排队号{number}{ahead}，请回到{mine['venue_name']}等候。"
        for number, ahead in ((2, "下一个就叫到"), (3, "前面还有 1 人"), (4, "前面还有 2 人"), (5, "前面还有 3 人"))
    ]
    assert (await people[5].get(f"/tickets/{drawn[5]['id']}"))["ahead"] == 4
    queue = await people[5].get(f"/venues/{counter.venue_id}/queues")
    assert queue == [
        {
            "service_id": counter.id,
            "service_name": "综合窗口",
            "serving": [{"number": 1, "counter": "1号窗口"}],
            "waiting": 5,
        }
    ]
    # The next one to the same counter: the first counts as served.
    await staff.post(path, {"counter": "1号窗口"})
    assert (await people[0].get(f"/tickets/{drawn[0]['id']}"))["state"] == "served"
    assert await told(people[5]) == ["tickets_ahead"]
    assert await told(people[2]) == ["tickets_ahead"]
    # Served, the first may come again and gets a new number.
    assert (await people[0].post(tickets(counter)))["number"] == 7


async def test_who_does_not_come_when_called(api: Api, community: Organization) -> None:
    counter = await create_counter(community)
    staff, resident = await create_staff(api, community), await create_resident(api, community)
    ticket = await resident.post(tickets(counter))
    path = f"/staff/tickets/{ticket['id']}"
    await staff.refused("POST", f"{path}/finish", {}, code="wrong_state")
    await staff.refused("POST", f"{path}/call-again", code="wrong_state")
    await staff.post(f"/staff/services/{counter.id}/call-next", {"counter": "2号窗口"})
    again = await staff.post(f"{path}/call-again")
    assert (again["id"], again["counter"], again["waiting"]) == (ticket["id"], "2号窗口", 0)
    for _ in range(2):
        assert (await staff.post(f"{path}/finish", {"missed": True}))["state"] == "missed"
    await staff.refused("POST", f"{path}/finish", {}, code="wrong_state")
    assert await told(resident) == ["ticket_called", "ticket_called", "ticket_missed"]
    audited = await fetch("SELECT DISTINCT action FROM audit_entry WHERE subject_id = $1 ORDER BY action", ticket["id"])
    assert [row["action"] for row in audited] == ["call_ticket", "call_ticket_again", "finish_ticket"]
    assert (await resident.get(f"/tickets/{ticket['id']}"))["state"] == "missed"
    await resident.refused("POST", f"/tickets/{ticket['id']}/leave", code="wrong_state")
    body = {"counter": "2号窗口"}
    await staff.refused("POST", f"/staff/services/{counter.id}/call-next", body, code="queue_empty")


async def test_leaving_the_line(api: Api, community: Organization) -> None:
    counter = await create_counter(community)
    first, second = [await create_resident(api, community) for _ in range(2)]
    left, behind = await first.post(tickets(counter)), await second.post(tickets(counter))
    for _ in range(2):
        assert (await first.post(f"/tickets/{left['id']}/leave"))["state"] == "left"
    assert (await second.get(f"/tickets/{behind['id']}"))["ahead"] == 0
    await second.refused("GET", f"/tickets/{left['id']}", code="not_found")
    await second.refused("POST", f"/tickets/{left['id']}/leave", code="not_found")


async def test_a_number_without_a_phone(api: Api, community: Organization) -> None:
    counter = await create_counter(community)
    staff, elsewhere = await create_staff(api, community), await create_staff(api, await create_community())
    path = f"/staff/services/{counter.id}/tickets"
    assert (await staff.post(path, expect=201))["number"] == 1
    ticket = await staff.post(path, expect=201)
    assert ticket["number"] == 2
    await elsewhere.refused("POST", path, code="not_allowed")
    await elsewhere.refused(
        "POST", f"/staff/services/{counter.id}/call-next", {"counter": "1号窗口"}, code="not_allowed"
    )
    await elsewhere.refused("POST", f"/staff/tickets/{ticket['id']}/finish", {}, code="not_found")
    await elsewhere.refused("POST", f"/staff/tickets/{ticket['id']}/call-again", code="not_found")
    # Nobody's number is nobody's to see.
    await staff.refused("GET", f"/tickets/{ticket['id']}", code="not_found")
    await staff.post(f"/staff/services/{counter.id}/call-next", {"counter": "1号窗口"})


async def test_when_and_for_whom_numbers_are_given(api: Api, community: Organization) -> None:
    counter = await create_counter(community, who_may_book=WhoMayBook.RESIDENTS)
    clinic = await create_service(community)
    resident, stranger = await create_resident(api, community), await create_resident(api, await create_community())
    staff = await create_staff(api, community)
    await stranger.refused("POST", tickets(counter), code="not_eligible")
    await resident.refused("POST", tickets(clinic), code="queue_closed")
    await resident.refused("POST", f"/services/{community.id}/tickets", code="not_found")
    await staff.refused("POST", f"/staff/services/{community.id}/call-next", {"counter": "1"}, code="not_found")
    for wall_clock in ("07:59", "12:00", "17:00"):
        set_clock(wall_clock)
        await resident.refused("POST", tickets(counter), code="queue_closed")
        await staff.refused("POST", f"/staff/services/{counter.id}/tickets", code="queue_closed")
    set_clock("13:00")
    ticket = await resident.post(tickets(counter), expect=201)
    # The next day begins at one, and what was left over has expired.
    set_clock("09:00", TUESDAY)
    assert (await resident.get(f"/tickets/{ticket['id']}"))["state"] == "expired"
    assert (await resident.post(tickets(counter), expect=201))["number"] == 1


async def test_who_booked_is_called_first_once_their_time_has_come(api: Api, community: Organization) -> None:
    counter = await create_counter(community)
    staff = await create_staff(api, community)
    walk_in, booked, other = [await create_resident(api, community) for _ in range(3)]
    booking = await book(booked, counter, "09:30", MONDAY)
    await walk_in.post(tickets(counter))
    await other.post(tickets(counter))
    set_clock("09:10")
    code = {"code": (await staff.get(f"/staff/venues/{counter.venue_id}/code"))["code"]}
    arrival = await booked.post("/arrivals", code)
    assert [(one["number"], one["ahead"], one["is_booked"]) for one in arrival["tickets"]] == [(3, 2, True)]
    # Scanning again draws no other number.
    assert (await booked.post("/arrivals", code))["tickets"] == arrival["tickets"]
    path = f"/staff/services/{counter.id}/call-next"
    assert (await staff.post(path, {"counter": "1号窗口"}))["number"] == 1
    set_clock("09:30")
    assert (await booked.get(f"/tickets/{arrival['tickets'][0]['id']}"))["ahead"] == 0
    called = await staff.post(path, {"counter": "2号窗口"})
    assert (called["number"], called["booking_id"]) == (3, booking["id"])
    # Anyone who had a number before arriving keeps it.
    set_clock("14:00")
    early = await other.get("/tickets")
    second = await book(other, counter, "14:30", MONDAY)
    code = {"code": (await staff.get(f"/staff/venues/{counter.venue_id}/code"))["code"]}
    again = await other.post("/arrivals", code)
    assert again["bookings"][0]["id"] == second["id"]
    assert [one["id"] for one in again["tickets"]] == [early[0]["id"]]


async def test_a_hundred_draw_and_four_clerks_call_at_once(api: Api, community: Organization) -> None:
    counter = await create_counter(community)
    staff = [await create_staff(api, community) for _ in range(4)]
    people = [await create_resident(api, community) for _ in range(40)]
    path = f"/staff/services/{counter.id}/call-next"
    draws = [person.send("POST", tickets(counter)) for person in people for _ in range(2)]
    # Each clerk's calls come one after another, the clerks among each other and the draws at once.
    answers = await asyncio.gather(*draws)
    assert all(answer.status_code == 201 for answer in answers)
    assert sorted({answer.json()["number"] for answer in answers}) == list(range(1, 41))

    async def work(clerk: Api, number: int) -> list[int]:
        called = []
        for _ in range(10):
            answer = await clerk.send("POST", path, {"counter": f"{number}号窗口"})
            assert answer.status_code == 200, answer.text
            called.append(answer.json()["number"])
        return called

    called = await asyncio.gather(*(work(clerk, number) for number, clerk in enumerate(staff)))
    assert sorted(number for row in called for number in row) == list(range(1, 41))
    # Each clerk sees the line in order.
    assert all(row == sorted(row) for row in called)
    states = await fetch("SELECT state, count(*) FROM queue_ticket GROUP BY state ORDER BY state")
    assert [tuple(row) for row in states] == [("called", 4), ("served", 36)]


async def test_merged_persons_stand_in_a_line_once(api: Api, community: Organization) -> None:
    from server.neighbor_center.bookings.merging import merge_bookings

    counter = await create_counter(community)
    old, kept = await create_resident(api, community), await create_resident(api, community)
    await old.post(tickets(counter))
    mine = await kept.post(tickets(counter))
    await merge_bookings(old.person_id, kept.person_id)
    assert [(one["id"], one["state"]) for one in await kept.get("/tickets")] == [
        (mine["id"], "waiting"),
        ((await fetch_value("SELECT id FROM queue_ticket WHERE number = 1")), "left"),
    ]


async def test_a_dependants_number_is_seen_by_who_looks_after_them(api: Api, community: Organization) -> None:
    counter = await create_counter(community)
    guardian, staff = await create_resident(api, community), await create_staff(api, community)
    elder = await create_dependant(guardian)
    await book(guardian, counter, "09:30", MONDAY, person_id=elder.id)
    code = {"code": (await staff.get(f"/staff/venues/{counter.venue_id}/code"))["code"]}
    arrival = await guardian.post("/arrivals", code)
    assert len(arrival["tickets"]) == 1
    clock.move_clock(clock.offset() + timedelta(minutes=1))
    await guardian.get(f"/tickets/{arrival['tickets'][0]['id']}")
