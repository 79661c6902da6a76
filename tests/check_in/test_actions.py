"""What one could do with a check-in, a unit's check-in or a post is told before the tap, and comes true."""

from typing import Any

from server.foundation import clock
from server.foundation.ids import new_id
from server.organizations.models import Level, PartyOrganization
from tests.actions import Tries, try_actions
from tests.builders import create_community, create_organization, create_resident, create_staff, told
from tests.check_in.builders import (
    application,
    apply_for_unit,
    create_checked_in,
    create_member,
    create_post,
    create_unit,
    post_words,
    today,
    unit_application,
)
from tests.clients import Api

REASON = {"reason": "资料不全"}


async def test_of_a_check_in(api: Api) -> None:
    community = await create_community()
    grid = await create_organization(Level.GRID, parent=community)
    party_id = new_id()
    party = await PartyOrganization.create(id=party_id, name="机关党委", path=party_id)
    member, staff, elsewhere = (
        await create_member(api, community),
        await create_staff(api, community),
        await create_staff(api, await create_community()),
    )
    body = application(community)
    check_in = (await member.post("/check-ins", body, expect=201))["id"]
    mine, staffs = f"/check-ins/{check_in}", f"/staff/check-ins/{check_in}"
    talents = {name: body[name] for name in ("residence", "skills", "willing", "free_times")}
    own_kind = {"kind": "in_service"}

    async def told_now() -> tuple[str, str]:
        version = (await staff.get(staffs))["version"]
        member_tries: Tries = {
            "change": ("PUT", "", body | own_kind | {"version": version}),
            "change_talents": ("PUT", "talents", talents | {"version": version}),
            "withdraw": ("POST", "withdraw", REASON),
        }
        staff_tries: Tries = {
            "confirm": ("POST", "confirm", {"grid_id": grid.id}),
            "return": ("POST", "return", REASON),
            "refuse": ("POST", "refuse", REASON),
            "assign_grid": ("PUT", "grid", {"grid_id": grid.id}),
            "match_home": ("POST", "match-home", {"home_organization_id": party.id}),
            "end": ("POST", "end", REASON),
        }
        return (
            await try_actions(member, mine, member_tries, shown="/me/check-ins"),
            await try_actions(staff, staffs, staff_tries),
        )

    assert await told_now() == ("change withdraw", "confirm return refuse match_home")
    for who in (elsewhere, await create_resident(api, community)):
        await who.refused("GET", f"{mine}/actions", code="not_found")
    await elsewhere.refused("GET", f"{staffs}/actions", code="not_found")
    assert await told(member) == ["check_in_applied"]
    await staff.post(f"{staffs}/return", REASON)
    assert await told_now() == ("change withdraw", "match_home")
    await member.put(mine, body | {"version": (await staff.get(staffs))["version"]})
    await staff.post(f"{staffs}/confirm", {})
    assert await told_now() == ("change_talents withdraw", "assign_grid match_home end")
    await member.post(f"{mine}/withdraw", REASON)
    assert await told_now() == ("", "")


async def test_of_a_units_check_in(api: Api) -> None:
    community = await create_community()
    unit, staff = await create_unit(api), await create_staff(api, community)
    unit_check_in = await apply_for_unit(unit, community)
    mine, staffs, of_unit = (
        f"/unit-check-ins/{unit_check_in}",
        f"/staff/unit-check-ins/{unit_check_in}",
        f"/units/{unit.id}/check-ins",
    )

    async def told_now() -> tuple[str, str]:
        version = (await staff.get(staffs))["version"]
        contact = {"contact": {"name": "王联络", "phone": "0631-5201235"}, "member_count": 87, "version": version}
        liaisons: Tries = {
            "change": ("PUT", "", unit_application(unit, version=version)),
            "withdraw": ("POST", "withdraw", REASON),
            "change_contact": ("PUT", "contact", contact),
            "end": ("POST", "end", REASON),
        }
        theirs: Tries = {
            "accept": ("POST", "accept", {"starts_on": today()}),
            "return": ("POST", "return", REASON),
            "refuse": ("POST", "refuse", REASON),
            "change_dates": ("PUT", "dates", {"ends_on": today(30), "version": version}),
            "end": ("POST", "end", REASON),
        }
        return (
            await try_actions(unit.liaison, mine, liaisons, shown=of_unit),
            await try_actions(staff, staffs, theirs),
        )

    assert await told_now() == ("change withdraw", "accept return refuse")
    await staff.refused("GET", f"{mine}/actions", code="not_found")
    await unit.liaison.refused("GET", f"{staffs}/actions", code="not_found")
    await staff.post(f"{staffs}/return", REASON)
    assert await told_now() == ("change withdraw", "")
    await unit.liaison.put(mine, unit_application(unit, version=(await staff.get(staffs))["version"]))
    await staff.post(f"{staffs}/accept", {"starts_on": today()})
    assert await told_now() == ("change_contact end", "change_dates end")
    await staff.post(f"{staffs}/end", REASON)
    assert await told_now() == ("", "")


