"""The ledger: recorded once, never changed, reversed once, and always the sum of its sources."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tortoise.exceptions import IntegrityError

from server.accounts.merging import merge_persons
from server.foundation import clock
from server.foundation.database import execute
from server.foundation.errors import NotFound
from server.foundation.ids import new_id
from server.service_record import recording
from server.service_record.models import ServiceEntry, ServiceRule
from server.service_record.queries import service_totals
from server.service_record.recording import (
    AlreadyReversed,
    Belonging,
    ensure_default_rules,
    record_service,
    reverse_entry,
    reverse_service,
)
from server.service_record.rules import DEFAULT_RULES, day_and_month
from tests.builders import create_community, create_person, create_resident
from tests.clients import Api

pytestmark = pytest.mark.usefixtures("app")


async def test_my_record_shows_each_act_with_its_source(api: Api) -> None:
    community = await create_community(name="望海社区")
    me, other = await create_resident(api, community), await create_resident(api, community)
    wish_id, shift_id = new_id(), new_id()
    now = clock.now()
    await record_service(
        me.person_id,
        rule="wish_fulfilled",
        source=("wish_claim", wish_id),
        occurred_at=now - timedelta(days=1),
        organization_id=community.id,
    )
    await record_service(
        me.person_id, rule="shift_attended", source=("sign_up", shift_id), minutes=95, occurred_at=now, note_code="late"
    )
    await record_service(other.person_id, rule="wish_fulfilled", source=("wish_claim", new_id()), occurred_at=now)

    page = await me.get("/me/service-record")
    assert [(item["rule_name"], item["minutes"], item["points"]) for item in page["items"]] == [
        ("参加志愿服务", 95, 15),
        ("完成微心愿", 0, 10),
    ]
    assert page["items"][1]["source_id"] == wish_id
    assert page["items"][1]["organization_name"] == "望海社区"
    totals = await me.get("/me/service-record/totals")
    assert (totals["minutes"], totals["points"]) == (95, 25)
    assert {row["rule"]: row["times"] for row in totals["by_rule"]} == {"wish_fulfilled": 1, "shift_attended": 1}
    since = (now - timedelta(hours=1)).isoformat()
    assert (await me.get("/me/service-record/totals", since=since))["points"] == 15
    assert (await me.get("/me/service-record/totals", until=since))["points"] == 10


async def test_the_record_is_read_page_by_page(api: Api) -> None:
    me = await create_resident(api, await create_community())
    same = clock.now()
    for number in range(5):
        await record_service(
            me.person_id,
            rule="wish_fulfilled",
            source=("wish_claim", new_id()),
            occurred_at=same - timedelta(days=number // 2),
        )
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = await me.get("/me/service-record", limit=2, **cursor)
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert len(seen) == len(set(seen)) == 5
    await me.refused("GET", "/me/service-record?cursor=nonsense", code="invalid_fields")


async def test_the_record_is_not_for_strangers(api: Api) -> None:
    await api.refused("GET", "/me/service-record", code="not_signed_in")


async def test_the_same_act_is_recorded_once_even_at_the_same_time() -> None:
    person_id, source = new_id(), ("sign_up", new_id())

    async def record(minutes: int) -> ServiceEntry:
        return await record_service(
            person_id, rule="shift_attended", source=source, minutes=minutes, occurred_at=clock.now()
        )

    entries = await asyncio.gather(*(record(60 + number) for number in range(6)))
    assert len({entry.id for entry in entries}) == 1
    assert await ServiceEntry.all().count() == 1
    # Another person, another rule, another source: other service.
    await record_service(new_id(), rule="shift_attended", source=source, minutes=60, occurred_at=clock.now())
    await record_service(person_id, rule="meeting_attended", source=source, occurred_at=clock.now())
    assert await ServiceEntry.all().count() == 3


async def test_a_reversal_is_a_new_row_and_happens_once() -> None:
    person_id, source = new_id(), ("wish_claim", new_id())
    occurred_at = clock.now() - timedelta(days=3)
    entry = await record_service(person_id, rule="wish_fulfilled", source=source, occurred_at=occurred_at)
    reversal = await reverse_service(person_id, rule="wish_fulfilled", source=source, reason="dispute")
    assert (reversal.minutes, reversal.points, reversal.note_code) == (0, -10, "dispute")
    assert reversal.occurred_at == occurred_at
    totals = await service_totals(person_id)
    assert (totals.points, totals.by_rule[0].times) == (0, 0)
    with pytest.raises(AlreadyReversed):
        await reverse_entry(entry.id, "again")
    with pytest.raises(AlreadyReversed):
        await reverse_entry(reversal.id, "back")
    with pytest.raises(NotFound):
        await reverse_entry(new_id(), "unknown")
    with pytest.raises(NotFound):
        await reverse_service(new_id(), rule="wish_fulfilled", source=source, reason="unknown")
    # Recording the reversed service again does not bring it back.
    again = await record_service(person_id, rule="wish_fulfilled", source=source, occurred_at=occurred_at)
    assert again.id == entry.id
    assert (await service_totals(person_id)).points == 0


async def test_two_reversals_at_the_same_time_are_one() -> None:
    entry = await record_service(
        new_id(), rule="wish_fulfilled", source=("wish_claim", new_id()), occurred_at=clock.now()
    )
    outcomes = await asyncio.gather(*(reverse_entry(entry.id, "dispute") for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(outcome, ServiceEntry) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, AlreadyReversed) for outcome in outcomes) == 3


async def test_the_database_refuses_to_change_or_delete_an_entry() -> None:
    entry = await record_service(
        new_id(), rule="wish_fulfilled", source=("wish_claim", new_id()), occurred_at=clock.now()
    )
    for sql in (
        "UPDATE service_entry SET points = 99 WHERE id = $1",
        "UPDATE service_entry SET person_id = id WHERE id = $1",
        "DELETE FROM service_entry WHERE id = $1",
    ):
        with pytest.raises(IntegrityError):
            await execute(sql, entry.id)


async def test_an_unknown_rule_is_a_mistake_of_the_program() -> None:
    with pytest.raises(LookupError):
        await record_service(new_id(), rule="nothing", source=("wish", new_id()), occurred_at=clock.now())
    with pytest.raises(ValueError, match="negative"):
        await record_service(
            new_id(), rule="wish_fulfilled", source=("wish", new_id()), minutes=-1, occurred_at=clock.now()
        )


async def test_points_follow_the_version_in_force_and_earlier_entries_keep_theirs() -> None:
    person_id = new_id()
    first = await record_service(
        person_id, rule="wish_fulfilled", source=("wish_claim", new_id()), occurred_at=clock.now()
    )
    await ServiceRule.create(
        code="wish_fulfilled",
        version=2,
        name="完成微心愿",
        points_per_event=20,
        valid_from=clock.now() + timedelta(days=1),
    )
    before = await record_service(
        person_id, rule="wish_fulfilled", source=("wish_claim", new_id()), occurred_at=clock.now()
    )
    clock.move_clock(timedelta(days=1, minutes=1))
    after = await record_service(
        person_id, rule="wish_fulfilled", source=("wish_claim", new_id()), occurred_at=clock.now()
    )
    assert [(entry.points, entry.rule_version) for entry in (first, before, after)] == [(10, 1), (10, 1), (20, 2)]
    await ensure_default_rules()
    assert await ServiceRule.all().count() == len(DEFAULT_RULES) + 1


async def test_caps_bound_the_points_of_a_day_and_a_month() -> None:
    person_id = new_id()
    await ensure_default_rules()
    await ServiceRule.create(
        code="wish_fulfilled",
        version=2,
        name="完成微心愿",
        points_per_event=10,
        daily_cap=15,
        monthly_cap=22,
        valid_from=clock.now() - timedelta(days=1),
    )
    first = datetime(2026, 3, 10, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
    points = []
    for occurred_at in (first, first, first, first + timedelta(minutes=1), first + timedelta(days=22)):
        entry = await record_service(
            person_id, rule="wish_fulfilled", source=("wish_claim", new_id()), occurred_at=occurred_at
        )
        points.append(entry.points)
    assert points == [10, 5, 0, 7, 10]


async def test_caps_hold_for_acts_at_the_same_time() -> None:
    person_id, occurred_at = new_id(), clock.now()
    await ensure_default_rules()
    await ServiceRule.create(
        code="wish_fulfilled", version=2, name="完成微心愿", points_per_event=10, daily_cap=25, valid_from=occurred_at
    )
    await asyncio.gather(
        *(
            record_service(person_id, rule="wish_fulfilled", source=("wish_claim", new_id()), occurred_at=occurred_at)
            for _ in range(6)
        )
    )
    assert (await service_totals(person_id)).points == 25


async def test_entries_are_stamped_with_grid_and_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    grid_id, unit_id = new_id(), new_id()

    async def grid(person_id: str) -> Belonging:
        return Belonging(grid_id=grid_id)

    async def unit(person_id: str) -> Belonging:
        return Belonging(grid_id=new_id(), unit_id=unit_id)

    monkeypatch.setattr(recording, "BELONGING", [grid, unit])
    entry = await record_service(
        new_id(), rule="wish_fulfilled", source=("wish_claim", new_id()), occurred_at=clock.now()
    )
    assert (entry.grid_id, entry.unit_id) == (grid_id, unit_id)


async def test_merged_persons_have_one_record_and_the_same_act_once() -> None:
    community = await create_community()
    old, kept = await create_person(community=community), await create_person(community=community)
    shared = ("sign_up", new_id())
    for person in (old, kept):
        await record_service(person.id, rule="shift_attended", source=shared, minutes=60, occurred_at=clock.now())
    await record_service(old.id, rule="wish_fulfilled", source=("wish_claim", new_id()), occurred_at=clock.now())
    await merge_persons(old.id, kept.id, actor_id=None)
    totals = await service_totals(kept.id)
    assert (totals.minutes, totals.points) == (60, 20)


def test_days_and_months_are_those_of_shanghai() -> None:
    day, day_end, month, month_end = day_and_month(datetime(2026, 12, 31, 16, 30, tzinfo=UTC))
    assert [clock.shanghai(moment).isoformat()[:10] for moment in (day, day_end, month, month_end)] == [
        "2027-01-01",
        "2027-01-02",
        "2027-01-01",
        "2027-02-01",
    ]


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["wish_fulfilled", "shift_attended", "meeting_attended"]),
        st.integers(0, 5),
        st.integers(0, 600),
        st.booleans(),
    ),
    max_size=25,
)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(acts=ACTS)
async def test_totals_equal_the_sum_of_their_sources(app: Any, acts: list[tuple[str, int, int, bool]]) -> None:
    """Against a dict: what was recorded first for each source, without what was reversed."""
    person_id = new_id()
    sources = [new_id() for _ in range(6)]
    kept: dict[tuple[str, str], int] = {}
    reversed_: set[tuple[str, str]] = set()
    for rule, number, minutes, reverse in acts:
        act = (rule, sources[number])
        await record_service(
            person_id, rule=rule, source=("thing", sources[number]), minutes=minutes, occurred_at=clock.now()
        )
        kept.setdefault(act, minutes)
        if reverse and act not in reversed_:
            await reverse_service(person_id, rule=rule, source=("thing", sources[number]), reason="test")
            reversed_.add(act)
    counted = {act: minutes for act, minutes in kept.items() if act not in reversed_}
    points: dict[str, Callable[[int], int]] = {
        "wish_fulfilled": lambda _: 10,
        "shift_attended": lambda minutes: minutes * 10 // 60,
        "meeting_attended": lambda _: 5,
    }
    totals = await service_totals(person_id)
    assert totals.minutes == sum(counted.values())
    assert totals.points == sum(points[rule](minutes) for (rule, _), minutes in counted.items())
    assert sum(row.times for row in totals.by_rule) == len(counted)
