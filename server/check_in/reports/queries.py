"""Reading half-year reports: the member's own, the staff's lists, what a unit received, and the words for messages."""

from collections.abc import Iterable
from datetime import date, datetime

import msgspec

from server.accounts.details import details_of
from server.accounts.masking import mask_name
from server.check_in.reports.access import get_visible_report
from server.check_in.reports.freezing import ReportLine, open_content, open_words
from server.check_in.reports.models import Grade, ReportState
from server.check_in.reports.rules import ReportAction, ReportActor, correction_ends_at, possible_actions
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch, fetch_structs
from server.foundation.dates import render_month
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, cut_page, fetch_page, last_id
from server.members.memberships import membership_of, open_memberships
from server.members.queries import details_of_members
from server.organizations.access import LIAISONS, READERS, holds_role, require_role
from server.organizations.queries import describe_organizations
from server.organizations.tree import within
from server.service_record.periods import read_half_year
from server.service_record.queries import RuleTotal


class MyReport(msgspec.Struct):
    """One of the member's reports."""

    id: Id
    period: str
    state: ReportState
    community_name: str
    minutes: int
    points: int
    grade: Grade | None
    assessed_at: datetime | None
    released_at: datetime | None


class ReportCard(msgspec.Struct):
    """A report in the staff's list; the name is masked."""

    id: Id
    period: str
    state: ReportState
    name: str
    community_name: str
    unit_name: str
    minutes: int
    points: int
    grade: Grade | None
    version: int


class ReportView(msgspec.Struct):
    """A report in full, for the member, the community's staff and, once it is released, the unit's liaison.

    `request` and `answer` (what the member asked to be corrected, and what staff said) stay between the two of them.
    `by_rule` sums the lines; `late_minutes` and `late_points` are what of the totals belongs to earlier half-years.
    """

    id: Id
    period: str
    period_words: str
    state: ReportState
    name: str
    home_organization: str
    community_id: Id
    community_name: str
    unit_id: Id | None
    unit_name: str
    minutes: int
    points: int
    late_minutes: int
    late_points: int
    by_rule: list[RuleTotal]
    lines: list[ReportLine]
    opinion: str
    grade: Grade | None
    request: str
    answer: str
    frozen_at: datetime
    assessed_at: datetime | None
    correction_until: datetime | None
    released_at: datetime | None
    acknowledged_at: datetime | None
    actions: list[ReportAction]
    version: int


_AS_STORED = (
    *("id", "period", "state", "community_id", "unit_id", "minutes", "points", "grade", "version"),
    *("frozen_at", "assessed_at", "released_at", "acknowledged_at"),
)


class UnitReportCard(msgspec.Struct):
    """A report that a unit received."""

    id: Id
    state: ReportState
    name: str
    home_organization: str
    community_name: str
    minutes: int
    points: int
    grade: Grade
    released_at: datetime
    acknowledged_at: datetime | None


class GradeCount(msgspec.Struct):
    grade: Grade
    members: int


class UnitSummary(msgspec.Struct):
    """All that a unit received for one half-year."""

    unit_id: Id
    unit_name: str
    period: str
    period_words: str
    members: int
    acknowledged: int
    minutes: int
    points: int
    by_grade: list[GradeCount]


async def list_my_reports(person_id: str) -> list[MyReport]:
    """The member's reports that the community has shown, the newest half-year first; none for everybody else."""
    return await fetch_structs(
        MyReport,
        "SELECT r.id, r.period, r.state, o.name AS community_name, r.minutes, r.points, r.grade, r.assessed_at, "
        "r.released_at FROM half_year_report r JOIN organization o ON o.id = r.community_id "
        "WHERE r.membership_id = $1 AND r.state <> 'draft' ORDER BY r.period DESC",
        await membership_of(person_id),
    )


