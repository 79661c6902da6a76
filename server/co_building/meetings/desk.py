"""What joint meetings wait for."""

from server.organizations.desk import DeskQueue

QUEUES = (
    DeskQueue(
        kind="meeting_topic",
        words="联席会议议题待定",
        path="/staff/meetings",
        subject=("joint_meeting", "title"),
        is_promised=True,
        sql="SELECT t.id, j.id AS subject_id, j.organization_id, t.created_at AS since, j.starts_at AS due "
        "FROM meeting_topic t JOIN joint_meeting j ON j.id = t.meeting_id "
        "WHERE t.state = 'proposed' AND j.state = 'invited'",
    ),
    DeskQueue(
        kind="meeting_resolution_reported",
        words="联席会议决议待公开",
        path="/staff/meeting-resolutions",
        subject=("meeting_resolution", "title"),
        sql="SELECT r.id, r.id AS subject_id, r.organization_id, r.changed_at AS since "
        "FROM meeting_resolution r WHERE r.state = 'reported'",
    ),
    DeskQueue(
        kind="meeting_resolution_overdue",
        words="联席会议决议到期未办结",
        path="/staff/meeting-resolutions",
        subject=("meeting_resolution", "title"),
        is_promised=True,
        sql="SELECT r.id, r.id AS subject_id, r.organization_id, r.created_at AS since, "
        "(r.due_on + 1)::timestamp AT TIME ZONE 'Asia/Shanghai' AS due FROM meeting_resolution r "
        "WHERE r.state = 'open' AND (r.due_on + 1)::timestamp AT TIME ZONE 'Asia/Shanghai' <= $2",
    ),
)
