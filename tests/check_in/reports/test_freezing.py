"""A report is the sum of its sources: what goes in, when, once, and what late data do."""

import asyncio
import random
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.accounts.merging import merge_persons
from server.background import sweeps
from server.background.sweeps import RowsFailed
from server.check_in.reports import making
from server.check_in.reports.freezing import ReportLine, open_content
from server.check_in.reports.making import CREDIT_POST_MONTHS, FREEZE_REPORTS, OPEN_PERIODS, TELL_COMMUNITIES
from server.check_in.reports.models import DueReport, HalfYearReport, ReportState
from server.check_in.reports.reviewing import CorrectionDecision, decide_correction
from server.foundation import clock
from server.foundation.database import execute, fetch_value
from server.members.models import MemberKind
from server.service_record.periods import HalfYear, half_year_of
from server.service_record.recording import reverse_entry
from tests.builders import create_community, create_staff, move_clock_to
from tests.check_in.builders import application, create_checked_in, create_post
from tests.check_in.reports.builders import (
    H1,
    H2,
    MAKING,
    OPINION,
    YEAR,
    check_in_at,
    create_cast,
    create_checked_in_member,
    create_post_in,
    create_worker,
    hold_post,
    make_all_reports,
    put_state,
    report_of,
    serve,
    shanghai,
)
from tests.clients import Api


def lines_of(report: HalfYearReport) -> list[ReportLine]:
    return open_content(report.id, bytes(report.content))


async def sums(member: Any, period: str = H1) -> tuple[int, int]:
    report = await report_of(member, period)
    return report.minutes, report.points


async def test_a_half_year_begins_and_ends_at_midnight_in_shanghai(api: Api) -> None:
    move_clock_to(shanghai(1, 1))
    member = await create_checked_in_member(api, await create_community())
    move_clock_to(shanghai(7, 1))
    for moment, minutes in (
        (shanghai(1, 1) - timedelta(seconds=1), 1),
        (shanghai(1, 1), 10),
        (shanghai(7, 1) - timedelta(seconds=1), 100),
        (shanghai(7, 1), 1000),
    ):
        await serve(member.person_id, moment, minutes)
    await make_all_reports()
    assert (await report_of(member)).minutes == 110
    move_clock_to(shanghai(1, 1, year=YEAR + 1))
    await make_all_reports()
    assert (await report_of(member, H2)).minutes == 1000


async def test_late_data_go_into_the_next_report_marked(api: Api) -> None:
    cast = await create_cast(api)
    member = cast.member
    await put_state(cast.report_id, ReportState.RELEASED)
    before = lines_of(await report_of(member))
    move_clock_to(shanghai(8, 1))
    await serve(member.person_id, shanghai(6, 30, 23), 45)
    await serve(member.person_id, shanghai(7, 20), 60)
    # The released one's only line turns out not to count.
    await reverse_entry(before[0].entry_id, "dispute")
    move_clock_to(shanghai(1, 1, year=YEAR + 1))
    await make_all_reports()
    report = await report_of(member, H2)
    assert [(line.minutes, line.points, line.is_late, line.is_reversal) for line in lines_of(report)] == [
        (-125, -20, True, True),
        (45, 7, True, False),
        (60, 10, False, False),
    ]
    assert (report.minutes, report.points) == (-20, -3)
    assert lines_of(await report_of(member)) == before
    seen = await cast.staff.get(f"/reports/{report.id}")
    assert (seen["late_minutes"], seen["late_points"]) == (-80, -13)
    assert [(total["times"], total["minutes"]) for total in seen["by_rule"]] == [(1, -20)]
    # Everything is in one report; nothing is left for a third one.
    move_clock_to(shanghai(7, 1, year=YEAR + 1))
    await make_all_reports()
    assert lines_of(await report_of(member, f"{YEAR + 1}H1")) == []


async def test_what_was_reversed_before_any_report_is_in_none(api: Api) -> None:
    move_clock_to(shanghai(1, 1))
    member = await create_checked_in_member(api, await create_community())
    move_clock_to(shanghai(7, 1))
    undone = await serve(member.person_id, shanghai(3, 1), 100)
    await serve(member.person_id, shanghai(3, 2), 10)
    await reverse_entry(undone, "dispute")
    await make_all_reports()
    assert [line.minutes for line in lines_of(await report_of(member))] == [10]
    move_clock_to(shanghai(9, 1))
    late = await serve(member.person_id, shanghai(4, 1), 100)
    await reverse_entry(late, "dispute")
    move_clock_to(shanghai(1, 1, year=YEAR + 1))
    await make_all_reports()
    assert lines_of(await report_of(member, H2)) == []


