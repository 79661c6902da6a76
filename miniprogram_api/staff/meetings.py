"""工作端：联席会议: members, each meeting's way, and resolutions until they are public."""

from datetime import date
from typing import Annotated

import msgspec

from miniprogram_api.fields import Note, OfOrganization, OrganizationPage, Reason, Statement, Strict, WithReason
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.co_building.meetings import meeting, members, resolutions, views
from server.co_building.meetings.meeting import NewMeeting
from server.co_building.meetings.members import AlreadyMember, MeetingMemberView, NewMeetingMember
from server.co_building.meetings.models import ResolutionState
from server.co_building.meetings.views import MeetingCard, MeetingView, ResolutionCard, ResolutionView
from server.foundation.bounds import RequiredText
from server.foundation.errors import EditedMeanwhile, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page

routes = Routes("工作端：联席会议", prefix="/staff")


@routes.get("/meeting-members", who=Who.STAFF)
async def list_meeting_members(caller: Caller, query: OfOrganization) -> list[MeetingMemberView]:
    """联席会议成员"""
    return await members.list_meeting_members(caller.person_id, query.organization_id)


@routes.post("/meeting-members", who=Who.STAFF, status=201, errors=[AlreadyMember, NotFound])
async def add_meeting_member(caller: Caller, body: NewMeetingMember) -> MeetingMemberView:
    """增加联席会议成员

    单位和物业服务企业选单位，由其联络员参加；其他成员选人员。
    """
    return await members.add_meeting_member(caller.person_id, body)


@routes.post("/meeting-members/<member_id>/end", who=Who.STAFF, errors=[WrongState])
async def end_meeting_member(caller: Caller, member_id: Id) -> None:
    """不再担任成员；其承办的决议仍由其办完"""
    await members.end_meeting_member(caller.person_id, member_id)


@routes.get("/meetings", who=Who.STAFF)
async def list_meetings(caller: Caller, query: OrganizationPage) -> Page[MeetingCard]:
    """辖区内的联席会议，最新的在前"""
    return await views.list_meetings(caller.person_id, query.organization_id, query)


@routes.post("/meetings", who=Who.STAFF, status=201, errors=[NotFound])
async def plan_meeting(caller: Caller, body: NewMeeting) -> MeetingView:
    """筹备一次联席会议"""
    return await meeting.plan_meeting(caller.person_id, body)


@routes.post("/meetings/<meeting_id>/invite", who=Who.STAFF, errors=[WrongState])
async def invite_to_meeting(caller: Caller, meeting_id: Id) -> MeetingView:
    """通知成员开会并征集议题，须满提前通知的天数"""
    return await meeting.invite_to_meeting(caller.person_id, meeting_id)


@routes.post("/meetings/<meeting_id>/cancel", who=Who.STAFF, errors=[WrongState])
async def cancel_meeting(caller: Caller, meeting_id: Id, body: WithReason) -> MeetingView:
    """取消会议并告知成员"""
    return await meeting.cancel_meeting(caller.person_id, meeting_id, body.reason)


class DecideTopic(Strict):
    accepted: bool
    reason: Note = ""


@routes.post("/meeting-topics/<topic_id>/decide", who=Who.STAFF, errors=[WrongState])
async def decide_topic(caller: Caller, topic_id: Id, body: DecideTopic) -> MeetingView:
    """决定议题是否列入；不列入的写明理由"""
    return await meeting.decide_topic(caller.person_id, topic_id, accepted=body.accepted, reason=body.reason)


class MarkAttendance(Strict):
    member_ids: Annotated[list[Id], msgspec.Meta(max_length=200)]


@routes.put("/meetings/<meeting_id>/attendance", who=Who.STAFF, errors=[WrongState])
async def mark_meeting_attendance(caller: Caller, meeting_id: Id, body: MarkAttendance) -> MeetingView:
    """登记到会的成员，其余为未到"""
    return await meeting.mark_meeting_attendance(caller.person_id, meeting_id, body.member_ids)


@routes.post("/meetings/<meeting_id>/open", who=Who.STAFF, errors=[WrongState])
async def open_meeting(caller: Caller, meeting_id: Id) -> MeetingView:
    """开会：到会须过半数，到期未公开的决议列在议程最前"""
    return await meeting.open_meeting(caller.person_id, meeting_id)


class PassResolution(Strict):
    text: Statement
    due_on: date
    owner_id: Annotated[Id | None, msgspec.Meta(description="a member who was invited; null: the organization")] = None


@routes.post("/meetings/<meeting_id>/resolutions", who=Who.STAFF, status=201, errors=[WrongState])
async def pass_resolution(caller: Caller, meeting_id: Id, body: PassResolution) -> ResolutionView:
    """记下决议、承办方和办结日期"""
    return await resolutions.pass_resolution(caller.person_id, meeting_id, body.text, body.due_on, body.owner_id)


class WriteMinutes(Strict):
    text: Annotated[RequiredText, msgspec.Meta(max_length=20000)]


@routes.post("/meetings/<meeting_id>/minutes", who=Who.STAFF, errors=[WrongState])
async def write_minutes(caller: Caller, meeting_id: Id, body: WriteMinutes) -> MeetingView:
    """写会议纪要，每次修改生成新版本"""
    return await meeting.write_minutes(caller.person_id, meeting_id, body.text)


class ApproveMinutes(Strict):
    number: Annotated[int, msgspec.Meta(ge=1, le=30000)]


@routes.post("/meetings/<meeting_id>/approve", who=Who.STAFF, errors=[EditedMeanwhile, WrongState])
async def approve_minutes(caller: Caller, meeting_id: Id, body: ApproveMinutes) -> MeetingView:
    """通过纪要（由执笔人以外的人），会议结束

    列在议程上的到期决议须已报告结果，或写明理由改期。
    """
    return await meeting.approve_minutes(caller.person_id, meeting_id, body.number)


class ResolutionsPage(OrganizationPage, kw_only=True):
    state: ResolutionState = ResolutionState.OPEN


@routes.get("/meeting-resolutions", who=Who.STAFF)
async def list_resolutions(caller: Caller, query: ResolutionsPage) -> Page[ResolutionCard]:
    """辖区内的联席会议决议，最新的在前"""
    return await views.list_resolutions(caller.person_id, query.organization_id, query.state, query)


class ExtendResolution(Strict):
    due_on: date
    reason: Reason


@routes.post("/meeting-resolutions/<resolution_id>/extend", who=Who.STAFF, errors=[WrongState])
async def extend_resolution(caller: Caller, resolution_id: Id, body: ExtendResolution) -> ResolutionView:
    """写明理由，改期办结"""
    return await resolutions.extend_resolution(caller.person_id, resolution_id, body.due_on, body.reason)


@routes.post("/meeting-resolutions/<resolution_id>/send-back", who=Who.STAFF, errors=[WrongState])
async def send_back_resolution(caller: Caller, resolution_id: Id, body: WithReason) -> ResolutionView:
    """结果不实，退回继续办理"""
    return await resolutions.send_back_resolution(caller.person_id, resolution_id, body.reason)


@routes.post("/meeting-resolutions/<resolution_id>/publish", who=Who.STAFF, errors=[WrongState])
async def publish_resolution(caller: Caller, resolution_id: Id) -> ResolutionView:
    """公开办理结果"""
    return await resolutions.publish_resolution(caller.person_id, resolution_id)
