"""What building together waits for."""

from server.organizations.desk import DeskQueue

QUEUES = (
    DeskQueue(
        kind="list_entry_to_review",
        words="清单条目待审核",
        path="/staff/list-entries",
        subject=("list_entry", "title"),
        sql="SELECT e.id, e.id AS subject_id, e.reviewer_id AS organization_id, e.submitted_at AS since, "
        "NULL::timestamptz AS due FROM list_entry e WHERE e.state = 'review'",
    ),
)
