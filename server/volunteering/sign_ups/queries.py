"""What people see of their sign-ups and their family's: where they stand, why they wait, and their calendar."""

from datetime import datetime
from typing import Any

import msgspec

from server.accounts.queries import NAMED, name_for, named, names_for, ours
from server.calendars.feed import CalendarEntry
from server.calendars.home import HomeLines, HomePart
from server.foundation import clock
from server.foundation.database import exists, fetch
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.foundation.rows import insert_and_fetch
from server.places.models import PlaceState
from server.places.queries import Pass, Waiting, passes_of, waiting_places
from server.volunteering.models import ActivityState, ShiftState, SignUp
from server.volunteering.reasons import REMOVAL_REASON, SHIFT_REASON
from server.volunteering.sign_ups.why import why_ended, why_waiting


class FamilySignUp(msgspec.Struct):
    """Somebody of the family in the same shift."""

    sign_up_id: Id
    person_id: Id
    name: str
    state: PlaceState


class MySignUp(msgspec.Struct, kw_only=True):
    """One's own standing in a shift, or that of somebody one looks after.

    Waiting: the `position` in the line (a party is one position), `party_size`, until when an offer stands
    (`offered_until`), each time that the party was passed because too few places were free (`passes`), until when freed
    places are held for it (`held_until`), and in words `why` there is no place yet. Ended: `end_reason` as a code
    and `why` in words. `confirmed_minutes` once hours were credited.
    """

    id: Id
    shift_role_id: Id
    person_id: Id
    person_name: str
    state: PlaceState
    party_size: int
    position: int | None
    offered_until: datetime | None
    held_until: datetime | None
    passed_count: int
    passes: list[Pass]
    end_reason: str
    why: str
    sign_in_at: datetime | None
    sign_out_at: datetime | None
    confirmed_minutes: int | None
    family: list[FamilySignUp]


class SignUpView(msgspec.Struct):
    """A sign-up with what it is for."""

    shift_id: Id
    activity_id: Id
    title: str
    role_name: str
    place_name: str
    meeting_point: str
    starts_at: datetime
    ends_at: datetime
    cancel_until: datetime
    shift_state: ShiftState
    activity_state: ActivityState
    sign_up: MySignUp


class SignUpsQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    """`past`: those whose shift has ended, latest first; otherwise those to come, next first."""

    past: bool = False


_MINE = (
    "s.id, s.shift_id, s.shift_role_id, s.person_id, p.id AS place_id, p.state, p.party_size, p.offered_until, "
    f"p.held_until, p.passed_count, p.end_reason, {REMOVAL_REASON} AS removal_reason, t.sign_in_at, t.sign_out_at, "
    f"h.minutes AS confirmed_minutes, {NAMED}, {ours('s.person_id')} AS is_ours, EXISTS (SELECT 1 FROM sign_up o "
    f"JOIN place q ON q.id = o.place_id WHERE {ours('o.person_id')} AND o.shift_id = s.shift_id AND o.id <> s.id "
    "AND q.ended_at IS NULL) AS has_family"
)
_FROM = (
    f"JOIN place p ON p.id = s.place_id {named('s.person_id')} LEFT JOIN attendance t ON t.sign_up_id = s.id "
    "LEFT JOIN hours h ON h.sign_up_id = s.id AND h.state = 'effective' JOIN shift sh ON sh.id = s.shift_id"
)
_SIGN_UP = (
    "SELECT sh.activity_id, a.title, r.name AS role_name, a.place_name, a.meeting_point, sh.starts_at, sh.ends_at, "
    f"sh.cancel_until, sh.state AS shift_state, a.state AS activity_state, {SHIFT_REASON} AS shift_reason, {_MINE} "
    f"FROM {{sign_up}} {_FROM} JOIN activity a ON a.id = sh.activity_id JOIN shift_role r ON r.id = s.shift_role_id"
)
"""What a person $1 sees of their sign-ups; for _views."""


