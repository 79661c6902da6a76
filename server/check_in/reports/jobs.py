"""Passes over everybody when a month or half-year is over: credit for posts, then the half-year reports.

Periods are done one after another, so that a server that was off for a year makes both reports, in order.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from server.background.sweeps import Batch, Sweep
from server.check_in.belonging import unit_of
from server.check_in.reports import messages
from server.check_in.reports.freezing import ReportWords, freeze, seal_content, seal_words
from server.check_in.reports.models import HalfYearReport, PeriodRun, PostMonth, RunKind
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import execute, fetch, fetch_one, fetch_value, is_unreachable, transaction
from server.foundation.ids import new_id
from server.members.homes import describe_homes
from server.members.memberships import MemberFacts, open_memberships
from server.notifications.telling import notify
from server.organizations.access import role_holders
from server.service_record.periods import HalfYear, Month, half_year_of, month_of, read_half_year, read_month
from server.service_record.recording import record_service

HELD_AT_LEAST = timedelta(days=15)
"""How much of a month a member must have held a post to be credited for it."""

_BATCH = 50
PeriodT = TypeVar("PeriodT", Month, HalfYear)


async def credit_post_months() -> int:
    """Credit those who held a post in the last month that is over, a batch of them; how many, and 1 for the last."""
    month = await _period_due(RunKind.POST_MONTHS, read_month, _first_month)
    return await _run_batch("post_months_credit", RunKind.POST_MONTHS, month, _credit_batch)


async def make_reports() -> int:
    """Freeze the reports of the last half-year that is over, a batch of members; how many, and 1 for the last batch.

    The credit for posts in its last month comes first.
    """
    period = await _period_due(RunKind.REPORTS, read_half_year, _first_half_year)
    month = await _period_due(RunKind.POST_MONTHS, read_month, _first_month)
    if period and month and month.ends_at <= period.ends_at:
        return await credit_post_months()
    return await _run_batch("half_year_reports", RunKind.REPORTS, period, _report_batch)


async def _run_batch(
    sweep: str, kind: RunKind, period: Month | HalfYear | None, do: Callable[[Batch, PeriodRun], Awaitable[bool]]
) -> int:
    """One batch of a run, by `do`, which tells whether it was the last: that counts as one more done."""
    batch, finished = Batch(sweep), False
    async with transaction():
        run = await _lock_run(batch, kind, period.code if period else None)
        if run is not None:
            finished = await do(batch, run)
    return batch.finish(batch.done + finished)


async def _credit_batch(batch: Batch, run: PeriodRun) -> bool:
    month = read_month(run.period)
    after_id, again = _which(batch, run)
    rows = await fetch(
        "SELECT h.id, h.membership_id, p.community_id FROM post_holding h JOIN post p ON p.id = h.post_id "
        "JOIN membership m ON m.id = h.membership_id WHERE h.state IN ('held', 'left', 'ended') "
        "AND m.ended_at IS NULL AND LEAST(h.ended_at, $1) - GREATEST(h.decided_at, $2) >= $3 "
        "AND ($4::uuid IS NULL OR h.id > $4) AND ($5::uuid[] IS NULL OR h.id = ANY($5)) ORDER BY h.id LIMIT $6",
        month.ends_at,
        month.starts_at,
        HELD_AT_LEAST,
        after_id,
        again,
        _BATCH,
    )
    found = {row["id"]: row for row in rows}

    async def credit(ids: list[str]) -> None:
        members = await open_memberships({found[id_]["membership_id"] for id_ in ids})
        for id_ in ids:
            credited = await PostMonth.create(holding_id=id_, month=month.code)
            await record_service(
                members[found[id_]["membership_id"]].person_id,
                rule="post_served",
                source=("post_month", credited.id),
                # The last second of the month: so it counts in the half-year that ends with it.
                occurred_at=month.ends_at - timedelta(seconds=1),
                organization_id=found[id_]["community_id"],
            )

    return await _advance(run, list(found), await _do(batch, list(found), credit), again)


async def _report_batch(batch: Batch, run: PeriodRun) -> bool:
    period = read_half_year(run.period)
    after_id, again = _which(batch, run)
    rows = await fetch(
        # Who moved house is reported by the community where they were last. One that two persons' merging brought here
        # meanwhile is not made again.
        "SELECT DISTINCT ON (c.membership_id) c.membership_id, c.community_id FROM check_in c "
        "JOIN membership m ON m.id = c.membership_id WHERE c.state IN ('confirmed', 'ended') "
        "AND m.kind = 'in_service' AND m.ended_at IS NULL AND c.decided_at < $1 "
        "AND (c.ended_at IS NULL OR c.ended_at > $2) AND ($3::uuid IS NULL OR c.membership_id > $3) "
        "AND ($4::uuid[] IS NULL OR c.membership_id = ANY($4)) AND NOT EXISTS (SELECT 1 FROM half_year_report r "
        "WHERE r.membership_id = c.membership_id AND r.period = $6) "
        "ORDER BY c.membership_id, c.decided_at DESC, c.id DESC LIMIT $5",
        period.ends_at,
        period.starts_at,
        after_id,
        again,
        _BATCH,
        period.code,
    )
    communities = {row["membership_id"]: row["community_id"] for row in rows}
    # Whoever freezes a report holds the membership, always in this order.
    await fetch("SELECT 1 FROM membership WHERE id = ANY($1) ORDER BY id FOR UPDATE", list(communities))

    async def freeze_them(ids: list[str]) -> None:
        await _freeze_batch(await open_memberships(ids), communities, period)

    missed = await _do(batch, list(communities), freeze_them)
    finished = await _advance(run, list(communities), missed, again)
    if again:
        await _tell_communities(period, sorted(communities.keys() - set(missed)))
    elif finished:
        await _tell_communities(period)
    return finished


async def _do(batch: Batch, ids: list[str], do: Callable[[list[str]], Awaitable[None]]) -> list[str]:
    """Do them together or, where that fails, each for itself; those that could not be done. Raises what was wrong where
    that are all of a full batch: then it is not they that are at fault, and the run waits."""
    try:
        async with transaction():
            await do(ids)
    except Exception as error:
        if is_unreachable(error):
            raise
        failure = error
    else:
        batch.count_done(ids)
        return []
    missed = []
    for id_ in ids:
        before = batch.done
        async with batch.row(id_):
            await do([id_])
        if batch.done == before:
            missed.append(id_)
    if len(missed) == _BATCH:
        raise failure
    return missed


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


async def _tell_communities(period: HalfYear, membership_ids: list[str] | None = None) -> None:
    rows = await fetch(
        "SELECT community_id, count(*) AS reports FROM half_year_report WHERE period = $1 "
        "AND ($2::uuid[] IS NULL OR membership_id = ANY($2)) GROUP BY community_id ORDER BY community_id",
        period.code,
        membership_ids,
    )
    for row in rows:
        await notify(
            await role_holders(row["community_id"]),
            messages.REPORTS_TO_ASSESS,
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


async def _lock_run(batch: Batch, kind: RunKind, period: str | None) -> PeriodRun | None:
    """The run, begun where it was not yet; None while another worker does a batch of it, or when it is done. Where no
    period is due, one that is finished but has missed some whose turn it is again."""
    if period is None:
        missing = PeriodRun.filter(kind=kind, finished_at__isnull=False, missed__isnull=False)
        runs = await missing.order_by("period").select_for_update(skip_locked=True)
        return next((run for run in runs if not set(run.missed) <= set(batch.passed_over)), None)
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


def _which(batch: Batch, run: PeriodRun) -> tuple[str | None, list[str] | None]:
    """After which id the next batch begins; or, of a finished run, the ids that are tried again."""
    if run.finished_at is None:
        return run.after_id, None
    return None, [id_ for id_ in run.missed if id_ not in batch.passed_over][:_BATCH]


async def _advance(run: PeriodRun, ids: list[str], missed: list[str], again: list[str] | None) -> bool:
    """Note how far the run has come; whether it is finished with this batch. Of those that were tried again, the ones
    that are not due any more (their membership has ended) are let go."""
    run.made += len(ids) - len(missed)
    run.missed = [id_ for id_ in run.missed or [] if id_ not in (again or ())] + missed or None
    finished = again is None and len(ids) < _BATCH
    if finished:
        run.finished_at = clock.now()
    elif again is None:
        run.after_id = max(ids)
    await run.save()
    return finished


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
