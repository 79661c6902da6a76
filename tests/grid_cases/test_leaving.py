"""What becomes of cases when somebody leaves, turns out to be somebody else, or an office is closed; and what is
forgotten."""

from datetime import timedelta

from server.foundation import clock
from server.foundation.database import execute, fetch_value, transaction
from server.grid_cases.contact import FORGET_CASE_CONTACTS, CaseContact, seal_contact
from server.grid_cases.leaving import end_following_of, erase_cases_of, move_cases, move_cases_of_closed, open_cases_of
from server.grid_cases.models import CaseState, GridCase, GridCaseFollower
from tests.builders import told
from tests.clients import Api
from tests.grid_cases.builders import create_scene, put_case


async def test_who_leaves_is_told_no_more_and_the_case_goes_on(api: Api) -> None:
    scene = await create_scene(api)
    case = await put_case(scene, CaseState.HANDLING, shares_contact=True)
    await scene.neighbor.post(f"/grid-cases/{case}/followers")
    assert [matter.title for matter in await open_cases_of(scene.reporter.person_id)] == ["井盖"]
    async with transaction():
        for who in (scene.reporter, scene.neighbor):
            await end_following_of(who.person_id)
    left = await GridCase.get(id=case)
    assert (left.state, left.shares_contact) == (CaseState.HANDLING, False)
    assert await GridCaseFollower.filter(case_id=case, ended_at=None).count() == 0
    async with transaction():
        await erase_cases_of(scene.reporter.person_id)
    assert (await GridCase.get(id=case)).text == "路口的井盖不见了", "it is still to be done"
    await execute("UPDATE grid_case SET state = 'refused', holder_id = NULL, stage_due_at = NULL WHERE id = $1", case)
    async with transaction():
        await erase_cases_of(scene.reporter.person_id)
    assert (await GridCase.get(id=case)).text == "（反映人已注销）"
    assert (await GridCase.get(id=scene.bystander)).text == "路口的井盖不见了"


async def test_two_persons_that_are_one_follow_once(api: Api) -> None:
    scene = await create_scene(api)
    own, other = await put_case(scene, CaseState.HANDLING), await put_case(scene, CaseState.HANDLING, reporter_id=None)
    await scene.neighbor.post(f"/grid-cases/{own}/followers")
    for who in (scene.neighbor, scene.reporter):
        await who.post(f"/grid-cases/{other}/followers")
    async with transaction():
        await move_cases(scene.neighbor.person_id, scene.reporter.person_id)
    rows = await GridCaseFollower.filter(ended_at=None)
    assert [(row.case_id, row.person_id) for row in rows] == [(other, scene.reporter.person_id)]


async def test_who_takes_an_office_over_has_its_cases(api: Api) -> None:
    scene = await create_scene(api)
    case = await put_case(scene, CaseState.HANDLING, handler=scene.unit)
    async with transaction():
        await move_cases_of_closed(scene.unit.id, scene.grid.id)
    moved = await GridCase.get(id=case)
    assert (moved.handler_id, moved.holder_id, moved.responsible_id) == (scene.grid.id,) * 3
    async with transaction():
        await move_cases_of_closed(scene.grid.id, None)
    back = await GridCase.get(id=case)
    assert (back.state, back.handler_id, back.holder_id) == (CaseState.FILED, None, scene.community.id)
    assert (await told(scene.dispatcher))[-1] == "case_returned"


async def test_whom_to_call_is_forgotten(api: Api) -> None:
    scene = await create_scene(api)
    contact = seal_contact(CaseContact("赵大爷", "13911112222"))
    over, kept = (
        await put_case(scene, CaseState.CLOSED, contact=contact),
        await put_case(scene, CaseState.FILED, contact=contact),
    )
    clock.move_clock(timedelta(days=181))
    assert await FORGET_CASE_CONTACTS.run() == 1
    count = "SELECT count(*) FROM grid_case WHERE contact IS NOT NULL AND id = $1"
    assert (await fetch_value(count, over), await fetch_value(count, kept)) == (0, 1)
