"""Messages that failed: listed for those who work there, and tried again; unknown ones never."""

from datetime import timedelta
from typing import Any

import pytest

from server.background.outbox import enqueue
from server.background.relay import drain_outbox
from server.foundation import clock
from server.foundation.database import fetch_value
from server.notifications import events, rendering
from server.notifications.events import Event
from server.organizations.models import Level, Organization, RoleKind
from tests.builders import create_community, create_organization, create_resident, create_staff
from tests.clients import Api
from tests.notifications.builders import EVENTS, THING_CHANGED, THING_EXPIRING, Things, give_accepts, outcome_of, tell
from tests.simulator import Simulator

PATH = "/staff/failed-messages"


@pytest.fixture
def things(monkeypatch: pytest.MonkeyPatch) -> Things:
    things = Things()
    for name, event in EVENTS.items():
        monkeypatch.setitem(events.EVENTS, name, event)
    monkeypatch.setitem(rendering.SUBJECTS, "thing", things.describe)
    return things


async def fail(
    api: Api, simulator: Simulator, things: Things, community: Organization, event: Event = THING_CHANGED
) -> str:
    """A message to somebody there that WeChat refuses for good; the inbox message's id."""
    person = await create_resident(api, community, nickname="老李")
    await give_accepts(simulator, [person.person_id], 1)
    message = await tell(person, things.add("修灯"), event)
    await simulator.fault(errcode=48001)
    await drain_outbox()
    assert (await outcome_of(message))[0] == "failed"
    return message


async def listed(who: Api, organization_id: str, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await who.get(PATH, organization_id=organization_id, **query))["items"]
    return items


async def test_staff_see_what_failed_for_their_people(api: Api, simulator: Simulator, things: Things) -> None:
    community, other = await create_community(), await create_community()
    staff = await create_staff(api, community)
    await fail(api, simulator, things, community)
    await fail(api, simulator, things, other)
    (item,) = await listed(staff, community.id)
    assert item["title"] == "修灯有变化"
    assert item["person"]["nickname"] == "老李"
    assert "48001" in item["error"]
    assert (item["kind"], item["event"], item["attempts"], item["can_retry"]) == (
        "subscribe_message",
        "thing_changed",
        1,
        True,
    )
    await staff.refused("GET", f"{PATH}?organization_id={other.id}", code="not_found")
    resident = await create_resident(api, community)
    await resident.refused("GET", f"{PATH}?organization_id={community.id}", code="not_allowed")
    above = await create_staff(api, await Organization.get(id=community.parent_id))
    assert len(await listed(above, str(community.parent_id))) == 1


async def test_one_is_tried_again_and_arrives(api: Api, simulator: Simulator, things: Things) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    message = await fail(api, simulator, things, community)
    (item,) = await listed(staff, community.id)
    stranger = await create_staff(api, await create_community())
    await stranger.refused("POST", f"{PATH}/{item['id']}/retry", code="not_found")
    await staff.post(f"{PATH}/{item['id']}/retry")
    assert (await outcome_of(message))[:2] == ("queued", "queued")
    await simulator.settle()
    assert await outcome_of(message) == ("done", "delivered", 0)
    assert await listed(staff, community.id) == []
    await staff.refused("POST", f"{PATH}/{item['id']}/retry", code="wrong_state")
    assert await fetch_value("SELECT count(*) FROM audit_entry WHERE action = 'retry_failed_message'") == 1


async def test_one_whose_time_has_passed_is_not(api: Api, simulator: Simulator, things: Things) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    await fail(api, simulator, things, community, THING_EXPIRING)
    clock.move_clock(timedelta(hours=3))
    (item,) = await listed(staff, community.id)
    assert not item["can_retry"]
    await staff.refused("POST", f"{PATH}/{item['id']}/retry", code="wrong_state")


async def test_an_unknown_one_is_neither_listed_nor_ever_sent_again(
    api: Api, simulator: Simulator, things: Things
) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    person = await create_resident(api, community)
    await give_accepts(simulator, [person.person_id], 1)
    message = await tell(person, things.add())
    await simulator.fault(disconnect=True, when="after")
    await drain_outbox()
    assert await listed(staff, community.id) == []
    row = await fetch_value("SELECT id FROM outbox WHERE dedupe_key = $1", f"subscribe_message:{message}")
    await staff.refused("POST", f"{PATH}/{row}/retry", code="wrong_state")
    assert (await staff.post(f"{PATH}/retry", {"organization_id": community.id}))["count"] == 0
    assert await outcome_of(message) == ("unknown", "unknown", 0)


async def test_all_of_a_subtree_are_tried_again(api: Api, simulator: Simulator, things: Things) -> None:
    district = await create_organization(Level.DISTRICT)
    communities = [await create_community(parent=district) for _ in range(2)]
    elsewhere = await create_community()
    messages = [await fail(api, simulator, things, community) for community in (*communities, elsewhere)]
    manager = await create_staff(api, district, RoleKind.MANAGER)
    assert (await manager.post(f"{PATH}/retry", {"organization_id": district.id}))["count"] == 2
    await simulator.settle()
    assert [(await outcome_of(message))[0] for message in messages] == ["done", "done", "failed"]
    stranger = await create_staff(api, elsewhere)
    await stranger.refused("POST", f"{PATH}/retry", {"organization_id": district.id}, code="not_found")


async def test_what_concerns_nobody_is_for_the_top(api: Api) -> None:
    community = await create_community()
    city_id = community.path.split(".")[0]
    await enqueue("of long ago", {})
    await drain_outbox()
    staff, top = await create_staff(api, community), await create_staff(api, await Organization.get(id=city_id))
    assert await listed(staff, community.id) == []
    (item,) = await listed(top, city_id)
    assert (item["kind"], item["person"], item["title"], item["error"]) == ("of long ago", None, "", "unknown kind")


async def test_the_list_goes_by_page(api: Api, simulator: Simulator, things: Things) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    for _ in range(3):
        await fail(api, simulator, things, community)
    first = await staff.get(PATH, organization_id=community.id, limit=2)
    rest = await staff.get(PATH, organization_id=community.id, limit=2, cursor=first["next_cursor"])
    assert len({item["id"] for item in first["items"] + rest["items"]}) == 3
    assert rest["next_cursor"] is None
