"""After each counting the rules are looked at: what they find is watched, raised, or over."""

from datetime import date, datetime, timedelta
from typing import Any

from server.background.sweeps import due_sweep
from server.figures import messages
from server.figures.models import FigureMonth
from server.figures.months import months_on, this_month
from server.figures.warnings.models import FigureWarning, WarningState
from server.figures.warnings.rule_book import rules_in_force
from server.figures.warnings.rules import Rule, Step, measure, step
from server.foundation import clock
from server.foundation.database import execute, fetch
from server.foundation.rows import row_as
from server.notifications.telling import notify
from server.organizations.access import role_holders

_FOUND = (
    "SELECT o.id AS place_id, COALESCE(f.numerator, 0) AS seen_numerator, COALESCE(f.denominator, 0) AS "
    "seen_denominator, w.* FROM organization o LEFT JOIN figure f ON f.month = $1 AND f.organization_id = o.id "
    "AND f.code = $2 LEFT JOIN figure s ON s.month = $3 AND s.organization_id = o.id AND s.code = 'residents' "
    "LEFT JOIN figure_warning w ON w.organization_id = o.id AND w.rule = $4 AND w.over_at IS NULL "
    "WHERE o.level = 'community' AND (w.id IS NOT NULL OR (o.closed_at IS NULL "
    "AND COALESCE(s.numerator, 0) >= $5 AND {})) ORDER BY o.id"
)
_MAY_BE = {
    True: "COALESCE(f.numerator, 0) >= $6::float8",
    False: "TRUE OR $6::float8 IS NULL",
}
"""What may be to warn of; the others need not be fetched."""


async def look(month_id: str) -> int:
    """Look at everything after this month was counted; how many warnings were raised or are over. In the caller's
    transaction, which holds the month, so that nobody else looks meanwhile."""
    month = await FigureMonth.get(id=month_id)
    changed = 0
    if month.month == this_month():
        for rule in await rules_in_force():
            looked_at = month.month if rule.definition.is_state else months_on(month.month, -1)
            if looked_at == month.month or await FigureMonth.exists(month=looked_at, counted_at__not_isnull=True):
                changed += await _look_at(rule, looked_at, month.month)
    await execute("UPDATE figure_month SET looked_at = counted_at WHERE id = $1", month_id)
    return changed


async def _look_at(rule: Rule, month: date, residents_of: date) -> int:
    now, changed = clock.now(), 0
    counts_up = rule.measured == "numerator" and rule.warns_when == "above"
    rows = await fetch(
        _FOUND.format(_MAY_BE[counts_up]),
        month,
        rule.figure,
        residents_of,
        rule.code,
        rule.least_residents,
        rule.raise_at,
    )
    for row in rows:
        warning = row_as(FigureWarning, row) if row["id"] else None
        seen = measure(rule, row["seen_numerator"], row["seen_denominator"])
        state, since = (warning.state, warning.since) if warning else (None, None)
        taken = step(rule, state, since, seen, now)
        changed += await _take(taken, rule, warning, row, month, now)
    return changed


async def _take(taken: Step, rule: Rule, warning: FigureWarning | None, row: Any, month: date, now: datetime) -> int:
    sums = {"month": month, "numerator": row["seen_numerator"], "denominator": row["seen_denominator"]}
    if taken in (Step.WATCH, Step.RAISE):
        if warning is None:
            warning = FigureWarning(rule=rule.code, organization_id=row["place_id"], since=now)
        warning.update_from_dict(sums)
        warning.rule_version = rule.version
        warning.state = WarningState.WATCHED if taken is Step.WATCH else WarningState.RAISED
        warning.raised_at = None if taken is Step.WATCH else now
        await warning.save()
        if taken is Step.WATCH:
            return 0
        await notify(await role_holders(warning.organization_id), messages.WARNING_RAISED, figure_warning=warning.id)
        return 1
    if warning is None:
        return 0
    if taken is Step.FORGET:
        await warning.delete()
    elif taken is Step.CLEAR:
        if warning.state is not WarningState.DISMISSED:
            warning.state = WarningState.CLEARED
        warning.over_at = now
        await warning.save()
        return 1
    elif warning.state is not WarningState.DISMISSED and (warning.numerator, warning.denominator) != (
        row["seen_numerator"],
        row["seen_denominator"],
    ):
        warning.update_from_dict(sums)
        await warning.save()
    return 0


async def _look(row: Any) -> int:
    await look(row["id"])
    return 1


LOOK = due_sweep(
    "figures_warn",
    timedelta(seconds=60),
    rows="figure_month",
    where="frozen_at IS NULL AND (looked_at IS NULL OR looked_at < counted_at)",
    due="counted_at",
    do=_look,
    batch=1,
)
