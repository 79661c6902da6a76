"""联席会议 joint meetings: what those do who are invited, and what everybody reads of what was resolved."""

from typing import Annotated

import msgspec

from miniprogram_api.fields import LongText, Note, Strict
from miniprogram_api.routing import Routes
from server.accounts.sessions import Caller
from server.co_building.meetings import meeting, resolutions, views
from server.co_building.meetings.views import MeetingCard, MeetingView, ResolutionCard, ResolutionView
from server.foundation.bounds import RequiredText
from server.foundation.errors import WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery

routes = Routes("联席会议 joint meetings")


@routes.get("/meetings")
async def list_my_meetings(caller: Caller, query: PageQuery) -> Page[MeetingCard]:
    """我受邀参加的联席会议，最新的在前

    单位联络员看到的是本单位受邀的会议。
    """
    return await views.list_my_meetings(caller.person_id, query)


@routes.get("/meetings/<meeting_id>")
async def get_meeting(caller: Caller, meeting_id: Id) -> MeetingView:
    """一次联席会议：成员、议程、纪要和决议

    到期未公开的决议排在议程最前。
    """
    return await views.get_meeting(caller.person_id, meeting_id)


class AnswerInvitation(Strict):
    is_coming: bool
    reason: Note = ""


@routes.put("/meetings/<meeting_id>/answer", errors=[WrongState])
async def answer_invitation(caller: Caller, meeting_id: Id, body: AnswerInvitation) -> MeetingView:
    """答复能否参加，开会前可以改"""
    return await meeting.answer_invitation(caller.person_id, meeting_id, is_coming=body.is_coming, reason=body.reason)


class ProposeTopic(Strict):
    title: Annotated[RequiredText, msgspec.Meta(max_length=60)]
    text: Annotated[str, msgspec.Meta(max_length=1000)] = ""


@routes.post("/meetings/<meeting_id>/topics", errors=[WrongState])
async def propose_topic(caller: Caller, meeting_id: Id, body: ProposeTopic) -> MeetingView:
    """提出议题

    成员在征集截止前提出，由工作人员决定是否列入；工作人员提出的直接列入。
    """
    return await meeting.propose_topic(caller.person_id, meeting_id, body.title, body.text)


class OfMeetingPlace(PageQuery):
    organization_id: Id


@routes.get("/meeting-resolutions")
async def list_public_resolutions(caller: Caller, query: OfMeetingPlace) -> Page[ResolutionCard]:  # noqa: ARG001
    """一个社区或街道已公开的联席会议决议，最新的在前"""
    return await views.list_public_resolutions(query.organization_id, query)


@routes.get("/meeting-resolutions/<resolution_id>")
async def get_resolution(caller: Caller, resolution_id: Id) -> ResolutionView:
    """一项决议和它的全部经过"""
    return await views.get_resolution(caller.person_id, resolution_id)


class ReportResolution(Strict):
    result: LongText


@routes.post("/meeting-resolutions/<resolution_id>/report", errors=[WrongState])
async def report_resolution(caller: Caller, resolution_id: Id, body: ReportResolution) -> ResolutionView:
    """报告办理结果

    由承办的成员报告；由社区或街道自己承办的，由其工作人员报告。
    """
    return await resolutions.report_resolution(caller.person_id, resolution_id, body.result)
