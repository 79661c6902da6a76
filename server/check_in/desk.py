"""What waits for a community's staff at the check-in 双报到."""

from server.organizations.desk import DeskQueue
from server.organizations.models import RoleKind

_MANAGERS = (RoleKind.MANAGER,)

QUEUES = (
    DeskQueue(
        kind="check_in",
        words="党员报到待确认",
        path="/staff/check-ins",
        subject=("membership", "name"),
        sql="SELECT id, membership_id AS subject_id, community_id AS organization_id, applied_at AS since "
        "FROM check_in WHERE state = 'applied'",
    ),
    DeskQueue(
        kind="unit_check_in",
        words="单位报到待接受",
        path="/staff/unit-check-ins",
        subject=("unit_check_in", "unit"),
        sql="SELECT id, id AS subject_id, area_id AS organization_id, applied_at AS since "
        "FROM unit_check_in WHERE state = 'applied'",
    ),
    DeskQueue(
        kind="post_holding",
        words="岗位申请待同意",
        path="/staff/post-holdings",
        subject=("holding", "title"),
        sql="SELECT h.id, h.id AS subject_id, p.community_id AS organization_id, h.applied_at AS since "
        "FROM post_holding h JOIN post p ON p.id = h.post_id WHERE h.state = 'applied'",
    ),
    DeskQueue(
        kind="transfer",
        words="组织关系转入待办理",
        path="/staff/members",
        subject=("membership", "name"),
        sql="SELECT membership_id AS id, membership_id AS subject_id, community_id AS organization_id, answered_at "
        "AS since FROM membership_transfer WHERE state = 'accepted'",
    ),
    DeskQueue(
        kind="report_to_assess",
        words="半年评价待填写",
        path="/staff/reports",
        subject=("membership", "name"),
        is_promised=True,
        sql="SELECT id, membership_id AS subject_id, community_id AS organization_id, frozen_at AS since, "
        "frozen_at + interval '14 days' AS due FROM half_year_report WHERE state = 'draft'",
    ),
    DeskQueue(
        kind="report_correction",
        words="半年评价更正待答复",
        path="/staff/reports",
        subject=("membership", "name"),
        sql="SELECT id, membership_id AS subject_id, community_id AS organization_id, correction_asked_at AS since "
        "FROM half_year_report WHERE state = 'correction_asked'",
    ),
    DeskQueue(
        kind="report_to_release",
        words="半年评价待反馈",
        path="/staff/reports",
        roles=_MANAGERS,
        subject=("membership", "name"),
        is_promised=True,
        sql="SELECT id, membership_id AS subject_id, community_id AS organization_id, settled_at AS since, "
        "settled_at + interval '14 days' AS due FROM half_year_report WHERE state = 'settled'",
    ),
)
