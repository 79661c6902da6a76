"""What residents see: upcoming activities, an activity with its shifts, their own sign-ups; and words for messages."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from server import clock
from server.database import fetch, fetch_one, fetch_value
from server.errors import NotFound
from server.ids import Id
from server.pages import Page, PageQuery, cut_page, decode_cursor
from server.places.models import PlaceState
from server.places.queries import waiting_positions
from server.volunteering.models import ActivityKind, ActivityState, ShiftState, Visibility
from server.wechat.message_fields import render_time


class ActivityCard(msgspec.Struct):
    """An activity in a list. `free` counts places still to be had in its coming shifts."""

    id: Id
    kind: ActivityKind
    title: str
    organizer_name: str
    place_name: str
    location: tuple[float, float] | None
    starts_at: datetime
    ends_at: datetime
    state: ActivityState
    free: int


class MySignUp(msgspec.Struct):
    """One's own standing in a shift: `position` in the waiting list, `offered_until` while a place is held open.

    `passed_count` tells how often smaller parties were let past. After the end: `confirmed_minutes` once the leader
    has confirmed them, and `end_reason` where the sign-up ended.
    """

    id: Id
    shift_role_id: Id
    state: PlaceState
    position: int | None
    offered_until: datetime | None
    passed_count: int
    end_reason: str
    sign_in_at: datetime | None
    sign_out_at: datetime | None
    confirmed_minutes: int | None


class RoleView(msgspec.Struct):
    """A part in a shift. `free` is never negative; `waiting` counts those in line."""

    id: Id
    name: str
    capacity: int
    taken: int
    free: int
    waiting: int
    may_wait: bool


class ShiftView(msgspec.Struct):
    id: Id
    starts_at: datetime
    ends_at: datetime
    sign_up_opens_at: datetime
    sign_up_closes_at: datetime
    cancel_until: datetime
    state: ShiftState
    roles: list[RoleView]
    mine: MySignUp | None


class ActivityView(msgspec.Struct):
    """An activity with its shifts, each with free places and the reader's own sign-up. `reason` says why it was
    cancelled, or sent back."""

    id: Id
    kind: ActivityKind
    title: str
    text: str
    organizer_id: Id
    organizer_name: str
    place_name: str
    location: tuple[float, float] | None
    contact: str
    visibility: Visibility
    state: ActivityState
    reason: str
    version: int
    shifts: list[ShiftView]


class SignUpView(msgspec.Struct):
    """A sign-up with what it is for."""

    shift_id: Id
    activity_id: Id
    title: str
    role_name: str
    place_name: str
    starts_at: datetime
    ends_at: datetime
    cancel_until: datetime
    activity_state: ActivityState
    sign_up: MySignUp


class UpcomingQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    kind: ActivityKind | None = None


class SignUpsQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    """`past`: those whose shift has ended, latest first; otherwise those to come, next first."""

    past: bool = False


_CARD = (
    "a.id, a.kind, a.title, o.name AS organizer_name, a.place_name, a.location, a.starts_at, a.ends_at, a.state, "
    "COALESCE((SELECT sum(GREATEST(al.capacity - al.taken, 0)) FROM shift sh JOIN shift_role r ON r.shift_id = sh.id "
    "JOIN allotment al ON al.id = r.allotment_id WHERE sh.activity_id = a.id AND sh.state = 'scheduled' "
    "AND sh.starts_at > $1), 0)::int AS free FROM activity a JOIN organization o ON o.id = a.organizer_id"
)

_MINE = (
    "s.id, s.shift_id, s.shift_role_id, p.id AS place_id, p.state, p.offered_until, p.passed_count, p.end_reason, "
    "t.sign_in_at, t.sign_out_at, t.confirmed_minutes FROM sign_up s JOIN place p ON p.id = s.place_id "
    "LEFT JOIN attendance t ON t.sign_up_id = s.id"
)


_SIGN_UP = (
    "sh.activity_id, a.title, r.name AS role_name, a.place_name, sh.starts_at, sh.ends_at, sh.cancel_until, "
    f"a.state AS activity_state, {_MINE} JOIN shift sh ON sh.id = s.shift_id "
    "JOIN activity a ON a.id = sh.activity_id JOIN shift_role r ON r.id = s.shift_role_id"
)


async def list_activities(person_id: str, query: UpcomingQuery) -> Page[ActivityCard]:
    """Published activities that are seen where the person lives and not over yet, the next first."""
    after = decode_cursor(query.cursor, tuple[datetime, str]) if query.cursor else (None, None)
    rows = await fetch(
        f"SELECT {_CARD} WHERE a.state = 'published' AND a.area_id = ANY($2::uuid[]) AND a.ends_at > $1 "
        "AND ($3::text IS NULL OR a.kind = $3) AND ($4::timestamptz IS NULL OR (a.starts_at, a.id) > ($4, $5::uuid)) "
        "ORDER BY a.starts_at, a.id LIMIT $6",
        clock.now(),
        await _areas_of(person_id),
        query.kind and str(query.kind),
        *after,
        query.limit + 1,
    )
    return cut_page([_card(row) for row in rows], query.limit, lambda card: (card.starts_at, card.id))


async def get_activity(person_id: str, activity_id: str) -> ActivityView:
    """An activity that is or was seen where the person lives, or that they signed up for. Raises NotFound."""
    visible = await fetch_value(
        "SELECT 1 FROM activity a WHERE a.id = $1 AND (a.state IN ('published', 'finished', 'cancelled') "
        "AND a.area_id = ANY($2::uuid[]) OR EXISTS (SELECT 1 FROM shift sh JOIN sign_up s ON s.shift_id = sh.id "
        "WHERE sh.activity_id = a.id AND s.person_id = $3))",
        activity_id,
        await _areas_of(person_id),
        person_id,
    )
    if not visible:
        raise NotFound()
    return await show_activity(activity_id, person_id)


async def show_activity(activity_id: str, person_id: str) -> ActivityView:
    """An activity with its shifts, and how this person stands in them; the caller has checked that they may see it."""
    row = await fetch_one(
        "SELECT a.id, a.kind, a.title, a.text, a.organizer_id, o.name AS organizer_name, a.place_name, a.location, "
        "a.contact, a.visibility, a.state, a.reason, a.version FROM activity a "
        "JOIN organization o ON o.id = a.organizer_id WHERE a.id = $1",
        activity_id,
    )
    if row is None:
        raise NotFound()
    shifts = await fetch(
        "SELECT id, starts_at, ends_at, sign_up_opens_at, sign_up_closes_at, cancel_until, state FROM shift "
        "WHERE activity_id = $1 ORDER BY starts_at, id",
        activity_id,
    )
    roles = await fetch(
        "SELECT r.shift_id, r.id, r.name, al.capacity, al.taken, GREATEST(al.capacity - al.taken, 0) AS free, "
        "(SELECT count(*) FROM place p WHERE p.allotment_id = al.id AND p.state = 'waiting') AS waiting, al.may_wait "
        "FROM shift_role r JOIN allotment al ON al.id = r.allotment_id JOIN shift sh ON sh.id = r.shift_id "
        "WHERE sh.activity_id = $1 ORDER BY r.id",
        activity_id,
    )
    mine = await fetch(
        f"SELECT DISTINCT ON (s.shift_id) {_MINE} JOIN shift sh ON sh.id = s.shift_id "
        "WHERE sh.activity_id = $1 AND s.person_id = $2 ORDER BY s.shift_id, (p.ended_at IS NULL) DESC, s.id DESC",
        activity_id,
        person_id,
    )
    by_shift = {row["shift_id"]: own for row, own in zip(mine, await _standings(mine), strict=True)}
    roles_of: dict[str, list[RoleView]] = {}
    for role in roles:
        values = dict(role)
        roles_of.setdefault(values.pop("shift_id"), []).append(RoleView(**values))
    return ActivityView(
        **_with_location(row),
        shifts=[
            ShiftView(**dict(shift), roles=roles_of.get(shift["id"], []), mine=by_shift.get(shift["id"]))
            for shift in shifts
        ],
    )


async def list_my_sign_ups(person_id: str, query: SignUpsQuery) -> Page[SignUpView]:
    """One's own sign-ups with those that ended, by the time of the shift."""
    after = decode_cursor(query.cursor, tuple[datetime, str]) if query.cursor else (None, None)
    compare, order, when = ("<", "DESC", "<=") if query.past else (">", "ASC", ">")
    rows = await fetch(
        f"SELECT {_SIGN_UP} WHERE s.person_id = $1 AND sh.ends_at {when} $2 "
        f"AND ($3::timestamptz IS NULL OR (sh.starts_at, s.id) {compare} ($3, $4::uuid)) "
        f"ORDER BY sh.starts_at {order}, s.id {order} LIMIT $5",
        person_id,
        clock.now(),
        *after,
        query.limit + 1,
    )
    return cut_page(await _sign_ups(rows), query.limit, lambda view: (view.starts_at, view.sign_up.id))


