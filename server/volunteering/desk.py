"""What volunteer activities wait for from those who organize them."""

from datetime import timedelta

from server.organizations.desk import DeskQueue
from server.volunteering.access import ORGANIZERS

_LOOKED_BACK = timedelta(days=90)

QUEUES = (
    DeskQueue(
        kind="activity_review",
        words="活动待发布",
        path="/staff/activities",
        subject=("activity", "title"),
        is_promised=True,
        sql="SELECT id, id AS subject_id, area_id AS organization_id, created_at AS since, starts_at AS due "
        "FROM activity WHERE state = 'in_review'",
    ),
    DeskQueue(
        kind="shift_to_confirm",
        words="活动出勤待确认",
        path="/staff/shifts/{id}/roster",
        roles=ORGANIZERS,
        subject=("shift", "title"),
        sql="SELECT sh.id, sh.id AS subject_id, a.organizer_id AS organization_id, sh.ends_at AS since "
        "FROM shift sh JOIN activity a ON a.id = sh.activity_id AND a.state IN ('published', 'finished') "
        f"WHERE sh.state = 'scheduled' AND sh.ends_at < $2 AND sh.ends_at > $2 - interval '{_LOOKED_BACK.days} days' "
        "AND EXISTS (SELECT 1 FROM sign_up s JOIN place p ON p.id = s.place_id AND p.state = 'confirmed' "
        "WHERE s.shift_id = sh.id AND NOT EXISTS (SELECT 1 FROM hours h WHERE h.sign_up_id = s.id))",
    ),
    DeskQueue(
        kind="hours",
        words="服务时长待审批",
        path="/staff/hours",
        subject=("hours", "title"),
        sql="SELECT id, id AS subject_id, organization_id, created_at AS since FROM hours WHERE state = 'waiting'",
    ),
    DeskQueue(
        kind="no_show_appeal",
        words="缺席申诉待处理",
        path="/staff/no-show-appeals",
        subject=("appeal", "title"),
        sql="SELECT id, id AS subject_id, organizer_id AS organization_id, created_at AS since "
        "FROM no_show_appeal WHERE state = 'submitted'",
    ),
)
