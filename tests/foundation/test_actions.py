"""What could be done is told before the tap, by the very rules of the tap, and nothing of it stays."""

from datetime import timedelta

from server.accounts.details import verify_phone
from server.accounts.models import ConsentKind
from server.foundation.database import fetch_value, transaction
from server.wishes.models import WishState
from tests.builders import agree, create_community, create_resident, create_staff, told
from tests.check_in.builders import create_checked_in, create_post
from tests.clients import Api
from tests.volunteering.builders import create_people as create_volunteers
from tests.volunteering.builders import publish_shift
from tests.wishes.builders import create_people, put_wish


async def test_of_a_wish(api: Api) -> None:
    people = await create_people(api)
    wish = await put_wish(people, WishState.PUBLISHED)
    path = f"/wishes/{wish}/actions"
    newcomer = await create_resident(api, people.community)
    assert await newcomer.get(path) == [
        {
            "action": "claim",
            "ok": False,
            "why": "volunteer_needed",
            "words": "阅读并同意志愿者协议后即可认领",
            "of": None,
        }
    ]
    await agree(newcomer.person_id, ConsentKind.VOLUNTEER_TERMS)
    assert [each["why"] for each in await newcomer.get(path)] == ["phone_needed"]
    (own, *others) = await people.wisher.get(path)
    assert (own["action"], own["why"]) == ("claim", "own_wish")
    assert {each["action"] for each in others if each["ok"]} >= {"withdraw"}
    mine = await people.claimer.get(path)
    assert (mine[0]["action"], mine[0]["ok"], mine[0]["why"]) == ("claim", True, "")
    # Nothing stays, and nobody was told.
    assert await fetch_value("SELECT count(*) FROM wish_claim") == 0
    assert await fetch_value("SELECT state FROM wish") == "published"
    assert await told(people.wisher) == []
    await people.claimer.post(f"/wishes/{wish}/claim")
    assert "claim" not in {each["action"] for each in await people.claimer.get(path)}
    hidden = await put_wish(people, WishState.DRAFT)
    await people.stranger.refused("GET", f"/wishes/{hidden}/actions", code="not_found")


async def test_of_a_shift(api: Api) -> None:
    people = await create_volunteers(api)
    roles = [{"name": "引导员", "capacity": 1}, {"name": "急救员", "capacity": 1, "needed_skill": "急救"}]
    first = await publish_shift(people, roles=roles)
    path = f"/shifts/{first}/actions"
    open_to_all, skilled = await people.first.get(path)
    assert (open_to_all["action"], open_to_all["ok"]) == ("sign_up", True)
    assert (skilled["ok"], skilled["why"]) == (False, "not_eligible")
    assert "急救" in skilled["words"]
    assert await fetch_value("SELECT count(*) FROM place") == 0
    assert await told(people.first) == []
    body = {"shift_role_id": open_to_all["of"]}
    sign_up = await people.first.post(f"/shifts/{first}/sign-ups", body, expect=201)
    assert [(each["action"], each["ok"]) for each in await people.first.get(path)] == [("cancel", True)]
    assert sign_up["sign_up"]["state"] == "confirmed"
    again = await publish_shift(people, timedelta(days=3, minutes=30))
    (refused,) = await people.first.get(f"/shifts/{again}/actions")
    assert (refused["why"], refused["ok"]) == ("shifts_overlap", False)
    outsider = await create_resident(api, await create_community())
    await outsider.refused("GET", path, code="not_found")


async def test_of_a_post(api: Api) -> None:
    community = await create_community()
    staff, resident = await create_staff(api, community), await create_resident(api, community)
    post = await create_post(staff, community, term_starts_on="2027-01-01")
    path = f"/posts/{post}/actions"
    (refused,) = await resident.get(path)
    assert (refused["action"], refused["why"], refused["words"]) == ("apply", "not_checked_in", "请先在该社区报到")
    member = await create_checked_in(api, staff, community)
    assert [(each["action"], each["ok"]) for each in await member.get(path)] == [("apply", True)]
    await member.post(f"/posts/{post}/apply", expect=201)
    assert [(each["action"], each["ok"]) for each in await member.get(path)] == [("leave", True)]
    await member.refused("GET", f"/posts/{community.id}/actions", code="not_found")


async def test_the_number_is_all_that_was_missing(api: Api) -> None:
    people = await create_people(api)
    wish = await put_wish(people, WishState.PUBLISHED)
    helper = await create_resident(api, people.community)
    await agree(helper.person_id, ConsentKind.VOLUNTEER_TERMS)
    async with transaction():
        await verify_phone(helper.person_id, "13900009999")
    assert [each["why"] for each in await helper.get(f"/wishes/{wish}/actions")] == ["name_needed"]
