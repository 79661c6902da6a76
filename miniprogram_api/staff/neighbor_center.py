"""工作端：邻里中心: venues, services, when they are open, who is on duty."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, TypeVar, cast

import msgspec

from miniprogram_api.fields import (
    DutiesQuery,
    PartySize,
    PhoneIfAny,
    ShortName,
    ShownReason,
    Strict,
    Words,
    Year,
)
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.calendars.holidays import SpecialDay
from server.foundation.bounds import Moment, RequiredText, Version
from server.foundation.dates import minutes_of
from server.foundation.errors import EditedMeanwhile, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.location import Location
from server.media.uploads.uploading import PictureUnusable
from server.neighbor_center.changes import holiday_years, venues
from server.neighbor_center.changes import hours as opening
from server.neighbor_center.changes.affected import Answers
from server.neighbor_center.changes.calendars import CalendarChange
from server.neighbor_center.errors import RoomTaken, SlotNotOffered
from server.neighbor_center.opening import duties
from server.neighbor_center.opening.duties import DutyDay, DutyView, NewDuty
from server.neighbor_center.opening.hours import Hours, WallClock
from server.neighbor_center.opening.models import ExceptionKind
from server.neighbor_center.opening.offers import ServiceView, VenueView
from server.neighbor_center.venues.models import (
    Accessibility,
    ServiceKind,
    ServiceMode,
    ServiceState,
    VenueKind,
    VenueState,
    WhoMayBook,
)
from server.places.errors import PlacesFull

routes = Routes("工作端：邻里中心", prefix="/staff")

Minutes = Annotated[int, msgspec.Meta(ge=5, le=720)]
BufferMinutes = Annotated[int, msgspec.Meta(ge=0, le=240)]
FewBookings = Annotated[int, msgspec.Meta(ge=1, le=100)]
BodyT = TypeVar("BodyT", bound=Strict)
_AFFECTS = [SlotNotOffered, PlacesFull, RoomTaken, WrongState]
"""What a change of calendars can be refused with, when a booking cannot be moved as asked."""


def _all_may_be_left_out(made: type[Strict], *besides: str) -> Callable[[type[BodyT]], type[BodyT]]:
    """Gives the body of a change the fields with which the thing is `made`, apart from those `besides`."""

    def extend(body: type[BodyT]) -> type[BodyT]:
        left = [field for field in msgspec.structs.fields(made) if field.name not in besides]
        fields: list[Any] = [(field.name, field.type | msgspec.UnsetType, msgspec.UNSET) for field in left]
        namespace = {"__doc__": body.__doc__, "__module__": body.__module__}
        return cast("type[BodyT]", msgspec.defstruct(body.__name__, fields, bases=(body,), namespace=namespace))

    return extend


class CreateVenue(Strict):
    organization_id: Id
    kind: VenueKind
    name: Annotated[RequiredText, msgspec.Meta(max_length=60)]
    address: Annotated[RequiredText, msgspec.Meta(max_length=120)]
    location: Location
    phone: PhoneIfAny = ""
    opening: Annotated[str, msgspec.Meta(max_length=200)] = ""
    facilities: Words = ""
    accessibility: Annotated[list[Accessibility], msgspec.Meta(max_length=10)] = []
    picture_ids: Annotated[list[Id], msgspec.Meta(max_length=9)] = []


class BookingMove(Strict):
    """Where an affected booking goes: the beginning of another slot, or of a room's time of the same length."""

    booking_id: Id
    starts_at: Moment


class Confirmable(Strict):
    """A change that may leave bookings without their time. Those in `cancel_bookings` are then cancelled, those in
    `move_bookings` moved, and their holders are told the `reason`; while others are affected, nothing is changed and
    they are listed."""

    cancel_bookings: Annotated[list[Id], msgspec.Meta(max_length=5000)] = []
    move_bookings: Annotated[list[BookingMove], msgspec.Meta(max_length=5000)] = []
    reason: Annotated[str, msgspec.Meta(max_length=100)] = ""

    def answers(self) -> Answers:
        moves = {move.booking_id: move.starts_at for move in self.move_bookings}
        return Answers(frozenset(self.cancel_bookings), moves, self.reason)


@_all_may_be_left_out(CreateVenue, "organization_id")
class UpdateVenue(Confirmable, kw_only=True):
    """What is not given stays as it is."""

    version: Version
    state: VenueState | msgspec.UnsetType = msgspec.UNSET


