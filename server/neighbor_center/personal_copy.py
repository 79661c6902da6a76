"""A person's copy of what they had at neighbor centers, the family's as on screen; their own notes in clear."""

from server.accounts.queries import ours
from server.foundation.personal_copy import Copied, Named, Sealed, Shown
from server.foundation.words import words_of
from server.neighbor_center.bookings.kinds import ROOMS, SLOTS
from server.neighbor_center.bookings.models import (
    ADDRESS_CONTEXT,
    COMMENT_CONTEXT,
    NOTE_CONTEXT,
    ROOM_NOTE_CONTEXT,
    BookingState,
)
from server.neighbor_center.counters.models import TicketState
from server.neighbor_center.feedback.models import ANSWER_CONTEXT, COMPLAINT_CONTEXT, ComplaintState
from server.neighbor_center.opening.duties import duty_hours
from server.neighbor_center.opening.models import DutyKind

END_WORDS = {
    "cancelled": "本人取消",
    "cancelled_late": "过了截止时间才取消",
    "declined": "放弃候补名额",
    "closed": "服务停止",
    "refused": "未通过审核",
    "unanswered": "逾期未答复",
    "cancelled_by_staff": "工作人员取消",
    "offer_expired": "候补名额逾期未确认",
    "not_reached": "未轮到",
    "moved": "已改期",
    "merged": "同一人的重复预约已合并",
}
_OF = (Shown("场馆", "venue", 24), Shown("服务", "service", 20))


