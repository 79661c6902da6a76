"""Months are counted along the tree: against a plain model, twice the same, each late thing once, frozen for good."""

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.background.sweeps import SWEEPS
from server.figures.models import Figure, FigureMonth
from server.foundation import clock
from server.foundation.database import execute, fetch, undone
from server.foundation.ids import new_id
from server.organizations.changing import close_organization
from server.organizations.models import Level, Organization, RoleKind
from server.service_record.models import ServiceEntry
from tests.builders import create_community, create_organization, create_person, grant, move_clock_to
from tests.figures.builders import count, figures

MONTHS = [date(2031, number, 1) for number in range(1, 5)]
FROZEN = [datetime(2031, number + 1, 10, tzinfo=clock.SHANGHAI) for number in range(1, 5)]
NOW = datetime(2031, 5, 20, 12, tzinfo=clock.SHANGHAI)
HOURS = "service_hours"


class Served(NamedTuple):
    """Somewhere in the tree, on a day of 2031, told so many days later."""

    where: int
    day: int
    later: int
    minutes: int


TREES = st.lists(st.integers(0, 20), min_size=1, max_size=12)
"""Above each node but the first, one of those before it."""
SERVED = st.lists(
    st.builds(Served, st.integers(0, 12), st.integers(0, 118), st.integers(0, 60), st.integers(1, 500)), max_size=40
)


def month_by_hand(served: Served) -> date:
    """The month in which it happened, unless that was frozen before it was told: then the month that it was told in."""
    at = datetime(2031, 1, 1, 12, tzinfo=clock.SHANGHAI) + timedelta(days=served.day)
    known = at + timedelta(days=served.later)
    frozen = datetime(at.year, at.month + 1, 10, tzinfo=clock.SHANGHAI)
    when = at if known < frozen else known
    return date(when.year, when.month, 1)


async def put_tree(above: list[int]) -> list[Organization]:
    nodes = [await create_organization(Level.CITY)]
    for number, parent in enumerate(above):
        over = nodes[parent % (number + 1)]
        node_id = new_id()
        nodes.append(
            await Organization.create(
                id=node_id, code=node_id, name="x", level=Level.GRID, parent=over, path=f"{over.path}.{node_id}"
            )
        )
    return nodes


async def put_served(where: str, served: Served) -> None:
    at = datetime(2031, 1, 1, 12, tzinfo=clock.SHANGHAI) + timedelta(days=served.day)
    await ServiceEntry.create(
        person_id=new_id(),
        rule="service_noted",
        rule_version=1,
        source_kind="test",
        source_id=new_id(),
        minutes=served.minutes,
        occurred_at=at,
        created_at=at + timedelta(days=served.later),
        organization_id=where,
    )


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(above=TREES, all_served=SERVED)
async def test_a_month_is_what_a_plain_model_counts(app: object, above: list[int], all_served: list[Served]) -> None:
    move_clock_to(NOW)
    async with undone():
        nodes = await put_tree(above)
        by_hand: Counter[tuple[date, str]] = Counter()
        for served in all_served:
            node = nodes[served.where % len(nodes)]
            await put_served(node.id, served)
            for over in node.path.split("."):
                by_hand[month_by_hand(served), over] += served.minutes
        for month in MONTHS:
            await count(month)
            found = {where: sums[0] for (where, code), sums in (await figures(month)).items() if code == HOURS}
            assert found == {where: minutes for (when, where), minutes in by_hand.items() if when == month}
        # Every node: what is its own, and what its children have.
        for figure in await Figure.filter(code=HOURS):
            below = await Figure.filter(code=HOURS, month=figure.month, parent_id=figure.organization_id)
            own = sum(
                served.minutes
                for served in all_served
                if nodes[served.where % len(nodes)].id == figure.organization_id
                and month_by_hand(served) == figure.month
            )
            assert figure.numerator == own + sum(each.numerator for each in below)


async def _everything() -> list[Any]:
    return [tuple(row) for row in await fetch("SELECT * FROM figure ORDER BY id")]