async def list_my_sign_ups(person_id: str, query: SignUpsQuery) -> Page[SignUpView]:
    """One's own and the family's sign-ups with those that ended, by the time of the shift."""
    compare, order, when = ("<", "DESC", "<=") if query.past else (">", "ASC", ">")
    rows = await fetch_page(
        f"{_SIGN_UP.format(sign_up='sign_up s')} WHERE {ours('s.person_id')} AND sh.ends_at {when} $2 "
        f"AND ($3::timestamptz IS NULL OR (sh.starts_at, s.id) {compare} ($3, $4::uuid)) "
        f"ORDER BY sh.starts_at {order}, s.id {order} LIMIT $5",
        person_id,
        clock.now(),
        page=query,
        key={"starts_at": datetime, "id": Id},
    )
    return Page(await _views(person_id, rows.items), rows.next_cursor)


async def get_sign_up(person_id: str, sign_up_id: str) -> SignUpView:
    """One sign-up of one's own, or of somebody one looks after. Raises NotFound."""
    rows = await fetch(
        f"{_SIGN_UP.format(sign_up='sign_up s')} WHERE s.id = $2 AND {ours('s.person_id')}", person_id, sign_up_id
    )
    if not rows:
        raise NotFound()
    return (await _views(person_id, rows))[0]


async def add_sign_up(sign_up: SignUp) -> SignUpView:
    """Write one's own, new sign-up, and what one sees of it, in one statement."""
    row = await insert_and_fetch(sign_up, "s", _SIGN_UP.format(sign_up="s"), sign_up.person_id)
    return (await _views(sign_up.person_id, [row]))[0]


async def standings_in(activity_id: str, person_id: str) -> dict[str, MySignUp]:
    """Shift → the person's own standing in it, for an activity's shifts; one that ended, where there is no other."""
    rows = await fetch(
        f"SELECT DISTINCT ON (s.shift_id) {SHIFT_REASON} AS shift_reason, {_MINE} FROM sign_up s {_FROM} "
        "WHERE sh.activity_id = $2 AND s.person_id = $1 ORDER BY s.shift_id, (p.ended_at IS NULL) DESC, s.id DESC",
        person_id,
        activity_id,
    )
    return {row["shift_id"]: own for row, own in zip(rows, await _standings(person_id, rows), strict=True)}


async def calendar_of_sign_ups(person_id: str, since: datetime, until: datetime) -> list[CalendarEntry]:
    """What the person and the family have signed up for, of what touches the time from `since` to `until`.

    What they wait for is tentative; what was called off stays, marked, so that calendars take it out.
    """
    rows = await fetch(
        "SELECT s.id, s.person_id, p.state, a.title, a.place_name, a.meeting_point, a.what_to_bring, a.contact, "
        "sh.starts_at, sh.ends_at, sh.version + a.version AS version FROM sign_up s JOIN place p ON p.id = s.place_id "
        "JOIN shift sh ON sh.id = s.shift_id JOIN activity a ON a.id = sh.activity_id "
        f"WHERE {ours('s.person_id')} AND sh.starts_at < $3 AND $2 < sh.ends_at "
        "AND (p.state IN ('waiting', 'offered', 'confirmed', 'attended') OR sh.state = 'cancelled' "
        "AND p.end_reason IN ('activity_cancelled', 'shift_cancelled', 'shift_called_off')) "
        "ORDER BY sh.starts_at, s.id",
        person_id,
        since,
        until,
    )
    names = await names_for(person_id, {row["person_id"] for row in rows} - {person_id})
    return [_entry(row, names.get(row["person_id"], "")) for row in rows]


def _entry(row: Any, family_name: str) -> CalendarEntry:
    state = PlaceState(row["state"])
    notes = {
        "集合地点": row["meeting_point"],
        "请携带": row["what_to_bring"],
        "联系人": row["contact"],
    }
    return CalendarEntry(
        kind="sign_up",
        id=row["id"],
        title=f"{row['title']}（{family_name}）" if family_name else row["title"],
        place=row["place_name"],
        note="\n".join(f"{name}：{text}" for name, text in notes.items() if text),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        state=state,
        state_word=state.word,
        is_tentative=state in (PlaceState.WAITING, PlaceState.OFFERED),
        is_cancelled=state is PlaceState.REMOVED,
        version=row["version"],
    )


