"""What reaches people."""

from server.figures.definitions.definition import Definition, Kind

DEFINITIONS = (
    Definition(
        code="announcements",
        words="社区公告",
        unit="条",
        what_counts="当月发出的公告",
        leaves_out="草稿、已撤回的",
        source="公告",
        subject=("announcement", "title"),
        sql="SELECT a.id, a.id AS subject_id, a.organization_id, a.sent_at AS at, "
        "(a.state <> 'withdrawn')::int AS numerator, 0 AS denominator, (a.state = 'withdrawn')::int AS excluded "
        "FROM announcement a WHERE a.sent_at IS NOT NULL",
    ),
    Definition(
        code="messages_delivered",
        words="订阅消息送达率",
        unit="%",
        what_counts="当月发往微信的消息中，微信已接收或已送达的，计入收信人所在社区",
        leaves_out="只留站内信的、还在等待的",
        source="消息",
        kind=Kind.SHARE,
        subject=("organization", "name"),
        sql="SELECT m.id, p.community_id AS subject_id, p.community_id AS organization_id, m.created_at AS at, "
        "(m.delivery IN ('sent', 'delivered'))::int AS numerator, "
        "(m.delivery NOT IN ('inbox_only', 'queued'))::int AS denominator, "
        "(m.delivery IN ('inbox_only', 'queued'))::int AS excluded "
        "FROM inbox_message m JOIN person p ON p.id = m.person_id WHERE p.community_id IS NOT NULL",
    ),
)
