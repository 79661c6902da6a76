"""What can be answered to a merge, and decided about a roster's entry, is told before the tap, and comes true."""

from server.accounts.models import Person
from server.organizations.models import RoleKind
from tests.accounts.test_merges import create_cast, propose
from tests.accounts.test_names import create_daughter, create_father
from tests.actions import Tries, try_actions
from tests.builders import create_community, create_staff, grant
from tests.clients import Api

DECIDE: Tries = {"confirm": ("POST", "confirm", None), "refuse": ("POST", "refuse", None)}


async def test_of_a_merge(api: Api) -> None:
    cast = await create_cast(api)
    path = f"/me/merges/{await propose(cast)}"
    answers: Tries = {"confirm": ("POST", "confirm", None), "decline": ("POST", "decline", None)}

    async def told_to(who: Api) -> str:
        return await try_actions(who, path, answers, shown="/me/merges")

    assert [await told_to(who) for who in (cast.one, cast.other)] == ["confirm decline"] * 2
    for stranger in (cast.bystander, cast.manager):
        await stranger.refused("GET", f"{path}/actions", code="not_found")
    await cast.one.post(f"{path}/confirm")
    assert [await told_to(who) for who in (cast.one, cast.other)] == ["decline", "confirm decline"]
    await grant(await Person.get(id=cast.one.person_id), cast.community, RoleKind.STAFF)
    assert await told_to(cast.other) == "confirm:wrong_state decline"
    await cast.other.post(f"{path}/decline")
    await cast.other.refused("GET", f"{path}/actions", code="not_found")


async def test_of_an_entry_of_a_roster(api: Api) -> None:
    community = await create_community()
    staff, elsewhere = await create_staff(api, community), await create_staff(api, await create_community())
    observer = await create_staff(api, community, RoleKind.OBSERVER)
    daughter = await create_daughter(api, (await create_father(staff, community))["phone"])
    await daughter.put("/me/details", {"real_name": "王建国"})
    waiting = f"/staff/roster-links?organization_id={community.id}"
    (link,) = (await staff.get(waiting))["items"]
    path = f"/staff/roster-links/{link['id']}"

    async def told_to(who: Api) -> str:
        return await try_actions(who, path, DECIDE, shown=waiting)

    assert await told_to(staff) == "confirm refuse"
    for stranger in (elsewhere, observer):
        await stranger.refused("GET", f"{path}/actions", code="not_found")
    await daughter.refused("GET", f"{path}/actions", code="not_allowed")
    await grant(await Person.get(id=daughter.person_id), community, RoleKind.STAFF)
    assert await told_to(daughter) == "confirm:own_matter refuse:own_matter"
    await daughter.put("/me/details", {"real_name": "王芳"})
    assert await told_to(staff) == "confirm:wrong_state refuse"
    await staff.post(f"{path}/refuse")
    assert await told_to(staff) == ""
