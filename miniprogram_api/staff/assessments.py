"""工作端：综合评价: schemes, assessments and their steps, and who is ahead among like."""

from typing import Annotated

import msgspec

from miniprogram_api.fields import OfOrganization, OrganizationPage, Reason, Strict
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.figures.assessments import assessing, schemes, views
from server.figures.assessments.assessing import Opened
from server.figures.assessments.schemes import NewScheme, SchemeView
from server.figures.assessments.views import AssessmentView, RankedAssessment
from server.foundation.bounds import RequiredText
from server.foundation.errors import EditedMeanwhile, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page

routes = Routes("工作端：综合评价", prefix="/staff")

AssessedPeriod = Annotated[
    str, msgspec.Meta(pattern=r"^20[0-9]{2}(H[12])?$(?!\n)", description="2031：全年；2031H1：上半年")
]
LongWords = Annotated[RequiredText, msgspec.Meta(max_length=1000)]


@routes.get("/assessment-schemes", who=Who.STAFF)
async def list_schemes(caller: Caller, query: OfOrganization) -> list[SchemeView]:
    """评价方案，最新的在前"""
    return await schemes.list_schemes(caller.person_id, query.organization_id)


@routes.post("/assessment-schemes", who=Who.STAFF, status=201, errors=[EditedMeanwhile])
async def make_scheme(caller: Caller, body: NewScheme) -> SchemeView:
    """制定评价方案（管理员），每次修改生成新版本

    各项指标的权重与居民评价的权重之和为 100，居民评价不低于 20。
    """
    return await schemes.make_scheme(caller.person_id, body)


class OpenAssessments(Strict):
    period: AssessedPeriod


@routes.post("/assessment-schemes/<scheme_id>/open", who=Who.STAFF, errors=[WrongState])
async def open_assessments(caller: Caller, scheme_id: Id, body: OpenAssessments) -> Opened:
    """按方案开始评价，统计数须已全部固定"""
    return await assessing.open_assessments(caller.person_id, scheme_id, body.period)


class AssessmentsPage(OrganizationPage, kw_only=True):
    period: AssessedPeriod


@routes.get("/assessments", who=Who.STAFF)
async def list_assessments(caller: Caller, query: AssessmentsPage) -> Page[AssessmentView]:
    """辖区内某一时段的综合评价"""
    return await views.list_assessments(caller.person_id, query.organization_id, query.period, query)


class OfPeriod(OfOrganization, kw_only=True):
    period: AssessedPeriod


@routes.get("/assessments/ranking", who=Who.STAFF)
async def rank_assessments(caller: Caller, query: OfPeriod) -> list[RankedAssessment]:
    """已定案的评价，在规模相近的社区中排名"""
    return await views.rank_assessments(caller.person_id, query.organization_id, query.period)


@routes.get("/assessments/<assessment_id>", who=Who.STAFF)
async def show_assessment(caller: Caller, assessment_id: Id) -> AssessmentView:
    """一个社区的综合评价"""
    return await views.show_assessment(caller.person_id, assessment_id)


class InWords(Strict):
    words: LongWords


@routes.post("/assessments/<assessment_id>/self", who=Who.STAFF, errors=[WrongState])
async def assess_oneself(caller: Caller, assessment_id: Id, body: InWords) -> AssessmentView:
    """社区自评"""
    return await assessing.assess_oneself(caller.person_id, assessment_id, body.words)


@routes.post("/assessments/<assessment_id>/check", who=Who.STAFF, errors=[WrongState])
async def check_assessment(caller: Caller, assessment_id: Id) -> AssessmentView:
    """核定（本社区的人不能核定）"""
    return await assessing.check_assessment(caller.person_id, assessment_id)


class AdjustAssessment(Strict):
    added: Annotated[float, msgspec.Meta(ge=-20, le=20)]
    reason: Reason


@routes.post("/assessments/<assessment_id>/adjust", who=Who.STAFF, errors=[WrongState])
async def adjust_assessment(caller: Caller, assessment_id: Id, body: AdjustAssessment) -> AssessmentView:
    """加分或减分，记下姓名和原因"""
    return await assessing.adjust_assessment(caller.person_id, assessment_id, body.added, body.reason)


@routes.post("/assessments/<assessment_id>/notify", who=Who.STAFF, errors=[WrongState])
async def notify_assessment(caller: Caller, assessment_id: Id) -> AssessmentView:
    """告知社区"""
    return await assessing.notify_assessment(caller.person_id, assessment_id)


@routes.post("/assessments/<assessment_id>/appeal", who=Who.STAFF, errors=[WrongState])
async def appeal_assessment(caller: Caller, assessment_id: Id, body: InWords) -> AssessmentView:
    """社区申诉"""
    return await assessing.appeal_assessment(caller.person_id, assessment_id, body.words)


@routes.post("/assessments/<assessment_id>/answer", who=Who.STAFF, errors=[WrongState])
async def answer_assessment_appeal(caller: Caller, assessment_id: Id, body: InWords) -> AssessmentView:
    """答复申诉（须由核定人以外的管理员）"""
    return await assessing.answer_assessment_appeal(caller.person_id, assessment_id, body.words)


@routes.post("/assessments/<assessment_id>/finish", who=Who.STAFF, errors=[WrongState])
async def finish_assessment(caller: Caller, assessment_id: Id) -> AssessmentView:
    """定案，之后不再变动"""
    return await assessing.finish_assessment(caller.person_id, assessment_id)
