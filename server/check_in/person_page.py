"""What staff find of a member on the person's page: check-ins, and posts."""

from server.accounts.person_page import PersonSection
from server.check_in.models import CheckInState
from server.check_in.posts.models import HoldingState
from server.members.memberships import index_of

SECTIONS = (
    PersonSection(
        kind="check_in",
        words="党员报到",
        states=CheckInState,
        page="pages/staff/check-in?id={id}",
        key=index_of,
        sql=(
            "SELECT c.id, c.id AS page_id, o.name AS title, c.applied_at AS at, c.state FROM check_in c "
            "JOIN membership m ON m.id = c.membership_id JOIN organization o ON o.id = c.community_id "
            "WHERE m.person_index = $1 AND o.path <@ ANY($2::text[]::ltree[])"
        ),
    ),
    PersonSection(
        kind="holding",
        words="岗位",
        states=HoldingState,
        page="pages/staff/posts",
        key=index_of,
        sql=(
            "SELECT h.id, p.id AS page_id, p.title, h.created_at AS at, h.state FROM post_holding h "
            "JOIN membership m ON m.id = h.membership_id JOIN post p ON p.id = h.post_id "
            "JOIN organization o ON o.id = p.community_id "
            "WHERE m.person_index = $1 AND o.path <@ ANY($2::text[]::ltree[])"
        ),
    ),
)
