"""零积压、零距离、零差错 (the policy's section 15), as figures: what waits too long, who has no venue near, what went
wrong."""

from datetime import date, datetime

import msgspec

from server.foundation import clock
from server.foundation.database import fetch_one
from server.foundation.dates import end_of, instant
from server.foundation.ids import Id
from server.neighbor_center.bookings.requests import OPEN_REQUESTS
from server.neighbor_center.statistics.coverage import Distance, count_coverage, require_organization
from server.neighbor_center.statistics.spans import check_days
from server.organizations.access import READERS, require_role
from server.organizations.tree import within

LONGEST_DAYS = 366


class Backlog(msgspec.Struct, kw_only=True):
    """零积压, now: what waits for an answer, and what waits longer than was promised. `oldest`: since when."""

    requests: int
    overdue_requests: int
    complaints: int
    overdue_complaints: int
    oldest: datetime | None


class Mistakes(msgspec.Struct, kw_only=True):
    """零差错, in the time asked for: complaints, those that were right, and those for each thousand who came."""

    complaints: int
    upheld: int
    attended: int
    upheld_per_thousand: float | None


class ThreeZeros(msgspec.Struct, kw_only=True):
    """`distance` is 零距离, now: buildings within the fifteen-minute circle."""

    organization_id: Id
    first_day: date
    last_day: date
    backlog: Backlog
    distance: Distance
    mistakes: Mistakes


_VENUES = f"(SELECT v.id FROM venue v JOIN organization o ON o.id = v.organization_id WHERE {within('o.path', '$1')})"


async def get_three_zeros(actor_id: str, organization_id: str, first_day: date, last_day: date) -> ThreeZeros:
    """For the venues of an organization's subtree, at most a year. Raises NotFound, NotAllowed, InvalidFields."""
    check_days(first_day, last_day, LONGEST_DAYS)
    await require_organization(organization_id)
    await require_role(actor_id, organization_id, READERS)
    return ThreeZeros(
        organization_id=organization_id,
        first_day=first_day,
        last_day=last_day,
        backlog=await _backlog(organization_id),
        distance=await count_coverage(organization_id),
        mistakes=await _mistakes(organization_id, instant(first_day), end_of(last_day)),
    )


async def _backlog(organization_id: str) -> Backlog:
    """What waits for an answer now."""
    row = await fetch_one(
        "SELECT r.waiting AS requests, r.overdue AS overdue_requests, c.waiting AS complaints, "
        "c.overdue AS overdue_complaints, LEAST(r.oldest, c.oldest) AS oldest FROM (SELECT count(*) AS waiting, "
        "count(*) FILTER (WHERE q.answer_by < $2) AS overdue, min(q.requested_at) AS oldest "
        f"FROM ({OPEN_REQUESTS}) q WHERE q.venue_id IN {_VENUES}) r, (SELECT count(*) AS waiting, "
        "count(*) FILTER (WHERE c.answer_by < $2) AS overdue, min(c.created_at) AS oldest "
        f"FROM complaint c WHERE c.state = 'open' AND c.venue_id IN {_VENUES}) c",
        organization_id,
        clock.now(),
    )
    assert row
    return Backlog(**dict(row))


async def _mistakes(organization_id: str, first: datetime, end: datetime) -> Mistakes:
    """Complaints of the time, against the visits in it."""
    row = await fetch_one(
        "SELECT count(*) AS complaints, count(*) FILTER (WHERE c.is_upheld) AS upheld, "
        "(SELECT count(*) FROM service s JOIN slot t ON t.service_id = s.id JOIN booking b ON b.slot_id = t.id "
        "JOIN place p ON p.id = b.place_id WHERE t.starts_at >= $2 AND t.starts_at < $3 AND p.state = 'attended' "
        f"AND s.venue_id IN {_VENUES}) + (SELECT count(*) FROM service s JOIN room_booking r ON r.service_id = s.id "
        "WHERE r.starts_at >= $2 AND r.starts_at < $3 AND r.state = 'attended' "
        f"AND s.venue_id IN {_VENUES}) AS attended FROM complaint c "
        f"WHERE c.created_at >= $2 AND c.created_at < $3 AND c.venue_id IN {_VENUES}",
        organization_id,
        first,
        end,
    )
    assert row
    per_thousand = round(1000 * row["upheld"] / row["attended"], 2) if row["attended"] else None
    return Mistakes(**dict(row), upheld_per_thousand=per_thousand)
