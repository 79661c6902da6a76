"""What residents see: activities to come and nearby, an activity with its shifts; and words for messages."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

import msgspec

from server.accounts.whose import relative, whose_words
from server.foundation import clock
from server.foundation.bounds import Moment
from server.foundation.database import exists, fetch, fetch_one
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.location import Latitude, Location, Longitude
from server.foundation.pages import Page, PageQuery, fetch_page
from server.foundation.search import Search, holds_words, search_words
from server.media.uploads.queries import PictureView, in_order, picture_views, ready_picture, thumbnail_address
from server.places.models import PlaceState
from server.teams.teams import UNNAMED
from server.volunteering.models import (
    SHOWN_STATES,
    ActivityAudience,
    ActivityKind,
    ActivityState,
    ShiftState,
    Visibility,
)
from server.volunteering.reasons import ACTIVITY_REASON, REMOVAL_REASON, SHIFT_REASON
from server.volunteering.sign_ups.eligibility import WhoMayCome
from server.volunteering.sign_ups.queries import MySignUp, standings_in

_METERS = (
    "12742000 * asin(sqrt(sin(radians(a.location[1] - $4) / 2) ^ 2 "
    "+ cos(radians($4)) * cos(radians(a.location[1])) * sin(radians(a.location[0] - $3) / 2) ^ 2))"
)
"""Between activity `a` and the point ($3, $4)."""


class ActivityCard(msgspec.Struct):
    """An activity in a list, with the times of its next shift and how many places are `free` there of its `capacity`.
    `mine`: how the reader stands in that shift, None for who has not signed up; `meters`: how far it is from the point,
    or from the reader's community. `team_name`: the team that organizes it, under the organizer's eyes."""

    id: Id
    kind: ActivityKind
    title: str
    organizer_name: str
    team_name: str | None
    audience: ActivityAudience
    place_name: str
    location: Location | None
    meters: int | None
    thumbnail_url: str | None
    starts_at: datetime
    ends_at: datetime
    sign_up_closes_at: datetime
    state: ActivityState
    capacity: int
    free: int
    mine: PlaceState | None


class ShiftRoleView(msgspec.Struct):
    """A part in a shift. `free` is never negative; `waiting` counts those in line."""

    id: Id
    name: str
    needed_skill: str
    capacity: int
    taken: int
    free: int
    waiting: int
    may_wait: bool


class ShiftView(msgspec.Struct):
    """One time span. With fewer than `minimum` people when sign-up closes it is called off; `reason` says why one was
    cancelled."""

    id: Id
    starts_at: datetime
    ends_at: datetime
    sign_up_opens_at: datetime
    sign_up_closes_at: datetime
    cancel_until: datetime
    minimum: int
    leader_id: Id | None
    state: ShiftState
    reason: str
    version: int
    roles: list[ShiftRoleView]
    mine: MySignUp | None


class ActivityView(msgspec.Struct):
    """An activity with its shifts, each with free places and the reader's own sign-up. `sign_in_meters`: how near
    one has to be to clock in by place (0: not by place). `reason` says why it was cancelled, or sent back."""

    id: Id
    kind: ActivityKind
    title: str
    text: str
    organizer_id: Id
    organizer_name: str
    team_name: str | None
    place_name: str
    location: Location | None
    sign_in_meters: int
    meeting_point: str
    contact: str
    what_to_bring: str
    pictures: list[PictureView]
    who: WhoMayCome
    visibility: Visibility
    state: ActivityState
    reason: str
    version: int
    shifts: list[ShiftView]


class UpcomingQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    """Of one kind, of one organizer, with a shift that begins in a time, with places free, with words (each of at least
    two characters) in title, text or place, where they are given."""

    kind: ActivityKind | None = None
    since: Moment | None = None
    until: Moment | None = None
    only_free: bool = False
    organization_id: Id | None = None
    search: Search = ""


class NearbyQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Around a point, within `meters` where they are given."""

    longitude: Longitude
    latitude: Latitude
    meters: Annotated[int, msgspec.Meta(ge=1, le=50_000)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=50)] = 20


ORGANIZER = (
    f"o.name AS organizer_name, CASE WHEN t.id IS NULL THEN NULL ELSE COALESCE(NULLIF(t.shown_name, ''), '{UNNAMED}') "
    "END AS team_name"
)

