"""Signing in to the console: by scanning a code, with a number, from the browser that asked, once."""

import asyncio
from datetime import timedelta
from typing import Any

from server.accounts.models import ConsoleSignIn
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.organizations.models import RoleKind
from tests.builders import create_community, create_resident, create_staff
from tests.clients import Api
from tests.console.visiting import Browser


async def test_a_phone_lets_the_browser_in_that_shows_the_number(app: Any, api: Api) -> None:
    community = await create_community()
    staff, bystander = await create_staff(api, community), Browser(app)
    browser = Browser(app)
    assert (await browser.open("/console/")).url.path == "/console/sign-in", "who has not signed in is asked to"
    code, number = await browser.ask_to_sign_in()
    await bystander.ask_to_sign_in()
    assert (await browser.client.get("/console/sign-in/wait")).status_code == 204, "nobody has scanned yet"
    seen = await staff.post("/console-sign-ins/view", {"code": code})
    assert seen["browser"] == "Chrome（Windows）"
    assert seen["address"]
    await staff.post("/console-sign-ins/approve", {"code": code, "number": number}, expect=204)
    assert (await bystander.client.get("/console/sign-in/wait")).status_code == 204, "another browser gains nothing"
    entered = await browser.client.get("/console/sign-in/wait")
    assert entered.headers["hx-redirect"] == "/console/"
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    await browser.open("/console/")
    assert community.name in browser.text
    (entry,) = await AuditEntry.filter(action="sign_in_to_console")
    assert (entry.actor_id, entry.person_id) == (staff.person_id, staff.person_id)
    # Once: the code and the nonce are spent.
    await staff.refused(
        "POST", "/console-sign-ins/approve", {"code": code, "number": number}, code="console_code_expired"
    )
    again = await browser.client.get("/console/sign-in/wait")
    assert again.headers["hx-redirect"] == "/console/sign-in"


async def test_metrics_name_the_pages(app: Any, api: Api) -> None:
    browser = await Browser(app).sign_in(await create_staff(api, await create_community()))
    told = (await browser.client.get("/metrics")).text
    for operation in ("console_show_sign_in", "console_wait_for_phone", "console_show_today"):
        assert f'linli_requests_total{{operation="{operation}"' in told


async def test_a_wrong_number_three_times_ends_the_code(app: Any, api: Api) -> None:
    staff, browser = await create_staff(api, await create_community()), Browser(app)
    code, number = await browser.ask_to_sign_in()
    wrong = {"code": code, "number": 10 + (number - 9) % 90}
    for left in (2, 1, 0):
        problem = await staff.refused("POST", "/console-sign-ins/approve", wrong, code="wrong_number")
        assert problem["left"] == left
    await staff.refused(
        "POST", "/console-sign-ins/approve", {"code": code, "number": number}, code="console_code_expired"
    )
    assert (await browser.client.get("/console/sign-in/wait")).headers["hx-redirect"] == "/console/sign-in"


async def test_two_phones_at_once_let_in_one(app: Any, api: Api) -> None:
    community = await create_community()
    first, second = await create_staff(api, community), await create_staff(api, community)
    code, number = await Browser(app).ask_to_sign_in()
    body = {"code": code, "number": number}
    answers = await asyncio.gather(*(who.send("POST", "/console-sign-ins/approve", body) for who in (first, second)))
    assert sorted(answer.status_code for answer in answers) == [204, 409]


async def test_it_lasts_two_minutes_and_can_be_refused(app: Any, api: Api) -> None:
    staff, browser = await create_staff(api, await create_community()), Browser(app)
    code, number = await browser.ask_to_sign_in()
    await staff.post("/console-sign-ins/refuse", {"code": code}, expect=204)
    await staff.refused(
        "POST", "/console-sign-ins/approve", {"code": code, "number": number}, code="console_code_expired"
    )
    assert await AuditEntry.filter(action="refuse_console_sign_in").count() == 1
    code, number = await browser.ask_to_sign_in()
    clock.move_clock(timedelta(minutes=2, seconds=1))
    for path in ("view", "refuse"):
        await staff.refused("POST", f"/console-sign-ins/{path}", {"code": code}, code="console_code_expired")
    await staff.refused(
        "POST", "/console-sign-ins/approve", {"code": code, "number": number}, code="console_code_expired"
    )


async def test_residents_cannot_and_a_made_up_code_is_nothing(app: Any, api: Api) -> None:
    community = await create_community()
    resident, staff = await create_resident(api, community), await create_staff(api, community)
    code, number = await Browser(app).ask_to_sign_in()
    for path, more in (("view", {}), ("approve", {"number": number}), ("refuse", {})):
        await resident.refused("POST", f"/console-sign-ins/{path}", {"code": code} | more, code="not_allowed")
        for wrong in ("console.x", "guardian." + code.removeprefix("console."), code[:-1] + "!"):
            await staff.refused("POST", f"/console-sign-ins/{path}", {"code": wrong} | more, code="not_found")


async def test_a_console_that_nobody_uses_is_signed_out(app: Any, api: Api) -> None:
    staff = await create_staff(api, await create_community())
    browser = await Browser(app).sign_in(staff)
    for minutes in (50, 100):
        clock.move_clock(timedelta(minutes=minutes))
        assert (await browser.open("/console/")).url.path == "/console/", "it is used"
    clock.move_clock(timedelta(minutes=161))
    assert (await browser.open("/console/")).url.path == "/console/sign-in"
    assert await ConsoleSignIn.all().count() == 2


async def test_signing_out_here_and_everywhere(app: Any, api: Api) -> None:
    staff = await create_staff(api, await create_community())
    here, there = await Browser(app).sign_in(staff), await Browser(app).sign_in(staff)
    assert (await here.send("/console/sign-out", {})).url.path == "/console/sign-in"
    assert (await here.open("/console/")).url.path == "/console/sign-in"
    await there.open("/console/")
    assert there.url.path == "/console/"
    await there.send("/console/sign-out", {"everywhere": "1"})
    assert (await there.open("/console/")).url.path == "/console/sign-in"
    await staff.refused("GET", "/me", code="not_signed_in")


async def test_a_role_that_ends_closes_the_console(app: Any, api: Api) -> None:
    community = await create_community()
    staff, manager = await create_staff(api, community), await create_staff(api, community, RoleKind.MANAGER)
    browser = await Browser(app).sign_in(staff)
    role = next(
        item
        for item in (await manager.get("/staff/roles", organization_id=community.id))["items"]
        if item["person"]["id"] == staff.person_id
    )
    await manager.post(f"/staff/roles/{role['id']}/end")
    assert (await browser.open("/console/")).status == 403
    assert "没有工作角色" in browser.text


async def test_a_form_of_another_site_does_nothing(app: Any, api: Api) -> None:
    staff = await create_staff(api, await create_community())
    browser = await Browser(app).sign_in(staff)
    for fields, headers in (({"csrf": "made up"}, {}), ({}, {"origin": "https://elsewhere.example"})):
        await browser.open("/console/people")
        await browser.send("/console/people", {"phone": "13900000000"} | fields, **headers)
        assert browser.status == 403
    assert await AuditEntry.filter(action="find_person").count() == 0
