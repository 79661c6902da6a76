"""What content checks leave to people."""

from server.organizations.desk import DeskQueue

QUEUES = (
    DeskQueue(
        kind="held_check",
        words="内容待人工复核",
        path="/staff/moderation/held",
        sql="SELECT c.id, c.id AS subject_id, s.organization_id, c.created_at AS since FROM content_check c "
        "JOIN checked_subject s ON s.id = c.subject_id WHERE c.state = 'held'",
    ),
)
