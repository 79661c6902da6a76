"""A person's copy of their volunteer service: sign-ups, attendance, hours, certificates, skills, ratings, appeals."""

from server.accounts.queries import ours
from server.foundation.personal_copy import Copied, Named, Shown
from server.foundation.words import words_of
from server.places.models import PlaceState
from server.volunteering.attendance.clocking import REFUSAL_WORDS
from server.volunteering.attendance.models import AttendanceMethod, Direction
from server.volunteering.hours.models import AppealState, HoursState
from server.volunteering.reasons import HOURS_REASON, REMOVAL_REASON, SHIFT_REASON
from server.volunteering.sign_ups.why import why_ended

_REVOKE_WORDS = {"hours_corrected": "服务时长有更正"}


SHEETS = (
    Copied(
        "志愿服务报名与出勤",
        "SELECT s.person_id, a.title, r.name AS role, a.place_name, sh.starts_at, sh.ends_at, p.state, p.party_size, "
        "p.number, p.passed_count, p.end_reason, "
        f"COALESCE(NULLIF({REMOVAL_REASON}, ''), {SHIFT_REASON}) AS words, s.created_at, "
        "t.sign_in_at, t.sign_in_method, t.sign_out_at, t.sign_out_method "
        "FROM sign_up s JOIN place p ON p.id = s.place_id JOIN shift sh ON sh.id = s.shift_id "
        "JOIN activity a ON a.id = sh.activity_id JOIN shift_role r ON r.id = s.shift_role_id "
        f"LEFT JOIN attendance t ON t.sign_up_id = s.id WHERE {ours('s.person_id')} ORDER BY s.id DESC",
        Named("谁", "person_id"),
        Shown("活动", "title", 28),
        Shown("岗位", "role"),
        Shown("地点", "place_name", 24),
        Shown("开始时间", "starts_at", 22),
        Shown("结束时间", "ends_at", 22),
        Shown("状态", "state", 16, words_of(PlaceState)),
        Shown("同行人数", "party_size", 10),
        Shown("排队号", "number", 10),
        Shown("被越过次数", "passed_count", 12),
        Shown("说明", lambda row: why_ended(row["end_reason"], row["words"]), 30),
        Shown("报名时间", "created_at", 22),
        Shown("签到", "sign_in_at", 22),
        Shown("签到方式", "sign_in_method", 18, words_of(AttendanceMethod)),
        Shown("签退", "sign_out_at", 22),
        Shown("签退方式", "sign_out_method", 18, words_of(AttendanceMethod)),
    ),
    Copied(
        "签到尝试",
        "SELECT a.title, c.direction, c.method, c.meters, c.refusal, c.scanned_at FROM shift_scan c "
        "JOIN shift sh ON sh.id = c.shift_id JOIN activity a ON a.id = sh.activity_id "
        "WHERE c.person_id = $1 ORDER BY c.id DESC",
        Shown("活动", "title", 28),
        Shown("签到或签退", "direction", 12, words_of(Direction)),
        Shown("方式", "method", 18, words_of(AttendanceMethod)),
        Shown("距离（米）", "meters", 12),
        Shown("未通过原因", "refusal", 28, REFUSAL_WORDS),
        Shown("时间", "scanned_at", 22),
    ),
    Copied(
        "服务时长",
        "SELECT a.title, o.name AS organization, h.starts_at, h.ends_at, h.minutes, h.state, h.is_late, "
        f"{HOURS_REASON} AS reason, h.decision_reason, h.created_at, h.effective_at, "
        "h.replaces_id IS NOT NULL AS is_correction FROM hours h JOIN shift sh ON sh.id = h.shift_id "
        "JOIN activity a ON a.id = sh.activity_id LEFT JOIN organization o ON o.id = h.organization_id "
        "WHERE h.person_id = $1 ORDER BY h.id DESC",
        Shown("活动", "title", 28),
        Shown("社区", "organization", 20),
        Shown("开始时间", "starts_at", 22),
        Shown("结束时间", "ends_at", 22),
        Shown("服务分钟", "minutes", 10),
        Shown("状态", "state", 12, words_of(HoursState)),
        Shown("是更正", "is_correction", 10),
        Shown("是补录", "is_late", 10),
        Shown("登记说明", "reason", 30),
        Shown("审批说明", "decision_reason", 30),
        Shown("登记时间", "created_at", 22),
        Shown("生效时间", "effective_at", 22),
    ),
    Copied(
        "志愿服务证明",
        "SELECT c.number, c.code, o.name AS issuer, c.since, c.until, c.times, c.minutes, c.issued_at, c.revoked_at, "
        "c.revoke_reason FROM certificate c LEFT JOIN organization o ON o.id = c.issuer_id WHERE c.person_id = $1 "
        "ORDER BY c.id DESC",
        Shown("证明编号", "number", 22),
        Shown("核验码", "code", 12),
        Shown("开具单位", "issuer", 24),
        Shown("起", "since"),
        Shown("止", "until"),
        Shown("次数", "times", 8),
        Shown("服务分钟", "minutes", 10),
        Shown("开具时间", "issued_at", 22),
        Shown("作废时间", "revoked_at", 22),
        Shown("作废原因", "revoke_reason", 20, _REVOKE_WORDS),
    ),
    Copied(
        "特长",
        "SELECT name, created_at FROM volunteer_skill WHERE person_id = $1 ORDER BY id",
        Shown("特长", "name", 20),
        Shown("填写时间", "created_at", 22),
    ),
    Copied(
        "志愿服务评价",
        # What others wrote of the person is theirs to read once the content check has passed it.
        "SELECT CASE WHEN g.side = 'volunteer' THEN '我对活动' ELSE '对我' END AS side, a.title, g.stars, "
        "CASE WHEN g.side = 'volunteer' OR g.text_is_shown THEN g.text ELSE '' END AS text, g.created_at "
        "FROM shift_rating g JOIN sign_up s ON s.id = g.sign_up_id JOIN shift sh ON sh.id = g.shift_id "
        "JOIN activity a ON a.id = sh.activity_id WHERE s.person_id = $1 ORDER BY g.id DESC",
        Shown("评价", "side", 12),
        Shown("活动", "title", 28),
        Shown("星级", "stars", 8),
        Shown("内容", "text", 40),
        Shown("时间", "created_at", 22),
    ),
    Copied(
        "爽约申诉",
        "SELECT a.title, n.text, n.state, n.decision, n.created_at, n.decided_at FROM no_show_appeal n "
        "JOIN sign_up s ON s.id = n.sign_up_id JOIN shift sh ON sh.id = s.shift_id "
        "JOIN activity a ON a.id = sh.activity_id WHERE n.by_id = $1 OR s.person_id = $1 ORDER BY n.id DESC",
        Shown("活动", "title", 28),
        Shown("申诉内容", "text", 40),
        Shown("状态", "state", 12, words_of(AppealState)),
        Shown("处理意见", "decision", 40),
        Shown("申诉时间", "created_at", 22),
        Shown("处理时间", "decided_at", 22),
    ),
)
