"""What staff find of a volunteer on the person's page: sign-ups, hours, and shifts that they did not come to."""

from server.accounts.person_page import PersonSection
from server.places.models import NoShowReason, PlaceState
from server.volunteering.hours.models import HoursState

_HERE = (
    "JOIN shift sh ON sh.id = s.shift_id JOIN activity a ON a.id = sh.activity_id "
    "JOIN organization o ON o.id = a.organizer_id WHERE s.person_id = $1 AND o.path <@ ANY($2::text[]::ltree[])"
)

SECTIONS = (
    PersonSection(
        kind="sign_up",
        words="活动报名",
        states=PlaceState,
        page="pages/staff/shift?id={id}",
        sql=(
            "SELECT s.id, sh.id AS page_id, a.title, sh.starts_at AS at, p.state FROM sign_up s "
            f"JOIN place p ON p.id = s.place_id {_HERE}"
        ),
    ),
    PersonSection(
        kind="hours",
        words="服务时长",
        states=HoursState,
        page="pages/staff/shift?id={id}",
        has_minutes=True,
        sql=(
            "SELECT h.id, h.shift_id AS page_id, a.title, h.starts_at AS at, h.state, h.minutes FROM hours h "
            "JOIN shift sh ON sh.id = h.shift_id JOIN activity a ON a.id = sh.activity_id "
            "JOIN organization o ON o.id = h.organization_id WHERE h.person_id = $1 AND h.state <> 'replaced' "
            "AND o.path <@ ANY($2::text[]::ltree[])"
        ),
    ),
    PersonSection(
        kind="shift_no_show",
        words="活动爽约",
        states=NoShowReason,
        page="pages/staff/shift?id={id}",
        # Those that still count.
        sql=(
            "SELECT n.id, sh.id AS page_id, a.title, n.happened_at AS at, n.reason AS state FROM no_show n "
            "JOIN sign_up s ON s.place_id = n.place_id AND s.person_id = n.person_id "
            f"{_HERE} AND n.forgiven_at IS NULL"
        ),
    ),
)
