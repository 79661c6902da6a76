"""邻里中心 neighbor center: venues, what they offer and when, and what is to be said about them."""

from datetime import date
from typing import Annotated

import msgspec
from sanic.response import HTTPResponse

from miniprogram_api.calendars import CALENDAR_TYPE
from miniprogram_api.fields import Days, DutiesQuery, LongText, Strict, Year
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.accounts.sharing import SharedCard
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.location import Latitude, Longitude
from server.foundation.pages import Page, PageQuery
from server.foundation.rates import Group
from server.foundation.search import Search
from server.neighbor_center.bookings import availability, feeds
from server.neighbor_center.bookings.availability import AvailabilityView, RoomDay, RoomDays
from server.neighbor_center.changes import holiday_years
from server.neighbor_center.changes.holiday_years import YearView
from server.neighbor_center.counters import screens
from server.neighbor_center.counters.screens import BoardView
from server.neighbor_center.feedback import complaints
from server.neighbor_center.feedback.complaints import ComplaintView
from server.neighbor_center.opening import duties, offers
from server.neighbor_center.opening import queries as opening_queries
from server.neighbor_center.opening.duties import DutyDay
from server.neighbor_center.opening.offers import ServiceView, VenueView
from server.neighbor_center.opening.queries import ExceptionView
from server.neighbor_center.statistics import coverage
from server.neighbor_center.statistics.coverage import CircleCoverage
from server.neighbor_center.venues import queries, sharing
from server.neighbor_center.venues.models import VenueKind
from server.neighbor_center.venues.queries import FIFTEEN_MINUTES_METERS, VenueBrief

routes = Routes("邻里中心 neighbor center")

Meters = Annotated[int, msgspec.Meta(ge=100, le=20_000)]


class VenuesQuery(PageQuery):
    organization_id: Id | None = None
    kind: VenueKind | None = None
    search: Search = ""


class NearbyQuery(PageQuery):
    """A point in gcj02, as wx.getLocation gives it."""

    longitude: Longitude
    latitude: Latitude
    meters: Meters = FIFTEEN_MINUTES_METERS
    kind: VenueKind | None = None


class AvailabilityQuery(Strict):
    first_day: date | None = None
    days: Days = 7
    person_id: Id | None = None


class RoomDayQuery(Strict):
    day: date
    person_id: Id | None = None


class CoverageQuery(Strict):
    meters: Meters = FIFTEEN_MINUTES_METERS
    kind: VenueKind | None = None


class YearQuery(Strict):
    year: Year


class BoardQuery(Strict):
    token: Annotated[str, msgspec.Meta(min_length=20, max_length=80, description="of the screen")]


class Complain(Strict):
    text: LongText
    service_id: Id | None = None


@routes.get("/venues", may_lag=True)
async def list_venues(caller: Caller, query: VenuesQuery) -> Page[VenueBrief]:
    """服务场所列表

    某组织及其所有下级的场所；不填 `organization_id` 时为本人所在社区的，尚未选择社区时为全市的。
    `search` 在名称、地址和服务项目中查找，每个词至少两个字。
    """
    return await queries.list_venues(
        caller.person_id, organization_id=query.organization_id, kind=query.kind, search=query.search, page=query
    )


@routes.get("/venues/nearby", who=Who.ANYONE, may_lag=True)
async def list_nearby_venues(caller: Caller | None, query: NearbyQuery) -> Page[VenueBrief]:
    """附近的服务场所（一刻钟服务圈）

    由近及远，默认 1.2 公里（步行十五分钟）以内，可用 `meters` 另定。
    """
    return await queries.list_nearby_venues(
        caller.person_id if caller else None,
        query.longitude,
        query.latitude,
        meters=query.meters,
        kind=query.kind,
        page=query,
    )


@routes.get("/organizations/<organization_id>/circle-coverage", who=Who.ANYONE)
async def get_circle_coverage(organization_id: Id, query: CoverageQuery) -> CircleCoverage:
    """一刻钟服务圈覆盖率

    一个社区（或任一组织及其下级）的楼栋中，步行十五分钟可达某个场所的比例，以及尚未覆盖的楼栋。
    """
    return await coverage.get_circle_coverage(organization_id, meters=query.meters, kind=query.kind)


@routes.get("/venues/<venue_id>", who=Who.ANYONE)
async def get_venue(caller: Caller | None, venue_id: Id) -> VenueView:
    """服务场所详情及服务项目"""
    return await offers.get_venue(venue_id, caller.person_id if caller else None)


