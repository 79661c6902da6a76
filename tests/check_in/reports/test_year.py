"""A year of a community: what its members did, recorded day by day, and the two half-year reports of each, checked
against sums that this file makes by itself (its own calendar, caps, and split by when things were recorded).
"""

import random
import time
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest

from server.check_in.models import CheckInState
from server.check_in.reports.files import report_pdf, unit_summary_pdf
from server.check_in.reports.freezing import open_content
from server.check_in.reports.models import Grade, HalfYearReport
from server.check_in.reports.reviewing import assess_report, release_reports
from server.foundation.database import execute
from server.foundation.ids import new_id
from server.organizations.models import Level, RoleKind
from server.service_record.recording import record_service, reverse_entry
from tests.builders import create_community, create_organization, move_clock_to
from tests.check_in.reports.builders import (
    H1,
    H2,
    YEAR,
    Member,
    create_checked_in_member,
    create_home,
    create_post_in,
    create_worker,
    hold_post,
    make_all_reports,
    shanghai,
)
from tests.clients import Api

FREEZE_1, FREEZE_2 = shanghai(7, 1), shanghai(1, 1, year=YEAR + 1)
CHANGE = shanghai(4, 10)
"""When the city changes the rule of volunteer service: more points, and caps."""
SECONDS = 30
"""What making all reports of 500 members may take."""


class Row(NamedTuple):
    """A row of this file's own ledger."""

    rule: str
    occurred_at: datetime
    recorded_at: datetime
    minutes: int
    points: int


def local(moment: datetime) -> str:
    """The day in Shanghai, which is eight hours ahead all year."""
    utc = moment.timestamp() + 8 * 3600
    return time.strftime("%Y-%m-%d", time.gmtime(utc))


def half_of(moment: datetime) -> str:
    year, month = local(moment)[:4], int(local(moment)[5:7])
    return f"{year}H{1 if month < 7 else 2}"


