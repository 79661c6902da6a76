"""工作端：邻里中心: venues, services, when they are open, who is on duty."""

from datetime import date
from typing import Annotated, Any

import msgspec

from miniprogram_api.fields import (
    Created,
    DutiesQuery,
    Longitude,
    Moment,
    PartySize,
    PhoneIfAny,
    ShortName,
    ShownReason,
    Strict,
    VenueLatitude,
    Words,
    Year,
)
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotFound, WrongState
from server.foundation.ids import Id
from server.media.uploads.uploading import PictureUnusable
from server.neighbor_center.changes import holiday_years, venues
from server.neighbor_center.changes import hours as opening
from server.neighbor_center.changes.affected import Answers
from server.neighbor_center.changes.calendars import CalendarChange
from server.neighbor_center.changes.hours import Hours
from server.neighbor_center.errors import RoomTaken, SlotNotOffered
from server.neighbor_center.opening import duties
from server.neighbor_center.opening.duties import DutyDay
from server.neighbor_center.opening.holidays import SpecialDay
from server.neighbor_center.opening.models import DutyKind, ExceptionKind, RuleDays
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

WallClock = Annotated[str, msgspec.Meta(pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", description="09:00")]
Weekday = Annotated[int, msgspec.Meta(ge=1, le=7, description="1 Monday to 7 Sunday")]
VenueName = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
Address = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Opening = Annotated[str, msgspec.Meta(max_length=200)]
Description = Annotated[str, msgspec.Meta(max_length=1000)]
Minutes = Annotated[int, msgspec.Meta(ge=5, le=720)]
BufferMinutes = Annotated[int, msgspec.Meta(ge=0, le=240)]
Capacity = Annotated[int, msgspec.Meta(ge=1, le=1000)]
FewBookings = Annotated[int, msgspec.Meta(ge=1, le=100)]
DaysAhead = Annotated[int, msgspec.Meta(ge=0, le=365)]
DeadlineMinutes = Annotated[int, msgspec.Meta(ge=0, le=10_080)]
Price = Annotated[int, msgspec.Meta(ge=0, le=10_000_000, description="分, as information only")]
BookingIds = Annotated[list[Id], msgspec.Meta(max_length=5000)]
PictureIds = Annotated[list[Id], msgspec.Meta(max_length=9)]
AccessibilityCodes = Annotated[list[Accessibility], msgspec.Meta(max_length=10)]
Documents = Annotated[list[Annotated[str, msgspec.Meta(min_length=1, max_length=30)]], msgspec.Meta(max_length=10)]
MonthLimit = Annotated[int, msgspec.Meta(ge=1, le=100)]
Repeats = Annotated[int, msgspec.Meta(ge=0, le=53)]
ShortestNotice = Annotated[int, msgspec.Meta(ge=0, le=43_200)]
AnswerHours = Annotated[int, msgspec.Meta(ge=1, le=240)]
AreaIds = Annotated[list[Id], msgspec.Meta(max_length=200)]
MonthDay = Annotated[str, msgspec.Meta(pattern="^[01][0-9]-[0-3][0-9]$", description="06-01")]
_AFFECTS = [SlotNotOffered, PlacesFull, RoomTaken, WrongState]
"""What a change of calendars can be refused with, when a booking cannot be moved as asked."""


class CreateVenue(Strict):
    organization_id: Id
    kind: VenueKind
    name: VenueName
    address: Address
    longitude: Longitude
    latitude: VenueLatitude
    phone: PhoneIfAny = ""
    opening: Opening = ""
    facilities: Words = ""
    accessibility: AccessibilityCodes = []
    picture_ids: PictureIds = []


class BookingMove(Strict):
    """Where an affected booking goes: the beginning of another slot, or of a room's time of the same length."""

    booking_id: Id
    starts_at: Moment


class Confirmable(Strict):
    """A change that may leave bookings without their time. Those in `cancel_bookings` are then cancelled, those in
    `move_bookings` moved, and their holders are told the `reason`; while others are affected, nothing is changed and
    they are listed."""

    cancel_bookings: BookingIds = []
    move_bookings: Annotated[list[BookingMove], msgspec.Meta(max_length=5000)] = []
    reason: Annotated[str, msgspec.Meta(max_length=100)] = ""

    def answers(self) -> Answers:
        moves = {move.booking_id: move.starts_at for move in self.move_bookings}
        return Answers(frozenset(self.cancel_bookings), moves, self.reason)


class UpdateVenue(Confirmable, kw_only=True):
    """What is not given stays as it is."""

    version: int
    kind: VenueKind | msgspec.UnsetType = msgspec.UNSET
    name: VenueName | msgspec.UnsetType = msgspec.UNSET
    address: Address | msgspec.UnsetType = msgspec.UNSET
    longitude: Longitude | msgspec.UnsetType = msgspec.UNSET
    latitude: VenueLatitude | msgspec.UnsetType = msgspec.UNSET
    phone: PhoneIfAny | msgspec.UnsetType = msgspec.UNSET
    opening: Opening | msgspec.UnsetType = msgspec.UNSET
    facilities: Words | msgspec.UnsetType = msgspec.UNSET
    accessibility: AccessibilityCodes | msgspec.UnsetType = msgspec.UNSET
    picture_ids: PictureIds | msgspec.UnsetType = msgspec.UNSET
    state: VenueState | msgspec.UnsetType = msgspec.UNSET


class CreateService(Strict):
    """`minutes`: a slot's length, or a room's shortest booking (with `longest_minutes`). See the service's own
    description for the terms: `released_at` is when a new day opens for booking, `book_until_minutes` how long before
    the start it closes, `max_repeats` how often a repeating booking may repeat, `answer_within_hours` the promise about
    requests. `area_ids` and `travel_minutes` are for home visits."""

    kind: ServiceKind
    name: ShortName
    minutes: Minutes
    description: Description = ""
    buffer_minutes: BufferMinutes = 0
    longest_minutes: Minutes | None = None
    capacity: Capacity = 1
    max_party_size: PartySize = 1
    may_wait: bool = True
    who_may_book: WhoMayBook = WhoMayBook.ANYONE
    needs_approval: bool = False
    mode: ServiceMode = ServiceMode.AT_VENUE
    max_open_per_person: FewBookings = 3
    max_per_day: FewBookings = 1
    max_per_month: MonthLimit | None = None
    max_repeats: Repeats = 0
    days_ahead: DaysAhead = 14
    released_at: WallClock = "00:00"
    book_until_minutes: ShortestNotice = 0
    cancel_until_minutes: DeadlineMinutes = 120
    answer_within_hours: AnswerHours = 24
    travel_minutes: BufferMinutes = 0
    area_ids: AreaIds = []
    documents: Documents = []
    price: Price = 0


class UpdateService(Confirmable, kw_only=True):
    """What is not given stays as it is. Kind and mode are what a service is, and do not change."""

    version: int
    name: ShortName | msgspec.UnsetType = msgspec.UNSET
    minutes: Minutes | msgspec.UnsetType = msgspec.UNSET
    description: Description | msgspec.UnsetType = msgspec.UNSET
    buffer_minutes: BufferMinutes | msgspec.UnsetType = msgspec.UNSET
    longest_minutes: Minutes | msgspec.UnsetType | None = msgspec.UNSET
    capacity: Capacity | msgspec.UnsetType = msgspec.UNSET
    max_party_size: PartySize | msgspec.UnsetType = msgspec.UNSET
    who_may_book: WhoMayBook | msgspec.UnsetType = msgspec.UNSET
    needs_approval: bool | msgspec.UnsetType = msgspec.UNSET
    max_open_per_person: FewBookings | msgspec.UnsetType = msgspec.UNSET
    max_per_day: FewBookings | msgspec.UnsetType = msgspec.UNSET
    max_per_month: MonthLimit | msgspec.UnsetType | None = msgspec.UNSET
    max_repeats: Repeats | msgspec.UnsetType = msgspec.UNSET
    days_ahead: DaysAhead | msgspec.UnsetType = msgspec.UNSET
    released_at: WallClock | msgspec.UnsetType = msgspec.UNSET
    book_until_minutes: ShortestNotice | msgspec.UnsetType = msgspec.UNSET
    cancel_until_minutes: DeadlineMinutes | msgspec.UnsetType = msgspec.UNSET
    answer_within_hours: AnswerHours | msgspec.UnsetType = msgspec.UNSET
    travel_minutes: BufferMinutes | msgspec.UnsetType = msgspec.UNSET
    area_ids: AreaIds | msgspec.UnsetType = msgspec.UNSET
    documents: Documents | msgspec.UnsetType = msgspec.UNSET
    price: Price | msgspec.UnsetType = msgspec.UNSET
    state: ServiceState | msgspec.UnsetType = msgspec.UNSET


class WeeklyHours(Strict):
    """Weekly hours by people's clocks. `days` says how they go with public holidays: `workdays` follow the national
    calendar (closed on holidays, open on make-up working days), `not_holidays` are closed on holidays, `every_week` go
    by the weekday alone, `holidays` hold on holidays only. Hours of a season hold each year between two days."""

    weekdays: Annotated[list[Weekday], msgspec.Meta(min_length=1, max_length=7)]
    opens: WallClock
    closes: WallClock
    days: RuleDays
    season_from: MonthDay | None = None
    season_until: MonthDay | None = None

    def as_hours(self) -> Hours:
        return Hours(
            weekdays=self.weekdays,
            opens=_minutes(self.opens),
            closes=_minutes(self.closes),
            days=self.days,
            season_from=_month_day(self.season_from),
            season_until=_month_day(self.season_until),
        )


class AddOpeningRule(Confirmable, kw_only=True):
    """`valid_until` is the last day."""

    hours: WeeklyHours
    valid_from: date
    valid_until: date | None = None


class ChangeWeeklyHours(Confirmable, kw_only=True):
    """All the weekly hours from that day on; the older ones end the day before."""

    from_day: date
    hours: Annotated[list[WeeklyHours], msgspec.Meta(max_length=50)]


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


class AddDuty(Strict, kw_only=True):
    """Who is on duty when; `shown_as` is what the public reads (王医生，全科)."""

    hours: WeeklyHours
    person_id: Id
    shown_as: ShortName
    kind: DutyKind
    service_id: Id | None = None
    valid_from: date
    valid_until: date | None = None


class EndDuty(Strict):
    last_day: date


@routes.post("/venues", status=201, who=Who.STAFF, errors=[PictureUnusable])
async def create_venue(caller: Caller, body: CreateVenue) -> Created:
    """新建服务场所"""
    return Created(await venues.create_venue(caller.person_id, body.organization_id, _given(body)))


@routes.patch("/venues/<venue_id>", who=Who.STAFF, errors=[*_AFFECTS, EditedMeanwhile, PictureUnusable])
async def update_venue(caller: Caller, venue_id: Id, body: UpdateVenue) -> CalendarChange:
    """修改服务场所

    关闭场所会取消今后的预约：先列出受影响的预约。
    """
    return await venues.update_venue(caller.person_id, venue_id, body.version, _given(body), body.answers())


@routes.post("/venues/<venue_id>/services", status=201, who=Who.STAFF, errors=[WrongState])
async def create_service(caller: Caller, venue_id: Id, body: CreateService) -> Created:
    """新建服务项目"""
    return Created(await venues.create_service(caller.person_id, venue_id, _given(body)))


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
        body.hours.as_hours(),
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
        [hours.as_hours() for hours in body.hours],
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
        opens=_minutes(body.opens),
        closes=_minutes(body.closes),
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
async def add_duty(caller: Caller, venue_id: Id, body: AddDuty) -> Created:
    """安排坐班值班"""
    return Created(
        await duties.add_duty(
            caller.person_id,
            venue_id,
            person_id=body.person_id,
            shown_as=body.shown_as,
            kind=body.kind,
            service_id=body.service_id,
            hours=body.hours.as_hours(),
            valid_from=body.valid_from,
            valid_until=body.valid_until,
        )
    )


@routes.post("/duties/<duty_id>/end", who=Who.STAFF)
async def end_duty(caller: Caller, duty_id: Id, body: EndDuty) -> None:
    """结束坐班值班安排"""
    await duties.end_duty(caller.person_id, duty_id, body.last_day)


@routes.get("/venues/<venue_id>/duties", who=Who.STAFF)
async def list_duties_for_staff(caller: Caller, venue_id: Id, query: DutiesQuery) -> list[DutyDay]:
    """坐班值班表（含人员）"""
    return await duties.list_duties_for_staff(caller.person_id, venue_id, query.first_day, query.days)


def _given(body: msgspec.Struct) -> dict[str, Any]:
    """The columns that the body gives, its point as one of them."""
    not_columns = {"organization_id", "version", "cancel_bookings", "move_bookings", "reason"}
    values = {
        name: value
        for name, value in ((name, getattr(body, name)) for name in body.__struct_fields__)
        if value is not msgspec.UNSET and name not in not_columns
    }
    if "released_at" in values:
        values["released_at"] = _minutes(values["released_at"])
    if "longitude" in values and "latitude" in values:
        values["location"] = (values.pop("longitude"), values.pop("latitude"))
    elif {"longitude", "latitude"} & values.keys():
        raise InvalidFields.of("longitude", "经度和纬度须同时填写")
    return values


def _minutes(wall_clock: str) -> int:
    """09:30 → 570 minutes after midnight."""
    return int(wall_clock[:2]) * 60 + int(wall_clock[3:])


def _month_day(text: str | None) -> int | None:
    """06-01 → 601."""
    return None if text is None else int(text[:2]) * 100 + int(text[3:])