async def _views(person_id: str, rows: list[Any]) -> list[SignUpView]:
    names = [name for name in SignUpView.__struct_fields__ if name != "sign_up"]
    return [
        SignUpView(sign_up=standing, **{name: row[name] for name in names})
        for row, standing in zip(rows, await _standings(person_id, rows), strict=True)
    ]


async def _standings(person_id: str, rows: list[Any]) -> list[MySignUp]:
    """Rows of `_MINE` (with the shift's reason) as Structs, those who wait with their position and the reason."""
    waiting = await waiting_places([row["place_id"] for row in rows if row["state"] == PlaceState.WAITING])
    passes = await passes_of([row["place_id"] for row in rows if row["passed_count"]])
    # Everybody in the family, the person too, who is in these shifts or in line for them.
    shared = {row["shift_id"] for row in rows if row["has_family"]}
    family = shared and await fetch(
        f"SELECT s.id, s.shift_id, s.person_id, p.state, {NAMED}, true AS is_ours FROM sign_up s "
        f"JOIN place p ON p.id = s.place_id {named('s.person_id')} "
        f"WHERE {ours('s.person_id')} AND s.shift_id = ANY($2::uuid[]) AND p.ended_at IS NULL ORDER BY s.id",
        person_id,
        list(shared),
    )
    return [
        MySignUp(
            **{name: row[name] for name in _PLAIN},
            person_name=name_for(row),
            position=waiting[row["place_id"]].position if row["place_id"] in waiting else None,
            passes=passes.get(row["place_id"], []),
            why=_why(row, waiting.get(row["place_id"])),
            family=[
                FamilySignUp(each["id"], each["person_id"], name_for(each), PlaceState(each["state"]))
                for each in family
                if each["shift_id"] == row["shift_id"] and each["id"] != row["id"]
            ],
        )
        for row in rows
    ]


_PLAIN = [
    name for name in MySignUp.__struct_fields__ if name not in ("person_name", "position", "passes", "why", "family")
]


def _why(row: Any, waiting: Waiting | None) -> str:
    if waiting:
        return why_waiting(waiting)
    return why_ended(row["end_reason"], row["removal_reason"] or row["shift_reason"])


async def has_signed_up(person_id: str, path: str) -> bool:
    """Whether the person signed up for a shift of an organization whose path is `path` or below."""
    return await exists(
        "SELECT 1 FROM sign_up s JOIN shift t ON t.id = s.shift_id JOIN activity a ON a.id = t.activity_id "
        "JOIN organization o ON o.id = a.organizer_id WHERE s.person_id = $1 AND o.path <@ $2::ltree",
        person_id,
        path,
    )


def _home_lines(part: HomePart, until: str, states: str) -> HomeLines:
    return HomeLines(
        part=part,
        page="pages/activity/detail?id={id}",
        sql=(
            "SELECT 'sign_up' AS kind, s.id, a.id AS page_id, a.title, a.place_name AS place, sh.starts_at, "
            f"{until} AS until, s.person_id, p.state FROM sign_up s JOIN place p ON p.id = s.place_id "
            "JOIN shift sh ON sh.id = s.shift_id JOIN activity a ON a.id = sh.activity_id "
            f"WHERE {ours('s.person_id')} AND sh.ends_at > $2 AND sh.starts_at < $3 AND sh.state = 'scheduled' "
            f"AND p.state IN ({states}) ORDER BY sh.starts_at, s.id"
        ),
    )


HOME = (
    _home_lines(HomePart.COMING, "sh.ends_at", "'waiting', 'confirmed', 'attended'"),
    _home_lines(HomePart.OFFERS, "p.offered_until", "'offered'"),
)
"""What the person and the family have signed up for, and places that are offered to them."""
