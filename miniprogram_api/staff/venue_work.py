"""工作端：场所运行: screens and lines at the venue, ratings, complaints, utilization, the three zeros."""

from datetime import date
from typing import Annotated

import msgspec
from sanic.response import HTTPResponse

from miniprogram_api.downloads import send_file
from miniprogram_api.fields import LongText, ShortName, Strict
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.foundation.actions import ActionView
from server.foundation.bounds import RequiredText
from server.foundation.errors import WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.foundation.rates import Group
from server.media.spreadsheets import XLSX
from server.neighbor_center import exports
from server.neighbor_center.counters import actions, arrivals, screens, tickets
from server.neighbor_center.counters.arrivals import VenueCode
from server.neighbor_center.counters.queries import CalledTicket, TicketView
from server.neighbor_center.counters.screens import NewScreen, ScreenView
from server.neighbor_center.errors import QueueClosed, QueueEmpty
from server.neighbor_center.feedback import complaints, ratings
from server.neighbor_center.feedback.complaints import ComplaintsShown, StaffComplaintView
from server.neighbor_center.feedback.ratings import ServiceRatingView
from server.neighbor_center.statistics import three_zeros, utilization
from server.neighbor_center.statistics.three_zeros import ThreeZeros
from server.neighbor_center.statistics.utilization import UtilizationView

routes = Routes("工作端：场所运行", prefix="/staff")


class CreateScreen(Strict):
    name: ShortName


class CallNext(Strict):
    counter: Annotated[RequiredText, msgspec.Meta(max_length=10, description="3号窗口")]


class FinishTicket(Strict):
    missed: bool = False


class ComplaintsQuery(PageQuery):
    shown: ComplaintsShown = ComplaintsShown.OPEN


class AnswerComplaint(Strict):
    """`is_upheld`: the complaint was right."""

    answer: LongText
    is_upheld: bool


class DaysQuery(Strict):
    """From day to day, both included."""

    first_day: date
    last_day: date


@routes.get("/venues/<venue_id>/code", who=Who.STAFF)
async def show_venue_code(caller: Caller, venue_id: Id) -> VenueCode:
    """到场签到二维码

    供手机或网页代替屏幕使用；每 30 秒更换一次。
    """
    return await arrivals.show_venue_code(caller.person_id, venue_id)


@routes.post("/venues/<venue_id>/screens", status=201, who=Who.STAFF)
async def create_screen(caller: Caller, venue_id: Id, body: CreateScreen) -> NewScreen:
    """添加门口屏幕

    其令牌可打开带到场二维码的看板；同时给出场所日历的地址。
    """
    return await screens.create_screen(caller.person_id, venue_id, body.name)


@routes.get("/venues/<venue_id>/screens", who=Who.STAFF)
async def list_screens(caller: Caller, venue_id: Id) -> list[ScreenView]:
    """门口屏幕列表"""
    return await screens.list_screens(caller.person_id, venue_id)


@routes.post("/screens/<screen_id>/end", who=Who.STAFF)
async def end_screen(caller: Caller, screen_id: Id) -> ScreenView:
    """停用门口屏幕"""
    return await screens.end_screen(caller.person_id, screen_id)


@routes.post("/services/<service_id>/tickets", status=201, who=Who.STAFF, errors=[QueueClosed])
async def give_ticket(caller: Caller, service_id: Id) -> TicketView:
    """现场取号（无手机）"""
    return await tickets.give_ticket(caller.person_id, service_id)


@routes.post("/services/<service_id>/call-next", who=Who.STAFF, errors=[QueueEmpty])
async def call_next(caller: Caller, service_id: Id, body: CallNext) -> CalledTicket:
    """叫下一个号

    两个窗口同时叫号得到不同的号码。此前叫到本窗口的号记为已服务。
    """
    return await tickets.call_next(caller.person_id, service_id, body.counter)


@routes.get("/tickets/<ticket_id>/actions", who=Who.STAFF)
async def list_ticket_actions_of_staff(caller: Caller, ticket_id: Id) -> list[ActionView]:
    """窗口对这个号能做什么

    `finish` 为办结，`miss` 为过号。
    """
    return await actions.list_ticket_actions_of_staff(caller.person_id, ticket_id)