@routes.get("/venues/<venue_id>/shared", who=Who.ANYONE)
async def show_shared_venue(caller: Caller | None, venue_id: Id) -> SharedCard:
    """分享链接打开的服务场所卡片

    任何人都可查看。`why` 和 `advice` 说明还差什么、怎么办。
    """
    return await sharing.show_shared_venue(caller.person_id if caller else None, venue_id)


@routes.get("/services/<service_id>/shared", who=Who.ANYONE)
async def show_shared_service(caller: Caller | None, service_id: Id) -> SharedCard:
    """分享链接打开的服务项目卡片

    任何人都可查看。`why` 和 `advice` 说明还差什么、怎么办。
    """
    return await sharing.show_shared_service(caller.person_id if caller else None, service_id)


@routes.get("/services/<service_id>", who=Who.ANYONE)
async def get_service(caller: Caller | None, service_id: Id) -> ServiceView:
    """服务项目详情"""
    return await offers.get_service(service_id, caller.person_id if caller else None)


@routes.get("/services/<service_id>/availability")
async def get_availability(caller: Caller, service_id: Id, query: AvailabilityQuery) -> AvailabilityView:
    """可预约时段

    从今天起，最多 31 天。每个时段都说明此时预约会得到的结果，点击之前即可看到各项限制。
    """
    return await availability.get_availability(
        caller.person_id, service_id, first_day=query.first_day, days=query.days, person_id=query.person_id
    )


@routes.get("/services/<service_id>/room-day")
async def get_room_day(caller: Caller, service_id: Id, query: RoomDayQuery) -> RoomDay:
    """活动室某日的空闲时间

    并说明本人或所照看的家人可以使用哪些时间。
    """
    return await availability.get_room_day(caller.person_id, service_id, query.day, query.person_id)


@routes.get("/services/<service_id>/room-days")
async def get_room_days(caller: Caller, service_id: Id, query: AvailabilityQuery) -> RoomDays:
    """活动室多日的空闲时间

    从今天或指定的一天起，最多 31 天，一次给出。
    """
    return await availability.get_room_days(
        caller.person_id, service_id, first_day=query.first_day, days=query.days, person_id=query.person_id
    )


@routes.get("/venues/<venue_id>/duties", who=Who.ANYONE)
async def list_duties(venue_id: Id, query: DutiesQuery) -> list[DutyDay]:
    """坐班值班安排

    每天由谁值班，含节假日和调休上班日。
    """
    return await duties.list_duties(venue_id, query.first_day, query.days)


@routes.get("/venues/<venue_id>/opening-exceptions", who=Who.ANYONE)
async def list_opening_exceptions(venue_id: Id) -> list[ExceptionView]:
    """停开和加开的日子

    从今天起，附原因。
    """
    return await opening_queries.list_opening_exceptions(venue_id)


@routes.get("/holidays", who=Who.ANYONE)
async def get_holiday_year(query: YearQuery) -> YearView:
    """某年的节假日和调休"""
    return await holiday_years.get_holiday_year(query.year)


@routes.get("/venues/<venue_id>/board", who=Who.ANYONE)
async def get_board(venue_id: Id) -> BoardView:
    """场所今日看板

    今天的服务、活动室、排队和值班人员。不含个人信息，也没有到场二维码。
    """
    return await screens.get_board(venue_id)


@routes.get("/screen-board", who=Who.ANYONE, errors=[NotFound])
async def show_screen(query: BoardQuery) -> BoardView:
    """门口屏幕的看板

    带到场二维码的看板，供持有令牌的屏幕使用。到了二维码的 `shown_until` 时再次获取。
    """
    return await screens.show_screen(query.token)


@routes.get("/venue-calendars/<name>", who=Who.ANYONE, raw=("text/calendar",), is_subscribed=True)
async def read_venue_calendar(name: str) -> HTTPResponse:
    """场所日历订阅（ICS）

    场所的预约情况，不含姓名。地址随屏幕给出，带签名，无需登录。
    """
    return HTTPResponse(await feeds.read_venue_feed(name), content_type=CALENDAR_TYPE)


@routes.post("/venues/<venue_id>/complaints", status=201, group=Group.REVIEWED)
async def complain(caller: Caller, venue_id: Id, body: Complain) -> ComplaintView:
    """投诉

    承诺三天内答复。
    """
    return await complaints.complain(caller.person_id, venue_id, body.text, service_id=body.service_id)


@routes.get("/complaints")
async def list_my_complaints(caller: Caller, query: PageQuery) -> Page[ComplaintView]:
    """我的投诉"""
    return await complaints.list_my_complaints(caller.person_id, query)


@routes.get("/complaints/<complaint_id>")
async def get_complaint(caller: Caller, complaint_id: Id) -> ComplaintView:
    """投诉详情"""
    return await complaints.get_complaint(caller.person_id, complaint_id)
