"""A month of cases in the demo's first community: by the verbs that people use, on days on which they would have."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import NamedTuple

from server.calendars.holidays import is_working_day
from server.foundation import clock
from server.foundation.database import fetch_value
from server.foundation.dates import instant, today
from server.foundation.location import Location
from server.grid_cases.checking import NewCaseRating, pass_case, rate_case, reopen_case, send_back_case
from server.grid_cases.delays import ask_suspension, grant_delay
from server.grid_cases.dispatching import dispatch_case, escalate_case, file_case, refuse_case
from server.grid_cases.handling import accept_case, add_case_note, answer_case
from server.grid_cases.importing import import_categories, starting_set
from server.grid_cases.models import CaseOutcome, CaseSource
from server.grid_cases.reporting import CaseContent, report_case, report_case_for


class _Past(NamedTuple):
    """A case that was reported so many days ago, and how far it has come."""

    days_ago: int
    code: str
    text: str
    place: str
    reached: str
    stars: int = 0


_CASES = (
    _Past(29, "B0104", "小区东门两盏路灯不亮，晚上看不清台阶。", "东门", "closed", 5),
    _Past(27, "S0101", "3 号楼后面堆了装修垃圾，两天没有清走。", "3 号楼北侧", "closed", 4),
    _Past(24, "S0102", "二单元三楼楼道堆满纸箱，担心着火。", "2 号楼二单元", "closed", 3),
    _Past(21, "B0101", "统一路人行道上一个井盖不见了。", "统一路公交站旁", "closed", 5),
    _Past(19, "S0103", "停车场入口路面塌了一块。", "地面停车场入口", "closed", 2),
    _Past(17, "S0201", "电动车停在单元门口，轮椅出不来。", "1 号楼一单元", "closed", 5),
    _Past(14, "F0101", "4 号楼暖气一直不热。", "4 号楼", "checked"),
    _Past(12, "S0201", "消防通道被电动车占了。", "2 号楼西侧消防通道", "reopened"),
    _Past(10, "S0103", "广场地砖翘起，老人绊倒过。", "中心广场", "suspended"),
    _Past(8, "F0104", "放学时校门口车辆拥堵，孩子过马路危险。", "实验小学门口", "escalated"),
    _Past(6, "S0102", "楼顶有人养鸽子。", "3 号楼楼顶", "refused"),
    _Past(4, "S0101", "垃圾桶满了没人收。", "西门", "answered"),
    _Past(3, "B0104", "健身区的灯坏了。", "健身区", "handling"),
    _Past(1, "B0102", "井盖松动，车一压就响。", "幸福路路口", "dispatched"),
    _Past(0, "S0102", "楼道里放了旧家具。", "1 号楼三单元", "reported"),
)


class _Cast(NamedTuple):
    staff: str
    grid_worker: str
    manager: str
    city_manager: str
    reporter: str
    neighbor: str
    community_id: str
    grid_id: str


async def fill_with_cases(people: dict[str, str], community_id: str, grid_id: str, at: tuple[float, float]) -> None:
    """Where the clock can be moved, each on its day, otherwise all of them today."""
    await import_categories(starting_set())
    cast = _Cast(
        people["demo-staff"],
        people["demo-grid"],
        people["demo-manager"],
        people["demo-city-manager"],
        people["demo-resident"],
        people["demo-volunteer"],
        community_id,
        grid_id,
    )
    for number, past in enumerate(_CASES):
        day = _working_day(today() - timedelta(days=past.days_ago))
        location = Location(round(at[0] + 0.0007 * (number % 5), 6), round(at[1] + 0.0006 * (number // 5), 6))
        await _live_through(past, day, location, cast)


async def _live_through(past: _Past, day: date, location: Location, cast: _Cast) -> None:
    category_id = await fetch_value("SELECT id FROM case_category WHERE code = $1", past.code)
    content = CaseContent(
        category_id=category_id,
        text=past.text,
        place=past.place,
        location=location,
        community_id=cast.community_id,
        grid_id=cast.grid_id,
    )
    with _at(day, 9, 0):
        if past.code == "B0101":
            case_id = (await report_case_for(cast.grid_worker, content, CaseSource.ROUND)).id
        else:
            case_id = (await report_case(cast.reporter, content, shares_contact=True)).id
    if past.reached == "reported":
        return
    with _at(day, 9, 9):
        if past.reached == "refused":
            await refuse_case(cast.staff, case_id, "属于住户私人物业，已请物业登门提醒", "小区物业")
            return
        await file_case(cast.staff, case_id)
        if past.reached == "escalated":
            await escalate_case(cast.staff, case_id, "需要交警和教育部门配合")
            return
        await dispatch_case(cast.staff, case_id, cast.grid_id)
    if past.reached == "dispatched":
        return
    with _at(day, 9, 40):
        await accept_case(cast.grid_worker, case_id)
        await add_case_note(cast.grid_worker, case_id, "已到现场查看，正在联系维修。", [])
    if past.reached == "handling":
        return
    if past.reached == "suspended":
        with _at(day, 11, 0):
            until = clock.now() + timedelta(days=60)
            await ask_suspension(cast.grid_worker, case_id, until, "需列入春季维修计划")
            await grant_delay(cast.staff, case_id)
        return
    with _at(day, 15, 30):
        answer = "已处理完毕，欢迎继续监督。"
        await answer_case(cast.grid_worker, case_id, CaseOutcome.FIXED, answer, [], minutes=45)
    if past.reached == "answered":
        return
    with _at(day, 16, 20):
        if past.stars == 2:
            await send_back_case(cast.staff, case_id, "现场看过，还差半边")
            await answer_case(cast.grid_worker, case_id, CaseOutcome.FIXED, "全部补好了。", [], minutes=60)
        await pass_case(cast.staff, case_id, "现场看过")
    with _at(day, 18, 0):
        if past.reached == "reopened":
            await reopen_case(cast.reporter, case_id, "第二天又停满了")
        elif past.stars and past.code != "B0101":
            await rate_case(
                cast.reporter, case_id, NewCaseRating(reached=True, solved=past.stars > 2, stars=past.stars)
            )


@contextmanager
def _at(day: date, hour: int, minute: int) -> Iterator[None]:
    """It is this moment, where the clock can be moved; never later than it is."""
    if not clock.is_movable():
        yield
        return
    before = clock.offset()
    wanted = instant(day, hour * 60 + minute)
    clock.move_clock(min(wanted, clock.real_now() + before) - clock.real_now())
    try:
        yield
    finally:
        clock.move_clock(before)


def _working_day(day: date) -> date:
    while not is_working_day(day, {}):
        day -= timedelta(days=1)
    return day
