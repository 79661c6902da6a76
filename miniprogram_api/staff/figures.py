"""工作端：统计指标: by month, over time, side by side; each number opens to its rows."""

from typing import Annotated

import msgspec
from sanic.response import HTTPResponse

from miniprogram_api.downloads import send_file
from miniprogram_api.fields import OfOrganization
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.figures import comparing, exports, opening, reading
from server.figures.comparing import ChildrenComparison, PeerComparison
from server.figures.opening import FigureRow
from server.figures.reading import FigureDefinition, FigureSeries, FiguresOfMonth
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.foundation.rates import Group
from server.media.spreadsheets import XLSX

routes = Routes("工作端：统计指标", prefix="/staff")

Month = Annotated[
    str, msgspec.Meta(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$(?!\n)", description="2031-03：2031年3月；不填为本月")
]
Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z_]+$", max_length=32, description="指标的代码")]


@routes.get("/figures/definitions", who=Who.STAFF)
async def list_figure_definitions() -> list[FigureDefinition]:
    """全部指标的口径：计什么、不计什么、从哪里来"""
    return reading.list_definitions()


class OfMonth(OfOrganization, kw_only=True):
    month: Month | None = None


@routes.get("/figures", who=Who.STAFF)
async def get_figures(caller: Caller, query: OfMonth) -> FiguresOfMonth:
    """辖区某月的全部指标，含环比、同比

    由业务数据自动统计，不用填报；本月每半小时更新，每月 10 日起上月不再变动，之后补记的计入补记的月份。
    """
    return await reading.get_figures(caller.person_id, query.organization_id, query.month)


class OfFigure(OfMonth, kw_only=True):
    code: Code


class SeriesQuery(OfOrganization, kw_only=True):
    code: Code
    first_month: Month | None = None
    last_month: Month | None = None


@routes.get("/figures/series", who=Who.STAFF)
async def get_figure_series(caller: Caller, query: SeriesQuery) -> FigureSeries:
    """一项指标逐月的变化（最多 36 个月，不填为最近 13 个月）"""
    return await reading.get_figure_series(
        caller.person_id, query.organization_id, query.code, query.first_month, query.last_month
    )


@routes.get("/figures/children", who=Who.STAFF)
async def compare_children(caller: Caller, query: OfFigure) -> ChildrenComparison:
    """一项指标，下级各组织并列

    各下级与本级之和等于合计；样本不足的不参加排名，涉及人的不足 5 不显示。
    """
    return await comparing.compare_children(caller.person_id, query.organization_id, query.code, query.month)


@routes.get("/figures/peers", who=Who.STAFF)
async def compare_with_peers(caller: Caller, query: OfFigure) -> PeerComparison:
    """一项指标，与居民数相近（一半到两倍）的同级组织比较，不显示其他组织的名称"""
    return await comparing.compare_with_peers(caller.person_id, query.organization_id, query.code, query.month)


class RowsQuery(PageQuery, kw_only=True):
    organization_id: Id
    code: Code
    month: Month | None = None


@routes.get("/figures/rows", who=Who.STAFF)
async def list_figure_rows(caller: Caller, query: RowsQuery) -> Page[FigureRow]:
    """一个数是由哪些记录统计出来的

    涉及人的只有该辖区的工作人员可以查看，姓名隐去一部分，查看会留痕。
    """
    return await opening.list_figure_rows(caller.person_id, query.organization_id, query.code, query.month, query)


@routes.get("/figures/export", who=Who.STAFF, raw=(XLSX,), group=Group.DRAWING)
async def export_figures(caller: Caller, query: OfMonth) -> HTTPResponse:
    """导出辖区及各下级某月的全部指标（xlsx）

    每次导出都会留痕。
    """
    file = await exports.export_figures(caller.person_id, query.organization_id, query.month)
    return send_file(file, XLSX)
