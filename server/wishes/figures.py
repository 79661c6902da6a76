"""How well it works: whether wishes come true, how soon, and how glad people are; not how many are registered."""

from datetime import date, datetime, timedelta

import msgspec

from server.foundation.database import fetch_one
from server.foundation.dates import end_of, instant, today
from server.foundation.errors import InvalidFields
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.organizations.access import READERS, require_role
from server.organizations.tree import within

LONGEST_PERIOD = timedelta(days=3 * 366)


class WishFigures(msgspec.Struct, kw_only=True):
    """Of the wishes first published in a period: how many, how many of them were claimed and how many are fulfilled by
    now; the median days from publication to the first claim and to fulfilment; how many in a hundred of the fulfilled
    were so by the wished-by date; and the mean of the stars of those rated. Null where there is nothing to count."""

    published: int
    claimed: int
    fulfilled: int
    median_days_to_claim: float | None
    median_days_to_fulfil: float | None
    percent_in_time: float | None
    average_stars: float | None
    rating_count: int


class CommunityWishFigures(WishFigures, kw_only=True):
    """One community's."""

    community_id: Id
    community_name: str


_FIGURES = (
    "count(w.id)::int AS published, count(w.first_claimed_at)::int AS claimed, "
    "count(w.id) FILTER (WHERE w.state = 'fulfilled')::int AS fulfilled, "
    # What has no time yet is null, which the medians leave out.
    "round((percentile_cont(0.5) WITHIN GROUP (ORDER BY EXTRACT(epoch FROM w.first_claimed_at - w.first_published_at) "
    "/ 86400))::numeric, 1)::float8 AS median_days_to_claim, "
    "round((percentile_cont(0.5) WITHIN GROUP (ORDER BY CASE WHEN w.state = 'fulfilled' "
    "THEN EXTRACT(epoch FROM w.fulfilled_at - w.first_published_at) / 86400 END))::numeric, 1)::float8 "
    "AS median_days_to_fulfil, "
    "round(100.0 * count(w.id) FILTER (WHERE w.state = 'fulfilled' "
    "AND (w.fulfilled_at AT TIME ZONE 'Asia/Shanghai')::date <= w.wished_by) "
    "/ NULLIF(count(w.id) FILTER (WHERE w.state = 'fulfilled'), 0), 1)::float8 AS percent_in_time, "
    "round(avg(c.rating), 2)::float8 AS average_stars, count(c.rating)::int AS rating_count"
)

_WISHES = (
    "wish w ON w.community_id = o.id AND w.first_published_at >= $2 AND w.first_published_at < $3 "
    "LEFT JOIN wish_claim c ON c.wish_id = w.id AND c.state = 'fulfilled'"
)


async def get_wish_figures(actor_id: str, organization_id: str, since: date | None, until: date | None) -> WishFigures:
    """An organization's subtree as a whole. `since` and `until` are days, both included: by default the year so far.

    Raises NotAllowed, InvalidFields.
    """
    begin, end = await _period(actor_id, organization_id, since, until)
    row = await fetch_one(
        f"SELECT {_FIGURES} FROM organization o JOIN {_WISHES} WHERE {within('o.path', '$1')}",
        organization_id,
        begin,
        end,
    )
    assert row
    return WishFigures(**row)


async def list_wish_figures(
    actor_id: str, organization_id: str, since: date | None, until: date | None, page: PageQuery
) -> Page[CommunityWishFigures]:
    """The same for each open community of the subtree, by code; also those without a wish. Raises the same."""
    begin, end = await _period(actor_id, organization_id, since, until)
    rows = await fetch_page(
        f"SELECT o.id AS community_id, o.code, o.name AS community_name, {_FIGURES} FROM ("
        f"SELECT s.id, s.code, s.name FROM organization s WHERE {within('s.path', '$1')} AND s.level = 'community' "
        "AND s.closed_at IS NULL AND ($4::text IS NULL OR s.code > $4) ORDER BY s.code LIMIT $5) o "
        f"LEFT JOIN {_WISHES} GROUP BY o.id, o.code, o.name ORDER BY o.code",
        organization_id,
        begin,
        end,
        page=page,
        key={"code": str},
    )
    names = CommunityWishFigures.__struct_fields__
    items = [CommunityWishFigures(**{name: row[name] for name in names}) for row in rows.items]
    return Page(items, rows.next_cursor)


async def _period(
    actor_id: str, organization_id: str, since: date | None, until: date | None
) -> tuple[datetime, datetime]:
    await require_role(actor_id, organization_id, READERS)
    first_day, last_day = period_of(since, until)
    return instant(first_day), end_of(last_day)


def period_of(since: date | None, until: date | None) -> tuple[date, date]:
    """The days meant, the year so far where none are given. Raises InvalidFields."""
    until = until or today()
    since = since or until.replace(month=1, day=1)
    if not since <= until <= since + LONGEST_PERIOD:
        raise InvalidFields.of("since", "起止日期应先后有序，且不超过三年")
    return since, until