async def test_what_was_done_before_the_first_report_is_not_late(api: Api) -> None:
    """A resident who served for years, and checks in as a member now."""
    move_clock_to(shanghai(1, 1, year=YEAR - 1))
    community = await create_community()
    member = await create_checked_in_member(api, community, since=shanghai(8, 1))
    old = await serve(member.person_id, shanghai(1, 1, year=YEAR - 1), 60)
    move_clock_to(shanghai(9, 1))
    await serve(member.person_id, shanghai(5, 1), 60)
    await serve(member.person_id, shanghai(7, 5), 30)
    await reverse_entry(old, "dispute")
    move_clock_to(shanghai(1, 1, year=YEAR + 1))
    await make_all_reports()
    assert [line.minutes for line in lines_of(await report_of(member, H2))] == [30]
    assert await HalfYearReport.all().count() == 1


async def test_a_half_year_without_a_check_in_is_in_no_report(api: Api) -> None:
    move_clock_to(shanghai(1, 1))
    community = await create_community()
    member = await create_checked_in_member(api, community)
    await execute(
        "UPDATE check_in SET state = 'ended', ended_at = $2 WHERE id = $1", member.check_in.id, shanghai(7, 1)
    )
    move_clock_to(shanghai(12, 1))
    await serve(member.person_id, shanghai(5, 1), 7)
    await serve(member.person_id, shanghai(9, 1), 60)
    await check_in_at(member.membership, community, shanghai(2, 1, year=YEAR + 1))
    move_clock_to(shanghai(3, 1, year=YEAR + 1))
    # Late for the first half of YEAR, which had a report; the second half had none.
    await serve(member.person_id, shanghai(5, 2), 5)
    await serve(member.person_id, shanghai(9, 2), 60)
    move_clock_to(shanghai(7, 1, year=YEAR + 1))
    await make_all_reports()
    reports = await HalfYearReport.all().order_by("period")
    # Made in one go now, so that the first one has everything of its time.
    assert [(report.period, report.minutes) for report in reports] == [(H1, 12), (f"{YEAR + 1}H1", 0)]
    await serve(member.person_id, shanghai(5, 3), 3)
    await serve(member.person_id, shanghai(9, 3), 60)
    move_clock_to(shanghai(1, 1, year=YEAR + 2))
    await make_all_reports()
    assert [line.minutes for line in lines_of(await report_of(member, f"{YEAR + 1}H2"))] == [3]


async def test_reports_go_along_when_two_persons_turn_out_to_be_one(api: Api) -> None:
    cast = await create_cast(api)
    await put_state(cast.report_id, ReportState.RELEASED)
    move_clock_to(shanghai(7, 2))
    twin = await create_checked_in_member(api, cast.community, cast.home, since=shanghai(7, 2))
    await merge_persons(cast.member.person_id, twin.person_id, actor_id=None)
    assert [report["id"] for report in await twin.api.get("/me/reports")] == [cast.report_id]
    assert (await twin.api.get(f"/reports/{cast.report_id}"))["minutes"] == 125
    move_clock_to(shanghai(1, 1, year=YEAR + 1))
    await make_all_reports()
    # What the first report has is not late in the next one.
    assert lines_of(await report_of(twin, H2)) == []


async def test_checking_in_and_taking_a_post_are_credited(api: Api) -> None:
    """Over HTTP; checking in once, however often somebody moves."""
    old, new = await create_community(), await create_community()
    member = await create_checked_in(api, await create_staff(api, old), old)
    new_staff = await create_staff(api, new)
    moving = await member.post("/check-ins", application(new), expect=201)
    await new_staff.post(f"/staff/check-ins/{moving['id']}/confirm", {}, expect=200)
    post_id = await create_post(new_staff, new)
    holding = await member.post(f"/posts/{post_id}/apply", expect=201)
    await new_staff.post(f"/staff/post-holdings/{holding['id']}/approve", expect=200)
    record = (await member.get("/me/service-record"))["items"]
    assert [(entry["rule"], entry["source_title"], entry["organization_name"]) for entry in record] == [
        ("post_taken", "楼道监督员", new.name),
        ("check_in_confirmed", old.name, old.name),
    ]


