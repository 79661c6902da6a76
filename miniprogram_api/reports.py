"""半年反馈 half-year reports: the member's own, and what a unit's liaison receives."""

from sanic.response import HTTPResponse

from miniprogram_api.downloads import send_file
from miniprogram_api.fields import Period, Statement, Strict
from miniprogram_api.routing import Routes
from server.accounts.sessions import Caller
from server.check_in.reports import actions, reviewing
from server.check_in.reports import files as report_files
from server.check_in.reports import queries as report_queries
from server.check_in.reports.queries import MyReport, ReportView, UnitReportCard, UnitSummary
from server.check_in.reports.reviewing import Acknowledged
from server.foundation.actions import ActionView
from server.foundation.errors import NotAllowed, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.foundation.rates import Group
from server.media.drawing.fonts import GlyphMissing

routes = Routes("半年反馈 half-year reports")

_PDF = "application/pdf"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@routes.get("/me/reports")
async def list_my_reports(caller: Caller) -> list[MyReport]:
    """我的半年反馈"""
    return await report_queries.list_my_reports(caller.person_id)


@routes.get("/reports/<report_id>")
async def view_report(caller: Caller, report_id: Id) -> ReportView:
    """查看一份半年反馈

    本人、社区工作人员和（反馈之后）所属单位的联络员可以查看；他人查看会留痕。
    """
    return await report_queries.view_report(caller.person_id, report_id)


@routes.get("/reports/<report_id>/actions")
async def list_report_actions(caller: Caller, report_id: Id) -> list[ActionView]:
    """我对这份反馈能做什么

    本人、社区工作人员和联络员各看到自己的；不能做的说明原因，如核对期未满。
    """
    return await actions.list_report_actions(caller.person_id, report_id)


@routes.get("/reports/<report_id>/pdf", raw=(_PDF,), group=Group.DRAWING, errors=[GlyphMissing])
async def download_report_pdf(caller: Caller, report_id: Id) -> HTTPResponse:
    """下载半年反馈（PDF）"""
    return send_file(await report_files.report_pdf(caller.person_id, report_id), _PDF, kept="no-store")


@routes.get("/reports/<report_id>/xlsx", raw=(_XLSX,), group=Group.DRAWING)
async def download_report_xlsx(caller: Caller, report_id: Id) -> HTTPResponse:
    """下载半年反馈（Excel）"""
    return send_file(await report_files.report_xlsx(caller.person_id, report_id), _XLSX, kept="no-store")


@routes.post("/reports/<report_id>/agree", errors=[NotAllowed, WrongState])
async def agree_to_report(caller: Caller, report_id: Id) -> ReportView:
    """确认半年反馈无误"""
    return await reviewing.agree_to_report(caller.person_id, report_id)


class AskCorrection(Strict):
    """What is not right."""

    request: Statement


@routes.post(
    "/reports/<report_id>/correction", group=Group.REVIEWED, errors=[NotAllowed, WrongState, reviewing.CorrectionClosed]
)
async def ask_correction(caller: Caller, report_id: Id, body: AskCorrection) -> ReportView:
    """申请更正半年反馈

    社区给出评价后 7 天之内可以申请，由社区决定。
    """
    return await reviewing.ask_correction(caller.person_id, report_id, body.request)


@routes.post("/reports/<report_id>/acknowledge", errors=[NotAllowed, WrongState])
async def acknowledge_report(caller: Caller, report_id: Id) -> ReportView:
    """单位签收一份反馈"""
    return await reviewing.acknowledge_report(caller.person_id, report_id)


class OfPeriod(Strict):
    period: Period


class UnitReportsQuery(PageQuery):
    period: Period


@routes.get("/units/<unit_id>/reports")
async def list_unit_reports(caller: Caller, unit_id: Id, query: UnitReportsQuery) -> Page[UnitReportCard]:
    """单位收到的反馈（留痕）"""
    return await report_queries.list_unit_reports(caller.person_id, unit_id, query.period, query)


@routes.post("/units/<unit_id>/reports/acknowledge")
async def acknowledge_reports(caller: Caller, unit_id: Id, body: OfPeriod) -> Acknowledged:
    """单位签收一个半年的全部反馈"""
    return await reviewing.acknowledge_reports(caller.person_id, unit_id, body.period)


@routes.get("/units/<unit_id>/report-summary")
async def get_unit_summary(caller: Caller, unit_id: Id, query: OfPeriod) -> UnitSummary:
    """单位党员反馈汇总"""
    return await report_queries.get_unit_summary(caller.person_id, unit_id, query.period)


@routes.get("/units/<unit_id>/report-summary/pdf", raw=(_PDF,), group=Group.DRAWING, errors=[GlyphMissing])
async def download_unit_summary_pdf(caller: Caller, unit_id: Id, query: OfPeriod) -> HTTPResponse:
    """下载单位党员反馈汇总（PDF）"""
    return send_file(
        await report_files.unit_summary_pdf(caller.person_id, unit_id, query.period), _PDF, kept="no-store"
    )


@routes.get("/units/<unit_id>/report-summary/xlsx", raw=(_XLSX,), group=Group.DRAWING)
async def download_unit_summary_xlsx(caller: Caller, unit_id: Id, query: OfPeriod) -> HTTPResponse:
    """下载单位党员反馈汇总（Excel）"""
    return send_file(
        await report_files.unit_summary_xlsx(caller.person_id, unit_id, query.period), _XLSX, kept="no-store"
    )
