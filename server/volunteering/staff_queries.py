"""What staff and leaders see: activities of their area, who signed up, and scans that were refused."""

from datetime import datetime

import msgspec

from server.accounts.details import read_details
from server.accounts.masking import mask_name
from server.accounts.queries import describe_persons
from server.audit import record_audit
from server.database import fetch, fetch_structs, transaction
from server.errors import NotFound
from server.ids import Id
from server.organizations.access import GRID_WORKERS, READERS, holds_role, require_role
from server.organizations.models import RoleKind
from server.pages import Page, PageQuery, cut_page, decode_cursor
from server.places.models import PlaceState
from server.volunteering.attendance import get_shift, require_leader_or_staff
from server.volunteering.models import Activity, ActivityKind, ActivityState, Direction
from server.volunteering.queries import ActivityView, show_activity

LOOKERS = (*READERS, RoleKind.GRID_WORKER)


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


class SignUpRow(msgspec.Struct):
    """Somebody's sign-up as the leader's list shows it; `name` is masked, `phone` empty, except in the roster."""

    id: Id
    person_id: Id
    nickname: str
    name: str
    phone: str
    role_name: str
    state: PlaceState
    number: int
    signed_up_at: datetime
    sign_in_at: datetime | None
    sign_out_at: datetime | None
    confirmed_minutes: int | None


class ShiftScanView(msgspec.Struct):
    """A scan; `refusal` is the code of the reason for which it was refused, or empty."""

    id: Id
    person_id: Id
    name: str
    direction: Direction
    refusal: str
    scanned_at: datetime


async def list_activities_of_area(person_id: str, query: StaffActivityQuery) -> Page[StaffActivityCard]:
    """Activities organized in the subtree, the latest first. Raises NotAllowed."""
    await require_role(person_id, query.organization_id, LOOKERS)
    before = decode_cursor(query.cursor, tuple[datetime, str]) if query.cursor else (None, None)
    rows = await fetch_structs(
        StaffActivityCard,
        "SELECT a.id, a.kind, a.title, a.organizer_id, o.name AS organizer_name, a.state, a.starts_at, a.ends_at, "
        "(SELECT count(*) FROM sign_up s JOIN place p ON p.id = s.place_id JOIN shift sh ON sh.id = s.shift_id "
        "WHERE sh.activity_id = a.id AND p.state IN ('confirmed', 'attended', 'no_show')) AS signed_up, "
        "(SELECT count(*) FROM sign_up s JOIN place p ON p.id = s.place_id JOIN shift sh ON sh.id = s.shift_id "
        "WHERE sh.activity_id = a.id AND p.state = 'waiting') AS waiting, a.version "
        "FROM activity a JOIN organization o ON o.id = a.organizer_id "
        "WHERE o.path <@ (SELECT path FROM organization WHERE id = $1) AND ($2::text IS NULL OR a.state = $2) "
        "AND ($3::timestamptz IS NULL OR (a.starts_at, a.id) < ($3, $4::uuid)) "
        "ORDER BY a.starts_at DESC, a.id DESC LIMIT $5",
        query.organization_id,
        query.state and str(query.state),
        *before,
        query.limit + 1,
    )
    return cut_page(rows, query.limit, lambda row: (row.starts_at, row.id))


async def get_staff_activity(person_id: str, activity_id: str) -> ActivityView:
    """An activity in any state, for those who work for its organizer or for the area it is seen in. Raises NotFound."""
    activity = await Activity.get_or_none(id=activity_id)
    if activity is None or not (
        await holds_role(person_id, activity.organizer_id, LOOKERS)
        or await holds_role(person_id, activity.area_id, LOOKERS)
    ):
        raise NotFound()
    return await show_activity(activity_id, person_id)


async def list_shift_sign_ups(person_id: str, shift_id: str, page: PageQuery) -> Page[SignUpRow]:
    """Who signed up, in the order of acknowledgement, those who left included; names masked. Raises NotFound."""
    await require_leader_or_staff(person_id, await get_shift(shift_id), LOOKERS)
    shown = await _sign_ups(shift_id, page)
    described = await describe_persons([row.person_id for row in shown.items])
    for row in shown.items:
        words = described.get(row.person_id, {})
        row.nickname, row.name = words.get("nickname", ""), words.get("name", "")
    return shown


async def list_shift_roster(person_id: str, shift_id: str, page: PageQuery) -> Page[SignUpRow]:
    """Those who are coming, with names and phone numbers in clear; each view is audited. Raises NotFound."""
    shift = await get_shift(shift_id)
    await require_leader_or_staff(person_id, shift, GRID_WORKERS)
    activity: Activity = shift.activity
    async with transaction():
        shown = await _sign_ups(shift_id, page, coming=True)
        ids = [row.person_id for row in shown.items]
        details, described = await read_details(ids), await describe_persons(ids)
        for row in shown.items:
            row.nickname = described.get(row.person_id, {}).get("nickname", "")
            if row.person_id in details:
                row.name, row.phone = details[row.person_id].real_name, details[row.person_id].phone
            await record_audit(
                "view_shift_roster",
                actor_id=person_id,
                subject=("shift", shift_id),
                person_id=row.person_id,
                organization_id=activity.organizer_id,
            )
    return shown


async def list_shift_scans(person_id: str, shift_id: str, page: PageQuery) -> Page[ShiftScanView]:
    """Scans of the shift's codes, the latest first, refused ones with their reason; names masked. Raises NotFound."""
    await require_leader_or_staff(person_id, await get_shift(shift_id), LOOKERS)
    before = decode_cursor(page.cursor, tuple[str])[0] if page.cursor else None
    rows = await fetch(
        "SELECT id, person_id, direction, refusal, created_at AS scanned_at FROM shift_scan "
        "WHERE shift_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        shift_id,
        before,
        page.limit + 1,
    )
    details = await read_details([row["person_id"] for row in rows])
    views = [
        ShiftScanView(
            **dict(row), name=mask_name(details[row["person_id"]].real_name) if row["person_id"] in details else ""
        )
        for row in rows
    ]
    return cut_page(views, page.limit, lambda view: (view.id,))


async def _sign_ups(shift_id: str, page: PageQuery, *, coming: bool = False) -> Page[SignUpRow]:
    after = decode_cursor(page.cursor, tuple[str])[0] if page.cursor else None
    rows = await fetch_structs(
        SignUpRow,
        "SELECT s.id, s.person_id, '' AS nickname, '' AS name, '' AS phone, r.name AS role_name, p.state, p.number, "
        "s.created_at AS signed_up_at, t.sign_in_at, t.sign_out_at, t.confirmed_minutes FROM sign_up s "
        "JOIN place p ON p.id = s.place_id JOIN shift_role r ON r.id = s.shift_role_id "
        "LEFT JOIN attendance t ON t.sign_up_id = s.id WHERE s.shift_id = $1 AND ($2::uuid IS NULL OR s.id > $2) "
        "AND (NOT $3 OR p.state IN ('confirmed', 'attended', 'no_show')) ORDER BY s.id LIMIT $4",
        shift_id,
        after,
        coming,
        page.limit + 1,
    )
    return cut_page(rows, page.limit, lambda row: (row.id,))
