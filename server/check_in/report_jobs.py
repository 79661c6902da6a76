"""Passes over everybody when a month or half-year is over: credit for posts, then the half-year reports.

Periods are done one after another, so that a server that was off for a year makes both reports, in order.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from server import clock
from server.audit import record_audit
from server.check_in.belonging import unit_of
from server.check_in.freezing import ReportWords, freeze, seal_content, seal_words
from server.check_in.report_models import HalfYearReport, PeriodRun, PostMonth, RunKind
from server.database import execute, fetch, fetch_one, fetch_value, transaction
from server.ids import new_id
from server.jobs import Sweep
from server.members.homes import describe_homes
from server.members.service import MemberFacts, open_memberships
from server.notifications.service import notify
from server.organizations.access import role_holders
from server.service_record.periods import HalfYear, Month, half_year_of, month_of, read_half_year, read_month
from server.service_record.service import record_service

HELD_AT_LEAST = timedelta(days=15)
"""How much of a month a member must have held a post to be credited for it."""

_BATCH = 50
PeriodT = TypeVar("PeriodT", Month, HalfYear)


async def credit_post_months() -> int:
    """Credit those who held a post in the last month that is over, a batch of them; how many, and 1 for the last."""
    month = await _period_due(RunKind.POST_MONTHS, read_month, _first_month)
    if month is None:
        return 0
    async with transaction():
        run = await _lock_run(RunKind.POST_MONTHS, month.code)
        if run is None:
            return 0
        rows = await fetch(
            "SELECT h.id, h.membership_id, p.community_id FROM post_holding h JOIN post p ON p.id = h.post_id "
            "JOIN membership m ON m.id = h.membership_id WHERE h.state IN ('held', 'left', 'ended') "
            "AND m.ended_at IS NULL AND LEAST(h.ended_at, $1) - GREATEST(h.decided_at, $2) >= $3 "
            "AND ($4::uuid IS NULL OR h.id > $4) ORDER BY h.id LIMIT $5",
            month.ends_at,
            month.starts_at,
            HELD_AT_LEAST,
            run.after_id,
            _BATCH,
        )
        members = await open_memberships({row["membership_id"] for row in rows})
        for row in rows:
            credited = await PostMonth.create(holding_id=row["id"], month=month.code)
            await record_service(
                members[row["membership_id"]].person_id,
                rule="post_served",
                source=("post_month", credited.id),
                # The last second of the month: so it counts in the half-year that ends with it.
                occurred_at=month.ends_at - timedelta(seconds=1),
                organization_id=row["community_id"],
            )
        await _advance(run, [row["id"] for row in rows])
    return len(rows) + bool(run.finished_at)


async def make_reports() -> int:
    """Freeze the reports of the last half-year that is over, a batch of members; how many, and 1 for the last batch.

    The credit for posts in its last month comes first.
    """
    period = await _period_due(RunKind.REPORTS, read_half_year, _first_half_year)
    if period is None:
        return 0
    month = await _period_due(RunKind.POST_MONTHS, read_month, _first_month)
    if month is not None and month.ends_at <= period.ends_at:
        return await credit_post_months()
    async with transaction():
        run = await _lock_run(RunKind.REPORTS, period.code)
        if run is None:
            return 0
        rows = await fetch(
            # Who moved house is reported by the community where they were last.
            "SELECT DISTINCT ON (c.membership_id) c.membership_id, c.community_id FROM check_in c "
            "JOIN membership m ON m.id = c.membership_id WHERE c.state IN ('confirmed', 'ended') "
            "AND m.kind = 'in_service' AND m.ended_at IS NULL AND c.decided_at < $1 "
            "AND (c.ended_at IS NULL OR c.ended_at > $2) AND ($3::uuid IS NULL OR c.membership_id > $3) "
            "ORDER BY c.membership_id, c.decided_at DESC, c.id DESC LIMIT $4",
            period.ends_at,
            period.starts_at,
            run.after_id,
            _BATCH,
        )
        communities = {row["membership_id"]: row["community_id"] for row in rows}
        # Whoever freezes a report holds the membership, always in this order.
        await fetch("SELECT 1 FROM membership WHERE id = ANY($1) ORDER BY id FOR UPDATE", list(communities))
        await _freeze_batch(await open_memberships(communities), communities, period)
        await _advance(run, list(communities))
        if run.finished_at:
            await _tell_communities(period)
    return len(rows) + bool(run.finished_at)


async def _freeze_batch(members: dict[str, MemberFacts], communities: dict[str, str], period: HalfYear) -> None:
    now = clock.now()
    frozen = await freeze(members.values(), period)
    homes = await describe_homes({m.home_organization_id for m in members.values() if m.home_organization_id})
    reports = []
    for membership_id, member in members.items():
        report_id = new_id()
        home = homes.get(member.home_organization_id or "") or member.home_text
        reports.append(
            HalfYearReport(
                id=report_id,
                created_at=now,
                membership_id=membership_id,
                community_id=communities[membership_id],
                unit_id=await unit_of(member),
                period=period.code,
                content=seal_content(report_id, frozen[membership_id].lines),
                words=seal_words(report_id, ReportWords(home=home)),
                minutes=frozen[membership_id].minutes,
                points=frozen[membership_id].points,
                frozen_at=now,
            )
        )
    await HalfYearReport.bulk_create(reports)
    for report in reports:
        await record_audit(
            "freeze_report",
            actor_id=None,
            subject=("half_year_report", report.id),
            person_id=members[report.membership_id].person_id,
            organization_id=report.community_id,
            period=period.code,
        )


async def _tell_communities(period: HalfYear) -> None:
    rows = await fetch(
        "SELECT community_id, count(*) AS reports FROM half_year_report WHERE period = $1 GROUP BY community_id "
        "ORDER BY community_id",
        period.code,
    )
    for row in rows:
        await notify(
            await role_holders(row["community_id"]),
            "reports_to_assess",
            organization=row["community_id"],
            year=period.year,
            half=period.half,
            count=row["reports"],
        )


async def _period_due(
    kind: RunKind, read: Callable[[str], PeriodT], first: Callable[[], Awaitable[PeriodT | None]]
) -> PeriodT | None:
    """The period that is to be run next; None as long as that one is not over."""
    last = await fetch_one(
        "SELECT period, finished_at FROM period_run WHERE kind = $1 ORDER BY period DESC LIMIT 1", str(kind)
    )
    if last is None:
        period = await first()
    else:
        period = read(last["period"])
        if last["finished_at"]:
            period = period.following
    return period if period and period.ends_at <= clock.now() else None


async def _first_month() -> Month | None:
    moment: datetime | None = await fetch_value(
        "SELECT min(decided_at) FROM post_holding WHERE state IN ('held', 'left', 'ended')"
    )
    return month_of(moment) if moment else None


async def _first_half_year() -> HalfYear | None:
    moment: datetime | None = await fetch_value(
        "SELECT min(decided_at) FROM check_in WHERE state IN ('confirmed', 'ended')"
    )
    return half_year_of(moment) if moment else None


async def _lock_run(kind: RunKind, period: str) -> PeriodRun | None:
    """The run, begun where it was not yet; None while another worker does a batch of it, or when it is done."""
    await execute(
        "INSERT INTO period_run (id, created_at, kind, period, made) VALUES ($1, $2, $3, $4, 0) "
        "ON CONFLICT (kind, period) DO NOTHING",
        new_id(),
        clock.now(),
        str(kind),
        period,
    )
    unfinished = PeriodRun.filter(kind=kind, period=period, finished_at=None)
    return await unfinished.select_for_update(skip_locked=True).first()


async def _advance(run: PeriodRun, ids: list[str]) -> None:
    run.made += len(ids)
    if len(ids) == _BATCH:
        run.after_id = max(ids)
    else:
        run.finished_at = clock.now()
    await run.save()


async def _reports_lag() -> float:
    period = await _period_due(RunKind.REPORTS, read_half_year, _first_half_year)
    return (clock.now() - period.ends_at).total_seconds() if period else 0.0


async def _posts_lag() -> float:
    month = await _period_due(RunKind.POST_MONTHS, read_month, _first_month)
    return (clock.now() - month.ends_at).total_seconds() if month else 0.0


SWEEPS: list[Sweep] = [
    Sweep("post_months_credit", timedelta(minutes=1), credit_post_months, _posts_lag),
    Sweep("half_year_reports", timedelta(minutes=1), make_reports, _reports_lag),
]
