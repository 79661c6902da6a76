"""What volunteering has in people's list of appointments: sign-ups."""

from server.accounts.queries import ours
from server.calendars.appointments import AppointmentLines
from server.foundation.words import words_of
from server.places.models import PlaceState
from server.places.queries import POSITION
from server.volunteering.hours.rules import RATE_WITHIN
from server.volunteering.reasons import REMOVAL_REASON, SHIFT_REASON

LINES = (
    AppointmentLines(
        page="pages/activity/detail?id={id}",
        states=words_of(PlaceState),
        sql=(
            "SELECT 'sign_up' AS kind, s.id, a.id AS page_id, a.title, r.name AS detail, a.place_name AS place, "
            "sh.starts_at, sh.ends_at, p.state, p.party_size, s.person_id, "
            f"CASE WHEN p.state = 'waiting' THEN {POSITION} END AS position, p.offered_until, sh.cancel_until "
            f"AS change_until, COALESCE(NULLIF({REMOVAL_REASON}, ''), {SHIFT_REASON}) AS reason, p.state = 'attended' "
            f"AND sh.ends_at > $2::timestamptz - interval '{RATE_WITHIN.days} days' "
            "AND NOT EXISTS (SELECT 1 FROM shift_rating g WHERE g.sign_up_id = s.id AND g.side = 'volunteer') "
            "AS may_rate, sh.ends_at > $2::timestamptz AND sh.state = 'scheduled' "
            "AND p.state IN ('waiting', 'offered', 'confirmed', 'attended') AS is_coming "
            "FROM sign_up s JOIN place p ON p.id = s.place_id JOIN shift sh ON sh.id = s.shift_id "
            "JOIN activity a ON a.id = sh.activity_id JOIN shift_role r ON r.id = s.shift_role_id "
            f"WHERE {ours('s.person_id')}"
        ),
    ),
)
