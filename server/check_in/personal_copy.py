"""A member's copy of their check-ins, posts and half-year reports, as they see them on screen."""

import msgspec

from server.check_in.checking_in import open_residence
from server.check_in.models import CheckInState
from server.check_in.posts.models import HoldingState
from server.check_in.reports.freezing import open_words
from server.check_in.reports.rules import GRADE_WORDS, STATE_WORDS
from server.foundation.database import fetch
from server.media.spreadsheets import MOST_ROWS, Sheet, Shown, sheet_of
from server.members.service import membership_ids_of
from server.service_record.periods import read_half_year

CHECK_IN_WORDS = {
    CheckInState.APPLIED: "待社区确认",
    CheckInState.RETURNED: "已退回修改",
    CheckInState.REFUSED: "未通过",
    CheckInState.WITHDRAWN: "已撤回",
    CheckInState.CONFIRMED: "已报到",
    CheckInState.ENDED: "已结束",
}

HOLDING_WORDS = {
    HoldingState.APPLIED: "待社区同意",
    HoldingState.HELD: "在岗",
    HoldingState.REFUSED: "未通过",
    HoldingState.WITHDRAWN: "已撤回",
    HoldingState.LEFT: "已退出",
    HoldingState.ENDED: "已结束",
}


async def copy_of_check_ins(person_id: str) -> list[Sheet]:
    """Check-ins, posts with the months that counted, and the reports that the community has shown."""
    ids = await membership_ids_of(person_id)
    return [await _check_ins(ids), await _posts(ids), await _reports(ids)]


async def _check_ins(ids: list[str]) -> Sheet:
    rows = await fetch(
        "SELECT c.id, o.name AS community, g.name AS grid, u.name AS unit, c.state, c.residence, c.skills, c.willing, "
        "c.free_times, c.reason, c.applied_at, c.decided_at, c.ended_at FROM check_in c "
        "JOIN organization o ON o.id = c.community_id LEFT JOIN organization g ON g.id = c.grid_id "
        "LEFT JOIN organization u ON u.id = c.via_unit_id WHERE c.membership_id = ANY($1) ORDER BY c.id DESC LIMIT $2",
        ids,
        MOST_ROWS,
    )
    shown = []
    for row in rows:
        residence = open_residence(row["id"], bytes(row["residence"]))
        lists = {name: msgspec.json.decode(row[name]) for name in ("skills", "willing", "free_times")}
        shown.append({**row, **lists, "estate": residence.estate, "building": residence.building})
    columns = (
        Shown("社区", "community", 20),
        Shown("网格", "grid"),
        Shown("经由单位", "unit", 20),
        Shown("状态", "state", 14, CHECK_IN_WORDS),
        Shown("小区", "estate", 20),
        Shown("楼栋", "building"),
        Shown("特长", "skills", 20),
        Shown("意愿", "willing", 20),
        Shown("空闲时间", "free_times", 20),
        Shown("说明", "reason", 30),
        Shown("申请时间", "applied_at", 22),
        Shown("处理时间", "decided_at", 22),
        Shown("结束时间", "ended_at", 22),
    )
    return sheet_of("报到", columns, shown)


async def _posts(ids: list[str]) -> Sheet:
    rows = await fetch(
        "SELECT p.title, o.name AS community, h.state, h.reason, h.applied_at, h.decided_at, h.ended_at, "
        "ARRAY(SELECT m.month FROM post_month m WHERE m.holding_id = h.id ORDER BY m.month) AS months "
        "FROM post_holding h JOIN post p ON p.id = h.post_id JOIN organization o ON o.id = p.community_id "
        "WHERE h.membership_id = ANY($1) ORDER BY h.id DESC LIMIT $2",
        ids,
        MOST_ROWS,
    )
    columns = (
        Shown("岗位", "title", 24),
        Shown("社区", "community", 20),
        Shown("状态", "state", 14, HOLDING_WORDS),
        Shown("说明", "reason", 30),
        Shown("申请时间", "applied_at", 22),
        Shown("处理时间", "decided_at", 22),
        Shown("结束时间", "ended_at", 22),
        Shown("计入履职的月份", "months", 30),
    )
    return sheet_of("岗位", columns, rows)


async def _reports(ids: list[str]) -> Sheet:
    rows = await fetch(
        # A draft is nobody's judgement yet (see report_rules.may_see); what it counts is in the service record.
        "SELECT r.id, r.period, r.state, o.name AS community, u.name AS unit, r.minutes, r.points, r.grade, r.words, "
        "r.frozen_at, r.assessed_at, r.released_at, r.acknowledged_at FROM half_year_report r "
        "JOIN organization o ON o.id = r.community_id LEFT JOIN organization u ON u.id = r.unit_id "
        "WHERE r.membership_id = ANY($1) AND r.state <> 'draft' ORDER BY r.period DESC LIMIT $2",
        ids,
        MOST_ROWS,
    )
    shown = []
    for row in rows:
        words = open_words(row["id"], bytes(row["words"]))
        shown.append(
            {
                **row,
                "period": read_half_year(row["period"]).words,
                "opinion": words.opinion,
                "request": words.request,
                "answer": words.answer,
                "home": words.home,
            }
        )
    columns = (
        Shown("反馈期间", "period", 18),
        Shown("社区", "community", 20),
        Shown("单位", "unit", 20),
        Shown("所属党组织", "home", 28),
        Shown("状态", "state", 14, STATE_WORDS),
        Shown("服务分钟", "minutes", 10),
        Shown("积分", "points", 10),
        Shown("评价", "grade", 12, GRADE_WORDS),
        Shown("社区意见", "opinion", 40),
        Shown("我的更正申请", "request", 30),
        Shown("社区答复", "answer", 30),
        Shown("生成时间", "frozen_at", 22),
        Shown("评价时间", "assessed_at", 22),
        Shown("反馈时间", "released_at", 22),
        Shown("签收时间", "acknowledged_at", 22),
    )
    return sheet_of("作用发挥情况反馈", columns, shown)
