"""What staff and leaders see: the activities of their area. (Who signed up for a shift: see roster.py.)"""

from datetime import datetime

import msgspec

from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_struct_page
from server.organizations.access import require_role
from server.organizations.tree import within
from server.volunteering.access import LOOKERS, may_look
from server.volunteering.models import Activity, ActivityKind, ActivityState
from server.volunteering.queries import ActivityView, ShiftView, show_activity
from server.volunteering.steps import get_shift


class StaffActivityQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    """Activities organized in this organization's subtree; of one state, where it is given."""

    organization_id: Id
    state: ActivityState | None = None


class StaffActivityCard(msgspec.Struct):
    """An activity in the staff's list; `signed_up` counts confirmed places, `waiting` those in line."""

    id: Id
    kind: ActivityKind
    title: str
    organizer_id: Id
    organizer_name: str
    state: ActivityState
    starts_at: datetime
    ends_at: datetime
    signed_up: int
    waiting: int
    version: int


_CARD = (
    "SELECT a.id, a.kind, a.title, a.organizer_id, o.name AS organizer_name, a.state, a.starts_at, a.ends_at, "
    "(SELECT count(*) FROM sign_up s JOIN place p ON p.id = s.place_id JOIN shift sh ON sh.id = s.shift_id "
    "WHERE sh.activity_id = a.id AND p.state IN ('confirmed', 'attended', 'no_show')) AS signed_up, "
    "(SELECT count(*) FROM sign_up s JOIN place p ON p.id = s.place_id JOIN shift sh ON sh.id = s.shift_id "
    "WHERE sh.activity_id = a.id AND p.state = 'waiting') AS waiting, a.version "
    "FROM activity a JOIN organization o ON o.id = a.organizer_id "
)


async def list_activities_of_area(person_id: str, query: StaffActivityQuery) -> Page[StaffActivityCard]:
    """Activities organized in the subtree, the latest first. Raises NotAllowed."""
    await require_role(person_id, query.organization_id, LOOKERS)
    return await fetch_struct_page(
        StaffActivityCard,
        f"{_CARD}WHERE {within('o.path', '$1')} AND ($2::text IS NULL OR a.state = $2) "
        "AND ($3::timestamptz IS NULL OR (a.starts_at, a.id) < ($3, $4::uuid)) "
        "ORDER BY a.starts_at DESC, a.id DESC LIMIT $5",
        query.organization_id,
        query.state and str(query.state),
        page=query,
        key={"starts_at": datetime, "id": Id},
    )


async def list_led_activities(person_id: str, page: PageQuery) -> Page[StaffActivityCard]:
    """Activities of teams that the person leads, and those of which they lead a shift, the latest first."""
    return await fetch_struct_page(
        StaffActivityCard,
        _CARD + "WHERE (a.team_id IN (SELECT id FROM team WHERE leader_id = $1 AND ended_at IS NULL) "
        "OR a.id IN (SELECT activity_id FROM shift WHERE leader_id = $1)) "
        "AND ($2::timestamptz IS NULL OR (a.starts_at, a.id) < ($2, $3::uuid)) "
        "ORDER BY a.starts_at DESC, a.id DESC LIMIT $4",
        person_id,
        page=page,
        key={"starts_at": datetime, "id": Id},
    )


class StaffShiftView(msgspec.Struct):
    """One shift with what its activity says of it. Who signed up has a list of its own."""

    activity_id: Id
    title: str
    organizer_name: str
    place_name: str
    shift: ShiftView


async def get_staff_shift(person_id: str, shift_id: str) -> StaffShiftView:
    """A shift in any state, for those who may look at its activity, its leader among them. Raises NotFound."""
    shift = await get_shift(shift_id)
    activity = await get_staff_activity(person_id, shift.activity_id)
    shown = next(each for each in activity.shifts if each.id == shift_id)
    return StaffShiftView(activity.id, activity.title, activity.organizer_name, activity.place_name, shown)


async def get_staff_activity(person_id: str, activity_id: str) -> ActivityView:
    """An activity in any state, for those who may look at it. Raises NotFound."""
    activity = await Activity.get_or_none(id=activity_id)
    if activity is None or not await may_look(person_id, activity):
        raise NotFound()
    return await show_activity(activity_id, person_id)
