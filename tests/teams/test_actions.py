"""What one could do in a team is told before the tap, and comes true."""

from tests.actions import Tries, try_actions
from tests.builders import create_community
from tests.clients import Api
from tests.wishes.builders import put_persons, put_team


async def test_of_a_team(api: Api) -> None:
    community = await create_community()
    leader, other, stranger = await put_persons(api, community, "队长", "小海", "旁人")
    team = await put_team(leader, other, community=community, name="海风志愿队")
    path = f"/teams/{team.id}"

    async def told_to(who: Api) -> str:
        tries: Tries = {
            "rename": ("PUT", "", {"version": (await who.get(path))["version"], "name": "山海志愿队"}),
            "leave": ("POST", "leave", None),
            "end": ("POST", "end", None),
            "remove": ("DELETE", f"members/{other.person_id}", None),
        }
        return await try_actions(who, path, tries)

    assert await told_to(leader) == "rename leave:wrong_state end remove"
    assert await told_to(other) == "leave"
    assert {each["of"] for each in await leader.get(f"{path}/actions") if each["action"] == "remove"} == {
        other.person_id
    }
    await stranger.refused("GET", f"{path}/actions", code="not_found")
    await other.post(f"{path}/leave")
    assert await told_to(leader) == "rename leave:wrong_state end"
    await other.refused("GET", f"{path}/actions", code="not_found")
    await leader.post(f"{path}/end")
    await leader.refused("GET", f"{path}/actions", code="not_found")
