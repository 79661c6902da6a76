"""The phone's part of signing in to the console."""

from typing import Annotated

import msgspec

from miniprogram_api.fields import ScannedText, Strict
from miniprogram_api.routing import Routes, Who
from server.accounts import console_sign_in as signing_in
from server.accounts.console_sign_in import ConsoleCodeExpired, ConsoleSignInView, WrongNumber
from server.accounts.sessions import Caller
from server.foundation.errors import NotFound
from server.foundation.rates import Group

routes = Routes("工作台登录 console", prefix="/console-sign-ins")


class ScannedConsoleCode(Strict):
    code: ScannedText


class ApproveConsoleSignIn(Strict):
    code: ScannedText
    number: Annotated[int, msgspec.Meta(ge=10, le=99, description="电脑屏幕上的两位数字")]


@routes.post("/view", who=Who.STAFF, idempotent=False, group=Group.CODES, errors=[NotFound, ConsoleCodeExpired])
async def view_console_sign_in(caller: Caller, body: ScannedConsoleCode) -> ConsoleSignInView:
    """扫码后查看是哪台电脑在请求登录工作台"""
    return await signing_in.view_console_sign_in(caller.person_id, body.code)


@routes.post(
    "/approve",
    who=Who.STAFF,
    idempotent=False,
    group=Group.CODES,
    errors=[NotFound, ConsoleCodeExpired, WrongNumber],
)
async def approve_console_sign_in(caller: Caller, body: ApproveConsoleSignIn) -> None:
    """同意登录：输入电脑屏幕上的两位数字

    输错三次，该二维码失效。
    """
    await signing_in.approve_console_sign_in(caller.person_id, body.code, body.number)


@routes.post("/refuse", who=Who.STAFF, idempotent=False, group=Group.CODES, errors=[NotFound, ConsoleCodeExpired])
async def refuse_console_sign_in(caller: Caller, body: ScannedConsoleCode) -> None:
    """不是本人操作，拒绝登录"""
    await signing_in.refuse_console_sign_in(caller.person_id, body.code)
