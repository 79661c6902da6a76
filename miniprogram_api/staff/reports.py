"""工作端：半年反馈. Writing the community's opinion, deciding about corrections, releasing."""

from typing import Annotated

import msgspec

from miniprogram_api.fields import Period, Statement, Strict
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.check_in.reports import queries as report_queries
from server.check_in.reports import reviewing
from server.check_in.reports.models import Grade, ReportState
from server.check_in.reports.queries import ReportCard, ReportView
from server.check_in.reports.reviewing import Assessed, Assessment, CorrectionDecision, Released
from server.foundation.bounds import Version
from server.foundation.errors import EditedMeanwhile, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery

routes = Routes("工作端：半年反馈", prefix="/staff")


class ReportsQuery(PageQuery):
    organization_id: Id
    period: Period
    state: ReportState | None = None


@routes.get("/reports", who=Who.STAFF)
async def list_reports(caller: Caller, query: ReportsQuery) -> Page[ReportCard]:
    """辖区内的半年反馈"""
    return await report_queries.list_reports(caller.person_id, query.organization_id, query.period, query.state, query)


class AssessReport(Strict):
    version: Version
    opinion: Statement
    grade: Grade


@routes.put("/reports/<report_id>/assessment", who=Who.STAFF, errors=[WrongState, EditedMeanwhile])
async def assess_report(caller: Caller, report_id: Id, body: AssessReport) -> ReportView:
    """填写社区意见和评价

    提交后本人可以查看，并在 7 天内申请更正；重新填写则重新计算。
    """
    return await reviewing.assess_report(
        caller.person_id, report_id, body.version, opinion=body.opinion, grade=body.grade
    )


class AssessReports(Strict):
    assessments: Annotated[list[Assessment], msgspec.Meta(min_length=1, max_length=100)]


@routes.post("/reports/assessments", who=Who.STAFF, errors=[WrongState, EditedMeanwhile, NotFound])
async def assess_reports(caller: Caller, body: AssessReports) -> Assessed:
    """批量填写社区意见和评价

    最多 100 份，全部成功或全部不变；被拒绝时 `report_id` 说明是哪一份。
    """
    return await reviewing.assess_reports(caller.person_id, body.assessments)


@routes.post("/reports/<report_id>/correction/decision", who=Who.STAFF, errors=[WrongState])
async def decide_correction(caller: Caller, report_id: Id, body: CorrectionDecision) -> ReportView:
    """处理更正申请

    同意时按此刻的服务记录重新汇总（遗漏的服务请先补录），也可以修改意见和评价。
    """
    return await reviewing.decide_correction(caller.person_id, report_id, body)


@routes.post("/reports/<report_id>/release", who=Who.STAFF, errors=[WrongState, reviewing.CorrectionOpen])
async def release_report(caller: Caller, report_id: Id) -> ReportView:
    """向所属党组织反馈一份"""
    return await reviewing.release_report(caller.person_id, report_id)


class ReleaseReports(Strict):
    community_id: Id
    period: Period


@routes.post("/reports/release", who=Who.STAFF)
async def release_reports(caller: Caller, body: ReleaseReports) -> Released:
    """向所属党组织反馈本社区已就绪的全部"""
    return await reviewing.release_reports(caller.person_id, body.community_id, body.period)
