"""Who sees a case, and that nobody learns who reported it who may not."""

from typing import Any

from server.accounts.details import save_details
from server.foundation.audit import AuditEntry
from server.foundation.database import execute, fetch, fetch_value
from server.grid_cases.models import CaseState
from server.organizations.models import RoleKind
from tests.builders import create_staff, give_phone
from tests.clients import Api
from tests.grid_cases.builders import Scene, create_scene, put_case

NAME, PHONE = "李不愿说", "13812345678"


async def test_a_private_case_exists_for_those_alone_whom_it_concerns(api: Api) -> None:
    scene = await create_scene(api)
    observer = await create_staff(api, scene.community, RoleKind.OBSERVER)
    other_unit = await create_staff(api, scene.grid, RoleKind.LIAISON)
    case_id = await put_case(scene, CaseState.HANDLING, handler=scene.unit, is_private=True)
    path = f"/grid-cases/{case_id}"
    for who in (scene.reporter, scene.dispatcher, scene.liaison, scene.above, scene.district_staff, observer):
        assert (await who.get(path))["is_private"] is True
    for who in (scene.neighbor, scene.stranger, scene.elsewhere, other_unit):
        await who.refused("GET", path, code="not_found")
        await who.refused("GET", f"{path}/actions", code="not_found")
        await who.refused("POST", f"{path}/followers", code="not_found")
    await scene.elsewhere.refused("POST", f"/staff{path}/resume", {"reason": "看看"}, code="not_found")
    assert (await scene.neighbor.get("/grid-cases", community_id=scene.community.id))["items"] == []
    near: dict[str, Any] = {"category_id": scene.category.id, "longitude": 122.1, "latitude": 37.5}
    assert await scene.neighbor.get("/grid-cases/nearby", **near) == []
    shown = await scene.dispatcher.get("/staff/grid-cases", organization_id=scene.community.id)
    assert [(card["id"], card["is_private"]) for card in shown["items"]] == [(case_id, True)]
    await api.refused("GET", path, code="not_signed_in")


async def test_a_public_case_is_nobodys_before_the_content_check_or_once_refused(api: Api) -> None:
    scene = await create_scene(api)
    path = f"/grid-cases/{await put_case(scene, CaseState.REPORTED, is_shown=False)}"
    await scene.neighbor.refused("GET", path, code="not_found")
    await execute("UPDATE grid_case SET is_shown = TRUE")
    assert (await scene.neighbor.get(path))["state"] == "reported"
    await scene.dispatcher.post(f"/staff{path}/refuse", {"reason": "属于小区内部", "responsible": "海风物业"})
    await scene.neighbor.refused("GET", path, code="not_found")
    (line,) = (await scene.reporter.get(path))["steps"]
    assert (line["action"], line["words"]) == ("refuse", "属于小区内部（责任单位：海风物业）")


async def test_who_reported_it_is_in_no_answer(api: Api) -> None:
    """Everything that anybody is told about the case, at every step, is looked through."""
    scene = await create_scene(api)
    await give_phone(scene.reporter.person_id, PHONE)
    await save_details(scene.reporter.person_id, real_name=NAME)
    await execute(
        "UPDATE person SET nickname = $2, shown_nickname = $2 WHERE id = $1", scene.reporter.person_id, "不愿说"
    )
    case = await scene.case()
    await execute("UPDATE grid_case SET is_shown = TRUE")
    path = f"/grid-cases/{case['id']}"
    steps: list[tuple[Api, str, Any]] = [
        (scene.dispatcher, "file", None),
        (scene.dispatcher, "dispatch", {"organization_id": scene.unit.id}),
        (scene.liaison, "accept", None),
        (scene.liaison, "notes", {"words": "在办"}),
        (scene.liaison, "answer", {"outcome": "explained", "answer": "已说明"}),
        (scene.checker, "pass", {}),
    ]
    told: list[Any] = []
    for who, step, body in steps:
        told.append(await who.post(f"/staff{path}/{step}", body))
        told += await everything_told(scene, path)
    await scene.reporter.post(f"{path}/reopen", {"reason": "没有解决"})
    await scene.dispatcher.post(f"/staff{path}/dispatch", {"organization_id": scene.unit.id})
    told += await everything_told(scene, path)
    for secret in (scene.reporter.person_id, NAME, PHONE, "不愿说", "李*", "138****"):
        assert secret not in str(told), secret
    rows = await fetch("SELECT facts::text AS facts FROM inbox_message WHERE person_id <> $1", scene.reporter.person_id)
    assert rows
    assert not [row for row in rows if scene.reporter.person_id in row["facts"]]