_CARD = (
    f"SELECT a.id, a.kind, a.title, {ORGANIZER}, a.audience, a.place_name, a.location, "
    f"{ready_picture('a.picture_ids[1]')}, found.starts_at, found.ends_at, sh.sign_up_closes_at, a.state, "
    "room.capacity, room.free, (SELECT p.state FROM sign_up s JOIN place p ON p.id = s.place_id "
    "WHERE s.shift_id = found.shift_id AND s.person_id = $2 AND p.ended_at IS NULL) AS mine, (SELECT h.location "
    "FROM person hp JOIN organization h ON h.id = hp.community_id WHERE hp.id = $2) AS home"
)
_FOUND = (
    ") found JOIN activity a ON a.id = found.id JOIN organization o ON o.id = a.organizer_id "
    "JOIN shift sh ON sh.id = found.shift_id LEFT JOIN team t ON t.id = a.team_id CROSS JOIN LATERAL (SELECT "
    "COALESCE(sum(al.capacity), 0)::int AS capacity, COALESCE(sum(GREATEST(al.capacity - al.taken, 0)), 0)::int "
    "AS free FROM shift_role r JOIN allotment al ON al.id = r.allotment_id WHERE r.shift_id = found.shift_id) room "
)
"""SQL: `_CARD` FROM (those to be shown, each with its next shift `_FOUND`. What only cards need is read for those."""

_NEXT_SHIFT = (
    "CROSS JOIN LATERAL (SELECT sh.id, sh.starts_at, sh.ends_at FROM shift sh WHERE sh.activity_id = a.id "
    "AND sh.state = 'scheduled' AND sh.ends_at > $1 {0} ORDER BY sh.starts_at, sh.id LIMIT 1) next "
)
"""The first shift of activity `a` that is not over at $1."""

_SEARCHED = "concat_ws(' ', a.title, a.text, a.place_name)"

AREAS = (
    "WITH RECURSIVE home AS (SELECT o.id, o.parent_id FROM person p JOIN organization o ON o.id = p.community_id "
    "WHERE p.id = {0} UNION ALL SELECT o.id, o.parent_id FROM home JOIN organization o ON o.id = home.parent_id) "
    "SELECT id FROM home UNION ALL SELECT id FROM organization WHERE level = 'city' AND NOT EXISTS (SELECT FROM home)"
)
"""The organizations that contain where the person lives, the community included; the cities, while unknown."""

_VISIBLE = f"a.state = 'published' AND a.area_id = ANY(ARRAY({AREAS.format('$2')})) AND a.ends_at > $1"


async def list_activities(person_id: str, query: UpcomingQuery) -> Page[ActivityCard]:
    """Published activities that are seen where the person lives and have a shift ahead, the next shift first. Raises
    InvalidFields for a word too short."""
    within = (
        "AND ($4::timestamptz IS NULL OR sh.starts_at >= $4) AND ($5::timestamptz IS NULL OR sh.starts_at < $5) "
        "AND (NOT $6 OR EXISTS (SELECT 1 FROM shift_role r JOIN allotment al ON al.id = r.allotment_id "
        "WHERE r.shift_id = sh.id AND al.taken < al.capacity))"
    )
    rows = await fetch_page(
        f"{_CARD} FROM (SELECT a.id, next.id AS shift_id, next.starts_at, next.ends_at FROM activity a "
        f"{_NEXT_SHIFT.format(within)} WHERE {_VISIBLE} AND ($3::text IS NULL OR a.kind = $3) "
        f"AND ($7::uuid IS NULL OR a.organizer_id = $7) AND {holds_words(_SEARCHED, '$8')} "
        "AND ($9::timestamptz IS NULL OR (next.starts_at, a.id) > ($9, $10::uuid)) "
        f"ORDER BY next.starts_at, a.id LIMIT $11 {_FOUND} ORDER BY found.starts_at, a.id",
        clock.now(),
        person_id,
        query.kind and str(query.kind),
        query.since,
        query.until,
        query.only_free,
        query.organization_id,
        search_words(query.search),
        page=query,
        key={"starts_at": datetime, "id": Id},
    )
    return Page([_card(row) for row in rows.items], rows.next_cursor)


