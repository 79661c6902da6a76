"""What could be done with minutes of service, and with a no-show, is told before the tap, and comes true."""

from datetime import timedelta

from server.foundation import clock
from server.organizations.models import RoleKind
from server.places.models import NoShow
from server.volunteering.hours.rules import APPEAL_WITHIN
from tests.actions import Tries, try_actions
from tests.builders import create_community, create_staff
from tests.clients import Api
from tests.volunteering.attendance.builders import DAYS, confirm, served, shanghai_time
from tests.volunteering.builders import create_people, publish_shift, sign_up

REASON = {"reason": "中午休息未扣除"}
HOURS: Tries = {
    "approve": ("POST", "approve", None),
    "refuse": ("POST", "refuse", REASON),
    "correct": ("POST", "correct", REASON | {"minutes": 30}),
}


async def test_of_minutes(api: Api) -> None:
    people = await create_people(api)
    manager = await create_staff(api, people.community, RoleKind.MANAGER)
    observer = await create_staff(api, people.community, RoleKind.OBSERVER)
    elsewhere = await create_staff(api, await create_community(), RoleKind.MANAGER)
    waiting = await served(people, people.first, shanghai_time(2, 8), 600)
    path = f"/staff/hours/{waiting.id}"
    all_of_them = f"/staff/hours?organization_id={people.community.id}&shift_id={waiting.shift_id}&state="

    async def told_to(who: Api, state: str, **besides: str) -> str:
        return await try_actions(
            who, path, HOURS, shown=all_of_them + state, besides=frozenset({"wrong_approver"} if besides else ())
        )

    assert await told_to(manager, "waiting") == "approve refuse correct:wrong_state"
    assert await told_to(people.staff, "waiting") == (
        "approve:wrong_approver refuse:wrong_approver correct:wrong_state"
    )
    assert (await told_to(observer, "waiting")).startswith("approve:wrong_approver refuse:wrong_approver")
    for who in (elsewhere, people.second):
        await who.refused("GET", f"{path}/actions", code="not_found")
    await manager.post(f"{path}/approve")
    assert await told_to(manager, "effective") == "correct"
    assert await told_to(people.staff, "effective", besides="wrong_approver") == "correct"
    await people.staff.post(f"{path}/correct", REASON | {"minutes": 480})
    assert await told_to(manager, "effective") == "correct:wrong_state"


async def test_of_a_no_show_and_its_appeal(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, DAYS)
    mine = (await sign_up(people.first, shift_id))["sign_up"]["id"]
    clock.move_clock(DAYS + timedelta(hours=3))
    await confirm(people.staff, shift_id, {"sign_up_id": mine, "is_absent": True})
    no_show = (await NoShow.get(person_id=people.first.person_id)).id
    path, appeal = f"/no-shows/{no_show}", {"appeal": ("POST", "appeal", {"text": "临时加班，已请假"})}
    assert await try_actions(people.first, path, appeal, shown="/me/no-shows") == "appeal"
    await people.second.refused("GET", f"{path}/actions", code="not_found")
    clock.move_clock(DAYS + timedelta(hours=3) + APPEAL_WITHIN)
    assert await try_actions(people.first, path, appeal, shown="/me/no-shows") == "appeal:appeal_closed"
    clock.move_clock(DAYS + timedelta(hours=4))
    await people.first.post(f"{path}/appeal", {"text": "临时加班，已请假"}, expect=201)
    assert await try_actions(people.first, path, appeal, shown="/me/no-shows") == "appeal:already_appealed"
    appeals = f"/staff/no-show-appeals?organization_id={people.community.id}"
    appeal_id = (await people.staff.get(appeals))["items"][0]["id"]
    decide: Tries = {
        "accept": ("POST", "decide", {"accept": True, "decision": "情况属实"}),
        "refuse": ("POST", "decide", {"accept": False, "decision": "未提前告知"}),
    }
    staffs = f"/staff/no-show-appeals/{appeal_id}"
    observer = await create_staff(api, people.community, RoleKind.OBSERVER)
    assert await try_actions(people.staff, staffs, decide, shown=appeals) == "accept refuse"
    assert await try_actions(observer, staffs, decide, shown=appeals) == ""
    elsewhere = await create_staff(api, await create_community())
    await elsewhere.refused("GET", f"{staffs}/actions", code="not_found")
    await people.staff.post(f"{staffs}/decide", {"accept": True, "decision": "情况属实"})
    assert await try_actions(people.staff, staffs, decide, shown=appeals) == ""
    assert await try_actions(people.first, path, appeal, shown="/me/no-shows") == "appeal:wrong_state"
