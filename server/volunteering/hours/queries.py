"""Reading service hours: one's own, and those that wait for somebody's approval."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import msgspec

from server.accounts.queries import describe_persons, require_dependant
from server.accounts.whose import relative, whose_words
from server.foundation.database import fetch
from server.foundation.dates import end_of, instant, render_duration
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.organizations.access import require_role
from server.organizations.tree import within
from server.volunteering.access import LOOKERS
from server.volunteering.hours.models import Approver, HoursState
from server.volunteering.models import ActivityKind
from server.volunteering.reasons import HOURS_REASON


class HoursView(msgspec.Struct):
    """Minutes of service at one shift, from `starts_at` on. `needs` tells who has to approve, or had to; `is_late` that
    they were stated more than 7 days after the end; `replaces_id` which row this one corrects. The name is masked.
    """

    id: Id
    sign_up_id: Id
    shift_id: Id
    person_id: Id
    name: str
    kind: ActivityKind
    title: str
    starts_at: datetime
    ends_at: datetime
    minutes: int
    state: HoursState
    needs: Approver | None
    is_late: bool
    reason: str
    stated_by_id: Id
    stated_at: datetime
    replaces_id: Id | None
    decided_at: datetime | None
    decision_reason: str


class MyHoursQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    """One's own, or those of a dependant (`person_id`)."""

    person_id: Id | None = None


class HoursQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    """Hours given for this organization's subtree; of one state (those that wait), or of one shift."""

    organization_id: Id
    state: HoursState | None = HoursState.WAITING
    shift_id: Id | None = None


_VIEW = (
    "SELECT h.id, h.sign_up_id, h.shift_id, h.person_id, a.kind, a.title, h.starts_at, h.ends_at, h.minutes, h.state, "
    "h.needs, h.is_late, h.reason, h.stated_by_id, h.created_at AS stated_at, h.replaces_id, h.decided_at, "
    "h.decision_reason FROM hours h JOIN shift sh ON sh.id = h.shift_id JOIN activity a ON a.id = sh.activity_id"
)
_MY_VIEW = _VIEW.replace("h.reason,", f"{HOURS_REASON} AS reason,")
"""Those who approve read what the leader wrote; the volunteer does once it has passed the content check."""


async def list_my_hours(caller_id: str, query: MyHoursQuery) -> Page[HoursView]:
    """Every row of one's hours, replaced and refused ones too, the latest service first. Raises NotFound."""
    person_id = query.person_id or caller_id
    await require_dependant(caller_id, person_id)
    rows = await fetch_page(
        f"{_MY_VIEW} WHERE h.person_id = $1 AND ($2::timestamptz IS NULL OR (h.starts_at, h.id) < ($2, $3::uuid)) "
        "ORDER BY h.starts_at DESC, h.id DESC LIMIT $4",
        person_id,
        page=query,
        key={"starts_at": datetime, "id": Id},
    )
    return Page(await _views(rows.items), rows.next_cursor)


async def list_hours(person_id: str, query: HoursQuery) -> Page[HoursView]:
    """Hours given in a subtree, those stated first first. Raises NotAllowed."""
    await require_role(person_id, query.organization_id, LOOKERS)
    rows = await fetch_page(
        f"{_VIEW} JOIN organization o ON o.id = h.organization_id "
        f"WHERE {within('o.path', '$1')} AND ($2::text IS NULL OR h.state = $2) "
        "AND ($3::uuid IS NULL OR h.shift_id = $3) AND ($4::uuid IS NULL OR h.id > $4) ORDER BY h.id LIMIT $5",
        query.organization_id,
        query.state and str(query.state),
        query.shift_id,
        page=query,
    )
    return Page(await _views(rows.items), rows.next_cursor)


async def hours_of_days(
    organization_id: str, first_day: date, last_day: date, state: HoursState | None, limit: int
) -> list[HoursView]:
    """Hours given in a subtree for service that began on these days, in the order of time; the caller has checked who
    may see them."""
    rows = await fetch(
        f"{_VIEW} JOIN organization o ON o.id = h.organization_id WHERE {within('o.path', '$1')} "
        "AND h.starts_at >= $2 AND h.starts_at < $3 AND ($4::text IS NULL OR h.state = $4) "
        "ORDER BY h.starts_at, h.id LIMIT $5",
        organization_id,
        instant(first_day),
        end_of(last_day),
        state and str(state),
        limit,
    )
    return await _views(rows)


async def describe_hours(hours_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The words for hours: the activity's `title`, the `minutes`, the `reason` of a correction and of a `decision`."""
    rows = await fetch(
        f"SELECT h.id, a.title, h.minutes, {HOURS_REASON} AS reason, "
        f"h.decision_reason AS decision, {relative('s.person_id', 's.signed_up_by_id')} FROM hours h "
        "JOIN sign_up s ON s.id = h.sign_up_id "
        "JOIN shift sh ON sh.id = h.shift_id JOIN activity a ON a.id = sh.activity_id WHERE h.id = ANY($1::uuid[])",
        list(hours_ids),
    )
    whose = await whose_words(rows)
    return {row["id"]: {**dict(row), **whose[row["id"]], "minutes": render_duration(row["minutes"])} for row in rows}


async def show_hours(hours_id: str) -> HoursView:
    """One row; the caller has checked who may see it."""
    return (await _views(await fetch(f"{_VIEW} WHERE h.id = $1", hours_id)))[0]


async def _views(rows: list[Any]) -> list[HoursView]:
    words = await describe_persons({row["person_id"] for row in rows})
    return [HoursView(**dict(row), name=words.get(row["person_id"], {}).get("name", "")) for row in rows]