async def view_report(person_id: str, report_id: str, action: str = "view_report") -> ReportView:
    """One report. When somebody else than the member looks, that is audited. Raises NotFound."""
    report, member, actors = await get_visible_report(person_id, report_id)
    if ReportActor.MEMBER not in actors:
        await record_audit(
            action,
            actor_id=person_id,
            subject=("half_year_report", report.id),
            person_id=member.person_id,
            organization_id=report.community_id,
        )
    lines, words = open_content(report.id, bytes(report.content)), open_words(report.id, bytes(report.words))
    organizations = await describe_organizations([report.community_id, *([report.unit_id] if report.unit_id else [])])
    between_them = actors & {ReportActor.MEMBER, ReportActor.STAFF}
    late = [line for line in lines if line.is_late]
    return ReportView(
        **{name: getattr(report, name) for name in _AS_STORED},
        period_words=read_half_year(report.period).words,
        name=(await details_of(member.person_id)).real_name,
        home_organization=words.home,
        community_name=organizations[report.community_id]["name"],
        unit_name=organizations[report.unit_id]["name"] if report.unit_id else "",
        late_minutes=sum(line.minutes for line in late),
        late_points=sum(line.points for line in late),
        by_rule=sum_by_rule(lines),
        lines=lines,
        opinion=words.opinion,
        request=words.request if between_them else "",
        answer=words.answer if between_them else "",
        correction_until=correction_ends_at(report.assessed_at) if report.assessed_at else None,
        actions=possible_actions(report.state, actors, report.assessed_at, clock.now()),
    )


async def list_reports(
    actor_id: str, organization_id: str, period: str, state: ReportState | None, page: PageQuery
) -> Page[ReportCard]:
    """Reports of an organization's subtree for one half-year, for its staff and observers."""
    await require_role(actor_id, organization_id, READERS)
    rows = await fetch_page(
        "SELECT r.id, r.membership_id, r.period, r.state, o.name AS community_name, COALESCE(u.name, '') AS unit_name, "
        "r.minutes, r.points, r.grade, r.version FROM half_year_report r JOIN organization o ON o.id = r.community_id "
        f"LEFT JOIN organization u ON u.id = r.unit_id WHERE {within('o.path', '$1')} "
        "AND r.period = $2 AND ($3::text IS NULL OR r.state = $3) AND ($4::uuid IS NULL OR r.id > $4) "
        "ORDER BY r.id LIMIT $5",
        organization_id,
        period,
        str(state) if state else None,
        page=page,
    )
    names = await _names({row["membership_id"] for row in rows.items})
    cards = [
        ReportCard(
            name=mask_name(names[row["membership_id"]]),
            **{name: row[name] for name in ReportCard.__struct_fields__ if name != "name"},
        )
        for row in rows.items
    ]
    return Page(cards, rows.next_cursor)


async def list_unit_reports(person_id: str, unit_id: str, period: str, page: PageQuery) -> Page[UnitReportCard]:
    """What a unit received for a half-year, for its liaison; the view is audited. Raises NotFound."""
    await _require_liaison(person_id, unit_id, "list_unit_reports", period)
    after = last_id(page.cursor)
    return cut_page(await _unit_cards(unit_id, period, after, page.limit + 1), page.limit, lambda card: (card.id,))


async def get_unit_summary(person_id: str, unit_id: str, period: str) -> UnitSummary:
    """The sums of what a unit received for a half-year, for its liaison. Raises NotFound."""
    await _require_liaison(person_id, unit_id, None, period)
    rows = await fetch(
        "SELECT grade, count(*) AS members, count(acknowledged_at) AS acknowledged, sum(minutes)::bigint AS minutes, "
        "sum(points)::bigint AS points FROM half_year_report WHERE unit_id = $1 AND period = $2 "
        "AND released_at IS NOT NULL GROUP BY grade",
        unit_id,
        period,
    )
    counts = {row["grade"]: row["members"] for row in rows}
    return UnitSummary(
        unit_id=unit_id,
        unit_name=(await describe_organizations([unit_id]))[unit_id]["name"],
        period=period,
        period_words=read_half_year(period).words,
        members=sum(row["members"] for row in rows),
        acknowledged=sum(row["acknowledged"] for row in rows),
        minutes=sum(row["minutes"] for row in rows),
        points=sum(row["points"] for row in rows),
        by_grade=[GradeCount(grade, counts[grade]) for grade in Grade if grade in counts],
    )


