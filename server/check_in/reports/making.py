"""What is made when a month or half-year is over: credit for posts, and half-year reports.

Rows are made of what is due, once for each period, in the order of time, so that a server that was off for a year makes
everything. Sweeps do them one by one: a member that cannot be read keeps nobody else's waiting.
"""

from datetime import timedelta
from typing import Any

from server.background.sweeps import Sweep, due_sweep
from server.check_in.belonging import unit_of
from server.check_in.reports import messages
from server.check_in.reports.freezing import ReportWords, freeze, seal_content, seal_words
from server.check_in.reports.models import DueReport, HalfYearReport, PostMonth, RunKind
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import execute, fetch_one, fetch_value, transaction
from server.foundation.ids import new_id, new_id_sql
from server.members.memberships import member_person, open_memberships
from server.members.queries import homes_of_members
from server.notifications.telling import notify
from server.organizations.access import role_holders
from server.service_record.periods import HalfYear, Month, half_year_of, month_of, read_half_year, read_month
from server.service_record.recording import record_service

HELD_AT_LEAST = timedelta(days=15)
"""How much of a month a member must have held a post to be credited for it."""

_FIRST = {
    RunKind.POST_MONTHS: "SELECT min(decided_at) FROM post_holding WHERE state IN ('held', 'left', 'ended')",
    RunKind.REPORTS: "SELECT min(decided_at) FROM check_in WHERE state IN ('confirmed', 'ended')",
}
"""When there was something to make for the first time."""

# Begin, end and code of the period; now.
_POST_MONTHS = (
    "INSERT INTO post_month (id, created_at, holding_id, month) "
    f"SELECT {new_id_sql('$4::timestamptz')}, $4::timestamptz, h.id, $3::text "
    "FROM post_holding h JOIN membership m ON m.id = h.membership_id WHERE h.state IN ('held', 'left', 'ended') "
    "AND m.ended_at IS NULL AND LEAST(h.ended_at, $2) - GREATEST(h.decided_at, $1) >= $5 ON CONFLICT DO NOTHING"
)
# Who moved house is reported by the community where they were last.
_DUE_REPORTS = (
    "INSERT INTO due_report (id, created_at, membership_id, community_id, period) "
    f"SELECT DISTINCT ON (c.membership_id) {new_id_sql('$4::timestamptz')}, $4::timestamptz, c.membership_id, "
    "c.community_id, $3::text FROM check_in c JOIN membership m ON m.id = c.membership_id "
    "WHERE c.state IN ('confirmed', 'ended') AND m.kind = 'in_service' AND m.ended_at IS NULL "
    "AND c.decided_at < $2 AND (c.ended_at IS NULL OR c.ended_at > $1) AND NOT EXISTS (SELECT 1 "
    "FROM half_year_report r WHERE r.membership_id = c.membership_id AND r.period = $3::text) "
    "ORDER BY c.membership_id, c.decided_at DESC, c.id DESC ON CONFLICT DO NOTHING"
)


async def open_period() -> int:
    """Make the rows of what is due for the earliest month or half-year that is over and has none yet; 1, or 0."""
    period = await _period_due()
    if period is None:
        return 0
    kind = _kind_of(period)
    now = clock.now()
    async with transaction():
        # Two workers at once: the other one waits here, and then does nothing.
        opened = await fetch_value(
            "INSERT INTO period_run (id, created_at, kind, period, finished_at) VALUES ($1, $2, $3, $4, $2) "
            "ON CONFLICT (kind, period) DO UPDATE SET finished_at = EXCLUDED.finished_at "
            "WHERE period_run.finished_at IS NULL RETURNING id",
            new_id(),
            now,
            str(kind),
            period.code,
        )
        if opened is None:
            return 0
        values = (period.starts_at, period.ends_at, period.code, now)
        if kind is RunKind.POST_MONTHS:
            await execute(_POST_MONTHS, *values, HELD_AT_LEAST)
        else:
            await execute(_DUE_REPORTS, *values)
    return 1


async def _period_due() -> Month | HalfYear | None:
    """Of both kinds, the one that ended first; a month before the half-year that ends with it."""
    next_ones = [await _next_period(kind) for kind in RunKind]
    due = [period for period in next_ones if period and period.ends_at <= clock.now()]
    return min(due, key=lambda period: (period.ends_at, isinstance(period, HalfYear)), default=None)


async def _next_period(kind: RunKind) -> Month | HalfYear | None:
    last = await fetch_one(
        "SELECT period, finished_at FROM period_run WHERE kind = $1 "
        "ORDER BY finished_at IS NOT NULL, CASE WHEN finished_at IS NULL THEN period END, period DESC LIMIT 1",
        str(kind),
    )
    if last is None:
        moment = await fetch_value(_FIRST[kind])
        if moment is None:
            return None
        return month_of(moment) if kind is RunKind.POST_MONTHS else half_year_of(moment)
    period = read_month(last["period"]) if kind is RunKind.POST_MONTHS else read_half_year(last["period"])
    return period.following if last["finished_at"] else period


