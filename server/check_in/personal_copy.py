"""A member's copy of what their community keeps of them, as they see it on screen."""

from collections.abc import Callable
from typing import Any

from server.check_in.contact_queries import open_contact_note
from server.check_in.models import CheckInState, ContactMeans, TransferState
from server.check_in.posts.models import HoldingState
from server.check_in.reports.freezing import open_words
from server.check_in.reports.models import Grade, ReportState
from server.check_in.residence import open_residence
from server.foundation.personal_copy import Copied, Shown
from server.foundation.words import words_of
from server.members.memberships import membership_ids_of
from server.service_record.periods import read_half_year


def _residence(name: str) -> Callable[[Any], str]:
    return lambda row: getattr(open_residence(row["id"], row["residence"]), name)


def _words(name: str) -> Callable[[Any], str]:
    return lambda row: getattr(open_words(row["id"], bytes(row["words"])), name)


SHEETS = (
    Copied(
        "报到",
        "SELECT c.id, o.name AS community, g.name AS grid, u.name AS unit, c.state, c.residence, c.reason, "
        "ARRAY(SELECT jsonb_array_elements_text(c.skills)) AS skills, "
        "ARRAY(SELECT jsonb_array_elements_text(c.willing)) AS willing, "
        "ARRAY(SELECT jsonb_array_elements_text(c.free_times)) AS free_times, c.applied_at, c.decided_at, c.ended_at "
        "FROM check_in c JOIN organization o ON o.id = c.community_id LEFT JOIN organization g ON g.id = c.grid_id "
        "LEFT JOIN organization u ON u.id = c.via_unit_id WHERE c.membership_id = ANY($1) ORDER BY c.id DESC",
        Shown("社区", "community", 20),
        Shown("网格", "grid"),
        Shown("经由单位", "unit", 20),
        Shown("状态", "state", 14, words_of(CheckInState)),
        Shown("小区", _residence("estate"), 20),
        Shown("楼栋", _residence("building")),
        Shown("特长", "skills", 20),
        Shown("意愿", "willing", 20),
        Shown("空闲时间", "free_times", 20),
        Shown("说明", "reason", 30),
        Shown("申请时间", "applied_at", 22),
        Shown("处理时间", "decided_at", 22),
        Shown("结束时间", "ended_at", 22),
        of=membership_ids_of,
    ),
    Copied(
        "岗位",
        "SELECT p.title, o.name AS community, h.state, h.reason, h.applied_at, h.decided_at, h.ended_at, "
        "ARRAY(SELECT m.month FROM post_month m WHERE m.holding_id = h.id AND m.credited_at IS NOT NULL "
        "ORDER BY m.month) AS months "
        "FROM post_holding h JOIN post p ON p.id = h.post_id JOIN organization o ON o.id = p.community_id "
        "WHERE h.membership_id = ANY($1) ORDER BY h.id DESC",
        Shown("岗位", "title", 24),
        Shown("社区", "community", 20),
        Shown("状态", "state", 14, words_of(HoldingState)),
        Shown("说明", "reason", 30),
        Shown("申请时间", "applied_at", 22),
        Shown("处理时间", "decided_at", 22),
        Shown("结束时间", "ended_at", 22),
        Shown("计入履职的月份", "months", 30),
        of=membership_ids_of,
    ),
    Copied(
        "作用发挥情况反馈",
        # A draft is nobody's judgement yet (see reports/rules.py may_see); what it counts is in the service record.
        "SELECT r.id, r.period, r.state, o.name AS community, u.name AS unit, r.minutes, r.points, r.grade, r.words, "
        "r.frozen_at, r.assessed_at, r.released_at, r.acknowledged_at FROM half_year_report r "
        "JOIN organization o ON o.id = r.community_id LEFT JOIN organization u ON u.id = r.unit_id "
        "WHERE r.membership_id = ANY($1) AND r.state <> 'draft' ORDER BY r.period DESC",
        Shown("反馈期间", lambda row: read_half_year(row["period"]).words, 18),
        Shown("社区", "community", 20),
        Shown("单位", "unit", 20),
        Shown("所属党组织", _words("home"), 28),
        Shown("状态", "state", 14, words_of(ReportState)),
        Shown("服务分钟", "minutes", 10),
        Shown("积分", "points", 10),
        Shown("评价", "grade", 12, words_of(Grade)),
        Shown("社区意见", _words("opinion"), 40),
        Shown("我的更正申请", _words("request"), 30),
        Shown("社区答复", _words("answer"), 30),
        Shown("生成时间", "frozen_at", 22),
        Shown("评价时间", "assessed_at", 22),
        Shown("反馈时间", "released_at", 22),
        Shown("签收时间", "acknowledged_at", 22),
        of=membership_ids_of,
    ),
    Copied(
        "联系流动党员",
        "SELECT id, contacted_at, means, note FROM member_contact WHERE membership_id = ANY($1) "
        "ORDER BY contacted_at DESC, id DESC",
        Shown("联系时间", "contacted_at", 22),
        Shown("方式", "means", 12, words_of(ContactMeans)),
        Shown("记录", lambda row: open_contact_note(row["id"], row["note"]), 40),
        of=membership_ids_of,
    ),
    Copied(
        "转入组织关系",
        "SELECT t.state, o.name AS community, t.reason, t.offered_at, t.answered_at, t.settled_at "
        "FROM membership_transfer t JOIN organization o ON o.id = t.community_id WHERE t.membership_id = ANY($1) "
        "ORDER BY t.id DESC",
        Shown("转入社区", "community", 20),
        Shown("状态", "state", 16, words_of(TransferState)),
        Shown("说明", "reason", 30),
        Shown("提出时间", "offered_at", 22),
        Shown("答复时间", "answered_at", 22),
        Shown("办结时间", "settled_at", 22),
        of=membership_ids_of,
    ),
)