async def get_sign_up(person_id: str, sign_up_id: str) -> SignUpView:
    """One sign-up of one's own. Raises NotFound."""
    rows = await fetch(
        f"SELECT {_SIGN_UP} WHERE s.id = $2 AND (s.person_id = $1 OR s.signed_up_by_id = $1)",
        person_id,
        sign_up_id,
    )
    if not rows:
        raise NotFound()
    return (await _sign_ups(rows))[0]


async def require_visible_shift(person_id: str, shift_id: str) -> None:
    """Raises NotFound unless the shift's activity is, or was, seen where the person lives."""
    found = await fetch_value(
        "SELECT 1 FROM shift sh JOIN activity a ON a.id = sh.activity_id WHERE sh.id = $1 "
        "AND a.state IN ('published', 'finished', 'cancelled') AND a.area_id = ANY($2::uuid[])",
        shift_id,
        await _areas_of(person_id),
    )
    if not found:
        raise NotFound()


async def describe_activities(activity_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The words for activities: `title`, `organizer`, `place`, `time` of the start, and `reason`."""
    rows = await fetch(
        "SELECT a.id, a.title, o.name AS organizer, a.place_name AS place, a.starts_at, a.reason FROM activity a "
        "JOIN organization o ON o.id = a.organizer_id WHERE a.id = ANY($1::uuid[])",
        list(activity_ids),
    )
    return {row["id"]: _words(row) for row in rows}


async def describe_shifts(shift_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The words for shifts: their activity's `title`, `activity_id`, `place`, and `time` of the start."""
    rows = await fetch(
        "SELECT sh.id, sh.activity_id, a.title, a.place_name AS place, sh.starts_at FROM shift sh "
        "JOIN activity a ON a.id = sh.activity_id WHERE sh.id = ANY($1::uuid[])",
        list(shift_ids),
    )
    return {row["id"]: _words(row) for row in rows}


async def describe_sign_ups(sign_up_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The words for sign-ups, as a source of the service record: the `title` of the activity."""
    rows = await fetch(
        "SELECT s.id, a.title, sh.starts_at FROM sign_up s JOIN shift sh ON sh.id = s.shift_id "
        "JOIN activity a ON a.id = sh.activity_id WHERE s.id = ANY($1::uuid[])",
        list(sign_up_ids),
    )
    return {row["id"]: _words(row) for row in rows}


async def _areas_of(person_id: str) -> list[str]:
    """The organizations that contain where the person lives, the community included; the cities, while unknown."""
    path = await fetch_value(
        "SELECT o.path FROM person p JOIN organization o ON o.id = p.community_id WHERE p.id = $1", person_id
    )
    if path:
        # The labels of a path are the ids from the city down.
        return str(path).split(".")
    return [row["id"] for row in await fetch("SELECT id FROM organization WHERE level = 'city'")]


def _card(row: Any) -> ActivityCard:
    return ActivityCard(**_with_location(row))


def _with_location(row: Any) -> dict[str, Any]:
    values = dict(row)
    point = values.pop("location")
    values["location"] = None if point is None else (point.x, point.y)
    return values


def _words(row: Any) -> dict[str, str]:
    values = dict(row)
    return values | {"time": render_time(values.pop("starts_at"))}


async def _standings(rows: list[Any]) -> list[MySignUp]:
    """Rows of `_MINE` as Structs, those who wait with their position."""
    positions = await waiting_positions([row["place_id"] for row in rows if row["state"] == PlaceState.WAITING])
    return [
        MySignUp(
            position=positions.get(row["place_id"]),
            **{name: row[name] for name in MySignUp.__struct_fields__ if name != "position"},
        )
        for row in rows
    ]


async def _sign_ups(rows: list[Any]) -> list[SignUpView]:
    return [
        SignUpView(
            sign_up=standing,
            **{name: row[name] for name in SignUpView.__struct_fields__ if name != "sign_up"},
        )
        for row, standing in zip(rows, await _standings(rows), strict=True)
    ]
