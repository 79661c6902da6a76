"""What building together waits for."""

from server.organizations.access import WORKERS
from server.organizations.desk import DeskQueue
from server.organizations.models import RoleKind

QUEUES = (
    DeskQueue(
        kind="list_entry_to_review",
        words="清单条目待审核",
        path="/staff/list-entries",
        subject=("list_entry", "title"),
        sql="SELECT e.id, e.id AS subject_id, e.reviewer_id AS organization_id, e.submitted_at AS since "
        "FROM list_entry e WHERE e.state = 'review'",
    ),
    DeskQueue(
        kind="list_claim_to_answer",
        words="认领待答复",
        path="/staff/list-claims",
        subject=("list_claim", "title"),
        roles=(*WORKERS, RoleKind.LIAISON),
        is_promised=True,
        sql="SELECT c.id, c.id AS subject_id, e.owner_id AS organization_id, c.created_at AS since, "
        "c.lapses_at AS due FROM list_claim c JOIN list_entry e ON e.id = c.entry_id WHERE c.state = 'proposed'",
    ),
)