async def test_who_gets_a_report(api: Api) -> None:
    move_clock_to(shanghai(1, 1))
    here, there = await create_community(), await create_community()
    expected = {}
    for name, since, until in (
        ("all the time", shanghai(1, 1), None),
        ("from the last day", shanghai(6, 30, 23), None),
        ("until the first day", shanghai(1, 1, year=YEAR - 1), shanghai(1, 1, 1)),
    ):
        member = await create_checked_in_member(api, here, since=since, name=name)
        if until:
            await execute("UPDATE check_in SET state = 'ended', ended_at = $2 WHERE id = $1", member.check_in.id, until)
        expected[member.membership.id] = here.id
    moved = await create_checked_in_member(api, here)
    await check_in_at(moved.membership, there, shanghai(4, 1))
    expected[moved.membership.id] = there.id

    await create_checked_in_member(api, here, since=shanghai(7, 1))
    gone = await create_checked_in_member(api, here, since=shanghai(1, 1, year=YEAR - 1))
    await execute("UPDATE check_in SET state = 'ended', ended_at = $2 WHERE id = $1", gone.check_in.id, shanghai(1, 1))
    for kind in (MemberKind.DIRECT, MemberKind.FLOATING, MemberKind.RETIRED):
        await create_checked_in_member(api, here, kind=kind)
    over = await create_checked_in_member(api, here)
    await execute("UPDATE membership SET ended_at = $2 WHERE id = $1", over.membership.id, shanghai(5, 1))
    applied = await create_checked_in_member(api, here)
    await execute("UPDATE check_in SET state = 'applied', decided_at = NULL WHERE id = $1", applied.check_in.id)

    move_clock_to(shanghai(7, 1))
    await make_all_reports()
    made = {report.membership_id: report.community_id for report in await HalfYearReport.filter(period=H1)}
    assert made == expected


async def test_a_year_without_the_worker_makes_all_reports_in_order(api: Api) -> None:
    move_clock_to(shanghai(1, 1))
    community = await create_community()
    member = await create_checked_in_member(api, community)
    await hold_post(member, await create_post_in(community), shanghai(6, 1), shanghai(8, 10))
    move_clock_to(shanghai(1, 2, year=YEAR + 1))
    await serve(member.person_id, shanghai(2, 1), 10)
    await serve(member.person_id, shanghai(9, 1), 100)
    await make_all_reports()
    assert await sums(member, H1) == (10, 1 + 5)
    assert await sums(member, H2) == (100, 16 + 5)
    assert [line.title for line in lines_of(await report_of(member, H2)) if line.rule == "post_served"] == [
        "楼道监督员（2030年7月）"
    ]


async def test_months_of_a_post_count_from_fifteen_days_on(api: Api) -> None:
    move_clock_to(shanghai(1, 1))
    community = await create_community()
    post = await create_post_in(community)
    spans = {
        "all": (shanghai(1, 1), None, 6),
        "half of January": (shanghai(1, 17), None, 6),
        "less of January": (shanghai(1, 17, 1), None, 5),
        "fifteen days of June": (shanghai(6, 1), shanghai(6, 16), 1),
        "fourteen days of June": (shanghai(6, 1), shanghai(6, 15, 23), 0),
        "two halves of months that are none": (shanghai(3, 20), shanghai(4, 10), 0),
    }
    members = {}
    for name, (since, until, _) in spans.items():
        members[name] = await create_checked_in_member(api, community, name=name)
        await hold_post(members[name], post, since, until)
    refused = await create_checked_in_member(api, community)
    holding = await hold_post(refused, post, shanghai(1, 1))
    await execute("UPDATE post_holding SET state = 'refused', place_id = NULL WHERE id = $1", holding.id)
    move_clock_to(shanghai(7, 1))
    await make_all_reports()
    for name, (_, _, months) in spans.items():
        assert await sums(members[name]) == (0, 5 * months), name
    assert await sums(refused) == (0, 0)
    served = (await members["all"].api.get("/me/service-record", limit=1))["items"][0]
    assert (served["rule"], served["source_kind"], served["source_title"]) == (
        "post_served",
        "post_month",
        "楼道监督员（2030年6月）",
    )