class CreateService(Strict):
    """`minutes`: a slot's length, or a room's shortest booking (with `longest_minutes`). See the service's own
    description for the terms: `released_at` is when a new day opens for booking, `book_until_minutes` how long before
    the start it closes, `max_repeats` how often a repeating booking may repeat, `answer_within_hours` the promise about
    requests. `area_ids` and `travel_minutes` are for home visits."""

    kind: ServiceKind
    name: ShortName
    minutes: Minutes
    description: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    buffer_minutes: BufferMinutes = 0
    longest_minutes: Minutes | None = None
    capacity: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    max_party_size: PartySize = 1
    may_wait: bool = True
    who_may_book: WhoMayBook = WhoMayBook.ANYONE
    needs_approval: bool = False
    mode: ServiceMode = ServiceMode.AT_VENUE
    max_open_per_person: FewBookings = 3
    max_per_day: FewBookings = 1
    max_per_month: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None
    max_repeats: Annotated[int, msgspec.Meta(ge=0, le=53)] = 0
    days_ahead: Annotated[int, msgspec.Meta(ge=0, le=365)] = 14
    released_at: WallClock = "00:00"
    book_until_minutes: Annotated[int, msgspec.Meta(ge=0, le=43_200)] = 0
    cancel_until_minutes: Annotated[int, msgspec.Meta(ge=0, le=10_080)] = 120
    answer_within_hours: Annotated[int, msgspec.Meta(ge=1, le=240)] = 24
    travel_minutes: BufferMinutes = 0
    area_ids: Annotated[list[Id], msgspec.Meta(max_length=200)] = []
    documents: Annotated[list[Annotated[RequiredText, msgspec.Meta(max_length=30)]], msgspec.Meta(max_length=10)] = []
    price: Annotated[int, msgspec.Meta(ge=0, le=10_000_000, description="分, as information only")] = 0


@_all_may_be_left_out(CreateService, "kind", "mode", "may_wait")
class UpdateService(Confirmable, kw_only=True):
    """What is not given stays as it is. Kind and mode are what a service is, and do not change."""

    version: Version
    state: ServiceState | msgspec.UnsetType = msgspec.UNSET


class AddOpeningRule(Confirmable, kw_only=True):
    """`valid_until` is the last day."""

    hours: Hours
    valid_from: date
    valid_until: date | None = None


class ChangeWeeklyHours(Confirmable, kw_only=True):
    """All the weekly hours from that day on; the older ones end the day before."""

    from_day: date
    hours: Annotated[list[Hours], msgspec.Meta(max_length=50)]


class EndOpeningRule(Confirmable, kw_only=True):
    last_day: date


class AddOpeningException(Confirmable, kw_only=True):
    """Of the whole venue, or of one service. Without hours, the whole day. The `reason` is also shown at the door."""

    day: date
    kind: ExceptionKind
    service_id: Id | None = None
    opens: WallClock = "00:00"
    closes: WallClock = "24:00"
    reason: ShownReason


class LoadHolidayYear(Confirmable, kw_only=True):
    """All public holidays and make-up working days of a year."""

    year: Year
    days: Annotated[list[SpecialDay], msgspec.Meta(min_length=1, max_length=100)]


class EndDuty(Strict):
    last_day: date


@routes.post("/venues", status=201, who=Who.STAFF, errors=[PictureUnusable])
async def create_venue(caller: Caller, body: CreateVenue) -> VenueView:
    """新建服务场所"""
    return await venues.create_venue(caller.person_id, body.organization_id, _given(body))


@routes.patch("/venues/<venue_id>", who=Who.STAFF, errors=[*_AFFECTS, EditedMeanwhile, PictureUnusable])
async def update_venue(caller: Caller, venue_id: Id, body: UpdateVenue) -> CalendarChange:
    """修改服务场所

    关闭场所会取消今后的预约：先列出受影响的预约。
    """
    return await venues.update_venue(caller.person_id, venue_id, body.version, _given(body), body.answers())


@routes.post("/venues/<venue_id>/services", status=201, who=Who.STAFF, errors=[WrongState])
async def create_service(caller: Caller, venue_id: Id, body: CreateService) -> ServiceView:
    """新建服务项目"""
    return await venues.create_service(caller.person_id, venue_id, _given(body))


