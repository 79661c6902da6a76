"""日历 calendars: what comes up for somebody, and the feed that phones and computers subscribe to."""

from sanic.response import HTTPResponse

from miniprogram_api.fields import Strict
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.calendars import appointments, home
from server.calendars import feed as calendar_feed
from server.calendars.appointments import Appointment, AppointmentsQuery
from server.calendars.feed import FeedAddress, MyCalendar
from server.calendars.home import HomeView
from server.foundation.bounds import Moment
from server.foundation.ids import Id
from server.foundation.pages import Page

routes = Routes("日历 calendars")

CALENDAR_TYPE = "text/calendar; charset=utf-8"


class CalendarQuery(Strict):
    since: Moment
    until: Moment


@routes.get("/me/home")
async def get_home(caller: Caller) -> HomeView:
    """我的首页

    一次给出：两周内的日程、待确认的名额及其截止时间、等您确认和待完成的事、待评价的服务、本社区的微心愿、最新公告和未读消息数。
    每部分每类最多五项；`page` 是要打开的页面，`for_whom` 是家人的姓名（本人为空）。
    """
    return await home.get_home(caller.person_id)


@routes.get("/me/appointments")
async def list_my_appointments(caller: Caller, query: AppointmentsQuery) -> Page[Appointment]:
    """我的预约（时段、活动室、排号、报名）

    本人和家人的全部预约、排号和活动报名，一张列表。`when=coming`：未结束的，最近的在前；`when=past`：已结束或已取消的，
    最近的在前。`page` 是要打开的页面，`for_whom` 是家人的姓名（本人为空）。
    """
    return await appointments.list_my_appointments(caller.person_id, query)


@routes.get("/me/calendar")
async def my_calendar(caller: Caller, query: CalendarQuery) -> MyCalendar:
    """我的日历

    本人和家人在一段时间内的活动报名与预约，最长一年。
    """
    return await calendar_feed.my_calendar(caller.person_id, query.since, query.until)


@routes.get("/me/calendar-feed")
async def get_calendar_feed(caller: Caller) -> FeedAddress:
    """日历订阅地址

    可添加到手机或电脑的日历，自动更新，并在前一天和前两小时提醒。知道地址的人都能看到您的日程，请勿转发。
    """
    return await calendar_feed.get_feed(caller.person_id)


@routes.post("/me/calendar-feed", status=201)
async def renew_calendar_feed(caller: Caller) -> FeedAddress:
    """更换日历订阅地址

    原地址立即失效。
    """
    return await calendar_feed.renew_feed(caller.person_id)


@routes.delete("/me/calendar-feed")
async def end_calendar_feed(caller: Caller) -> None:
    """停用日历订阅"""
    await calendar_feed.end_feed(caller.person_id)


@routes.get("/me/calendar/<entry_id>", raw=("text/calendar",))
async def download_calendar_entry(caller: Caller, entry_id: Id) -> HTTPResponse:
    """下载一项日程（ICS）"""
    data = await calendar_feed.download_entry(caller.person_id, entry_id)
    return HTTPResponse(data, content_type=CALENDAR_TYPE)


@routes.get("/calendars/<name>", who=Who.ANYONE, raw=("text/calendar",), is_subscribed=True)
async def read_calendar_feed(name: str) -> HTTPResponse:
    """日历订阅内容（ICS）

    地址由“日历订阅地址”给出，带签名，无需登录。
    """
    return HTTPResponse(await calendar_feed.read_feed(name), content_type=CALENDAR_TYPE)