async def list_nearby_activities(person_id: str, query: NearbyQuery) -> list[ActivityCard]:
    """Of the same activities those nearest to a point, nearest first, by index."""
    # The index orders by degrees, which are shorter from east to west: a few more than asked for are measured.
    rows = await fetch(
        f"{_CARD}, found.meters FROM (SELECT a.id, next.id AS shift_id, next.starts_at, next.ends_at, "
        f"round({_METERS})::int AS meters FROM (SELECT * FROM activity a WHERE {_VISIBLE} AND a.location IS NOT NULL "
        f"ORDER BY a.location <-> point($3, $4) LIMIT $5 * 3 + 10) a {_NEXT_SHIFT.format('')} "
        f"WHERE $6::int IS NULL OR {_METERS} <= $6 ORDER BY {_METERS}, a.id LIMIT $5 {_FOUND} "
        f"ORDER BY {_METERS}, a.id",
        clock.now(),
        person_id,
        query.longitude,
        query.latitude,
        query.limit,
        query.meters,
    )
    return [_card(row, row["meters"]) for row in rows]


async def get_activity(person_id: str, activity_id: str) -> ActivityView:
    """An activity that is or was seen where the person lives, or that they signed up for. Raises NotFound."""
    row = await fetch_one(f"{_VIEW} WHERE a.id = $1", activity_id, person_id)
    if row is None or not (row["is_signed_up"] or (row["is_seen_here"] and row["state"] in SHOWN_STATES)):
        raise NotFound()
    return await _view(row, person_id)


async def show_activity(activity_id: str, person_id: str) -> ActivityView:
    """An activity with its shifts, and how this person stands in them; the caller has checked that they may see it."""
    row = await fetch_one(f"{_VIEW} WHERE a.id = $1", activity_id, person_id)
    if row is None:
        raise NotFound()
    return await _view(row, person_id)


_VIEW = (
    f"SELECT a.id, a.kind, a.title, a.text, a.organizer_id, {ORGANIZER}, a.place_name, a.location, a.sign_in_meters, "
    "a.meeting_point, a.contact, a.what_to_bring, a.picture_ids, a.audience, a.unit_id, a.min_age, a.max_age, "
    f"a.needed_skill, a.min_minutes, a.visibility, a.state, {ACTIVITY_REASON} AS reason, a.version, "
    "EXISTS (SELECT 1 FROM shift sh JOIN sign_up s ON s.shift_id = sh.id WHERE sh.activity_id = a.id "
    "AND (s.person_id = $2 OR s.signed_up_by_id = $2)) AS is_signed_up, COALESCE((SELECT area.path @> home.path "
    "FROM person p JOIN organization home ON home.id = p.community_id WHERE p.id = $2), area.level = 'city') "
    "AS is_seen_here FROM activity a JOIN organization o ON o.id = a.organizer_id "
    "JOIN organization area ON area.id = a.area_id LEFT JOIN team t ON t.id = a.team_id"
)
"""SQL: an activity, whether the person $2 or their family ever signed up for it, and whether it is seen where they
live (before they have said where: in the whole city)."""

_SHIFTS = (
    "SELECT sh.id, sh.starts_at, sh.ends_at, sh.sign_up_opens_at, sh.sign_up_closes_at, sh.cancel_until, sh.minimum, "
    f"sh.leader_id, sh.state, {SHIFT_REASON} AS reason, sh.version, r.id AS role_id, r.name, r.needed_skill, "
    "al.capacity, al.taken, al.may_wait, (SELECT count(*) FROM place p WHERE p.allotment_id = al.id "
    "AND p.state = 'waiting') AS waiting FROM shift sh LEFT JOIN shift_role r ON r.shift_id = sh.id "
    "LEFT JOIN allotment al ON al.id = r.allotment_id WHERE sh.activity_id = $1 ORDER BY sh.starts_at, sh.id, r.id"
)


async def _view(row: Any, person_id: str) -> ActivityView:
    mine = await standings_in(row["id"], person_id) if row["is_signed_up"] else {}
    shifts: dict[str, ShiftView] = {}
    for each in await fetch(_SHIFTS, row["id"]):
        shift_id = each["id"]
        if shift_id not in shifts:
            own = {name: each[name] for name in _OF_A_SHIFT}
            shifts[shift_id] = ShiftView(**own, roles=[], mine=mine.get(shift_id))
        if each["role_id"]:
            shifts[shift_id].roles.append(
                ShiftRoleView(
                    id=each["role_id"],
                    name=each["name"],
                    needed_skill=each["needed_skill"],
                    capacity=each["capacity"],
                    taken=each["taken"],
                    free=max(each["capacity"] - each["taken"], 0),
                    waiting=each["waiting"],
                    may_wait=each["may_wait"],
                )
            )
    values = dict(row)
    picture_ids = values.pop("picture_ids")
    del values["is_signed_up"], values["is_seen_here"]
    who = WhoMayCome(**{name: values.pop(name) for name in WhoMayCome.__struct_fields__})
    return ActivityView(
        **values,
        who=who,
        pictures=in_order(await picture_views(picture_ids), picture_ids),
        shifts=list(shifts.values()),
    )