@routes.post("/tickets/<ticket_id>/call-again", who=Who.STAFF, errors=[WrongState])
async def call_again(caller: Caller, ticket_id: Id) -> CalledTicket:
    """再叫一次"""
    return await tickets.call_again(caller.person_id, ticket_id)


@routes.post("/tickets/<ticket_id>/finish", who=Who.STAFF, errors=[WrongState])
async def finish_ticket(caller: Caller, ticket_id: Id, body: FinishTicket) -> TicketView:
    """办结或过号"""
    return await tickets.finish_ticket(caller.person_id, ticket_id, missed=body.missed)


@routes.get("/services/<service_id>/ratings", who=Who.STAFF)
async def list_service_ratings(caller: Caller, service_id: Id, query: PageQuery) -> Page[ServiceRatingView]:
    """服务评价

    不含姓名。
    """
    return await ratings.list_service_ratings(caller.person_id, service_id, query)


@routes.get("/venues/<venue_id>/complaints", who=Who.STAFF)
async def list_complaints(caller: Caller, venue_id: Id, query: ComplaintsQuery) -> Page[StaffComplaintView]:
    """场所收到的投诉

    看到的每个人都会留痕。
    """
    return await complaints.list_complaints(caller.person_id, venue_id, shown=query.shown, page=query)


@routes.get("/complaints/<complaint_id>", who=Who.STAFF)
async def show_complaint_to_staff(caller: Caller, complaint_id: Id) -> StaffComplaintView:
    """一条投诉

    通知打开的页面。每次查看都会留痕。
    """
    return await complaints.get_staff_complaint(caller.person_id, complaint_id)


@routes.get("/complaints/<complaint_id>/actions", who=Who.STAFF)
async def list_complaint_actions_of_staff(caller: Caller, complaint_id: Id) -> list[ActionView]:
    """对这条投诉能做什么"""
    return await complaints.list_complaint_actions_of_staff(caller.person_id, complaint_id)


@routes.post("/complaints/<complaint_id>/answer", who=Who.STAFF, errors=[WrongState])
async def answer_complaint(caller: Caller, complaint_id: Id, body: AnswerComplaint) -> StaffComplaintView:
    """答复投诉"""
    return await complaints.answer_complaint(caller.person_id, complaint_id, body.answer, is_upheld=body.is_upheld)


@routes.get("/venues/<venue_id>/utilization", who=Who.STAFF)
async def get_utilization(caller: Caller, venue_id: Id, query: DaysQuery) -> UtilizationView:
    """服务利用率

    按服务项目和一天中的小时统计；最多 92 天。
    """
    return await utilization.get_utilization(caller.person_id, venue_id, query.first_day, query.last_day)


@routes.get("/venues/<venue_id>/utilization/export", who=Who.STAFF, raw=(XLSX,), group=Group.DRAWING)
async def export_utilization(caller: Caller, venue_id: Id, query: DaysQuery) -> HTTPResponse:
    """导出服务利用率（xlsx）

    每次导出都会留痕。
    """
    return send_file(
        await exports.export_utilization(caller.person_id, venue_id, query.first_day, query.last_day), XLSX
    )


@routes.get("/organizations/<organization_id>/three-zeros", who=Who.STAFF)
async def get_three_zeros(caller: Caller, organization_id: Id, query: DaysQuery) -> ThreeZeros:
    """零积压、零距离、零差错

    该组织及其下级的所有场所。
    """
    return await three_zeros.get_three_zeros(caller.person_id, organization_id, query.first_day, query.last_day)


@routes.get("/organizations/<organization_id>/three-zeros/export", who=Who.STAFF, raw=(XLSX,), group=Group.DRAWING)
async def export_three_zeros(caller: Caller, organization_id: Id, query: DaysQuery) -> HTTPResponse:
    """导出零积压、零距离、零差错（xlsx）

    每次导出都会留痕。
    """
    return send_file(
        await exports.export_three_zeros(caller.person_id, organization_id, query.first_day, query.last_day), XLSX
    )