async def test_any_number_of_workers_make_each_report_once(api: Api) -> None:
    move_clock_to(shanghai(1, 1))
    community = await create_community()
    staff = await create_worker(api, community)
    post = await create_post_in(community)
    members = [await create_checked_in_member(api, community, name=f"王{number}") for number in range(60)]
    for member in members[:55]:
        await hold_post(member, post, shanghai(6, 1))
    move_clock_to(shanghai(7, 1))

    async def work() -> None:
        # A worker that finds another one busy comes back later: here, until everything is done.
        while await HalfYearReport.all().count() < 60 or await DueReport.exists():
            await make_all_reports()

    await asyncio.gather(*(work() for _ in range(4)))
    assert await HalfYearReport.all().count() == 60
    assert await fetch_value("SELECT count(*) FROM service_entry") == 55
    assert await fetch_value("SELECT sum(points) FROM half_year_report") == 55 * 5
    # The community is told once.
    assert [message["title"] for message in await staff.inbox()] == ["半年反馈待评价"]
    assert await make_all_reports() == 0


async def test_a_worker_that_dies_in_a_batch_leaves_nothing_behind(api: Api, monkeypatch: Any) -> None:
    move_clock_to(shanghai(1, 1))
    community = await create_community()
    for number in range(3):
        await create_checked_in_member(api, community, name=f"王{number}")
    move_clock_to(shanghai(7, 1))

    async def die(*arguments: Any, **facts: Any) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(making, "record_audit", die)
    with pytest.raises(asyncio.CancelledError):
        await make_all_reports()
    assert await HalfYearReport.all().count() == 0
    monkeypatch.undo()
    await make_all_reports()
    assert await HalfYearReport.all().count() == 3


async def test_a_member_that_cannot_be_read_does_not_keep_the_others_reports(api: Api) -> None:
    """Nor the credit for their posts, nor what is due after that. Once it can be read, theirs are made up for."""
    move_clock_to(shanghai(1, 1))
    community, elsewhere = await create_community(), await create_community()
    staff, later = await create_worker(api, community), await create_worker(api, elsewhere)
    members = [await create_checked_in_member(api, community, name=f"王{number}") for number in range(3)]
    torn = await create_checked_in_member(api, elsewhere)
    for member in (torn, *members):
        await hold_post(member, await create_post_in(community), shanghai(6, 1))
    sealed = torn.membership.sealed
    await execute("UPDATE membership SET sealed = 'torn' WHERE id = $1", torn.membership.id)
    move_clock_to(shanghai(8, 1))
    for _ in range(9):
        for sweep in MAKING:
            with suppress(RowsFailed):
                await sweep.run()
    assert {report.membership_id for report in await HalfYearReport.all()} == {m.membership.id for m in members}
    assert await fetch_value("SELECT count(*) FROM service_entry") == 6, "June and July"
    assert [message["title"] for message in await staff.inbox()] == ["半年反馈待评价"]
    with pytest.raises(RowsFailed):
        await CREDIT_POST_MONTHS.run()

    await execute("UPDATE membership SET sealed = $2 WHERE id = $1", torn.membership.id, sealed)
    sweeps.FAILURES.clear()
    assert await make_all_reports() == 1
    assert (await report_of(torn)).minutes == 0
    assert await fetch_value("SELECT count(*) FROM service_entry") == 8
    assert await fetch_value("SELECT count(*) FROM post_month WHERE credited_at IS NULL") == 0
    assert await DueReport.all().count() == 0
    assert [message["title"] for message in await later.inbox()] == ["半年反馈待评价"]
    assert len(await staff.inbox()) == 1


