"""What decides about a sign-up: held, and then looked at once, for all who would come.

The locks come before the look, and the allotment's last of them: people race for it.
"""

from datetime import datetime
from typing import Any, NamedTuple

from server.accounts.queries import describe_persons
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_one
from server.foundation.dates import render_time
from server.foundation.errors import NotFound, Refusal
from server.foundation.rows import columns_of, row_as
from server.places.models import Allotment, Purpose
from server.places.no_shows import blocked, refuse_blocked
from server.volunteering.models import ActivityAudience, ActivityState, Shift, ShiftState
from server.volunteering.queries import require_visible_shift, seen_by
from server.volunteering.sign_ups.eligibility import Comer, ShiftTerms, ensure_eligible
from server.volunteering.sign_ups.errors import (
    RemovedFromShift,
    RoleNeeded,
    ShiftOff,
    ShiftsOverlap,
    SignUpClosed,
    SignUpNotOpen,
)

REMOVED = "removed_by_organizer"
"""The place's end reason where staff took it away."""


class Candidate(NamedTuple):
    """One who would come: their sign-up for this role, where they have one; why staff removed them from the shift;
    until when they are blocked; and what they have at the same time."""

    comer: Comer
    sign_up_id: str | None
    removal_reason: str | None
    blocked_until: datetime | None
    other: dict[str, Any] | None


class Wanted(NamedTuple):
    """A role of a shift as it is now, and those who would come, in the order in which they were named."""

    shift_role_id: str
    activity_state: ActivityState
    shift_state: ShiftState
    opens_at: datetime
    closes_at: datetime
    terms: ShiftTerms
    candidates: list[Candidate]


async def lock_calendars(persons: list[str]) -> None:
    """Two sign-ups of one person for overlapping shifts at the same time would not see each other: one person at a
    time, in the order of their ids. Taken before the allotment's lock, always."""
    for person_id in sorted(persons):
        await execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", person_id)


_TIMES = (
    "SELECT id FROM shift WHERE id = ANY(ARRAY(SELECT s.shift_id FROM sign_up s JOIN place p ON p.id = s.place_id "
    "WHERE s.person_id = ANY($2) AND p.state IN ('waiting', 'offered', 'confirmed')) || $1::uuid) ORDER BY id FOR SHARE"
)


async def hold_times(shift_id: str, persons: list[str]) -> None:
    """Nobody else signs these persons up until the transaction ends; and the shift, and those in which they have or
    wait for places, stay when they are: whoever moves one of them at the same time would not see this sign-up, and tell
    nobody that they overlap."""
    await lock_calendars(persons)
    await execute(_TIMES, shift_id, persons)


async def hold_times_and_places(
    reader_id: str, shift_id: str, persons: list[str], shift_role_id: str | None
) -> tuple[str, Allotment]:
    """The same, and after the times the places of the role asked for, or of the only one; the role's id and its
    allotment. Raises NotFound, RoleNeeded."""
    await lock_calendars(persons)
    rows = await fetch(
        f"WITH held AS MATERIALIZED ({_TIMES}) SELECT r.id AS role_id, {columns_of(Allotment, 'al')} FROM shift_role r "
        "JOIN allotment al ON al.id = r.allotment_id WHERE r.shift_id = $1 AND ($3::uuid IS NULL OR r.id = $3) "
        "AND (SELECT count(*) FROM held) > 0 ORDER BY al.id FOR NO KEY UPDATE OF al",
        shift_id,
        persons,
        shift_role_id,
    )
    if len(rows) != 1:
        await require_visible_shift(reader_id, shift_id)
        raise RoleNeeded() if rows else NotFound()
    return rows[0]["role_id"], row_as(Allotment, rows[0])


