"""邻里中心 neighbor center: venues, what they offer and when, and what is to be said about them."""

from datetime import date
from typing import Annotated

import msgspec
from sanic.response import HTTPResponse

from miniprogram_api.calendars import CALENDAR_TYPE
from miniprogram_api.fields import Days, DutiesQuery, Longitude, LongText, Strict, VenueLatitude, Year
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.neighbor_center.bookings import availability, feeds
from server.neighbor_center.bookings.availability import AvailabilityView, RoomDay
from server.neighbor_center.counters import screens
from server.neighbor_center.counters.screens import BoardView
from server.neighbor_center.feedback import complaints
from server.neighbor_center.feedback.complaints import ComplaintView
from server.neighbor_center.opening import duties, holiday_years
from server.neighbor_center.opening.duties import DutyDay
from server.neighbor_center.opening.holiday_years import YearView
from server.neighbor_center.statistics import coverage
from server.neighbor_center.statistics.coverage import CircleCoverage
from server.neighbor_center.venues import queries
from server.neighbor_center.venues.models import VenueKind
from server.neighbor_center.venues.queries import (
    FIFTEEN_MINUTES_METERS,
    ExceptionView,
    ServiceView,
    VenueBrief,
    VenueView,
)

routes = Routes("邻里中心 neighbor center")

Meters = Annotated[int, msgspec.Meta(ge=100, le=20_000)]


class VenuesQuery(PageQuery):
    organization_id: Id | None = None
    kind: VenueKind | None = None


class NearbyQuery(PageQuery):
    """A point in gcj02, as wx.getLocation gives it."""

    longitude: Longitude
    latitude: VenueLatitude
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


@routes.get("/venues")
async def list_venues(caller: Caller, query: VenuesQuery) -> Page[VenueBrief]:
    """服务场所列表

    Those of an organization and everything below it; without `organization_id`, of the caller's community.
    """
    return await queries.list_venues(
        caller.person_id,
        organization_id=query.organization_id,
        kind=query.kind,
        cursor=query.cursor,
        limit=query.limit,
    )


@routes.get("/venues/nearby", who=Who.ANYONE)
async def list_nearby_venues(query: NearbyQuery) -> Page[VenueBrief]:
    """附近的服务场所（一刻钟服务圈）

    Nearest first, within 1.2 km (a walk of fifteen minutes) unless `meters` says otherwise.
    """
    return await queries.list_nearby_venues(
        query.longitude,
        query.latitude,
        meters=query.meters,
        kind=query.kind,
        cursor=query.cursor,
        limit=query.limit,
    )


@routes.get("/organizations/<organization_id>/circle-coverage", who=Who.ANYONE, per_minute=60)
async def get_circle_coverage(organization_id: Id, query: CoverageQuery) -> CircleCoverage:
    """一刻钟服务圈覆盖率

    Which share of the buildings of a community (or of any organization's subtree) lies within a walk of fifteen
    minutes from a venue, and the buildings that do not.
    """
    return await coverage.get_circle_coverage(organization_id, meters=query.meters, kind=query.kind)


@routes.get("/venues/<venue_id>", who=Who.ANYONE)
async def get_venue(venue_id: Id) -> VenueView:
    """服务场所详情及服务项目"""
    return await queries.get_venue(venue_id)


@routes.get("/services/<service_id>", who=Who.ANYONE)
async def get_service(service_id: Id) -> ServiceView:
    """服务项目详情"""
    return await queries.get_service(service_id)


@routes.get("/services/<service_id>/availability")
async def get_availability(caller: Caller, service_id: Id, query: AvailabilityQuery) -> AvailabilityView:
    """可预约时段

    At most 31 days, today first. Each slot says what booking it would answer; the limits are shown before the click.
    """
    return await availability.get_availability(
        caller.person_id, service_id, first_day=query.first_day, days=query.days, person_id=query.person_id
    )


@routes.get("/services/<service_id>/room-day")
async def get_room_day(caller: Caller, service_id: Id, query: RoomDayQuery) -> RoomDay:
    """活动室某日的空闲时间

    With what the caller, or somebody they look after, may have of it.
    """
    return await availability.get_room_day(caller.person_id, service_id, query.day, query.person_id)


@routes.get("/venues/<venue_id>/duties", who=Who.ANYONE)
async def list_duties(venue_id: Id, query: DutiesQuery) -> list[DutyDay]:
    """坐班值班安排

    Who is on duty each day, holidays and make-up working days included.
    """
    return await duties.list_duties(venue_id, query.first_day, query.days)


@routes.get("/venues/<venue_id>/opening-exceptions", who=Who.ANYONE)
async def list_opening_exceptions(venue_id: Id) -> list[ExceptionView]:
    """停开和加开的日子

    From today on, with the reason.
    """
    return await queries.list_opening_exceptions(venue_id)


@routes.get("/holidays", who=Who.ANYONE)
async def get_holiday_year(query: YearQuery) -> YearView:
    """某年的节假日和调休"""
    return await holiday_years.get_holiday_year(query.year)


@routes.get("/venues/<venue_id>/board", who=Who.ANYONE, per_minute=240)
async def get_board(venue_id: Id) -> BoardView:
    """场所今日看板

    Today's services, rooms, lines and who is on duty. No personal data, and no arrival code.
    """
    return await screens.get_board(venue_id)


@routes.get("/screen-board", who=Who.ANYONE, per_minute=240, errors=[NotFound])
async def show_screen(query: BoardQuery) -> BoardView:
    """门口屏幕的看板

    The board with the arrival code, for a screen with its token. Ask again when the code's `shown_until` has come.
    """
    return await screens.show_screen(query.token)


@routes.get("/venue-calendars/<name>", who=Who.ANYONE, per_minute=120)
async def read_venue_calendar(name: str) -> HTTPResponse:
    """场所日历订阅（ICS）

    What is booked at a venue, without names. The address comes with a screen, is signed and needs no sign-in.
    """
    return HTTPResponse(await feeds.read_venue_feed(name), content_type=CALENDAR_TYPE)


@routes.post("/venues/<venue_id>/complaints", status=201)
async def complain(caller: Caller, venue_id: Id, body: Complain) -> ComplaintView:
    """投诉

    An answer is promised within three days.
    """
    return await complaints.complain(caller.person_id, venue_id, body.text, service_id=body.service_id)


@routes.get("/complaints")
async def list_my_complaints(caller: Caller, query: PageQuery) -> Page[ComplaintView]:
    """我的投诉"""
    return await complaints.list_my_complaints(caller.person_id, cursor=query.cursor, limit=query.limit)


@routes.get("/complaints/<complaint_id>")
async def get_complaint(caller: Caller, complaint_id: Id) -> ComplaintView:
    """投诉详情"""
    return await complaints.get_complaint(caller.person_id, complaint_id)