async def test_what_nobody_s_report_can_be_made_of_waits(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is seen to fail all the time."""
    move_clock_to(shanghai(1, 1))
    community = await create_community()
    staff = await create_worker(api, community)
    for number in range(3):
        await create_checked_in_member(api, community, name=f"王{number}")
    move_clock_to(shanghai(7, 1))
    with monkeypatch.context() as patch:
        patch.setattr(making, "seal_words", None)
        await OPEN_PERIODS.run()
        for _ in range(3):
            with pytest.raises(RowsFailed):
                await FREEZE_REPORTS.run()
            assert await TELL_COMMUNITIES.run() == 0
    sweeps.FAILURES.clear()
    await make_all_reports()
    assert await HalfYearReport.all().count() == 3
    assert len(await staff.inbox()) == 1


async def test_a_community_is_told_of_what_there_is_where_one_report_cannot_be_made(api: Api) -> None:
    """After an hour; of the last one, when it is there."""
    move_clock_to(shanghai(1, 1))
    community = await create_community()
    staff = await create_worker(api, community)
    torn, *_ = [await create_checked_in_member(api, community, name=f"王{number}") for number in range(3)]
    await execute("UPDATE membership SET sealed = 'torn' WHERE id = $1", torn.membership.id)
    move_clock_to(shanghai(7, 1))
    await OPEN_PERIODS.run()
    for hours, told in ((0, 0), (2, 1)):
        move_clock_to(shanghai(7, 1, hours) + timedelta(minutes=1))
        with pytest.raises(RowsFailed):
            await FREEZE_REPORTS.run()
        await TELL_COMMUNITIES.run()
        assert len(await staff.inbox()) == told
    await execute("UPDATE membership SET sealed = $2 WHERE id = $1", torn.membership.id, torn.membership.sealed)
    sweeps.FAILURES.clear()
    await make_all_reports()
    assert [message["title"] for message in await staff.inbox()] == ["半年反馈待评价"] * 2


async def test_what_is_due_goes_along_or_goes_away_with_the_membership(api: Api) -> None:
    move_clock_to(shanghai(1, 1))
    community = await create_community()
    post = await create_post_in(community)
    gone, over, kept = [await create_checked_in_member(api, community, name=f"王{number}") for number in range(3)]
    for member in (over, kept):
        await hold_post(member, post, shanghai(6, 1))
    await execute("DELETE FROM check_in WHERE id = $1", kept.check_in.id)
    move_clock_to(shanghai(7, 1))
    await OPEN_PERIODS.run()
    await OPEN_PERIODS.run()
    await merge_persons(gone.person_id, kept.person_id, actor_id=None)
    await execute("UPDATE membership SET ended_at = $2 WHERE id = $1", over.membership.id, clock.now())
    await make_all_reports()
    assert [report.membership_id for report in await HalfYearReport.all()] == [kept.membership.id]
    assert await sums(kept) == (0, 5)
    assert await fetch_value("SELECT count(*) FROM post_month") == 1
    assert await DueReport.all().count() == 0


async def test_lag_tells_how_long_reports_wait(api: Api) -> None:
    assert await OPEN_PERIODS.lag() == 0
    move_clock_to(shanghai(1, 1))
    await create_checked_in_member(api, await create_community())
    assert await OPEN_PERIODS.lag() == 0
    move_clock_to(shanghai(7, 1, 1))
    assert 3600 <= await OPEN_PERIODS.lag() < 3700
    await OPEN_PERIODS.run()
    assert await OPEN_PERIODS.lag() == 0
    move_clock_to(shanghai(7, 1, 2))
    assert 3590 < await FREEZE_REPORTS.lag() < 3700
    await make_all_reports()
    assert [await sweep.lag() for sweep in MAKING] == [0] * 4


async def test_a_correction_never_takes_what_a_later_report_has(api: Api) -> None:
    cast = await create_cast(api)
    move_clock_to(shanghai(10, 1))
    await serve(cast.member.person_id, shanghai(6, 1), 30)
    move_clock_to(shanghai(1, 1, year=YEAR + 1))
    await make_all_reports()
    assert (await report_of(cast.member, H2)).minutes == 30
    await serve(cast.member.person_id, shanghai(6, 2), 7)
    await put_state(cast.report_id, ReportState.CORRECTION_ASKED)
    await decide_correction(cast.staff.person_id, cast.report_id, CorrectionDecision(accept=True, answer="已更正"))
    assert (await report_of(cast.member)).minutes == 125 + 7


# What can happen to one member: service of some half-year, a reversal, time passing, a correction, a release.
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("serve"),
            st.integers(0, 400),
            st.integers(0, 300),
            st.sampled_from(["shift_attended", "wish_fulfilled"]),
        ),
        st.tuples(st.just("reverse"), st.integers(0, 30)),
        st.tuples(st.just("pass"), st.integers(20, 200)),
        st.tuples(st.just("correct"), st.integers(0, 5)),
        st.tuples(st.just("release"), st.integers(0, 5)),
    ),
    min_size=4,
    max_size=22,
)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
async def test_reports_are_the_sum_of_their_sources(api: Api, steps: list[tuple[Any, ...]]) -> None:
    """Random histories against a model of three rules: an entry is in the first report that is frozen after it was
    recorded and whose half-year has come; nothing is in two; a released report stays as it was."""
    for table in ("half_year_report", "due_report", "period_run"):
        await execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        await execute(f"DELETE FROM {table}")
        await execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
    await execute("DELETE FROM check_in")
    move_clock_to(shanghai(1, 1))
    community = await create_community()
    member = await create_checked_in_member(api, community)
    staff = await create_worker(api, community)
    now = shanghai(1, 1)
    entries: dict[str, tuple[datetime, int, int, str]] = {}
    reversed_: set[str] = set()
    released: dict[str, bytes] = {}

    async def pass_to(moment: datetime) -> None:
        nonlocal now
        # Reports are made when a half-year ends, not when the test looks next.
        while (period := half_year_of(now)).ends_at <= moment:
            now = period.ends_at
            move_clock_to(now)
            await make_all_reports()
        now = moment
        move_clock_to(now)

    for step, *details in steps:
        reports = await HalfYearReport.filter(membership_id=member.membership.id).order_by("period")
        if step == "serve":
            days_ago, minutes, rule = details
            occurred_at = max(now - timedelta(days=days_ago), shanghai(1, 1) - timedelta(days=30))
            entry_id = await serve(member.person_id, occurred_at, minutes, rule=rule)
            points = 10 if rule == "wish_fulfilled" else minutes * 10 // 60
            entries[entry_id] = (occurred_at, minutes, points, "")
        elif step == "reverse":
            candidates = [known for known in entries if known not in reversed_ and not entries[known][3]]
            if candidates:
                chosen = candidates[details[0] % len(candidates)]
                reversal = await reverse_entry(chosen, "dispute")
                reversed_.add(chosen)
                occurred_at, minutes, points, _ = entries[chosen]
                entries[reversal.id] = (occurred_at, -minutes, -points, chosen)
        elif step == "pass":
            await pass_to(now + timedelta(days=details[0]))
        elif reports:
            report = reports[details[0] % len(reports)]
            if report.state is ReportState.RELEASED:
                continue
            if step == "correct":
                await put_state(report.id, ReportState.CORRECTION_ASKED)
                await decide_correction(staff.person_id, report.id, CorrectionDecision(accept=True, answer="已更正"))
            else:
                await put_state(report.id, ReportState.RELEASED)
                released[report.id] = bytes((await HalfYearReport.get(id=report.id)).content)
    await pass_to(half_year_of(now).ends_at)
    await pass_to(half_year_of(now).ends_at)

    reports = await HalfYearReport.filter(membership_id=member.membership.id).order_by("period")
    seen: dict[str, str] = {}
    for report in reports:
        lines = lines_of(report)
        assert (report.minutes, report.points) == (
            sum(line.minutes for line in lines),
            sum(line.points for line in lines),
        )
        for line in lines:
            occurred_at, minutes, points, reversal_of = entries[line.entry_id]
            assert (line.minutes, line.points, line.is_reversal) == (minutes, points, bool(reversal_of))
            assert line.entry_id not in seen, "in two reports"
            seen[line.entry_id] = report.period
            period = half_year_of(occurred_at)
            assert line.is_late == (period.code < report.period)
            assert period.code <= report.period
        if report.id in released:
            assert bytes(report.content) == released[report.id]
    # Together they are what was done in the half-years that were reported: now nothing is left out.
    first = HalfYear(YEAR, 1).starts_at
    counted = [(minutes, points) for occurred_at, minutes, points, _ in entries.values() if occurred_at >= first]
    assert sum(report.minutes for report in reports) == sum(minutes for minutes, _ in counted)
    assert sum(report.points for report in reports) == sum(points for _, points in counted)
    assert all(known in seen or entries[known][0] < first or _undone(known, entries, reversed_) for known in entries)


def _undone(entry_id: str, entries: dict[str, tuple[datetime, int, int, str]], reversed_: set[str]) -> bool:
    """Service that was reversed before any report had it, or that reversal."""
    return entry_id in reversed_ or bool(entries[entry_id][3])


async def test_at_rest_reports_tell_nothing_of_whom_they_are(api: Api) -> None:
    cast = await create_cast(api)
    await cast.staff.put(f"/staff/reports/{cast.report_id}/assessment", OPINION)
    report = await report_of(cast.member)
    stored = bytes(report.content) + bytes(report.words)
    for secret in ("清扫楼道", "积极参加", "市教育局", lines_of(report)[0].entry_id, cast.member.person_id):
        assert secret.encode() not in stored


def test_random_moments_lie_in_their_half_year() -> None:
    chance = random.Random(4)
    for _ in range(500):
        moment = shanghai(1, 1) + timedelta(seconds=chance.randrange(-(10**8), 10**8))
        period = half_year_of(moment)
        assert period.starts_at <= moment < period.ends_at
        assert period.following.preceding == period
        assert (clock.shanghai(moment).month <= 6) == (period.half == 1)
