"""The staff's desk: all that waits, by kind, where the role reaches, and nothing else."""

from datetime import timedelta
from typing import Any

import pytest

from server.foundation import clock
from server.foundation.database import execute, fetch
from server.notifications.rendering import SUBJECTS
from server.organizations import desk
from server.organizations.models import Level, RoleKind
from server.wishes.models import WishState
from tests.builders import create_community, create_organization, create_resident, create_staff
from tests.check_in.builders import application, apply_for_unit, create_checked_in, create_member, create_unit
from tests.clients import Api
from tests.neighbor_center.builders import at, create_service, set_clock
from tests.plans import listening
from tests.volunteering.builders import People, publish_shift
from tests.wishes.builders import create_people, put_wish


def counts(desk_of: Any) -> dict[str, int]:
    return {item["kind"]: item["count"] for item in desk_of["items"]}


async def test_what_waits_is_counted_where_the_role_reaches(api: Api) -> None:
    set_clock("08:00")
    street = await create_organization(Level.SUBDISTRICT)
    here, there = await create_community(parent=street), await create_community(parent=street)
    staff, other = await create_staff(api, here), await create_staff(api, there)
    manager = await create_staff(api, street, RoleKind.MANAGER)
    assert await staff.get("/staff/desk") == {"count": 0, "overdue": 0, "items": []}
    for community in (here, here, there):
        await (await create_member(api, community)).post("/check-ins", application(community), expect=201)
    await apply_for_unit(await create_unit(api), here)
    resident = await create_resident(api, here)
    service = await create_service(here, needs_approval=True)
    await resident.post(f"/services/{service.id}/bookings", {"starts_at": at("09:00")}, expect=201)
    await resident.post(f"/venues/{service.venue_id}/complaints", {"text": "无人接待"}, expect=201)
    waiting = {"check_in": 2, "unit_check_in": 1, "booking_request": 1, "complaint": 1}
    found = await staff.get("/staff/desk")
    assert counts(found) == waiting
    assert (found["count"], found["overdue"]) == (5, 0)
    assert counts(await other.get("/staff/desk")) == {"check_in": 1}
    assert counts(await manager.get("/staff/desk")) == waiting | {"check_in": 3}
    await resident.refused("GET", "/staff/desk", code="not_allowed")
    # Three days later two of each are late, and stand first.
    clock.move_clock(clock.now() - clock.real_now() + timedelta(days=4))
    found = await staff.get("/staff/desk")
    late = {item["kind"]: item["overdue"] for item in found["items"]}
    assert late["check_in"] == 2
    assert late["complaint"] == 1
    assert found["overdue"] == sum(late.values())
    assert [item["overdue"] > 0 for item in found["items"]] == sorted(
        (item["overdue"] > 0 for item in found["items"]), reverse=True
    )
    assert found["items"][0]["path"].startswith("/staff/")


async def test_it_is_listed_one_by_one_the_soonest_due_first(api: Api) -> None:
    set_clock("08:00")
    here, there = await create_community(), await create_community()
    staff = await create_staff(api, here)
    for community in (here, there, here):
        await (await create_member(api, community)).post("/check-ins", application(community), expect=201)
    resident = await create_resident(api, here)
    service = await create_service(here, needs_approval=True, answer_within_hours=2)
    await resident.post(f"/services/{service.id}/bookings", {"starts_at": at("09:00")}, expect=201)
    first = await staff.get("/staff/desk/items", limit=2)
    second = await staff.get("/staff/desk/items", limit=2, cursor=first["next_cursor"])
    rows = first["items"] + second["items"]
    assert [row["kind"] for row in rows] == ["booking_request", "check_in", "check_in"]
    assert [row["due"] for row in rows] == sorted(row["due"] for row in rows)
    assert {row["organization_name"] for row in rows} == {here.name}
    assert rows[0]["title"] == service.name
    assert all(row["title"].endswith("*") for row in rows[1:]), "who applies, masked"
    assert [row["id"] for row in (await staff.get("/staff/desk/items", kind="check_in"))["items"]] == [
        row["id"] for row in rows[1:]
    ]
    assert (await staff.get("/staff/desk/items", kind="nothing"))["items"] == []
    await resident.refused("GET", "/staff/desk/items", code="not_allowed")


