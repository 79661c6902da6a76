"""For how long what is kept: what people read before they agree, and what tests/background/test_retention.py checks the
tables against. (个人信息保护法 art. 17, 19: the shortest time that the purpose needs.)
"""

from typing import NamedTuple

import msgspec


class Period(NamedTuple):
    """Data of one kind: in which tables they are, and in Chinese what they are and for how long they are kept."""

    what: str
    kept: str
    tables: tuple[str, ...]


class PeriodView(msgspec.Struct):
    what: str
    kept: str


_ACCOUNT = "账号存续期间；注销即清除"
_RECORD = "长期保存；注销后去除姓名和联系方式"

PERIODS = (
    Period(
        "昵称、头像、姓名、手机号、住址、出生日期、所在社区和网格、微信标识、家人",
        _ACCOUNT,
        ("person", "person_details", "wechat_identity", "dependant", "picture"),
    ),
    Period("登录记录", "失效后 30 天", ("session", "console_sign_in")),
    Period("登录工作台的密码和通行密钥", _ACCOUNT, ("console_password", "console_passkey")),
    Period("工作人员的常用答复", "长期保存", ("reply",)),
    Period("同意与撤回的记录", _RECORD, ("consent",)),
    Period("现场登记和工作角色的记录", _RECORD, ("registration", "role_grant")),
    Period("合并重复登记、核对名册的确认", "处理后 180 天", ("merge_proposal", "roster_link")),
    Period("消息", "180 天；注销即清除", ("inbox_message",)),
    Period("通知偏好、订阅消息授权、日历地址", _ACCOUNT,
           ("notification_preferences", "grant_entry", "grant_balance", "calendar_feed")),
    Period("待发送和已发送的通知任务", "完成后 14 天，其他 180 天", ("outbox",)),
    Period("微信推送的原文", "30 天", ("stored_push",)),
    Period("心愿草稿，未被认领即撤回、退回或过期的心愿", "180 天", ("wish",)),
    Period("心愿中的地址和电话", "心愿结束后 30 天", ("wish",)),
    Period("心愿及其认领、完成情况", _RECORD, ("wish_claim", "wish_share", "wish_note")),
    Period("党员信息、报到、岗位、联系记录和半年反馈", "长期保存；注销或撤回同意后不再使用，居住地和备注清除",
           ("membership", "check_in", "post_holding", "post_month", "member_contact", "membership_transfer",
            "half_year_report", "due_report")),
    Period("共建清单及认领", "长期保存", ("list_entry", "list_claim")),
    Period("单位报到", "长期保存", ("unit_check_in", "post", "period_run")),
    Period("反映、跟进和办理的网格事项", _RECORD, ("grid_case", "grid_case_step", "grid_case_follower")),
    Period("联席会议的成员、会议、纪要和决议", _RECORD,
           ("meeting_member", "joint_meeting", "meeting_invitation", "meeting_topic", "meeting_minutes",
            "meeting_resolution", "meeting_resolution_step")),
    Period("网格事项中留下的联系方式", "办结后 180 天", ("grid_case",)),
    Period("志愿团队", _RECORD, ("team", "team_member")),
    Period("志愿活动、报名、出勤、时长、证书、评价和申诉", _RECORD,
           ("activity", "activity_recap", "shift", "shift_role", "sign_up", "attendance", "hours", "certificate",
            "shift_rating", "no_show", "no_show_appeal", "block", "allotment", "place", "place_pass")),
    Period("扫码签到的尝试", "一年", ("shift_scan",)),
    Period("志愿者特长和排行选择", _ACCOUNT, ("volunteer_skill", "ranking_place")),
    Period("服务记录与积分", _RECORD, ("service_entry", "service_rule")),
    Period("预约、评价和投诉", "长期保存；注销后清除备注、地址和文字",
           ("booking", "booking_series", "booking_move", "room_booking", "booking_rating", "complaint", "slot")),
    Period("窗口取号", "180 天", ("queue_ticket", "queue_day")),
    Period("内容安全检查的结果", _RECORD, ("checked_subject", "content_check")),
    Period("社区公告", "长期保存", ("announcement",)),
    Period("各组织每月的统计数，不含个人信息", "长期保存", ("figure", "figure_month")),
    Period("预警规则、预警及其处理", "长期保存", ("warning_rule", "figure_warning")),
    Period("综合评价及其加减分", "长期保存", ("assessment_scheme", "assessment", "assessment_adjustment")),
    Period("居民对社区的评价", _ACCOUNT, ("community_evaluation",)),
    Period("打开过哪些公告", _ACCOUNT, ("announcement_read",)),
    Period("担任哪些服务的上门人员", "担任期间；注销即清除", ("service_visitor",)),
    Period("操作和查看记录（审计）", "两年，或运营单位设定的期限", ("audit_entry",)),
    Period("重复提交的识别", "24 小时", ("idempotency_key",)),
    Period(
        "组织、场所、服务和开放时间，不含个人信息",
        "长期保存",
        ("organization", "party_organization", "venue", "service", "opening_rule", "opening_exception", "holiday_year",
         "duty", "venue_screen", "wish_terms", "case_category", "case_standard", "case_partner", "job_run",
         "key_in_use"),
    ),
)  # fmt: skip


def list_periods() -> list[PeriodView]:
    """What is kept, and for how long."""
    return [PeriodView(period.what, period.kept) for period in PERIODS]
