"""What somebody's account waits for from the staff who know them."""

from server.organizations.desk import DeskQueue

QUEUES = (
    DeskQueue(
        kind="roster_link",
        words="名册与本人待核对",
        path="/staff/roster-links",
        subject=("person", "name"),
        sql="SELECT id, entry_id AS subject_id, organization_id, created_at AS since FROM roster_link "
        "WHERE state = 'waiting'",
    ),
)