class OwnLedger:
    """What each person should have, by rules written down here once more."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = defaultdict(list)

    def add(self, person_id: str, rule: str, occurred_at: datetime, recorded_at: datetime, minutes: int) -> int:
        points = {
            "shift_attended": minutes * 10 // 60,
            "wish_fulfilled": 10,
            "party_day_attended": 10,
            "lecture_attended": 5,
            "event_attended": 2,
            "post_served": 5,
        }[rule]
        if rule == "shift_attended" and recorded_at >= CHANGE:
            points = minutes * 12 // 60
            same = [row for row in self.rows[person_id] if row.rule == rule]
            today = sum(row.points for row in same if local(row.occurred_at) == local(occurred_at))
            month = sum(row.points for row in same if local(row.occurred_at)[:7] == local(occurred_at)[:7])
            points = max(0, min(points, 20 - today, 60 - month))
        self.rows[person_id].append(Row(rule, occurred_at, recorded_at, minutes, points))
        return points

    def take_back(self, person_id: str, number: int, moment: datetime) -> None:
        row = self.rows[person_id][number]
        self.rows[person_id].append(Row(row.rule, row.occurred_at, moment, -row.minutes, -row.points))

    def report(self, person_id: str, period: str, reported: set[str]) -> tuple[int, int]:
        """Minutes and points that the report of a period should have."""
        frozen_at = FREEZE_1 if period == H1 else FREEZE_2
        rows = [
            row for row in self.rows[person_id] if half_of(row.occurred_at) == period and row.recorded_at <= frozen_at
        ]
        if period == H2 and H1 in reported:
            rows += [
                row
                for row in self.rows[person_id]
                if half_of(row.occurred_at) == H1 and FREEZE_1 < row.recorded_at <= FREEZE_2
            ]
        return sum(row.minutes for row in rows), sum(row.points for row in rows)


async def simulate_year(api: Api, size: int, acts: int) -> None:
    chance = random.Random(size)
    ledger = OwnLedger()
    move_clock_to(shanghai(1, 1) - timedelta(days=20))
    city = await create_organization(Level.CITY)
    district = await create_organization(Level.DISTRICT, parent=city)
    community = await create_community(
        name="竹岛社区", parent=await create_organization(Level.SUBDISTRICT, parent=district)
    )
    homes = [await create_home(community, f"第{number}单位") for number in range(1, 6)]
    liaisons = [await create_worker(api, home.unit, RoleKind.LIAISON) for home in homes]
    grids = [await create_organization(Level.GRID, parent=community) for _ in range(4)]
    city_manager = await create_worker(api, city, RoleKind.MANAGER)
    manager = await create_worker(api, community, RoleKind.MANAGER)
    post = await create_post_in(community)

    members: list[Member] = []
    periods: dict[str, set[str]] = {}
    for number in range(size):
        since = shanghai(1, 1)
        expected = {H1, H2}
        if number % 10 == 3:
            since, expected = shanghai(9, 1, 9), {H2}
        member = await create_checked_in_member(
            api, community, homes[number % 5], since=since, name=f"王{number}", grid=grids[number % 4]
        )
        if number % 10 == 7:
            await execute(
                "UPDATE check_in SET state = $2, ended_at = $3 WHERE id = $1",
                member.check_in.id,
                str(CheckInState.ENDED),
                shanghai(3, 1),
            )
            expected = {H1}
        members.append(member)
        periods[member.person_id] = expected

    # Posts: (from, until), and so the months with fifteen days of it.
    spans = [(shanghai(1, 1), None), (shanghai(2, 10), shanghai(5, 20)), (shanghai(6, 20), shanghai(9, 5))]
    served = [range(1, 13), range(2, 6), range(7, 9)]
    for number, member in enumerate(members[: size // 3]):
        since, until = spans[number % 3]
        await hold_post(member, post, since, until)
        for month in served[number % 3]:
            end = shanghai(month + 1, 1) if month < 12 else FREEZE_2
            # Credited by the sweep that runs as soon as the month is over, before the half-year is frozen.
            ledger.add(member.person_id, "post_served", end - timedelta(seconds=1), end, 0)

    steps: list[tuple[datetime, int, Any]] = []
    for member in members:
        for number in range(acts):
            occurred_at = shanghai(1, 1) + timedelta(minutes=chance.randrange(0, 365 * 24 * 60))
            # Mostly within hours, sometimes weeks later, across the end of a half-year too.
            pause = timedelta(hours=chance.randrange(1, 5))
            if chance.random() < 0.15:
                pause = timedelta(days=chance.randrange(1, 60))
            rule = chance.choice(
                ["shift_attended"] * 4 + ["wish_fulfilled", "party_day_attended", "lecture_attended", "event_attended"]
            )
            minutes = 0 if rule == "wish_fulfilled" else chance.randrange(10, 300)
            steps.append((occurred_at + pause, len(steps), ("serve", member, rule, occurred_at, minutes, number)))
            if chance.random() < 0.2:
                steps.append(
                    (
                        occurred_at + pause + timedelta(days=chance.randrange(0, 90), minutes=1),
                        len(steps),
                        ("reverse", member, number),
                    )
                )
    ends = [shanghai(month, 1) for month in range(2, 13)] + [FREEZE_2]
    steps += [(moment, -1, ("sweep",)) for moment in ends]
    steps.append((CHANGE, -2, ("change",)))
    # Until the year is over and frozen.
    steps = sorted(step for step in steps if step[0] < FREEZE_2 or step[2] == ("sweep",))

    seconds = 0.0
    known: dict[tuple[str, int], tuple[str, int]] = {}
    for moment, _, (kind, *details) in steps:
        move_clock_to(moment)
        if kind == "sweep":
            began = time.perf_counter()
            await make_all_reports()
            seconds += time.perf_counter() - began
        elif kind == "change":
            await city_manager.put(
                "/staff/points/rules/shift_attended",
                {
                    "version": 1,
                    "name": "参加志愿服务",
                    "points_per_event": 0,
                    "points_per_hour": 12,
                    "daily_cap": 20,
                    "monthly_cap": 60,
                },
            )
        elif kind == "serve":
            member, rule, occurred_at, minutes, number = details
            entry = await record_service(
                member.person_id,
                rule=rule,
                source=("test", new_id()),
                minutes=minutes,
                occurred_at=occurred_at,
                organization_id=community.id,
                words="服务",
            )
            known[member.person_id, number] = (entry.id, len(ledger.rows[member.person_id]))
            ledger.add(member.person_id, rule, occurred_at, moment, minutes)
        else:
            member, number = details
            entry_id, position = known[member.person_id, number]
            await reverse_entry(entry_id, "dispute")
            ledger.take_back(member.person_id, position, moment)

    # Right to the minute and the point, each of them, and nobody has one too many.
    found = {
        (report.membership_id, report.period): (report.minutes, report.points) for report in await HalfYearReport.all()
    }
    wanted = {
        (member.membership.id, period): ledger.report(member.person_id, period, periods[member.person_id])
        for member in members
        for period in periods[member.person_id]
    }
    assert found == wanted
    assert sum(minutes for minutes, _ in wanted.values()) > 0
    reports = {report.id: report for report in await HalfYearReport.all()}
    lines = [line for report in reports.values() for line in open_content(report.id, bytes(report.content))]
    assert any(line.is_late and line.minutes > 0 for line in lines)
    assert any(line.is_late and line.is_reversal for line in lines)
    assert len({line.entry_id for line in lines}) == len(lines)

    # And what the units receive, over HTTP.
    for report in reports.values():
        await assess_report(manager.person_id, report.id, 1, opinion="积极参加社区服务。", grade=Grade.QUALIFIED)
    move_clock_to(FREEZE_2 + timedelta(days=8))
    for period in (H1, H2):
        released = await release_reports(manager.person_id, community.id, period)
        assert (released.released, released.waiting) == (sum(period in expected for expected in periods.values()), 0)
    for number, (home, liaison) in enumerate(zip(homes, liaisons, strict=True)):
        for period in (H1, H2):
            own = [member for member in members[number::5] if period in periods[member.person_id]]
            sums = [wanted[member.membership.id, period] for member in own]
            summary = await liaison.get(f"/units/{home.unit.id}/report-summary", period=period)
            assert (summary["members"], summary["minutes"], summary["points"]) == (
                len(own),
                sum(minutes for minutes, _ in sums),
                sum(points for _, points in sums),
            )
    began = time.perf_counter()
    await unit_summary_pdf(liaisons[0].person_id, homes[0].unit.id, H1)
    await report_pdf(manager.person_id, next(iter(reports)))
    drawn = time.perf_counter() - began
    print(  # noqa: T201 (the figures, with -s)
        f"\n{size} members, {len(lines)} lines: both half-years' reports in {seconds:.1f} s; two PDFs in {drawn:.2f} s"
    )
    assert seconds < SECONDS * size / 500 + 5


async def test_a_year_of_a_small_community(api: Api) -> None:
    await simulate_year(api, size=50, acts=6)


@pytest.mark.full
async def test_a_year_of_five_hundred_members(api: Api) -> None:
    await simulate_year(api, size=500, acts=40)
