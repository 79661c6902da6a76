"""What staff could do with an announcement is told before the tap, and comes true."""

from server.organizations.models import RoleKind
from tests.actions import Tries, try_actions
from tests.announcements.builders import PATH, WORDS, open_office, tell_everybody
from tests.builders import create_community, create_resident, create_staff
from tests.clients import Api


async def told_to(who: Api, announcement: str) -> str:
    path = f"{PATH}/{announcement}"
    version = (await who.get(path))["version"]
    tries: Tries = {
        "change": ("PUT", "", {"version": version, "words": WORDS | {"title": "周六停水"}}),
        "send": ("POST", "send", {"version": version}),
        "withdraw": ("POST", "withdraw", None),
    }
    return await try_actions(who, path, tries)


async def test_from_draft_to_withdrawn(api: Api) -> None:
    office = await open_office(api)
    observer = await create_staff(api, office.community, RoleKind.OBSERVER)
    draft = await office.draft()
    assert await told_to(office.writer, draft["id"]) == "change send:second_person_needed withdraw"
    assert await told_to(office.sender, draft["id"]) == "change send:nobody_to_tell withdraw"
    assert await told_to(observer, draft["id"]) == ""
    resident = await create_resident(api, office.community)
    assert await told_to(office.sender, draft["id"]) == "change send withdraw"
    elsewhere = await create_staff(api, await create_community())
    await elsewhere.refused("GET", f"{PATH}/{draft['id']}/actions", code="not_found")
    await resident.refused("GET", f"{PATH}/{draft['id']}/actions", code="not_allowed")
    await office.send(draft)
    assert await told_to(office.sender, draft["id"]) == "withdraw"
    await tell_everybody()
    assert await told_to(office.writer, draft["id"]) == "withdraw"
    await office.sender.post(f"{PATH}/{draft['id']}/withdraw")
    assert await told_to(office.sender, draft["id"]) == ""


async def test_what_is_urgent_is_sent_by_a_manager(api: Api) -> None:
    office = await open_office(api)
    await create_resident(api, office.community)
    draft = await office.draft(urgent=True)
    assert await told_to(office.sender, draft["id"]) == "change withdraw"
    assert await told_to(office.manager, draft["id"]) == "change send withdraw"