async def test_every_queue_can_be_listed_with_its_titles(api: Api) -> None:
    for queue in desk.QUEUES:
        moment = [clock.now()] if "$2" in queue.sql else []
        assert queue.is_promised == (" AS due " in queue.sql), queue.kind
        due = ", due" if queue.is_promised else ""
        await fetch(f"SELECT id, subject_id, since{due} FROM ({queue.sql.replace('$2', '$1')}) q", *moment)
        subject, word = queue.subject
        assert subject in {"", *SUBJECTS}
        assert bool(word) == bool(subject)


async def test_what_was_dealt_with_waits_no_longer(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    await create_checked_in(api, staff, community)
    assert counts(await staff.get("/staff/desk")) == {}


async def test_of_wishes(api: Api) -> None:
    people = await create_people(api)
    await put_wish(people, WishState.SUBMITTED)
    await put_wish(people, WishState.DISPUTED)
    await put_wish(people, WishState.PUBLISHED)
    asked = await put_wish(people, WishState.PUBLISHED)
    await execute("UPDATE wish SET escalation = 1 WHERE id = $1", asked)
    assert counts(await people.staff.get("/staff/desk")) == {"wish_review": 1, "wish_dispute": 1, "wish_unclaimed": 1}


async def test_more_than_anybody_counts(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting stops, for those of one community and for those of the whole city, and the pages go on to the end."""
    monkeypatch.setattr(desk, "MOST_COUNTED", 2)
    desk._counted.cache_clear()
    city = await create_organization(Level.CITY)
    people = await create_people(api)
    await execute("UPDATE organization SET path = $2::ltree || path WHERE id = $1", people.community.id, city.path)
    for _ in range(3):
        await put_wish(people, WishState.SUBMITTED)
    await put_wish(people, WishState.DISPUTED)
    manager = await create_staff(api, city, RoleKind.MANAGER)
    for who in (people.staff, manager):
        assert counts(await who.get("/staff/desk")) == {"wish_review": 2, "wish_dispute": 1}
        rows: list[Any] = []
        cursor = None
        while cursor or not rows:
            page = await who.get("/staff/desk/items", limit=1, **({"cursor": cursor} if cursor else {}))
            rows, cursor = rows + page["items"], page["next_cursor"]
        assert len({row["id"] for row in rows}) == len(rows) == 4
        assert [row["due"] for row in rows] == sorted(row["due"] for row in rows)
    desk._counted.cache_clear()


async def test_of_shifts(api: Api) -> None:
    """Unconfirmed ones above all: nobody gets hours for them."""
    community = await create_community()
    staff, grid_worker = await create_staff(api, community), await create_staff(api, community, RoleKind.GRID_WORKER)
    residents = [await create_resident(api, community) for _ in range(3)]
    people = People(community, staff, residents[0], residents[1], residents[2])
    shift = await publish_shift(people)
    await publish_shift(people, timedelta(days=3, hours=5))  # to which nobody came
    await people.first.post(f"/shifts/{shift}/sign-ups", {}, expect=201)
    assert counts(await staff.get("/staff/desk")) == {}
    clock.move_clock(timedelta(days=4))
    for who in (staff, grid_worker):
        assert counts(await who.get("/staff/desk")) == {"shift_to_confirm": 1}


async def test_one_statement_and_an_index_for_each(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    await staff.get("/me")
    with listening() as asked:
        await staff.get("/staff/desk")
    assert len([sql for sql, *_ in asked if "queue" in str(sql)]) == 1
    assert len({queue.kind for queue in desk.QUEUES}) == len(desk.QUEUES) >= 18
    # Each queue of itself can be read.
    for queue in desk.QUEUES:
        moment = [clock.now()] if "$2" in queue.sql else []
        await fetch(queue.sql.replace("$2", "$1"), *moment)