_OF_A_SHIFT = tuple(name for name in ShiftView.__struct_fields__ if name not in ("roles", "mine"))


async def require_visible_shift(person_id: str, shift_id: str) -> None:
    """Raises NotFound unless the shift's activity is, or was, seen where the person lives."""
    if not await exists(
        f"SELECT 1 FROM shift sh JOIN activity a ON a.id = sh.activity_id WHERE sh.id = $1 AND {seen_by('$2')}",
        shift_id,
        person_id,
    ):
        raise NotFound()


def seen_by(person: str) -> str:
    """SQL: whether activity `a` is, or was, seen where the person lives."""
    return f"a.state IN ('published', 'finished', 'cancelled') AND a.area_id = ANY(ARRAY({AREAS.format(person)}))"


async def require_visible_activity(person_id: str, activity_id: str) -> None:
    """Raises NotFound unless the activity is, or was, seen where the person lives, or they signed up for it."""
    found = await exists(
        f"SELECT 1 FROM activity a WHERE a.id = $2 AND ({seen_by('$1')} OR EXISTS (SELECT 1 FROM shift sh "
        "JOIN sign_up s ON s.shift_id = sh.id WHERE sh.activity_id = a.id "
        "AND (s.person_id = $1 OR s.signed_up_by_id = $1)))",
        person_id,
        activity_id,
    )
    if not found:
        raise NotFound()


async def describe_activities(activity_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The words for activities: `title`, `organizer`, `place`, `meet_at`, `where` (both), `time` of the
    start, and `reason`."""
    rows = await fetch(
        "SELECT a.id, a.title, o.name AS organizer, a.place_name AS place, a.meeting_point, a.starts_at, "
        f"{ACTIVITY_REASON} AS reason FROM activity a JOIN organization o ON o.id = a.organizer_id "
        "WHERE a.id = ANY($1::uuid[])",
        list(activity_ids),
    )
    return {row["id"]: _words(row) for row in rows}


async def describe_shifts(shift_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The words for shifts: their activity's `title`, `activity_id`, `place`, `meet_at`, `time` of the start, and
    the `reason` where one was called off."""
    rows = await fetch(
        "SELECT sh.id, sh.activity_id, a.title, a.place_name AS place, a.meeting_point, sh.starts_at, "
        f"{SHIFT_REASON} AS reason FROM shift sh JOIN activity a ON a.id = sh.activity_id "
        "WHERE sh.id = ANY($1::uuid[])",
        list(shift_ids),
    )
    return {row["id"]: _words(row) for row in rows}


async def describe_sign_ups(sign_up_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The words for sign-ups, also as a source of the service record: the activity's `title`, `time` of the start, and
    the `reason` where staff took it away."""
    rows = await fetch(
        f"SELECT s.id, a.title, sh.starts_at, {REMOVAL_REASON} AS reason, "
        f"{relative('s.person_id', 's.signed_up_by_id')} FROM sign_up s "
        "JOIN shift sh ON sh.id = s.shift_id JOIN activity a ON a.id = sh.activity_id WHERE s.id = ANY($1::uuid[])",
        list(sign_up_ids),
    )
    whose = await whose_words(rows)
    return {row["id"]: _words(row) | whose[row["id"]] for row in rows}


def _card(row: Any, meters: int | None = None) -> ActivityCard:
    location, home = row["location"], row["home"]
    if meters is None and location and home:
        meters = location.meters_to(home)
    return ActivityCard(
        id=row["id"],
        kind=row["kind"],
        title=row["title"],
        organizer_name=row["organizer_name"],
        team_name=row["team_name"],
        audience=row["audience"],
        place_name=row["place_name"],
        location=location,
        meters=meters,
        thumbnail_url=thumbnail_address(row["picture_id"]),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        sign_up_closes_at=row["sign_up_closes_at"],
        state=row["state"],
        capacity=row["capacity"],
        free=row["free"],
        mine=row["mine"],
    )


def _words(row: Any) -> dict[str, Any]:
    values = dict(row)
    words = values | {"time": values.pop("starts_at")}
    if "place" in words:
        # Where people go: where they meet, if that is said.
        place, point = words["place"], words.pop("meeting_point")
        words["meet_at"] = point or place
        words["where"] = f"{place}，集合：{point}" if point and place not in point else words["meet_at"]
    return words
