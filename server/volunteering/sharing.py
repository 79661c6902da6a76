"""An activity behind a shared link: what everybody is told of it, and what to do to see the whole."""

from datetime import datetime

from server.accounts.sharing import Bar, ShareBar, SharedCard
from server.foundation.database import fetch_one
from server.foundation.errors import NotFound
from server.volunteering.models import SHOWN_STATES, ActivityState


class SharedActivity(SharedCard, kw_only=True):
    """An activity's card. `starts_at` is its first shift's."""

    place_name: str
    state: ActivityState
    starts_at: datetime | None


async def show_shared_activity(person_id: str | None, activity_id: str) -> SharedActivity:
    """The card of an activity, for anyone who has the link. Raises NotFound before it was published."""
    row = await fetch_one(
        "SELECT a.id, a.title, o.name AS organization_name, a.place_name, a.state, "
        "(SELECT min(sh.starts_at) FROM shift sh WHERE sh.activity_id = a.id AND sh.state = 'scheduled') AS starts_at, "
        "home.id AS home_id, "
        "COALESCE(area.path @> home.path, area.level = 'city') AS is_seen, EXISTS (SELECT 1 FROM shift sh "
        "JOIN sign_up s ON s.shift_id = sh.id WHERE sh.activity_id = a.id AND (s.person_id = $2 "
        "OR s.signed_up_by_id = $2)) AS is_signed_up FROM activity a JOIN organization o ON o.id = a.organizer_id "
        "JOIN organization area ON area.id = a.area_id LEFT JOIN person p ON p.id = $2 "
        "LEFT JOIN organization home ON home.id = p.community_id WHERE a.id = $1 AND a.state = ANY($3)",
        activity_id,
        person_id,
        [str(state) for state in SHOWN_STATES],
    )
    if row is None:
        raise NotFound()
    bar = Bar()
    if person_id is None:
        bar = Bar(ShareBar.NOT_SIGNED_IN)
    elif not (row["is_seen"] or row["is_signed_up"]):
        bar = Bar(ShareBar.OTHER_AREA if row["home_id"] else ShareBar.COMMUNITY_NEEDED)
    shown = {name: row[name] for name in ("id", "title", "organization_name", "place_name", "state", "starts_at")}
    return SharedActivity(**shown, why=bar.why, advice=bar.advice, consent=bar.consent)