async def test_a_unit_that_is_gone_is_not_accepted(api: Api) -> None:
    community = await create_community()
    unit, staff = await create_unit(api), await create_staff(api, community)
    unit_check_in = await apply_for_unit(unit, community)
    unit.organization.closed_at = clock.now()
    await unit.organization.save()
    tries: Tries = {
        "accept": ("POST", "accept", {"starts_on": today()}),
        "return": ("POST", "return", REASON),
        "refuse": ("POST", "refuse", REASON),
    }
    told_now = await try_actions(staff, f"/staff/unit-check-ins/{unit_check_in}", tries)
    assert told_now == "accept:wrong_state return refuse"


async def test_of_a_post_and_its_holders(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    first, second = [await create_checked_in(api, staff, community) for _ in range(2)]
    post = await create_post(staff, community, term_starts_on="2027-01-01")
    holdings = [(await each.post(f"/posts/{post}/apply", expect=201))["id"] for each in (first, second)]
    lists = f"/staff/posts?community_id={community.id}&state=open"

    async def of_post() -> str:
        (shown,) = (await staff.get("/staff/posts", community_id=community.id, state=state))["items"]
        words: dict[str, Any] = {
            name: each for name, each in post_words(community).items() if name in ("title", "duties", "places")
        }
        tries: Tries = {
            "change": ("PUT", "", words | {"version": shown["version"], "places": 3}),
            "close": ("POST", "close", None),
        }
        return await try_actions(staff, f"/staff/posts/{post}", tries, shown=lists)

    async def of_holding(number: int, who: Api) -> tuple[str, str]:
        holding = holdings[number]
        now = (await who.get("/me/posts"))[0]["state"]
        tries: Tries = {
            "approve": ("POST", "approve", None),
            "refuse": ("POST", "refuse", REASON),
            "end": ("POST", "end", REASON),
        }
        shown = f"/staff/post-holdings?community_id={community.id}&state={now}"
        leave: Tries = {"leave": ("POST", "leave", REASON)}
        return (
            await try_actions(who, f"/post-holdings/{holding}", leave, shown="/me/posts"),
            await try_actions(staff, f"/staff/post-holdings/{holding}", tries, shown=shown),
        )

    state = "open"
    assert await of_post() == "change close"
    assert [await of_holding(0, first), await of_holding(1, second)] == [("leave", "approve refuse")] * 2
    await second.refused("GET", f"/post-holdings/{holdings[0]}/actions", code="not_found")
    elsewhere = await create_staff(api, await create_community())
    await elsewhere.refused("GET", f"/staff/post-holdings/{holdings[0]}/actions", code="not_found")
    await elsewhere.refused("GET", f"/staff/posts/{post}/actions", code="not_allowed")
    await staff.post(f"/staff/post-holdings/{holdings[0]}/approve")
    assert await of_holding(0, first) == ("leave", "end")
    assert await of_holding(1, second) == ("leave", "approve:places_full refuse")
    await staff.post(f"/staff/posts/{post}/close")
    state = "closed"
    assert await of_post() == ""
    assert await of_holding(1, second) == ("", "")
    assert await of_holding(0, first) == ("leave", "end")
