"""工作端：小程序码: pictures to print on posters and doors."""

from typing import Annotated

import msgspec
from sanic.response import HTTPResponse

from miniprogram_api.downloads import SHEETS, send_sheet
from miniprogram_api.fields import Strict
from miniprogram_api.routing import Routes, Who
from server.accounts import joining
from server.accounts.sessions import Caller
from server.foundation.ids import Id
from server.foundation.rates import Group
from server.media.drawing.sheet import SheetFormat
from server.media.mini_codes import NARROWEST, WIDEST, CodePicture
from server.neighbor_center.venues import mini_codes as venue_codes
from server.volunteering.shifts import mini_codes as shift_codes

routes = Routes("工作端：小程序码", prefix="/staff")

_PICTURES = ("image/png", "image/jpeg")


class CodeSize(Strict):
    width: Annotated[int, msgspec.Meta(ge=NARROWEST, le=WIDEST, description="pixels")] = 430


# The leader of a shift need not hold a role: the service looks at who leads it.
@routes.get("/shifts/<shift_id>/mini-code", raw=_PICTURES)
async def show_shift_mini_code(caller: Caller, shift_id: Id, query: CodeSize) -> HTTPResponse:
    """场次的小程序码

    扫码打开活动页；签到请用场次的动态二维码。微信暂时不能生成时为普通二维码（响应头 `x-linli-code: plain`）。
    """
    return _show(await shift_codes.show_shift_mini_code(caller.person_id, shift_id, query.width))


@routes.get("/venues/<venue_id>/mini-code", who=Who.STAFF, raw=_PICTURES)
async def show_venue_mini_code(caller: Caller, venue_id: Id, query: CodeSize) -> HTTPResponse:
    """场所的小程序码

    扫码打开场所页。微信暂时不能生成时为普通二维码（响应头 `x-linli-code: plain`）。
    """
    return _show(await venue_codes.show_venue_mini_code(caller.person_id, venue_id, query.width))


class SheetQuery(Strict):
    format: SheetFormat = SheetFormat.PDF


@routes.get("/shifts/<shift_id>/sheet", raw=SHEETS, group=Group.DRAWING)
async def make_shift_sheet(caller: Caller, shift_id: Id, query: SheetQuery) -> HTTPResponse:
    """场次的海报（A4，供打印或转发）

    标题、时间、地点和小程序码；扫码打开活动页。
    """
    sheet = await shift_codes.make_shift_sheet(caller.person_id, shift_id, query.format)
    return send_sheet(sheet, "活动海报", query.format)


@routes.get("/venues/<venue_id>/sheet", who=Who.STAFF, raw=SHEETS, group=Group.DRAWING)
async def make_venue_sheet(caller: Caller, venue_id: Id, query: SheetQuery) -> HTTPResponse:
    """场所的门牌（A4，供打印）

    名称、地址、开放时间和小程序码；扫码打开场所页。
    """
    sheet = await venue_codes.make_venue_sheet(caller.person_id, venue_id, query.format)
    return send_sheet(sheet, "场所门牌", query.format)


@routes.get("/communities/<community_id>/join-code", who=Who.STAFF, raw=SHEETS, group=Group.DRAWING)
async def make_join_sheet(caller: Caller, community_id: Id, query: SheetQuery) -> HTTPResponse:
    """居民加入社区的二维码（A4，供打印）

    扫码打开 `pages/community/join`，由居民选择本社区；党员报到用 `/staff/communities/{id}/code`。
    """
    sheet = await joining.make_join_sheet(caller.person_id, community_id, query.format)
    return send_sheet(sheet, "加入社区", query.format)


def _show(code: CodePicture) -> HTTPResponse:
    headers = {
        "x-linli-code": "plain" if code.is_plain else "mini-program",
        "cache-control": "no-store" if code.is_plain else "private, max-age=86400",
    }
    return HTTPResponse(code.content, content_type=code.content_type, headers=headers)
