"""What could be done with a number at a counter is told before the tap, and comes true."""

from server.organizations.models import Organization
from tests.actions import Tries, try_actions
from tests.builders import create_community, create_resident, create_staff
from tests.clients import Api
from tests.neighbor_center.counters.test_tickets import create_counter, tickets

MINE: Tries = {"leave": ("POST", "leave", None)}
CLERKS: Tries = {
    "call_again": ("POST", "call-again", None),
    "finish": ("POST", "finish", {"missed": False}),
    "miss": ("POST", "finish", {"missed": True}),
}


async def test_of_a_number(api: Api, community: Organization) -> None:
    counter = await create_counter(community)
    resident, bystander = [await create_resident(api, community) for _ in range(2)]
    staff, elsewhere = await create_staff(api, community), await create_staff(api, await create_community())
    path = f"/tickets/{(await resident.post(tickets(counter), expect=201))['id']}"

    async def told() -> tuple[str, str]:
        return (
            await try_actions(resident, path, MINE),
            # Clerks see numbers on the venue's screen, and this one as its person does.
            await try_actions(staff, f"/staff{path}", CLERKS, shown=f"/venues/{counter.venue_id}/queues"),
        )

    assert await told() == ("leave", "")
    await bystander.refused("GET", f"{path}/actions", code="not_found")
    await elsewhere.refused("GET", f"/staff{path}/actions", code="not_found")
    await resident.refused("GET", f"/staff{path}/actions", code="not_allowed")
    await staff.post(f"/staff/services/{counter.id}/call-next", {"counter": "1号窗口"})
    called = {each["action"]: each["ok"] for each in await staff.get(f"/staff{path}/actions")}
    assert called == {"call_again": True, "finish": True, "miss": True}
    assert await try_actions(resident, path, MINE) == "leave"
    await staff.post(f"/staff{path}/finish", {"missed": True})
    assert await told() == ("", "")