def _kind_of(period: Month | HalfYear) -> RunKind:
    return RunKind.POST_MONTHS if isinstance(period, Month) else RunKind.REPORTS


async def _opening_lag() -> float:
    period = await _period_due()
    return (clock.now() - period.ends_at).total_seconds() if period else 0.0


async def _credit(row: Any) -> None:
    if row["is_over"]:
        await PostMonth.filter(id=row["id"]).delete()
        return
    await record_service(
        await member_person(row["membership_id"]),
        rule="post_served",
        source=("post_month", row["id"]),
        # The last second of the month: so it counts in the half-year that ends with it.
        occurred_at=read_month(row["month"]).ends_at - timedelta(seconds=1),
        organization_id=row["community_id"],
    )
    await PostMonth.filter(id=row["id"]).update(credited_at=clock.now())


async def _freeze(row: Any) -> None:
    if not row["is_wanted"]:
        await DueReport.filter(id=row["id"]).delete()
        return
    now, period, report_id = clock.now(), read_half_year(row["period"]), new_id()
    member = (await open_memberships([row["membership_id"]]))[row["membership_id"]]
    frozen = await freeze(member, period)
    home = (await homes_of_members([member]))[member.membership_id]
    await HalfYearReport.create(
        id=report_id,
        created_at=now,
        membership_id=row["membership_id"],
        community_id=row["community_id"],
        unit_id=await unit_of(member),
        period=period.code,
        content=seal_content(report_id, frozen.lines),
        words=seal_words(report_id, ReportWords(home=home)),
        minutes=frozen.minutes,
        points=frozen.points,
        frozen_at=now,
    )
    await record_audit(
        "freeze_report",
        actor_id=None,
        subject=("half_year_report", report_id),
        person_id=member.person_id,
        organization_id=row["community_id"],
        period=period.code,
    )
    await DueReport.filter(id=row["id"]).update(frozen_at=now)


async def _tell_community(row: Any) -> int:
    async with transaction():
        # Who comes second waits here, and then finds none.
        reports = await execute(
            "DELETE FROM due_report WHERE community_id = $1 AND period = $2 AND frozen_at IS NOT NULL",
            row["id"],
            row["period"],
        )
        if reports:
            period = read_half_year(row["period"])
            await notify(
                await role_holders(row["id"]),
                messages.REPORTS_TO_ASSESS,
                organization=row["id"],
                year=period.year,
                half=period.half,
                count=reports,
            )
    return int(reports > 0)


OPEN_PERIODS = Sweep("periods_open", timedelta(minutes=1), open_period, _opening_lag)

CREDIT_POST_MONTHS = due_sweep(
    "post_months_credit",
    timedelta(minutes=1),
    rows="post_month d JOIN post_holding h ON h.id = d.holding_id JOIN post p ON p.id = h.post_id "
    "JOIN membership m ON m.id = h.membership_id",
    where="d.credited_at IS NULL",
    due="d.created_at",
    row_id="d.id",
    columns="d.month, h.membership_id, p.community_id, m.ended_at IS NOT NULL AS is_over",
    lock="UPDATE OF d",
    do=_credit,
)

FREEZE_REPORTS = due_sweep(
    "half_year_reports",
    timedelta(minutes=1),
    rows="due_report d JOIN membership m ON m.id = d.membership_id",
    # A member's reports are made in order, and none while a month in it is not credited yet.
    where="d.frozen_at IS NULL AND NOT EXISTS (SELECT 1 FROM due_report e WHERE e.membership_id = d.membership_id "
    "AND e.period < d.period AND e.frozen_at IS NULL) AND NOT EXISTS (SELECT 1 FROM post_month c "
    "JOIN post_holding h ON h.id = c.holding_id WHERE h.membership_id = d.membership_id AND c.credited_at IS NULL "
    # One that cannot be credited is waited for a day; it then counts in the next report.
    "AND c.created_at + interval '1 day' > $1 "
    "AND c.month <= left(d.period, 4) || CASE WHEN d.period LIKE '%H1' THEN '-06' ELSE '-12' END)",
    due="d.created_at",
    row_id="d.id",
    columns="d.membership_id, d.community_id, d.period, m.ended_at IS NULL AND NOT EXISTS (SELECT 1 "
    "FROM half_year_report r WHERE r.membership_id = d.membership_id AND r.period = d.period) AS is_wanted",
    # Freezing a report holds the membership: two of one member, frozen at once, would take the same late entry.
    lock="UPDATE OF m, d",
    do=_freeze,
)

TELL_COMMUNITIES = due_sweep(
    "half_year_reports_tell",
    timedelta(minutes=1),
    rows="due_report d",
    # All of a community's together; one that cannot be made is waited for an hour.
    where="d.frozen_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM due_report o WHERE o.community_id = d.community_id "
    "AND o.period = d.period AND o.frozen_at IS NULL AND o.created_at + interval '1 hour' > $1)",
    due="d.frozen_at",
    row_id="d.community_id",
    columns="d.period",
    lock="",
    do=_tell_community,
)