async def get_whole_summary(person_id: str, unit_id: str, period: str) -> tuple[UnitSummary, list[UnitReportCard]]:
    """The summary with every member in it, to be downloaded by the unit's liaison; audited. Raises NotFound."""
    await _require_liaison(person_id, unit_id, "download_unit_summary", period)
    return await get_unit_summary(person_id, unit_id, period), await _unit_cards(unit_id, period, None, None)


def sum_by_rule(lines: Iterable[ReportLine]) -> list[RuleTotal]:
    """The lines by kind of service; a reversal takes one time back."""
    totals: dict[str, RuleTotal] = {}
    for line in lines:
        total = totals.setdefault(line.rule, RuleTotal(line.rule, line.rule_name, 0, 0, 0))
        total.times += -1 if line.is_reversal else 1
        total.minutes += line.minutes
        total.points += line.points
    return sorted(totals.values(), key=lambda total: total.rule)


async def describe_reports(report_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Words for messages: the half-year and the community. They do not tell whose report it is."""
    rows = await fetch(
        "SELECT r.id, r.period, o.name AS community FROM half_year_report r "
        "JOIN organization o ON o.id = r.community_id WHERE r.id = ANY($1)",
        list(report_ids),
    )
    return {
        row["id"]: {"id": row["id"], "period": read_half_year(row["period"]).words, "community": row["community"]}
        for row in rows
    }


async def describe_post_months(post_month_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Words for the service record: the post and the month."""
    rows = await fetch(
        "SELECT m.id, m.month, p.title FROM post_month m JOIN post_holding h ON h.id = m.holding_id "
        "JOIN post p ON p.id = h.post_id WHERE m.id = ANY($1)",
        list(post_month_ids),
    )
    return {
        row["id"]: {
            "id": row["id"],
            "title": f"{row['title']}（{render_month(date.fromisoformat(row['month'] + '-01'))}）",
        }
        for row in rows
    }


async def _unit_cards(unit_id: str, period: str, after: str | None, limit: int | None) -> list[UnitReportCard]:
    rows = await fetch(
        "SELECT r.id, r.membership_id, r.state, r.words, o.name AS community_name, r.minutes, r.points, r.grade, "
        "r.released_at, r.acknowledged_at FROM half_year_report r JOIN organization o ON o.id = r.community_id "
        "WHERE r.unit_id = $1 AND r.period = $2 AND r.released_at IS NOT NULL AND ($3::uuid IS NULL OR r.id > $3) "
        "ORDER BY r.id LIMIT $4",
        unit_id,
        period,
        after,
        limit,
    )
    names = await _names({row["membership_id"] for row in rows})
    derived = ("name", "home_organization", "state", "grade")
    return [
        UnitReportCard(
            state=ReportState(row["state"]),
            grade=Grade(row["grade"]),
            name=names[row["membership_id"]],
            home_organization=open_words(row["id"], bytes(row["words"])).home,
            **{name: row[name] for name in UnitReportCard.__struct_fields__ if name not in derived},
        )
        for row in rows
    ]


async def _names(membership_ids: set[str]) -> dict[str, str]:
    """Membership → real name."""
    details = await details_of_members(await open_memberships(membership_ids))
    return {membership_id: known.real_name for membership_id, known in details.items()}


async def _require_liaison(person_id: str, unit_id: str, action: str | None, period: str) -> None:
    if not await holds_role(person_id, unit_id, LIAISONS):
        raise NotFound()
    if action:
        await record_audit(
            action, actor_id=person_id, subject=("organization", unit_id), organization_id=unit_id, period=period
        )