async def test_counting_twice_changes_nothing_and_what_is_gone_goes(app: object) -> None:
    here = await create_community()
    move_clock_to(datetime(2031, 3, 15, 12, tzinfo=clock.SHANGHAI))
    await put_served(here.id, Served(0, 65, 0, 30))
    await create_person(community=here)
    await count(MONTHS[2])
    before = await _everything()
    assert {code for _, code in await figures(MONTHS[2])} == {HOURS, "residents"}
    await count(MONTHS[2])
    assert await _everything() == before
    await execute("UPDATE person SET community_id = NULL")
    await put_served(here.id, Served(0, 66, 0, 12))
    await count(MONTHS[2])
    found = await figures(MONTHS[2])
    assert found[here.id, HOURS] == (42, 0, 0)
    assert (here.id, "residents") not in found


async def test_a_frozen_month_stays_and_what_is_told_later_counts_once(app: object) -> None:
    here = await create_community()
    move_clock_to(datetime(2031, 3, 31, 12, tzinfo=clock.SHANGHAI))
    await put_served(here.id, Served(0, 65, 0, 30))
    assert (await count(MONTHS[2])).frozen_at is None
    # Told on April 5th, before March is frozen: March's.
    await put_served(here.id, Served(0, 70, 24, 7))
    move_clock_to(datetime(2031, 4, 6, 12, tzinfo=clock.SHANGHAI))
    assert (await count(MONTHS[2])).frozen_at is None
    assert (await figures(MONTHS[2]))[here.id, HOURS] == (37, 0, 0)
    move_clock_to(datetime(2031, 4, 10, tzinfo=clock.SHANGHAI))
    assert (await count(MONTHS[2])).frozen_at is not None
    # Told on April 10th, as it is frozen: April's, although it was in March.
    await put_served(here.id, Served(0, 70, 29, 100))
    move_clock_to(datetime(2031, 4, 20, tzinfo=clock.SHANGHAI))
    for month in (MONTHS[2], MONTHS[3]):
        await count(month)
    assert (await figures(MONTHS[2]))[here.id, HOURS] == (37, 0, 0)
    assert (await figures(MONTHS[3]))[here.id, HOURS] == (100, 0, 0)


async def test_how_things_stood_is_not_looked_at_again(app: object) -> None:
    here = await create_community()
    move_clock_to(datetime(2031, 3, 31, 12, tzinfo=clock.SHANGHAI))
    person = await create_person(community=here)
    await count(MONTHS[2])
    move_clock_to(datetime(2031, 4, 3, 12, tzinfo=clock.SHANGHAI))
    person.community_id = None
    await person.save()
    await count(MONTHS[2])
    assert (await figures(MONTHS[2]))[here.id, "residents"] == (1, 0, 0)


async def test_what_a_closed_organization_left_is_its_successors(app: object) -> None:
    closed = await create_community()
    heir = await create_community(parent=await Organization.get(id=closed.parent_id))
    move_clock_to(datetime(2031, 3, 15, 12, tzinfo=clock.SHANGHAI))
    await put_served(closed.id, Served(0, 65, 0, 30))
    manager = await create_person()
    await grant(manager, await Organization.get(level=Level.CITY), RoleKind.MANAGER)
    await close_organization(manager.id, closed.id, closed.version, heir.id)
    await count(MONTHS[2])
    found = await figures(MONTHS[2])
    assert found[heir.id, HOURS] == found[closed.id, HOURS] == (30, 0, 0)
    assert (await Figure.get(organization_id=closed.id, code=HOURS)).parent_id == heir.id


async def test_the_sweep_begins_months_and_counts_them_until_they_are_frozen(app: object) -> None:
    (sweep,) = [each for each in SWEEPS if each.name == "figures_count"]
    here = await create_community()
    await put_served(here.id, Served(0, 65, 0, 30))
    move_clock_to(datetime(2031, 3, 15, 12, tzinfo=clock.SHANGHAI))
    while await sweep.run():
        pass
    months = await FigureMonth.all().order_by("month")
    assert len(months) == 25
    assert [month.month for month in months if not month.frozen_at] == [MONTHS[2]]
    assert (await figures(MONTHS[2]))[here.id, HOURS] == (30, 0, 0)
    assert await sweep.lag() == 0
    # Two months later the open one and those between are there, and the old one is frozen.
    move_clock_to(datetime(2031, 5, 2, 12, tzinfo=clock.SHANGHAI))
    while await sweep.run():
        pass
    opened = await FigureMonth.filter(frozen_at=None).order_by("month")
    assert [month.month for month in opened] == [MONTHS[3], date(2031, 5, 1)]
    assert await FigureMonth.all().count() == 27
