"""What somebody's account waits for from the staff who know them."""

from server.organizations.desk import DeskQueue

QUEUES = (
    DeskQueue(
        kind="roster_link",
        words="名册与本人待核对",
        path="/staff/roster-links",
        sql="SELECT organization_id, created_at AS since, NULL::timestamptz AS due FROM roster_link "
        "WHERE state = 'waiting'",
    ),
)