SHEETS = (
    Copied(
        "预约",
        f"SELECT b.person_id, {SLOTS.state} AS state, v.name AS venue, s.name AS service, t.starts_at, t.ends_at, "
        "b.party_size, b.note, b.address, b.walk_in, b.booked_by_id <> b.person_id AND b.booked_by_id <> $1 "
        f"AS by_another, o.name AS area, b.arrived_at, p.end_reason, b.staff_reason, b.created_at FROM {SLOTS.source} "
        "LEFT JOIN organization o ON o.id = b.area_id "
        f"WHERE {ours('b.person_id')} ORDER BY t.starts_at DESC, b.id DESC",
        Named("谁", "person_id"),
        *_OF,
        Shown("开始时间", "starts_at", 22),
        Shown("结束时间", "ends_at", 22),
        Shown("状态", "state", 12, words_of(BookingState)),
        Shown("人数", "party_size", 8),
        Sealed("备注", "note", NOTE_CONTEXT, 30),
        Sealed("上门地址", "address", ADDRESS_CONTEXT, 30),
        Shown("上门所在网格", "area", 16),
        Shown("现场代约", "walk_in", 10),
        Shown("由他人预约", "by_another", 12),
        Shown("到场时间", "arrived_at", 22),
        Shown("结束方式", "end_reason", 20, END_WORDS),
        Shown("工作人员说明", "staff_reason", 30),
        Shown("预约时间", "created_at", 22),
    ),
    Copied(
        "场地预约",
        "SELECT b.person_id, b.state, v.name AS venue, s.name AS service, b.starts_at, b.ends_at, b.party_size, "
        f"b.note, b.walk_in, b.moves, b.arrived_at, b.staff_reason, b.created_at, b.ended_at FROM {ROOMS.source} "
        f"WHERE {ours('b.person_id')} ORDER BY b.starts_at DESC, b.id DESC",
        Named("谁", "person_id"),
        Shown("场馆", "venue", 24),
        Shown("场地", "service", 20),
        Shown("开始时间", "starts_at", 22),
        Shown("结束时间", "ends_at", 22),
        Shown("状态", "state", 12, words_of(BookingState)),
        Shown("人数", "party_size", 8),
        Sealed("备注", "note", ROOM_NOTE_CONTEXT, 30),
        Shown("现场代约", "walk_in", 10),
        Shown("改期次数", "moves", 10),
        Shown("到场时间", "arrived_at", 22),
        Shown("工作人员说明", "staff_reason", 30),
        Shown("预约时间", "created_at", 22),
        Shown("结束时间（取消等）", "ended_at", 22),
    ),
    Copied(
        "周期预约",
        "SELECT b.person_id, v.name AS venue, s.name AS service, b.starts_at, b.every_weeks, b.times, b.created_at "
        "FROM booking_series b JOIN service s ON s.id = b.service_id JOIN venue v ON v.id = s.venue_id "
        f"WHERE {ours('b.person_id')} ORDER BY b.id DESC",
        Named("谁", "person_id"),
        *_OF,
        Shown("首次时间", "starts_at", 22),
        Shown("每几周", "every_weeks", 8),
        Shown("次数", "times", 8),
        Shown("预约时间", "created_at", 22),
    ),
    Copied(
        "预约改期",
        "SELECT b.person_id, s.name AS service, f.starts_at AS was, t.starts_at, m.created_at FROM booking_move m "
        "JOIN booking b ON b.id = m.booking_id JOIN slot f ON f.id = m.from_slot_id JOIN slot t ON t.id = m.to_slot_id "
        f"JOIN service s ON s.id = t.service_id WHERE {ours('b.person_id')} ORDER BY m.id DESC",
        Named("谁", "person_id"),
        Shown("服务", "service", 20),
        Shown("原时间", "was", 22),
        Shown("新时间", "starts_at", 22),
        Shown("改期时间", "created_at", 22),
    ),
    Copied(
        "窗口取号",
        "SELECT v.name AS venue, s.name AS service, t.day, t.number, t.state, t.counter, t.created_at, t.called_at, "
        "t.finished_at FROM queue_ticket t JOIN service s ON s.id = t.service_id JOIN venue v ON v.id = s.venue_id "
        "WHERE t.person_id = $1 ORDER BY t.id DESC",
        Shown("场馆", "venue", 24),
        Shown("窗口服务", "service", 20),
        Shown("日期", "day"),
        Shown("号码", "number", 8),
        Shown("状态", "state", 12, words_of(TicketState)),
        Shown("窗口", "counter"),
        Shown("取号时间", "created_at", 22),
        Shown("叫号时间", "called_at", 22),
        Shown("办结时间", "finished_at", 22),
    ),
    Copied(
        "预约评价",
        "SELECT v.name AS venue, s.name AS service, g.stars, g.comment, g.created_at FROM booking_rating g "
        "JOIN service s ON s.id = g.service_id JOIN venue v ON v.id = s.venue_id WHERE g.person_id = $1 "
        "ORDER BY g.id DESC",
        *_OF,
        Shown("星级", "stars", 8),
        Sealed("评价", "comment", COMMENT_CONTEXT, 40),
        Shown("时间", "created_at", 22),
    ),
    Copied(
        "投诉",
        "SELECT v.name AS venue, s.name AS service, c.text, c.state, c.is_upheld, c.answer, c.created_at, "
        "c.answered_at FROM complaint c JOIN venue v ON v.id = c.venue_id LEFT JOIN service s ON s.id = c.service_id "
        "WHERE c.person_id = $1 ORDER BY c.id DESC",
        *_OF,
        Sealed("投诉内容", "text", COMPLAINT_CONTEXT, 40),
        Shown("状态", "state", 12, words_of(ComplaintState)),
        Shown("是否属实", "is_upheld", 10),
        Sealed("答复", "answer", ANSWER_CONTEXT, 40),
        Shown("投诉时间", "created_at", 22),
        Shown("答复时间", "answered_at", 22),
    ),
    Copied(
        "值班",
        "SELECT v.name AS venue, s.name AS service, d.shown_as, d.kind, d.weekdays, d.days, d.opens, d.closes, "
        "d.valid_from, d.valid_until FROM duty d JOIN venue v ON v.id = d.venue_id "
        "LEFT JOIN service s ON s.id = d.service_id WHERE d.person_id = $1 ORDER BY d.id DESC",
        *_OF,
        Shown("公示名称", "shown_as", 20),
        Shown("方式", "kind", 10, words_of(DutyKind)),
        Shown("时间", duty_hours, 30),
        Shown("起", "valid_from"),
        Shown("止", "valid_until"),
    ),
    Copied(
        "上门服务",
        "SELECT v.name AS venue, s.name AS service, g.created_at FROM service_visitor g JOIN service s "
        "ON s.id = g.service_id JOIN venue v ON v.id = s.venue_id WHERE g.person_id = $1 ORDER BY g.id DESC",
        *_OF,
        Shown("指定时间", "created_at", 22),
    ),
)
