"""A password with a code, for managers: limited, audited, each code once. Passkeys are tried in a browser."""

import re
from datetime import timedelta
from typing import Any

import pyotp

from server.accounts.models import ConsolePassword
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.database import execute
from server.organizations.models import RoleKind
from tests.builders import create_community, create_staff, give_phone
from tests.clients import Api
from tests.console.visiting import Browser

PHONE, PASSWORD = "13812340077", "长而好记的一句话就够用了吧"


def code_of(secret: str) -> str:
    return pyotp.TOTP(secret).at(int(clock.now().timestamp()))


def next_code(secret: str) -> str:
    """Each works once."""
    clock.move_clock(clock.offset() + timedelta(seconds=30))
    return code_of(secret)


async def set_password(app: Any, manager: Api) -> tuple[Browser, str]:
    """The manager's browser with a password set, and the secret of its codes."""
    browser = await Browser(app).sign_in(manager)
    await browser.open("/console/keys")
    (secret,) = re.findall(r"<code>([A-Z2-7]+)</code>", browser.text)
    await browser.send("/console/keys/password", {"password": PASSWORD, "code": code_of(secret)})
    assert "已设置密码" in browser.text, browser.text
    return browser, secret


async def enter(app: Any, password: str, code: str, phone: str = PHONE) -> Browser:
    browser = Browser(app)
    await browser.open("/console/sign-in")
    return await browser.send("/console/sign-in/password", {"phone": phone, "password": password, "code": code})


async def count(action: str) -> int:
    return await AuditEntry.filter(action=action).count()


async def test_a_manager_enters_by_password_and_code(app: Any, api: Api) -> None:
    manager = await create_staff(api, await create_community(), RoleKind.MANAGER)
    await give_phone(manager.person_id, PHONE)
    browser, secret = await set_password(app, manager)
    used = code_of(secret)
    assert (await enter(app, PASSWORD, used)).status == 422, "the code that was typed to set it is spent"
    code = next_code(secret)
    assert (await enter(app, PASSWORD, code)).url.path == "/console/"
    assert (await enter(app, PASSWORD, code)).status == 422, "once"
    for password, phone in (("错的密码错的密码错的", PHONE), (PASSWORD, "13812340078"), (PASSWORD, "no phone")):
        wrong = await enter(app, password, next_code(secret), phone)
        assert (wrong.status, "手机号、密码或动态码不正确" in wrong.text) == (422, True)
        assert f'value="{phone}"' in wrong.text
    assert (await enter(app, PASSWORD, "十二")).status == 422
    assert await count("set_console_password") == 1
    assert await count("enter_console_by_password") == 1
    assert await count("refuse_console_password") == 4
    stranger = Browser(app)
    await stranger.client.post("/console/sign-in/password", data={"phone": PHONE, "password": PASSWORD, "code": "1"})
    assert await count("refuse_console_password") == 4, "a form of another site has no nonce, and is not looked at"
    await browser.open("/console/keys")
    await browser.send("/console/keys/password/remove", {})
    assert (await enter(app, PASSWORD, next_code(secret))).status == 422
    assert await count("remove_console_password") == 1


async def test_after_five_guesses_it_is_closed_for_a_while(app: Any, api: Api) -> None:
    manager = await create_staff(api, await create_community(), RoleKind.MANAGER)
    await give_phone(manager.person_id, PHONE)
    _, secret = await set_password(app, manager)
    for _ in range(5):
        assert (await enter(app, PASSWORD, "000000")).status == 422
    closed = await enter(app, PASSWORD, next_code(secret))
    assert (closed.status, "十五分钟后再试" in closed.text) == (429, True)
    clock.move_clock(clock.offset() + timedelta(minutes=15))
    assert (await enter(app, PASSWORD, next_code(secret))).url.path == "/console/"


async def test_only_managers_and_nothing_weak(app: Any, api: Api) -> None:
    community = await create_community()
    staff = await Browser(app).sign_in(await create_staff(api, community))
    await staff.open("/console/keys")
    assert 'name="password"' not in staff.text
    assert (await staff.send("/console/keys/password", {"password": PASSWORD, "code": "123456"})).status == 403
    manager = await create_staff(api, community, RoleKind.MANAGER)
    await give_phone(manager.person_id, PHONE)
    browser = await Browser(app).sign_in(manager)
    for password, code, said in (
        ("太短", "", "至少 12 个字符"),
        ("1" * 20, "", "太简单"),
        (PASSWORD + "好", "000000", "动态码不正确"),
    ):
        await browser.open("/console/keys")
        (secret,) = re.findall(r"<code>([A-Z2-7]+)</code>", browser.text)
        await browser.send("/console/keys/password", {"password": password, "code": code or code_of(secret)})
        assert (browser.status, said in browser.text) == (422, True), said
    await browser.open("/console/keys")
    made_up = pyotp.random_base32()
    fields = {"password": PASSWORD, "code": code_of(made_up), "signed": made_up}
    assert (await browser.send("/console/keys/password", fields)).status == 422, "a secret of somebody else's choice"
    assert await ConsolePassword.all().count() == 0


async def test_it_opens_nothing_once_the_role_has_ended(app: Any, api: Api) -> None:
    manager = await create_staff(api, await create_community(), RoleKind.MANAGER)
    await give_phone(manager.person_id, PHONE)
    _, secret = await set_password(app, manager)
    await execute("UPDATE role_grant SET ended_at = $2 WHERE person_id = $1", manager.person_id, clock.now())
    assert (await enter(app, PASSWORD, next_code(secret))).status == 422