async def everything_told(scene: Scene, path: str) -> list[Any]:
    told = []
    for who in (scene.neighbor, scene.dispatcher, scene.liaison, scene.above):
        told += [await who.get(path), await who.get(f"{path}/actions"), await who.inbox()]
    for who, organization in ((scene.dispatcher, scene.community), (scene.liaison, scene.unit)):
        told.append(await who.get("/staff/grid-cases/held", organization_id=organization.id))
        told.append(await who.get("/staff/desk/items"))
    told.append(await scene.dispatcher.get("/staff/grid-cases", organization_id=scene.community.id))
    told.append(await scene.neighbor.get("/grid-cases", community_id=scene.community.id))
    return told


async def test_whom_to_call_is_told_to_those_who_may_know_and_noted(api: Api) -> None:
    scene = await create_scene(api)
    await give_phone(scene.reporter.person_id, PHONE)
    await save_details(scene.reporter.person_id, real_name=NAME)
    case = await scene.case(shares_contact=False)
    path = f"/staff/grid-cases/{case['id']}"
    assert await scene.dispatcher.get(f"{path}/contact") == {"name": NAME, "phone": PHONE}
    entry = await AuditEntry.get(action="view_case_contact")
    assert (entry.actor_id, entry.person_id) == (scene.dispatcher.person_id, scene.reporter.person_id)
    for who in (scene.elsewhere, scene.liaison, scene.grid_worker):
        await who.refused("GET", f"{path}/contact", code="not_found")
    await scene.neighbor.refused("GET", f"{path}/contact", code="not_allowed")
    await scene.dispatcher.post(f"{path}/file")
    await scene.dispatcher.post(f"{path}/dispatch", {"organization_id": scene.unit.id})
    await scene.liaison.refused("GET", f"{path}/contact", code="not_allowed")
    await scene.liaison.post(f"{path}/accept")
    await scene.liaison.refused("GET", f"{path}/contact", code="not_allowed")
    await execute("UPDATE grid_case SET shares_contact = TRUE WHERE id = $1", case["id"])
    assert await scene.liaison.get(f"{path}/contact") == {"name": NAME, "phone": PHONE}
    await scene.liaison.post(f"{path}/answer", {"outcome": "fixed", "answer": "好了"})
    await scene.liaison.refused("GET", f"{path}/contact", code="not_allowed")
    assert await AuditEntry.filter(action="view_case_contact").count() == 2


async def test_of_a_caller_without_an_account_the_contact_is_sealed(api: Api) -> None:
    scene = await create_scene(api)
    body = scene.content(source="phone", name="赵大爷", phone="13911112222")
    case = await scene.dispatcher.post("/staff/grid-cases", body, expect=201)
    assert (case["source"], case["is_shown"], "13911112222" in str(case)) == ("phone", True, False)
    assert b"13911112222" not in bytes(await fetch_value("SELECT contact FROM grid_case WHERE id = $1", case["id"]))
    path = f"/staff/grid-cases/{case['id']}/contact"
    assert await scene.checker.get(path) == {"name": "赵大爷", "phone": "13911112222"}


async def test_nobody_decides_about_what_they_reported_or_handled(api: Api) -> None:
    scene = await create_scene(api)
    own = await put_case(scene, CaseState.REPORTED, reporter_id=scene.dispatcher.person_id)
    await scene.dispatcher.refused("POST", f"/staff/grid-cases/{own}/file", code="not_allowed")
    await scene.checker.post(f"/staff/grid-cases/{own}/file")
    case_id = await put_case(scene, CaseState.DISPATCHED)
    path = f"/staff/grid-cases/{case_id}"
    # Staff of the community work for its grids too.
    await scene.dispatcher.post(f"{path}/accept")
    await scene.dispatcher.post(f"{path}/answer", {"outcome": "fixed", "answer": "好了"})
    await scene.dispatcher.refused("POST", f"{path}/pass", {}, code="not_allowed")
    await scene.dispatcher.refused("POST", f"{path}/send-back", {"reason": "不行"}, code="not_allowed")
    await scene.checker.post(f"{path}/pass", {})