async def read_wanted(reader_id: str, shift_role_id: str, persons: list[str]) -> Wanted:
    """All that decides, in one look. Raises NotFound for what is not seen where the reader lives."""
    rows = await fetch(
        "SELECT a.state AS activity_state, sh.state AS shift_state, sh.sign_up_opens_at, sh.sign_up_closes_at, "
        "sh.starts_at, a.audience, a.unit_id, a.min_age, a.max_age, ARRAY[a.needed_skill, r.needed_skill] AS skills, "
        f"a.min_minutes, {seen_by('$1')} AS is_seen, person.id, person.birth_date, EXISTS (SELECT 1 FROM consent c "
        "WHERE c.person_id = person.id AND c.kind = 'volunteer_terms' AND c.withdrawn_at IS NULL) AS is_volunteer, "
        "(SELECT s.id FROM sign_up s JOIN place p ON p.id = s.place_id WHERE s.shift_role_id = r.id "
        "AND s.person_id = person.id AND p.ended_at IS NULL LIMIT 1) AS sign_up_id, "
        "(SELECT s.removal_reason FROM sign_up s JOIN place p ON p.id = s.place_id WHERE s.shift_id = sh.id "
        "AND s.person_id = person.id AND p.end_reason = $4 LIMIT 1) AS removal_reason, "
        f"{blocked('person.id', Purpose.SHIFT_ROLE, '$5')} AS blocked_until, "
        "other.id AS other_id, other.title AS other_title, other.starts_at AS other_starts_at, "
        "other.ends_at AS other_ends_at FROM shift_role r JOIN shift sh ON sh.id = r.shift_id "
        "JOIN activity a ON a.id = sh.activity_id JOIN person ON person.id = ANY($3) "
        f"LEFT JOIN LATERAL ({_other('person.id', 'sh.starts_at', 'sh.ends_at')}) other ON true WHERE r.id = $2",
        reader_id,
        shift_role_id,
        persons,
        REMOVED,
        clock.now(),
    )
    if not rows or not rows[0]["is_seen"]:
        raise NotFound()
    first, found = rows[0], {row["id"]: row for row in rows}
    return Wanted(
        shift_role_id,
        ActivityState(first["activity_state"]),
        ShiftState(first["shift_state"]),
        first["sign_up_opens_at"],
        first["sign_up_closes_at"],
        ShiftTerms(
            ActivityAudience(first["audience"]),
            *(first[name] for name in ("unit_id", "min_age", "max_age", "skills", "min_minutes", "starts_at")),
        ),
        [_candidate(found[person_id]) for person_id in persons],
    )


def _candidate(row: Any) -> Candidate:
    other = {name: row[f"other_{name}"] for name in ("id", "title", "starts_at", "ends_at")}
    return Candidate(
        Comer(row["id"], row["birth_date"], row["is_volunteer"]),
        row["sign_up_id"],
        row["removal_reason"],
        row["blocked_until"],
        other if other["id"] else None,
    )


def ensure_open(wanted: Wanted) -> None:
    """Raises ShiftOff, SignUpNotOpen, SignUpClosed."""
    if wanted.activity_state is not ActivityState.PUBLISHED or wanted.shift_state is not ShiftState.SCHEDULED:
        raise ShiftOff()
    now = clock.now()
    if now < wanted.opens_at:
        raise SignUpNotOpen(f"报名将于 {render_time(wanted.opens_at)} 开始", opens_at=wanted.opens_at)
    if now >= wanted.closes_at:
        raise SignUpClosed(f"报名已于 {render_time(wanted.closes_at)} 截止")


async def ensure_may(candidate: Candidate, wanted: Wanted, *, signer_id: str) -> None:
    """Raises what keeps the person out: RemovedFromShift, Blocked, NotEligible, ShiftsOverlap; of a family member it
    says so."""
    person_id = candidate.comer.person_id
    try:
        if candidate.removal_reason is not None:
            raise RemovedFromShift(f"主办方已取消在该场次的报名：{candidate.removal_reason}")
        refuse_blocked(candidate.blocked_until)
        await ensure_eligible(candidate.comer, wanted.terms)
        _refuse_overlap(candidate.other)
    except Refusal as refusal:
        if person_id != signer_id:
            name = (await describe_persons([person_id]))[person_id]["name"]
            refusal.detail = f"家人 {name}：{refusal.detail or refusal.title}"
            refusal.facts["person_id"] = person_id
        raise


async def ensure_free_time(person_id: str, shift: Shift) -> None:
    """Raises ShiftsOverlap when the person has, waits for or is offered a place at the same time."""
    _refuse_overlap(await fetch_one(_other("$1", "$2", "$3"), person_id, shift.starts_at, shift.ends_at))


def _other(person: str, starts_at: str, ends_at: str) -> str:
    """SQL: what the person has at that time. Half-open: back-to-back is fine. Waiting counts too: it may turn into a
    place without asking again."""
    return (
        "SELECT s.id, a.title, t.starts_at, t.ends_at FROM sign_up s JOIN place p ON p.id = s.place_id "
        "JOIN shift t ON t.id = s.shift_id JOIN activity a ON a.id = t.activity_id "
        f"WHERE s.person_id = {person} AND p.state IN ('waiting', 'offered', 'confirmed') AND t.state = 'scheduled' "
        f"AND t.starts_at < {ends_at} AND {starts_at} < t.ends_at ORDER BY t.starts_at LIMIT 1"
    )


def _refuse_overlap(other: Any) -> None:
    if other:
        end = clock.shanghai(other["ends_at"])
        raise ShiftsOverlap(
            f"与您已报名的“{other['title']}”（{render_time(other['starts_at'])} 至 {end:%H:%M}）时间重叠",
            sign_up_id=other["id"],
        )
