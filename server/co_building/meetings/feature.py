"""What joint meetings give."""

from server.co_building.meetings import members, messages, views
from server.foundation.feature import Feature
from server.notifications.events import events_in
from server.organizations.desk import DeskQueue

QUEUES = (
    DeskQueue(
        kind="meeting_topic",
        words="联席会议议题待定",
        path="/staff/meetings",
        subject=("joint_meeting", "title"),
        sql="SELECT j.id, j.id AS subject_id, j.organization_id, t.created_at AS since, j.starts_at AS due "
        "FROM meeting_topic t JOIN joint_meeting j ON j.id = t.meeting_id "
        "WHERE t.state = 'proposed' AND j.state = 'invited'",
    ),
    DeskQueue(
        kind="meeting_resolution_reported",
        words="联席会议决议待公开",
        path="/staff/meeting-resolutions",
        subject=("meeting_resolution", "title"),
        sql="SELECT r.id, r.id AS subject_id, r.organization_id, r.changed_at AS since, NULL::timestamptz AS due "
        "FROM meeting_resolution r WHERE r.state = 'reported'",
    ),
    DeskQueue(
        kind="meeting_resolution_overdue",
        words="联席会议决议到期未办结",
        path="/staff/meeting-resolutions",
        subject=("meeting_resolution", "title"),
        sql="SELECT r.id, r.id AS subject_id, r.organization_id, r.created_at AS since, "
        "(r.due_on + 1)::timestamp AT TIME ZONE 'Asia/Shanghai' AS due FROM meeting_resolution r "
        "WHERE r.state = 'open' AND (r.due_on + 1)::timestamp AT TIME ZONE 'Asia/Shanghai' <= $2",
    ),
)

FEATURE = Feature(
    models=("server.co_building.meetings.models",),
    messages=events_in(messages),
    subjects={"joint_meeting": views.describe_meetings, "meeting_resolution": views.describe_resolutions},
    organization_closed=(members.move_meetings_of_closed,),
    mergers=(members.move_meeting_members,),
    leavers=(members.end_meeting_members_of,),
    erasers=(members.erase_meeting_members_of,),
    personal_copy=members.SHEETS,
    desk=QUEUES,
)
