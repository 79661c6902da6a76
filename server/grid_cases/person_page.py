"""What staff find on a person's page: nothing of what they reported, whose identity is sealed; the cases that they
handled at work are."""

from server.accounts.person_page import PersonSection
from server.grid_cases.models import CaseState

SECTIONS = (
    PersonSection(
        kind="grid_case_handled",
        words="处置的网格事项",
        states=CaseState,
        page="pages/staff/case?id={id}",
        has_minutes=True,
        sql=(
            "SELECT s.id, c.id AS page_id, k.name AS title, s.created_at AS at, c.state, s.minutes "
            "FROM grid_case_step s JOIN grid_case c ON c.id = s.case_id JOIN case_category k ON k.id = c.category_id "
            "JOIN organization o ON o.id = c.community_id WHERE s.by_id = $1 AND s.action = 'answer' "
            "AND o.path <@ ANY($2::text[]::ltree[])"
        ),
    ),
)
