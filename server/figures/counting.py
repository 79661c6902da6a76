"""Counting a month: every figure of every organization in one statement, rolled up along the tree.

It can be repeated: the same rows give the same figures, and only what has changed is written. What happened in a month
and is recorded before the month is frozen counts in it; what is recorded later counts in the month that records it, so
that it counts once and a frozen month stays as it is.
"""

from datetime import date, timedelta
from functools import cache
from typing import Any

from server.background.sweeps import Sweep, due_sweep
from server.figures.definitions import ALL
from server.figures.definitions.definition import BEGIN, END, FREEZE, NOW, Definition
from server.figures.models import FigureMonth
from server.figures.months import FREEZES_AT, begins_at, ends_at, freezes_at, months_on, this_month
from server.foundation import clock
from server.foundation.database import execute, fetch_value, transaction
from server.foundation.rows import lock_row

COUNTED_EVERY = timedelta(minutes=30)
MONTHS_BACK = 24
"""How far back it begins where nothing was counted yet."""


def counted(definition: Definition) -> str:
    """SQL: whether a row `r` of the definition's counts in the month of BEGIN, END, FREEZE and NOW."""
    if definition.is_state:
        return "TRUE"
    if not definition.is_told_late:
        return f"r.at >= {BEGIN} AND r.at < LEAST({END}, {NOW})"
    return (
        f"r.known < {NOW} AND ((r.at >= {BEGIN} AND r.at < {END} AND r.known < {FREEZE}) OR (r.at < {BEGIN} "
        f"AND r.known >= {BEGIN} AND r.known < {END} AND r.known >= {FREEZES_AT.format('r.at')}))"
    )


async def begin_months() -> None:
    """Make the months known that are to be counted: all from the last known one to this, two years at first."""
    month = this_month()
    last: date | None = await fetch_value("SELECT max(month) FROM figure_month")
    first = months_on(last, 1) if last else months_on(month, -MONTHS_BACK)
    while first <= month:
        await execute(
            "INSERT INTO figure_month (id, created_at, month, due_at) VALUES (gen_random_uuid(), $1, $2, $1) "
            "ON CONFLICT (month) DO NOTHING",
            clock.now(),
            first,
        )
        first = months_on(first, 1)


async def count_month(month_id: str) -> bool:
    """Count a month again, and freeze it where its time has come; whether it was not frozen yet."""
    async with transaction():
        month = await lock_row(FigureMonth, month_id)
        if month is None or month.frozen_at:
            return False
        now = clock.now()
        # How things stood when the month was over is known no longer: what was seen then stays.
        is_over = month.counted_at is not None and now >= ends_at(month.month)
        await execute(
            _statement(is_over),
            begins_at(month.month),
            ends_at(month.month),
            freezes_at(month.month),
            now,
            month.month,
        )
        month.counted_at, month.due_at = now, now + COUNTED_EVERY
        if now >= freezes_at(month.month):
            month.frozen_at = now
        await month.save(update_fields=["counted_at", "due_at", "frozen_at"])
    return True


@cache
def _statement(without_states: bool) -> str:
    definitions = [each for each in ALL if not (without_states and each.is_state)]
    codes = ", ".join(f"'{each.code}'" for each in definitions)
    return (
        f"WITH own AS MATERIALIZED ({' UNION ALL '.join(_own(each) for each in definitions)}), "
        "up AS MATERIALIZED (SELECT o.id AS below, a.id AS above, COALESCE(a.successor_id, a.parent_id) AS parent_id "
        "FROM (SELECT DISTINCT organization_id FROM own) t JOIN organization o ON o.id = t.organization_id "
        "JOIN organization a ON a.path @> o.path), "
        "total AS MATERIALIZED (SELECT u.above AS organization_id, u.parent_id, w.code, "
        "sum(w.numerator)::bigint AS numerator, sum(w.denominator)::bigint AS denominator, "
        "sum(w.excluded)::bigint AS excluded FROM own w JOIN up u ON u.below = w.organization_id "
        "GROUP BY u.above, u.parent_id, w.code HAVING sum(w.numerator) <> 0 OR sum(w.denominator) <> 0 "
        "OR sum(w.excluded) <> 0), "
        f"gone AS (DELETE FROM figure f WHERE f.month = $5::date AND f.code IN ({codes}) AND NOT EXISTS "
        "(SELECT 1 FROM total t WHERE t.organization_id = f.organization_id AND t.code = f.code)) "
        "INSERT INTO figure AS f (id, created_at, month, organization_id, parent_id, code, numerator, denominator, "
        f"excluded) SELECT gen_random_uuid(), {NOW}, $5::date, t.organization_id, t.parent_id, t.code, t.numerator, "
        "t.denominator, t.excluded FROM total t "
        "ON CONFLICT (month, organization_id, code) DO UPDATE SET parent_id = EXCLUDED.parent_id, "
        "numerator = EXCLUDED.numerator, denominator = EXCLUDED.denominator, excluded = EXCLUDED.excluded "
        "WHERE (f.parent_id, f.numerator, f.denominator, f.excluded) IS DISTINCT FROM "
        "(EXCLUDED.parent_id, EXCLUDED.numerator, EXCLUDED.denominator, EXCLUDED.excluded)"
    )


def _own(definition: Definition) -> str:
    """SQL: what each organization has of its own."""
    rows = f"({definition.sql}) r WHERE r.organization_id IS NOT NULL AND {counted(definition)}"
    if definition.is_distinct:
        rows = (
            f"(SELECT DISTINCT r.id, r.organization_id, 1 AS numerator, 0 AS denominator, 0 AS excluded FROM {rows}) r"
        )
    return (
        f"SELECT '{definition.code}'::text AS code, r.organization_id, sum(r.numerator) AS numerator, "
        f"sum(r.denominator) AS denominator, sum(r.excluded) AS excluded FROM {rows} GROUP BY r.organization_id"
    )


async def _count(row: Any) -> int:
    return int(await count_month(row["id"]))


_DUE = due_sweep(
    "figures_count",
    timedelta(seconds=60),
    rows="figure_month",
    where="frozen_at IS NULL",
    due="due_at",
    do=_count,
    batch=1,
)


async def _run() -> int:
    await begin_months()
    return await _DUE.run()


COUNT_MONTHS = Sweep(_DUE.name, _DUE.every, _run, _DUE.lag)
