"""What cases wait for: from those who dispatch and check them, and from those who handle them."""

from server.grid_cases.models import CaseState
from server.organizations.access import WORKERS
from server.organizations.desk import DeskQueue
from server.organizations.models import RoleKind


def _queue(kind: str, words: str, where: str, *roles: RoleKind, whose: str = "holder_id") -> DeskQueue:
    return DeskQueue(
        kind=kind,
        words=words,
        path="/staff/grid-cases/held",
        subject=("grid_case", "title"),
        roles=roles or WORKERS,
        is_promised=True,
        sql=f"SELECT c.id, c.id AS subject_id, c.{whose} AS organization_id, c.changed_at AS since, "
        f"c.stage_due_at AS due FROM grid_case c JOIN organization h ON h.id = c.holder_id "
        f"WHERE c.holder_id IS NOT NULL AND {where}",
    )


_TO_HANDLE = f"c.state IN ('{CaseState.DISPATCHED}', '{CaseState.HANDLING}')"

QUEUES = (
    _queue("case_to_file", "网格事项待受理", "c.state = 'reported'"),
    _queue("case_to_dispatch", "网格事项待派遣", "c.state = 'filed'"),
    _queue("case_to_check", "网格事项待核查", "c.state = 'answered'"),
    _queue("case_delay", "延期或挂账待决定", "c.state = 'handling' AND c.asked IS NOT NULL", whose="keeper_id"),
    _queue(
        "case_to_handle",
        "网格事项待处置",
        f"{_TO_HANDLE} AND h.level = 'grid'",
        RoleKind.GRID_WORKER,
    ),
    _queue("case_of_office", "网格事项待处置", f"{_TO_HANDLE} AND h.level NOT IN ('grid', 'unit')"),
    _queue("case_of_unit", "网格事项待处置", f"{_TO_HANDLE} AND h.level = 'unit'", RoleKind.LIAISON),
)
