"""The demo has everybody whom a deployment has, to sign in as, and something for each of them to see."""

from datetime import timedelta

from server.accounts.models import WeChatIdentity
from server.demo.city import PEOPLE, fill_demo_city
from server.foundation import clock
from server.foundation.dates import render_short_date, today
from server.grid_cases.models import CaseState, GridCase
from server.organizations.models import Level, RoleGrant, RoleKind
from tests.announcements.builders import tell_everybody
from tests.builders import sign_in
from tests.clients import Api


async def test_the_city_has_somebody_for_every_kind_of_staff(app: object) -> None:
    await fill_demo_city()
    people = {who.person_id: who.openid for who in await WeChatIdentity.all()}
    assert set(people.values()) == {person.openid for person in PEOPLE}
    held = {
        people[grant.person_id]: (grant.kind, grant.organization.level)
        for grant in await RoleGrant.all().prefetch_related("organization")
    }
    assert held == {
        "demo-manager": (RoleKind.MANAGER, Level.SUBDISTRICT),
        "demo-staff": (RoleKind.STAFF, Level.COMMUNITY),
        "demo-grid": (RoleKind.GRID_WORKER, Level.GRID),
        "demo-city-manager": (RoleKind.MANAGER, Level.CITY),
        "demo-liaison": (RoleKind.LIAISON, Level.UNIT),
    }


async def test_whoever_signs_in_finds_something(api: Api) -> None:
    await fill_demo_city()
    await tell_everybody()

    async def sign_in_as(openid: str) -> Api:
        return await sign_in(api, (await WeChatIdentity.get(openid=openid).prefetch_related("person")).person)

    resident, volunteer, staff = [await sign_in_as(f"demo-{who}") for who in ("resident", "volunteer", "staff")]
    home = await resident.get("/me/home")
    assert [item["title"] for item in home["coming"]] == ["家庭医生咨询"]
    assert [item["title"] for item in home["notices"]] == [
        f"{render_short_date(today() + timedelta(days=2))}上午停水检修"
    ]
    home = await volunteer.get("/me/home")
    assert [item["title"] for item in home["coming"]] == ["净滩志愿行动"]
    assert len(home["wishes_nearby"]) == 2
    cards = (await resident.get("/activities"))["items"]
    assert [card["title"] for card in cards] == ["净滩志愿行动", "老年人手机课堂：挂号和缴费"]
    assert cards[0]["meters"] > cards[1]["meters"]
    community = (await staff.get("/me"))["roles"][0]["organization_id"]
    circle = await staff.get(f"/organizations/{community}/circle-coverage")
    assert circle["buildings"] == circle["located"] == circle["covered"] == 12


async def test_there_is_a_month_of_cases(app: object) -> None:
    await fill_demo_city()
    cases = await GridCase.all().order_by("created_at")
    assert {case.state for case in cases} >= set(CaseState) - {CaseState.MERGED, CaseState.CHECKED}
    first, last = cases[0].created_at, cases[-1].changed_at
    assert clock.now() - timedelta(days=40) < first < clock.now() - timedelta(days=25)
    assert last <= clock.now(), "nothing of it is to come"
    assert clock.offset() == timedelta(), "the clock is where it was"
