"""What wishes wait for from a community's staff."""

from server.organizations.desk import DeskQueue

QUEUES = (
    DeskQueue(
        kind="wish_review",
        words="心愿待审核",
        path="/staff/wishes/review",
        subject=("wish", "title"),
        sql="SELECT id, id AS subject_id, community_id AS organization_id, submitted_at AS since "
        "FROM wish WHERE state IN ('submitted', 'amended')",
    ),
    DeskQueue(
        kind="wish_dispute",
        words="心愿争议待处理",
        path="/staff/wishes",
        subject=("wish", "title"),
        sql="SELECT id, id AS subject_id, community_id AS organization_id, COALESCE(changed_at, created_at) AS since "
        "FROM wish WHERE state = 'disputed'",
    ),
    DeskQueue(
        kind="wish_to_confirm",
        words="待代为确认的心愿",
        path="/staff/wishes",
        subject=("wish", "title"),
        sql="SELECT w.id, w.id AS subject_id, w.community_id AS organization_id, c.reported_at AS since "
        "FROM wish w JOIN wish_claim c ON c.wish_id = w.id AND c.state = 'reported' "
        "WHERE w.state = 'reported' AND (w.handed_to_staff_at IS NOT NULL OR c.staff_told_at IS NOT NULL)",
    ),
    DeskQueue(
        kind="wish_unclaimed",
        words="无人认领、请您帮忙的心愿",
        path="/staff/wishes/unclaimed",
        subject=("wish", "title"),
        is_promised=True,
        sql="SELECT id, id AS subject_id, community_id AS organization_id, COALESCE(published_at, created_at) "
        "AS since, (wished_by + 1)::timestamp AT TIME ZONE 'Asia/Shanghai' AS due FROM wish "
        "WHERE state = 'published' AND escalation > 0",
    ),
)