@routes.patch("/services/<service_id>", who=Who.STAFF, errors=[*_AFFECTS, EditedMeanwhile])
async def update_service(caller: Caller, service_id: Id, body: UpdateService) -> CalendarChange:
    """修改服务项目

    改变时长或间隔会移动时段，停止服务会取消今后的预约：先列出受影响的预约。
    """
    return await venues.update_service(caller.person_id, service_id, body.version, _given(body), body.answers())


@routes.post("/services/<service_id>/opening-rules", who=Who.STAFF, errors=_AFFECTS)
async def add_opening_rule(caller: Caller, service_id: Id, body: AddOpeningRule) -> CalendarChange:
    """增加每周开放时间"""
    return await opening.add_opening_rule(
        caller.person_id,
        service_id,
        body.hours,
        valid_from=body.valid_from,
        valid_until=body.valid_until,
        answers=body.answers(),
    )


@routes.put("/services/<service_id>/weekly-hours", who=Who.STAFF, errors=_AFFECTS)
async def change_weekly_hours(caller: Caller, service_id: Id, body: ChangeWeeklyHours) -> CalendarChange:
    """更换每周开放时间

    从某天起整体更换：只列出不在任何新时间之内的预约。
    """
    return await opening.change_weekly_hours(
        caller.person_id,
        service_id,
        body.hours,
        from_day=body.from_day,
        answers=body.answers(),
    )


@routes.post("/opening-rules/<rule_id>/end", who=Who.STAFF, errors=_AFFECTS)
async def end_opening_rule(caller: Caller, rule_id: Id, body: EndOpeningRule) -> CalendarChange:
    """结束每周开放时间

    先列出 `last_day` 之后的预约。
    """
    return await opening.end_opening_rule(caller.person_id, rule_id, body.last_day, body.answers())


@routes.post("/venues/<venue_id>/opening-exceptions", who=Who.STAFF, errors=_AFFECTS)
async def add_opening_exception(caller: Caller, venue_id: Id, body: AddOpeningException) -> CalendarChange:
    """停开或加开某日

    先列出停开会取消的预约；确认后改期或取消，并通知本人。
    """
    return await opening.add_opening_exception(
        caller.person_id,
        venue_id,
        service_id=body.service_id,
        day=body.day,
        kind=body.kind,
        opens=body.opens,
        closes=body.closes,
        answers=body.answers(),
    )


@routes.post("/opening-exceptions/<exception_id>/end", who=Who.STAFF, errors=_AFFECTS)
async def end_opening_exception(caller: Caller, exception_id: Id, body: Confirmable) -> CalendarChange:
    """撤销停开或加开"""
    return await opening.end_opening_exception(caller.person_id, exception_id, body.answers())


@routes.put("/holidays", who=Who.STAFF, errors=[*_AFFECTS, NotFound])
async def load_holiday_year(caller: Caller, body: LoadHolidayYear) -> CalendarChange:
    """录入某年的节假日和调休

    适用于全市，由市级管理员录入：服务器还不知道的年份，或公布有变动的年份。先列出因此停开的日子里的预约。
    """
    return await holiday_years.load_holiday_year(caller.person_id, body.year, body.days, body.answers())


@routes.post("/venues/<venue_id>/duties", status=201, who=Who.STAFF)
async def add_duty(caller: Caller, venue_id: Id, body: NewDuty) -> DutyView:
    """安排坐班值班"""
    return await duties.add_duty(caller.person_id, venue_id, body)


@routes.post("/duties/<duty_id>/end", who=Who.STAFF)
async def end_duty(caller: Caller, duty_id: Id, body: EndDuty) -> DutyView:
    """结束坐班值班安排"""
    return await duties.end_duty(caller.person_id, duty_id, body.last_day)


@routes.get("/venues/<venue_id>/duties", who=Who.STAFF)
async def list_duties_for_staff(caller: Caller, venue_id: Id, query: DutiesQuery) -> list[DutyDay]:
    """坐班值班表（含人员）"""
    return await duties.list_duties_for_staff(caller.person_id, venue_id, query.first_day, query.days)


def _given(body: msgspec.Struct) -> dict[str, Any]:
    """The columns that the body gives."""
    not_columns = {"organization_id", "version", "cancel_bookings", "move_bookings", "reason"}
    values = {
        name: value
        for name, value in ((name, getattr(body, name)) for name in body.__struct_fields__)
        if value is not msgspec.UNSET and name not in not_columns
    }
    if "released_at" in values:
        values["released_at"] = minutes_of(values["released_at"])
    return values
