"""Announcements, roles, the audit log, and how it all runs."""

from server.console.declaring import MAIN, REFUSE, Act, WorkPage

_POINTS = ("name", "points_per_event", "points_per_hour", "daily_cap", "monthly_cap")
_LIMITS = ("max_open_claims", "max_open_claims_of_unit", "claim_days", "contacts_a_day", "first_claim")

PAGES = (
    WorkPage(
        slug="announcements",
        section="公告",
        title="公告",
        lists="list_announcements",
        columns=("title", "urgent", "state", "expected", "told", "sent_at"),
        shows="show_announcement_to_staff",
        headline="title",
        offers="list_announcement_actions",
        acts=(
            Act(
                operation="send_announcement",
                tried=("send",),
                words="发送",
                look=MAIN,
                states=("draft",),
                fills={"version": "version"},
            ),
            Act(
                operation="withdraw_announcement",
                tried=("withdraw",),
                words="撤回",
                look=REFUSE,
                states=("sent", "sending"),
            ),
        ),
        makes=(Act(operation="create_announcement", words="写公告", look=MAIN),),
    ),
    WorkPage(
        slug="roles",
        section="组织",
        title="工作角色",
        lists="list_roles",
        columns=("person.name", "kind", "organization.name", "granted_at", "ended_at"),
        filters=("kind", "with_ended"),
        acts=(Act(operation="end_role", words="结束角色", look=REFUSE),),
    ),
    WorkPage(
        slug="points-rules",
        section="组织",
        title="积分规则",
        lists="list_service_rules",
        columns=_POINTS,
        id="code",
        details=("list_rule_versions",),
        acts=(
            Act(
                operation="change_service_rule",
                words="修改规则",
                fills={"version": "version"},
                begins={name: name for name in _POINTS},
            ),
        ),
    ),
    WorkPage(
        slug="wish-terms",
        section="组织",
        title="认领规则",
        lists="get_wish_terms",
        columns=_LIMITS,
        id="organization_id",
        acts=(
            Act(
                operation="set_wish_terms",
                words="设定本辖区的规则",
                look=MAIN,
                fills={"version": "version"},
                begins={name: name for name in _LIMITS},
            ),
        ),
    ),
    WorkPage(
        slug="audit",
        section="组织",
        title="操作记录",
        lists="list_audit_entries",
        columns=("at", "action_name", "actor.name", "person.name", "organization.name"),
        heads={"action_name": "做了什么", "action": "做了什么"},
        filters=("action", "since", "until"),
        exports="export_audit_entries",
        managers_only=True,
    ),
    WorkPage(
        slug="failed-messages",
        section="运行",
        title="发送失败的消息",
        lists="list_failed_messages",
        columns=("event", "error", "attempts", "failed_at", "can_retry"),
        acts=(Act(operation="retry_failed_message", words="重发", look=MAIN, is_bulk=True),),
    ),
)
