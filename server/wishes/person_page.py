"""What staff find on a person's page: their wishes, and those of others that they took on."""

from server.accounts.person_page import PersonSection
from server.wishes.models import ClaimState, WishState

SECTIONS = (
    PersonSection(
        kind="wish",
        words="微心愿",
        states=WishState,
        page="pages/staff/wish?id={id}",
        # Drafts are nobody's but the wisher's.
        sql=(
            "SELECT w.id, w.id AS page_id, w.title, w.submitted_at AS at, w.state FROM wish w "
            "JOIN organization o ON o.id = w.community_id WHERE (w.author_id = $1 OR w.beneficiary_id = $1) "
            "AND w.submitted_at IS NOT NULL AND o.path <@ ANY($2::text[]::ltree[])"
        ),
    ),
    PersonSection(
        kind="wish_claim",
        words="认领的微心愿",
        states=ClaimState,
        page="pages/staff/wish?id={id}",
        sql=(
            "SELECT c.id, w.id AS page_id, w.title, c.created_at AS at, c.state FROM wish_claim c "
            "JOIN wish w ON w.id = c.wish_id JOIN organization o ON o.id = w.community_id "
            "WHERE c.claimer_id = $1 AND o.path <@ ANY($2::text[]::ltree[])"
        ),
    ),
)
