"""A person's copy of their wishes and of what they did for others'. Whom they helped, and who helped, stays unnamed."""

from typing import Any

from server.accounts.masking import mask_address, mask_phone
from server.foundation.personal_copy import Copied, Shown
from server.foundation.words import words_of
from server.wishes.contact import open_contact
from server.wishes.models import ClaimState, ConfirmedAs, WishAudience, WishKind, WishState


# Where a wish is for somebody else, these are theirs.
def _address(row: Any) -> str:
    address, _ = open_contact(row["address"], None)
    return address if row["is_mine"] else mask_address(address)


def _phone(row: Any) -> str:
    _, phone = open_contact(None, row["phone"])
    return phone if row["is_mine"] else mask_phone(phone)


SHEETS = (
    Copied(
        "微心愿",
        "SELECT w.title, w.text, w.kind, w.audience, w.state, o.name AS community, g.name AS grid, w.place, w.address, "
        "w.phone, w.quantity, w.wished_by, cardinality(w.picture_ids) AS pictures, w.reason, w.created_at, "
        "w.submitted_at, w.published_at, w.fulfilled_at, w.beneficiary_id = $1 AS is_mine, CASE "
        "WHEN w.beneficiary_id <> $1 THEN '为他人' WHEN w.author_id <> $1 THEN '由他人代写' ELSE '为自己' END AS side "
        "FROM wish w JOIN organization o ON o.id = w.community_id LEFT JOIN organization g ON g.id = w.grid_id "
        "WHERE w.author_id = $1 OR w.beneficiary_id = $1 ORDER BY w.id DESC",
        Shown("心愿", "title", 24),
        Shown("内容", "text", 40),
        Shown("为谁", "side"),
        Shown("类型", "kind", 10, words_of(WishKind)),
        Shown("对象", "audience", 14, words_of(WishAudience)),
        Shown("状态", "state", 18, words_of(WishState)),
        Shown("社区", "community", 20),
        Shown("网格", "grid"),
        Shown("公开的地点", "place", 20),
        Shown("地址", _address, 30),
        Shown("电话", _phone),
        Shown("数量", "quantity", 8),
        Shown("希望实现日期", "wished_by"),
        Shown("图片数", "pictures", 8),
        Shown("审核说明", "reason", 30),
        Shown("创建时间", "created_at", 22),
        Shown("提交时间", "submitted_at", 22),
        Shown("发布时间", "published_at", 22),
        Shown("实现时间", "fulfilled_at", 22),
    ),
    Copied(
        "微心愿评价与异议",
        "SELECT w.title, c.state, c.rating, c.words, cardinality(c.thanks_picture_ids) AS pictures, c.confirmed_as, "
        "c.confirmed_at, c.dispute_reason, c.disputed_at, c.wisher_agreed_at FROM wish_claim c "
        "JOIN wish w ON w.id = c.wish_id WHERE (w.author_id = $1 OR w.beneficiary_id = $1) "
        "AND (c.confirmed_at IS NOT NULL OR c.disputed_at IS NOT NULL OR c.wisher_agreed_at IS NOT NULL) "
        "ORDER BY c.id DESC",
        Shown("心愿", "title", 24),
        Shown("认领状态", "state", 14, words_of(ClaimState)),
        Shown("星级", "rating", 8),
        Shown("感谢的话", "words", 40),
        Shown("感谢图片数", "pictures", 10),
        Shown("由谁确认", "confirmed_as", 14, words_of(ConfirmedAs)),
        Shown("确认时间", "confirmed_at", 22),
        Shown("异议", "dispute_reason", 40),
        Shown("异议时间", "disputed_at", 22),
        Shown("同意展示时间", "wisher_agreed_at", 22),
    ),
    Copied(
        "微心愿认领",
        # Of the wisher's words, what the claimer sees: those that the content check has passed.
        "SELECT w.title, u.name AS unit, t.shown_name AS team, c.state, c.quantity, c.created_at, c.due_at, c.note, "
        "cardinality(c.picture_ids) AS pictures, c.reported_at, c.rating, "
        "CASE WHEN c.words_are_shown THEN c.words ELSE '' END AS words, c.claimer_agreed_at, c.ended_at, c.end_reason "
        "FROM wish_claim c JOIN wish w ON w.id = c.wish_id LEFT JOIN organization u ON u.id = c.unit_id "
        "LEFT JOIN team t ON t.id = c.team_id WHERE c.claimer_id = $1 ORDER BY c.id DESC",
        Shown("心愿", "title", 24),
        Shown("代表单位", "unit", 20),
        Shown("代表团队", "team", 20),
        Shown("状态", "state", 14, words_of(ClaimState)),
        Shown("数量", "quantity", 8),
        Shown("认领时间", "created_at", 22),
        Shown("应完成时间", "due_at", 22),
        Shown("完成报告", "note", 40),
        Shown("图片数", "pictures", 8),
        Shown("报告时间", "reported_at", 22),
        Shown("收到的星级", "rating", 10),
        Shown("收到的感谢", "words", 40),
        Shown("同意展示时间", "claimer_agreed_at", 22),
        Shown("结束时间", "ended_at", 22),
        Shown("结束说明", "end_reason", 30),
    ),
    Copied(
        "微心愿组团",
        "SELECT w.title, s.quantity, s.created_at, s.ended_at FROM wish_share s JOIN wish_claim c ON c.id = s.claim_id "
        "JOIN wish w ON w.id = c.wish_id WHERE s.person_id = $1 ORDER BY s.id DESC",
        Shown("心愿", "title", 24),
        Shown("认的数量（0 为出力）", "quantity", 20),
        Shown("加入时间", "created_at", 22),
        Shown("退出时间", "ended_at", 22),
    ),
    Copied(
        "微心愿进展",
        "SELECT w.title, n.text, cardinality(n.picture_ids) AS pictures, n.created_at FROM wish_note n "
        "JOIN wish_claim c ON c.id = n.claim_id JOIN wish w ON w.id = c.wish_id WHERE n.author_id = $1 "
        "ORDER BY n.id DESC",
        Shown("心愿", "title", 24),
        Shown("我写的进展", "text", 40),
        Shown("图片数", "pictures", 8),
        Shown("时间", "created_at", 22),
    ),
)
