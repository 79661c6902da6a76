"""How well it works: each share with what it is made of, and what was left out."""

from datetime import timedelta
from typing import Any

from server.foundation import clock
from server.foundation.database import execute
from server.grid_cases.models import CaseState, GridCaseStep
from server.organizations.models import RoleKind
from tests.builders import create_staff
from tests.clients import Api
from tests.grid_cases.builders import Scene, create_scene, put_case, put_category

PATH = "/staff/grid-cases/figures"


async def fill(scene: Scene) -> None:
    """Ten cases: six answered (one late), of which four are rated; a refused, a merged, a fresh and an overdue one."""
    now, day = clock.now(), timedelta(days=1)
    rated: dict[str, Any] = {"rated_at": now, "reached": True}
    for number, rating in enumerate(
        (
            {**rated, "solved": True, "stars": 5},
            {**rated, "solved": True, "stars": 4},
            {**rated, "solved": False, "stars": 2},
        )
    ):
        await put_case(scene, CaseState.CLOSED, grid_id=scene.grid.id, extensions=number, **rating)
    await put_case(scene, CaseState.CLOSED, rated_at=now, reached=False, solved=False, stars=1, reopenings=1)
    await put_case(scene, CaseState.CHECKED)
    await put_case(scene, CaseState.CHECKED, answer_due_at=now - day)
    into = await put_case(scene, CaseState.HANDLING, answer_due_at=now - day)
    await execute(
        "UPDATE grid_case SET stage_due_at = $2, created_at = $3 WHERE id = $1", into, now - day, now - 2 * day
    )
    await put_case(scene, CaseState.MERGED, merged_into_id=into)
    await put_case(scene, CaseState.REFUSED)
    await put_case(scene, CaseState.REPORTED)
    await GridCaseStep.create(
        case_id=into, action="send_back", from_state="answered", to_state="handling", by_id=scene.checker.person_id
    )
    for minutes in (-1, 1):
        await GridCaseStep.create(
            case_id=into,
            action="file",
            from_state="reported",
            to_state="filed",
            due_at=clock.now() + timedelta(minutes=minutes),
        )


async def test_the_shares_and_what_they_are_made_of(api: Api) -> None:
    scene = await create_scene(api)
    await fill(scene)
    found = await scene.dispatcher.get(PATH, organization_id=scene.community.id)
    assert found == {
        "reported": 10,
        "refused": 1,
        "merged": 1,
        "open": 2,
        "overdue": 1,
        "answered_in_time": {"numerator": 5, "denominator": 7, "left_out": 1},
        "reached": {"numerator": 3, "denominator": 4, "left_out": 2},
        "solved": {"numerator": 2, "denominator": 4, "left_out": 2},
        "satisfied": {"numerator": 2, "denominator": 4, "left_out": 2},
        "sent_back": 1,
        "extended": 3,
        "suspended": 0,
        "reopened": 1,
        "stages": [{"action": "file", "numerator": 1, "denominator": 2}],
        "open_days": [1, 1, 0, 0],
    }
    above = await scene.above.get(PATH, organization_id=scene.subdistrict.id)
    assert above["reported"] == 11, "with what lies below"
    none = await scene.dispatcher.get(PATH, organization_id=scene.community.id, since="2020-01-01", until="2020-02-01")
    assert (none["reported"], none["solved"]) == (0, {"numerator": 0, "denominator": 0, "left_out": 0})


async def test_by_category_and_by_grid(api: Api) -> None:
    scene = await create_scene(api)
    await fill(scene)
    lamp, standard = await put_category("路灯")
    await put_case(scene, CaseState.CLOSED, category_id=lamp.id, standard_id=standard.id)
    query = {"organization_id": scene.community.id}
    kinds = await scene.dispatcher.get(f"{PATH}/categories", expect=200, **query)
    assert {kind["category_name"]: kind["reported"] for kind in kinds} == {"井盖": 10, "路灯": 1}
    grids = await scene.dispatcher.get(f"{PATH}/grids", expect=200, **query)
    assert [(each["community_name"], each["grid_name"], each["reported"]) for each in grids] == [
        ("幸福社区", "第一网格", 3),
        ("幸福社区", "", 8),
    ]


async def test_places_where_it_happens_again(api: Api) -> None:
    scene = await create_scene(api)
    for number in range(3):
        await put_case(scene, CaseState.CLOSED, location=(122.1001 + number / 100000, 37.5001))
    await put_case(scene, CaseState.REFUSED, location=(122.1001, 37.5001))
    await put_case(scene, CaseState.CLOSED, location=(122.3, 37.5))
    (place,) = await scene.dispatcher.get(f"{PATH}/places", organization_id=scene.community.id)
    assert (place["count"], place["category_name"], round(place["location"]["longitude"], 4)) == (3, "井盖", 122.1001)


async def test_whose_figures_they_are(api: Api) -> None:
    scene = await create_scene(api)
    observer = await create_staff(api, scene.community, RoleKind.OBSERVER)
    for path in (PATH, f"{PATH}/categories", f"{PATH}/grids", f"{PATH}/places"):
        await observer.get(path, organization_id=scene.community.id)
        query = f"{path}?organization_id={scene.community.id}"
        for who in (scene.elsewhere, scene.liaison, scene.grid_worker):
            await who.refused("GET", query, code="not_allowed")
        await observer.refused("GET", f"{query}&since=2026-02-01&until=2026-01-01", code="invalid_fields")
